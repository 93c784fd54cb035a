"""Prints what a loss is, and which losses run where, on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .description import Description

if TYPE_CHECKING:
    from unified_loss.conformance.support import SupportCell, SupportTable

_COLOURS = {"holds": "green", "deviates": "bold red", "unsupported": "yellow"}
_RELATIVES = 12
"""The losses of other frameworks that are shown; the closest come first."""


def print_description(found: Description, support: SupportTable, console: Console) -> None:
    """Print a loss: its formula, plan and parameters, the backends that run it, and its relatives."""
    console.print(Text(found.signature, style="bold"))
    console.print(Text(found.summary))
    if found.spec is not None:
        console.print(_section("formula", Text(f"unified_loss.losses.{found.spec}\n{found.formula}")))
    shown = repr(found.plan) if found.plan else "depends on the parameters that have no default"
    console.print(_section("plan", Text(shown)))
    console.print(_section("parameters", _parameters(found)))
    console.print(_section("backends", _backends(support.cells.get(found.name, {}))))
    causes = support.findings.get(found.name, ())
    if causes:
        console.print(_section("defects of the native loss that this one does not have", _lines(causes)))
    if found.relatives:
        console.print(_section("in other frameworks, with default parameters", _relatives(found)))


def _section(title: str, content: RenderableType) -> RenderableType:
    return Group(Text(f"\n{title}", style="italic"), Padding(content, (0, 0, 0, 2)))


def _lines(texts: tuple[str, ...]) -> RenderableType:
    return Group(*map(Text, texts))


def _parameters(found: Description) -> RenderableType:
    if not found.parameters:
        return Text("none")
    required = {name for name, default in found.parameters.items() if default == "..."}
    return Text(
        ", ".join(f"{n} (required)" if n in required else f"{n}={d}" for n, d in found.parameters.items())
    )


def _backends(cells: Mapping[str, SupportCell]) -> RenderableType:
    if not cells:
        return Text("not recorded: run unified-loss conform")
    grid = Table.grid(padding=(0, 2))
    for backend, cell in cells.items():
        said = cell.reason or f"{cell.cases} cases, largest error {cell.error or 0:.0e}"
        grid.add_row(backend, Text(cell.support, style=_COLOURS[cell.support]), Text(said))
    return grid


def _relatives(found: Description) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    for relative in found.relatives[:_RELATIVES]:
        said = "\n".join(map(str, relative.differences)) or "the same plan"
        grid.add_row(relative.name, Text(said, style="" if relative.differences else "green"))
    if len(found.relatives) > _RELATIVES:
        grid.add_row(f"and {len(found.relatives) - _RELATIVES} more (--json tells all)", "")
    return grid


def print_table(support: SupportTable, console: Console) -> None:
    """Print every native loss on every backend."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("loss", overflow="fold")
    for backend in support.versions:
        table.add_column(backend, no_wrap=True)
    group, counts, notes = "", Counter[str](), []
    for loss, row in support.cells.items():
        namespace, _, name = loss.rpartition(".")
        if namespace != group:
            table.add_row(Text(namespace, style="italic"))
            group = namespace
        table.add_row(name, *(Text(row[b].support, style=_COLOURS[row[b].support]) for b in support.versions))
        counts.update(cell.support for cell in row.values())
        notes += [f"{loss} on {b}: {cell.support}: {cell.reason}" for b, cell in row.items() if cell.reason]
    console.print(table)
    for note in notes:
        console.print(Text(note))
    console.print(Text(", ".join(f"{name} {version}" for name, version in support.versions.items()), "dim"))
    console.print(Text(", ".join(f"{count} {support}" for support, count in counts.items()), style="bold"))
