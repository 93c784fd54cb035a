"""What the losses of `tf.nn` and `tf.compat.v1` can be called with; Keras's have a module of their own."""

from __future__ import annotations

from typing import Any

import numpy as np

from .draw import Array, Draw
from .registry import Drawn, domain

_NN, _V1, _LOSSES = "tf.nn", "tf.compat.v1.nn", "tf.compat.v1.losses"
_NAME = {"name": "is what an operation in a graph would be called"}
_GRAPH = {
    "scope": "is a prefix of names in a graph",
    "loss_collection": "is where a graph would collect the loss, and TensorFlow has none here",
}


# ------------------------------------------------------------------------- tf.nn, per entry


@domain(f"{_NN}.sigmoid_cross_entropy_with_logits", gradient_of="logits", keywords=True, fixed=_NAME)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(0, 3)
    return {}, {"labels": draw.fractions(*shape), "logits": draw.normal(*shape)}


def _positives(draw: Draw, labels: str = "labels") -> Drawn:
    shape = draw.sizes(1, 3)
    tensors = {
        labels: draw.fractions(*shape),
        "logits": draw.normal(*shape),
        "pos_weight": draw.weights(*draw.choice((), shape[-1:], shape)),
    }
    return {}, tensors


@domain(f"{_NN}.weighted_cross_entropy_with_logits", gradient_of="logits", keywords=True, fixed=_NAME)
def _(draw: Draw) -> Drawn:
    return _positives(draw)


@domain(f"{_V1}.weighted_cross_entropy_with_logits", gradient_of="logits", keywords=True, fixed=_NAME)
def _(draw: Draw) -> Drawn:
    return _positives(draw, draw.choice("labels", "targets"))


@domain(f"{_NN}.log_poisson_loss", gradient_of="log_input", keywords=True, fixed=_NAME)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    tensors = {"targets": draw.counts(*shape), "log_input": draw.normal(*shape, scale=0.8)}
    return {"compute_full_loss": draw.choice(False, True)}, tensors


@domain(f"{_NN}.l2_loss", gradient_of="t", keywords=True, fixed=_NAME)
def _(draw: Draw) -> Drawn:
    return {}, {"t": draw.normal(*draw.sizes(0, 3))}


@domain(f"{_NN}.scale_regularization_loss", gradient_of="regularization_loss", keywords=True)
def _(draw: Draw) -> Drawn:
    return {}, {"regularization_loss": draw.normal(*draw.sizes(0, 3))}


@domain(f"{_NN}.compute_average_loss", gradient_of="per_example_loss", keywords=True, single_precision=True)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    weight = draw.choice((), shape[:-1] or shape, (*shape[:-1], 1), shape)
    tensors = {
        "per_example_loss": draw.normal(*shape),
        "sample_weight": draw.optional(lambda: draw.weights(*weight)),
    }
    return {"global_batch_size": draw.choice(None, 7, 0)}, tensors


# -------------------------------------------------------------------- tf.nn, along an axis


def _distributions(draw: Draw, axis: int, shape: tuple[int, ...]) -> dict[str, Array]:
    labels = draw.distribution(*shape, axis=axis)
    # The gradient of labels that do not sum to 1 is still that of ones that do.
    return {"labels": labels * draw.choice(1, 2), "logits": draw.normal(*shape)}


@domain(f"{_NN}.softmax_cross_entropy_with_logits", gradient_of="logits", keywords=True, fixed=_NAME)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    axis = draw.choice(-1, *range(len(shape)))
    return {"axis": axis}, _distributions(draw, axis, shape)


@domain(f"{_V1}.softmax_cross_entropy_with_logits", gradient_of="logits", keywords=True, fixed=_NAME)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    axis = draw.choice(-1, *range(len(shape)))
    kwargs = draw.choice({"dim": axis}, {"dim": None, "axis": axis})
    return kwargs, _distributions(draw, axis, shape)


@domain(f"{_V1}.softmax_cross_entropy_with_logits_v2", gradient_of="logits", keywords=True, fixed=_NAME)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    axis = draw.choice(-1, *range(len(shape)))
    return draw.choice({"dim": axis}, {"axis": axis}), _distributions(draw, axis, shape)


@domain(
    f"{_NN}.sparse_softmax_cross_entropy_with_logits",
    f"{_V1}.sparse_softmax_cross_entropy_with_logits",
    gradient_of="logits",
    keywords=True,
    fixed=_NAME,
)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    labels = draw.labels(shape[-1], *shape[:-1], dtype=draw.choice("int32", "int64"))
    return {}, {"labels": labels, "logits": draw.normal(*shape)}


@domain(f"{_NN}.ctc_loss", gradient_of="logits", dtypes=("float32",), keywords=True, fixed=_NAME)
def _(draw: Draw) -> Drawn:
    samples, most, classes = draw.choice(2, 3), draw.choice(2, 3), draw.choice(4, 5)
    blank, time_major = draw.choice(None, 0, 2, -1), draw.choice(True, False)
    counts = draw.integers(0, most, samples, dtype="int32")
    others = np.delete(np.arange(classes), 0 if blank is None else blank)
    labels = others[draw.integers(0, classes - 2, samples, most)].astype("int32")
    frames = draw.integers(2 * most, 2 * most + 2, samples, dtype="int32")
    frames[0] = 2 * most + 2
    shape = (int(frames[0]), samples) if time_major else (samples, int(frames[0]))
    tensors = {
        "labels": labels,
        "logits": draw.normal(*shape, classes),
        "label_length": counts,
        "logit_length": frames,
    }
    return {"logits_time_major": time_major, "blank_index": blank}, tensors


# -------------------------------------------------------------------------- sampled classes

_CHOICES = {
    **_NAME,
    "seed": "where the draws start, which differ from TensorFlow's; the tests bring candidates",
    "partition_strategy": "is of class vectors in several parts",
}


def _sampled(draw: Draw) -> Drawn:
    samples, features = draw.choice(2, 3), draw.choice(2, 4)
    sampled, positives, classes = draw.choice(2, 3), draw.choice(1, 2), draw.choice(5, 6)
    kwargs = {
        "num_sampled": sampled,
        "num_classes": classes,
        "num_true": positives,
        "sampled_values": (
            # Different ones, as a sampler gives them.
            (draw.labels(classes, 1) + np.arange(sampled)) % classes,
            draw.uniform(0.1, 0.9, samples, positives),
            draw.uniform(0.1, 0.9, sampled),
        ),
        "remove_accidental_hits": draw.choice(True, False),
    }
    # Two true classes of one sample differ.
    labels = (draw.labels(classes, samples, 1) + np.arange(positives)) % classes
    tensors = {
        "weights": draw.normal(classes, features),
        "biases": draw.normal(classes),
        "labels": labels,
        "inputs": draw.normal(samples, features),
    }
    return kwargs, tensors


@domain(
    f"{_NN}.nce_loss",
    f"{_NN}.sampled_softmax_loss",
    f"{_V1}.nce_loss",
    f"{_V1}.sampled_softmax_loss",
    gradient_of="inputs",
    keywords=True,
    fixed=_CHOICES,
)
def _(draw: Draw) -> Drawn:
    return _sampled(draw)


# --------------------------------------------------------------------- tf.compat.v1.losses


def _reduction(draw: Draw) -> dict[str, Any]:
    return {
        "reduction": draw.choice(
            "none",
            "weighted_sum",
            "weighted_mean",
            "weighted_sum_over_batch_size",
            "weighted_sum_by_nonzero_weights",
        )
    }


def _weights(draw: Draw, shape: tuple[int, ...]) -> dict[str, Array]:
    """Weights as a number or of sizes 1 and those of the losses, sometimes 0; or none."""
    sizes = tuple(draw.choice(n, 1) for n in shape)
    weights = draw.weights(*draw.choice((), sizes, shape))
    if weights.ndim:
        weights.flat[0] = draw.choice(0.0, 1.5)
    return draw.choice({}, {"weights": weights})


def _pair(draw: Draw, names: tuple[str, ...], make: tuple[Any, ...]) -> dict[str, Array]:
    shape = draw.sizes(1, 3)
    tensors = {name: draw_one(*shape) for name, draw_one in zip(names, make, strict=True)}
    return {**tensors, **_weights(draw, shape)}


_PREDICTED = "labels", "predictions"
_V1_DOMAIN: dict[str, Any] = {"keywords": True, "single_precision": True, "fixed": _GRAPH}


@domain(
    f"{_LOSSES}.absolute_difference",
    f"{_LOSSES}.mean_squared_error",
    gradient_of="predictions",
    **_V1_DOMAIN,
)
def _(draw: Draw) -> Drawn:
    return _reduction(draw), _pair(draw, _PREDICTED, (draw.normal, draw.normal))


@domain(f"{_LOSSES}.huber_loss", gradient_of="predictions", **_V1_DOMAIN)
def _(draw: Draw) -> Drawn:
    tensors = _pair(draw, _PREDICTED, (draw.normal, draw.normal))
    return {"delta": draw.choice(1.0, 0.6, 2.0), **_reduction(draw)}, tensors


@domain(f"{_LOSSES}.log_loss", gradient_of="predictions", **_V1_DOMAIN)
def _(draw: Draw) -> Drawn:
    tensors = _pair(draw, _PREDICTED, (draw.fractions, draw.fractions))
    return {"epsilon": draw.choice(1e-7, 0.01), **_reduction(draw)}, tensors


@domain(f"{_LOSSES}.hinge_loss", gradient_of="logits", **_V1_DOMAIN)
def _(draw: Draw) -> Drawn:
    return _reduction(draw), _pair(draw, ("labels", "logits"), (draw.binary, draw.normal))


@domain(f"{_LOSSES}.sigmoid_cross_entropy", gradient_of="logits", **_V1_DOMAIN)
def _(draw: Draw) -> Drawn:
    tensors = _pair(draw, ("multi_class_labels", "logits"), (draw.fractions, draw.normal))
    return {"label_smoothing": draw.choice(0, 0.2), **_reduction(draw)}, tensors


@domain(f"{_LOSSES}.compute_weighted_loss", gradient_of="losses", **_V1_DOMAIN)
def _(draw: Draw) -> Drawn:
    return _reduction(draw), _pair(draw, ("losses",), (draw.normal,))


@domain(f"{_LOSSES}.mean_pairwise_squared_error", gradient_of="predictions", **_V1_DOMAIN)
def _(draw: Draw) -> Drawn:
    return {}, _pair(draw, _PREDICTED, (draw.normal, draw.normal))


@domain(f"{_LOSSES}.cosine_distance", gradient_of="predictions", **_V1_DOMAIN)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    axis = draw.choice(-1, *range(len(shape)))
    kept = tuple(1 if i == axis % len(shape) else n for i, n in enumerate(shape))
    tensors = {"labels": draw.normal(*shape), "predictions": draw.normal(*shape), **_weights(draw, kept)}
    return {**draw.choice({"axis": axis}, {"dim": axis}), **_reduction(draw)}, tensors


@domain(f"{_LOSSES}.softmax_cross_entropy", gradient_of="logits", **_V1_DOMAIN)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    tensors = {
        "onehot_labels": draw.distribution(*shape) * draw.choice(1, 2),
        "logits": draw.normal(*shape),
        **_weights(draw, shape[:-1]),
    }
    return {"label_smoothing": draw.choice(0, 0.2), **_reduction(draw)}, tensors


@domain(f"{_LOSSES}.sparse_softmax_cross_entropy", gradient_of="logits", **_V1_DOMAIN)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(2, 3)
    labels = draw.labels(shape[-1], *shape[:-1], dtype=draw.choice("int32", "int64"))
    weights = _weights(draw, shape[:-1])
    tensors = {"labels": draw.choice(labels, labels[..., None]), "logits": draw.normal(*shape), **weights}
    return _reduction(draw), tensors
