"""Formulas of the losses of classes, margins, distances and variances, written out in NumPy loops."""

from __future__ import annotations

import math

import numpy as np

RNG = np.random.default_rng(20261125)
X = RNG.normal(size=(3, 4)) * 2
Y = RNG.normal(size=(3, 4))
Z = RNG.normal(size=(3, 4))
P = RNG.uniform(0.05, 0.95, size=(3, 4))
SIGNS = RNG.choice([-1.0, 1.0], size=(3, 4))
LOGITS = RNG.normal(size=(2, 4, 3))
LABELS = np.array([[0, 2, 1], [3, 1, 0]])
CLASS_WEIGHT = np.array([0.5, 2.0, 1.5, 3.0])
LINEAR = RNG.normal(size=(5, 2, 4))
BIAS = RNG.normal(size=(5, 2))
HEAD = RNG.normal(size=(4, 4))
HEAD_BIAS = RNG.normal(size=4)
TAILS = [RNG.normal(size=shape) for shape in ((2, 4), (3, 2), (1, 4), (2, 1))]


def log_softmax(x, axis=-1):
    return x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True))


def nll(log_p, labels, weight):
    """Of log-probabilities (N, C, D) and labels (N, D)."""
    return np.array(
        [[-weight[c] * log_p[n, c, d] for d, c in enumerate(row)] for n, row in enumerate(labels)]
    )


def cross_entropy(x, target, weight, smoothing=0.0):
    """Of logits (N, C, D) and distributions of the same shape."""
    target = (1 - smoothing) * target + smoothing / x.shape[1]
    return -np.sum(weight[:, None] * target * log_softmax(x, 1), axis=1)


def one_hot(labels, classes):
    return np.moveaxis(np.eye(classes)[labels], -1, 1)


def linear_cross_entropy(x, weight, labels, bias):
    logits = np.einsum("nf,cdf->ncd", x, weight) + bias
    return nll(log_softmax(logits, 1), labels, np.ones(len(weight)))


def adaptive(x, labels):
    head = log_softmax(x @ HEAD.T + HEAD_BIAS)
    losses = []
    for n, label in enumerate(labels):
        if label < 2:
            losses.append(-head[n, label])
            continue
        cluster, first = (0, 2) if label < 5 else (1, 5)
        projection, weight = TAILS[2 * cluster : 2 * cluster + 2]
        inside = log_softmax(weight @ (projection @ x[n]))
        losses.append(-head[n, 2 + cluster] - inside[label - first])
    return np.array(losses)


def multi_margin(x, labels, p, margin, weight):
    losses = []
    for row, label in zip(x, labels, strict=True):
        others = [max(0, margin - row[label] + s) ** p for i, s in enumerate(row) if i != label]
        losses.append(weight[label] * sum(others) / len(row))
    return np.array(losses)


def multilabel_margin(x, labels):
    losses = []
    for row, given in zip(x, labels.tolist(), strict=True):
        right = given[: given.index(-1)] if -1 in given else given
        pairs = [max(0, 1 - row[j] + row[i]) for j in right for i in range(len(row)) if i not in right]
        losses.append(sum(pairs) / len(row))
    return np.array(losses)


def gaussian(x, y, variance):
    v = np.maximum(variance, 0.3)
    return 0.5 * (np.log(v) + (x - y) ** 2 / v + math.log(2 * math.pi))


def triplet(a, p, n, order, epsilon, swap, margin):
    def distance(u, v):
        return np.sum(np.abs(u - v + epsilon) ** order, -1) ** (1 / order)

    away = np.minimum(distance(a, n), distance(p, n)) if swap else distance(a, n)
    return np.maximum(0, margin + distance(a, p) - away)


def cosine_embedding(a, b, label, margin, squared_epsilon):
    norms = np.sqrt((np.sum(a * a, -1) + squared_epsilon) * (np.sum(b * b, -1) + squared_epsilon))
    cosine = np.sum(a * b, -1) / norms
    return np.where(label == 1, 1 - cosine, np.maximum(cosine - margin, 0))


MULTILABELS = np.array([[3, 0, -1, 1], [2, 2, 1, -1], [-1, 0, 1, 2]])
ONES = np.ones(4)

REFERENCES = {
    "nll": (
        (log_softmax(LOGITS, 1), LABELS, CLASS_WEIGHT),
        {"axis": 1},
        lambda: nll(log_softmax(LOGITS, 1), LABELS, CLASS_WEIGHT),
    ),
    "cross_entropy": ((LOGITS, LABELS), {"axis": 1}, lambda: nll(log_softmax(LOGITS, 1), LABELS, ONES)),
    "cross_entropy with weights and smoothing": (
        (LOGITS, LABELS, CLASS_WEIGHT),
        {"axis": 1, "label_smoothing": 0.3},
        lambda: cross_entropy(LOGITS, one_hot(LABELS, 4), CLASS_WEIGHT, 0.3),
    ),
    "cross_entropy of distributions": (
        (LOGITS, np.abs(LOGITS), CLASS_WEIGHT),
        {"axis": 1, "label_smoothing": 0.3},
        lambda: (
            cross_entropy(LOGITS, (np.abs(LOGITS)), CLASS_WEIGHT, 0.0) * 0.7
            + 0.3 * cross_entropy(LOGITS, np.full_like(LOGITS, 1 / 4), CLASS_WEIGHT)
        ),
    ),
    "linear_cross_entropy": (
        (X, LINEAR, np.array([[4, 0], [2, 3], [1, 1]]), BIAS),
        {},
        lambda: linear_cross_entropy(X, LINEAR, [[4, 0], [2, 3], [1, 1]], BIAS),
    ),
    "adaptive_log_softmax": (
        (X, np.array([1, 4, 6]), HEAD, HEAD_BIAS, *TAILS),
        {"classes": 7, "cutoffs": (2, 5)},
        lambda: adaptive(X, [1, 4, 6]),
    ),
    "gaussian_nll": (
        (X, Y, P),
        {"full": True, "epsilon": 0.3},
        lambda: gaussian(X, Y, P),
    ),
    "gaussian_nll of one variance for each sample": (
        (
            X,
            Y,
            P[:, 0],
        ),
        {"full": True, "epsilon": 0.3},
        lambda: gaussian(X, Y, P[:, :1]),
    ),
    "margin_ranking": (
        (X, Y, SIGNS),
        {"margin": 0.4},
        lambda: np.maximum(0, 0.4 - SIGNS * (X - Y)),
    ),
    "hinge_embedding": (
        (X, SIGNS),
        {"margin": 0.7},
        lambda: np.where(SIGNS > 0, X, np.maximum(0, 0.7 - X)),
    ),
    "hinge_embedding of other labels too": (
        (X, np.array([1.0, -1.0, 0.5, 0.0])[None] * np.ones((3, 1))),
        {"other_labels": "both"},
        lambda: np.concatenate(
            [X[:, :1], np.maximum(0, 1 - X[:, 1:2]), X[:, 2:] + np.maximum(0, 1 - X[:, 2:])], axis=1
        ),
    ),
    "hinge_embedding by sign": (
        (X, np.array([3.0, -0.5, 0.5, 0.0])[None] * np.ones((3, 1))),
        {"other_labels": "sign"},
        lambda: np.stack([X[:, 0], np.maximum(0, 1 - X[:, 1]), X[:, 2], np.zeros(3)], axis=1),
    ),
    "multi_margin": (
        (X, np.array([2, 0, 3]), CLASS_WEIGHT),
        {"p": 2, "margin": 0.8},
        lambda: multi_margin(X, [2, 0, 3], 2, 0.8, CLASS_WEIGHT),
    ),
    "multi_margin of order 1": (
        (X, np.array([2, 0, 3])),
        {},
        lambda: multi_margin(X, [2, 0, 3], 1, 1.0, ONES),
    ),
    "multilabel_margin": ((X, MULTILABELS), {}, lambda: multilabel_margin(X, MULTILABELS)),
    "soft_margin": ((X, SIGNS), {}, lambda: np.log(1 + np.exp(-X * SIGNS))),
    "multilabel_soft_margin": (
        (X, P, CLASS_WEIGHT),
        {},
        lambda: np.mean(
            CLASS_WEIGHT * (P * np.log(1 + np.exp(-X)) + (1 - P) * np.log(1 + np.exp(X))), axis=1
        ),
    ),
    "triplet_margin": (
        (X, Y, Z),
        {"margin": 3.0, "epsilon": 0.01},
        lambda: triplet(X, Y, Z, 2, 0.01, False, 3.0),
    ),
    "triplet_margin that swaps, of order 3": (
        (X, Y, Z),
        {"margin": 3.0, "p": 3.0, "swap": True},
        lambda: triplet(X, Y, Z, 3, 0.0, True, 3.0),
    ),
    "triplet_margin_with_distance": (
        (X, Y, Z),
        {"distance": lambda a, b: (a - b) * (a - b), "swap": True},
        lambda: np.maximum(0, 1 + (X - Y) ** 2 - np.minimum((X - Z) ** 2, (Y - Z) ** 2)),
    ),
    "cosine_embedding with an addend": (
        (X, Y, np.array([1.0, -1.0, -1.0])),
        {"margin": -0.9, "epsilon": 0.0, "squared_epsilon": 0.1},
        lambda: cosine_embedding(X, Y, np.array([1, -1, -1]), -0.9, 0.1),
    ),
    "kl_divergence of logarithms": (
        (np.log(P), np.log(P[::-1].copy())),
        {"log_target": True},
        lambda: P[::-1] * (np.log(P[::-1]) - np.log(P)),
    ),
}
