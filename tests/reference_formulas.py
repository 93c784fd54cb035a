"""Formulas of the losses of probabilities, similarity and overlap, written out in NumPy float64."""

from __future__ import annotations

import math

import numpy as np

RNG = np.random.default_rng(20261124)
X = RNG.normal(size=(3, 4)) * 2
Y = RNG.normal(size=(3, 4))
P = RNG.uniform(0.05, 0.95, size=(3, 4))
Q = RNG.uniform(0.05, 0.95, size=(3, 4))
SIGNS = RNG.choice([-1.0, 1.0], size=(3, 4))
VECTORS = RNG.normal(size=(5, 3))
UNIT = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)


def log_softmax(x, axis):
    return x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True))


def smoothed(target, share, classes):
    return (1 - share) * target + share / classes


def normalized(p, axis=1):
    return p / p.sum(axis=axis, keepdims=True)


def binary_focal(p, y, alpha, gamma):
    hit = y * p + (1 - y) * (1 - p)
    share = y * alpha + (1 - y) * (1 - alpha)
    return -share * (1 - hit) ** gamma * (y * np.log(p) + (1 - y) * np.log(1 - p))


def categorical_focal(p, y, weight, gamma, axis):
    return -np.sum(weight * (1 - p) ** gamma * y * np.log(p), axis=axis)


def circle(x, labels, references, reference_labels, gamma, margin, without_self):
    losses = []
    for i, a in enumerate(x):
        pulled = pushed = 0.0
        for j, b in enumerate(references):
            d = 1 - a @ b
            if labels[i] != reference_labels[j]:
                pushed += math.exp(gamma * max(1 + margin - d, 0) * (1 - margin - d))
            elif not (without_self and i == j):
                pulled += math.exp(gamma * (margin + d) * (d - margin))
        losses.append(math.log1p(pulled * pushed))
    return np.array(losses)


REFERENCES = {
    "hinge of half a gradient": ((X, SIGNS), {"gradient_at_zero": 0.5}, lambda: np.maximum(0, 1 - X * SIGNS)),
    "binary_cross_entropy clipped and smoothed": (
        (np.round(P), Q),
        {"log_floor": None, "gradient_floor": None, "clip": 1e-3, "label_smoothing": 0.2},
        lambda: -smoothed(Q, 0.2, 2) * np.log(np.where(P > 0.5, 0.999, 0.001))
        - (1 - smoothed(Q, 0.2, 2)) * np.log(np.where(P > 0.5, 0.001, 0.999)),
    ),
    "binary_cross_entropy_with_logits smoothed": (
        (X, Q),
        {"label_smoothing": 0.2},
        lambda: smoothed(Q, 0.2, 2) * np.log1p(np.exp(-X))
        + (1 - smoothed(Q, 0.2, 2)) * np.log1p(np.exp(X)),
    ),
    "softmax_cross_entropy smoothed along another axis": (
        (X, Q),
        {"axis": 0, "label_smoothing": 0.2, "smoothing_axis": 1, "gradient_of_distribution": True},
        lambda: -np.sum(smoothed(Q, 0.2, 4) * log_softmax(X, 0), axis=0),
    ),
    "categorical_cross_entropy": ((P, Q), {"axis": 0}, lambda: -np.sum(Q * np.log(P), axis=0)),
    "categorical_cross_entropy normalized": (
        (P, Q),
        {"normalized": "before_clip", "clip": 0.2, "label_smoothing": 0.1},
        lambda: -np.sum(smoothed(Q, 0.1, 4) * np.log(np.clip(normalized(P), 0.2, 0.8)), axis=1),
    ),
    "sparse_categorical_cross_entropy": (
        (P, np.array([2, 0, 3])),
        {},
        lambda: -np.log(P[np.arange(3), [2, 0, 3]]),
    ),
    "sparse_categorical_cross_entropy normalized": (
        (P, np.array([2, 0, 1, 1])),
        {"axis": 0, "normalized": "after_clip", "clip": 0.2},
        lambda: -np.log(normalized(np.clip(P, 0.2, 0.8), 0)[[2, 0, 1, 1], np.arange(4)]),
    ),
    "generalized_cross_entropy": (
        (P, np.array([2, 0, 3])),
        {"q": 0.7},
        lambda: (1 - P[np.arange(3), [2, 0, 3]] ** 0.7) / 0.7,
    ),
    "binary_focal_cross_entropy": (
        (P, Q),
        {"alpha": 0.3, "gamma": 1.5, "label_smoothing": 0.2},
        lambda: binary_focal(P, smoothed(Q, 0.2, 2), 0.3, 1.5),
    ),
    "binary_focal_cross_entropy of logits": (
        (X, Q),
        {"from_logits": True},
        lambda: 2 * binary_focal(1 / (1 + np.exp(-X)), Q, 0.5, 2.0),
    ),
    "categorical_focal_cross_entropy": (
        (P, Q, np.array([3.0, 0.5, 1.0, 2.0])),
        {"gamma": 1.5, "clip": 0.2, "label_smoothing": 0.1},
        lambda: categorical_focal(
            np.clip(normalized(P), 0.2, 0.8), smoothed(Q, 0.1, 4), np.array([3.0, 0.5, 1.0, 2.0]), 1.5, 1
        ),
    ),
    "categorical_focal_cross_entropy of logits": (
        (X, Q),
        {"from_logits": True, "axis": 0, "label_smoothing": 0.1, "smoothing_axis": -1},
        lambda: categorical_focal(np.exp(log_softmax(X, 0)), smoothed(Q, 0.1, 4), 1, 2, 0),
    ),
    "kl_divergence of probabilities": (
        (P, Q),
        {"from_probabilities": True},
        lambda: Q * np.log(Q / P),
    ),
    "kl_divergence of clipped probabilities": (
        (P, 2 * Q),
        {"from_probabilities": True, "clip": 0.2},
        lambda: np.clip(2 * Q, 0.2, 1) * np.log(np.clip(2 * Q, 0.2, 1) / np.clip(P, 0.2, 1)),
    ),
    "log_cosh": ((X, Y), {}, lambda: np.log(np.cosh(X - Y))),
    "absolute_percentage_error": (
        (X, Y),
        {"epsilon": 0.5},
        lambda: 100 * np.abs(X - Y) / np.maximum(np.abs(Y), 0.5),
    ),
    "squared_logarithmic_error": (
        (X, Y),
        {"floor": -0.5},
        lambda: (np.log1p(np.maximum(X, -0.5)) - np.log1p(np.maximum(Y, -0.5))) ** 2,
    ),
    "categorical_hinge": (
        (X, np.eye(4)[[2, 0, 3]]),
        {"margin": 0.8},
        lambda: np.maximum(
            0, 0.8 + np.max((1 - np.eye(4)[[2, 0, 3]]) * X, axis=1) - X[np.arange(3), [2, 0, 3]]
        ),
    ),
    "cosine_similarity": (
        (X, Y),
        {"axis": 0},
        lambda: -np.sum(X * Y, 0) / (np.linalg.norm(X, axis=0) * np.linalg.norm(Y, axis=0)),
    ),
    "dice": ((P, Q), {"axes": 1, "epsilon": 0.1}, lambda: 1 - 2 * (P * Q).sum(1) / ((P + Q).sum(1) + 0.1)),
    "tversky": (
        (P, Q),
        {"axes": (0,), "epsilon": 0.1, "false_positive_weight": 0.2, "false_negative_weight": 0.9},
        lambda: 1
        - (P * Q).sum(0)
        / ((P * Q).sum(0) + 0.2 * (P * (1 - Q)).sum(0) + 0.9 * (Q * (1 - P)).sum(0) + 0.1),
    ),
    "circle": (
        (UNIT, np.array([0, 1, 0, 2, 1])),
        {"gamma": 2.0, "margin": 0.3},
        lambda: circle(UNIT, [0, 1, 0, 2, 1], UNIT, [0, 1, 0, 2, 1], 2.0, 0.3, True),
    ),
    "circle against references": (
        (UNIT[:3], np.array([0, 1, 2]), np.array([0, 2]), UNIT[3:]),
        {"gamma": 2.0, "without_self": False},
        lambda: circle(UNIT[:3], [0, 1, 2], UNIT[3:], [0, 2], 2.0, 0.4, False),
    ),
}
"""By a name that begins with the loss: inputs, parameters, and the value."""
