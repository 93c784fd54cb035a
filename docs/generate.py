"""Runs the suite on all backends; writes the support table and the picture of the README.

``python docs/generate.py``, with all frameworks and the extra ``[docs]`` installed; takes a quarter of an
hour on two cores. Of what ``unified-loss conform --json FILE`` wrote for all backends, ``--report FILE``
writes both without running anything; ``--recorded`` does so from the table that is there.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from unified_loss.conformance import run
from unified_loss.conformance.reporting.reading import load_report
from unified_loss.conformance.second_order import native_gaps
from unified_loss.conformance.support import SupportCell, SupportTable, recorded_support

import unified_loss as ul
from unified_loss.registry import ENTRIES

HERE = Path(__file__).parent
DATA = HERE.parent / "conformance" / "data" / "support.json"
DIALECTS = {
    "mxnet": "MXNet",
    "torch": "PyTorch",
    "tf": "TensorFlow",
    "keras": "Keras",
    "paddle": "PaddlePaddle",
    "mindspore": "MindSpore",
    "optax": "optax",
}


def main() -> None:
    """Run, and write."""
    match sys.argv[1:]:
        case ["--recorded"]:
            support = recorded_support()
        case ["--report", file]:
            support = SupportTable.of_report(load_report(file))
        case _:
            support = SupportTable.of_run(run(ENTRIES))
    DATA.write_text(json.dumps(support.to_json(), indent=0, allow_nan=False) + "\n", encoding="utf-8")
    (HERE / "support.md").write_text(markdown(support), encoding="utf-8")
    draw(support, HERE / "conformance.svg")


def markdown(support: SupportTable) -> str:
    """The table as a page."""
    backends = list(support.versions)
    holding = sum(cell.support == "holds" for row in support.cells.values() for cell in row.values())
    lines = [
        "# Every loss of every framework, on every backend",
        "",
        "Made by `python docs/generate.py`; `unified-loss show --table` prints the same. *holds*: all",
        "documented, recorded and live cases do, within the tolerances of `conformance/tolerances.py`; the",
        "number is the largest error of any of them, relative to the size of the element; where a",
        "documentation prints few digits, what they leave out is in it.",
        "",
        f"{holding} of {sum(map(len, support.cells.values()))} cells hold. "
        + ", ".join(f"{name} {version}" for name, version in support.versions.items())
        + ".",
    ]
    for root, title in DIALECTS.items():
        rows = {loss: row for loss, row in support.cells.items() if loss.partition(".")[0] == root}
        rule = "|---" * (len(backends) + 1) + "|"
        lines += ["", f"## {title}", "", f"| loss | {' | '.join(backends)} |", rule]
        for loss, row in rows.items():
            lines.append(f"| `{loss}` | {' | '.join(_cell(row[backend]) for backend in backends)} |")
    lines += ["", "## Defects of the frameworks that the dialects do not have", ""]
    for loss, causes in support.findings.items():
        lines += [f"- `{loss}`: {cause}" for cause in causes]
    return "\n".join([*lines, *_second_derivatives(backends)]) + "\n"


def _second_derivatives(backends: list[str]) -> list[str]:
    gaps = {name: ul.get_backend(name).unsupported.get("second derivatives") for name in ENTRIES}
    having = ", ".join(name for name in backends if gaps[name] is None)
    on = f"Of all losses on {having}, by `value_and_grad` in another one."
    lines = ["", "## Second derivatives", "", on, ""]
    lines += [f"- {name}: refused; {gap}" for name, gap in gaps.items() if gap is not None]
    lines += ["", "Native losses whose own framework refuses the second derivative, or gets it wrong:", ""]
    natives = native_gaps().items()
    return lines + [f"- `{loss}`: {line['outcome']}; {line['reason']}" for loss, line in natives]


def _cell(cell: SupportCell) -> str:
    support, reason, error = cell.support, cell.reason, cell.error
    if support != "holds":
        return f"**{support}**: {reason}"
    return f"holds, {error:.0e}" if error else "holds, 0"


def draw(support: SupportTable, file: Path) -> None:
    """The table as a heat map: a panel for each dialect, a row for each loss, a column for each backend."""
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "conformance", "font.family": "sans-serif"})
    backends = list(support.versions)
    groups = {
        root: [loss for loss in support.cells if loss.partition(".")[0] == root] for root in DIALECTS
    }
    groups = {root: losses for root, losses in groups.items() if losses}
    figure, axes = plt.subplots(
        1, len(groups), figsize=(11, 6.4), squeeze=False, layout="constrained", facecolor="white"
    )
    colours = mpl.colormaps["YlGnBu"].with_extremes(bad="crimson")
    for axis, (root, losses) in zip(axes[0], groups.items(), strict=True):
        errors = np.array([[_digits(support.cells[loss][b]) for b in backends] for loss in losses])
        # Each cell in many pixels, because a browser blurs the borders of single ones.
        cells = np.ma.masked_invalid(np.kron(errors, np.ones((8, 8))))
        extent = (-0.5, len(backends) - 0.5, len(losses) - 0.5, -0.5)
        picture = axis.imshow(cells, aspect="auto", cmap=colours, vmin=-10, vmax=-4, extent=extent)
        axis.set_title(f"{DIALECTS[root]}\n{len(losses)} losses", fontsize=10)
        axis.set_xticks(range(len(backends)), backends, rotation=90, fontsize=8)
        axis.set_yticks([])
    bar = figure.colorbar(picture, ax=axes[0], fraction=0.02, pad=0.01)
    bar.set_ticks([-10, -8, -6, -4], labels=["1e-10 or none", "1e-8", "1e-6", "1e-4"])
    bar.set_label("largest error, value or gradient (red: does not hold)", fontsize=9)
    figure.savefig(file, metadata={"Date": None})


def _digits(cell: SupportCell) -> float:
    if cell.support != "holds":
        return math.nan
    return math.log10(max(cell.error or 0.0, 1e-16))


if __name__ == "__main__":
    main()
