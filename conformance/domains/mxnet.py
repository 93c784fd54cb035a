"""What MXNet's losses and output operators can be called with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .draw import Array, Draw
from .registry import Drawn, domain

_GLUON = "mxnet.gluon.loss"
_SINGLE = ("float32",)
_GENERATED = {
    "out": "is where MXNet would write the result, which ours refuses",
    "name": "is what a symbol would be called",
}


def _weighting(draw: Draw) -> dict[str, Any]:
    return {"weight": draw.choice(None, 0.7, 2.5)}


def _sample_weight(draw: Draw, shape: tuple[int, ...]) -> Array | None:
    """A weight for each sample, of each entry or of some axes; or none."""
    sizes = tuple(draw.choice(n, 1) for n in shape)
    return draw.optional(lambda: draw.weights(*sizes))


def _batch_axis(draw: Draw, shape: tuple[int, ...]) -> int:
    axis: int = draw.choice(0, -1, *range(1, len(shape)))
    return axis


def _reshaped(draw: Draw, label: Array) -> Array:
    """A label, sometimes in another shape of as many elements."""
    return draw.choice(label, label, label.reshape(-1))


# ---------------------------------------------------------------- losses of an entry each


def _entries(draw: Draw, label: Callable[..., Array]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A prediction and a label for each entry, and weights."""
    shape = draw.sizes(1, 3)
    tensors = {
        "pred": draw.normal(*shape),
        "label": _reshaped(draw, label(*shape)),
        "sample_weight": _sample_weight(draw, shape),
    }
    return {**_weighting(draw), "batch_axis": _batch_axis(draw, shape)}, tensors


@domain(f"{_GLUON}.L1Loss", gradient_of="pred")
def _(draw: Draw) -> Drawn:
    return _entries(draw, draw.normal)


@domain(f"{_GLUON}.L2Loss", gradient_of="pred")
def _(draw: Draw) -> Drawn:
    kwargs, tensors = _entries(draw, draw.normal)
    # MXNet halves the weight, and cannot halve None.
    return {**kwargs, "weight": kwargs["weight"] or 1.0}, tensors


@domain(f"{_GLUON}.HuberLoss", gradient_of="pred")
def _(draw: Draw) -> Drawn:
    kwargs, tensors = _entries(draw, draw.normal)
    return {"rho": draw.choice(0.4, 1, 1.7), **kwargs}, tensors


@domain(f"{_GLUON}.HingeLoss", f"{_GLUON}.SquaredHingeLoss", gradient_of="pred")
def _(draw: Draw) -> Drawn:
    kwargs, tensors = _entries(draw, draw.signs)
    return {"margin": draw.choice(0.3, 1, 1.5), **kwargs}, tensors


@domain(f"{_GLUON}.LogisticLoss", gradient_of="pred")
def _(draw: Draw) -> Drawn:
    label_format = draw.choice("signed", "binary")
    kwargs, tensors = _entries(draw, draw.signs if label_format == "signed" else draw.fractions)
    return {**kwargs, "label_format": label_format}, tensors


@domain(f"{_GLUON}.SigmoidBinaryCrossEntropyLoss", gradient_of="pred")
def _(draw: Draw) -> Drawn:
    kwargs, tensors = _entries(draw, draw.fractions)
    from_sigmoid = draw.choice(False, True)
    pred = tensors["pred"]
    if from_sigmoid:
        pred = draw.fractions(*pred.shape)
    positive = draw.optional(lambda: draw.weights(*(1,) * (pred.ndim - 1), pred.shape[-1]))
    return {"from_sigmoid": from_sigmoid, **kwargs}, {**tensors, "pred": pred, "pos_weight": positive}


# ------------------------------------------------------------------ losses along an axis


@domain(f"{_GLUON}.SoftmaxCrossEntropyLoss", gradient_of="pred")
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(2, 4)
    axis = draw.choice(-1, *range(1, len(shape)))
    sparse, from_logits = draw.choice(True, False), draw.choice(False, True)
    kept = tuple(1 if i == axis % len(shape) else n for i, n in enumerate(shape))
    if sparse:
        dtype = draw.choice(draw.dtype, "int32")
        # -1 and one too many are clipped.
        label = draw.integers(-1, shape[axis], *(np.delete(shape, axis % len(shape))), dtype=dtype)
    else:
        label = draw.distribution(*shape, axis=axis)
    tensors = {
        "pred": draw.log_distribution(*shape, axis=axis) if from_logits else draw.normal(*shape),
        "label": label,
        "sample_weight": _sample_weight(draw, kept),
    }
    kwargs = {
        "axis": axis,
        "sparse_label": sparse,
        "from_logits": from_logits,
        **_weighting(draw),
        "batch_axis": _batch_axis(draw, shape),
    }
    return kwargs, tensors


@domain(f"{_GLUON}.KLDivLoss", gradient_of="pred")
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(2, 3)
    axis, from_logits = draw.choice(-1, *range(1, len(shape))), draw.choice(True, False)
    tensors = {
        "pred": draw.log_distribution(*shape, axis=axis) if from_logits else draw.normal(*shape),
        "label": draw.distribution(*shape, axis=axis),
        "sample_weight": _sample_weight(draw, shape),
    }
    return {
        "from_logits": from_logits,
        "axis": axis,
        **_weighting(draw),
        "batch_axis": _batch_axis(draw, shape),
    }, tensors


@domain(f"{_GLUON}.TripletLoss", gradient_of="pred")
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(2, 3)
    tensors = {
        "pred": draw.normal(*shape),
        "positive": _reshaped(draw, draw.normal(*shape)),
        "negative": _reshaped(draw, draw.normal(*shape)),
    }
    return {
        "margin": draw.choice(0.5, 1, 3.5),
        **_weighting(draw),
        "batch_axis": _batch_axis(draw, shape),
    }, tensors


@domain(
    f"{_GLUON}.PoissonNLLLoss",
    gradient_of="pred",
    fixed={
        "compute_full": "MXNet's autograd refuses Stirling's term; recorded cases have it",
        "batch_axis": "is not read",
    },
)
def _(draw: Draw) -> Drawn:
    shape, from_logits = draw.sizes(1, 3), draw.choice(True, False)
    tensors = {
        "pred": draw.normal(*shape) if from_logits else draw.weights(*shape),
        "target": _reshaped(draw, draw.counts(*shape)),
        "sample_weight": _sample_weight(draw, shape),
        "epsilon": draw.choice(1e-8, 0.1),
    }
    return {**_weighting(draw), "from_logits": from_logits}, tensors


@domain(
    f"{_GLUON}.CosineEmbeddingLoss", gradient_of="input1", dtypes=_SINGLE, fixed={"batch_axis": "is not read"}
)
def _(draw: Draw) -> Drawn:
    samples, features = draw.sizes(2)
    tensors = {
        "input1": draw.normal(samples, features),
        "input2": draw.normal(samples, features),
        "label": draw.signs(*draw.choice((samples,), (samples, 1))),
        "sample_weight": draw.optional(lambda: draw.weights(samples, 1)),
    }
    return {**_weighting(draw), "margin": draw.choice(0, 0.2, -0.3)}, tensors


@domain(f"{_GLUON}.SDMLLoss", gradient_of="x1", dtypes=_SINGLE, fixed={"batch_axis": "is not read"})
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(2)
    # Far enough apart that the divergence is no small difference of large terms, and not so far that
    # MXNet's float32 log_softmax, which is 1.4e-6 off, shows in the gradient.
    tensors = {"x1": draw.normal(*shape, scale=1.0), "x2": draw.normal(*shape, scale=1.0)}
    return {"smoothing_parameter": draw.choice(0.3, 0.1, 0.0), **_weighting(draw)}, tensors


# -------------------------------------------------------------------------- sequences


def _sequences(draw: Draw, lowest: int, padding: int) -> tuple[Array, Array, Array, int]:
    """Labels padded at the end, how many there are, how many frames, and the number of classes."""
    samples, most, classes = draw.choice(2, 3), draw.choice(2, 3), draw.choice(4, 5)
    counts = draw.integers(1, most, samples)
    labels = draw.integers(lowest, lowest + classes - 2, samples, most, dtype=draw.dtype)
    labels = np.where(np.arange(most) < counts[:, None], labels, padding).astype(draw.dtype)
    # Twice as many frames as labels fit however often labels repeat.
    frames = draw.integers(2 * most, 2 * most + 2, samples)
    frames[0] = 2 * most + 2
    return labels, counts.astype(draw.dtype), frames.astype(draw.dtype), classes


@domain(f"{_GLUON}.CTCLoss", gradient_of="pred", dtypes=_SINGLE)
def _(draw: Draw) -> Drawn:
    labels, counts, frames, classes = _sequences(draw, 0, -1)
    layout, label_layout = draw.choice("NTC", "TNC"), draw.choice("NT", "TN")
    shape = len(labels), int(frames[0])
    tensors = {
        "pred": draw.normal(*(shape if layout == "NTC" else shape[::-1]), classes),
        "label": labels if label_layout == "NT" else labels.T.copy(),
        "pred_lengths": draw.optional(lambda: frames),
        "label_lengths": draw.optional(lambda: counts),
        "sample_weight": draw.optional(lambda: draw.weights(len(labels))),
    }
    return {"layout": layout, "label_layout": label_layout, **_weighting(draw)}, tensors


@domain("mxnet.nd.ctc_loss", gradient_of="data", dtypes=_SINGLE, keywords=True, fixed=_GENERATED)
def _(draw: Draw) -> Drawn:
    blank = draw.choice("first", "last")
    labels, counts, frames, classes = _sequences(draw, *((1, 0) if blank == "first" else (0, -1)))
    use_frames, use_counts = draw.choice(False, True), draw.choice(False, True)
    tensors = {"data": draw.normal(int(frames[0]), len(labels), classes), "label": labels}
    if use_frames:
        tensors["data_lengths"] = frames
    if use_counts:
        tensors["label_lengths"] = counts
    return {"use_data_lengths": use_frames, "use_label_lengths": use_counts, "blank_label": blank}, tensors


# -------------------------------------------------------------------------- operators


@domain("mxnet.nd.softmax_cross_entropy", gradient_of="data", fixed=_GENERATED)
def _(draw: Draw) -> Drawn:
    samples, classes = draw.sizes(2)
    return {}, {
        "data": draw.normal(samples, classes, scale=draw.choice(1.6, 16.0)),
        "label": draw.labels(classes, samples, dtype=draw.dtype),
    }


@domain("mxnet.nd.smooth_l1", gradient_of="data", fixed=_GENERATED)
def _(draw: Draw) -> Drawn:
    return {"scalar": draw.choice(1.0, 0.5, 2.0, -1.5)}, {"data": draw.normal(*draw.sizes(1, 3))}


@domain("mxnet.nd.SoftmaxOutput", gradient_of="data", single_precision_parameters=True, fixed=_GENERATED)
def _(draw: Draw) -> Drawn:
    multi_output = draw.choice(False, True)
    # Of data with four axes that is to be flattened, the oneDNN kernel (1.9.1) takes the last axis alone.
    shape = draw.sizes(2, 4 if multi_output else 3)
    axis = 1 if multi_output else -1
    labels = np.delete(shape, axis % len(shape))
    given = draw.choice("indices", "indices", "distribution")
    tensors = {
        "data": draw.normal(*shape),
        "label": draw.distribution(*shape, axis=axis)
        if given == "distribution"
        else draw.labels(shape[axis], *labels, dtype=draw.dtype),
    }
    kwargs = {
        "grad_scale": draw.choice(1.0, 0.3),
        "ignore_label": draw.choice(-1.0, 1.0),
        "multi_output": multi_output,
        "use_ignore": draw.choice(False, True),
        "preserve_shape": draw.choice(False, True),
        "normalization": draw.choice("null", "batch", "valid"),
        "out_grad": draw.choice(False, True),
        "smooth_alpha": draw.choice(0.0, 0.2),
    }
    return kwargs, tensors


@domain(
    "mxnet.nd.LinearRegressionOutput",
    "mxnet.nd.LogisticRegressionOutput",
    "mxnet.nd.MAERegressionOutput",
    gradient_of="data",
    single_precision_parameters=True,
    fixed=_GENERATED,
)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    label = draw.normal(*shape)
    tensors = {"data": draw.normal(*shape), "label": draw.choice(label, label.reshape(shape[0], -1))}
    return {"grad_scale": draw.choice(1.0, 0.3)}, tensors


@domain("mxnet.nd.SVMOutput", gradient_of="data", single_precision_parameters=True, fixed=_GENERATED)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(2, 3)
    tensors = {
        "data": draw.normal(*shape),
        "label": draw.labels(shape[-1], *shape[:-1], dtype=draw.dtype),
    }
    kwargs = {
        "margin": draw.choice(1.0, 0.6),
        "regularization_coefficient": draw.choice(1.0, 0.4),
        "use_linear": draw.choice(False, True),
    }
    return kwargs, tensors


@domain("mxnet.nd.MakeLoss", gradient_of="data", single_precision_parameters=True, fixed=_GENERATED)
def _(draw: Draw) -> Drawn:
    kwargs = {
        "grad_scale": draw.choice(1.0, 0.3),
        "valid_thresh": draw.choice(0.0, 0.7),
        "normalization": draw.choice("null", "batch", "valid"),
    }
    return kwargs, {"data": draw.normal(*draw.sizes(1, 3))}


@domain("mxnet.nd.make_loss", gradient_of="data", fixed=_GENERATED)
def _(draw: Draw) -> Drawn:
    return {}, {"data": draw.normal(*draw.sizes(1, 3))}
