"""Pictures of the divergence catalogue: a loss and its gradient along one element, a line for each curve."""

from __future__ import annotations

import itertools
import re
import textwrap
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from naming import FRAMEWORKS

# Okabe and Ito's colours, without the yellow, which white swallows; the widths let a lower line show.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#7A4F9A")
WIDTHS = (5.0, 3.2, 2.4, 1.8, 1.4, 1.4, 1.4, 1.4)
STYLES = ("-", "-", "-", "--", "-.", ":", "--", "-.")
TO_THE_EYE = 0.006
"""Curves that are nowhere further apart, as a part of the height of the panel, are drawn as one."""
BEYOND = 8
"""A panel is cut where the curves reach beyond so many times the height that most of their points need."""


def draw(page: dict[str, Any], variants: list[str], file: Path) -> None:
    """The picture of some variants of a loss, into an SVG file."""
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "catalogue", "font.family": "sans-serif"})
    mpl.rcParams.update({"path.simplify": True, "path.simplify_threshold": 0.3})
    curves = page["curves"]
    x = np.array(curves["x"], dtype=float)
    groups = coinciding({name: curves["variants"][name] for name in variants})
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.3), facecolor="white")
    figure.subplots_adjust(left=0.055, right=0.715, bottom=0.16, top=0.9, wspace=0.27)
    where = f"{curves['role']}[{', '.join(map(str, curves['index']))}]"
    slope = 0.0
    for axis, of in zip(axes, ("value", "gradient"), strict=True):
        drawn = [along(curves["variants"][group[0]], of) for group in groups]
        lines = [
            axis.plot(x, y, color=colour, linewidth=width, linestyle=style, solid_capstyle="butt")[0]
            for y, colour, width, style in zip(
                drawn, *map(itertools.cycle, (COLOURS, WIDTHS, STYLES)), strict=False
            )
        ]
        axis.set_title({"value": "loss", "gradient": "gradient"}[of], fontsize=10.5)
        axis.set_xlabel(where, fontsize=9.5)
        axis.tick_params(labelsize=9)
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0, y=0.06)
        flat(axis)
        cut(axis, drawn, slope / 5)
        low, high = axis.get_ylim()
        slope = (high - low) / float(np.ptp(x))
        for line, y in zip(lines, drawn, strict=True):
            points = bends(x, np.clip(y, 2 * low - high, 2 * high - low), (high - low) / 1500)
            line.set_data(x[points], y[points])
    label(axes[1], x, drawn, labels(page, groups))
    figure.savefig(file, metadata={"Date": None})
    # A tenth of a point is enough, and halves the file.
    text = re.sub(r"([ML]) (-?[\d.]+) (-?[\d.]+)", tenths, file.read_text("utf-8"))
    file.write_text(text, encoding="utf-8")
    plt.close(figure)


def along(both: dict[str, list[Any] | None], of: str) -> np.ndarray:
    """A curve; one that is not known is nowhere."""
    known = both[of]
    return np.full(len(both["value"] or ()), np.nan) if known is None else np.array(known, dtype=float)


def tenths(point: re.Match[str]) -> str:
    """A point of a path, rounded."""
    return f"{point[1]} {round(float(point[2]), 1)} {round(float(point[3]), 1)}"


def bends(x: np.ndarray, y: np.ndarray, near: float) -> np.ndarray:
    """Which points of a curve are needed: those between them lie near the straight lines."""
    if not np.isfinite(y).all():
        return np.arange(len(x))
    kept, start = [0], 0
    for end in range(2, len(x)):
        chord = np.interp(x[start : end + 1], x[[start, end]], y[[start, end]])
        if np.abs(chord - y[start : end + 1]).max() > near:
            start = end - 1
            kept.append(start)
    return np.array([*kept, len(x) - 1])


def coinciding(variants: dict[str, dict[str, list[Any]]]) -> list[list[str]]:
    """The variants, those together whose curves are the same to the eye, the most first."""
    curves = {name: [along(both, of) for of in ("value", "gradient")] for name, both in variants.items()}
    heights = []
    for of in (0, 1):
        finite = np.concatenate([both[of][np.isfinite(both[of])] for both in curves.values()])
        heights.append(max(float(np.ptp(finite)), 1e-30) if finite.size else 1.0)
    groups: list[list[str]] = []
    for name, both in curves.items():
        for group in groups:
            first = curves[group[0]]
            near = (
                np.allclose(a, b, rtol=0, atol=TO_THE_EYE * height, equal_nan=True)
                for a, b, height in zip(first, both, heights, strict=True)
            )
            if all(near):
                group.append(name)
                break
        else:
            groups.append([name])
    return groups


def labels(page: dict[str, Any], groups: list[list[str]]) -> list[str]:
    """The frameworks of each group; of one that is in several, its losses."""
    calls = {variant["id"]: variant["calls"] for variant in page["variants"]}
    found: list[list[tuple[str, str]]] = [
        [(FRAMEWORKS[call["framework"]], call["name"]) for name in group for call in calls[name]]
        for group in groups
    ]
    counts = [{framework for framework, _ in group} for group in found]
    texts = []
    for group in found:
        parts: dict[str, None] = {}
        for framework, name in group:
            several = sum(framework in count for count in counts) > 1
            parts[f"{framework} {name.rpartition('.')[2]}" if several else framework] = None
        shown = list(parts)[:4]
        more = len(parts) - len(shown)
        joined = ", ".join(shown) + (f" and {more} more" if more else "")
        texts.append("\n".join(textwrap.wrap(joined, 40, break_on_hyphens=False)))
    return texts


def flat(axis: plt.Axes) -> None:
    """No axis is drawn so close that rounding looks like a slope."""
    low, high = axis.get_ylim()
    least = 1e-5 * max(abs(low), abs(high), 1e-3)
    if high - low < least:
        middle = (low + high) / 2
        axis.set_ylim(middle - max(0.5, abs(middle) / 2), middle + max(0.5, abs(middle) / 2))


def cut(axis: plt.Axes, curves: list[np.ndarray], least: float) -> None:
    """Where a few points of a curve are far beyond all others, cut them off, and say how far they reach.

    Not where all others are less than ``least``: what is beyond is all that there is to see then.
    """
    finite = [curve[np.isfinite(curve)] for curve in curves if np.isfinite(curve).any()]
    if not finite:
        return
    low, high = (
        min(float(np.percentile(part, 4)) for part in finite),
        max(float(np.percentile(part, 96)) for part in finite),
    )
    bottom, top = min(float(part.min()) for part in finite), max(float(part.max()) for part in finite)
    span = high - low
    if span <= least or top - bottom <= BEYOND * span:
        return
    axis.set_ylim(max(bottom, low - span / 2) - span / 20, min(top, high + span / 2) + span / 20)
    for reach, beyond, place in ((top, high + span / 2, 0.985), (bottom, low - span / 2, 0.015)):
        if (reach > beyond) if place > 0.5 else (reach < beyond):
            text = f"reaches {reach:.2g}"
            axis.text(0.03, place, text, transform=axis.transAxes, fontsize=8, color="#555555",
                      va="top" if place > 0.5 else "bottom")  # fmt: skip


def label(axis: plt.Axes, x: np.ndarray, curves: list[np.ndarray], texts: list[str]) -> None:
    """Write the texts to the right, in the order in which the curves end, and lead from each to its curve."""
    low, high = axis.get_ylim()
    ends = []
    for curve in curves:
        finite = np.flatnonzero(np.isfinite(curve))
        end = (x[finite[-1]], curve[finite[-1]]) if finite.size else (x[-1], low)
        ends.append((end[0], min(max(end[1], low), high)))
    order = sorted(range(len(curves)), key=lambda number: ends[number][1])
    line = 0.068
    heights = [line * (texts[number].count("\n") + 1) + 0.035 for number in order]
    places = [(ends[number][1] - low) / (high - low) for number in order]
    for _ in range(400):
        for a, b in itertools.pairwise(range(len(places))):
            overlap = (heights[a] + heights[b]) / 2 - (places[b] - places[a])
            if overlap > 0:
                places[a] -= overlap / 2
                places[b] += overlap / 2
        below = heights[0] / 2 - 0.1 - places[0]
        if below > 0:
            places[0] += below
        above = places[-1] + heights[-1] / 2 - 1.1
        if above > 0:
            places[-1] -= above
    for number, place in zip(order, places, strict=True):
        colour = COLOURS[number % len(COLOURS)]
        axis.annotate(
            texts[number],
            ends[number],
            xytext=(1.08, place),
            textcoords="axes fraction",
            va="center",
            fontsize=8.3,
            color=colour,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.8, "shrinkA": 1, "shrinkB": 0,
                        "relpos": (0, 0.5)},
        )  # fmt: skip
