"""How far a result may be from what is expected: one table, with the reason beside each entry."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .cases import Case, Printed

EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
"""The distance from 1 to the next larger number, by dtype."""


@dataclass(frozen=True)
class Tolerance:
    """What each element of an expected array may be missed by, and why that much.

    The sum of `absolute` and `relative` times the element's own size; with `scaled`, an element
    counts as no smaller than 1 or the largest finite element, whichever is less.
    """

    relative: float = 0.0
    absolute: float = 0.0
    scaled: bool = False
    reason: str = ""
    precision: str = ""
    """The dtype that the result is computed in, if it is a floating-point one."""


# (kind of expectation, dtype of the result)
_TABLE = {
    ("computed", "float16"): Tolerance(
        1e-3, scaled=True, reason="one step of float16, whose last digit the final rounding may move"
    ),
    ("repeated", "float16"): Tolerance(1e-3, scaled=True, reason="as for float16 computed elsewhere"),
    ("computed", "float32"): Tolerance(
        2e-5, scaled=True, reason="float32 sums taken in another order; measured across seven frameworks"
    ),
    ("computed", "float64"): Tolerance(
        1e-9, scaled=True, reason="as for float32, in float64; some frameworks keep parameters in float32"
    ),
    ("single precision", "float64"): Tolerance(
        1e-5, scaled=True, reason="the framework computes this float64 case in float32 inside"
    ),
    ("float32 parameters", "float64"): Tolerance(
        1e-7, scaled=True, reason="the framework keeps the parameters of this float64 case in float32"
    ),
    ("repeated", "float32"): Tolerance(
        2e-6, scaled=True, reason="the same framework on another processor; more is a change of the framework"
    ),
    ("repeated", "float64"): Tolerance(1e-11, scaled=True, reason="as for float32, in float64"),
    ("computed", "int32"): Tolerance(reason="integers are exact"),
    ("repeated", "int32"): Tolerance(reason="integers are exact"),
}


# The digits that documentation prints are those of one framework's float32 kernel: Paddle prints
# 0.45618808 where the exact value for its inputs is 0.456188129, almost two float32 steps away.
# Another kernel may be a step off to the other side.
_FLOAT32_STEPS = 3


def of_outcome(case: Case, dtype: str) -> Tolerance:
    """For a value or gradient of this dtype against what was recorded, is right, or runs beside it."""
    kind = "computed"
    if dtype == "float64" and case.single_precision:
        kind = "single precision"
    elif dtype == "float64" and case.single_precision_parameters:
        kind = "float32 parameters"
    tolerance = _TABLE[kind, dtype]
    precision = dtype if kind == "computed" else "float32"
    return replace(tolerance, precision=precision if precision in EPSILON else "")


def of_trial(dtype: str) -> float:
    """For a port that is tried on NumPy, relative to the largest number of what is expected.

    Beside what either framework gives: the sums are taken in another order there, too.
    """
    return _TABLE["computed", dtype].relative


def of_repetition(case: Case, dtype: str) -> Tolerance:
    """For a framework against what was recorded from itself."""
    return _TABLE["repeated", "float32" if dtype == "float64" and case.single_precision else dtype]


def of_printed(printed: Printed) -> Tolerance:
    """For a value against what a documentation prints or a unit test asserts."""
    if printed.tolerance:
        absolute, relative = printed.tolerance
        return Tolerance(relative, absolute, reason="the tolerance of the framework's own unit test")
    # A printed infinity is compared as such; zeros have no first digit to count from.
    finite = np.abs(printed.value[np.isfinite(printed.value)])
    largest = float(np.max(finite, initial=0.0)) or 1.0
    unit = 10.0 ** (math.floor(math.log10(largest)) + 1 - printed.digits)
    steps = _FLOAT32_STEPS * float(np.spacing(np.float32(max(largest, printed.magnitude))))
    share, words = (1, "a unit") if printed.truncated else (0.5, "half a unit")
    reason = f"{words} of the last of {printed.digits} digits, and {_FLOAT32_STEPS} float32 steps"
    return Tolerance(absolute=share * unit + steps, reason=reason)


@dataclass(frozen=True)
class Slack:
    """How much further from the oracle than the native loss ours may be without being worse.

    Parameters
    ----------
    ulps : units in the last place that are no fault, whatever the native loss has
    factor : by which the native loss's largest error in the same array may be exceeded
    cancelled : the same where the native loss has lost half of its digits
    flushed : how many smallest normal numbers are no fault; not in float16, which is computed in float32
    reason : why that much
    """

    ulps: float
    factor: float
    cancelled: float
    flushed: float
    reason: str


CONDITION = 4.0
"""How many times as far a port may be off on an extreme input as the loss itself moves where each number of
the input moves by its last digit: a logarithm of 10000 has but three digits behind the point in float32, and
what is exponentiated of it no more; and a kernel rounds a few times."""

ACCURACY = Slack(
    ulps=8,
    factor=32,
    cancelled=256,
    flushed=1024,
    reason="which element is hit by the roundings, and whether two of them make up for each other, is "
    "chance, all the more where most digits cancel; and some kernels make 0 of numbers below the smallest "
    "normal one, which a logarithm, as large as 104 for float32 and 745 for float64, may then multiply",
)
