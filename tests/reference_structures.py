"""Formulas of maxima, contrasts, rankings, overlaps and alignments, written out in NumPy loops."""

from __future__ import annotations

import itertools
import math

import numpy as np

import unified_loss as ul
from unified_loss.dispatch import backend_of

RNG = np.random.default_rng(20261126)
X = RNG.normal(size=(3, 4)) * 2
Y = RNG.normal(size=(3, 4))
Q = RNG.uniform(0.05, 0.95, size=(3, 4))
SIGNS = RNG.choice([-1.0, 1.0], size=(3, 4))
LABELS = np.array([2, 0, 3])
MASK = np.array([[1.0, 1, 0, 1], [0, 0, 0, 0], [0, 1, 1, 0]])
VECTORS = RNG.normal(size=(5, 3))
GROUPS = np.array([7, 2, 7, 7, 300])
IMAGES = RNG.normal(size=(2, 5, 3))
REGIONS = RNG.integers(0, 2, size=(2, 5, 3)).astype(float)
CLASS_WEIGHT = np.array([0.5, 2.0, 1.5])
FRAMES = RNG.normal(size=(2, 4, 3))


def log_softmax(x):
    return x - np.log(np.sum(np.exp(x), axis=-1, keepdims=True))


def masked(loss, x, y):
    """A loss of the classes of each row that the mask leaves; 0 of none."""
    rows = [(a[m == 1], b[m == 1]) for a, b, m in zip(x, y, MASK, strict=True)]
    return np.array([loss(a, b) if a.size else 0.0 for a, b in rows])


def soft(x, y):
    return -np.sum(y * log_softmax(x))


def poly(x, y):
    return soft(x, y) + 0.7 * np.sum(y * (1 - np.exp(log_softmax(x))))


def sparse_masked(x, labels):
    """The label counts whether it is masked or not."""
    rows = zip(x, labels, MASK, strict=True)
    return np.array([np.log(np.sum(np.exp(a[m == 1]))) - a[y] if m.any() else 0.0 for a, y, m in rows])


def sparse(x, labels):
    return np.log(np.sum(np.exp(x), axis=-1)) - [a[y] for a, y in zip(x, labels, strict=True)]


def sparse_plus(s):
    return 0.0 if s <= -1 else s if s >= 1 else (s + 1) ** 2 / 4


def projected(x):
    """By trying every support, the first that holds: those left out are not above the threshold."""
    for size in range(1, x.size + 1):
        for support in itertools.combinations(range(x.size), size):
            inside = list(support)
            p = np.zeros(x.size)
            threshold = (x[inside].sum() - 1) / size
            p[inside] = x[inside] - threshold
            if (p[inside] > 0).all() and all(x[i] <= threshold for i in range(x.size) if i not in support):
                return p
    raise AssertionError


def sparsemax(x, label):
    p = projected(x)
    return p @ (x - x[label]) + (1 - p @ p) / 2


def cosine(a, b):
    return a @ b / math.sqrt((a @ a) * (b @ b))


def nt_xent(x, groups, temperature):
    losses = np.zeros(len(x))
    for i, j in itertools.permutations(range(len(x)), 2):
        if groups[i] == groups[j]:
            own = math.exp(cosine(x[i], x[j]) / temperature)
            others = sum(
                math.exp(cosine(x[i], b) / temperature)
                for b, group in zip(x, groups, strict=True)
                if group != groups[i]
            )
            losses[i] -= math.log(own / (own + others))
    return losses


def retrieval(scores):
    return np.array([-log_softmax(row)[i] for i, row in enumerate(scores)])


def overlap(logits, regions, a, b, s):
    """Of (samples, pixels, classes)."""
    losses = np.zeros((2, 3))
    for n, c in np.ndindex(2, 3):
        p = np.exp(log_softmax(logits[n]))[:, c]
        y = regions[n, :, c]
        both = p @ y
        losses[n, c] = 1 - (both + s) / (both + a * (p.sum() - both) + b * (y.sum() - both) + s)
    return losses


def inverse_squares(regions):
    weight = 1 / (regions.sum(axis=(0, 1)) ** 2 + 1e-7)
    return weight / weight.mean()


def triplet(a, p, n):
    def distance(x, y):
        return np.cbrt(np.sum((x - y) ** 3, axis=0) + 0.2)

    return np.maximum(0, distance(a, p) - distance(a, n) + 3.0)


def paths(logits, labels):
    """Minus the logarithm of the sum over all alignments, the blank being class 0."""
    log_p = log_softmax(logits)
    total = 0.0
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        merged = [c for i, c in enumerate(path) if i == 0 or c != path[i - 1]]
        if [c for c in merged if c] == labels:
            total += math.exp(sum(log_p[t, c] for t, c in enumerate(path)))
    return -math.log(total)


def square_length(x):
    """Of an array of any framework."""
    ops = backend_of(x) or ul.get_backend("numpy")
    return ops.sum(ops.square(x), axis=-1)


UNIT = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
OTHERS = RNG.normal(size=(5, 3))
OTHERS_UNIT = OTHERS / np.linalg.norm(OTHERS, axis=1, keepdims=True)
REFERENCES = {
    "perceptron": ((X, SIGNS), {}, lambda: np.maximum(0, -X * SIGNS)),
    "multiclass_perceptron": ((X, LABELS), {}, lambda: X.max(axis=1) - X[range(3), LABELS]),
    "multiclass_hinge": (
        (X, LABELS),
        {"margin": 0.6},
        lambda: np.array(
            [max(s + 0.6 * (c != y) for c, s in enumerate(x)) - x[y] for x, y in zip(X, LABELS, strict=True)]
        ),
    ),
    "sparsemax": (
        (X, (SIGNS + 1) / 2),
        {},
        lambda: np.array([sparse_plus(s) for s in (-X * SIGNS).reshape(-1)]).reshape(X.shape),
    ),
    "multiclass_sparsemax": (
        (X, LABELS),
        {},
        lambda: np.array([sparsemax(x, y) for x, y in zip(X, LABELS, strict=True)]),
    ),
    "fenchel_young": ((X, Q), {"max_function": square_length}, lambda: np.sum(X * X - X * Q, axis=-1)),
    "fenchel_young of one vector at a time": (
        (IMAGES, REGIONS),
        {"max_function": square_length, "vectorized": False},
        lambda: np.sum(IMAGES * IMAGES - IMAGES * REGIONS, axis=-1),
    ),
    "softmax_cross_entropy of masked classes": ((X, Q, MASK), {}, lambda: masked(soft, X, Q)),
    "sparse_softmax_cross_entropy of masked classes": (
        (X, LABELS, MASK),
        {},
        lambda: sparse_masked(X, LABELS),
    ),
    "sparse_softmax_cross_entropy of masked samples": (
        (X, LABELS, np.array([1.0, 0.0, 1.0])),
        {},
        lambda: np.array([1.0, 0.0, 1.0]) * sparse(X, LABELS),
    ),
    "poly_cross_entropy": (
        (X, Q),
        {"epsilon": 0.7},
        lambda: np.array([poly(x, y) for x, y in zip(X, Q, strict=True)]),
    ),
    "poly_cross_entropy of masked classes": ((X, Q, MASK), {"epsilon": 0.7}, lambda: masked(poly, X, Q)),
    "ranking_softmax": ((X, Q), {}, lambda: -np.sum(Q * log_softmax(X), axis=-1)),
    "ranking_softmax of masked and weighted items": (
        (X, Q, MASK, Q + 0.5),
        {},
        lambda: masked(soft, X, Q * (Q + 0.5)),
    ),
    "ranking_softmax reduced by a function": (
        (X, Q),
        {"reduce": square_length},
        lambda: np.array(np.sum(np.sum(Q * log_softmax(X), axis=-1) ** 2)),
    ),
    "generalized_kl_divergence": ((X, Q), {}, lambda: Q * (np.log(Q) - X) + np.exp(X) - Q),
    "smooth_labels": ((Q, np.array(0.2)), {}, lambda: 0.8 * Q + 0.2 / 4),
    "smooth_labels of masked classes over all axes": (
        (Q, np.array(0.2), MASK),
        {"axes": None},
        lambda: 0.8 * Q + 0.2 / 5,
    ),
    "nt_xent": ((VECTORS, GROUPS), {"temperature": 0.3}, lambda: nt_xent(VECTORS, GROUPS, 0.3)),
    "in_batch_softmax": (
        (VECTORS, OTHERS),
        {"temperature": 0.5},
        lambda: retrieval(VECTORS @ OTHERS.T / 0.5),
    ),
    "in_batch_softmax of unit vectors in both directions": (
        (VECTORS, OTHERS),
        {"normalized": True, "symmetric": True},
        lambda: (retrieval(UNIT @ OTHERS_UNIT.T) + retrieval(OTHERS_UNIT @ UNIT.T)) / 2,
    ),
    "multiclass_tversky": (
        (IMAGES, REGIONS, CLASS_WEIGHT),
        {"false_positive_weight": 0.3, "false_negative_weight": 0.8, "smoothing": 0.1},
        lambda: overlap(IMAGES, REGIONS, 0.3, 0.8, 0.1) * CLASS_WEIGHT,
    ),
    "multiclass_tversky without background": (
        (IMAGES, REGIONS),
        {"skip_first": True},
        lambda: overlap(IMAGES, REGIONS, 0.5, 0.5, 1.0)[:, 1:],
    ),
    "generalized_dice": (
        (IMAGES, REGIONS),
        {"smoothing": 0.5},
        lambda: overlap(IMAGES, REGIONS, 0.5, 0.5, 0.5) * inverse_squares(REGIONS),
    ),
    "tversky with smoothing": (
        (Q, MASK),
        {"smoothing": 0.3, "axes": 1},
        lambda: 1 - (np.sum(Q * MASK, axis=1) + 0.3) / (np.sum(Q + MASK, axis=1) / 2 + 0.3),
    ),
    "cosine_similarity of masked components, from 1": (
        (X[::2], Y[::2], MASK[::2]),
        {"offset": 1.0},
        lambda: 1 - np.array([cosine(X[i] * MASK[i], Y[i] * MASK[i]) for i in (0, 2)]),
    ),
    "triplet_margin of signed powers": (
        (X, Y, Q),
        {"p": 3.0, "axis": 0, "margin": 3.0, "root_epsilon": 0.2, "signed": True},
        lambda: triplet(X, Y, Q),
    ),
    "padded_ctc": (
        (
            FRAMES,
            np.array([[0.0, 0, 0, 0], [0, 0, 0, 1]]),
            np.array([[1, 2], [1, 1]]),
            np.array([[0.0, 1], [0, 0]]),
        ),
        {},
        lambda: np.array([paths(FRAMES[0], [1]), paths(FRAMES[1][:3], [1, 1])]),
    ),
}
