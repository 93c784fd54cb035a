"""What Paddle's losses of sequences, of pairs, and those with weights of their own can be called with."""

from __future__ import annotations

from typing import Any

from .draw import Draw
from .paddle import NAMED, both, lengths, reduction
from .registry import Drawn, DrawnWithState, domain

# ------------------------------------------------------------------------------ sequences


@domain(
    "paddle.nn.functional.ctc_loss",
    gradient_of="log_probs",
    fixed={"zero_infinity": "there are no infinite losses, with it or without"},
)
def _(draw: Draw) -> Drawn:
    parameters, tensors = _alignment(draw)
    return {**parameters, "norm_by_times": draw.choice(True, False)}, tensors


@domain(
    "paddle.nn.CTCLoss",
    gradient_of="log_probs",
    fixed={"zero_infinity": "there are no infinite losses, with it or without"},
)
def _(draw: Draw) -> Drawn:
    return _alignment(draw)


def _alignment(draw: Draw) -> tuple[dict[str, Any], dict[str, Any]]:
    samples, classes, count = draw.sizes(3)
    frames = 2 * count + 1
    blank = draw.choice(0, classes - 1)
    labels = draw.labels(classes - 1, samples, count, dtype="int32")
    tensors = {
        "log_probs": draw.normal(frames, samples, classes),
        "labels": labels if blank else labels + 1,
        "input_lengths": draw.integers(frames - 1, frames, samples),
        "label_lengths": draw.integers(1, count, samples),
    }
    return {**reduction(draw), "blank": blank}, tensors


@domain(*both("RNNTLoss", "rnnt_loss"), gradient_of="input", fixed=NAMED)
def _(draw: Draw) -> Drawn:
    samples, frames, count, classes = draw.sizes(4)
    blank = draw.choice(0, classes - 1)
    labels = draw.labels(classes - 1, samples, count, dtype="int32")
    tensors = {
        "input": draw.log_distribution(samples, frames, count + 1, classes),
        "label": labels if blank else labels + 1,
        "input_lengths": lengths(draw, frames, samples, "int32"),
        "label_lengths": lengths(draw, count, samples, "int32"),
    }
    parameters = {**reduction(draw), "blank": blank, "fastemit_lambda": draw.choice(0.001, 0.0, 0.5)}
    return parameters, tensors


# ---------------------------------------------------------- pairs, and weights of their own


@domain("paddle.nn.functional.npair_loss", gradient_of="anchor", dtypes=("float32",))
def _(draw: Draw) -> Drawn:
    samples, features = draw.sizes(2)
    tensors = {
        "anchor": draw.normal(samples, features),
        "positive": draw.normal(samples, features),
        "labels": draw.counts(samples),
    }
    return {"l2_reg": draw.choice(0.002, 0.5)}, tensors


def _way(draw: Draw, nodes: int, samples: int) -> tuple[Any, Any]:
    """Ways down a tree of one's own: nodes, padded with -1, and turns."""
    length = draw.choice(2, 3)
    table = draw.integers(0, nodes - 1, samples, length)
    table[0, -1] = -1
    return table, draw.integers(0, 1, samples, length)


_SPARSE = {"is_sparse": "says how the gradient by the weights is held, and does not change the loss"}


@domain("paddle.nn.functional.hsigmoid_loss", gradient_of="input", fixed={**NAMED, **_SPARSE})
def _(draw: Draw) -> Drawn:
    samples, features, classes = draw.sizes(3)
    own_tree = draw.choice(True, False)
    table, code = _way(draw, classes - 1, samples) if own_tree else (None, None)
    parameters = {
        "num_classes": classes,
        "weight": draw.normal(classes - 1, features),
        "bias": draw.optional(lambda: draw.normal(classes - 1, 1)),
        "path_table": table,
        "path_code": code,
    }
    return parameters, {"input": draw.normal(samples, features), "label": draw.labels(classes, samples)}


_ATTRIBUTES = {"weight_attr": "says how the weights are made, which the case loads anyway"}


@domain("paddle.nn.HSigmoidLoss", gradient_of="input", fixed={**NAMED, **_SPARSE, **_ATTRIBUTES})
def _(draw: Draw) -> DrawnWithState:
    samples, features, classes = draw.sizes(3)
    own_tree, has_bias = draw.choice(True, False), draw.choice(True, False)
    nodes = classes if own_tree else classes - 1
    parameters = {
        "feature_size": features,
        "num_classes": classes,
        "bias_attr": None if has_bias else False,
        "is_custom": own_tree,
    }
    tensors = {"input": draw.normal(samples, features), "label": draw.labels(classes, samples)}
    if own_tree:
        tensors["path_table"], tensors["path_code"] = _way(draw, nodes, samples)
    state = {"weight": draw.normal(nodes, features)}
    if has_bias:
        state["bias"] = draw.normal(nodes, 1)
    return parameters, tensors, state


def _clusters(draw: Draw) -> tuple[int, int, tuple[int, ...], Any, tuple[Any, ...], Any]:
    """Sizes, cutoffs, and the weights of the head, of the clusters, and the bias."""
    # Small enough that no logit is 64 below the greatest, where Paddle's log_softmax (3.3.1) clips.
    samples, features = draw.sizes(2)
    cutoffs = draw.choice((2,), (1, 3), (2, 5))
    classes = cutoffs[-1] + 2
    bounds = (*cutoffs, classes)
    size = cutoffs[0] + len(cutoffs)
    tails = []
    for i in range(len(cutoffs)):
        hidden = int(features // 1.25 ** (i + 1))
        size_of_cluster = bounds[i + 1] - bounds[i]
        tails.append(
            (draw.normal(features, hidden, scale=0.6), draw.normal(hidden, size_of_cluster, scale=0.6))
        )
    return samples, features, bounds, draw.normal(features, size, scale=0.6), tuple(tails), draw.normal(size)


@domain("paddle.nn.functional.adaptive_log_softmax_with_loss", gradient_of="input", fixed=NAMED)
def _(draw: Draw) -> Drawn:
    samples, features, bounds, head, tails, bias = _clusters(draw)
    parameters = {
        "tail_weights": tails,
        "cutoffs": bounds,
        "head_bias": draw.choice(bias, None),
    }
    tensors = {
        "input": draw.normal(samples, features),
        "label": draw.labels(bounds[-1], samples),
        "head_weight": head,
    }
    return parameters, tensors


@domain(
    "paddle.nn.AdaptiveLogSoftmaxWithLoss",
    gradient_of="input",
    fixed={
        **NAMED,
        **_ATTRIBUTES,
        "bias_attr": "says how the bias is made, which the case loads anyway",
        "div_value": "says how large the weights are, which the case loads",
    },
)
def _(draw: Draw) -> DrawnWithState:
    samples, features, bounds, head, tails, bias = _clusters(draw)
    has_bias = draw.choice(True, False)
    parameters = {
        "in_features": features,
        "n_classes": bounds[-1],
        "cutoffs": bounds[:-1],
        "div_value": 1.25,
        "head_bias": has_bias,
    }
    state = {"head_weight": head}
    if has_bias:
        state["head_bias"] = bias
    for i, tail in enumerate(tails):
        state[f"tail_weights.{i}.0"], state[f"tail_weights.{i}.1"] = tail
    tensors = {"input": draw.normal(samples, features), "label": draw.labels(bounds[-1], samples)}
    return parameters, tensors, state
