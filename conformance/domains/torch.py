"""What PyTorch's losses can be called with."""

from __future__ import annotations

from typing import Any

import numpy as np
from unified_loss.conformance.cases import NamedFunction

from .draw import Draw
from .registry import Drawn, DrawnWithState, domain

_PLACED = {
    "device": "says where the weights are made, which the case loads anyway",
    "dtype": "says in what the weights are made, which the case loads anyway",
}
_OPTIONS = {"options": "says how memory is saved, and does not change the loss"}


def _of(name: str, function: str) -> tuple[str, str]:
    """A class and its function."""
    return f"torch.nn.{name}", f"torch.nn.functional.{function}"


def _reduction(draw: Draw, *more: str) -> dict[str, Any]:
    """The reduction, sometimes by the retired arguments."""
    return {
        "reduction": draw.choice("mean", "sum", "none", *more),
        "size_average": draw.choice(None, None, None, True, False),
        "reduce": draw.choice(None, None, None, True, False),
    }


def _scores(draw: Draw) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """The shapes of scores and of labels, and the number of classes, with a batch axis or without."""
    classes = draw.size()
    if draw.choice(True, False, False):
        return (classes,), (), classes
    samples, *others = draw.sizes(1, 3)
    return (samples, classes, *others), (samples, *others), classes


def _pair(draw: Draw) -> dict[str, Any]:
    shape = draw.sizes(0, 3)
    return {"input": draw.normal(*shape), "target": draw.normal(*_broadcast(draw, shape))}


def _broadcast(draw: Draw, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape, or one that is broadcast to it."""
    return draw.choice(shape, shape, shape[1:], (*shape[:-1], 1)) if shape else shape


# ---------------------------------------------------------------------------- differences


@domain("torch.nn.L1Loss", "torch.nn.MSELoss", gradient_of="input")
def _(draw: Draw) -> Drawn:
    return _reduction(draw), _pair(draw)


@domain(
    "torch.nn.functional.l1_loss",
    "torch.nn.functional.mse_loss",
    gradient_of="input",
    seeds=3,
)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    weight = draw.optional(lambda: draw.weights(*shape))
    tensors = {"input": draw.normal(*shape), "target": draw.normal(*_broadcast(draw, shape))}
    return {**_reduction(draw), "weight": weight}, tensors


@domain(*_of("SmoothL1Loss", "smooth_l1_loss"), gradient_of="input")
def _(draw: Draw) -> Drawn:
    return {**_reduction(draw), "beta": draw.choice(1.0, 0.3, 2.5, 0.0)}, _pair(draw)


@domain("torch.nn.HuberLoss", gradient_of="input")
def _(draw: Draw) -> Drawn:
    kwargs = {"reduction": draw.choice("mean", "sum", "none"), "delta": draw.choice(1.0, 0.3, 2.5)}
    return kwargs, _pair(draw)


@domain("torch.nn.functional.huber_loss", gradient_of="input")
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    kwargs = {
        "reduction": draw.choice("mean", "sum", "none"),
        "delta": draw.choice(1.0, 0.3, 2.5),
        "weight": draw.optional(lambda: draw.weights(*shape)),
    }
    return kwargs, {"input": draw.normal(*shape), "target": draw.normal(*_broadcast(draw, shape))}


# ------------------------------------------------------------------------------- classes


def _labels(draw: Draw, classes: int, shape: tuple[int, ...], ignored: int) -> Any:
    labels = draw.labels(classes, *shape)
    if ignored < 0 and shape and draw.choice(True, False):
        labels.flat[0] = ignored
    return labels


@domain(*_of("NLLLoss", "nll_loss"), "torch.nn.NLLLoss2d", gradient_of="input", seeds=3)
def _(draw: Draw) -> Drawn:
    shape, labels, classes = _scores(draw)
    ignored = draw.choice(-100, 1, -1)
    weight = draw.optional(lambda: draw.weights(classes))
    scores = draw.log_distribution(*shape, axis=min(1, len(shape) - 1))
    tensors = {"input": scores, "target": _labels(draw, classes, labels, ignored)}
    return {**_reduction(draw), "weight": weight, "ignore_index": ignored}, tensors


@domain(*_of("CrossEntropyLoss", "cross_entropy"), gradient_of="input", seeds=5)
def _(draw: Draw) -> Drawn:
    shape, labels, classes = _scores(draw)
    soft = draw.choice(True, False, False)
    ignored = -100 if soft else draw.choice(-100, 1, -1)
    kwargs = {
        **_reduction(draw),
        "weight": draw.optional(lambda: draw.weights(classes)),
        "ignore_index": ignored,
        "label_smoothing": draw.choice(0.0, 0.1, 0.6),
    }
    target = (
        draw.distribution(*shape, axis=min(1, len(shape) - 1))
        if soft
        else _labels(draw, classes, labels, ignored)
    )
    return kwargs, {"input": draw.normal(*shape), "target": target}


def _projected(draw: Draw) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The keywords, the tensors, and what says the sizes of the weights."""
    features, classes, samples = draw.sizes(3)
    batch = draw.choice((samples,), (samples,), ())
    outputs = draw.choice((), draw.sizes(1, 2)) if batch else ()
    soft = draw.choice(True, False, False)
    ignored = None if soft else draw.choice(None, 1, -1)
    target = (
        draw.distribution(*batch, classes, *outputs, axis=len(batch))
        if soft
        else _labels(draw, classes, (*batch, *outputs), 0 if ignored is None else ignored)
    )
    kwargs = {
        "reduction": draw.choice("mean", "sum", "none"),
        "weight": draw.optional(lambda: draw.weights(classes)),
        "ignore_index": ignored,
        "label_smoothing": draw.choice(0.0, 0.2),
    }
    tensors = {"input": draw.normal(*batch, features), "target": target}
    return kwargs, tensors, {"in_features": features, "num_classes": classes, "out_features": outputs}


@domain("torch.nn.functional.linear_cross_entropy", gradient_of="input", fixed=_OPTIONS, seeds=4)
def _(draw: Draw) -> Drawn:
    kwargs, tensors, sizes = _projected(draw)
    rows = sizes["num_classes"], *sizes["out_features"]
    bias = draw.optional(lambda: draw.normal(*rows))
    weight = draw.normal(*rows, sizes["in_features"])
    ordered = {"input": tensors["input"], "linear_weight": weight, "target": tensors["target"]}
    return {**kwargs, "linear_bias": bias}, ordered


@domain("torch.nn.LinearCrossEntropyLoss", gradient_of="input", fixed={**_PLACED, **_OPTIONS}, seeds=3)
def _(draw: Draw) -> DrawnWithState:
    kwargs, tensors, sizes = _projected(draw)
    bias = draw.choice(True, False)
    rows = int(np.prod(sizes["out_features"], initial=sizes["num_classes"]))
    state = {"linear.weight": draw.normal(rows, sizes["in_features"])}
    if bias:
        state["linear.bias"] = draw.normal(rows)
    return {**kwargs, **sizes, "bias": bias}, tensors, state


@domain("torch.nn.AdaptiveLogSoftmaxWithLoss", gradient_of="input_", fixed=_PLACED, seeds=3)
def _(draw: Draw) -> DrawnWithState:
    features, classes = draw.choice(8, 9, 12), draw.choice(7, 10)
    cutoffs = draw.choice((2,), (1, 4), (2, 3, 5))
    divisor = draw.choice(4.0, 1.5)
    with_bias = draw.choice(True, False)
    state = {"head.weight": draw.normal(cutoffs[0] + len(cutoffs), features)}
    if with_bias:
        state["head.bias"] = draw.normal(cutoffs[0] + len(cutoffs))
    for i, (first, stop) in enumerate(zip(cutoffs, (*cutoffs[1:], classes), strict=True)):
        hidden = int(features // divisor ** (i + 1))
        state[f"tail.{i}.0.weight"] = draw.normal(hidden, features)
        state[f"tail.{i}.1.weight"] = draw.normal(stop - first, hidden)
    kwargs = {
        "in_features": features,
        "n_classes": classes,
        "cutoffs": cutoffs,
        "div_value": divisor,
        "head_bias": with_bias,
    }
    batch = draw.choice((draw.size(),), ())
    tensors = {"input_": draw.normal(*batch, features), "target_": draw.labels(classes, *batch)}
    return kwargs, tensors, state


@domain(*_of("MultiMarginLoss", "multi_margin_loss"), gradient_of="input", seeds=3)
def _(draw: Draw) -> Drawn:
    samples, classes = draw.sizes(2)
    batch = draw.choice((samples,), (samples,), ())
    kwargs = {
        **_reduction(draw),
        "p": draw.choice(1, 2),
        "margin": draw.choice(1.0, 0.4, 2.0),
        "weight": draw.optional(lambda: draw.weights(classes)),
    }
    return kwargs, {"input": draw.normal(*batch, classes), "target": draw.labels(classes, *batch)}


@domain(*_of("MultiLabelMarginLoss", "multilabel_margin_loss"), gradient_of="input")
def _(draw: Draw) -> Drawn:
    samples, classes = draw.sizes(2)
    batch = draw.choice((samples,), (samples,), ())
    target = draw.integers(-1, classes - 1, *batch, classes)
    return _reduction(draw), {"input": draw.normal(*batch, classes), "target": target}


@domain(*_of("MultiLabelSoftMarginLoss", "multilabel_soft_margin_loss"), gradient_of="input")
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    weight = draw.optional(lambda: draw.weights(shape[-1]))
    return {**_reduction(draw), "weight": weight}, {
        "input": draw.normal(*shape),
        "target": draw.fractions(*shape),
    }


# ------------------------------------------------------ probabilities, rates and variances


@domain(*_of("BCELoss", "binary_cross_entropy"), gradient_of="input")
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    weight = draw.optional(lambda: draw.weights(*_broadcast(draw, shape)))
    tensors = {"input": draw.fractions(*shape), "target": draw.fractions(*shape)}
    return {**_reduction(draw), "weight": weight}, tensors


@domain(*_of("BCEWithLogitsLoss", "binary_cross_entropy_with_logits"), gradient_of="input", seeds=3)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    kwargs = {
        **_reduction(draw),
        "weight": draw.optional(lambda: draw.weights(*_broadcast(draw, shape))),
        "pos_weight": draw.optional(lambda: draw.weights(shape[-1])),
    }
    return kwargs, {"input": draw.normal(*shape), "target": draw.fractions(*shape)}


@domain(*_of("KLDivLoss", "kl_div"), gradient_of="input")
def _(draw: Draw) -> Drawn:
    shape, in_logarithms = draw.sizes(1, 3), draw.choice(True, False)
    target = draw.log_distribution(*shape) if in_logarithms else draw.distribution(*shape)
    kwargs = {**_reduction(draw, "batchmean"), "log_target": in_logarithms}
    if kwargs["reduction"] == "batchmean":
        kwargs = {**kwargs, "size_average": None, "reduce": None}
    return kwargs, {"input": draw.log_distribution(*shape), "target": target}


def _counts(draw: Draw) -> tuple[dict[str, Any], Any, Any]:
    shape, log_input = draw.sizes(0, 3), draw.choice(True, False)
    kwargs = {
        **_reduction(draw),
        "log_input": log_input,
        "full": draw.choice(True, False),
        "eps": draw.choice(1e-8, 1e-2),
    }
    rates = draw.normal(*shape) if log_input else draw.weights(*shape)
    return kwargs, rates, draw.counts(*shape)


@domain("torch.nn.PoissonNLLLoss", gradient_of="log_input")
def _(draw: Draw) -> Drawn:
    kwargs, rates, counts = _counts(draw)
    return kwargs, {"log_input": rates, "target": counts}


@domain("torch.nn.functional.poisson_nll_loss", gradient_of="input")
def _(draw: Draw) -> Drawn:
    kwargs, rates, counts = _counts(draw)
    return kwargs, {"input": rates, "target": counts}


@domain(*_of("GaussianNLLLoss", "gaussian_nll_loss"), gradient_of="var", seeds=3)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    kwargs = {
        "full": draw.choice(True, False),
        "eps": draw.choice(1e-6, 0.5),
        "reduction": draw.choice("mean", "sum", "none"),
    }
    spread = draw.choice(shape, shape[:-1], (*shape[:-1], 1))
    tensors = {"input": draw.normal(*shape), "target": draw.normal(*shape), "var": draw.weights(*spread)}
    return kwargs, tensors


# ---------------------------------------------------------------------------- comparisons


@domain(*_of("HingeEmbeddingLoss", "hinge_embedding_loss"), gradient_of="input")
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(0, 3)
    target = draw.signs(*shape) if draw.choice(True, False) else np.asarray(draw.counts(*shape) - 2)
    kwargs = {**_reduction(draw), "margin": draw.choice(1.0, 0.3, 2.0)}
    return kwargs, {"input": draw.normal(*shape), "target": target}


@domain(*_of("MarginRankingLoss", "margin_ranking_loss"), gradient_of="input1")
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(0, 3)
    kwargs = {**_reduction(draw), "margin": draw.choice(0.0, 0.4, 2.0)}
    tensors = {"input1": draw.normal(*shape), "input2": draw.normal(*shape), "target": draw.signs(*shape)}
    return kwargs, tensors


@domain(*_of("CosineEmbeddingLoss", "cosine_embedding_loss"), gradient_of="input1")
def _(draw: Draw) -> Drawn:
    samples, features = draw.sizes(2)
    batch = draw.choice((samples,), (samples,), ())
    kwargs = {**_reduction(draw), "margin": draw.choice(0.0, 0.3, -0.5)}
    tensors = {
        "input1": draw.normal(*batch, features),
        "input2": draw.normal(*batch, features),
        "target": draw.signs(*batch),
    }
    return kwargs, tensors


@domain(*_of("SoftMarginLoss", "soft_margin_loss"), gradient_of="input")
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(0, 3)
    return _reduction(draw), {"input": draw.normal(*shape), "target": draw.signs(*shape)}


def _triplet(draw: Draw) -> dict[str, Any]:
    shape = draw.sizes(1, 3)
    return {name: draw.normal(*shape) for name in ("anchor", "positive", "negative")}


@domain(*_of("TripletMarginLoss", "triplet_margin_loss"), gradient_of="anchor", seeds=3)
def _(draw: Draw) -> Drawn:
    kwargs = {
        **_reduction(draw),
        "margin": draw.choice(1.0, 0.3, 4.0),
        "p": draw.choice(2.0, 1.0, 3.0, float("inf")),
        "eps": draw.choice(1e-6, 1e-2),
        "swap": draw.choice(True, False),
    }
    return kwargs, _triplet(draw)


@domain(*_of("TripletMarginWithDistanceLoss", "triplet_margin_with_distance_loss"), gradient_of="anchor")
def _(draw: Draw) -> Drawn:
    kwargs = {
        "distance_function": draw.choice(None, NamedFunction("l1_distance"), NamedFunction("euclidean")),
        "margin": draw.choice(1.0, 0.3, 4.0),
        "swap": draw.choice(True, False),
        "reduction": draw.choice("mean", "sum", "none"),
    }
    return kwargs, _triplet(draw)


# ------------------------------------------------------------------------------ sequences


@domain(*_of("CTCLoss", "ctc_loss"), gradient_of="log_probs", seeds=4)
def _(draw: Draw) -> Drawn:
    samples, classes = draw.choice(2, 3), draw.choice(4, 5)
    frames, longest = draw.choice(6, 7), draw.choice(1, 3)
    blank = draw.choice(0, classes - 1, 1)
    form = draw.choice("padded", "concatenated", "unbatched")
    kwargs = {
        "blank": blank,
        "reduction": draw.choice("mean", "sum", "none"),
        "zero_infinity": draw.choice(True, False),
    }
    count = 1 if form == "unbatched" else samples
    lengths = draw.integers(0, longest, count)
    inputs = draw.integers(frames - 1, frames, count)
    labels = draw.labels(classes - 1, count, longest)
    labels = labels + (labels >= blank)
    scores = draw.log_distribution(frames, samples, classes)
    if form == "unbatched":
        given = scores[:, 0], labels[0, : lengths[0]], inputs[0], lengths[0]
    elif form == "concatenated":
        joined = np.concatenate([row[:n] for row, n in zip(labels, lengths, strict=True)])
        given = scores, joined, inputs, lengths
    else:
        given = scores, labels, inputs, lengths
    names = ("log_probs", "targets", "input_lengths", "target_lengths")
    return kwargs, dict(zip(names, map(np.asarray, given), strict=True))
