"""Shows on the terminal where the frameworks no longer give what was recorded from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text
from unified_loss.conformance.golden import Recording


def print_recording(recording: Recording, written: Mapping[Path, int], console: Console) -> None:
    """Print each case that has changed, a line for each framework, and what was written."""
    for drift in recording.changed:
        heading = (f"{drift.status.upper()} ", "bold yellow"), (drift.case, "bold")
        console.print(Text.assemble(*heading, f", {drift.framework} {drift.version}"))
        for check in drift.checks:
            if check.error is None:
                console.print(f"  {check.quantity}: {check.expected} recorded, {check.got} now", markup=False)
            else:
                far = f"{check.error:.1e} apart, {check.tolerance or 0:.1e} allowed"
                console.print(f"  {check.quantity}: {far}", markup=False)
        if drift.reason:
            console.print(f"  {drift.reason}", markup=False)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("framework", "version", "recorded", "same", "changed", ""):
        table.add_column(title, overflow="fold")
    for native in recording.natives:
        mine = [drift for drift in recording.drift if drift.native == native.name]
        of = sorted({f"{d.framework} {d.recorded_version}" for d in mine})
        same = sum(drift.status == "same" for drift in mine)
        changed = Text(str(len(mine) - same), style="yellow" if len(mine) > same else "green")
        why = "" if native.status == "ok" else f"{native.status}: {native.reason}"
        table.add_row(native.name, native.version or "-", ", ".join(of), str(same), changed, why)
    console.print(table)
    for path, count in written.items():
        console.print(f"{path}: {count} lines written anew", markup=False)
