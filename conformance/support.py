"""Which loss runs on which backend, as the last recorded run on all of them found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any, Literal

from .collection import load_cases
from .results import Cell, Run

Support = Literal["holds", "deviates", "unsupported"]
_FILE = "support.json"


@dataclass(frozen=True)
class SupportCell:
    """A loss on a backend.

    Parameters
    ----------
    support : ``holds``; ``deviates``, a case does not; ``unsupported``, the framework lacks something
    reason : why it does not hold
    error : the largest error of all its checks
    cases : how many were checked
    """

    support: Support
    reason: str = ""
    error: float | None = None
    cases: int = 0


@dataclass(frozen=True)
class SupportTable:
    """Every loss on every backend.

    Parameters
    ----------
    versions : of the frameworks that it was recorded with, by backend
    cells : by native name, then by backend
    findings : the defects of each native loss that ours does not have, by native name
    """

    versions: Mapping[str, str]
    cells: Mapping[str, Mapping[str, SupportCell]]
    findings: Mapping[str, tuple[str, ...]]

    @classmethod
    def of_run(cls, run: Run) -> SupportTable:
        """The table of a run on all backends."""
        cells: dict[str, dict[str, SupportCell]] = {}
        for cell in run.cells:
            cells.setdefault(cell.loss, {})[cell.backend] = _cell(run, cell)
        versions = {backend.name: backend.version or "" for backend in run.backends}
        return cls(versions, cells, _findings(run.losses))

    @classmethod
    def of_report(cls, report: Mapping[str, Any]) -> SupportTable:
        """The table of the report of a run on all backends."""
        cells: dict[str, dict[str, SupportCell]] = {}
        for cell in report["cells"]:
            support = _SUPPORT.get(cell["status"], "deviates")
            reason = "" if support == "holds" else cell["reason"] or cell["status"]
            error = _rounded(cell["error"])
            cells.setdefault(cell["loss"], {})[cell["backend"]] = SupportCell(
                support, reason, error, cell["cases"]
            )
        versions = {backend["name"]: backend["version"] or "" for backend in report["backends"]}
        return cls(versions, cells, _findings(cells))

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary that `from_json` reads."""
        return {
            "versions": dict(self.versions),
            "cells": {
                loss: {backend: _short(cell) for backend, cell in row.items()}
                for loss, row in self.cells.items()
            },
            "findings": {loss: list(causes) for loss, causes in self.findings.items()},
        }

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> SupportTable:
        """The inverse of `to_json`."""
        return cls(
            table["versions"],
            {
                loss: {backend: SupportCell(**cell) for backend, cell in row.items()}
                for loss, row in table["cells"].items()
            },
            {loss: tuple(causes) for loss, causes in table["findings"].items()},
        )


def recorded_support() -> SupportTable:
    """The table that this version was released with."""
    text = resources.files(__package__).joinpath("data", _FILE).read_text(encoding="utf-8")
    return SupportTable.from_json(json.loads(text))


_SUPPORT: Mapping[str, Support] = {"ok": "holds", "unsupported": "unsupported"}


def _findings(losses: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The defects of native losses that ours do not have, by loss."""
    found: dict[str, list[str]] = {}
    for case in load_cases(losses):
        if case.finding and case.finding.cause not in found.setdefault(case.loss, []):
            found[case.loss].append(case.finding.cause)
    return {name: tuple(causes) for name, causes in found.items()}


def _cell(run: Run, cell: Cell) -> SupportCell:
    if cell.status == "ok":
        return SupportCell("holds", "", _rounded(cell.error), cell.cases)
    wrong = [r for r in run.results if (r.loss, r.backend) == (cell.loss, cell.backend) and r.status != "ok"]
    reason = cell.reason
    if not reason and wrong:
        check = next(check for check in wrong[0].checks if not check.holds)
        reason = f"{wrong[0].case}: {check.quantity}"
    support = _SUPPORT.get(cell.status, "deviates")
    return SupportCell(support, reason or cell.status, _rounded(cell.error), cell.cases)


def _rounded(error: float | None) -> float | None:
    # One digit says which order it is of, and leaves the file alone when a run differs in the last bits.
    return None if error is None else float(f"{error:.0e}")


def _short(cell: SupportCell) -> dict[str, Any]:
    return {name: value for name, value in asdict(cell).items() if value not in ("", None)}
