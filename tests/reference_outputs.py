"""What losses return beside the loss, once more in NumPy float64; gradients by complex steps."""

from __future__ import annotations

import numpy as np

RNG = np.random.default_rng(20261125)
LOGITS = RNG.normal(size=(4, 2, 3)) * 1.5
"""(T, N, C)"""
LABELS = [[0, 0], [1]]
LENGTHS = [4, 3]
LATTICE = RNG.normal(size=(2, 3, 4, 5))
"""(N, T, L + 1, C)"""
SCORES, TARGET = RNG.normal(size=(3, 4)), RNG.uniform(0.05, 0.95, size=(3, 4))


def log_softmax(x):
    return x - np.log(np.sum(np.exp(x), axis=-1, keepdims=True))


def softmax(x):
    return np.exp(log_softmax(x))


def gradient(function, x):
    """Of the sum of a function that takes complex numbers."""
    slopes = np.zeros_like(x)
    for position in np.ndindex(x.shape):
        nudge = np.zeros(x.shape, complex)
        nudge[position] = 1e-30j
        slopes[position] = np.sum(function(x + nudge)).imag / 1e-30
    return slopes


def paths(frames, classes, labels, blank, merge):
    for path in np.ndindex(*(classes,) * frames):
        read = [c for i, c in enumerate(path) if not merge or i == 0 or c != path[i - 1]]
        if [c for c in read if c != blank] == list(labels):
            yield path


def sparse_ctc(x, labels, merge=True):
    """By enumeration of every path."""
    losses = []
    for n, (own, length) in enumerate(zip(labels, LENGTHS, strict=True)):
        log_p = log_softmax(x[:length, n])
        total = sum(
            np.exp(sum(log_p[t, c] for t, c in enumerate(path)))
            for path in paths(length, x.shape[2], own, x.shape[2] - 1, merge)
        )
        losses.append(-np.log(total))
    return np.array(losses)


def ctc_forward(log_p, labels, lengths, blank):
    """By recursion, in probabilities."""
    samples, frames, _ = log_p.shape
    result = np.zeros((samples, frames, 2 * max(map(len, labels)) + 1))
    for n, own in enumerate(labels):
        states = [blank]
        for label in own:
            states += [label, blank]
        for t in range(lengths[n]):
            for s, state in enumerate(states):
                if t == 0:
                    ways = float(s < 2)
                else:
                    skips = s > 1 and state not in (blank, states[s - 2])
                    ways = sum(result[n, t - 1, max(s - 1 - skips, 0) : s + 1])
                result[n, t, s] = ways * np.exp(log_p[n, t, state])
    with np.errstate(divide="ignore"):
        return np.log(result)


def rnnt(x, labels):
    """By recursion over all paths; the blank is class 0."""
    losses = []
    for logits, own in zip(x, labels, strict=True):
        p = softmax(logits)

        def to_the_end(t, u, p=p, own=own):
            if t == len(p):
                return float(u == len(own))
            total = p[t, u, 0] * to_the_end(t + 1, u)
            return total + (p[t, u, own[u]] * to_the_end(t, u + 1) if u < len(own) else 0)

        losses.append(-np.log(to_the_end(0, 0)))
    return np.array(losses)


LOG_P = log_softmax(LOGITS).transpose(1, 0, 2)
# The labels of both samples in one list, and a blank after them.
POSITIONS, LIST = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]), np.array([0, 1, 0, 2])
SPARSE = (LOGITS, POSITIONS, LIST, np.array(LENGTHS))

REFERENCES = {
    "cosine_similarity with the product of norms bounded": (
        (SCORES, TARGET),
        {"of_product": True, "epsilon": 2.0, "axis": 0},
        lambda: -np.sum(SCORES * TARGET, 0)
        / np.maximum(np.linalg.norm(SCORES, axis=0) * np.linalg.norm(TARGET, axis=0), 2.0),
    ),
    "softmax_residual": ((SCORES, TARGET), {}, lambda: softmax(SCORES) - TARGET),
    "softmax_residual of a mean": (
        (SCORES, TARGET),
        {"per_sample": True},
        lambda: (softmax(SCORES) - TARGET) / 3,
    ),
    "label_membership": (
        (SCORES, np.array([[1, 3, -1, 0], [-1, 2, 2, 2], [0, 1, 2, 3]])),
        {},
        lambda: np.array([[0.0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]]),
    ),
    "sparse_ctc": (SPARSE, {}, lambda: sparse_ctc(LOGITS, LABELS)),
    "sparse_ctc without merging": (
        SPARSE,
        {"merge_repeated": False},
        lambda: sparse_ctc(LOGITS, LABELS, merge=False),
    ),
    "sparse_ctc of collapsed labels": (
        SPARSE,
        {"collapse_repeated": True},
        lambda: sparse_ctc(LOGITS, [[0], [1]]),
    ),
    "sparse_ctc giving its gradient": (
        SPARSE,
        {"output": "gradient"},
        lambda: gradient(lambda x: sparse_ctc(x, LABELS), LOGITS),
    ),
    "ctc_forward": (
        (LOG_P, np.array([[1, 1], [2, -1]]), np.array(LENGTHS), np.array([2, 1])),
        {},
        lambda: ctc_forward(LOG_P, [[1, 1], [2]], LENGTHS, 0),
    ),
    "rnnt_gradient": (
        (LATTICE, np.array([[1, 2, 4], [3, 3, 2]]), np.array([3, 3]), np.array([3, 3])),
        {},
        lambda: gradient(lambda x: rnnt(x, [[1, 2, 4], [3, 3, 2]]), LATTICE),
    ),
}
