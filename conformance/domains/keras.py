"""What Keras's losses can be called with, on TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Draw
from .registry import Drawn, domain

Sizes = tuple[int, ...]
DrawnLosses = tuple[dict[str, Any], dict[str, Any], Sizes]
"""Parameters and tensors of a function, and the shape of its losses."""


def both(
    name: str, function: str, *, hidden: tuple[str, ...] = (), single_precision: bool = False
) -> Callable[[Callable[[Draw], DrawnLosses]], None]:
    """The domains of a function and of its class, which weighs and reduces what the function gives.

    `hidden` are the arguments of the function that the class does not have.
    """

    def register(draw_losses: Callable[[Draw], DrawnLosses]) -> None:
        def of_function(draw: Draw) -> Drawn:
            kwargs, tensors, _ = draw_losses(draw)
            return kwargs, tensors

        def of_class(draw: Draw) -> Drawn:
            kwargs, tensors, shape = draw_losses(draw)
            tensors = {key: value for key, value in tensors.items() if key not in hidden}
            kwargs["reduction"] = draw.choice(
                "sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None
            )
            kwargs["name"] = draw.choice("first", "second")
            # By default float64 is cast to float32, and the gradient of a float64 tensor is as coarse.
            dtypes = ("float64",) if draw.dtype == "float64" else (None, "float32", "float64")
            kwargs["dtype"] = draw.choice(*dtypes)
            weight = draw.optional(lambda: draw.weights(*_weight_shape(draw, shape)))
            return kwargs, tensors if weight is None else {**tensors, "sample_weight": weight}

        for loss, drawn in ((function, of_function), (name, of_class)):
            domain(f"keras.losses.{loss}", gradient_of="y_pred", single_precision=single_precision)(drawn)

    return register


def _weight_shape(draw: Draw, losses: Sizes) -> Sizes:
    if not losses:
        return draw.choice((), (draw.size(),))
    return draw.choice((), losses, losses, (*losses[:-1], 1), (*losses, 1))


def _levelled(draw: Draw) -> tuple[Sizes, Sizes, Sizes]:
    """The shapes of `y_true` and `y_pred`, which may differ by an axis, and of what they broadcast to."""
    whole = draw.sizes(1, 3)
    if len(whole) == 1 and draw.choice(True, False):
        whole = (*whole, 1)
    other = draw.choice(whole, whole, (1, *whole[1:]), (*whole[:-1], 1))
    if other == whole:
        other = draw.choice(whole, whole, whole[:-1] if whole[1:] and whole[-1] == 1 else (*whole, 1))
    true, pred = draw.choice((whole, other), (other, whole))
    return true, pred, whole


def _pair(draw: Draw) -> tuple[Sizes, Sizes, Sizes]:
    """The shapes of `y_true` and `y_pred`, one of which may be broadcast, and of the result."""
    whole = draw.sizes(1, 3)
    other = draw.choice(whole, whole, (*whole[:-1], 1), whole[1:])
    true, pred = draw.choice((whole, other), (other, whole)) if len(other) else (whole, whole)
    return true, pred, whole


# ------------------------------------------------------------------------------ regression


def _difference(draw: Draw) -> DrawnLosses:
    true, pred, whole = _levelled(draw)
    return {}, {"y_true": draw.normal(*true), "y_pred": draw.normal(*pred)}, whole[:-1]


both("MeanSquaredError", "mean_squared_error")(_difference)
both("MeanAbsoluteError", "mean_absolute_error")(_difference)
both("MeanAbsolutePercentageError", "mean_absolute_percentage_error")(_difference)
both("MeanSquaredLogarithmicError", "mean_squared_logarithmic_error")(_difference)
# The logarithm of 2 is rounded to float32.
both("LogCosh", "log_cosh", single_precision=True)(_difference)


@both("Huber", "huber")
def _huber(draw: Draw) -> DrawnLosses:
    _, tensors, shape = _difference(draw)
    return {"delta": draw.choice(0.7, 1.0, 2.5)}, tensors, shape


@both("CosineSimilarity", "cosine_similarity")
def _cosine(draw: Draw) -> DrawnLosses:
    shape = draw.sizes(2, 3)
    axis = draw.choice(-1, 0, 1)
    tensors = {"y_true": draw.normal(*shape), "y_pred": draw.normal(*shape)}
    return {"axis": axis}, tensors, _without(shape, axis)


def _without(shape: Sizes, axis: int) -> Sizes:
    return tuple(np.delete(shape, axis).tolist())


# ------------------------------------------------------------------------------------ hinge


def _scores(draw: Draw) -> DrawnLosses:
    true, pred, whole = _pair(draw)
    labels = draw.choice(draw.signs, draw.binary, draw.normal)(*true)
    return {}, {"y_true": labels, "y_pred": draw.normal(*pred)}, whole[:-1]


both("Hinge", "hinge")(_scores)
both("SquaredHinge", "squared_hinge")(_scores)


@both("CategoricalHinge", "categorical_hinge")
def _categorical_hinge(draw: Draw) -> DrawnLosses:
    classes, samples, *others = draw.sizes(2, 3)
    shape = (samples, *others)
    return {}, {"y_true": draw.one_hot(classes, *shape), "y_pred": draw.normal(*shape, classes)}, shape


# --------------------------------------------------------------------------- probabilities


@both("KLDivergence", "kl_divergence")
def _kl(draw: Draw) -> DrawnLosses:
    true, pred, whole = _pair(draw)
    tensors = {"y_true": draw.uniform(-0.2, 1.2, *true), "y_pred": draw.uniform(0.03, 1.2, *pred)}
    return {}, tensors, whole[:-1]


@both("Poisson", "poisson")
def _poisson(draw: Draw) -> DrawnLosses:
    true, pred, whole = _pair(draw)
    return {}, {"y_true": draw.counts(*true), "y_pred": draw.uniform(0.1, 4.0, *pred)}, whole[:-1]


def _yes_or_no(draw: Draw) -> DrawnLosses:
    shape = draw.sizes(1, 3)
    axis = draw.choice(-1, 0)
    logits = draw.choice(True, False)
    kwargs = {"from_logits": logits, "label_smoothing": draw.choice(0.0, 0.2), "axis": axis}
    labels = draw.choice(draw.binary, draw.fractions)(*shape)
    pred = draw.normal(*shape) if logits else draw.fractions(*shape)
    return kwargs, {"y_true": labels, "y_pred": pred}, _without(shape, axis)


both("BinaryCrossentropy", "binary_crossentropy")(_yes_or_no)


@both("BinaryFocalCrossentropy", "binary_focal_crossentropy")
def _binary_focal(draw: Draw) -> DrawnLosses:
    kwargs, tensors, shape = _yes_or_no(draw)
    kwargs["apply_class_balancing"] = draw.choice(True, False)
    kwargs["alpha"], kwargs["gamma"] = draw.choice(0.25, 0.6), draw.choice(2.0, 1.5, 0.5)
    return kwargs, tensors, shape


def _one_of_several(draw: Draw) -> DrawnLosses:
    shape = draw.sizes(2, 3)
    axis = draw.choice(-1, 0, 1)
    logits = draw.choice(True, False)
    kwargs = {"from_logits": logits, "label_smoothing": draw.choice(0.0, 0.2), "axis": axis}
    # Labels, and predictions too, need not sum to 1.
    labels = draw.distribution(*shape, axis=axis) if draw.choice(True, False) else draw.fractions(*shape)
    pred = draw.normal(*shape) if logits else draw.fractions(*shape)
    return kwargs, {"y_true": labels, "y_pred": pred}, _without(shape, axis)


both("CategoricalCrossentropy", "categorical_crossentropy")(_one_of_several)


@both("CategoricalFocalCrossentropy", "categorical_focal_crossentropy")
def _categorical_focal(draw: Draw) -> DrawnLosses:
    kwargs, tensors, shape = _one_of_several(draw)
    # Of numbers that float32 holds, to which Keras rounds a list.
    each = tuple(draw.choice(0.25, 0.5, 1.5) for _ in range(tensors["y_pred"].shape[-1]))
    kwargs["alpha"], kwargs["gamma"] = draw.choice(0.25, 0.6, each), draw.choice(2.0, 1.5, 0.5)
    return kwargs, tensors, shape


@both("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy")
def _sparse(draw: Draw) -> DrawnLosses:
    classes, *shape = draw.sizes(2, 3)
    logits, ignored = draw.choice(True, False), draw.choice(None, 1, -1)
    # With TensorFlow, Keras takes the last axis only.
    kwargs = {"from_logits": logits, "ignore_class": ignored, "axis": draw.choice(-1, len(shape))}
    labels = draw.integers(-1 if ignored == -1 else 0, classes - 1, *shape)
    labels = labels.astype(draw.choice("int32", "int64", "float32"))
    labels = draw.choice(labels, labels[..., None])
    pred = draw.normal(*shape, classes) if logits else draw.fractions(*shape, classes)
    return kwargs, {"y_true": labels, "y_pred": pred}, tuple(shape)


@both("CategoricalGeneralizedCrossEntropy", "categorical_generalized_cross_entropy")
def _generalized(draw: Draw) -> DrawnLosses:
    classes, *shape = draw.sizes(2, 3)
    tensors = {"y_true": draw.labels(classes, *shape), "y_pred": draw.fractions(*shape, classes)}
    return {"q": draw.choice(0.3, 0.7)}, tensors, tuple(shape)


# ------------------------------------------------------- regions, embeddings and sequences


def _region(draw: Draw) -> DrawnLosses:
    shape = draw.sizes(2, 4)
    axis = draw.choice(None, 0, -1, (0, 1), tuple(range(1, len(shape))))
    left = () if axis is None else _without(shape, axis) if isinstance(axis, int) else _left(shape, axis)
    labels = draw.choice(draw.binary, draw.fractions)(*shape)
    return {"axis": axis}, {"y_true": labels, "y_pred": draw.fractions(*shape)}, left


def _left(shape: Sizes, axes: Sizes) -> Sizes:
    return tuple(n for i, n in enumerate(shape) if i not in axes)


both("Dice", "dice")(_region)


@both("Tversky", "tversky")
def _tversky(draw: Draw) -> DrawnLosses:
    kwargs, tensors, shape = _region(draw)
    return {**kwargs, "alpha": draw.choice(0.5, 0.2), "beta": draw.choice(0.5, 0.9)}, tensors, shape


@both("Circle", "circle", hidden=("ref_labels", "ref_embeddings"))
def _circle(draw: Draw) -> DrawnLosses:
    samples, references, features = draw.size() + 3, draw.size() + 3, draw.size()
    kwargs = {
        "gamma": draw.choice(2.0, 8.0),
        "margin": draw.choice(0.25, 0.4),
        "remove_diagonal": draw.choice(True, False),
    }
    tensors = {"y_true": draw.labels(3, samples), "y_pred": draw.unit_vectors(samples, features)}
    if draw.choice(True, False):
        tensors["ref_labels"] = draw.labels(3, references)
        tensors["ref_embeddings"] = draw.unit_vectors(references, features)
    return kwargs, tensors, (samples,)


# tf.nn.ctc_loss, which computes it, takes float32 only.
@both("CTC", "ctc", single_precision=True)
def _ctc(draw: Draw) -> DrawnLosses:
    samples, classes = draw.size(), draw.size() + 1
    most = draw.choice(1, 2, 3)
    lengths = draw.integers(0, most, samples)
    labels = draw.integers(1, classes - 1, samples, most, dtype="int32")
    labels = np.where(np.arange(most) < lengths[:, None], labels, 0).astype("int32")
    return {}, {"y_true": labels, "y_pred": draw.normal(samples, 2 * most + 1, classes)}, (samples,)
