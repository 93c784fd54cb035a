"""What Paddle's losses can be called with."""

from __future__ import annotations

from typing import Any

import numpy as np
from unified_loss.conformance.cases import NamedFunction

from .draw import Draw
from .registry import Drawn, domain

NO_CPU_KERNEL = {
    "paddle.nn.functional.margin_cross_entropy": "Paddle has it on GPUs only; the documented values cover it",
}
_CRASHES = "many calls of Paddle's kernel (3.3.1) end in an abort or never; recorded values cover it"
NOT_TO_BE_RUN = {"paddle.nn.NLLLoss": _CRASHES, "paddle.nn.functional.nll_loss": _CRASHES}

NAMED = {"name": "names what a static graph holds, and does not change the loss"}


def both(name: str, function: str) -> tuple[str, str]:
    """A class and its function."""
    return f"paddle.nn.{name}", f"paddle.nn.functional.{function}"


def reduction(draw: Draw, *more: str) -> dict[str, Any]:
    """One of the reductions that the framework has."""
    return {"reduction": draw.choice("mean", "sum", "none", *more)}


def _broadcast(draw: Draw, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape, or one that is broadcast to it."""
    return draw.choice(shape, shape, shape[1:], (*shape[:-1], 1)) if shape else shape


def lengths(draw: Draw, most: int, samples: int, dtype: str) -> Any:
    """Lengths from 1, of which the first is the greatest there may be."""
    lengths = draw.integers(1, most, samples, dtype=dtype)
    lengths[0] = most
    return lengths


# ---------------------------------------------------------------------------- differences


@domain(*both("L1Loss", "l1_loss"), *both("MSELoss", "mse_loss"), gradient_of="input", fixed=NAMED)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    return reduction(draw), {"input": draw.normal(*shape), "label": draw.normal(*_broadcast(draw, shape))}


@domain("paddle.nn.functional.square_error_cost", gradient_of="input")
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    return {}, {"input": draw.normal(*shape), "label": draw.normal(*_broadcast(draw, shape))}


@domain(*both("SmoothL1Loss", "smooth_l1_loss"), gradient_of="input", fixed=NAMED)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    # Paddle keeps it in float32.
    delta = draw.choice(0.5, 1.25, 3.0)
    parameters = {**reduction(draw), "delta": delta, "is_huber": draw.choice(True, False)}
    return parameters, {"input": draw.normal(*shape), "label": draw.normal(*shape)}


# ---------------------------------------------------------------------------- likelihoods


@domain(*both("KLDivLoss", "kl_div"), gradient_of="input", fixed=NAMED)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    log_target = draw.choice(True, False)
    label = draw.log_distribution(*shape) if log_target else draw.uniform(-0.3, 1.0, *shape)
    parameters = {**reduction(draw, "batchmean"), "log_target": log_target}
    return parameters, {"input": draw.log_distribution(*shape), "label": label}


@domain(*both("PoissonNLLLoss", "poisson_nll_loss"), gradient_of="input", fixed=NAMED)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    log_input = draw.choice(True, False)
    parameters = {
        **reduction(draw),
        "log_input": log_input,
        "full": draw.choice(True, False),
        "epsilon": draw.choice(1e-8, 0.03125),
    }
    rate = draw.normal(*shape) if log_input else draw.uniform(0.2, 5.0, *shape)
    return parameters, {"input": rate, "label": draw.counts(*shape)}


@domain(*both("GaussianNLLLoss", "gaussian_nll_loss"), gradient_of="input", fixed=NAMED)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(2, 3)
    spread = draw.choice(shape, shape[:-1], (*shape[:-1], 1))
    parameters = {
        **reduction(draw),
        "full": draw.choice(True, False),
        "epsilon": draw.choice(1e-6, 0.5),
    }
    tensors = {
        "input": draw.normal(*shape),
        "label": draw.normal(*_broadcast(draw, shape)),
        "variance": draw.uniform(0.1, 2.0, *spread),
    }
    return parameters, tensors


# --------------------------------------------------------------------------------- binary


@domain(*both("BCELoss", "binary_cross_entropy"), gradient_of="input", fixed=NAMED)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    parameters = {**reduction(draw), "weight": draw.optional(lambda: draw.weights(*_broadcast(draw, shape)))}
    return parameters, {"input": draw.fractions(*shape), "label": draw.fractions(*shape)}


def _leaving_out(draw: Draw, label: Any) -> Any:
    """Labels of which one may be -100, which Paddle leaves out."""
    if draw.choice(True, False, False):
        label.flat[0] = -100
    return label


@domain(*both("BCEWithLogitsLoss", "binary_cross_entropy_with_logits"), gradient_of="logit", fixed=NAMED)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    parameters = {
        **reduction(draw),
        "weight": draw.optional(lambda: draw.weights(*_broadcast(draw, shape))),
        "pos_weight": draw.optional(lambda: draw.weights(shape[-1])),
    }
    return parameters, {
        "logit": draw.normal(*shape),
        "label": _leaving_out(draw, draw.fractions(*shape)),
    }


@domain("paddle.nn.functional.log_loss", gradient_of="input", dtypes=("float32",), fixed=NAMED)
def _(draw: Draw) -> Drawn:
    samples = draw.size()
    tensors = {"input": draw.fractions(samples, 1), "label": draw.fractions(samples, 1)}
    return {"epsilon": draw.choice(1e-4, 0.03125)}, tensors


@domain("paddle.nn.functional.sigmoid_focal_loss", gradient_of="logit", fixed=NAMED)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    parameters = {
        **reduction(draw),
        "alpha": draw.choice(0.25, 0.625),
        "gamma": draw.choice(2.0, 1.5, 0.5),
    }
    tensors = {
        "logit": draw.normal(*shape),
        "label": draw.fractions(*shape),
        "normalizer": draw.optional(lambda: draw.weights(*draw.choice((), (1,)))),
    }
    return parameters, tensors


@domain("paddle.nn.functional.dice_loss", gradient_of="input", fixed=NAMED)
def _(draw: Draw) -> Drawn:
    shape, classes = draw.sizes(1, 3), draw.size()
    tensors = {
        "input": draw.distribution(*shape, classes),
        "label": draw.labels(classes, *shape, 1, dtype=draw.choice("int32", "int64")),
    }
    return {"epsilon": draw.choice(1e-5, 0.5)}, tensors


# -------------------------------------------------------------------------------- classes


def _scores(axis: int, classes: int, others: tuple[int, ...]) -> tuple[int, ...]:
    """A shape with the class axis among others."""
    position = axis % (len(others) + 1)
    return (*others[:position], classes, *others[position:])


def _indices(draw: Draw, classes: int, axis: int, others: tuple[int, ...], ignored: int) -> Any:
    """Class indices, some of them left out, with or without the class axis."""
    labels = draw.labels(classes, *others, dtype=draw.choice("int32", "int64"))
    labels.flat[0] = ignored
    labels.flat[-1] = classes - 1
    return np.expand_dims(labels, axis) if draw.choice(True, False) else labels


@domain(*both("CrossEntropyLoss", "cross_entropy"), gradient_of="input", fixed=NAMED, seeds=4)
def _(draw: Draw) -> Drawn:
    others, classes = draw.sizes(1, 3), draw.size()
    axis = draw.choice(-1, -1, 1)
    shape = _scores(axis, classes, others)
    soft, use_softmax = draw.choice(True, False), draw.choice(True, True, False)
    last = axis % len(shape) == len(shape) - 1
    # Along another axis Paddle weighs and smooths distributions by the last one, or fails.
    weighted = (last or not soft) and draw.choice(True, False)
    smoothing = draw.choice(0.0, 0.25) if (last or soft) and draw.dtype == "float32" else 0.0
    ignored = draw.choice(-100, -1, 0) if not soft and not smoothing else -100
    if soft:
        label = draw.distribution(*shape, axis=axis)
    elif smoothing:
        label = draw.labels(classes, *others)
    else:
        label = _indices(draw, classes, axis, others, ignored)
    parameters = {
        **reduction(draw),
        "weight": draw.weights(classes) if weighted else None,
        "ignore_index": ignored,
        "soft_label": soft,
        "axis": axis,
        "use_softmax": use_softmax,
        "label_smoothing": smoothing,
    }
    scores = draw.normal(*shape) if use_softmax else draw.distribution(*shape, axis=axis)
    return parameters, {"input": scores, "label": label}


@domain("paddle.nn.functional.softmax_with_cross_entropy", gradient_of="logits")
def _(draw: Draw) -> Drawn:
    others, classes = draw.sizes(1, 3), draw.size()
    axis, soft, ignored = draw.choice(-1, 1), draw.choice(True, False), draw.choice(-100, 0)
    shape = _scores(axis, classes, others)
    label = draw.labels(classes, *others, dtype=draw.choice("int32", "int64"))
    parameters = {
        "soft_label": soft,
        "ignore_index": ignored,
        # Paddle has the other mode for the last axis only.
        "numeric_stable_mode": draw.choice(True, False) or axis != -1,
        "return_softmax": draw.choice(True, False),
        "axis": axis,
    }
    tensors = {
        "logits": draw.normal(*shape),
        "label": draw.distribution(*shape, axis=axis) if soft else np.expand_dims(label, axis),
    }
    return parameters, tensors


@domain(*both("MultiLabelSoftMarginLoss", "multi_label_soft_margin_loss"), gradient_of="input", fixed=NAMED)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    parameters = {**reduction(draw), "weight": draw.optional(lambda: draw.weights(shape[-1]))}
    return parameters, {"input": draw.normal(*shape), "label": draw.binary(*shape)}


@domain(*both("MultiLabelMarginLoss", "multi_label_margin_loss"), gradient_of="input", fixed=NAMED)
def _(draw: Draw) -> Drawn:
    samples, classes = draw.sizes(2)
    label = draw.integers(-1, classes - 1, samples, classes)
    label[0, 0] = classes - 1
    return reduction(draw), {"input": draw.normal(samples, classes), "label": label}


# Paddle takes the power of the margin in float32.
@domain(
    *both("MultiMarginLoss", "multi_margin_loss"), gradient_of="input", single_precision=True, fixed=NAMED
)
def _(draw: Draw) -> Drawn:
    samples, classes = draw.sizes(2)
    parameters = {
        **reduction(draw),
        "p": draw.choice(1, 2),
        "margin": draw.choice(1.0, 2.4),
        "weight": draw.optional(lambda: draw.weights(classes)),
    }
    # Scores so near to each other that the loss is not 0, which Paddle misses by a rounding error.
    tensors = {"input": draw.normal(samples, classes, scale=0.2), "label": draw.labels(classes, samples)}
    return parameters, tensors


# --------------------------------------------------------------------------- other margins


@domain(*both("MarginRankingLoss", "margin_ranking_loss"), gradient_of="input", fixed=NAMED)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    tensors = {
        "input": draw.normal(*shape),
        "other": draw.normal(*_broadcast(draw, shape)),
        "label": draw.signs(*_broadcast(draw, shape)),
    }
    return {**reduction(draw), "margin": draw.choice(0.0, 0.75)}, tensors


@domain(*both("HingeEmbeddingLoss", "hinge_embedding_loss"), gradient_of="input", fixed=NAMED)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    label = draw.signs(*shape)
    label.flat[-1] = draw.choice(-1.0, 0.0, 0.5)
    tensors = {"input": draw.normal(*shape), "label": label}
    return {**reduction(draw), "margin": draw.choice(1.0, 0.25)}, tensors


@domain(*both("SoftMarginLoss", "soft_margin_loss"), gradient_of="input", fixed=NAMED)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    label = draw.signs(*shape)
    label = label if draw.choice(True, False) else label.astype("int64")
    return reduction(draw), {"input": draw.normal(*shape), "label": label}


@domain(*both("CosineEmbeddingLoss", "cosine_embedding_loss"), gradient_of="input1", fixed=NAMED)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 2)
    label = draw.signs(*(shape[:-1] or (1,)))
    label = label if draw.choice(True, False) else label.astype("int64")
    tensors = {"input1": draw.normal(*shape), "input2": draw.normal(*shape), "label": label}
    return {**reduction(draw), "margin": draw.choice(0, 0.25, -0.5)}, tensors


def _triplet(draw: Draw) -> dict[str, Any]:
    shape = draw.sizes(2, 3)
    return {name: draw.normal(*shape) for name in ("input", "positive", "negative")}


@domain(*both("TripletMarginLoss", "triplet_margin_loss"), gradient_of="input", fixed=NAMED)
def _(draw: Draw) -> Drawn:
    parameters = {
        **reduction(draw),
        "margin": draw.choice(1.0, 2.5),
        # Paddle takes other roots in float32.
        "p": draw.choice(2.0, 1.0, 3.0) if draw.dtype == "float32" else draw.choice(2.0, 1.0),
        "epsilon": draw.choice(1e-6, 0.0078125),
        "swap": draw.choice(True, False),
    }
    return parameters, _triplet(draw)


@domain(
    *both("TripletMarginWithDistanceLoss", "triplet_margin_with_distance_loss"),
    gradient_of="input",
    fixed=NAMED,
)
def _(draw: Draw) -> Drawn:
    distance = draw.choice(None, "l1_distance", "cosine_distance")
    parameters = {
        **reduction(draw),
        "distance_function": distance and NamedFunction(distance),
        "margin": draw.choice(1.0, 2.5),
        "swap": draw.choice(True, False),
    }
    return parameters, _triplet(draw)
