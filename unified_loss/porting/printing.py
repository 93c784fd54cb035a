"""How a port is shown in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from .files import FilePort
from .result import Port

_COLOURS = {"exact": "green", "adapted": "yellow", "approximate": "red"}
_MEANINGS = {
    "exact": "the same value and gradient",
    "adapted": "the same value and gradient, after what stands beside the call",
    "approximate": "not the same: see what differs",
}


def print_port(port: Port, console: Console) -> None:
    """Show a loss in another framework: its code, the dialect's, what differs, and the proof."""
    console.print(Text.assemble(("source  ", "bold"), str(port.source)), soft_wrap=True)
    if port.native is not None:
        _code(f"in {port.to}", port.native, console)
        verdict = Text.assemble(("verdict ", "bold"), (port.verdict, _COLOURS[port.verdict]))
        console.print(verdict.append(f", {_MEANINGS[port.verdict]}"))
        for residual in port.differences:
            console.print(Text(f"  {residual}"), soft_wrap=True)
    else:
        console.print()
        console.print(
            Text.assemble((f"in {port.to}  ", "bold"), ("none: ", "red"), port.reason), soft_wrap=True
        )
    _code("through the dialect, always exact", port.dialect, console)
    for note in port.notes:
        console.print(Text(f"note: {note}"), soft_wrap=True)
    if port.proof is not None:
        console.print(Text("proof", style="bold"))
        console.print(Text(str(port.proof)), soft_wrap=True)


def _code(heading: str, code: str, console: Console) -> None:
    console.print()
    console.print(Text(heading, style="bold"))
    if console.is_terminal:
        console.print(Syntax(code.rstrip("\n"), "python", background_color="default"))
    else:
        # As it is, for whoever copies it or reads it by program: no line is folded.
        sys.stdout.write(code.rstrip("\n") + "\n")
    console.print()


def print_files(
    ports: Sequence[FilePort], console: Console, *, written: bool, backups: Sequence[str]
) -> None:
    """Show what was, or would be, changed in files, and each loss in them."""
    for port in ports:
        if not port.changed:
            continue
        if console.is_terminal:
            console.print(Syntax(port.diff.rstrip("\n"), "diff", background_color="default"))
        else:
            sys.stdout.write(port.diff)
    for port in ports:
        for finding in port.findings:
            left = finding.outcome == "left alone"
            colour = "red" if left else "yellow" if finding.reason else "green"
            place = f"{port.path}:{finding.line}: "
            # Not folded: editors and programs look for the place at the start of a line.
            console.print(Text.assemble((place, "bold"), (str(finding), colour)), soft_wrap=True)
    for backup in backups:
        console.print(Text(f"kept what was there as {backup}"), soft_wrap=True)
    console.print(Text(_summary(ports, written)), soft_wrap=True)


def _summary(ports: Sequence[FilePort], written: bool) -> str:
    findings = [finding for port in ports for finding in port.findings]
    changed = sum(port.changed for port in ports)
    if not findings and not changed:
        return f"nothing to port in {_counted(len(ports), 'file')}"
    left = sum(finding.outcome == "left alone" for finding in findings)
    done = _counted(len(findings) - left, "use")
    tail = "written" if written else "not written; --write does that"
    return (
        f"{done} ported, {left} left alone, in {_counted(changed, 'file')}{f' ({tail})' if changed else ''}"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
