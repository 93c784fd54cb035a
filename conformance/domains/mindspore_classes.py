"""What MindSpore's losses of classes, of regions and of samples can be called with."""

from __future__ import annotations

from typing import Any

from .draw import Draw
from .mindspore import SINGLE, reduction
from .registry import Drawn, domain


def _scores(draw: Draw, *, most: int = 3) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """The shapes of scores and of labels, and the number of classes, with a batch axis or without."""
    classes = draw.size()
    if most and draw.choice(True, False, False, False):
        return (classes,), (), classes
    samples, *others = draw.sizes(1, max(most, 1))
    return (samples, classes, *others), (samples, *others), classes


def _labels(draw: Draw, classes: int, shape: tuple[int, ...], ignored: int, *, wraps: bool = False) -> Any:
    labels = draw.labels(classes, *shape, dtype="int32")
    if shape and ignored < 0 and draw.choice(True, False):
        labels.flat[0] = ignored
    if shape and wraps and draw.choice(True, False):
        labels.flat[-1] = -2
    return labels


def _cross_entropy(draw: Draw, names: tuple[str, str]) -> Drawn:
    shape, labels, classes = _scores(draw)
    axis = min(1, len(shape) - 1)
    soft = draw.choice(True, False, False)
    ignored = draw.choice(-100, 1)
    weight = draw.optional(lambda: draw.weights(classes))
    kwargs = {
        **reduction(draw),
        "weight": weight,
        "ignore_index": ignored,
        "label_smoothing": draw.choice(0.0, 0.1, 0.6),
    }
    target = (
        draw.distribution(*shape, axis=axis)
        if soft
        else _labels(draw, classes, labels, ignored, wraps=weight is None)
    )
    return kwargs, dict(zip(names, (draw.normal(*shape), target), strict=True))


@domain("mindspore.nn.CrossEntropyLoss", gradient_of="logits", dtypes=SINGLE, seeds=4)
def _(draw: Draw) -> Drawn:
    return _cross_entropy(draw, ("logits", "labels"))


@domain("mindspore.ops.cross_entropy", gradient_of="input", dtypes=SINGLE, seeds=4)
def _(draw: Draw) -> Drawn:
    return _cross_entropy(draw, ("input", "target"))


def _nll(draw: Draw, names: tuple[str, str]) -> Drawn:
    shape, labels, classes = _scores(draw)
    ignored = draw.choice(-100, 1)
    kwargs = {**reduction(draw), "weight": draw.optional(lambda: draw.weights(classes))}
    scores = draw.log_distribution(*shape, axis=min(1, len(shape) - 1))
    target = _labels(draw, classes, labels, ignored, wraps=True)
    return {**kwargs, "ignore_index": ignored}, dict(zip(names, (scores, target), strict=True))


@domain("mindspore.nn.NLLLoss", gradient_of="logits", dtypes=SINGLE, seeds=3)
def _(draw: Draw) -> Drawn:
    return _nll(draw, ("logits", "labels"))


@domain("mindspore.ops.nll_loss", gradient_of="inputs", seeds=3, single_precision_parameters=True)
def _(draw: Draw) -> Drawn:
    kwargs, tensors, *_ = _nll(draw, ("inputs", "target"))
    return {**kwargs, "label_smoothing": draw.choice(0.0, 0.1, 0.6)}, tensors


def _strict_nll(draw: Draw, names: tuple[str, str]) -> Drawn:
    """Of two axes, and no negative labels: MindSpore has no kernel for more on the CPU.

    That kernel leaves the memory of an unreduced loss that is ignored as it was.
    """
    samples, classes = draw.sizes(2)
    kwargs = {**reduction(draw), "ignore_index": draw.choice(-100, 1)}
    labels = _labels(draw, classes, (samples,), kwargs["ignore_index"])
    if kwargs["reduction"] == "none":
        labels[labels == kwargs["ignore_index"]] = 0
    return kwargs, dict(zip(names, (draw.log_distribution(samples, classes), labels), strict=True))


@domain(
    "mindspore.mint.nn.NLLLoss",
    "mindspore.mint.nn.functional.nll_loss",
    gradient_of="input",
    single_precision=True,
    seeds=3,
)
def _(draw: Draw) -> Drawn:
    kwargs, tensors, *_ = _strict_nll(draw, ("input", "target"))
    classes = tensors["input"].shape[1]
    return {**kwargs, "weight": draw.optional(lambda: draw.weights(classes))}, tensors


@domain("mindspore.ops.NLLLoss", gradient_of="logits", single_precision=True, seeds=3)
def _(draw: Draw) -> Drawn:
    kwargs, tensors, *_ = _strict_nll(draw, ("logits", "labels"))
    return kwargs, {**tensors, "weight": draw.weights(tensors["logits"].shape[1])}


@domain("mindspore.nn.SoftmaxCrossEntropyWithLogits", gradient_of="logits", dtypes=SINGLE, seeds=4)
def _(draw: Draw) -> Drawn:
    samples, classes = draw.sizes(2)
    sparse = draw.choice(True, False)
    labels = draw.labels(classes, samples, dtype="int32") if sparse else draw.fractions(samples, classes)
    return {"sparse": sparse, **reduction(draw)}, {"logits": draw.normal(samples, classes), "labels": labels}


@domain("mindspore.ops.SoftmaxCrossEntropyWithLogits", gradient_of="logits", dtypes=SINGLE)
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(2)
    return {}, {"logits": draw.normal(*shape), "labels": draw.fractions(*shape)}


@domain(
    "mindspore.ops.SparseSoftmaxCrossEntropyWithLogits",
    gradient_of="logits",
    dtypes=SINGLE,
    fixed={"is_grad": "what MindSpore gives for the gradient of the gradient has another shape"},
)
def _(draw: Draw) -> Drawn:
    samples, classes = draw.sizes(2)
    labels = draw.labels(classes, samples, dtype="int32")
    return {}, {"logits": draw.normal(samples, classes), "labels": labels}


def _multi_margin(draw: Draw, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    samples, classes = draw.sizes(2)
    tensors = {name: draw.normal(samples, classes), "target": draw.labels(classes, samples)}
    return {**reduction(draw), "p": draw.choice(1, 2)}, tensors


@domain("mindspore.nn.MultiMarginLoss", gradient_of="x", single_precision_parameters=True, seeds=3)
def _(draw: Draw) -> Drawn:
    kwargs, tensors = _multi_margin(draw, "x")
    made = draw.optional(lambda: draw.weights(tensors["x"].shape[1]))
    called = draw.optional(lambda: draw.weights(tensors["x"].shape[1]))
    kwargs |= {"margin": draw.choice(1.0, 0.4, 2.5), "weight": made}
    return kwargs, {**tensors, "weight": called}


@domain("mindspore.ops.multi_margin_loss", gradient_of="input")
def _(draw: Draw) -> Drawn:
    kwargs, tensors = _multi_margin(draw, "input")
    weight = draw.weights(tensors["input"].shape[1])
    return {**kwargs, "margin": draw.choice(1, 2), "weight": weight}, tensors


@domain("mindspore.ops.MultiMarginLoss", gradient_of="x", single_precision_parameters=True)
def _(draw: Draw) -> Drawn:
    kwargs, tensors = _multi_margin(draw, "x")
    weight = draw.weights(tensors["x"].shape[1])
    return {**kwargs, "margin": draw.choice(1.0, 0.4, 2.5)}, {**tensors, "weight": weight}


@domain("mindspore.nn.FocalLoss", gradient_of="logits", dtypes=SINGLE, seeds=4)
def _(draw: Draw) -> Drawn:
    samples, classes, *others = draw.sizes(2, 4)
    kwargs = {
        **reduction(draw),
        "gamma": draw.choice(2.0, 0.5, 1.0),
        "weight": draw.optional(lambda: draw.weights(classes)),
    }
    labels = (
        draw.labels(classes, samples, 1, *others, dtype="int32")
        if draw.choice(True, False)
        else draw.fractions(samples, classes, *others)
    )
    return kwargs, {"logits": draw.normal(samples, classes, *others), "labels": labels}


# ----------------------------------------------------------------------- regions, samples


@domain("mindspore.nn.DiceLoss", gradient_of="logits")
def _(draw: Draw) -> Drawn:
    shape = draw.sizes(1, 3)
    tensors = {"logits": draw.fractions(*shape), "label": draw.fractions(*shape)}
    return {"smooth": draw.choice(1e-5, 0.5)}, tensors


@domain("mindspore.nn.MultiClassDiceLoss", gradient_of="logits", dtypes=SINGLE, seeds=4)
def _(draw: Draw) -> Drawn:
    samples, classes, *others = draw.sizes(2, 4)
    kwargs = {
        "weights": draw.optional(lambda: draw.weights(classes, 9)),
        "ignore_indiex": draw.choice(None, 0, 1),
        "activation": draw.choice("softmax", "logsoftmax", "relu", "relu6", "tanh", "sigmoid", None),
    }
    shape = (samples, classes, *others)
    # Beyond the end of relu6, but not where MindSpore's derivative of tanh has lost its digits.
    scale = 4.0 if kwargs["activation"] == "relu6" else 1.0
    return kwargs, {"logits": draw.normal(*shape, scale=scale), "label": draw.fractions(*shape)}


@domain("mindspore.nn.SampledSoftmaxLoss", gradient_of="logits", single_precision=True, seeds=3)
def _(draw: Draw) -> Drawn:
    samples, features, sampled = draw.sizes(3)
    classes, true = 8 + samples, draw.choice(1, 2)
    values = (
        draw.labels(classes, sampled, dtype="int32"),
        draw.uniform(0.1, 0.9, samples, true),
        draw.uniform(0.1, 0.9, sampled),
    )
    kwargs = {
        **reduction(draw),
        "num_sampled": sampled,
        "num_classes": classes,
        "num_true": true,
        "sampled_values": values,
        "remove_accidental_hits": draw.choice(True, False),
        "seed": draw.choice(0, 3),
    }
    return kwargs, {
        "weights": draw.normal(classes, features),
        "biases": draw.normal(classes),
        "labels": draw.labels(classes, samples, true, dtype="int32"),
        "logits": draw.normal(samples, features),
    }
