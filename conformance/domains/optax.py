"""What the losses of optax can be called with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unified_loss.conformance.cases import NamedFunction

from .draw import Draw
from .registry import Drawn, domain

Array = Any

# Where float64 is enabled, as it is for these, some native losses bring arrays of JAX's default dtype
# in, and so give float64 for float32 inputs; where it is not, they give float32.
_FLOAT64 = ("float64",)


def _two(prediction: str, target: str, make: Callable[..., Array], least: int = 1) -> Callable[[Draw], Drawn]:
    """A prediction and a target of one shape."""

    def draw(draw: Draw) -> Drawn:
        shape = draw.sizes(least, 3)
        return {}, {prediction: draw.normal(*shape), target: make(draw, *shape)}

    return draw


# -------------------------------------------------------------------------------- regression


@domain(
    "optax.losses.squared_error", "optax.losses.l2_loss", "optax.losses.log_cosh", gradient_of="predictions"
)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    targets = draw.optional(lambda: draw.normal(*shape))
    return {}, {"predictions": draw.normal(*shape), **({} if targets is None else {"targets": targets})}


@domain("optax.losses.huber_loss", gradient_of="predictions")
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    # Targets are broadcast.
    targets = draw.optional(lambda: draw.normal(*shape[draw.choice(0, 1) :]))
    tensors = {"predictions": draw.normal(*shape), **({} if targets is None else {"targets": targets})}
    return {"delta": draw.choice(0.6, 1.0, 2.5)}, tensors


def _along_axis(draw: Draw) -> tuple[tuple[int, ...], dict[str, Any]]:
    """A shape, and an axis, axes or all of them, or neither."""
    shape = draw.sizes(3)
    axis = draw.choice(-1, 1, 0, (0, 2), (2, 1), None)
    return shape, {"axis": axis}


def _mask(draw: Draw, *shape: int) -> Array:
    """Which elements count, at least one along every axis."""
    mask = draw.binary(*shape) != 0
    mask[:, 0, :] = mask[0] = mask[..., -1] = True
    return mask


@domain(
    "optax.losses.cosine_similarity",
    "optax.losses.cosine_distance",
    gradient_of="predictions",
    keywords=True,
    seeds=3,
)
def _(draw: Draw) -> Drawn:
    shape, kwargs = _along_axis(draw)
    tensors = {"predictions": draw.normal(*shape), "targets": draw.normal(*shape)}
    if draw.choice(True, False):
        tensors["where"] = _mask(draw, *shape)
    return {**kwargs, "epsilon": draw.choice(0.0, 0.5, 20.0)}, tensors


# ------------------------------------------------------------------------------------ binary


domain("optax.losses.sigmoid_binary_cross_entropy", gradient_of="logits")(
    _two("logits", "labels", Draw.fractions)
)
domain("optax.losses.sparsemax_loss", gradient_of="logits")(_two("logits", "labels", Draw.binary))
domain("optax.losses.hinge_loss", "optax.losses.perceptron_loss", gradient_of="predictor_outputs")(
    _two("predictor_outputs", "targets", Draw.signs)
)


@domain("optax.losses.sigmoid_focal_loss", gradient_of="logits")
def _(draw: Draw) -> Drawn:
    kwargs = {"alpha": draw.choice(None, 0.25, 0.7), "gamma": draw.choice(1.5, 2.0, 3.0)}
    shape = draw.sizes(1, 3)
    labels = draw.choice(Draw.fractions, Draw.binary)(draw, *shape)
    return kwargs, {"logits": draw.normal(*shape), "labels": labels}


# ------------------------------------------------------------------------------- categorical


domain("optax.losses.safe_softmax_cross_entropy", gradient_of="logits")(
    _two("logits", "labels", Draw.distribution)
)


def _distributions(draw: Draw) -> tuple[dict[str, Any], dict[str, Array]]:
    shape, kwargs = _along_axis(draw)
    tensors = {"logits": draw.normal(*shape), "labels": draw.fractions(*shape)}
    if draw.choice(True, False):
        tensors["where"] = _mask(draw, *shape)
    return kwargs, tensors


domain("optax.losses.softmax_cross_entropy", gradient_of="logits", keywords=True, seeds=3)(_distributions)


@domain("optax.losses.poly_loss_cross_entropy", gradient_of="logits", keywords=True, seeds=3)
def _(draw: Draw) -> Drawn:
    kwargs, tensors = _distributions(draw)
    return {**kwargs, "epsilon": draw.choice(-0.5, 1.0, 2.0)}, tensors


@domain(
    "optax.losses.softmax_cross_entropy_with_integer_labels", gradient_of="logits", keywords=True, seeds=4
)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(3)
    axis: Any = draw.choice(-1, 1, 0, (0, 2), (2, 1))
    axes = (axis % 3,) if isinstance(axis, int) else axis
    classes = 1
    for i in axes:
        classes *= shape[i]
    rest = tuple(n for i, n in enumerate(shape) if i not in axes)
    # Labels count from either end.
    labels = draw.integers(-classes, classes - 1, *rest, dtype="int32")
    tensors = {"logits": draw.normal(*shape), "labels": labels}
    if draw.choice(True, False):
        tensors["where"] = draw.binary(*rest) != 0 if isinstance(axis, int) else _mask(draw, *shape)
    return {"axis": axis}, tensors


@domain(
    "optax.losses.multiclass_hinge_loss",
    "optax.losses.multiclass_perceptron_loss",
    gradient_of="scores",
    dtypes=_FLOAT64,
)
def _(draw: Draw) -> Drawn:
    *batch, classes = draw.sizes(1, 3)
    return {}, {
        "scores": draw.normal(*batch, classes),
        "labels": draw.labels(classes, *batch, dtype="int32"),
    }


# The gradient of the native loss of float32 fails where float64 is enabled; that by the score of a
# label beyond the last, which is clipped, is lost.
@domain("optax.losses.multiclass_sparsemax_loss", gradient_of="scores", dtypes=_FLOAT64)
def _(draw: Draw) -> Drawn:
    batch, classes = draw.sizes(2)
    labels = draw.integers(-classes, classes - 1, batch, dtype="int32")
    return {}, {"scores": draw.normal(batch, classes, scale=0.8), "labels": labels}


@domain("optax.losses.make_fenchel_young_loss", gradient_of="scores", call="two_step")
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    # The sum is of all that it is given, and so of one vector.
    kwargs = {"max_fun": NamedFunction(draw.choice("logsumexp", "max", "jnp.sum"))}
    return kwargs, {"scores": draw.normal(*shape), "targets": draw.distribution(*shape)}


# -------------------------------------------------------------------------------- divergence


def _divergence(predictions: str, targets: str, make: Callable[..., Array]) -> Callable[[Draw], Drawn]:
    def draw(draw: Draw) -> Drawn:
        shape, kwargs = _along_axis(draw)
        tensors = {predictions: draw.log_distribution(*shape), targets: make(draw, *shape)}
        if draw.choice(True, False):
            tensors["where"] = _mask(draw, *shape)
        return kwargs, tensors

    return draw


domain(
    "optax.losses.kl_divergence",
    "optax.losses.generalized_kl_divergence",
    "optax.losses.convex_kl_divergence",
    gradient_of="log_predictions",
    keywords=True,
)(_divergence("log_predictions", "targets", Draw.fractions))
domain("optax.losses.kl_divergence_with_log_targets", gradient_of="log_predictions", keywords=True)(
    _divergence("log_predictions", "log_targets", Draw.log_distribution)
)


# ----------------------------------------------------------------- embeddings, rankings, others


@domain("optax.losses.ntxent", gradient_of="embeddings")
def _(draw: Draw) -> Drawn:
    samples, features = draw.sizes(2)
    labels = draw.integers(0, 2, samples, dtype="int32")
    labels[:2] = 5
    kwargs = {"temperature": draw.choice(0.07, 0.5, 1.5)}
    return kwargs, {"embeddings": draw.normal(samples, features), "labels": labels}


@domain("optax.losses.triplet_margin_loss", gradient_of="anchors")
def _(draw: Draw) -> Drawn:
    kwargs = {
        "axis": draw.choice(-1, 0, 1),
        "norm_degree": draw.choice(1, 2, 4),
        "margin": draw.choice(0.5, 1.0, 3.0),
        "eps": draw.choice(1e-6, 0.1),
    }
    shape = draw.sizes(2, 3)
    return kwargs, {name: draw.normal(*shape) for name in ("anchors", "positives", "negatives")}


@domain("optax.losses.ranking_softmax_loss", gradient_of="logits", keywords=True, seeds=3)
def _(draw: Draw) -> Drawn:
    kwargs = {} if draw.choice(True, False) else {"reduce_fn": draw.choice(None, NamedFunction("jnp.sum"))}
    shape = draw.sizes(1, 3)
    tensors = {"logits": draw.normal(*shape), "labels": draw.weights(*shape)}
    if draw.choice(True, False) and "reduce_fn" not in kwargs:
        tensors["where"] = draw.binary(*shape) != 0
    if draw.choice(True, False):
        tensors["weights"] = draw.weights(*shape)
    return kwargs, tensors


@domain("optax.losses.smooth_labels", gradient_of="labels", keywords=True)
def _(draw: Draw) -> Drawn:
    shape, kwargs = _along_axis(draw)
    tensors = {"labels": draw.fractions(*shape), "alpha": draw.fractions()}
    if draw.choice(True, False):
        tensors["where"] = _mask(draw, *shape)
    return kwargs, tensors


# ------------------------------------------------------------------------------ segmentation


@domain("optax.losses.dice_loss", gradient_of="predictions", keywords=True, seeds=4)
def _(draw: Draw) -> Drawn:
    kwargs = {
        "smooth": draw.choice(0.1, 1.0),
        "alpha": draw.choice(0.3, 0.5),
        "beta": draw.choice(0.5, 0.8),
        "apply_softmax": draw.choice(True, False),
        "reduction": draw.choice("mean", "sum", "none"),
        "ignore_background": draw.choice(True, False),
        "axis": draw.choice(None, 1, (0, 2)),
    }
    *pixels, classes = draw.sizes(4)
    make = Draw.normal if kwargs["apply_softmax"] else Draw.distribution
    shape = (*pixels, draw.choice(1, classes) if kwargs["apply_softmax"] else classes)
    targets = draw.binary(*shape)
    if shape[-1] == 1 and draw.choice(True, False):
        targets = targets[..., 0]
    tensors = {"predictions": make(draw, *shape), "targets": targets}
    if draw.choice(True, False):
        tensors["class_weights"] = draw.weights(shape[-1])
    return kwargs, tensors


@domain("optax.losses.multiclass_generalized_dice_loss", gradient_of="predictions", seeds=3)
def _(draw: Draw) -> Drawn:
    kwargs = {
        "smooth": draw.choice(0.1, 1.0),
        "apply_softmax": draw.choice(True, False),
        "ignore_background": draw.choice(True, False),
    }
    shape = draw.sizes(3, 4)
    make = Draw.normal if kwargs["apply_softmax"] else Draw.distribution
    return kwargs, {"predictions": make(draw, *shape), "targets": draw.fractions(*shape)}


@domain(
    "optax.losses.binary_dice_loss",
    gradient_of="predictions",
    fixed={"apply_sigmoid": "without it optax refuses all predictions but those of 1"},
)
def _(draw: Draw) -> Drawn:
    shape = (*draw.sizes(1, 3), *draw.choice((), (1,)))
    tensors = {"predictions": draw.normal(*shape), "targets": draw.binary(*shape)}
    return {"smooth": draw.choice(0.1, 1.0)}, tensors


# ---------------------------------------------------------------------------------- sequence


@domain(
    "optax.losses.ctc_loss",
    "optax.losses.ctc_loss_with_forward_probs",
    gradient_of="logits",
    dtypes=_FLOAT64,
    seeds=3,
)
def _(draw: Draw) -> Drawn:
    samples, classes = draw.sizes(2)
    frames, labels = draw.choice((9, 4), (7, 3), (6, 1))
    blank = draw.choice(0, classes - 1)
    tensors = {
        "logits": draw.normal(samples, frames, classes),
        "logit_paddings": _padding(draw, samples, frames, least=6),
        "labels": (draw.integers(1, classes - 1, samples, labels, dtype="int32") + blank) % classes,
        "label_paddings": _padding(draw, samples, labels, least=1),
    }
    return {"blank_id": blank, "log_epsilon": draw.choice(-1e5, -1e4)}, tensors


def _padding(draw: Draw, samples: int, length: int, least: int) -> Array:
    """1 from a position on, another one in each row."""
    lengths = draw.integers(least, length, samples)
    positions = draw.integers(0, 0, samples, length) + range(length)
    return (positions >= lengths[:, None]).astype(draw.dtype)
