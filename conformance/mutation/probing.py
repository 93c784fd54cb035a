"""Runs cases on a backend with and without a mutant, and says what they reach."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

from unified_loss.conformance.calls import gradient_output, input_tensors, prepared_call
from unified_loss.conformance.cases import Case, Outcome
from unified_loss.conformance.collection import load_cases
from unified_loss.conformance.worker import check_case, load_state, why_no_gradients

from unified_loss.dispatch import use_backend
from unified_loss.gradients import value_and_grad
from unified_loss.naming import resolve

from .operations import Seen, recorded
from .plans import forget_losses
from .sources import mutated_files

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend


class Prober:
    """The cases of a backend, as far as they hold there without a mutant.

    Parameters
    ----------
    backend : a loaded one
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.no_gradients = why_no_gradients(backend)
        self.gradients = not self.no_gradients
        self._cases = {case.id: case for case in load_cases()}
        self._ready: dict[str, Case | None] = {}
        self._seen: dict[str, Seen] = {}

    def ready(self, identifier: str) -> Case | None:
        """A case with an expectation; None if it does not hold on the backend even without a mutant.

        A live case is expected to give what it gives now, which is what its framework gives as far
        as the suite itself holds.
        """
        if identifier not in self._ready:
            case = self._cases[identifier]
            with contextlib.suppress(Exception):
                case = _with_own_outcome(case, self.backend, self.gradients) if case.kind == "live" else case
            holds = case.kind != "live" and self._status(case) == "ok"
            self._ready[identifier] = case if holds else None
        return self._ready[identifier]

    def notices(self, case: Case) -> bool:
        """Whether a case does not hold, now that a mutant is installed."""
        return self._status(case) != "ok"

    def _status(self, case: Case) -> str:
        # What a row has bound before was bound without the mutant, or with another one.
        forget_losses(resolve(case.loss))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return check_case(case, self.backend, gradients=self.gradients).status

    def seen(self, case: Case) -> Seen:
        """The operations that a case calls."""
        if case.id not in self._seen:
            with recorded(self.backend) as seen:
                self._status(case)
            self._seen[case.id] = seen
        return self._seen[case.id]

    def reach(self, identifier: str) -> dict[str, Any] | None:
        """What a case runs: lines of each mutated module, operations; and how long that takes, traced."""
        case = self.ready(identifier)
        if case is None:
            return None
        began = time.perf_counter()
        with _traced() as lines, recorded(self.backend) as seen:
            self._status(case)
        return {
            "seconds": time.perf_counter() - began,
            "lines": {module: sorted(found) for module, found in lines.items()},
            "operations": sorted(" ".join(pair) for pair in seen),
        }


def _with_own_outcome(case: Case, backend: Backend, gradients: bool) -> Case:
    with use_backend(backend.name), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inputs = input_tensors(case, backend.asarray, backend)
        call = prepared_call(case, resolve(case.loss), backend.asarray, load_state, backend)
        outputs = call(*inputs)
        gradient = None
        if gradients and case.gradient_of is not None:
            chosen = gradient_output(case)
            _, gradient = value_and_grad(lambda *xs: call(*xs)[chosen], case.gradient_of)(*inputs)
            gradient = backend.to_numpy(gradient)
        values = tuple(backend.to_numpy(x) for x in outputs)
    outcome = Outcome(values, tuple(backend.dtype(x) for x in outputs), gradient)
    return dataclasses.replace(case, kind="golden", recorded=outcome)


def _recorder(found: set[int]) -> Callable[..., Any]:
    def record(frame: FrameType, _event: str, _: Any) -> Callable[..., Any]:
        found.add(frame.f_lineno)
        return record

    return record


@contextlib.contextmanager
def _traced() -> Iterator[dict[str, set[int]]]:
    """The lines of the mutated modules that are run within a ``with`` block."""
    files, reached = mutated_files(), dict[str, set[int]]()

    def enter(frame: FrameType, _event: str, _: Any) -> Callable[..., Any] | None:
        module = files.get(frame.f_code.co_filename)
        return None if module is None else _recorder(reached.setdefault(module, set()))

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield reached
    finally:
        sys.settrace(before)
