"""Measures losses in worker processes: the oracle first, then ours and the native losses beside it."""

from __future__ import annotations

import dataclasses
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from unified_loss.conformance.accuracy import Accuracy
from unified_loss.conformance.cases import Case
from unified_loss.conformance.chosen import Chosen, choose
from unified_loss.conformance.exchange import outcome_from_json
from unified_loss.conformance.results import Run, Status
from unified_loss.conformance.runner import configured_interpreters
from unified_loss.conformance.scheduling import Item, Limits, Progress, Scheduler, Subject

from unified_loss.ops import FLOAT_DTYPES

from .judgement import Errors, errors_of, summary
from .outcome import OracleOutcome
from .probes import dtype_of, probes


def run_oracle(
    backends: Iterable[str] | None = None,
    losses: Iterable[str] | None = None,
    *,
    dtypes: Iterable[str] = FLOAT_DTYPES,
    progress: Progress | None = None,
    interpreters: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> tuple[Accuracy, ...]:
    """Measure how far losses are from the oracle, each backend in processes of its own.

    Parameters
    ----------
    backends : names; by default all that are installed
    losses : native names; they are then measured on every backend. By default all, those of a framework
        on its own backend, and all of them on one that has no losses of its own
    dtypes : of the inputs
    progress : called after every probe
    interpreters : the Python to run a backend in; by default this one
    limits : time limits and the number of processes

    Returns
    -------
    tuple of Accuracy
        For each backend, loss, dtype and quantity that of ours, then that of the native loss where the
        backend's framework has it and takes the dtype.

    Raises
    ------
    BackendError, ConfigError
        If a name is that of no backend or loss.

    Examples
    --------
    >>> from unified_loss.conformance.oracle import run_oracle
    >>> found = run_oracle(["numpy"], ["torch.nn.HuberLoss"], dtypes=["float64"])
    >>> [(a.quantity, a.worst < 4) for a in found]
    [('value', True), ('gradient', True)]
    """
    chosen = choose(backends, interpreters or {})
    cases = {case.id: case for case in probes(losses, dtypes)}
    asked = {backend.name: _asked(backend, cases, everything=losses is not None) for backend in chosen}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        told = _Told(
            {i: case for i, case in cases.items() if any(i in ids for ids in asked.values())}, folder
        )
        measured = [_Measured(backend, asked[backend.name], told, folder) for backend in chosen]
        subjects = [told.subject, *(subject for m in measured for subject in m.subjects.values())]
        Scheduler(subjects, limits or Limits(), progress, folder).run()
    return tuple(accuracy for m in measured for accuracy in m.accuracy(requested=backends is not None))


def with_accuracy(
    run: Run,
    backends: Iterable[str] | None = None,
    losses: Iterable[str] | None = None,
    *,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> Run:
    """A run, and beside its results the accuracy; the arguments are those of `run_oracle`."""
    began = time.perf_counter()
    interpreters = configured_interpreters()
    found = run_oracle(backends, losses, progress=progress, interpreters=interpreters, limits=limits)
    took = time.perf_counter() - began
    return dataclasses.replace(run, accuracy=found, seconds=round(run.seconds + took, 2))


def _asked(backend: Chosen, cases: Mapping[str, Case], *, everything: bool) -> set[str]:
    """The probes that ours are measured with on a backend."""
    own = {i for i, case in cases.items() if case.native_backend == backend.name}
    return own if own and not everything else set(cases)


class _Told:
    """What the oracle says of all probes."""

    def __init__(self, cases: Mapping[str, Case], folder: str) -> None:
        self.cases = cases
        self.outcomes: dict[str, dict[str, Any]] = {}
        self.subject = Subject(
            "oracle",
            sys.executable,
            {"role": "oracle", "folder": folder},
            prepare=lambda: [(identifier, "") for identifier in cases],
            record=self._record,
            lost=_not_told,
        )

    def _record(self, event: dict[str, Any]) -> None:
        # The rest has inputs that the loss refuses, such as a distribution that was rounded away.
        if "outcome" in event:
            self.outcomes[event["case"]] = event["outcome"]


def _not_told(*_: object) -> None:
    """What the oracle could not evaluate in time is not measured."""


class _Measured:
    """What ours and the native losses of one backend give for the probes."""

    def __init__(self, backend: Chosen, asked: set[str], told: _Told, folder: str) -> None:
        self.backend, self._told = backend.name, told
        own = {i for i in asked if told.cases[i].native_backend == backend.name}
        self._items = {"ours": asked, "native": own}
        self._given: dict[str, dict[str, dict[str, Any]]] = {"ours": {}, "native": {}}
        self.subjects = {name: self._subject(name, backend, folder) for name in self._items}

    def _subject(self, name: str, backend: Chosen, folder: str) -> Subject:
        given = self._given[name]

        def lost(item: Item, status: Status, reason: str) -> None:
            given[item[0]] = {"lost": f"{status}: {reason}"}

        return Subject(
            f"{backend.name}, {name}",
            backend.python,
            {"role": "accuracy", **backend.request, "subject": name, "folder": folder},
            prepare=lambda: [(i, "") for i in self._told.outcomes if i in self._items[name]],
            record=lambda event: given.update({event["case"]: event}),
            lost=lost,
            after=[self._told.subject],
        )

    def accuracy(self, requested: bool) -> Iterator[Accuracy]:
        """The accuracy of all losses; and what could not be measured."""
        ours = self.subjects["ours"]
        if ours.status != "ok" and (requested or ours.status != "not installed"):
            yield _failure("", self.backend, "", f"{ours.status}: {ours.reason}")
        pairs: dict[tuple[str, str], list[tuple[Errors, Errors]]] = {}
        for identifier, event in self._given["ours"].items():
            case = self._told.cases[identifier]
            if "lost" in event:
                yield _failure(case.loss, self.backend, dtype_of(case), event["lost"], identifier)
            else:
                pair = self._errors(case, event), self._errors(case, self._given["native"].get(identifier))
                pairs.setdefault((case.loss, dtype_of(case)), []).append(pair)
        for (loss, dtype), found in pairs.items():
            yield from summary(loss, self.backend, dtype, found)

    def _errors(self, case: Case, event: Mapping[str, Any] | None) -> Errors:
        if event is None or "outcome" not in event:
            return {}
        right = OracleOutcome.from_json(self._told.outcomes[case.id])
        return errors_of(right, outcome_from_json(event["outcome"]), case)


def _failure(loss: str, backend: str, dtype: str, reason: str, case: str = "") -> Accuracy:
    """What stands for a loss of ours that could not be measured."""
    nan, inf = float("nan"), float("inf")
    where: tuple[int, ...] = ()
    return Accuracy(loss, backend, "ours", dtype, "value", 0, inf, inf, case, where, nan, nan, False, reason)
