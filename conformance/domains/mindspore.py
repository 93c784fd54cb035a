"""What MindSpore's losses can be called with."""

from __future__ import annotations

from typing import Any

import numpy as np
from unified_loss.conformance.cases import NamedFunction

from .draw import Draw
from .registry import Drawn, domain

SINGLE = ("float32",)
_ASCEND = "it is made for other devices: the documented values are checked, and equal losses elsewhere"
NO_CPU_KERNEL = dict.fromkeys(
    (
        "mindspore.nn.L1LossExt",
        "mindspore.nn.MultilabelMarginLoss",
        "mindspore.nn.SoftMarginLoss",
        "mindspore.nn.TripletMarginLoss",
        "mindspore.ops.multilabel_margin_loss",
        "mindspore.ops.soft_margin_loss",
        "mindspore.ops.triplet_margin_loss",
        "mindspore.ops.MultilabelMarginLoss",
        "mindspore.ops.RNNTLoss",
        "mindspore.ops.SoftMarginLoss",
        "mindspore.ops.TripletMarginLoss",
        "mindspore.mint.nn.CosineEmbeddingLoss",
        "mindspore.mint.nn.CrossEntropyLoss",
        "mindspore.mint.nn.KLDivLoss",
        "mindspore.mint.nn.MSELoss",
        "mindspore.mint.nn.functional.cosine_embedding_loss",
        "mindspore.mint.nn.functional.cross_entropy",
        "mindspore.mint.nn.functional.kl_div",
        "mindspore.mint.nn.functional.l1_loss",
        "mindspore.mint.nn.functional.mse_loss",
    ),
    _ASCEND,
)
"""Losses that MindSpore itself cannot run here, and what is checked of them instead."""


def reduction(draw: Draw) -> dict[str, Any]:
    """One of the reductions of most losses."""
    return {"reduction": draw.choice("mean", "sum", "none")}


def _pair(draw: Draw, names: tuple[str, str], *, least: int = 0, broadcasts: bool = True) -> dict[str, Any]:
    shape = draw.sizes(least, 3)
    target = draw.choice(shape, shape, shape[1:], (*shape[:-1], 1)) if shape and broadcasts else shape
    return dict(zip(names, (draw.normal(*shape), draw.normal(*target)), strict=True))


# ---------------------------------------------------------------------------- differences


@domain("mindspore.nn.L1Loss", "mindspore.nn.MSELoss", gradient_of="logits", single_precision=True)
def _(draw: Draw) -> Drawn:
    return reduction(draw), _pair(draw, ("logits", "labels"))


@domain("mindspore.nn.MAELoss", gradient_of="logits", single_precision=True)
def _(draw: Draw) -> Drawn:
    return reduction(draw), _pair(draw, ("logits", "label"))


@domain("mindspore.nn.RMSELoss", gradient_of="logits", single_precision=True)
def _(draw: Draw) -> Drawn:
    return {}, _pair(draw, ("logits", "label"))


@domain("mindspore.ops.l1_loss", "mindspore.ops.mse_loss", gradient_of="input", single_precision=True)
def _(draw: Draw) -> Drawn:
    return reduction(draw), _pair(draw, ("input", "target"))


@domain("mindspore.nn.HuberLoss", gradient_of="logits", single_precision=True)
def _(draw: Draw) -> Drawn:
    return {**reduction(draw), "delta": draw.choice(1.0, 0.3, 2.5)}, _pair(draw, ("logits", "labels"))


@domain("mindspore.ops.huber_loss", gradient_of="input", single_precision=True)
def _(draw: Draw) -> Drawn:
    return {**reduction(draw), "delta": draw.choice(1.0, 0.3, 2.5)}, _pair(draw, ("input", "target"))


def _smooth_l1(draw: Draw, names: tuple[str, str], *betas: float) -> Drawn:
    kwargs = {**reduction(draw), "beta": draw.choice(1.0, 0.3, 2.5, *betas)}
    return kwargs, _pair(draw, names, broadcasts=False)


@domain("mindspore.nn.SmoothL1Loss", gradient_of="logits", single_precision_parameters=True)
def _(draw: Draw) -> Drawn:
    return _smooth_l1(draw, ("logits", "labels"))


@domain("mindspore.ops.SmoothL1Loss", gradient_of="prediction", single_precision_parameters=True)
def _(draw: Draw) -> Drawn:
    return _smooth_l1(draw, ("prediction", "target"))


@domain(
    "mindspore.ops.smooth_l1_loss",
    "mindspore.mint.nn.functional.smooth_l1_loss",
    "mindspore.mint.nn.SmoothL1Loss",
    gradient_of="input",
    single_precision_parameters=True,
)
def _(draw: Draw) -> Drawn:
    return _smooth_l1(draw, ("input", "target"))


@domain("mindspore.ops.L2Loss", gradient_of="input_x")
def _(draw: Draw) -> Drawn:
    return {}, {"input_x": draw.normal(*draw.sizes(1, 3))}


# --------------------------------------------------------------------------------- binary


def _weights(draw: Draw, shape: tuple[int, ...]) -> Any:
    """Weights that broadcast, or none."""
    return draw.optional(lambda: draw.weights(*draw.choice(shape, shape[1:], (*shape[:-1], 1))))


@domain("mindspore.nn.BCELoss", gradient_of="logits", dtypes=SINGLE)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    kwargs = {**reduction(draw), "weight": draw.optional(lambda: draw.weights(*shape))}
    return kwargs, {"logits": draw.fractions(*shape), "labels": draw.fractions(*shape)}


@domain("mindspore.ops.binary_cross_entropy", gradient_of="logits", dtypes=SINGLE)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    kwargs = {**reduction(draw), "weight": draw.optional(lambda: draw.weights(*shape))}
    return kwargs, {"logits": draw.fractions(*shape), "labels": draw.fractions(*shape)}


@domain(
    "mindspore.mint.nn.BCELoss",
    "mindspore.mint.nn.functional.binary_cross_entropy",
    gradient_of="input",
    dtypes=SINGLE,
)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    kwargs = {**reduction(draw), "weight": draw.optional(lambda: draw.weights(*shape))}
    return kwargs, {"input": draw.fractions(*shape), "target": draw.fractions(*shape)}


@domain("mindspore.ops.BinaryCrossEntropy", gradient_of="input", dtypes=SINGLE)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    tensors = {"input": draw.fractions(*shape), "target": draw.fractions(*shape)}
    return reduction(draw), {**tensors, "weight": draw.optional(lambda: draw.weights(*shape))}


@domain(
    "mindspore.nn.BCEWithLogitsLoss",
    "mindspore.ops.binary_cross_entropy_with_logits",
    "mindspore.mint.nn.BCEWithLogitsLoss",
    "mindspore.mint.nn.functional.binary_cross_entropy_with_logits",
    gradient_of="input",
    dtypes=SINGLE,
    seeds=3,
)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    kwargs = {**reduction(draw), "weight": _weights(draw, shape), "pos_weight": _weights(draw, shape)}
    return kwargs, {"input": draw.normal(*shape), "target": draw.fractions(*shape)}


@domain("mindspore.ops.BCEWithLogitsLoss", gradient_of="input", dtypes=SINGLE, seeds=3)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    tensors = {"input": draw.normal(*shape), "target": draw.fractions(*shape)}
    return reduction(draw), {
        **tensors,
        "weight": _weights(draw, shape),
        "posWeight": _weights(draw, shape),
    }


@domain("mindspore.ops.SigmoidCrossEntropyWithLogits", gradient_of="logits", single_precision=True)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    return {}, {"logits": draw.normal(*shape), "labels": draw.fractions(*shape)}


def _multilabel_soft_margin(draw: Draw, name: str) -> Drawn:
    shape = draw.sizes(1, 3)
    kwargs = {**reduction(draw), "weight": draw.optional(lambda: draw.weights(shape[-1]))}
    return kwargs, {name: draw.normal(*shape), "target": draw.binary(*shape)}


@domain("mindspore.nn.MultiLabelSoftMarginLoss", gradient_of="x", single_precision=True)
def _(draw: Draw) -> Drawn:
    return _multilabel_soft_margin(draw, "x")


@domain("mindspore.ops.multilabel_soft_margin_loss", gradient_of="input", single_precision=True)
def _(draw: Draw) -> Drawn:
    return _multilabel_soft_margin(draw, "input")


# --------------------------------------------------- likelihoods, divergences, pairs, triplets


def _kl(draw: Draw, *, divides: bool) -> Drawn:
    shape = draw.sizes(1, 3)
    kwargs = {"reduction": draw.choice("mean", "sum", "none", *(("batchmean",) if divides else ()))}
    return kwargs, {"logits": draw.log_distribution(*shape), "labels": draw.distribution(*shape)}


@domain("mindspore.nn.KLDivLoss", "mindspore.ops.kl_div", "mindspore.ops.KLDivLoss", gradient_of="logits")
def _(draw: Draw) -> Drawn:
    return _kl(draw, divides=True)


@domain("mindspore.nn.PoissonNLLLoss", gradient_of="input", single_precision=True, seeds=3)
def _(draw: Draw) -> Drawn:
    kwargs = {
        **reduction(draw),
        "log_input": draw.choice(True, False),
        "full": draw.choice(True, False),
        "eps": draw.choice(1e-8, 1e-2),
    }
    shape = draw.sizes(1, 3)
    rates = draw.normal(*shape) if kwargs["log_input"] else draw.uniform(0.1, 4.0, *shape)
    return kwargs, {"input": rates, "target": draw.counts(*draw.choice(shape, shape[1:]))}


def _gaussian(draw: Draw, names: tuple[str, str, str]) -> Drawn:
    kwargs = {**reduction(draw), "full": draw.choice(True, False), "eps": draw.choice(1e-6, 0.9)}
    shape = draw.sizes(1, 3)
    spread = draw.choice(shape, (*shape[:-1], 1), shape[:-1] or shape)
    tensors = draw.normal(*shape), draw.normal(*shape), draw.uniform(0.2, 2.0, *spread)
    return kwargs, dict(zip(names, tensors, strict=True))


@domain("mindspore.nn.GaussianNLLLoss", gradient_of="var", single_precision_parameters=True, seeds=3)
def _(draw: Draw) -> Drawn:
    return _gaussian(draw, ("logits", "labels", "var"))


@domain("mindspore.ops.gaussian_nll_loss", gradient_of="x", single_precision_parameters=True, seeds=3)
def _(draw: Draw) -> Drawn:
    return _gaussian(draw, ("x", "target", "var"))


@domain(
    "mindspore.nn.MarginRankingLoss",
    "mindspore.ops.margin_ranking_loss",
    gradient_of="input1",
    single_precision=True,
)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    tensors = {"input1": draw.normal(*shape), "input2": draw.normal(*shape)}
    target = draw.signs(*draw.choice(shape, shape[1:]))
    return {**reduction(draw), "margin": draw.choice(0.0, 0.4, 1.5)}, {**tensors, "target": target}


def _hinge_embedding(draw: Draw, names: tuple[str, str]) -> Drawn:
    shape = draw.sizes(1, 3)
    tensors = draw.normal(*shape), draw.signs(*shape) * draw.choice(1, 0.5, 0)
    kwargs = {**reduction(draw), "margin": draw.choice(1.0, 0.4, 2)}
    return kwargs, dict(zip(names, (x.astype(draw.dtype) for x in tensors), strict=True))


@domain("mindspore.nn.HingeEmbeddingLoss", gradient_of="logits", single_precision_parameters=True)
def _(draw: Draw) -> Drawn:
    return _hinge_embedding(draw, ("logits", "labels"))


@domain("mindspore.ops.hinge_embedding_loss", gradient_of="inputs", single_precision_parameters=True)
def _(draw: Draw) -> Drawn:
    return _hinge_embedding(draw, ("inputs", "targets"))


def _cosine_embedding(draw: Draw, names: tuple[str, str, str]) -> Drawn:
    samples, features, *others = draw.sizes(2, 3)
    shape = (samples, features, *others)
    labels = draw.integers(-1, 1, samples, *others, dtype="int32")
    kwargs = {**reduction(draw), "margin": draw.choice(0.0, -0.5, 0.3)}
    return kwargs, dict(zip(names, (draw.normal(*shape), draw.normal(*shape), labels), strict=True))


@domain("mindspore.nn.CosineEmbeddingLoss", gradient_of="logits_x1", single_precision=True)
def _(draw: Draw) -> Drawn:
    return _cosine_embedding(draw, ("logits_x1", "logits_x2", "labels"))


@domain("mindspore.ops.cosine_embedding_loss", gradient_of="input1", single_precision=True)
def _(draw: Draw) -> Drawn:
    return _cosine_embedding(draw, ("input1", "input2", "target"))


@domain("mindspore.ops.cosine_similarity", gradient_of="x1", dtypes=SINGLE)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(2, 3)
    kwargs = {"dim": draw.choice(1, -1, 0), "eps": draw.choice(1e-8, 2.0)}
    return kwargs, {"x1": draw.normal(*shape), "x2": draw.normal(*shape)}


@domain("mindspore.nn.TripletMarginWithDistanceLoss", gradient_of="x", dtypes=SINGLE, seeds=3)
def _(draw: Draw) -> Drawn:
    distance = draw.choice(None, "l1_distance", "cosine_distance")
    shape = draw.sizes(2, 3) if distance is None else draw.sizes(2)
    kwargs = {
        **reduction(draw),
        "distance_function": distance and NamedFunction(distance),
        "swap": draw.choice(True, False),
        "margin": draw.choice(1.0, 0.4, 2.5),
    }
    return kwargs, {name: draw.normal(*shape) for name in ("x", "positive", "negative")}


# ------------------------------------------------------------------------------ sequences


def _sequences(draw: Draw) -> tuple[dict[str, Any], int, int]:
    """Log-probabilities and labels that fit them, the number of classes, and the blank."""
    samples, classes, labels = draw.sizes(3)
    frames, blank = 2 * labels + 1 + draw.choice(0, 2), draw.choice(0, 1)
    targets = draw.labels(classes - 1, samples, labels, dtype="int32")
    lengths = draw.integers(2 * labels + 1, frames, samples, dtype="int32")
    tensors = {
        "log_probs": draw.log_distribution(frames, samples, classes),
        "targets": (targets + (targets >= blank)).astype("int32"),
        "input_lengths": lengths,
        "target_lengths": draw.integers(1, labels, samples, dtype="int32"),
    }
    return tensors, classes, blank


@domain(
    "mindspore.nn.CTCLoss",
    "mindspore.ops.ctc_loss",
    gradient_of="log_probs",
    single_precision=True,
    seeds=3,
)
def _(draw: Draw) -> Drawn:
    tensors, _, blank = _sequences(draw)
    kwargs = {**reduction(draw), "blank": blank, "zero_infinity": draw.choice(True, False)}
    return kwargs, tensors


@domain(
    "mindspore.ops.CTCLossV2",
    gradient_of="log_probs",
    fixed={"reduction": "MindSpore only takes one"},
)
def _(draw: Draw) -> Drawn:
    tensors, _, blank = _sequences(draw)
    return {"blank": blank, "zero_infinity": draw.choice(True, False)}, tensors


@domain("mindspore.ops.CTCLoss", gradient_of="x", single_precision=True, seeds=3)
def _(draw: Draw) -> Drawn:
    samples, classes, labels = draw.sizes(3)
    frames = 2 * labels + 1
    counts = draw.integers(1, labels, samples)
    positions = np.array([[n, i] for n, count in enumerate(counts) for i in range(count)], "int64")
    kwargs = {
        "preprocess_collapse_repeated": draw.choice(True, False),
        "ctc_merge_repeated": draw.choice(True, False),
        "ignore_longer_outputs_than_inputs": draw.choice(True, False),
    }
    return kwargs, {
        "x": draw.normal(frames, samples, classes),
        "labels_indices": positions,
        "labels_values": draw.labels(classes - 1, len(positions), dtype="int32"),
        # Beyond a sequence's length MindSpore's gradient is not 0, but what the memory held.
        "sequence_length": np.full(samples, frames, "int32"),
    }
