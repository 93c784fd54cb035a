"""Shows a conformance run: a matrix of losses and backends, and each failure explained."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

import unified_loss

from .cases import Case, encode
from .collection import load_cases
from .comparison import Check
from .explanation import explain, reproduce
from .results import GRAVITY, BackendRun, Cell, Result, Run


def to_json(run: Run) -> dict[str, Any]:
    """A run ready for JSON: backends, cells, results (failures explained), findings."""
    cases = {case.id: case for case in load_cases(run.losses)}
    return {
        "unified_loss": unified_loss.__version__,
        "holds": run.holds,
        "seconds": run.seconds,
        "backends": [vars(backend) for backend in run.backends],
        "cells": [{**vars(cell), "error": encode(cell.error)} for cell in run.cells],
        "results": [_result(cases[result.case], result) for result in run.results],
        "findings": [_finding(case) for case in _findings(run)],
    }


def _result(case: Case, result: Result) -> dict[str, Any]:
    if result.status != "ok":
        return explain(case, result)
    table = {**result.to_json(), "error": encode(result.error), "kind": case.kind}
    del table["checks"]
    return table


def _findings(run: Run) -> list[Case]:
    checked = {result.case for result in run.results}
    return [case for case in load_cases(run.losses) if case.finding and case.id in checked]


def _finding(case: Case) -> dict[str, Any]:
    finding, recorded = case.finding, case.recorded
    assert finding is not None  # noqa: S101  _findings selects such cases
    return {
        "case": case.id,
        "framework": case.framework,
        "version": case.version,
        "cause": finding.cause,
        "native": "an error" if recorded is None else encode(recorded.value),
        "ours": finding.ours,
        "corrected": encode(finding.corrected.value),
        "corrected_by": finding.corrected_by,
    }


# -------------------------------------------------------------------------------- terminal


def print_report(run: Run, console: Console, *, findings: bool = False) -> None:
    """Print the failures, then the matrix, then the counts, and each native defect if asked."""
    cases = {case.id: case for case in load_cases(run.losses)}
    for result in run.failures:
        console.print(_failure(cases[result.case], result))
        console.print()
    console.print(matrix(run))
    for line in _notes(run, findings):
        console.print(line)


def matrix(run: Run) -> Table:
    """Losses down, backends across; in each cell the largest error, or what went wrong."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("largest error", overflow="fold")
    shown = [backend.name for backend in run.backends if not _is_absent(backend)]
    for name in shown:
        table.add_column(name, justify="right", no_wrap=True)
    cells = {(cell.loss, cell.backend): cell for cell in run.cells}
    group = ""
    for loss in run.losses:
        namespace, _, name = loss.rpartition(".")
        if namespace != group:
            table.add_row(Text(namespace, style="italic"))
            group = namespace
        table.add_row(name, *[_cell(cells[loss, backend]) for backend in shown])
    return table


def _is_absent(backend: BackendRun) -> bool:
    """Whether a backend is not there, and nobody asked for it by name."""
    return backend.status == "not installed" and not backend.requested


def _cell(cell: Cell) -> Text:
    colour = "green" if cell.status == "ok" else "bold red"
    if cell.status not in ("ok", "failed"):
        return Text(cell.status, style=colour)
    text = _number(cell.error) + ("*" if cell.values_only else "")
    return Text(f"FAILED\n{text}" if cell.status == "failed" else text, style=colour)


def _number(error: float | None) -> str:
    return f"{error:.0e}".replace("e-0", "e-") if error else "0"


def _failure(case: Case, result: Result) -> RenderableType:
    status = (f"{result.status.upper()} ", "bold red")
    parts: list[RenderableType] = [Text.assemble(status, (result.loss, "bold"), f" on {result.backend}")]
    parts.append(_row("case", case.id))
    parts.append(_row("source", case.source))
    if case.finding:
        parts.append(_row("defect", f"{case.finding.cause}; judged against {case.finding.corrected_by}"))
    if result.reason:
        parts.append(_row("reason", result.reason))
    wrong = [check for check in result.checks if not check.holds]
    for check in wrong:
        if not any(check.got == other.got for other in wrong[: wrong.index(check)]):
            parts += _check(check)
    # At the margin, to be pasted as it stands.
    program = reproduce(case, result.backend)
    parts.append(Syntax(program, "python", background_color="default", word_wrap=True))
    return Group(*parts)


def _row(label: str, content: str) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="dim", width=10, justify="right")
    grid.add_column(overflow="fold")
    grid.add_row(label, Text(content))
    return grid


def _check(check: Check) -> list[RenderableType]:
    if check.error is None:
        measured = "differs"
    elif check.tolerance is None:
        measured = check.reason
    else:
        at = f" at {list(check.where)}" if check.where else ""
        measured = f"error {check.error:.2g}{at}, allowed {check.tolerance:.2g} ({check.reason})"
    heading = Text.assemble((check.quantity, "bold"), f": {measured}")
    sides = _row("expected", _shown(check.expected)), _row("got", _shown(check.got))
    return [Padding(heading, (0, 0, 0, 2)), *sides]


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _notes(run: Run, findings: bool) -> list[Text]:
    versions = [f"{b.name} {b.version}" for b in run.backends if b.version]
    lines = [Text(), Text(", ".join(versions), style="dim")] if versions else [Text()]
    for backend in run.backends:
        lines += _backend_notes(backend)
    absent = ", ".join(backend.name for backend in run.backends if _is_absent(backend))
    if absent:
        added = "pip install 'unified_loss[NAME]' adds one"
        lines.append(Text(f"not installed: {absent} ({added})", style="dim"))
    return [*lines, *_defects(run, findings), summary(run)]


def _defects(run: Run, each: bool) -> list[Text]:
    """The native defects that the cases judge against the right value: counted, or each one."""
    found = {case.finding.cause: case for case in _findings(run) if case.finding}
    if each:
        return [
            Text(f"native defect: {case.loss}, {case.framework} {case.version}: {cause}; ours: {_ours(case)}")
            for cause, case in found.items()
        ]
    counts = Counter(f"{case.framework} {case.version}" for case in found.values())
    said = ", ".join(f"{count} in {framework}" for framework, count in counts.items())
    told = "judged against the right value; --findings tells each"
    return [Text(f"native defects: {said} ({told})", style="dim")] if said else []


def _ours(case: Case) -> str:
    return case.finding.ours if case.finding else ""


def summary(run: Run) -> Text:
    """One line: how many cells hold, how the cases ended, how long it took."""
    statuses = Counter(result.status for result in run.results)
    said = ", ".join(f"{statuses[status]} {status}" for status in GRAVITY if status in statuses)
    holding = sum(cell.status == "ok" for cell in run.cells)
    absent = sum(cell.holds for cell in run.cells) - holding
    wanted = len(run.cells) - absent
    line = f"{holding} of {wanted} cells hold; cases: {said or 'none ran'}; {run.seconds:.0f} s"
    return Text(line, style="bold green" if run.holds else "bold red")


def _backend_notes(backend: BackendRun) -> list[Text]:
    if _is_absent(backend):
        return []
    if backend.status != "ok":
        return [Text(f"{backend.name}: {backend.status}: {backend.reason}", style="red")]
    if not backend.note:
        return []
    return [Text(f"* {backend.name}: values only, no gradients checked: {backend.note}", style="yellow")]
