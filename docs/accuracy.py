"""Writes `accuracy.md` and `accuracy.svg` of a report: native losses and ours against the oracle.

``unified-loss conform --oracle --json report.json && python docs/accuracy.py report.json``, with all
frameworks and the extra ``[docs]`` installed.
"""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

HERE = Path(__file__).parent
FRAMEWORKS = {
    "mxnet": "MXNet",
    "torch": "PyTorch",
    "tf": "TensorFlow",
    "keras": "Keras",
    "paddle": "PaddlePaddle",
    "mindspore": "MindSpore",
    "optax": "optax",
}
WRONG = 2.0**12
"""Units in the last place of float32 from which on half the digits are gone."""
_EDGE = 3e9
"""Where the picture shows what is infinitely far off."""

Pair = tuple[dict[str, Any], dict[str, Any]]


def main() -> None:
    """Read a report, and write."""
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    pairs = paired(report["accuracy"])
    (HERE / "accuracy.md").write_text(markdown(report, pairs), encoding="utf-8")
    draw(pairs, HERE / "accuracy.svg")


def paired(accuracy: list[dict[str, Any]]) -> list[Pair]:
    """The native measurements, each with ours of the same loss on the same framework."""
    found: dict[tuple[str, ...], dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in accuracy:
        key = row["loss"], row["backend"], row["dtype"], row["quantity"]
        found[key][row["subject"]] = {**row, "worst": float(row["worst"])}
    return [(pair["native"], pair["ours"]) for pair in found.values() if len(pair) == 2]


def markdown(report: dict[str, Any], pairs: list[Pair]) -> str:
    """The page."""
    narrow = [pair for pair in pairs if pair[0]["dtype"] == "float32"]
    versions = [f"{backend['name']} {backend['version']}" for backend in report["backends"]]
    lines = [
        "# Digits that losses lose",
        "",
        "Made by `unified-loss conform --oracle` and `python docs/accuracy.py`. Each native loss, and",
        "ours on the same tensors, against the same plan in arbitrary precision (mpmath), element by",
        "element, over ordinary and extreme inputs: logits to ±1e4 and ±inf, probabilities 0, 1 and",
        "their neighbours, denormals, distances of 0, huge counts. In units in the last place (ulps)",
        "of the result's dtype; *infinite*: NaN or infinite where the exact result is a number, or",
        "the other way round.",
        "",
        ", ".join(versions) + ".",
        "",
        "![Worst error of each native loss against ours](accuracy.svg)",
        "",
        "## Worst cells in float32, value or gradient, that lose more than half of their digits",
        "",
        "| framework | measured | native | of these infinite | ours | of these infinite |",
        "|---|---|---|---|---|---|",
    ]
    for root, title in FRAMEWORKS.items():
        mine = [pair for pair in narrow if pair[0]["loss"].partition(".")[0] == root]
        counts = [
            sum(test(row["worst"]) for row in rows)
            for rows in ([native for native, _ in mine], [ours for _, ours in mine])
            for test in (lambda x: x >= WRONG, math.isinf)
        ]
        lines.append(f"| {title} | {len(mine)} | {' | '.join(map(str, counts))} |")
    lines += ["", "## Where native losses lose most", "", *_ranking(narrow)]
    lines += ["", "## Where ours lose most", "", *_ranking(narrow, by_ours=True)]
    return "\n".join(lines) + "\n"


def _ranking(pairs: list[Pair], by_ours: bool = False, limit: int = 40) -> list[str]:
    lines = ["| loss | | native, ulps | ours, ulps | exact | got |", "|---|---|---|---|---|---|"]
    ranked = sorted(pairs, key=lambda pair: -pair[by_ours]["worst"])
    for native, ours in ranked[:limit]:
        row = ours if by_ours else native
        numbers = native["worst"], ours["worst"], row["expected"], row["got"]
        lines.append(f"| `{row['loss']}` | {row['quantity']} | {' | '.join(map(_number, numbers))} |")
    return lines


def _number(x: Any) -> str:
    value = float(x)
    return f"{value:.3g}" if math.isfinite(value) else {math.inf: "infinite"}.get(value, str(x))


def draw(pairs: list[Pair], file: Path) -> None:
    """Each native loss as a point: how far it is off, against how far ours is."""
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "accuracy", "font.family": "sans-serif"})
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained", facecolor="white", sharey=True)
    for axis, dtype in zip(axes, ("float32", "float64"), strict=True):
        for number, (root, title) in enumerate(FRAMEWORKS.items()):
            mine = [p for p in pairs if p[0]["loss"].partition(".")[0] == root and p[0]["dtype"] == dtype]
            points = [(_place(native["worst"]), _place(ours["worst"])) for native, ours in mine]
            across, up = zip(*points, strict=True) if points else ((), ())
            axis.scatter(across, up, s=22, alpha=0.65, linewidths=0, color=f"C{number}", label=title)
        axis.plot([0.1, _EDGE], [0.1, _EDGE], color="0.6", linewidth=1, zorder=0)
        axis.set_xscale("log")
        axis.set_yscale("log")
        ticks = [0.1, 1, 1e3, 1e6, _EDGE]
        names = ["exact", "1", "1e3", "1e6", "infinite"]
        axis.set_xticks(ticks, names)
        axis.set_yticks(ticks, names)
        axis.minorticks_off()
        axis.grid(color="0.93")
        axis.set_title(dtype, fontsize=11)
        axis.set_xlabel("native loss: worst error, ulps")
    axes[0].set_ylabel("ours on the same tensors, ulps")
    axes[0].text(3e5, 0.6, "below the line:\nours keeps more digits", fontsize=9, color="0.35", ha="center")
    axes[1].legend(fontsize=9, frameon=False, loc="upper left")
    figure.savefig(file, metadata={"Date": None})


def _place(ulps: float) -> float:
    return min(max(ulps, 0.1), _EDGE)


if __name__ == "__main__":
    main()
