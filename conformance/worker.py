"""Checks cases on one backend, in a process of its own: ``python -m unified_loss.conformance.worker``.

Reads a request from standard input, ``{"backend": ..., "cases": [ids], "folder": ...}``, and writes
events to standard output, one JSON object a line: ``ready`` or ``unavailable`` first, then for each
case ``start`` and ``result``, so that whoever reads knows which case a crash belongs to, and ``done``.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from unified_loss.availability import backends
from unified_loss.dispatch import use_backend
from unified_loss.errors import BackendError, UnifiedLossError, UnsupportedOperation
from unified_loss.gradients import value_and_grad
from unified_loss.loading import get_backend
from unified_loss.naming import resolve

from . import comparison, live, tolerances
from .calls import gradient_output, input_tensors, prepared_call
from .cases import Case, Outcome
from .collection import load_cases
from .comparison import Check
from .results import Result

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend


def check_case(case: Case, backend: Backend, *, gradients: bool = True) -> Result:
    """Check one case on a loaded backend, in this process.

    Parameters
    ----------
    case : one of `load_cases`; a live one only on the backend of its own framework
    backend : as `unified_loss.get_backend` gives it
    gradients : whether the backend can differentiate; without, only values are checked

    Returns
    -------
    Result
        Exceptions of the loss are its `reason`; none is raised.
    """
    began = time.perf_counter()

    def result(status: Any, checks: tuple[Check, ...] = (), reason: str = "") -> Result:
        took = round(time.perf_counter() - began, 4)
        return Result(case.id, case.loss, backend.name, status, checks, reason, took)

    try:
        with use_backend(backend.name):
            checks = tuple(_checks(case, backend, gradients))
    except UnsupportedOperation as error:
        return result("unsupported", reason=str(error))
    except Exception as error:  # noqa: BLE001  whatever a framework raises is this case's result
        return result("error", reason=_described(error))
    return result("ok" if all(check.holds for check in checks) else "failed", checks)


def _checks(case: Case, backend: Backend, gradients: bool) -> Iterator[Check]:
    make = functools.partial(live.tensor, backend) if case.kind == "live" else backend.asarray
    inputs = input_tensors(case, make, backend)
    prepare = functools.partial(prepared_call, case, resolve(case.loss), make, load_state, backend)
    if case.raises:
        # The parameters may be refused already, before the call.
        yield _refusal(prepare, inputs)
        return
    call = prepare()
    expected = case.expected or live.native_outcome(case, backend)

    outputs = call(*inputs)
    yield comparison.same("number of outputs", len(expected.values), len(outputs))
    for name, dtype, value in zip(_names(expected), expected.dtypes, outputs, strict=True):
        yield comparison.same(f"framework of the {name}", backend.name, _framework(backend, value))
        yield comparison.same(f"dtype of the {name}", dtype, backend.dtype(value))
    yield from _values(case, "", expected, [_result_array(case, backend, x) for x in outputs])
    if gradients and case.gradient_of is not None:
        x, chosen = inputs[case.gradient_of], gradient_output(case)
        again, gradient = value_and_grad(lambda *xs: call(*xs)[chosen], case.gradient_of)(*inputs)
        only = Outcome.of(expected.values[chosen], expected.dtypes[chosen])
        yield from _values(case, " beside the gradient", only, [_result_array(case, backend, again)])
        yield comparison.same("dtype of the gradient", backend.dtype(x), backend.dtype(gradient))
        tolerance = tolerances.of_outcome(case, backend.dtype(x))
        yield comparison.close("gradient", expected.gradient, backend.to_numpy(gradient), tolerance)
    if case.native_backend == backend.name and _has_native(case):
        yield from _drift(case, case.recorded or expected, live.native_outcome(case, backend))


def _has_native(case: Case) -> bool:
    by_formula_only = case.kind == "oracle" and not case.finding
    return case.recorded is not None and case.runs_natively and not by_formula_only


def _refusal(prepare: Callable[[], Callable[..., Any]], inputs: list[Any]) -> Check:
    """That a call is refused with an error that says so, and not by a crash or not at all."""
    try:
        outputs = prepare()(*inputs)
    except (UnifiedLossError, ValueError, TypeError, IndexError):
        return Check("refusal", True)
    return Check("refusal", False, "an error", f"{len(outputs)} outputs")


def load_state(loss: Any, state: dict[str, Any]) -> Any:
    """Give a loss of ours its weights."""
    loss.load_state(state)
    return loss


def _names(outcome: Outcome) -> list[str]:
    count = len(outcome.values)
    return ["value"] if count == 1 else [f"output {i}" for i in range(count)]


def _framework(backend: Backend, value: Any) -> str:
    return backend.name if backend.is_tensor(value) else type(value).__module__


def _result_array(case: Case, backend: Backend, value: Any) -> Any:
    array = backend.to_numpy(value)
    return array.sum() if case.summed else array


def _values(case: Case, when: str, expected: Outcome, got: list[Any]) -> Iterator[Check]:
    # What was not run is known to the digits that are printed.
    known = expected.values if case.runs_natively or case.printed is None else ()
    for name, wanted, dtype, array in zip(_names(expected), known, expected.dtypes, got, strict=False):
        yield comparison.close(f"{name}{when}", wanted, array, tolerances.of_outcome(case, dtype))
    if case.printed and not when:
        tolerance = tolerances.of_printed(case.printed)
        yield comparison.close("value, as printed", case.printed.value, got[0], tolerance)


def _drift(case: Case, recorded: Outcome, now: Outcome) -> Iterator[Check]:
    """Whether the framework still gives what was recorded from it."""
    what = f"recorded from {case.framework} {case.version}"
    outputs = zip(_names(recorded), recorded.values, recorded.dtypes, now.values, strict=True)
    for name, was, dtype, is_now in outputs:
        tolerance = tolerances.of_repetition(case, dtype)
        yield comparison.close(f"native {name}, {what}", was, is_now, tolerance)
    # None beside a finding that no gradient is right.
    if recorded.gradient is not None and now.gradient is not None:
        tolerance = tolerances.of_repetition(case, recorded.dtypes[-1])
        yield comparison.close(f"native gradient, {what}", recorded.gradient, now.gradient, tolerance)


def _described(error: Exception) -> str:
    """The error, and the innermost place in this library or the framework where it arose."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.name}, {os.path.basename(frame.filename)}:{frame.lineno}"
    return f"{type(error).__name__}: {error} (in {place})"


def why_no_gradients(backend: Backend) -> str:
    """Why a backend cannot differentiate, e.g. NumPy without HIPS autograd; empty if it can."""
    try:
        with use_backend(backend.name):
            value_and_grad(lambda x: x)(backend.asarray([1.0]))
    except UnsupportedOperation as error:
        return str(error)
    return ""


# -------------------------------------------------------------------------------- process


def _serve(request: dict[str, Any], send: Callable[[dict[str, Any]], None]) -> None:
    name = request["backend"]
    info = next(info for info in backends() if info.name == name)
    try:
        backend = get_backend(name)
    except BackendError as error:
        send({"event": "unavailable", "installed": info.installed, "reason": info.reason or str(error)})
        return
    note = why_no_gradients(backend)
    send({"event": "ready", "version": backend.version, "note": note})
    cases = {case.id: case for case in load_cases()}
    for identifier in request["cases"]:
        send({"event": "start", "case": identifier})
        send({"event": "result", **check_case(cases[identifier], backend, gradients=not note).to_json()})
    send({"event": "done"})


def main() -> None:
    """Serve one request."""
    # Frameworks print to standard output, also from C++; the events get a descriptor of their own.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(event: dict[str, Any]) -> None:
        events.write(json.dumps(event, allow_nan=False) + "\n")
        events.flush()

    request = json.load(sys.stdin)
    # MindSpore leaves folders wherever it runs.
    os.chdir(request["folder"])
    _serve(request, send)
    # Some frameworks crash while the interpreter ends, when all is said.
    os._exit(0)


if __name__ == "__main__":
    main()
