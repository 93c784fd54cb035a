"""Compares what a backend gave with what was expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .cases import encode
from .tolerances import EPSILON, Tolerance


@dataclass(frozen=True)
class Check:
    """One comparison of a case.

    Parameters
    ----------
    quantity : what was compared: value, gradient, shape, dtype ...
    holds : whether it is what was expected, within the tolerance
    expected, got : both, ready for JSON; None where it holds
    error : the largest error, relative to the element's size or to 1 where elements are small
        beside others; infinite where only one side is finite; None where no number says it
    tolerance : what `error` was allowed to be, at that element
    where : the index of that element
    reason : why the tolerance is what it is
    precision : the dtype in whose steps the error can be told; empty where a documentation's digits
        are what limits the comparison, and for integers
    expected_there, got_there : both sides at that element, ready for JSON, also where the check holds
    """

    quantity: str
    holds: bool
    expected: Any = None
    got: Any = None
    error: float | None = None
    tolerance: float | None = None
    where: tuple[int, ...] = ()
    reason: str = ""
    precision: str = ""
    expected_there: Any = None
    got_there: Any = None

    @property
    def ulps(self) -> float | None:
        """The error in steps of the precision, as those between 1 and 2 are; None where it has none."""
        step = EPSILON.get(self.precision)
        return None if step is None or self.error is None else self.error / step

    def to_json(self) -> dict[str, Any]:
        """The fields, an infinite error spelled out."""
        return {**asdict(self), "error": encode(self.error), "where": list(self.where)}

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> Check:
        """The inverse of `to_json`."""
        error = table["error"]
        number = None if error is None else float(error)
        return cls(**{**table, "error": number, "where": tuple(table["where"])})


def same(quantity: str, expected: Any, got: Any) -> Check:
    """Compare what is equal or not, such as a shape or a dtype."""
    if expected == got:
        return Check(quantity, True)
    return Check(quantity, False, encode(expected), encode(got))


def close(quantity: str, expected: Any, got: Any, tolerance: Tolerance) -> Check:
    """Compare two arrays: NaN equals NaN, an infinity equals one of the same sign."""
    wanted, actual = np.asarray(expected, dtype="float64"), np.asarray(got, dtype="float64")
    if wanted.shape != actual.shape:
        return Check(
            quantity,
            False,
            encode(np.asarray(expected)),
            encode(np.asarray(got)),
            float("inf"),
            reason=f"shape {actual.shape}, expected {wanted.shape}",
        )
    if not wanted.size:
        return Check(quantity, True, error=0.0, tolerance=0.0)
    scale = _scale(wanted)
    with np.errstate(all="ignore"):
        equal = (wanted == actual) | (np.isnan(wanted) & np.isnan(actual))
        distance = np.where(equal, 0.0, np.abs(wanted - actual))
        distance = np.where(np.isfinite(distance), distance, np.inf)
        allowed = tolerance.absolute + tolerance.relative * (scale if tolerance.scaled else np.abs(wanted))
        # An infinite expectation allows nothing but itself, not everything.
        allowed = np.where(np.isfinite(allowed), allowed, 0.0)
        excess = np.where(distance == 0, 0.0, distance / allowed)
    worst = np.unravel_index(int(np.argmax(excess)), excess.shape)
    holds = bool(np.all(distance <= allowed))
    return Check(
        quantity,
        holds,
        None if holds else encode(np.asarray(expected)),
        None if holds else encode(np.asarray(got)),
        float(distance[worst] / scale[worst]),
        float(allowed[worst] / scale[worst]),
        tuple(map(int, worst)),
        tolerance.reason,
        tolerance.precision,
        encode(np.asarray(np.asarray(expected)[worst])),
        encode(np.asarray(np.asarray(got)[worst])),
    )


def _scale(expected: Any) -> Any:
    """The size that each element's error is measured against.

    Its own, but no less than 1 or than the largest finite element if that is smaller: digits that
    cancel in a small element among larger ones are lost in every framework, yet a huge element
    must not hide an error in its neighbours.
    """
    sizes = np.where(np.isfinite(expected), np.abs(expected), 0.0)
    largest = float(np.max(sizes))
    return np.maximum(sizes, min(largest, 1.0) or 1.0)
