"""Checks cases on one backend, in a process of its own: ``python -m unified_loss.conformance.worker``.

Reads JSON lines from standard input: first a request, ``{"role": ..., "backend": ..., "folder": ...}``,
then any number of ``{"items": [[case id, mode], ...]}``. Writes events to standard output, one JSON
object a line: ``ready`` or ``unavailable`` first, then for each item ``start`` and ``result``, so that
whoever reads knows which case a crash belongs to, and ``idle`` after the last of the items.

The role is what is done with a case: ``ours`` checks our loss on the backend, ``native`` runs the
framework's own loss and gives its outcome; ``oracle`` evaluates a probe exactly, and ``accuracy`` gives
what ours or the native loss makes of it; ``reach`` says what the case runs; ``mutants`` tries a mutant,
whose name then stands for a case's; ``snippet`` runs a program on an input, which its name says;
``compilers`` asks for those of the backend, whatever the case.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from unified_loss.availability import backends
from unified_loss.dispatch import use_backend
from unified_loss.errors import BackendError, UnifiedLossError, UnsupportedOperation
from unified_loss.gradients import value_and_grad
from unified_loss.loading import get_backend
from unified_loss.naming import resolve
from unified_loss.registry import ENTRIES

from . import comparison, live, modes, tolerances
from .calls import gradient_output, input_tensors, prepared_call
from .cases import Case, Outcome
from .collection import load_cases
from .comparison import Check
from .exchange import outcome_from_json, outcome_to_json
from .results import Result
from .snippets import Snippets

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend


def check_case(
    case: Case,
    backend: Backend,
    *,
    gradients: bool = True,
    expected: Outcome | None = None,
    mode: str = modes.EAGER,
) -> Result:
    """Check one case on a loaded backend, in this process.

    Parameters
    ----------
    case : one of `load_cases`; a live one only on the backend of its own framework
    backend : as `unified_loss.get_backend` gives it
    gradients : whether the backend can differentiate; without, only values are checked
    expected : what a case without a stored expectation must give; by default what the native loss of
        a live case does, in this process
    mode : how the loss is run: ``eager``, ``composed``, or one of the backend's compilers; see `modes`

    Returns
    -------
    Result
        Exceptions of the loss are its `reason`; none is raised.

    Raises
    ------
    ConfigError
        If the backend has no such mode.
    """
    modes.check_mode(mode, backend)
    began = time.perf_counter()

    def result(status: Any, checks: tuple[Check, ...] = (), reason: str = "") -> Result:
        took = round(time.perf_counter() - began, 4)
        return Result(case.id, case.loss, backend.name, status, checks, reason, took, mode)

    try:
        with use_backend(backend.name), modes.entered(mode, backend) as in_mode:
            checks = tuple(_checks(case, backend, gradients, expected, in_mode))
    except UnsupportedOperation as error:
        return result("unsupported", reason=str(error))
    except Exception as error:  # noqa: BLE001  whatever a framework raises is this case's result
        return result("error", reason=_described(error))
    if all(check.holds for check in checks):
        return result("ok", checks)
    gap = modes.known_gap(case, backend, mode)
    return result("unsupported" if gap else "failed", checks, gap)


def _checks(
    case: Case,
    backend: Backend,
    gradients: bool,
    given: Outcome | None,
    in_mode: modes.InMode,
) -> Iterator[Check]:
    make = functools.partial(live.tensor, backend) if case.kind == "live" else backend.asarray
    inputs = input_tensors(case, make, backend)
    prepare = functools.partial(prepared_call, case, resolve(case.loss), make, load_state, backend, in_mode)
    if case.raises:
        # The parameters may be refused already, before the call.
        yield _refusal(prepare, inputs)
        return
    call = prepare()
    expected = case.expected or given or live.native_outcome(case, backend)

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

RunItem = Callable[[str, str], dict[str, Any]]
"""Does what the role asks with a case, by its id, in a mode; gives what there is to say, for JSON."""


class Unavailable(Exception):
    """What a role needs is not there."""

    def __init__(self, installed: bool, reason: str) -> None:
        super().__init__(reason)
        self.installed, self.reason = installed, reason


def _backend(name: str) -> Backend:
    info = next((info for info in backends() if info.name == name), None)
    try:
        return get_backend(name)
    except BackendError as error:
        # Only of the backends shipped here is it known whether the framework is what is missing.
        reason = info.reason if info is not None and info.name in ENTRIES else None
        raise Unavailable(info is None or info.installed, reason or str(error)) from error


def _ours(request: Mapping[str, Any]) -> tuple[str, str, RunItem]:
    backend = _backend(request["backend"])
    note = why_no_gradients(backend)
    cases = {case.id: case for case in load_cases(files=request.get("files", ()))}
    outcomes = {line["case"]: line for file in request.get("outcomes", ()) for line in _lines(file)}

    def check(identifier: str, mode: str) -> dict[str, Any]:
        case, line = cases[identifier], outcomes.get(identifier)
        if line is not None and "failure" in line:
            reason = f"the native loss gave nothing to compare with: {line['failure']}"
            return Result(case.id, case.loss, backend.name, "error", reason=reason, mode=mode).to_json()
        expected = None if line is None else outcome_from_json(line["outcome"])
        return check_case(case, backend, gradients=not note, expected=expected, mode=mode).to_json()

    return backend.version, note, check


def _compilers(request: Mapping[str, Any]) -> tuple[str, str, RunItem]:
    backend = _backend(request["backend"])
    return backend.version, "", lambda *_: {"compilers": backend.further_modes}


def _native(request: Mapping[str, Any]) -> tuple[str, str, RunItem]:
    backend = _backend(request["backend"])
    cases = {case.id: case for case in load_cases(files=request.get("files", ()))}

    def run(identifier: str, _: str) -> dict[str, Any]:
        case = cases[identifier]
        told = _outcome_or_failure(lambda: live.native_outcome(case, backend), case.framework, backend)
        return {"case": identifier, **told}

    return backend.version, "", run


def _outcome_or_failure(run: Callable[[], Outcome], framework: str, backend: Backend) -> dict[str, Any]:
    """What a framework gave, with its version, or what went wrong."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a framework thinks of its users is not ours to say
            outcome = run()
    except Exception as error:  # noqa: BLE001  whatever a framework raises is this case's result
        absent = isinstance(error, ModuleNotFoundError) and error.name == framework
        return {"absent" if absent else "failure": _described(error)}
    return {"version": live.framework_version(framework, backend), "outcome": outcome_to_json(outcome)}


def _oracle(_: Mapping[str, Any]) -> tuple[str, str, RunItem]:
    return "", "", _measuring().told_by_oracle


def _accuracy(request: Mapping[str, Any]) -> tuple[str, str, RunItem]:
    measuring, backend = _measuring(), _backend(request["backend"])
    return backend.version, "", measuring.giving(backend, request["subject"])


def _measuring() -> ModuleType:
    try:
        from .oracle import measuring  # noqa: PLC0415  which needs mpmath
    except ImportError as error:
        raise Unavailable(True, str(error)) from error
    return measuring


def _reach(request: Mapping[str, Any]) -> tuple[str, str, RunItem]:
    from .mutation.serving import reaching  # noqa: PLC0415  it checks cases itself

    backend = _backend(request["backend"])
    return backend.version, "", reaching(backend)


def _mutants(request: Mapping[str, Any]) -> tuple[str, str, RunItem]:
    from .mutation.serving import trying  # noqa: PLC0415  it checks cases itself

    backend = _backend(request["backend"])
    return backend.version, "", trying(backend, request)


def _snippet(request: Mapping[str, Any]) -> tuple[str, str, RunItem]:
    backend = _backend(request["backend"])
    snippets = Snippets(backend, request["work"])

    def run(identifier: str, _: str) -> dict[str, Any]:
        framework = snippets.framework(identifier)
        told = _outcome_or_failure(lambda: snippets.outcome(identifier), framework, backend)
        return {"case": identifier, **told}

    return backend.version, "", run


ROLES: dict[str, Callable[[Mapping[str, Any]], tuple[str, str, RunItem]]] = {
    "ours": _ours,
    "native": _native,
    "compilers": _compilers,
    "oracle": _oracle,
    "accuracy": _accuracy,
    "reach": _reach,
    "mutants": _mutants,
    "snippet": _snippet,
}
"""What a worker may be: each gives the framework's version, what it cannot do, and how to run an item."""


def _lines(file: str) -> Iterator[dict[str, Any]]:
    with open(file, encoding="utf-8") as text:
        yield from map(json.loads, text)


def _serve(lines: Iterator[str], send: Callable[[dict[str, Any]], None]) -> None:
    request = json.loads(next(lines))
    # MindSpore leaves folders wherever it runs.
    os.chdir(request["folder"])
    # Last, so that no module there is taken for one of a framework.
    sys.path += request.get("path", ())
    try:
        version, note, run = ROLES[request["role"]](request)
    except Unavailable as error:
        send({"event": "unavailable", "installed": error.installed, "reason": error.reason})
        return
    send({"event": "ready", "version": version, "note": note})
    for line in lines:
        for identifier, mode in json.loads(line)["items"]:
            send({"event": "start", "case": identifier})
            send({"event": "result", **run(identifier, mode)})
        send({"event": "idle"})


def main() -> None:
    """Serve one request."""
    # Frameworks print to standard output, also from C++; the events get a descriptor of their own.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(event: dict[str, Any]) -> None:
        events.write(json.dumps(event, allow_nan=False) + "\n")
        events.flush()

    _serve(iter(sys.stdin.readline, ""), send)
    # Some frameworks crash while the interpreter ends, when all is said.
    os._exit(0)


if __name__ == "__main__":
    main()
