"""The command `port`: a loss, a file or a folder, from one framework to another."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from unified_loss.errors import ConfigError
from unified_loss.outputs import STDOUT, check_outputs, write
from unified_loss.reports import JsonOption

from . import known
from .files import FilePort, port_files, write_files


class Style(StrEnum):
    """The form that losses are ported to."""

    DIALECT = "dialect"
    NATIVE = "native"


def port(
    what: Annotated[
        str,
        typer.Argument(
            metavar="LOSS|FILE|FOLDER",
            help="A call by its native name, 'mxnet.gluon.loss.HuberLoss(rho=0.5)'; a Python file; or a "
            "folder, for all Python files below it.",
        ),
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="FRAMEWORK", help=f"The framework to port to: {', '.join(known.HEADS)}."
        ),
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="FRAMEWORK", help="Only the losses of this framework. Default: of all others."
        ),
    ] = None,
    style: Annotated[
        Style | None,
        typer.Option(
            "--style",
            help="Of a file: dialect keeps each loss, on the target's tensors, always exactly; native makes "
            "it the target's own wherever that has an equal one, and the dialect's elsewhere. Default: "
            "dialect.",
        ),
    ] = None,
    write_it: Annotated[
        bool,
        typer.Option(
            "--write",
            help="Write the changed files. Each is kept as FILE.orig first, unless git has it as it is.",
        ),
    ] = False,
    proof: Annotated[
        bool | None,
        typer.Option(
            "--proof/--no-proof",
            help="Whether to run both sides in their frameworks and compare. Default: of a loss, yes; of a "
            "file, no.",
        ),
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Port a loss, or the losses of a file or folder, to another framework.

    A file is read, never run. What cannot be decided from its text is left alone and listed, and the exit
    status is 1 then. Of a loss, it is 1 where the target has none that is equal.
    """
    try:
        check_outputs([("--json", json_file)])
        if _is_path(what):
            status = _port_files(what, to, source, style or Style.DIALECT, write_it, bool(proof), json_file)
        else:
            for option, given in (("--style", style), ("--write", write_it)):
                if given:
                    raise ConfigError(f"{option} is for files and folders; there is none named {what!r}")
            status = _port_loss(what, to, source, proof is not False, json_file)
    except ConfigError as error:
        print(f"unified-loss: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    raise typer.Exit(status)


def _is_path(what: str) -> bool:
    """Whether this is a path, or was meant as one."""
    try:
        if Path(what).exists():
            return True
    except (OSError, ValueError):
        return False
    return what.endswith((".py", "/")) or ("/" in what and "(" not in what)


def _port_loss(what: str, to: str, source: str | None, prove: bool, json_file: str | None) -> int:
    # Here, because these load the cases.
    from .port import port as ported_of  # noqa: PLC0415
    from .printing import print_port  # noqa: PLC0415
    from .source import parse  # noqa: PLC0415

    known.framework("--to", to)
    call = parse(what)
    if source is not None and not call.name.startswith(known.HEADS[known.framework("--from", source)]):
        raise ConfigError(f"--from {source}: {call.name} is no loss of that")
    with (
        Console(stderr=True).status("running both sides")
        if prove
        else Console(stderr=True).status("searching")
    ):
        ported = ported_of(call, to, prove=prove)
    if json_file != STDOUT:
        print_port(ported, Console())
    _write_json(json_file, ported.to_json())
    refuted = ported.proof is not None and ported.proof.kind != "none" and not ported.proof.holds
    return 0 if ported.native is not None and ported.verdict != "approximate" and not refuted else 1


def _port_files(
    path: str, to: str, source: str | None, style: Style, write_it: bool, prove: bool, json_file: str | None
) -> int:
    from .printing import print_files  # noqa: PLC0415  loads what only a terminal needs

    ports = port_files(
        path, to, source=source, style="native" if style is Style.NATIVE else "dialect", prove=prove
    )
    backups = write_files(ports) if write_it else []
    if json_file != STDOUT:
        print_files(ports, Console(), written=write_it, backups=backups)
    _write_json(json_file, _as_json(ports, to, source, style, write_it, backups))
    return 1 if any(finding.outcome == "left alone" for port in ports for finding in port.findings) else 0


def _as_json(
    ports: list[FilePort], to: str, source: str | None, style: Style, written: bool, backups: list[str]
) -> dict[str, Any]:
    return {
        "from": source,
        "to": to,
        "style": style.value,
        "written": written,
        "backups": backups,
        "files": [port.to_json() for port in ports],
    }


def _write_json(file: str | None, value: dict[str, Any]) -> None:
    if file is not None:
        write("--json", file, json.dumps(value, indent=1, allow_nan=False) + "\n")
