"""What a report's further sections come to, in a line or a few each; empty where a section is."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from .document import Report

_SHOWN = 10
"""How many of a section's entries the terminal tells; JSON and HTML have all."""


def notes(report: Report) -> Iterator[RenderableType]:
    """The lines of all sections."""
    yield from _modes(report)
    yield from _natives(report)
    yield from _drift(report)
    yield from _accuracy(report)
    yield from _mutants(report)


def _modes(report: Report) -> Iterator[Text]:
    statuses: dict[str, Counter[str]] = {}
    for result in report["results"]:
        statuses.setdefault(result["mode"], Counter())[result["status"]] += 1
    if len(statuses) > 1:
        for mode, found in statuses.items():
            yield Text(f"mode {mode}: {_counted(found)}", style="dim")


def _natives(report: Report) -> Iterator[Text]:
    for native in report["natives"]:
        if native["status"] not in ("ok", "not installed"):
            said = f"{native['name']}, its own losses: {native['status']}: {native['reason']}"
            yield Text(said, style="red")


def _drift(report: Report) -> Iterator[Text]:
    statuses = Counter(drift["status"] for drift in report["drift"])
    alarms = [drift for drift in report["drift"] if is_alarm(drift)]
    if not statuses:
        return
    documented = statuses.pop("documented", 0)
    if statuses:
        said = f"drift of the frameworks' own losses since they were recorded: {_counted(statuses)}"
        yield Text(said, style="bold red" if alarms else "dim")
    yield from _first((Text(_alarm(drift), style="red") for drift in alarms), len(alarms))
    if documented:
        said = f"documentation drift: {documented} printed values that the framework itself does not give"
        yield Text(said, style="dim")


def is_alarm(drift: dict[str, Any]) -> bool:
    """Whether a framework changed, or no longer answers; documentation that lags behind is none."""
    return drift["status"] not in ("same", "documented")


def _alarm(drift: dict[str, Any]) -> str:
    whose = f"{drift['framework']} {drift['version']}, recorded from {drift['recorded_version']}"
    wrong = [check for check in drift.get("checks", ()) if not check["holds"]]
    said = drift.get("reason", "")
    if wrong:
        check = wrong[0]
        size = "" if check["error"] is None else f" by {float(check['error']):.2g}"
        said = f"{check['quantity']} differs{size}"
    return f"  {drift['status']}: {drift['case']} ({whose}): {said}"


def _accuracy(report: Report) -> Iterator[RenderableType]:
    if not report["accuracy"]:
        return
    measured: dict[tuple[str, str], dict[str, list[float]]] = {}
    for entry in report["accuracy"]:
        whose = measured.setdefault((entry["subject"], entry["backend"]), {})
        whose.setdefault(entry["dtype"], []).append(float(entry["worst"]))
    dtypes = sorted({entry["dtype"] for entry in report["accuracy"]})
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("ulps from the oracle: typical, worst")
    for dtype in dtypes:
        table.add_column(dtype, justify="right")
    for (subject, backend), found in measured.items():
        table.add_row(f"{subject}, {backend}", *[_typical_and_worst(found.get(dtype)) for dtype in dtypes])
    yield table
    yield from _ranked(report["accuracy"])
    wrong = [entry for entry in report["accuracy"] if not entry["holds"]]
    lines = (
        Text(
            f"  not accurate: {e['loss']} on {e['backend']}, {e['dtype']} {e['quantity']}: "
            f"{_ulps(float(e['worst']))} ulps; {e['reason']}",
            style="red",
        )
        for e in wrong
    )
    yield from _first(lines, len(wrong))


def _ranked(accuracy: list[dict[str, Any]]) -> Iterator[Table]:
    """Where the native losses lose most digits, and where ours do, each beside the other."""
    keys = ("loss", "backend", "dtype", "quantity")
    other = {(*[e[key] for key in keys], e["subject"]): e for e in accuracy}
    for subject, beside in (("native", "ours"), ("ours", "native")):
        entries = [e for e in accuracy if e["subject"] == subject and e["elements"]]
        better = {id(e): float(other.get((*[e[key] for key in keys], beside), e)["worst"]) for e in entries}
        entries.sort(key=lambda e: (-float(e["worst"]), better[id(e)], e["loss"], e["dtype"]))
        # Of a class and its function, a quantity and all dtypes, the worst stands for all.
        shown = {(_alike(e["loss"]), e["quantity"]): e for e in reversed(entries)}
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
        whose = "the frameworks' own losses are" if subject == "native" else "ours are"
        for heading in (f"where {whose} furthest off", "dtype", "", subject, beside, "is", "gives"):
            table.add_column(heading, overflow="fold")
        for e in sorted(shown.values(), key=entries.index)[:_SHOWN]:
            there = other.get((*[e[key] for key in keys], beside))
            numbers = (_ulps(float(e["worst"])), "" if there is None else _ulps(float(there["worst"])))
            sides = (_ulps(float(e["expected"])), _ulps(float(e["got"])))
            table.add_row(f"{e['loss']}, {e['backend']}", e["dtype"], e["quantity"], *numbers, *sides)
        if table.row_count:
            yield table


def _alike(loss: str) -> str:
    """The same for a class and for its function."""
    name = loss.rpartition(".")[2].replace("_", "").lower()
    return loss.partition(".")[0] + name.removesuffix("loss")


def _mutants(report: Report) -> Iterator[RenderableType]:
    if not report["mutants"]:
        return
    yield _score(report)
    missed = [m for m in report["mutants"] if m["status"] in ("survived", "error")]
    for m in missed:
        why = f"; {m['reason']}" if m["reason"] else ""
        yield Text(f"  {m['status']} on {m['backend']}: {m['mutant']}{why}", style="red")
    statuses = Counter(mutant["status"] for mutant in report["mutants"])
    yield Text(f"mutants: {_counted(statuses)}", style="bold red" if missed else "bold green")


def _score(report: Report) -> Table:
    """Of each kind and backend, how many mutants are noticed of those that can be."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", pad_edge=False)
    counts: dict[str, dict[str, Counter[str]]] = {}
    for mutant in report["mutants"]:
        of_kind = counts.setdefault(mutant["kind"], {})
        of_kind.setdefault(mutant["backend"], Counter())[mutant["status"]] += 1
    backends = list(dict.fromkeys(mutant["backend"] for mutant in report["mutants"]))
    table.add_column("mutants caught")
    for name in backends:
        table.add_column(name, justify="right", no_wrap=True)
    for kind, of_kind in counts.items():
        table.add_row(kind, *(_caught(of_kind.get(name, Counter())) for name in backends))
    return table


def _caught(statuses: Counter[str]) -> Text:
    can_be = statuses.total() - statuses["equivalent"]
    said = f"{statuses['caught']}/{can_be}" if can_be else ""
    return Text(said, style="green" if statuses["caught"] == can_be else "bold red")


def _first(lines: Iterable[Text], total: int) -> Iterator[Text]:
    for line, _ in zip(lines, range(_SHOWN), strict=False):
        yield line
    if total > _SHOWN:
        yield Text(f"  and {total - _SHOWN} more, which --json and --html tell", style="red")


def _counted(statuses: Counter[str]) -> str:
    return ", ".join(f"{count} {status}" for status, count in statuses.most_common())


def _typical_and_worst(ulps: list[float] | None) -> str:
    return f"{_ulps(statistics.median(ulps))}, {_ulps(max(ulps))}" if ulps else ""


def _ulps(value: float) -> str:
    return f"{value:.3g}"
