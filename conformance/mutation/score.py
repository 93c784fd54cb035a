"""Runs the mutants, in worker processes."""

from __future__ import annotations

import dataclasses
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from unified_loss.conformance.chosen import Chosen, choose
from unified_loss.conformance.collection import load_cases, loss_names
from unified_loss.conformance.mutant import MutantResult
from unified_loss.conformance.results import Run, Status
from unified_loss.conformance.runner import configured_interpreters
from unified_loss.conformance.scheduling import Item, Limits, Progress, Scheduler, Subject

from .equivalents import judged, stale_entries
from .operations import op_mutants
from .plans import plan_mutants
from .reach import Mutant, Reach
from .sources import source_mutants

_SECONDS = 60.0
"""For one mutant, after which it counts as one that no case notices."""

_HINTS = 5
"""Cases that notice a wrong operation on NumPy, which are tried first elsewhere."""


def run_mutants(
    backends: Iterable[str] | None = None,
    losses: Iterable[str] | None = None,
    *,
    kinds: Iterable[str] | None = None,
    every: bool = False,
    step: int = 1,
    progress: Progress | None = None,
    interpreters: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> tuple[MutantResult, ...]:
    """Make everything wrong that can be, one thing at a time, and see whether the cases notice.

    Mutants of formulas, weighting, reductions and rows are tried on NumPy, where the cases
    are quickest; those of operations on each backend, NumPy's own included.

    Parameters
    ----------
    backends : names; by default all that are installed
    losses : native names; only their rows, and what their cases run. By default all
    kinds : of `MutantResult.kind`; by default all
    every : whether a mutant is tried on all cases, not only up to the first one that notices it
    step : of so many mutants one after the other, only the first is tried
    progress : called after every mutant
    interpreters : the Python to run a backend in; by default this one
    limits : time limits and the number of processes

    Returns
    -------
    tuple of MutantResult
        One for each mutant and backend, and one for each stale entry of the list of equivalent ones.

    Raises
    ------
    BackendError, ConfigError
        If a name is that of no backend or loss.

    Examples
    --------
    >>> from unified_loss.conformance.mutation import run_mutants
    >>> results = run_mutants(["numpy"], ["mxnet.gluon.loss.L1Loss"], kinds=["plan"])
    >>> all(result.holds for result in results)
    True
    """
    pythons = interpreters or {}
    subjects = choose(backends, pythons)
    names = {subject.name for subject in subjects}
    wanted = None if kinds is None else set(kinds)
    cases, chosen = load_cases(), load_cases(losses)
    checked = {case.loss for case in chosen}
    if wanted == {"plan"}:
        cases = chosen
    # A process that hangs or dies has noticed.
    limits = dataclasses.replace(limits or Limits(), deaths=sys.maxsize)
    numpy = Chosen("numpy", "numpy", pythons.get("numpy", sys.executable))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        reaching = _Reaching({c.id: c.loss for c in cases}, checked, numpy, folder)
        of_source: list[Mutant] = []
        of_ops: list[Mutant] = []
        if "numpy" in names:
            of_source += source_mutants()
            of_source += (mutant for loss in sorted(checked) for mutant in plan_mutants(loss))
        of_ops += op_mutants()
        of_source = [m for m in of_source if wanted is None or m.kind in wanted][::step]
        of_ops = [m for m in of_ops if wanted is None or m.kind in wanted][::step]
        first = [
            _Trying(numpy, part, reaching, every, folder)
            for part in (of_source, of_ops)
            if part and (part is of_ops or "numpy" in names)
        ]
        rest = [
            _Trying(subject, of_ops, reaching, every, folder, hints=first[-1])
            for subject in subjects
            if subject.name != "numpy" and of_ops
        ]
        jobs = [*first, *rest]
        Scheduler([reaching.subject, *(job.subject for job in jobs)], limits, progress, folder).run()
        reported = [job for job in jobs if job.backend in names]
        failures = [job.failure for job in reported if job.failure and backends is not None]
        results = [result for job in reported for result in job.results.values()]
        tried = [(mutant, job.backend) for job in reported for mutant in job.mutants.values()]
    everything = losses is None and kinds is None and step == 1 and "numpy" in names
    return (*results, *failures, *stale_entries(tried, results, everything))


def with_mutants(
    run: Run,
    backends: Iterable[str] | None = None,
    losses: Iterable[str] | None = None,
    *,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> Run:
    """A run, and beside its results those of the mutants; the arguments are those of `run_mutants`."""
    began = time.perf_counter()
    interpreters = configured_interpreters()
    found = run_mutants(backends, losses, progress=progress, interpreters=interpreters, limits=limits)
    return dataclasses.replace(
        run, mutants=found, seconds=round(run.seconds + time.perf_counter() - began, 2)
    )


class _Reaching:
    """Finds out what the cases run."""

    def __init__(self, losses: Mapping[str, str], chosen: Set[str], numpy: Chosen, folder: str) -> None:
        self.reach = self.of_chosen = Reach()
        self._found: dict[str, Any] = {}
        self._losses, self._chosen = losses, chosen
        self.subject = Subject(
            "what cases run",
            numpy.python,
            {"role": "reach", **numpy.request, "folder": folder},
            prepare=lambda: [(case, "") for case in losses],
            record=self._record,
            lost=_unreached,
            finish=self._finish,
        )

    @property
    def is_complete(self) -> bool:
        """Whether all losses are chosen."""
        return self._chosen >= set(loss_names())

    def _record(self, event: dict[str, Any]) -> None:
        if event["reach"] is not None:
            self._found[event["case"]] = event["reach"]

    def _finish(self) -> None:
        self.reach = Reach.of(self._found, self._losses)
        of_chosen = {case: found for case, found in self._found.items() if self._losses[case] in self._chosen}
        self.of_chosen = Reach.of(of_chosen, self._losses)


def _unreached(*_: object) -> None:
    """A case that cannot be traced is not one to try mutants on."""


class _Trying:
    """Tries mutants on one backend."""

    def __init__(
        self,
        subject: Chosen,
        mutants: Sequence[Mutant],
        reaching: _Reaching,
        every: bool,
        folder: str,
        *,
        hints: _Trying | None = None,
    ) -> None:
        self.backend, self._reaching, self._hints = subject.name, reaching, hints
        self.mutants = {mutant.id: mutant for mutant in mutants}
        self.results: dict[str, MutantResult] = {}
        self.subject: Subject
        kind = mutants[0].kind
        self.file = Path(folder, f"reach of {subject.name} {kind}.json")
        self.subject = Subject(
            f"{subject.name}, operations" if kind == "op" else f"{subject.name}, source",
            subject.python,
            {
                "role": "mutants",
                **subject.request,
                "folder": folder,
                "reach": str(self.file),
                # Of several, one may notice on the other backends what another does not.
                "enough": sys.maxsize if every else _HINTS if kind == "op" and hints is None else 1,
                "seconds": _SECONDS,
            },
            prepare=self._items,
            record=self._record,
            lost=self._lost,
            after=[reaching.subject, *([hints.subject] if hints else [])],
        )

    @property
    def failure(self) -> MutantResult | None:
        """Why nothing could be tried, if so."""
        if self.subject.status == "ok":
            return None
        said = f"{self.subject.status}: {self.subject.reason}"
        return MutantResult(f"all of {self.subject.name}", "op", self.backend, "error", (), said)

    def _items(self) -> list[Item]:
        reach = self._reaching.reach
        if self._hints is not None:
            noticed = {name: list(result.caught_by) for name, result in self._hints.results.items()}
            reach = dataclasses.replace(reach, hints=noticed)
        reach.write(self.file)
        if not self._reaching.is_complete:
            of_chosen = self._reaching.of_chosen
            self.mutants = {name: m for name, m in self.mutants.items() if of_chosen.of_mutant(m)}
        return [(name, "") for name in self.mutants]

    def _record(self, event: dict[str, Any]) -> None:
        mutant, caught_by = self.mutants[event["mutant"]], tuple(event["caught_by"])
        if "moot" in event:
            moot = MutantResult(mutant.id, mutant.kind, self.backend, "equivalent", (), event["moot"])
            self.results[mutant.id] = moot
            return
        note = ""
        if not caught_by:
            note = f"none of {event['tried']} cases notices it" if event["tried"] else "no case runs it"
            note += ", as far as time allowed" if event["late"] else ""
        self.results[mutant.id] = judged(mutant, self.backend, caught_by, note, bool(caught_by))

    def _lost(self, item: Item, status: Status, reason: str) -> None:
        mutant = self.mutants[item[0]]
        caught = status in ("crashed", "timeout")
        self.results[mutant.id] = judged(mutant, self.backend, (), f"{status}: {reason}", caught)
