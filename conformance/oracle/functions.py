"""The functions of reals that losses are made of, each with a bound of its error."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from mpmath import libmp

from .real import (
    BIT,
    EXACT,
    INFINITY,
    LOST,
    NAN,
    NEAREST,
    ONE,
    ZERO,
    Real,
    bits,
    is_special,
    joined,
    magnitude_of,
    rounded,
)

_LARGEST_POWER = 900
"""Arguments of exp from 2 to this power on give 0, or nothing."""


def exp(x: Real) -> Real:
    """The exponential."""
    if x.lost or x.error > 0:
        return LOST
    if x.is_zero:
        return ONE
    if is_special(x.value):
        return Real(libmp.mpf_exp(x.value, bits(), NEAREST))
    if x.magnitude > _LARGEST_POWER * BIT:
        return Real(libmp.fzero, -(2**_LARGEST_POWER)) if x.value[0] else LOST
    value = libmp.mpf_exp(x.value, bits(), NEAREST)
    # exp(e) - 1 is less than 2 e for e up to 1.
    return rounded(value, magnitude_of(value) + x.error + BIT)


def log(x: Real) -> Real:
    """The natural logarithm; NaN of a negative number."""
    if x.is_zero:
        return -INFINITY
    if x.may_be_zero:
        return LOST
    if x.isnan or x.value[0] or x.value == libmp.fninf:
        return NAN
    if x.isinf:
        return INFINITY
    if x.error == EXACT and x.value == libmp.fone:
        return ZERO
    value = libmp.mpf_log(x.value, bits(), NEAREST)
    return rounded(value, x.error - x.magnitude + 2 * BIT)


def log1p(x: Real) -> Real:
    """The logarithm of one more, exact to the last digit for small ones."""
    if x.is_zero:
        return ZERO
    small = x.value[1] and x.magnitude < -BIT and x.error < x.magnitude
    if not small:
        return log(ONE + x)
    if x.magnitude < -bits() * BIT:
        # x - x**2 / 2, of which the second term is below the last digit.
        return Real(x.value, joined(x.error + BIT, 2 * x.magnitude))
    more = bits() - x.value[2] - x.value[3] + 8
    value = libmp.mpf_log(libmp.mpf_add(libmp.fone, x.value, more, NEAREST), more, NEAREST)
    return rounded(libmp.mpf_pos(value, bits(), NEAREST), x.error + BIT)


def sqrt(x: Real) -> Real:
    """The square root; NaN of a negative number."""
    if x.is_zero or x.isnan:
        return x
    if x.lost or x.may_be_zero:
        # The root of a number that is at most its error.
        return LOST if x.lost else Real(libmp.fzero, joined(x.magnitude, x.error) // 2 + 1)
    if x.value[0] or x.value == libmp.fninf:
        return NAN
    if x.isinf:
        return x
    value = libmp.mpf_sqrt(x.value, bits(), NEAREST)
    if x.error == EXACT and libmp.mpf_mul(value, value) == x.value:
        return Real(value)
    return rounded(value, x.error - magnitude_of(value) + 2 * BIT)


def power(x: Real, exponent: float) -> Real:
    """A non-negative number, or any to an integer, to a power that is a Python number."""
    if exponent == 0:
        return ONE
    if exponent == int(exponent) and abs(exponent) <= 64:
        return ONE / _whole_power(x, -int(exponent)) if exponent < 0 else _whole_power(x, int(exponent))
    if exponent == 0.5:
        return sqrt(x)
    if x.is_zero:
        return ZERO if exponent > 0 else INFINITY
    if x.may_be_zero:
        if x.lost or exponent < 0:
            return LOST
        return Real(libmp.fzero, math.ceil(exponent * joined(x.magnitude, x.error)))
    if x.isnan or x.value[0] or x.value == libmp.fninf:
        return NAN
    if x.isinf:
        return INFINITY if exponent > 0 else ZERO
    value = libmp.mpf_pow(x.value, libmp.from_float(exponent), bits(), NEAREST)
    factor = math.ceil(math.log2(abs(exponent)) + 3) * BIT
    return rounded(value, magnitude_of(value) + factor + x.error - x.magnitude)


def _whole_power(x: Real, exponent: int) -> Real:
    result = ONE
    while exponent:
        if exponent & 1:
            result = result * x
        exponent >>= 1
        x = x * x if exponent else x
    return result


def cos(x: Real) -> Real:
    """The cosine; NaN of an infinity."""
    if x.lost:
        return LOST
    if is_special(x.value):
        return NAN
    if x.is_zero:
        return ONE
    return rounded(libmp.mpf_cos(x.value, bits(), NEAREST), x.error)


def sin(x: Real) -> Real:
    """The sine; NaN of an infinity."""
    if x.lost:
        return LOST
    if is_special(x.value):
        return NAN
    if x.is_zero:
        return ZERO
    return rounded(libmp.mpf_sin(x.value, bits(), NEAREST), x.error)


def acos(x: Real) -> Real:
    """The arc cosine; NaN outside of [-1, 1]."""
    if x.lost:
        return LOST
    if x.isnan or x.isinf:
        return NAN
    room = ONE - x * x
    if room.is_zero:
        return ZERO if not x.value[0] else rounded(libmp.mpf_pi(bits()), EXACT)
    if room.may_be_zero:
        # Near 1 it is the root of twice the distance.
        near = joined(room.magnitude, room.error) // 2 + BIT
        return Real(libmp.fzero, near) if not x.value[0] else Real(libmp.mpf_pi(bits()), near)
    if room.value[0]:
        return NAN
    value = libmp.mpf_acos(x.value, bits(), NEAREST)
    return rounded(value, x.error - room.magnitude // 2 + BIT)


def _irrational(make: Callable[[int], Any]) -> Callable[[], Real]:
    return lambda: rounded(make(bits() + 16), EXACT)


LOG_2 = _irrational(libmp.mpf_ln2)
TWO_PI = _irrational(lambda digits: libmp.mpf_shift(libmp.mpf_pi(digits), 1))
HALF_LOG_TWO_PI = _irrational(
    lambda digits: libmp.mpf_shift(libmp.mpf_log(libmp.mpf_shift(libmp.mpf_pi(digits), 1), digits), -1)
)
