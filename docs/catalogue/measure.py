"""Runs every loss of every framework and writes the data of the divergence catalogue.

``python docs/catalogue/measure.py [LOSS ...]``, with all frameworks installed, writes ``data/LOSS.json``
for each canonical loss that a framework's loss means; for all of them it takes a quarter of an hour on two
cores, most of it for the proofs of the ports. ``--without-proofs`` leaves the ports that are there as they
are; ``--recorded`` leaves the results of the frameworks, too, and needs none of them.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from unified_loss.conformance.catalogue import measured, refreshed

from unified_loss.porting.catalogue import catalogued

DATA = Path(__file__).parent / "data"


def main() -> None:
    """Measure, and write."""
    given = sys.argv[1:]
    losses = [name for name in given if not name.startswith("--")] or list(catalogued())
    known = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(DATA.glob("*.json"))}
    if "--recorded" in given:
        pages = [refreshed(known[loss]) for loss in losses]
    else:
        pages = measured(losses, known=known if "--without-proofs" in given else None)
    for page in pages:
        text = json.dumps(page, indent=1, allow_nan=False, ensure_ascii=False)
        # Numbers beside each other, on one line.
        text = re.sub(r"\[\n[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), text)
        (DATA / f"{page['loss']}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
