"""Compares what ours and the native losses give with the oracle, and judges whether ours is worse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from unified_loss.conformance import tolerances
from unified_loss.conformance.accuracy import Accuracy, Quantity, Subject
from unified_loss.conformance.calls import gradient_output
from unified_loss.conformance.cases import Case, Outcome

from unified_loss.ops import FLOAT_DTYPES, LARGEST_FINITE, RESOLUTION

from .outcome import Exact, OracleOutcome
from .probes import dtype_of
from .ulps import SMALLEST_NORMAL, spacing, ulps


@dataclass(frozen=True, eq=False)
class Measured:
    """The errors of all elements of one result."""

    case: str
    errors: Any
    exact: Exact
    got: Any
    dtype: str
    """In whose units the errors are."""
    loss_dtype: str
    """Of the loss that it is, or is the gradient of."""

    @property
    def units(self) -> float:
        """The distance from 1 to the next number."""
        return RESOLUTION.get(self.dtype, 1.0)

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return LARGEST_FINITE.get(self.dtype, 2.0**31)


Errors = dict[Quantity, Measured]


def errors_of(right: OracleOutcome, got: Outcome, case: Case) -> Errors:
    """The errors of the output that is differentiated, and of the gradient."""
    chosen = gradient_output(case)
    given, result = dtype_of(case), got.dtypes[chosen]
    exact = right.values[chosen]
    found: Errors = {}
    if np.shape(got.values[chosen]) == exact.high.shape:
        found["value"] = _measured(case, exact, got.values[chosen], result, result)
    if got.gradient is None or right.gradient is None:
        return found
    if np.shape(got.gradient) == right.gradient.high.shape:
        # A gradient has the dtype of its input, but no more digits than the loss.
        coarser = min(given, result, key=FLOAT_DTYPES.index) if result in FLOAT_DTYPES else given
        # Where it is NaN there is none, and none of losses that are all NaN.
        none = np.isnan(right.gradient.high) | np.isnan(exact.high).all()
        there = np.where(none, np.nan, right.gradient.low)
        exact = Exact(right.gradient.high, there)
        found["gradient"] = _measured(case, exact, got.gradient, coarser, result)
    return found


def _measured(case: Case, exact: Exact, got: Any, dtype: str, loss_dtype: str) -> Measured:
    return Measured(case.id, ulps(exact, got, dtype), exact, got, dtype, loss_dtype)


def _is_wider(one: Measured, other: Measured) -> bool:
    """Whether one was computed in a wider dtype than the other."""
    both = one.loss_dtype in FLOAT_DTYPES and other.loss_dtype in FLOAT_DTYPES
    return both and RESOLUTION[one.loss_dtype] < RESOLUTION[other.loss_dtype]


def summary(loss: str, backend: str, dtype: str, pairs: list[tuple[Errors, Errors]]) -> Iterator[Accuracy]:
    """The accuracy of ours and of the native loss over the probes of a dtype."""
    quantities: tuple[Quantity, ...] = ("value", "gradient")
    for quantity in quantities:
        ours = [pair[0].get(quantity) for pair in pairs]
        natives = [pair[1].get(quantity) for pair in pairs]
        reasons = [_worse(a, b) for a, b in zip(ours, natives, strict=True) if a is not None]
        reason = next((r for r in reasons if r), "")
        yield from _accuracy(loss, backend, "ours", dtype, quantity, ours, not reason, reason)
        yield from _accuracy(loss, backend, "native", dtype, quantity, natives, True, "")


def _accuracy(
    loss: str,
    backend: str,
    subject: Subject,
    dtype: str,
    quantity: Quantity,
    measured: list[Measured | None],
    holds: bool,
    reason: str,
) -> Iterator[Accuracy]:
    each = [m for m in measured if m is not None and m.errors.size]
    every = np.concatenate([m.errors.reshape(-1) for m in each]) if each else np.array([])
    every = every[~np.isnan(every)]
    if not every.size:
        return
    worst = max(each, key=lambda m: float(np.max(np.nan_to_num(m.errors, nan=-1.0, posinf=np.inf))))
    where = np.unravel_index(
        int(np.argmax(np.nan_to_num(worst.errors, nan=-1.0, posinf=np.inf))), worst.errors.shape
    )
    yield Accuracy(
        loss,
        backend,
        subject,
        dtype,
        quantity,
        int(every.size),
        float(np.median(every)),
        float(every.max()),
        worst.case,
        tuple(map(int, where)),
        float(worst.exact.high[where]),
        float(np.asarray(worst.got, dtype="float64")[where]),
        holds,
        reason,
    )


def _known(errors: Any) -> Any:
    """The errors, 0 where what is right is not known."""
    return np.nan_to_num(errors, nan=0.0, posinf=np.inf)


def _is_residue(ours: Measured) -> Any:
    """Where what is right is too small for the dtype, and ours is what larger numbers left, cancelling."""
    right = ours.exact.high
    finite = np.abs(right[np.isfinite(right)])
    largest = float(np.max(finite, initial=0.0))
    got = np.abs(np.asarray(ours.got, dtype="float64"))
    return (np.abs(right) <= spacing(0.0, ours.dtype) / 2) & (got <= ours.units * largest)


def _worse(ours: Measured, native: Measured | None) -> str:
    """Where ours is worse than the native loss, or NaN or infinite beside a finite number; else empty."""
    allowed = tolerances.ACCURACY
    errors, right = _known(ours.errors), ours.exact.high
    if not errors.size:
        return ""
    # Whatever the native loss makes of it, what is a number must not become NaN.
    bad = np.isnan(np.asarray(ours.got, dtype="float64")) & (np.abs(right) <= ours.largest)
    # optax computes some losses of float32 in float64 where JAX has that: another number of digits.
    if native is None or _is_wider(native, ours):
        bad |= np.isinf(errors) & (np.abs(right) <= ours.largest)
        reference = np.zeros_like(errors)
    else:
        reference = _known(native.errors)
        theirs = float(np.max(reference[np.isfinite(reference)], initial=0.0))
        digits = 1 / ours.units
        factor = allowed.cancelled if theirs > digits**0.5 else allowed.factor
        further = errors > max(allowed.ulps, factor * theirs)
        # Than a number without any digit that is right none is worse that is one.
        bad |= further & ~np.isinf(reference) & (np.isinf(errors) | (reference < digits))
    # Frameworks and processors differ in whether smaller numbers than that are flushed to 0.
    least = 0.0 if ours.dtype == "float16" else SMALLEST_NORMAL.get(ours.dtype, 0.0)
    flushed = errors * spacing(right, ours.dtype) <= allowed.flushed * least
    bad &= ours.exact.known & ~_is_residue(ours) & ~flushed
    if not np.any(bad):
        return ""
    where = np.unravel_index(int(np.argmax(np.where(bad, errors, -1.0))), errors.shape)
    got = float(np.asarray(ours.got, dtype="float64")[where])
    text = f"{ours.case} at {tuple(map(int, where))}: {float(right[where])!r} is right, ours is {got!r}, "
    text += f"{errors[where]:.3g} units off"
    if native is not None:
        instead = float(np.asarray(native.got, dtype="float64")[where])
        text += f"; the native loss gives {instead!r}, {reference[where]:.3g} units off"
    return text
