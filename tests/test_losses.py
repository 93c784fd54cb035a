"""The canonical losses against formulas written out in NumPy float64, and at their edges."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import reference_classes
import reference_formulas
import reference_outputs
import reference_structures

import unified_loss as ul

RNG = np.random.default_rng(20261123)
X = RNG.normal(size=(3, 4)) * 2
Y = RNG.normal(size=(3, 4))
P = RNG.uniform(0.05, 0.95, size=(3, 4))
Q = RNG.uniform(0.05, 0.95, size=(3, 4))
SIGNS = RNG.choice([-1.0, 1.0], size=(3, 4))
COUNTS = RNG.integers(0, 6, size=(3, 4)).astype(float)
W = RNG.uniform(0.2, 3.0, size=(3, 1))


def log_softmax(x, axis):
    return x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True))


def huber(d, delta):
    return np.where(np.abs(d) <= delta, d * d / 2, delta * (np.abs(d) - delta / 2))


def stirling(t):
    safe = np.where(t > 1, t, 2.0)
    return np.where(t > 1, safe * np.log(safe) - safe + 0.5 * np.log(2 * np.pi * safe), 0.0)


def cosine_embedding(a, b, label, margin):
    cos = np.sum(a * b, -1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))
    return np.where(label == 1, 1 - cos, np.where(label == -1, np.maximum(cos - margin, 0), 0))


def ctc(logits, labels, blank):
    """By enumeration of every path."""
    frames, classes = logits.shape
    log_p = log_softmax(logits, -1)
    total = 0.0
    for path in np.ndindex(*(classes,) * frames):
        merged = [c for i, c in enumerate(path) if i == 0 or c != path[i - 1]]
        if [c for c in merged if c != blank] == list(labels):
            total += math.exp(sum(log_p[t, c] for t, c in enumerate(path)))
    return -math.log(total)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_focal(x, y, alpha, gamma):
    p = sigmoid(x)
    missed = 1 - (y * p + (1 - y) * (1 - p))
    share = y * alpha + (1 - y) * (1 - alpha)
    return share * missed**gamma * -(y * np.log(p) + (1 - y) * np.log(1 - p))


def sample_weighted(y, log_p, weights):
    return -np.sum(weights * y, 0, keepdims=True) * np.sum(y * log_p, 0, keepdims=True)


def rnnt(log_p, labels, blank):
    """By recursion over all paths."""
    frames = len(log_p)

    def to_the_end(t, u):
        if t == frames:
            return float(u == len(labels))
        total = math.exp(log_p[t, u, blank]) * to_the_end(t + 1, u)
        if u < len(labels):
            total += math.exp(log_p[t, u, labels[u]]) * to_the_end(t, u + 1)
        return total

    return -math.log(to_the_end(0, 0))


def hierarchical_sigmoid(x, ways, weights, biases):
    total = 0.0
    for node, turn in ways:
        p = sigmoid(weights[node] @ x + biases[node])
        total -= math.log(p if turn else 1 - p)
    return [total]


def n_pair(a, b, labels, regularization):
    log_p = log_softmax(a @ b.T, 1)
    picked = [np.mean(row[labels == label]) for row, label in zip(log_p, labels, strict=True)]
    return -np.array(picked) + regularization / 4 * np.sum(a**2 + b**2, axis=1)


def margin_cross_entropy(x, labels, m1, m2, m3, scale):
    z = x.copy()
    for row, label in zip(z, labels, strict=True):
        row[label] = np.cos(m1 * np.arccos(row[label]) + m2) - m3
    return -log_softmax(scale * z, 1)[np.arange(len(x)), labels]


RNNT_LOGITS = RNG.normal(size=(2, 3, 4, 5))
PATHS = np.array([[0, 3, -1], [2, 1, 0]])
NODE_WEIGHTS, NODE_BIASES = RNG.normal(size=(4, 4)), RNG.normal(size=(4, 1))
def pairwise_squared_error(d):
    return np.array([np.mean([(a - b) ** 2 for i, a in enumerate(row) for b in row[i + 1 :]]) for row in d])


def pairwise_by_counts(d, count):
    squares, square = np.sum(d**2, axis=1), np.sum(d, axis=1) ** 2
    return 2 * squares / (count - 1) - 2 * square / (count * (count - 1))


def sampled_logits(hidden, labels, candidates, label_counts, counts, hits):
    """Of one sample: the logits of its classes, then those of the candidates that are not left out."""
    kept = [(c, q) for c, q in zip(candidates, counts, strict=True) if not (hits and c in labels)]
    pairs = [*zip(labels, label_counts, strict=True), *kept]
    return np.array([VECTORS[c] @ hidden + BIASES[c] - math.log(q) for c, q in pairs])


def sampled_softmax(rows, num_true, epsilon):
    logits = [sampled_logits(*row, hits=True) for row in rows]
    p = [np.exp(log_softmax(x, -1)) for x in logits]
    return np.array([-np.mean(np.log(x[:num_true] + epsilon)) for x in p])


def nce(rows, num_true, hits):
    total = []
    for row in rows:
        x = sampled_logits(*row, hits=hits)
        y = np.where(np.arange(len(x)) < num_true, 1 / num_true, 0.0)
        total.append(np.sum(y * np.log1p(np.exp(-x)) + (1 - y) * np.log1p(np.exp(x))))
    return np.array(total)


def softmax_focal(x, target, gamma):
    """Along axis 1."""
    p = np.exp(log_softmax(x, 1))
    return -CLASS_WEIGHTS[:, None] * (1 - p) ** gamma * target * np.log(p)


def multiclass_dice(p):
    return 1 - 2 * np.sum(p * Q, 0) / (np.sum(p**2 + Q**2, 0) + 0.1)


CLASS_WEIGHTS = np.array([0.5, 2.0, 3.0, 0.2])
ACTIVATIONS = {
    "logsoftmax": lambda x: log_softmax(x, 1),
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}
LOGITS_3D = RNG.normal(size=(2, 4, 3))
DRAWS = np.random.default_rng(7)
VECTORS, BIASES = DRAWS.normal(size=(6, 4)), DRAWS.normal(size=6)
PAIRS_OF_CLASSES = np.array([[2, 0], [1, 5], [3, 4]])
PAIRS_COUNTS = DRAWS.uniform(0.1, 0.9, size=(3, 2))
CANDIDATES, COUNTS_OF = np.array([5, 2, 1, 0]), DRAWS.uniform(0.1, 0.9, size=4)
OF_TWO = [(X[i], PAIRS_OF_CLASSES[i], CANDIDATES, PAIRS_COUNTS[i], COUNTS_OF) for i in range(3)]
OF_ONE = [(X[i], [i + 1], CANDIDATES, PAIRS_COUNTS[i, :1], COUNTS_OF) for i in range(3)]
SOME_ZERO = np.array([[2.0, 0.0, 0.5, 1.5], [0.0, 3.0, 0.0, 0.0], [1.0, 1.0, 1.0, 2.0]])
REFERENCES = {
    "squared_error": ((X, Y), {}, lambda: (X - Y) ** 2),
    "absolute_error": ((X, Y), {}, lambda: np.abs(X - Y)),
    "huber": ((X, Y), {"delta": 0.7}, lambda: huber(X - Y, 0.7)),
    "huber of infinite delta": ((X, Y), {"delta": math.inf}, lambda: (X - Y) ** 2 / 2),
    "smooth_l1": ((X, Y), {"beta": 0.7}, lambda: huber(X - Y, 0.7) / 0.7),
    "smooth_l1 of beta 0": ((X, Y), {"beta": 0.0}, lambda: np.abs(X - Y)),
    "binary_cross_entropy": ((P, Q), {}, lambda: -Q * np.log(P) - (1 - Q) * np.log(1 - P)),
    "binary_cross_entropy weighing positives": (
        (P, Q, np.array([3.0, 0.5, 1.0, 2.0])),
        {"gradient_floor": None, "log_floor": None, "log_epsilon": 1e-3},
        lambda: -np.array([3.0, 0.5, 1.0, 2.0]) * Q * np.log(P + 1e-3) - (1 - Q) * np.log(1 - P + 1e-3),
    ),
    "binary_cross_entropy_with_logits": (
        (X, Q),
        {},
        lambda: Q * np.log1p(np.exp(-X)) + (1 - Q) * np.log1p(np.exp(X)),
    ),
    "binary_cross_entropy_with_logits weighing positives": (
        (X, Q, np.array([3.0, 0.5, 1.0, 2.0])),
        {},
        lambda: np.array([3.0, 0.5, 1.0, 2.0]) * Q * np.log1p(np.exp(-X)) + (1 - Q) * np.log1p(np.exp(X)),
    ),
    "softmax_cross_entropy": ((X, Q), {"axis": 0}, lambda: -np.sum(Q * log_softmax(X, 0), axis=0)),
    "sparse_softmax_cross_entropy": (
        (LOGITS_3D, np.array([[0, 2, 1], [3, 1, 0]])),
        {"axis": 1},
        lambda: -np.take_along_axis(
            log_softmax(LOGITS_3D, 1), np.array([[[0, 2, 1]], [[3, 1, 0]]]), axis=1
        ).squeeze(1),
    ),
    "kl_divergence": ((np.log(P), Q), {}, lambda: Q * (np.log(Q) - np.log(P))),
    "kl_divergence of logits": (
        (X, Q),
        {"from_logits": True, "axis": 0, "log_epsilon": 0.01},
        lambda: Q * (np.log(Q + 0.01) - log_softmax(X, 0)),
    ),
    "poisson_nll": ((X, COUNTS), {}, lambda: np.exp(X) - COUNTS * X),
    "poisson_nll in full": (
        (P, COUNTS),
        {"log_input": False, "full": True},
        lambda: P - COUNTS * np.log(P + 1e-8) + stirling(COUNTS),
    ),
    "hinge": ((X, SIGNS), {"margin": 0.8}, lambda: np.maximum(0, 0.8 - X * SIGNS)),
    "squared_hinge": ((X, SIGNS), {"margin": 0.8}, lambda: np.maximum(0, 0.8 - X * SIGNS) ** 2),
    "triplet": (
        (X, Y, P),
        {"margin": 3.0},
        lambda: np.maximum(0, np.sum((Y - X) ** 2 - (P - X) ** 2, axis=1) + 3.0),
    ),
    "triplet along another batch axis": (
        (X, Y, P),
        {"batch_axis": -1},
        lambda: np.maximum(0, np.sum((Y - X) ** 2 - (P - X) ** 2, axis=0) + 1.0),
    ),
    "cosine_embedding": (
        (X, Y, np.array([1.0, -1.0, 0.0])),
        {"margin": -0.5},
        lambda: cosine_embedding(X, Y, np.array([1, -1, 0]), -0.5),
    ),
    "inner_product_distance": ((X, Y), {"axis": 0}, lambda: 1 - np.sum(X * Y, axis=0)),
    "given": ((X,), {}, lambda: X),
    "mean_pairwise_squared_error": ((X, Y), {}, lambda: pairwise_squared_error(X - Y)),
    "mean_pairwise_squared_error counting the batch": (
        (X, Y, np.array(0.5)),
        {"counts_batch": True},
        lambda: 4 * 0.5 / 4 * pairwise_by_counts(X - Y, 12),
    ),
    "mean_pairwise_squared_error of weighted entries": (
        (X, Y, SOME_ZERO),
        {"counts_batch": True},
        lambda: [4.0, 0.0, 5.0] * pairwise_by_counts(X - Y, np.array([3, 1.5, 4])),
    ),
    "sampled_softmax": (
        (X, VECTORS, BIASES, PAIRS_OF_CLASSES, CANDIDATES, PAIRS_COUNTS, COUNTS_OF),
        {"num_true": 2},
        lambda: sampled_softmax(OF_TWO, 2, 0.0),
    ),
    "sampled_softmax of one class each": (
        (X, VECTORS, BIASES, np.array([1, 2, 3]), CANDIDATES, PAIRS_COUNTS[:, 0], COUNTS_OF),
        {"log_epsilon": 0.25},
        lambda: sampled_softmax(OF_ONE, 1, 0.25),
    ),
    "nce": (
        (X, VECTORS, BIASES, PAIRS_OF_CLASSES, CANDIDATES, PAIRS_COUNTS, COUNTS_OF),
        {"num_true": 2},
        lambda: nce(OF_TWO, 2, hits=False),
    ),
    "nce without accidental hits": (
        (X, VECTORS, BIASES, np.array([1, 2, 3]), CANDIDATES, PAIRS_COUNTS[:, 0], COUNTS_OF),
        {"remove_accidental_hits": True},
        lambda: nce(OF_ONE, 1, hits=True),
    ),
    "softmax_output": ((LOGITS_3D, LOGITS_3D[:, 0]), {"axis": 1}, lambda: np.exp(log_softmax(LOGITS_3D, 1))),
    "softmax_output of a flattened sample": (
        (LOGITS_3D, LOGITS_3D[:, :, 0]),
        {"flatten": True},
        lambda: np.exp(log_softmax(LOGITS_3D.reshape(2, 12), 1)).reshape(2, 4, 3),
    ),
    "regression_output": ((X, Y), {}, lambda: X),
    "regression_output of a logit": (
        (X, Y.reshape(3, 2, 2)),
        {"link": "sigmoid"},
        lambda: 1 / (1 + np.exp(-X)),
    ),
    "svm_output": ((X, np.array([0, 3, 1])), {}, lambda: X),
    "loss_output": ((X,), {}, lambda: X),
    "sparse_softmax_cross_entropy with a floor": (
        (4 * X, np.array([0, 2, 1])),
        {"probability_floor": 0.1},
        lambda: -np.log(np.maximum(np.exp(log_softmax(4 * X, 1))[[0, 1, 2], [0, 2, 1]], 0.1)),
    ),
    "ctc with another padding": (
        (LOGITS_3D, np.array([[1, 2, 0], [1, 0, 2]])),
        {"padding": 0},
        lambda: np.array([ctc(LOGITS_3D[0], [1, 2], 0), ctc(LOGITS_3D[1], [1], 0)]),
    ),
    "ctc": (
        (LOGITS_3D, np.array([[1, 2, -1], [1, 1, -1]])),
        {},
        lambda: np.array([ctc(LOGITS_3D[0], [1, 2], 0), ctc(LOGITS_3D[1], [1, 1], 0)]),
    ),
    "ctc with lengths and another blank": (
        (LOGITS_3D, np.array([[0, 1, 0], [1, 0, 1]]), np.array([4, 3]), np.array([3, 2])),
        {"blank": 2},
        lambda: np.array([ctc(LOGITS_3D[0], [0, 1, 0], 2), ctc(LOGITS_3D[1][:3], [1, 0], 2)]),
    ),
    "softmax": ((X,), {"axis": 0}, lambda: np.exp(log_softmax(X, 0))),
    "sample_weighted_cross_entropy": (
        (X, Q, np.array([3.0, 0.5, 1.0])),
        {"axis": 0, "label_smoothing": 0.2, "keepdims": True},
        lambda: sample_weighted(0.8 * Q + 0.2 / 3, log_softmax(X, 0), np.array([[3.0], [0.5], [1.0]])),
    ),
    "sample_weighted_cross_entropy of probabilities": (
        (P, Q, np.array([3.0, 0.5, 1.0])),
        {"axis": 0, "from_probabilities": True, "keepdims": True},
        lambda: sample_weighted(Q, np.log(P), np.array([[3.0], [0.5], [1.0]])),
    ),
    "sample_weighted_cross_entropy of probabilities and indices": (
        (P, np.array([2, 0, 3]), np.array([3.0, 0.5, 1.0, 2.0])),
        {"from_probabilities": True},
        lambda: -np.array([1.0, 3.0, 2.0]) * np.log(P[np.arange(3), [2, 0, 3]]),
    ),
    "kl_divergence of a target that is partly negative": (
        (np.log(P), Q - 0.5),
        {"negative_target_is_zero": True},
        lambda: np.where(Q > 0.5, (Q - 0.5) * (np.log(np.abs(Q - 0.5)) - np.log(P)), 0.0),
    ),
    "dice of each sample": (
        (P, Q),
        {"batch_axis": 0},
        lambda: 1 - 2 * np.sum(P * Q, 1) / (np.sum(P, 1) + np.sum(Q, 1)),
    ),
    "sigmoid_focal": (
        (X, Q, np.array([[2.0], [3.0], [0.5]])),
        {"alpha": 0.3, "gamma": 1.5},
        lambda: sigmoid_focal(X, Q, 0.3, 1.5) / np.array([[2.0], [3.0], [0.5]]),
    ),
    "softmax_focal": (
        (LOGITS_3D, np.array([[0, 2, 1], [3, 1, 0]]), CLASS_WEIGHTS),
        {"axis": 1, "gamma": 0.5},
        lambda: np.take_along_axis(
            softmax_focal(LOGITS_3D, 1.0, 0.5), np.array([[[0, 2, 1]], [[3, 1, 0]]]), axis=1
        ).squeeze(1),
    ),
    "softmax_focal of probabilities": (
        (LOGITS_3D, np.abs(LOGITS_3D), CLASS_WEIGHTS),
        {"axis": 1},
        lambda: softmax_focal(LOGITS_3D, np.abs(LOGITS_3D), 2.0),
    ),
    "dice of squares": (
        (P, Q),
        {"squared": True, "epsilon": 0.5, "batch_axis": 1},
        lambda: 1 - 2 * np.sum(P * Q, 0) / (np.sum(P**2 + Q**2, 0) + 0.5),
    ),
    "multiclass_dice": (
        (X, Q, np.array([[0.5, 2.0], [3.0, 0.2], [1.5, 0.7], [0.3, 4.0]])),
        {"axis": 1, "ignored_class": 2, "epsilon": 0.1},
        lambda: multiclass_dice(np.exp(log_softmax(X, 1)))[:, None]
        * np.array([[0.5, 2.0], [3.0, 0.2], [0.0, 0.0], [0.3, 4.0]]),
    ),
    **{
        f"multiclass_dice by {activation}": (
            (4 * X, Q),
            {"axis": 1, "activation": activation, "epsilon": 0.1},
            lambda function=function: multiclass_dice(function(4 * X)),
        )
        for activation, function in ACTIVATIONS.items()
    },
    "multiclass_dice by a function": (
        (X, Q),
        {"axis": 1, "activation": lambda x: x * x, "epsilon": 0.1},
        lambda: multiclass_dice(X * X),
    ),
    "rnnt": (
        (RNNT_LOGITS, np.array([[1, 2, 4], [3, 3, 0]])),
        {"blank": -5},
        lambda: np.array(
            [rnnt(log_softmax(x, -1), y, 0) for x, y in zip(RNNT_LOGITS, [[1, 2, 4], [3, 3, 0]], strict=True)]
        ),
    ),
    "rnnt with lengths, of numbers that are no log-probabilities": (
        (RNNT_LOGITS, np.array([[1, 2, 4], [3, -1, -1]]), np.array([2, 3]), np.array([3, 1])),
        {"blank": 2, "from_log_probabilities": True, "fast_emission": 0.5},
        lambda: np.array([rnnt(RNNT_LOGITS[0][:2], [1, 2, 4], 2), rnnt(RNNT_LOGITS[1], [3], 2)]),
    ),
    # Five classes: codes 5 = 101 and 9 = 1001 in binary.
    "hierarchical_sigmoid": (
        (X[:2], np.array([0, 4]), NODE_WEIGHTS, NODE_BIASES),
        {"classes": 5},
        lambda: np.array(
            [
                hierarchical_sigmoid(x, way, NODE_WEIGHTS, NODE_BIASES[:, 0])
                for x, way in zip(X[:2], [[(1, 1), (0, 0)], [(3, 1), (1, 0), (0, 0)]], strict=True)
            ]
        ),
    ),
    "hierarchical_sigmoid that counts missing nodes": (
        (X[:2], np.array([0, 4]), NODE_WEIGHTS),
        {"classes": 5, "count_missing_nodes": True},
        lambda: np.array([[math.log(2)], [0.0]])
        + [
            hierarchical_sigmoid(x, way, NODE_WEIGHTS, np.zeros(4))
            for x, way in zip(X[:2], [[(1, 1), (0, 0)], [(3, 1), (1, 0), (0, 0)]], strict=True)
        ],
    ),
    "hierarchical_sigmoid down a tree of one's own": (
        (X[:2], np.array([7, 9]), NODE_WEIGHTS, NODE_BIASES, PATHS, np.array([[1, 0, 1], [0, 1, 1]])),
        {"classes": 5},
        lambda: np.array(
            [
                hierarchical_sigmoid(x, way, NODE_WEIGHTS, NODE_BIASES[:, 0])
                for x, way in zip(X[:2], [[(0, 1), (3, 0)], [(2, 0), (1, 1), (0, 1)]], strict=True)
            ]
        ),
    ),
    "n_pair": (
        (X, Y, np.array([7, 3, 7])),
        {"regularization": 0.1},
        lambda: n_pair(X, Y, np.array([7, 3, 7]), 0.1),
    ),
    "margin_cross_entropy": (
        (P, np.array([2, 0, 3])),
        {"angle_factor": 1.2, "angle_margin": 0.3, "cosine_margin": 0.1, "scale": 5.0},
        lambda: margin_cross_entropy(P, [2, 0, 3], 1.2, 0.3, 0.1, 5.0),
    ),
}
REFERENCES |= reference_formulas.REFERENCES | reference_outputs.REFERENCES
REFERENCES |= reference_classes.REFERENCES | reference_structures.REFERENCES
TOLERANCE = {"float32": 2e-5, "float64": 1e-9}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", REFERENCES)
def test_against_the_formula_in_numpy(backend, name, dtype):
    inputs, parameters, reference = REFERENCES[name]
    tensors = [backend.asarray(x if x.dtype == int else x.astype(dtype)) for x in inputs]
    loss = getattr(ul.losses, name.split()[0])
    expected = reference()
    got = loss(*tensors, **parameters, reduction="none")
    assert backend.dtype(got) == dtype
    largest = np.max(np.abs(expected), where=np.isfinite(expected), initial=0)
    np.testing.assert_allclose(backend.to_numpy(got), expected, rtol=0, atol=TOLERANCE[dtype] * largest)


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("mean", np.mean(W * (X - Y) ** 2)),
        ("sum", np.sum(W * (X - Y) ** 2)),
        ("none", W * (X - Y) ** 2),
        ("weighted_mean", np.sum(W * (X - Y) ** 2) / np.sum(W * np.ones_like(X))),
    ],
)
def test_reductions_of_weighted_losses(backend, reduction, expected):
    tensors = [backend.asarray(x) for x in (X, Y)]
    got = ul.losses.squared_error(*tensors, weight=backend.asarray(W), reduction=reduction)
    np.testing.assert_allclose(backend.to_numpy(got), expected, rtol=1e-12)


def value_and_slope(backend, loss, *inputs):
    tensors = [backend.asarray(np.asarray(x, dtype="float32")) for x in inputs]
    value, grad = ul.value_and_grad(loss)(*tensors)
    return backend.to_numpy(value).tolist(), backend.to_numpy(grad).tolist()


INF, NAN = math.inf, math.nan
BCE = ul.losses.binary_cross_entropy
FOCAL = ul.losses.sigmoid_focal
BCE_LOGITS = ul.losses.binary_cross_entropy_with_logits
TINY = math.exp(-50)  # of float32's range, far below its resolution around 1


@pytest.mark.parametrize(
    ("loss", "inputs", "value", "slope"),
    [
        # The clamp of the logarithm at -100, and the floor of p (1 - p) in the gradient.
        (BCE, ([0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0]), [100, 100, 0, 0], [-1e12, 1e12, 0, 0]),
        # The gradient at 0 is 1/2 - y, which MXNet 1.9.1 and PaddlePaddle 3.3.1 get wrong.
        (BCE_LOGITS, ([0.0, 0.0], [0.0, 1.0]), [math.log(2)] * 2, [0.5, -0.5]),
        (BCE_LOGITS, ([1e4, -1e4, 1e4, -1e4], [1.0, 0.0, 0.0, 1.0]), [0, 0, 1e4, 1e4], [0, 0, 1, -1]),
        (BCE_LOGITS, ([INF, -INF, INF, -INF], [1.0, 0.0, 0.0, 1.0]), [0, 0, INF, INF], [0, 0, 1, -1]),
        (BCE_LOGITS, ([50.0, -50.0], [1.0, 0.0]), [TINY, TINY], [-TINY, TINY]),
        # Nothing missed, and everything.
        (FOCAL, ([200.0, -200.0, 200.0], [1.0, 0.0, 0.0]), [0, 0, 200], [0, 0, 1]),
        (ul.losses.absolute_error, ([1.0, 2.0], [1.0, 0.0]), [0, 2], [0, 1]),
        (ul.losses.huber, ([1.0, -1.0, INF], [0.0, 0.0, 0.0]), [0.5, 0.5, INF], [1, -1, 1]),
        (ul.losses.huber, ([1e30], [0.0]), [1e30], [1]),
        (ul.losses.hinge, ([1.0, -1.0, NAN], [1.0, -1.0, 1.0]), [0, 0, NAN], None),
        (ul.losses.hinge, ([1.0, -1.0], [1.0, -1.0]), [0, 0], [0, 0]),
        (ul.losses.poisson_nll, ([-INF, -INF], [0.0, 1.0]), [0, INF], [0, -1]),
        (ul.losses.kl_divergence, ([-INF, -1.0], [0.0, 0.0]), [0, 0], [0, 0]),
        (
            ul.losses.softmax_cross_entropy,
            ([[-INF, 0.0, 1.0]], [[0.0, 1.0, 0.0]]),
            [math.log1p(math.e)],
            [[0, -math.e / (1 + math.e), math.e / (1 + math.e)]],
        ),
        (
            ul.losses.softmax_cross_entropy,
            ([[1e4, -1e4, 0.0]] * 2, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
            [0, 2e4],
            [[0, 0, 0], [1, -1, 0]],
        ),
        # A zero vector: the cosine is 0 and the gradient finite.
        (ul.losses.cosine_embedding, ([[0.0, 0.0]], [[0.0, 0.0]], [1.0]), [1], [[0, 0]]),
        (ul.losses.triplet, ([[0.0]], [[0.0]], [[1.0]]), [0], [[0]]),
        # The negative cosine of a zero vector is 0, and its gradient as long as 1 / epsilon allows.
        (ul.losses.cosine_similarity, ([[0.0, 0.0]], [[1.0, 0.0]]), [0], [[-1e8, 0]]),
        (ul.losses.log_cosh, ([100.0, -100.0, 0.0], [0.0] * 3), [100 - math.log(2)] * 2 + [0], [1, -1, 0]),
        (ul.losses.absolute_percentage_error, ([1e-6, 0.0], [0.0, 0.0]), [1e3, 0], [1e9, 0]),
        (ul.losses.squared_logarithmic_error, ([-1.0, math.e - 1], [0.0, 0.0]), [0, 1], [0, 2 / math.e]),
        (ul.losses.categorical_hinge, ([[0.0, 2.0, 2.0]], [[1.0, 0.0, 0.0]]), [3], [[-1, 0.5, 0.5]]),
        (ul.losses.categorical_cross_entropy, ([[0.0, 0.5]], [[0.0, 1.0]]), [math.log(2)], [[0, -2]]),
        (ul.losses.categorical_cross_entropy, ([[0.0, 0.5]], [[1.0, 0.0]]), [INF], None),
        (ul.losses.binary_focal_cross_entropy, ([0.0, 1.0], [0.0, 1.0]), [0, 0], [0, 0]),
        # Two empty regions.
        (ul.losses.dice, ([0.0, 0.0], [0.0, 0.0]), NAN, None),
        (ul.losses.tversky, ([0.0, 0.0], [0.0, 0.0]), NAN, None),
        (ul.losses.cosine_similarity, ([[0.0, 0.0]], [[1.0, 0.0]]), [0], [[-1e8, 0]]),
        (
            functools.partial(ul.losses.cosine_similarity, epsilon=0.0),
            ([[0.0, 0.0]], [[1.0, 0.0]]),
            [0],
            [[0, 0]],
        ),
        (ul.losses.in_batch_softmax, ([[1e4, 0.0]] * 2, [[1.0, 0.0]] * 2), [math.log(2)] * 2, None),
        (ul.losses.in_batch_softmax, ([[2.0]], [[3.0]]), [0], [[0]]),
        # A sample without a partner, and one without a negative.
        (ul.losses.nt_xent, ([[1.0], [2.0]], [0.0, 1.0]), [0, 0], [[0], [0]]),
        (ul.losses.nt_xent, ([[1.0], [2.0]], [0.0, 0.0]), [0, 0], [[0], [0]]),
        # Where the pieces of the loss meet.
        (ul.losses.sparsemax, ([1.0, -1.0, 2.0], [0.0, 0.0, 0.0]), [1, 0, 2], [1, 0, 1]),
        (ul.losses.perceptron, ([0.0, NAN], [1.0, 1.0]), [0, NAN], None),
        (functools.partial(ul.losses.perceptron, gradient_at_zero=0.5), ([0.0], [1.0]), [0], [-0.5]),
        (ul.losses.ranking_softmax, ([[1.0, 5.0]], [[1.0, 1.0]], [[0.0, 0.0]]), [0], [[0, 0]]),
        (ul.losses.poly_cross_entropy, ([[-INF, 0.0]], [[0.0, 1.0]]), [0], [[0, 0]]),
        (
            ul.losses.softmax_cross_entropy,
            ([[1.0, INF, NAN]], [[1.0, 1.0, 1.0]], [[1.0, 0.0, 0.0]]),
            [0],
            None,
        ),
        (ul.losses.generalized_kl_divergence, ([-INF, 0.0], [0.0, 0.0]), [0, 1], [0, 1]),
        (ul.losses.triplet_margin, ([[0.0]], [[0.0]], [[1.0]]), [0], [[0]]),
        (ul.losses.triplet_margin, ([[1.0]], [[1.0]], [[1.0]]), [1], [[0]]),
        (ul.losses.margin_ranking, ([1.0, 2.0], [1.0, 1.0], [1.0, 0.0]), [0, 0], [0, 0]),
        (ul.losses.hinge_embedding, ([1.0, 2.0, NAN], [-1.0, 0.0, 1.0]), [0, 0, NAN], None),
        (ul.losses.hinge_embedding, ([1.0, 2.0], [-1.0, 0.0]), [0, 0], [0, 0]),
        # Below the least variance there is no gradient by it, and none is infinite.
        (
            lambda v, reduction: ul.losses.gaussian_nll([0.0], [0.0], v, reduction=reduction),
            ([0.0],),
            [0.5 * math.log(1e-6)],
            [0],
        ),
        (ul.losses.soft_margin, ([1e4, -1e4, 3.0], [1.0, 1.0, 0.0]), [0, 1e4, math.log(2)], [0, -1, 0]),
        (
            lambda x, reduction: ul.losses.cross_entropy(x, [1], reduction=reduction),
            ([[-INF, 0.0, 1.0]],),
            [math.log1p(math.e)],
            [[0, -math.e / (1 + math.e), math.e / (1 + math.e)]],
        ),
    ],
)
def test_edges(backend, loss, inputs, value, slope):
    got, grad = value_and_slope(backend, lambda *xs: loss(*xs, reduction="none"), *inputs)
    np.testing.assert_allclose(got, value, rtol=2e-5)
    if slope is not None:
        np.testing.assert_allclose(grad, slope, rtol=2e-5, atol=0 if TINY in np.abs(slope) else 1e-6)


P_OF_ZEROS = [1 / 3, 1 / 3, 1 / 3]
OUTPUTS = [
    ("softmax_output", ([[0.0] * 3] * 2, [0, 5]), {}, [[-2 / 3, 1 / 3, 1 / 3], P_OF_ZEROS]),
    ("softmax_output", ([[0.0] * 3] * 2, [0, 2]), {"smoothing": 0.5, "normalization": "labels"},
     [[-1 / 12, 1 / 24, 1 / 24], [1 / 24, 1 / 24, -1 / 12]]),
    ("softmax_output", ([[0.0] * 3] * 2, [0, -1]), {"leaves_out_ignored": True, "normalization": "valid"},
     [[-2 / 3, 1 / 3, 1 / 3], [0, 0, 0]]),
    ("softmax_output", ([[0.0] * 3], [[0.0, 1.0, 0.0]]), {"times_output": True, "gradient_scale": 3.0},
     [[1 / 3, -2 / 3, 1 / 3]]),
    ("regression_output", ([[1.0, -2.0]], [[0.0, -2.0]]), {}, [[0.5, 0]]),
    ("regression_output", ([[1.0, -2.0]], [[0.0, -2.0]]), {"error": "absolute"}, [[0.5, -0.5]]),
    ("regression_output", ([0.0, 0.0], [1.0, 0.0]), {"link": "sigmoid", "gradient_scale": 2.0}, [-1, 1]),
    ("svm_output", ([[0.5, 0.5, -2.0]], [0]), {}, [[-1, 3, 0]]),
    ("svm_output", ([[0.5, 1.0, -2.0]], [1]), {"linear": True, "coefficient": 0.25}, [[0.25, 0, 0]]),
    ("loss_output", ([[0.5, 2.0], [1.0, 3.0]],), {"normalization": "rows"}, [[0.5, 0.5]] * 2),
    ("loss_output", ([[0.5, 2.0], [1.0, 3.0]],), {"normalization": "valid", "threshold": 0.7},
     [[1 / 3, 1 / 3]] * 2),
]  # fmt: skip


@pytest.mark.parametrize("factor", [1, -2.5])
@pytest.mark.parametrize(("name", "inputs", "parameters", "slope"), OUTPUTS)
def test_an_output_operator_hands_back_its_gradient_whatever_follows(
    backend, name, inputs, parameters, slope, factor
):
    loss = getattr(ul.losses, name)
    tensors = [backend.asarray(np.array(x)) for x in inputs]
    _, grad = ul.value_and_grad(lambda *xs: factor * loss(*xs, **parameters))(*tensors)
    np.testing.assert_allclose(backend.to_numpy(grad), slope, atol=1e-7)


def test_ctc_that_does_not_fit_is_infinite_with_gradient_zero(backend):
    logits = backend.asarray(RNG.normal(size=(2, 3, 4)).astype("float32"))
    labels = backend.asarray(np.array([[1, 1, 1], [1, 2, -1]]))
    value, grad = ul.value_and_grad(lambda x: ul.losses.ctc(x, labels, reduction="none"))(logits)
    assert np.isinf(backend.to_numpy(value)).tolist() == [True, False]
    grad = backend.to_numpy(grad)
    assert not grad[0].any()
    assert np.isfinite(grad[1]).all() and grad[1].any()


def test_ctc_without_labels_or_frames(backend):
    logits = RNG.normal(size=(2, 3, 4))
    value = ul.losses.ctc(
        backend.asarray(logits),
        backend.asarray(np.array([[-1], [-1]])),
        backend.asarray(np.array([3, 0])),
        reduction="none",
    )
    expected = [-log_softmax(logits[0], -1)[:, 0].sum(), 0.0]
    np.testing.assert_allclose(backend.to_numpy(value), expected, rtol=1e-12)


HALF = [
    ("squared_error", ([[300.0, 1.0]], [[0.0, 0.0]]), 45000.5),
    ("softmax_cross_entropy", (np.zeros((1, 3000)), np.eye(1, 3000)), math.log(3000)),
    ("absolute_error", (np.ones((70000,)), np.zeros((70000,))), 1.0),
]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(("name", "inputs", "expected"), HALF)
def test_half_precision_accumulates_in_float32(backend, name, inputs, expected, dtype):
    if dtype not in backend.dtypes:
        with pytest.raises(ul.UnsupportedOperation):
            backend.asarray(np.ones(2, "float32"), dtype=dtype)
        return
    tensors = [backend.asarray(np.asarray(x, "float32"), dtype=dtype) for x in inputs]
    value, grad = ul.value_and_grad(getattr(ul.losses, name))(*tensors)
    assert backend.dtype(value) == backend.dtype(grad) == dtype
    resolution = {"float16": 2.0**-11, "bfloat16": 2.0**-8}[dtype]
    np.testing.assert_allclose(backend.to_numpy(value).astype(float), expected, rtol=resolution)
    assert np.isfinite(backend.to_numpy(grad).astype(float)).all()
