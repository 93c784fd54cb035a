"""How far ours and the native losses are from the oracle, over probes, and whether ours is worse."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from unified_loss.conformance import live, tolerances
from unified_loss.conformance.calls import gradient_output, input_tensors, prepared_call
from unified_loss.conformance.cases import Case, Outcome, encode

from unified_loss.dispatch import use_backend
from unified_loss.gradients import value_and_grad
from unified_loss.loading import get_backend
from unified_loss.naming import resolve
from unified_loss.ops import FLOAT_DTYPES, RESOLUTION

from .outcome import Exact, OracleOutcome, outcome
from .probes import dtype_of, probes
from .ulps import ulps

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

Subject = Literal["ours", "native"]
Quantity = Literal["value", "gradient"]


@dataclass(frozen=True)
class Accuracy:
    """How far a loss is from the oracle, over its probes of one dtype.

    Parameters
    ----------
    loss, backend : which, and on whose tensors
    subject : ``ours``, or the framework's own loss
    dtype : of the inputs
    quantity : ``value`` or ``gradient``
    elements : how many were compared
    median, worst : errors, in units in the last place of the result's dtype; infinite where only one
        side is finite
    case, where : of the worst element
    expected, got : there
    holds : for ours, whether it is nowhere worse than the native loss
    reason : where it is, and what the native loss gives there
    """

    loss: str
    backend: str
    subject: Subject
    dtype: str
    quantity: Quantity
    elements: int
    median: float
    worst: float
    case: str
    where: tuple[int, ...]
    expected: float
    got: float
    holds: bool = True
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields, NaN and infinities spelled out."""
        return {name: encode(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> Accuracy:
        """The inverse of `to_json`."""
        numbers = {name: float(table[name]) for name in ("median", "worst", "expected", "got")}
        return cls(**{**table, **numbers, "where": tuple(table["where"])})


@dataclass(frozen=True, eq=False)
class Measured:
    """The errors of all elements of one result."""

    case: str
    errors: Any
    exact: Exact
    got: Any
    units: float
    """The distance from 1 to the next number in the dtype that the errors are told in."""


Errors = dict[Quantity, Measured]


def measure(
    losses: Iterable[str] | None = None, backend: str = "numpy", dtypes: Iterable[str] = FLOAT_DTYPES
) -> Iterator[Accuracy]:
    """Measure losses of ours, and the native ones whose framework the backend's is, in this process.

    Parameters
    ----------
    losses : native names, aliases included; by default all that have a domain
    backend : by name
    dtypes : of the inputs

    Yields
    ------
    Accuracy
        For each loss, dtype and quantity that of ours, then that of the native loss if it can be run.

    Raises
    ------
    BackendError, ConfigError
        If a name is that of no backend or loss.
    """
    chosen = get_backend(backend)
    measured: dict[tuple[str, str], list[tuple[Errors, Errors]]] = {}
    for case in probes(losses, dtypes):
        both = measured_case(case, chosen)
        if both is not None:
            measured.setdefault((case.loss, dtype_of(case)), []).append(both)
    for (loss, dtype), pairs in measured.items():
        yield from summary(loss, backend, dtype, pairs)


def measured_case(case: Case, backend: Backend) -> tuple[Errors, Errors] | None:
    """The errors of ours and of the native loss on one probe; None where there is nothing to measure."""
    try:
        right = outcome(case)
    except (ValueError, TypeError):
        # Inputs that the loss refuses, such as a distribution that half precision has rounded away.
        return None
    ours = _tried(partial(our_outcome, case, backend))
    native = (
        _tried(partial(live.native_outcome, case, backend)) if case.native_backend == backend.name else None
    )
    if ours is None:
        return None
    return errors_of(right, ours, case), {} if native is None else errors_of(right, native, case)


def _tried(run: Callable[[], Outcome]) -> Outcome | None:
    """An outcome; None where the framework has no kernel for the dtype, or refuses the input."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return run()
        except Exception:  # noqa: BLE001  frameworks raise whatever they like
            return None


def our_outcome(case: Case, backend: Backend) -> Outcome:
    """What our loss of a case gives on a backend."""
    make = backend.asarray
    with use_backend(backend.name):
        call = prepared_call(case, resolve(case.loss), make, _load_state, backend)
        inputs = input_tensors(case, make, backend)
        outputs = call(*inputs)
        values = tuple(backend.to_numpy(x) for x in outputs)
        dtypes = tuple(backend.dtype(x) for x in outputs)
        if case.gradient_of is None:
            return Outcome(values, dtypes)
        chosen = gradient_output(case)
        _, gradient = value_and_grad(lambda *xs: call(*xs)[chosen], case.gradient_of)(*inputs)
    return Outcome(values, dtypes, backend.to_numpy(gradient))


def _load_state(loss: Any, state: dict[str, Any]) -> Any:
    loss.load_state(state)
    return loss


def errors_of(right: OracleOutcome, got: Outcome, case: Case) -> Errors:
    """The errors of the output that is differentiated, and of the gradient."""
    chosen = gradient_output(case)
    given, result = dtype_of(case), got.dtypes[chosen]
    exact = right.values[chosen]
    found: Errors = {}
    if np.shape(got.values[chosen]) == exact.high.shape:
        found["value"] = _measured(case, exact, got.values[chosen], result)
    if right.gradient is not None and np.shape(got.gradient) == right.gradient.high.shape:
        # A gradient has the dtype of its input, but no more digits than the loss.
        coarser = min(given, result, key=FLOAT_DTYPES.index) if result in FLOAT_DTYPES else given
        found["gradient"] = _measured(case, right.gradient, got.gradient, coarser)
    return found


def _measured(case: Case, exact: Exact, got: Any, dtype: str) -> Measured:
    return Measured(case.id, ulps(exact, got, dtype), exact, got, RESOLUTION.get(dtype, 1.0))


# ------------------------------------------------------------------------------------ judgement


def summary(loss: str, backend: str, dtype: str, pairs: list[tuple[Errors, Errors]]) -> Iterator[Accuracy]:
    """The accuracy of ours and of the native loss over the probes of a dtype."""
    for quantity in ("value", "gradient"):
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


def _worse(ours: Measured, native: Measured | None) -> str:
    """Where ours is worse than the native loss, or NaN or infinite beside a finite number; else empty."""
    allowed = tolerances.ACCURACY
    errors = _known(ours.errors)
    if not errors.size:
        return ""
    if native is None:
        bad = np.isinf(errors) & np.isfinite(ours.exact.high)
        reference = np.zeros_like(errors)
    else:
        reference = _known(native.errors)
        finite = reference[np.isfinite(reference)]
        theirs = float(np.max(finite, initial=0.0))
        half = ours.units**-0.5
        factor = allowed.cancelled if theirs > half else allowed.factor
        bad = (errors > max(allowed.ulps, factor * theirs)) & ~np.isinf(reference)
        # A number without any digit that is right cannot be worse.
        bad &= np.isinf(errors) | (reference < half**2)
    if not np.any(bad):
        return ""
    where = np.unravel_index(int(np.argmax(np.where(bad, errors, -1.0))), errors.shape)
    got = float(np.asarray(ours.got, dtype="float64")[where])
    right = float(ours.exact.high[where])
    text = f"{ours.case} at {tuple(map(int, where))}: {right!r} is right, ours is {got!r}, "
    text += f"{errors[where]:.3g} units off"
    if native is not None:
        theirs = float(np.asarray(native.got, dtype="float64")[where])
        text += f"; the native loss gives {theirs!r}, {reference[where]:.3g} units off"
    return text
