"""Whether a framework's own loss still gives what was recorded from it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from unified_loss.naming import resolve

from . import comparison, tolerances
from .cases import Case, Outcome
from .comparison import Check
from .stored import is_known, lines

DriftStatus = Literal["same", "drifted", "error", "crashed", "timeout", "documented"]


@dataclass(frozen=True)
class Drift:
    """A framework's own loss as it is now, against what was recorded from it.

    Parameters
    ----------
    case, loss, framework : which
    native : the name of the worker that ran it: the framework's, or that of a further version
    version : of the framework that was run
    recorded_version : of the one that it is compared with
    status : ``same``; ``drifted``, another value, gradient or dtype; ``error``, ``crashed`` or
        ``timeout``, it did not give any; ``documented``: what the documentation prints is not what
        the recorded version gives either
    checks : the comparisons that do not hold
    reason : what went wrong, in words
    """

    case: str
    loss: str
    framework: str
    native: str
    version: str | None
    recorded_version: str | None
    status: DriftStatus
    checks: tuple[Check, ...] = ()
    reason: str = ""

    @property
    def is_alarm(self) -> bool:
        """Whether the framework has changed; documentation that lags behind is none."""
        return self.status not in ("same", "documented")

    def to_json(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {**asdict(self), "checks": [check.to_json() for check in self.checks]}

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> Drift:
        """The inverse of `to_json`."""
        return cls(**{**table, "checks": tuple(map(Check.from_json, table["checks"]))})


def is_recorded_from_native(case: Case) -> bool:
    """Whether a case holds what its framework returned, which it can be asked for again here."""
    by_formula_only = case.kind == "oracle" and not case.finding
    return case.recorded is not None and case.runs_natively and not by_formula_only


def repeated(case: Case, recorded: Outcome, now: Outcome, since: str) -> Iterator[Check]:
    """The comparisons of what a framework gives with what it gave; `since` says where that is from."""
    if len(recorded.values) != len(now.values):
        yield comparison.same(f"number of native outputs, {since}", len(recorded.values), len(now.values))
        return
    # What runs beside it is of the same dtype, whatever was recorded.
    wanted = (recorded is case.recorded and case.native_dtypes) or recorded.dtypes
    yield comparison.same(f"native dtype, {since}", list(wanted), list(now.dtypes))
    for was, dtype, value in zip(recorded.values, recorded.dtypes, now.values, strict=True):
        yield comparison.close(f"native value, {since}", was, value, tolerances.of_repetition(case, dtype))
    if recorded.gradient is not None and now.gradient is not None:
        tolerance = tolerances.of_repetition(case, recorded.dtypes[-1])
        yield comparison.close(f"native gradient, {since}", recorded.gradient, now.gradient, tolerance)


def drift_of(case: Case, native: str, version: str | None, recorded: Outcome, now: Outcome, of: str) -> Drift:
    """How a framework's outcome compares with what was recorded from its version `of`."""
    checks = tuple(repeated(case, recorded, now, f"recorded from {case.framework} {of}"))
    wrong = tuple(check for check in checks if not check.holds)
    status: DriftStatus = "drifted" if wrong else "same"
    right = case.finding.corrected if case.finding else None
    mended = bool(wrong) and right is not None and all(c.holds for c in repeated(case, right, now, ""))
    reason = "the defect that a finding records is mended" if mended else ""
    return Drift(case.id, case.loss, case.framework, native, version, of, status, wrong, reason)


def documentation_drift(losses: Collection[str]) -> tuple[Drift, ...]:
    """The documented values of some losses that the framework, as recorded, does not give."""
    return tuple(
        Drift(
            line["id"],
            loss,
            line["framework"],
            line["framework"],
            line["version"],
            line["version"],
            "documented",
            (Check("documented value", False, line["expected"], line["actual"]),),
            f"{line['source']}: {line['note']}",
        )
        for folder in ("documented", "examples")
        for line in lines(folder)
        if line.get("agrees") is False and is_known(line["api"])
        if (loss := resolve(line["api"]).native_name) in losses
    )
