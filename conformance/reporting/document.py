"""The report of a run: one JSON document, from which all other forms of it are made."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from unified_loss.conformance.cases import Case, encode
from unified_loss.conformance.collection import load_cases
from unified_loss.conformance.comparison import Check
from unified_loss.conformance.drift import Drift
from unified_loss.conformance.explanation import explain
from unified_loss.conformance.results import BackendRun, Result, Run

import unified_loss

from .worst import worst_of_cells

Report = dict[str, Any]
"""A conformance report, as `data/report.schema.json` describes it."""

FORMAT = "unified_loss.conformance"
FORMAT_VERSION = 1
"""Counts up when a reader of the version before could misread the document."""


def report_of(run: Run) -> Report:
    """A run ready for JSON.

    Parameters
    ----------
    run : as `unified_loss.conformance.run` gives it

    Returns
    -------
    dict
        What `report.schema.json` describes: each result, failures explained; each cell with its
        worst case; drift, accuracy and mutants where the run has them; findings; environment.
    """
    cases = {case.id: case for case in load_cases(run.losses, run.files)}
    worst = worst_of_cells(run.results)
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "unified_loss": unified_loss.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "holds": run.holds,
        "seconds": run.seconds,
        "environment": dict(run.environment),
        "backends": [_backend(backend) for backend in run.backends],
        "natives": [_backend(backend) for backend in run.natives],
        "cells": [
            {**vars(cell), "error": encode(cell.error), **_worst(cases, worst.get((cell.loss, cell.backend)))}
            for cell in run.cells
        ],
        "results": [_result(cases[result.case], result) for result in run.results],
        "findings": [_finding(case) for case in _findings(run, cases.values())],
        "drift": [_drift(drift) for drift in run.drift],
        "accuracy": [accuracy.to_json() for accuracy in run.accuracy],
        "mutants": [mutant.to_json() for mutant in run.mutants],
    }


def _backend(backend: BackendRun) -> dict[str, Any]:
    return dict(vars(backend))


def _worst(cases: Mapping[str, Case], found: tuple[Result, Check | None] | None) -> dict[str, Any]:
    """A cell's steps and its worst case; nothing where no case ran."""
    if found is None:
        return {"ulps": None}
    result, check = found
    ulps = None if check is None else encode(check.ulps)
    explained = explain(cases[result.case], result)
    explained["checks"] = [] if check is None else [check_to_json(check)]
    return {"ulps": ulps, "worst": {**explained, "ulps": ulps}}


def _result(case: Case, result: Result) -> dict[str, Any]:
    ulps = max((check.ulps for check in result.checks if check.ulps is not None), default=None)
    if result.status != "ok":
        wrong = [check_to_json(check) for check in result.checks if not check.holds]
        return {**explain(case, result), "ulps": encode(ulps), "checks": wrong}
    return {
        "case": result.case,
        "loss": result.loss,
        "backend": result.backend,
        "mode": result.mode,
        "status": result.status,
        "seconds": result.seconds,
        "error": encode(_rounded(result.error)),
        "ulps": encode(_rounded(ulps)),
        "kind": case.kind,
    }


def _rounded(size: float | None) -> float | None:
    # Four digits: the file holds tens of thousands of these.
    return None if size is None else float(f"{size:.3e}")


def check_to_json(check: Check) -> dict[str, Any]:
    """A comparison, with its error in steps of its precision."""
    return {**check.to_json(), "ulps": encode(check.ulps)}


def _drift(drift: Drift) -> dict[str, Any]:
    table = {**drift.to_json(), "checks": [check_to_json(check) for check in drift.checks]}
    return {name: value for name, value in table.items() if value not in ("", [])}


def _findings(run: Run, cases: Iterable[Case]) -> list[Case]:
    checked = {result.case for result in run.results}
    return [case for case in cases if case.finding and case.id in checked]


def _finding(case: Case) -> dict[str, Any]:
    finding, recorded = case.finding, case.recorded
    assert finding is not None  # noqa: S101  _findings selects such cases
    return {
        "case": case.id,
        "loss": case.loss,
        "framework": case.framework,
        "version": case.version,
        "cause": finding.cause,
        "native": "an error" if recorded is None else encode(recorded.value),
        "ours": finding.ours,
        "corrected": encode(finding.corrected.value),
        "corrected_by": finding.corrected_by,
    }


def to_text(report: Report) -> str:
    """A report as JSON text: small, and a line for each element of its lists, so that two compare."""
    parts = []
    for name, value in report.items():
        if isinstance(value, list) and value:
            lines = ",\n".join(f"  {_compact(element)}" for element in value)
            parts.append(f" {json.dumps(name)}: [\n{lines}\n ]")
        else:
            parts.append(f" {json.dumps(name)}: {_compact(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _compact(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False)


def number(value: Any) -> float:
    """A number of a report: not finite ones are spelled out there, and what is missing is NaN."""
    return math.nan if value is None else float(value)
