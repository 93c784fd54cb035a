"""A report on the terminal: each failure explained, a matrix of losses and backends, the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text
from unified_loss.conformance.results import GRAVITY

from .changes import REGRESSIONS, ChangeKind
from .document import Report
from .explained import measured, shown
from .sections import notes

_CHANGES = 60
"""How many changes the terminal tells."""
_BETTER: tuple[ChangeKind, ...] = ("mended", "more accurate")


def print_report(report: Report, console: Console, *, findings: bool = False) -> None:
    """Print the failures, then the matrix, then the counts, and each native defect if asked."""
    order = [backend["name"] for backend in report["backends"]]
    wrong = [result for result in report["results"] if result["status"] != "ok"]
    for result in sorted(wrong, key=lambda r: (r["loss"], order.index(r["backend"]))):
        console.print(_failure(result))
        console.print()
    console.print(matrix(report))
    if "baseline" in report:
        console.print()
        console.print(changes_table(report["baseline"]))
    for line in [*_versions(report), *notes(report), *_defects(report, findings)]:
        console.print(line)
    if "baseline" in report:
        console.print(_changed(report["baseline"]))
    console.print(summary(report))


def matrix(report: Report) -> Table:
    """Losses down, backends across; in each cell the largest error, or what went wrong."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("largest error", overflow="fold")
    shown = [backend["name"] for backend in report["backends"] if not is_absent(backend)]
    for name in shown:
        table.add_column(name, justify="right", no_wrap=True)
    rows: dict[str, dict[str, Any]] = {}
    for cell in report["cells"]:
        rows.setdefault(cell["loss"], {})[cell["backend"]] = cell
    group = ""
    for loss, cells in rows.items():
        namespace, _, name = loss.rpartition(".")
        if namespace != group:
            table.add_row(Text(namespace, style="italic"))
            group = namespace
        table.add_row(name, *[_cell(cells[backend]) for backend in shown])
    return table


def is_absent(backend: dict[str, Any]) -> bool:
    """Whether a backend is not there, and nobody asked for it by name."""
    return backend["status"] == "not installed" and not backend["requested"]


def _cell(cell: dict[str, Any]) -> Text:
    colour = "green" if cell["status"] == "ok" else "bold red"
    if cell["status"] not in ("ok", "failed"):
        return Text(cell["status"], style=colour)
    text = _number(cell["error"]) + ("*" if cell["values_only"] else "")
    return Text(f"FAILED\n{text}" if cell["status"] == "failed" else text, style=colour)


def _number(error: float | str | None) -> str:
    return f"{float(error):.0e}".replace("e-0", "e-") if error else "0"


def _failure(result: dict[str, Any]) -> RenderableType:
    status = (f"{result['status'].upper()} ", "bold red")
    how = "" if result["mode"] == "eager" else f", {result['mode']}"
    parts: list[RenderableType] = [
        Text.assemble(status, (result["loss"], "bold"), f" on {result['backend']}{how}")
    ]
    parts.append(_row("case", result["case"]))
    parts.append(_row("source", result["source"]))
    if "finding" in result:
        parts.append(_row("defect", f"{result['finding']}; judged against {result['corrected_by']}"))
    if result["reason"]:
        parts.append(_row("reason", result["reason"]))
    wrong = [check for check in result["checks"] if not check["holds"]]
    for i, check in enumerate(wrong):
        if not any(check["got"] == other["got"] for other in wrong[:i]):
            parts += _check(check)
    # At the margin, to be pasted as it stands.
    parts.append(Syntax(result["reproduce"], "python", background_color="default", word_wrap=True))
    return Group(*parts)


def _row(label: str, content: str) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="dim", width=10, justify="right")
    grid.add_column(overflow="fold")
    grid.add_row(label, Text(content))
    return grid


def _check(check: dict[str, Any]) -> list[RenderableType]:
    heading = Text.assemble((check["quantity"], "bold"), f": {measured(check)}")
    sides = _row("expected", shown(check["expected"])), _row("got", shown(check["got"]))
    return [Padding(heading, (0, 0, 0, 2)), *sides]


def changes_table(baseline: dict[str, Any]) -> Table:
    """What changed since an older report: versions, then regressions, then the rest."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", pad_edge=False)
    for heading in ("change", "where", "before", "now", "why"):
        table.add_column(heading, overflow="fold")
    for version in baseline["versions"]:
        before, after = version["before"] or "absent", version["after"] or "absent"
        table.add_row(Text("version", style="yellow"), version["name"], before, after, "")
    for change in baseline["changes"][:_CHANGES]:
        bad = change["kind"] in REGRESSIONS
        colour = "bold red" if bad else "green" if change["kind"] in _BETTER else "dim"
        on = f" on {change['backend']}" if change["loss"] else change["backend"]
        where = " ".join(filter(None, (f"{change['loss']}{on}", change["detail"])))
        sides = (_side(change["before"]), _side(change["after"]))
        table.add_row(Text(change["kind"], style=colour), Text(where), *sides, Text(change["reason"]))
    more = len(baseline["changes"]) - _CHANGES
    if more > 0:
        table.add_row(f"{more} more", "which --json tells", "", "", "")
    return table


def _side(value: Any) -> str:
    return "-" if value is None else value if isinstance(value, str) else f"{value:.3g} ulps"


def _changed(baseline: dict[str, Any]) -> Text:
    counted = Counter(change["kind"] for change in baseline["changes"])
    said = ", ".join(f"{count} {kind}" for kind, count in counted.items()) or "nothing changed"
    count = baseline["regressions"]
    line = f"since {baseline['created']}: {count} regressions; {said}"
    return Text(line, style="bold red" if count else "bold green")


def _versions(report: Report) -> Iterator[Text]:
    yield Text()
    versions = [f"{b['name']} {b['version']}" for b in report["backends"] if b["version"]]
    if versions:
        yield Text(", ".join(versions), style="dim")
    for backend in report["backends"]:
        yield from _backend_notes(backend)
    absent = ", ".join(backend["name"] for backend in report["backends"] if is_absent(backend))
    if absent:
        added = "pip install 'unified_loss[NAME]' adds one"
        yield Text(f"not installed: {absent} ({added})", style="dim")


def _backend_notes(backend: dict[str, Any]) -> Iterator[Text]:
    if is_absent(backend):
        return
    if backend["status"] != "ok":
        yield Text(f"{backend['name']}: {backend['status']}: {backend['reason']}", style="red")
    elif backend["note"]:
        said = f"* {backend['name']}: values only, no gradients checked: {backend['note']}"
        yield Text(said, style="yellow")


def _defects(report: Report, each: bool) -> Iterator[Text]:
    """The native defects that the cases judge against the right value: counted, or each one."""
    found = {finding["cause"]: finding for finding in report["findings"]}
    if each:
        for finding in found.values():
            whose = f"{finding['loss']}, {finding['framework']} {finding['version']}"
            yield Text(f"native defect: {whose}: {finding['cause']}; ours: {finding['ours']}")
        return
    counts = Counter(f"{finding['framework']} {finding['version']}" for finding in found.values())
    said = ", ".join(f"{count} in {framework}" for framework, count in counts.items())
    if said:
        told = "judged against the right value; --findings tells each"
        yield Text(f"native defects: {said} ({told})", style="dim")


def summary(report: Report) -> Text:
    """One line: how many cells hold, how the cases ended, how long it took."""
    statuses = Counter(result["status"] for result in report["results"])
    said = ", ".join(f"{statuses[status]} {status}" for status in GRAVITY if status in statuses)
    holding, wanted = counts(report)
    gaps = sum(cell["status"] == "unsupported" for cell in report["cells"])
    declared = f", {gaps} are declared gaps" if gaps else ""
    cells = f"{holding} of {wanted} cells hold{declared}"
    line = f"{cells}; cases: {said or 'none ran'}; {report['seconds']:.0f} s"
    return Text(line, style="bold green" if report["holds"] else "bold red")


def counts(report: Report) -> tuple[int, int]:
    """How many cells hold, of how many that were to; those of absent backends are not among them."""
    holding = sum(cell["status"] == "ok" for cell in report["cells"])
    absent = sum(cell["holds"] for cell in report["cells"]) - holding
    return holding, len(report["cells"]) - absent
