"""How far a number is from the exact one, in units in the last place of its dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from unified_loss.ops import LARGEST_FINITE, RESOLUTION

from .outcome import Exact

SMALLEST_NORMAL = {"float16": 2.0**-14, "bfloat16": 2.0**-126, "float32": 2.0**-126, "float64": 2.0**-1022}


def spacing(number: Any, dtype: str) -> Any:
    """The distance between neighbours in a dtype, at the size of a number; the least one at 0."""
    if dtype not in RESOLUTION:
        return np.ones_like(number)
    size = np.clip(np.abs(number), SMALLEST_NORMAL[dtype], LARGEST_FINITE[dtype])
    return 2.0 ** np.floor(_exponent(size)) * RESOLUTION[dtype]


def _exponent(size: Any) -> Any:
    return np.frexp(size)[1] - 1.0


def ulps(exact: Exact, got: Any, dtype: str) -> Any:
    """The error of each element, in units in the last place.

    Parameters
    ----------
    exact : what is right
    got : an array of the same shape; each a number of `dtype`, of whatever dtype the array is
    dtype : in whose units; where numbers become too small for all its digits, the unit is the
        distance of the smallest two

    Returns
    -------
    numpy.ndarray of float64
        NaN where what is right is not known. 0 where both are NaN, or both the same infinity, or
        the exact number is beyond the largest finite one and got the infinity that it rounds to;
        infinite where else only one side is finite.
    """
    found = np.asarray(got, dtype="float64")
    if found.shape != exact.high.shape:
        raise ValueError(f"an array of shape {found.shape}, expected {exact.high.shape}")
    high = exact.high
    with np.errstate(all="ignore"):
        units = spacing(np.where(np.isfinite(high), high, 0.0), dtype)
        error = np.abs((found - high) - exact.low) / units
        # A number of however many units, where both are finite.
        finite = np.isfinite(found) & np.isfinite(high)
        error = np.where(finite, np.minimum(error, np.finfo("float64").max), error)
        infinity = np.isinf(found) & (np.sign(found) == np.sign(high))
        error = np.where(infinity, _beyond_the_largest(np.abs(high), dtype), error)
    same = (found == high) | (np.isnan(found) & np.isnan(high))
    error = np.where(np.isnan(error), np.where(same, 0.0, np.inf), error)
    return np.where(exact.known, error, np.nan)


def _beyond_the_largest(size: Any, dtype: str) -> Any:
    """The error of an infinity, which stands for the number that would come after the largest one."""
    largest = LARGEST_FINITE.get(dtype, np.inf)
    unit = spacing(largest, dtype)
    # Far from it, an infinity is as wrong as can be.
    near = np.where(size > largest / 2, (largest + unit - size) / unit, np.inf)
    return np.where(size - largest >= unit / 2, 0.0, near)
