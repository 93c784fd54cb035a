"""A real number of as many digits as asked for, extended by infinities and NaN, that knows its error.

Every number carries a bound of its own error, so that what cancels is noticed rather than believed:
``1 - sigmoid(1e4)`` in 256 bits is 0, give or take ``2**-254``, and not 0. Exponents have no limits.
Elsewhere the arithmetic is that of IEEE 754: ``1 / 0`` is infinite, ``0 / 0`` and ``inf - inf`` are
NaN, and NaN is less than, and equal to, nothing; but there is only one zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mpmath import libmp

_INF, _NEGATIVE_INF, _NAN, _ZERO, _ONE = libmp.finf, libmp.fninf, libmp.fnan, libmp.fzero, libmp.fone
NEAREST = "n"
EXACT, _UNKNOWN = -math.inf, math.inf
BIT = 1024
"""Errors are logarithms in this part of a bit, as integers, which do not run out of digits."""


@dataclass
class Working:
    """With what a calculation is made, and what could not be decided in it.

    Parameters
    ----------
    precision : bits of the mantissas
    undecided : how many comparisons were of numbers closer than their errors, and taken for ties
    """

    precision: int = 256
    undecided: int = 0


_working = Working()


@contextmanager
def working_precision(bits: int) -> Iterator[Working]:
    """Calculate in so many bits within a ``with`` block; what it gives counts what is undecided."""
    global _working  # noqa: PLW0603  numbers are made by NumPy's loops, which pass nothing on
    before, _working = _working, Working(bits)
    try:
        yield _working
    finally:
        _working = before


def bits() -> int:
    """The precision that is calculated with now."""
    return _working.precision


class Real:
    """A number, and the logarithm to base 2, in 1024ths, of the most that it may be wrong by.

    Parameters
    ----------
    value : as mpmath's `libmp` has it
    error : an integer; negative infinity where the number is exact, positive where nothing is known
    """

    __slots__ = ("error", "value")

    def __init__(self, value: Any, error: float = EXACT) -> None:
        self.value, self.error = value, error

    @classmethod
    def of(cls, number: float) -> Real:
        """The number that a Python float or integer is, exactly."""
        if isinstance(number, int):
            return cls(libmp.from_int(int(number)))
        return cls(libmp.from_float(float(number)))

    @property
    def lost(self) -> bool:
        """Whether nothing is known of the number, for lack of digits."""
        return self.error == _UNKNOWN

    @property
    def isnan(self) -> bool:
        """Whether it is not a number; one that is lost may be one."""
        return self.value == _NAN and not self.lost

    @property
    def isinf(self) -> bool:
        """Whether it is infinite."""
        return self.value in (_INF, _NEGATIVE_INF)

    @property
    def is_zero(self) -> bool:
        """Whether it is 0, exactly."""
        return self.value == _ZERO and self.error == EXACT

    def __float__(self) -> float:
        return float(libmp.to_float(self.value, rnd=NEAREST))

    def __int__(self) -> int:
        return int(libmp.to_int(self.value))

    def __repr__(self) -> str:
        return f"Real({libmp.to_str(self.value, 40)} within 2**{self.error / BIT:.4g})"

    # -------------------------------------------------------------------------- arithmetic

    def __neg__(self) -> Real:
        return Real(libmp.mpf_neg(self.value), self.error)

    def __add__(self, other: Any) -> Real:
        if not isinstance(other, Real | float | int):
            return NotImplemented
        a, b = self, _real(other)
        x, y, precision = a.value, b.value, _working.precision
        value = libmp.mpf_add(x, y, precision, NEAREST)
        if not (x[1] and y[1]):
            if is_special(x) or is_special(y):
                return _special_result(value, a, b)
            return Real(value, joined(a.error, b.error) if x[1] or y[1] else max(a.error, b.error))
        top, bottom = max(x[2] + x[3], y[2] + y[3]), min(x[2], y[2])
        rounding = EXACT if top - bottom < precision else (top + 1 - precision) * BIT
        return Real(value, joined(joined(a.error, b.error), rounding))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Real:
        return self + -_real(other) if isinstance(other, Real | float | int) else NotImplemented

    def __rsub__(self, other: Any) -> Real:
        return _real(other) + -self if isinstance(other, Real | float | int) else NotImplemented

    def __mul__(self, other: Any) -> Real:
        if not isinstance(other, Real | float | int):
            return NotImplemented
        a, b = self, _real(other)
        if a.is_zero or b.is_zero:
            known = not (is_special(a.value) or is_special(b.value))
            return ZERO if known else LOST if a.lost or b.lost else NAN
        x, y, precision = a.value, b.value, _working.precision
        if is_special(x) or is_special(y):
            if a.may_be_zero or b.may_be_zero:
                return LOST
            return _special_result(libmp.mpf_mul(x, y, precision, NEAREST), a, b)
        value = libmp.mpf_mul(x, y, precision, NEAREST)
        rounding = EXACT if x[3] + y[3] <= precision else last_digit(value)
        if a.error == b.error == EXACT:
            return Real(value, rounding)
        error = joined(a.magnitude + b.error, joined(b.magnitude + a.error, a.error + b.error))
        return Real(value, joined(error, rounding))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Real:
        if not isinstance(other, Real | float | int):
            return NotImplemented
        a, b = self, _real(other)
        x, y, precision = a.value, b.value, _working.precision
        if is_special(x) or is_special(y) or b.is_zero:
            return _special_quotient(a, b)
        if b.may_be_zero:
            return LOST
        value = libmp.mpf_div(x, y, precision, NEAREST)
        power_of_two = y[1] == 1 and x[3] <= precision
        rounding = EXACT if power_of_two or x == _ZERO else last_digit(value)
        if a.error == b.error == EXACT:
            return Real(value, rounding)
        # A divisor that is not 0 is at least twice its error, or half of its value.
        least = b.magnitude - 2 * BIT
        error = joined(a.error - least, a.magnitude + b.error - 2 * least)
        return Real(value, joined(error, rounding))

    def __rtruediv__(self, other: Any) -> Real:
        return _real(other) / self if isinstance(other, Real | float | int) else NotImplemented

    @property
    def magnitude(self) -> float:
        """A power of 2 that it is less than, in size; its logarithm in the units of errors."""
        return magnitude_of(self.value)

    @property
    def may_be_zero(self) -> bool:
        """Whether it is not known to be different from 0 by twice its error."""
        return self.lost or (not is_special(self.value) and not self.error < self.magnitude - 2 * BIT)

    @property
    def vanishes(self) -> bool:
        """Whether it is 0 only in the limit, such as what an infinity has divided."""
        return self.value == _ZERO and EXACT < self.error < VANISHING.error // 2

    # ------------------------------------------------------------------------- comparisons

    def compared(self, other: Real) -> int | None:
        """-1, 0 or 1 as it is less, equal or greater; None beside NaN."""
        if self is other:
            return None if self.isnan else 0
        if self.isnan or other.isnan:
            return None
        if self.lost or other.lost:
            _working.undecided += 1
            return 0
        order = int(libmp.mpf_cmp(self.value, other.value))
        if self.error == other.error == EXACT or self.isinf or other.isinf:
            return order
        if (self - other).may_be_zero:
            _working.undecided += 1
            return 0
        return order

    def __lt__(self, other: Any) -> bool:
        return self.compared(_real(other)) == -1

    def __le__(self, other: Any) -> bool:
        return self.compared(_real(other)) in (-1, 0)

    def __gt__(self, other: Any) -> bool:
        return self.compared(_real(other)) == 1

    def __ge__(self, other: Any) -> bool:
        return self.compared(_real(other)) in (0, 1)

    def __eq__(self, other: object) -> bool:
        return self.compared(_real(other)) == 0

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]


def _real(other: Any) -> Real:
    return other if isinstance(other, Real) else Real.of(other)


def is_special(value: Any) -> bool:
    """Whether it is infinite or NaN."""
    return not value[1] and value != _ZERO


def magnitude_of(value: Any) -> float:
    """The logarithm of a power of 2 that a value is less than."""
    return (value[2] + value[3]) * BIT if value[1] else -math.inf


def last_digit(value: Any) -> float:
    """What rounding to the working precision may have changed."""
    return magnitude_of(value) - _working.precision * BIT


def joined(a: float, b: float) -> float:
    """The logarithm of the sum of what two are the logarithms of."""
    if a < b:
        a, b = b, a
    if b == EXACT or a == _UNKNOWN:
        return a
    distance = a - b
    return a + (1 if distance > 10 * BIT else math.ceil(BIT * math.log2(1 + 2 ** (-distance / BIT))))


def _special_result(value: Any, *operands: Real) -> Real:
    return LOST if any(x.lost for x in operands) else Real(value)


def _special_quotient(a: Real, b: Real) -> Real:
    if a.lost or b.lost:
        return LOST
    if b.is_zero:
        if a.is_zero or a.isnan:
            return NAN
        if a.may_be_zero:
            return LOST
        # The one zero there is counts as positive.
        return -INFINITY if libmp.mpf_sign(a.value) < 0 else INFINITY
    if b.isinf and not is_special(a.value):
        return ZERO
    if b.may_be_zero:
        return LOST
    return Real(libmp.mpf_div(a.value, b.value, _working.precision, NEAREST))


ZERO, ONE, NAN, INFINITY = Real(_ZERO), Real(_ONE), Real(_NAN), Real(_INF)
LOST = Real(_NAN, _UNKNOWN)
VANISHING = Real(_ZERO, -(2**900))


def rounded(value: Any, error: float) -> Real:
    """A result that was rounded to the working precision, beside the error that it came with."""
    return Real(value, joined(error, last_digit(value)))


def accurate(x: Real) -> bool:
    """Whether a number is right to 40 digits, or to less than any float64 can tell from 0."""
    digits = x.magnitude - 133 * BIT
    return not x.lost and x.error <= max(digits, -1200 * BIT)
