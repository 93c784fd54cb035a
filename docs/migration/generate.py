"""Trains the models of the migration guides; draws their curves, and writes the differences into their pages.

``python docs/migration/generate.py [GUIDE ...]``, with its frameworks and the extra ``[docs]`` installed.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from training import GUIDES, HERE, Curves, table, train

# Blue and orange differ to every eye, and on paper by their lightness.
BEFORE, AFTER, NAIVE = "#9ecae1", "#08306b", "#d94801"
FRAMEWORKS = {"gluon-to-torch": ("MXNet", "PyTorch"), "keras-to-jax": ("Keras", "JAX")}


def main() -> None:
    """Train, draw and write."""
    for guide in sys.argv[1:] or GUIDES:
        with tempfile.TemporaryDirectory() as folder:
            curves = train(guide, Path(folder))
        draw(curves, *FRAMEWORKS[guide], HERE / guide / "curves.svg")
        page = HERE / guide / "README.md"
        marks = r"(<!-- differences -->\n).*(<!-- end -->)"
        text = re.sub(marks, rf"\g<1>\n{table(curves)}\n\n\g<2>", page.read_text("utf-8"), flags=re.DOTALL)
        page.write_text(text, encoding="utf-8")
        print(guide, table(curves), sep="\n\n")


def draw(curves: Curves, old: str, new: str, file: Path) -> None:
    """A panel for each curve; what was before is drawn wide, so that what coincides lies on it."""
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "curves", "font.family": "sans-serif"})
    names = list(curves.before)
    figure, axes = plt.subplots(1, len(names), figsize=(11, 3.4), layout="constrained", facecolor="white")
    for axis, name in zip(axes, names, strict=True):
        epochs = range(1, len(curves.before[name]) + 1)
        axis.plot(epochs, curves.before[name], color=BEFORE, linewidth=6, solid_capstyle="round")
        axis.plot(epochs, curves.after[name], color=AFTER, linewidth=1.4)
        axis.plot(epochs, curves.naive[name], color=NAIVE, linewidth=1.6, linestyle=(0, (4, 1.5)))
        axis.set_title(name, fontsize=10)
        axis.set_xlabel("epoch", fontsize=9)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(y=0.2)
        axis.xaxis.get_major_locator().set_params(integer=True)
        gaps = np.abs(np.subtract(curves.before[name], curves.naive[name]))
        if gaps[len(gaps) // 2] > 0.1 * np.ptp(axis.get_ylim()):
            label(axis, curves.naive[name], curves.before[name], f"{new}, same name", NAIVE)
            ported = f"{old}, and {new}\nwith its dialect loss"
            label(axis, curves.before[name], curves.naive[name], ported, AFTER)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def label(axis: plt.Axes, curve: list[float], other: list[float], text: str, colour: str) -> None:
    """Write at the middle of a curve, on the side away from the other one, clear of its slope."""
    middle = len(curve) // 2
    above = curve[middle] > other[middle]
    rises = curve[-1] > curve[middle]
    axis.annotate(
        text,
        (middle + 1, curve[middle]),
        xytext=(0, 8 if above else -8),
        textcoords="offset points",
        va="bottom" if above else "top",
        ha="right" if above == rises else "left",
        fontsize=8.5,
        color=colour,
    )


if __name__ == "__main__":
    main()
