"""The command `diff`: in what two losses differ, and which field does how much."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from unified_loss.errors import BackendError, ConfigError, MixedTensorsError
from unified_loss.outputs import STDOUT, check_outputs, write
from unified_loss.reports import JsonOption

from .attribution import Effect
from .explanation import Explanation, percent


def diff(
    first: Annotated[
        str, typer.Argument(metavar="A", help="A call by its native name, 'torch.nn.HuberLoss(delta=0.5)'.")
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="Another one, of any framework.")],
    inputs: Annotated[
        str | None,
        typer.Option(
            "--inputs",
            metavar="FILE.json",
            help="What to run both on: an object of nested lists, by A's names of its tensors, or by role, "
            "prediction and target. Default: inputs are drawn.",
        ),
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(
            "--backend", metavar="NAME", help="Where to run both. Default: as is selected, or numpy."
        ),
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Say in what two losses differ, field by field, and how much each field does in value and gradient.

    The exit status is 0 where both mean the same, 1 where they differ.
    """
    try:
        check_outputs([("--json", json_file)])
        given = {} if inputs is None else _read(inputs)
        # Here, because it loads the domains of all losses.
        from .diff import explain_diff  # noqa: PLC0415

        with Console(stderr=True).status("running both"):
            found = explain_diff(first, second, backend=backend, **given)
        if json_file != STDOUT:
            _print(found, Console())
        if json_file is not None:
            write("--json", json_file, json.dumps(found.to_json(), indent=1, allow_nan=False) + "\n")
    except (BackendError, ConfigError, MixedTensorsError) as error:
        print(f"unified-loss: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    raise typer.Exit(0 if found.equal else 1)


def _read(file: str) -> dict[str, Any]:
    where = f"--inputs {file}"
    try:
        table = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{where}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: is not JSON: {error}") from None
    if not isinstance(table, dict) or not table:
        raise ConfigError(f"{where}: expected an object of nested lists, by name of the tensor")
    if "backend" in table:
        raise ConfigError(f"{where}: 'backend' is no tensor; give it as --backend")
    return table


def _print(found: Explanation, console: Console) -> None:
    said = "means the same as" if found.equal else "against"
    console.print(Text.assemble((found.first, "bold"), f" {said} ", (found.second, "bold")), soft_wrap=True)
    for name, gap in (("value", found.value), ("gradient", found.gradient)):
        if gap is not None:
            console.print(Text(f"{name}: {gap}"))
    if found.fields:
        console.print(_table(found))
    for line in found.note.splitlines():
        console.print(Text(line, style="dim"))


def _table(found: Explanation) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("cause", "field", "first against second"):
        table.add_column(heading, overflow="fold")
    for heading in ("value", "gradient"):
        table.add_column(heading, justify="right")
    for field in found.fields:
        effects = field.value_effect, field.gradient_effect
        acts = any(effect is not None and effect.share for effect in effects)
        words = Text(field.words)
        if field.note:
            words.append(f"\n{field.note}", style="italic")
        name = Text(field.field, style="bold" if acts else "")
        table.add_row(Text(field.cause), name, words, *map(_cell, effects))
    return table


def _cell(effect: Effect | None) -> Text:
    if effect is None:
        return Text("")
    if effect.share is None:
        return Text(f"{effect.alone:.3g} alone" if effect.alone else "0")
    style = "red" if effect.share > 0.005 else ""
    return Text(f"{effect.amount:.3g}\n{percent(effect.share)}" if effect.amount else "0", style=style)
