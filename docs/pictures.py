"""Draws the pictures of the README: ``python docs/pictures.py``, with all frameworks installed."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console
from unified_loss.conformance import report, run


def main() -> None:
    """Run the conformance suite on all backends, and draw its report."""
    result = run()
    console = Console(record=True, width=86, file=io.StringIO(), force_terminal=True)
    console.print(report.matrix(result))
    console.print(report.summary(result))
    picture = Path(__file__).with_name("conformance.svg")
    drawn = console.export_svg(title="unified-loss conform")
    # The fonts that rich links to would be fetched from the network by whoever looks.
    picture.write_text(re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
