"""Pictures with one shape each, and where it is: the same arrays for both frameworks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SIDE = 24


class Pictures(NamedTuple):
    """``pixels`` (N, 1, 24, 24); ``kinds`` (N,), 0 if filled and 1 if hollow; ``boxes`` (N, 4) in [0, 1]."""

    pixels: np.ndarray
    kinds: np.ndarray
    boxes: np.ndarray


def pictures(count: int, seed: int) -> Pictures:
    """Rectangles, filled and hollow, on a noisy ground; a box is its left, top, right and bottom."""
    random = np.random.default_rng(seed)
    kinds = random.integers(2, size=count)
    half = random.uniform(3, 8, size=(count, 2))
    centre = random.uniform(half, SIDE - half)
    row, column = np.mgrid[:SIDE, :SIDE] + 0.5
    across = abs(column - centre[:, :1, None]) - half[:, :1, None]
    down = abs(row - centre[:, 1:, None]) - half[:, 1:, None]
    depth = -np.maximum(across, down)
    shapes = np.where(kinds[:, None, None] == 1, (depth > 0) & (depth < 2), depth > 0)
    pixels = shapes - 0.3 + random.normal(0, 0.2, size=shapes.shape)
    boxes = np.concatenate([centre - half, centre + half], axis=1) / SIDE
    return Pictures(pixels[:, None].astype("float32"), kinds.astype("int64"), boxes.astype("float32"))


def overlap(predicted: np.ndarray, boxes: np.ndarray) -> float:
    """Mean intersection over union, the measure of a detector."""
    corner, opposite = np.maximum(predicted[:, :2], boxes[:, :2]), np.minimum(predicted[:, 2:], boxes[:, 2:])
    common = _area(corner, opposite)
    union = _area(predicted[:, :2], predicted[:, 2:]) + _area(boxes[:, :2], boxes[:, 2:]) - common
    return float((common / union).mean())


def _area(corner: np.ndarray, opposite: np.ndarray) -> np.ndarray:
    return np.maximum(opposite - corner, 0).prod(axis=1)
