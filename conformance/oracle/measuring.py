"""Measures losses: evaluates probes on the oracle, ours on a backend, and the frameworks' own."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from unified_loss.conformance import live
from unified_loss.conformance.accuracy import Accuracy
from unified_loss.conformance.calls import gradient_output, input_tensors, prepared_call
from unified_loss.conformance.cases import Case, Outcome
from unified_loss.conformance.exchange import outcome_to_json

from unified_loss.dispatch import use_backend
from unified_loss.errors import UnsupportedOperation
from unified_loss.gradients import value_and_grad
from unified_loss.loading import get_backend
from unified_loss.naming import resolve
from unified_loss.ops import FLOAT_DTYPES

from .judgement import Errors, errors_of, summary
from .outcome import outcome
from .probes import dtype_of, probe_of, probes

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend


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
    found: list[Errors] = []
    for give in (our_outcome, live.native_outcome):
        try:
            same = give is our_outcome or case.native_backend == backend.name
            found.append(errors_of(right, _quietly(give, case, backend), case) if same else {})
        except Exception:  # noqa: BLE001  no kernel for the dtype, or inputs that are refused
            found.append({})
    return found[0], found[1]


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
        try:
            _, gradient = value_and_grad(lambda *xs: call(*xs)[chosen], case.gradient_of)(*inputs)
        except UnsupportedOperation:
            # Values can be measured all the same.
            return Outcome(values, dtypes)
    return Outcome(values, dtypes, backend.to_numpy(gradient))


def _load_state(loss: Any, state: dict[str, Any]) -> Any:
    loss.load_state(state)
    return loss


# ------------------------------------------------------------------------------ in workers


def told_by_oracle(identifier: str, _: str) -> dict[str, Any]:
    """What the oracle says of a probe, for JSON; nothing where the loss refuses its inputs."""
    try:
        return {"case": identifier, "outcome": outcome(probe_of(identifier)).to_json()}
    except (ValueError, TypeError) as error:
        return {"case": identifier, "refused": str(error)}


def giving(backend: Backend, subject: str) -> Callable[[str, str], dict[str, Any]]:
    """What gives the outcome of a probe on a backend: that of ours, or of the native loss."""
    give = our_outcome if subject == "ours" else live.native_outcome

    def run(identifier: str, _: str) -> dict[str, Any]:
        try:
            return {
                "case": identifier,
                "outcome": outcome_to_json(_quietly(give, probe_of(identifier), backend)),
            }
        except Exception as error:  # noqa: BLE001  whatever a framework raises is this probe's result
            return {"case": identifier, "refused": f"{type(error).__name__}: {error}"}

    return run


def _quietly(give: Callable[[Case, Backend], Outcome], case: Case, backend: Backend) -> Outcome:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a framework thinks of extreme inputs is not ours to say
        return give(case, backend)
