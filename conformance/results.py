"""What a conformance run found: a result for each case, a cell for each loss and backend."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from .accuracy import Accuracy
from .comparison import Check
from .drift import Drift
from .environment import environment
from .mutant import MutantResult

Status = Literal[
    "ok", "unsupported", "failed", "error", "timeout", "crashed", "unusable", "not run", "not installed"
]
GRAVITY: tuple[Status, ...] = ("ok", "unsupported", "failed", "error", "timeout", "crashed")
"""What a result may be; of the results of a cell, the gravest says what the cell is."""


@dataclass(frozen=True)
class Result:
    """How one case went on one backend.

    Parameters
    ----------
    case, loss, backend : which
    status : ``ok``; ``failed``, some check does not hold; ``error``, an exception;
        ``unsupported``, a gap that the backend declares; ``timeout``; ``crashed``, the process died
    checks : every comparison made
    reason : why it is not ok, where that is not in the checks
    seconds : how long it took
    mode : how it was run: ``eager``, or otherwise as asked
    """

    case: str
    loss: str
    backend: str
    status: Status
    checks: tuple[Check, ...] = ()
    reason: str = ""
    seconds: float = 0.0
    mode: str = "eager"

    @property
    def error(self) -> float | None:
        """The largest error of all its checks."""
        return max((c.error for c in self.checks if c.error is not None), default=None)

    def to_json(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {**asdict(self), "checks": [check.to_json() for check in self.checks]}

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> Result:
        """The inverse of `to_json`."""
        return cls(**{**table, "checks": tuple(map(Check.from_json, table["checks"]))})


@dataclass(frozen=True)
class BackendRun:
    """How the worker of a backend, or of a framework's own losses, fared.

    Parameters
    ----------
    name : the backend
    status : ``ok`` if it started; else ``not installed``, ``unusable``, ``timeout`` or ``crashed``
    reason : why it did not start
    version : of its framework
    note : what could not be checked although it started, e.g. gradients without HIPS autograd
    requested : whether it was asked for by name, so that its absence is a failure
    """

    name: str
    status: Status
    reason: str = ""
    version: str | None = None
    note: str = ""
    requested: bool = True


@dataclass(frozen=True)
class Cell:
    """A loss on a backend: the gravest status of its cases, and their largest error."""

    loss: str
    backend: str
    status: Status
    holds: bool
    cases: int = 0
    fell_short: int = 0
    error: float | None = None
    """The largest; where the cell failed, of the checks that do not hold."""
    values_only: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Run:
    """All that a conformance run found."""

    losses: tuple[str, ...]
    backends: tuple[BackendRun, ...]
    results: tuple[Result, ...]
    seconds: float = 0.0
    natives: tuple[BackendRun, ...] = ()
    """The frameworks whose own losses were run."""
    drift: tuple[Drift, ...] = ()
    """How these compare with what was recorded from them."""
    files: tuple[str, ...] = ()
    """Of the cases that did not come with this library."""
    accuracy: tuple[Accuracy, ...] = ()
    """How far losses are from the oracle."""
    mutants: tuple[MutantResult, ...] = ()
    """What was made wrong on purpose, and whether the cases noticed."""
    environment: Mapping[str, Any] = field(default_factory=environment)

    @property
    def holds(self) -> bool:
        """Whether every cell does, but for declared gaps, no framework changed or was silent, and so on."""
        asked = all(native.status in ("ok", "not installed") for native in self.natives)
        same = not any(drift.is_alarm for drift in self.drift)
        noticed = all(mutant.holds for mutant in self.mutants)
        accurate = all(accuracy.holds for accuracy in self.accuracy)
        checked = all(cell.holds or cell.status == "unsupported" for cell in self.cells)
        return checked and asked and same and noticed and accurate

    @property
    def failures(self) -> tuple[Result, ...]:
        """The results that are not ok, by loss and then by backend."""
        order = [backend.name for backend in self.backends]
        wrong = [result for result in self.results if result.status != "ok"]
        return tuple(sorted(wrong, key=lambda r: (self.losses.index(r.loss), order.index(r.backend))))

    @functools.cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Every loss on every backend."""
        results: dict[tuple[str, str], list[Result]] = {}
        for result in self.results:
            results.setdefault((result.loss, result.backend), []).append(result)
        return tuple(
            _cell(loss, backend, results.get((loss, backend.name), []))
            for loss in self.losses
            for backend in self.backends
        )


def _cell(loss: str, backend: BackendRun, results: list[Result]) -> Cell:
    if backend.status != "ok":
        excused = backend.status == "not installed" and not backend.requested
        return Cell(loss, backend.name, backend.status, excused, reason=backend.reason)
    if not results:
        return Cell(loss, backend.name, "not run", False)
    gravest = max(results, key=lambda r: GRAVITY.index(r.status))
    failed = gravest.status == "failed"
    checks = [check for r in results for check in r.checks if not (failed and check.holds)]
    return Cell(
        loss,
        backend.name,
        gravest.status,
        gravest.status == "ok",
        len(results),
        sum(r.status != "ok" for r in results),
        max((check.error for check in checks if check.error is not None), default=None),
        bool(backend.note),
        gravest.reason,
    )
