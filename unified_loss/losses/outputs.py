"""Output operators: they return a prediction, and hand back the gradient of a loss that is never computed.

What flows back into the result is ignored, so that neither a factor nor a reduction changes the
gradient. MXNet trains its symbolic models with such operators.
"""

from __future__ import annotations

import math
from typing import Literal

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec


@spec(in_blocks=False, target=Layout(shape="free"))
def softmax_output(
    ops: Ops,
    prediction: Array,
    target: Array,
    /,
    *,
    axis: int = -1,
    flatten: bool = False,
    gradient_scale: float = 1.0,
    ignored_label: int = -1,
    leaves_out_ignored: bool = False,
    normalization: Literal["none", "positions", "labels", "valid"] = "none",
    times_output: bool = False,
    smoothing: float = 0.0,
) -> Array:
    r"""Softmax, with the gradient of its cross-entropy.

    .. math:: \ell = p = \operatorname{softmax}(x), \qquad \nabla_x = \frac{g}{n} (p - y)

    Parameters
    ----------
    prediction : float array of logits, classes along `axis`
    target : array of class indices, truncated if floats, of that shape without `axis`; or of
        probabilities y, of that shape
    axis : the class axis
    flatten : whether all axes but the first are one class axis; `axis` is then not read, and of the
        labels the first ones count, one for each sample
    gradient_scale : the factor g
    ignored_label : the label that `leaves_out_ignored` and ``normalization="valid"`` mean
    leaves_out_ignored : whether the gradient is 0 where the label is `ignored_label`
    normalization : what n is: 1 for ``none``; the ``positions`` of a sample after the class axis;
        the number of ``labels``; of those that are ``valid``, not `ignored_label`, but at least 1
    times_output : whether the gradient is multiplied by p
    smoothing : the part of the target's probability that the other classes share
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        The mean of the probabilities, or with ``reduction="none"`` they themselves, of the shape of
        `prediction`.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A label that is no class only pushes all classes down. With probabilities as target only
    `gradient_scale` and `times_output` are read.

    Examples
    --------
    >>> import unified_loss as ul
    >>> ul.losses.softmax_output([[0.0, 0.0]], [1], reduction="none").tolist()
    [[0.5, 0.5]]

    References
    ----------
    https://mxnet.apache.org/versions/1.9.1/api/python/docs/api/symbol/symbol.html#mxnet.symbol.SoftmaxOutput
    """
    shape = ops.shape(prediction)
    logits = ops.reshape(prediction, (shape[0], -1)) if flatten else prediction
    axis = 1 if flatten else axis % len(shape)
    p = ops.softmax(logits, axis=axis)
    if _agree(ops.shape(target), shape):
        slope = (p - ops.reshape(target, ops.shape(p))) * gradient_scale
    else:
        labels = ops.astype(ops.reshape(target, (-1,)), "int32")
        counted = ops.astype(labels != ignored_label, ops.dtype(p))
        if flatten and len(ops.shape(target)) > 1:
            labels = ops.slice_along_axis(labels, 0, shape[0], axis=0)
        wanted = _likelihoods(ops, labels, p, axis, smoothing)
        slope = p - wanted
        valid = ops.astype(labels != ignored_label, ops.dtype(p))
        if leaves_out_ignored:
            slope = slope * _along(ops, valid, p, axis)
        slope = slope * (gradient_scale / _count(ops, counted, p, axis, normalization))
    slope = slope * p if times_output else slope
    result, slope = ops.reshape(p, shape), ops.reshape(slope, shape)
    return ops.replace_gradient(ops.stop_gradient(result), prediction, ops.stop_gradient(slope))


def _likelihoods(ops: Ops, labels: Array, p: Array, axis: int, smoothing: float) -> Array:
    """The probabilities that labels stand for, in the shape of `p`."""
    classes = ops.arange(ops.shape(p)[axis], dtype="int32", like=p)
    column = ops.reshape(classes, (-1, *(1,) * (len(ops.shape(p)) - 1 - axis)))
    hits = ops.astype(_along(ops, labels, p, axis) == column, ops.dtype(p))
    if not smoothing:
        return hits
    others = smoothing / max(ops.shape(p)[axis] - 1, 1)
    return others + (1 - smoothing - others) * hits


def _along(ops: Ops, labels: Array, p: Array, axis: int) -> Array:
    """One entry for each label, in the shape of `p` with a class axis of size 1."""
    shape = ops.shape(p)
    # Inside a traced function the size of the first axis may be symbolic.
    return ops.reshape(labels, (-1, *shape[1:axis], 1, *shape[axis + 1 :]) if axis else (1,))


def _agree(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether two shapes are the same, as far as their sizes are known."""
    return len(a) == len(b) and all(
        m == n for m, n in zip(a, b, strict=True) if isinstance(m, int) and isinstance(n, int)
    )


def _count(ops: Ops, valid: Array, p: Array, axis: int, normalization: str) -> Array | float:
    if normalization == "valid":
        return ops.clip(ops.sum(valid), min=1.0)
    if normalization == "labels":
        return ops.sum(valid * 0 + 1)
    return float(math.prod(ops.shape(p)[axis + 1 :])) if normalization == "positions" else 1.0


@spec(target=Layout(any_shape=True))
def regression_output(
    ops: Ops,
    prediction: Array,
    target: Array,
    /,
    *,
    link: Literal["identity", "sigmoid"] = "identity",
    error: Literal["squared", "absolute"] = "squared",
    gradient_scale: float = 1.0,
) -> Array:
    r"""A prediction, or its sigmoid, with the gradient of its error averaged within each sample.

    .. math:: \ell = f(x), \qquad \nabla_x = \frac{g}{n} (f(x) - y)

    or, for the absolute error, :math:`\pm \frac{g}{n}`, where n is the number of entries of a sample.

    Parameters
    ----------
    prediction : float array, samples along the first axis
    target : array of as many elements
    link : the function f
    error : which error has the gradient, half the ``squared`` or the ``absolute`` one
    gradient_scale : the factor g
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        The mean of f(x), or with ``reduction="none"`` f(x) itself, of the shape of `prediction`.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    The gradient of the absolute error is negative where prediction and target are equal.

    Examples
    --------
    >>> import unified_loss as ul
    >>> ul.losses.regression_output([0.0], [1.0], link="sigmoid", reduction="none").tolist()
    [0.5]

    References
    ----------
    https://mxnet.apache.org/versions/1.9.1/api/python/docs/api/symbol/symbol.html#mxnet.symbol.LinearRegressionOutput
    """
    value = ops.stop_gradient(ops.sigmoid(prediction) if link == "sigmoid" else prediction)
    slope = value - target
    if error == "absolute":
        slope = 2 * ops.astype(slope > 0, ops.dtype(slope)) - 1
    slope = slope * (gradient_scale / math.prod(ops.shape(prediction)[1:]))
    return ops.replace_gradient(value, prediction, ops.stop_gradient(slope))


@spec(target=Layout(shape="without_axis"))
def svm_output(
    ops: Ops,
    prediction: Array,
    target: Array,
    /,
    *,
    margin: float = 1.0,
    coefficient: float = 1.0,
    linear: bool = False,
) -> Array:
    r"""Scores, with the gradient of the hinge losses of one class against each other one.

    .. math:: \ell = x, \qquad \nabla_x = \begin{cases} -2 c s (m - s x) & s x < m \\ 0 & \text{otherwise}
              \end{cases}

    where s is 1 for the class of the label and -1 for the others; :math:`-c s` if `linear`.

    Parameters
    ----------
    prediction : float array of scores, classes along the last axis
    target : array of that shape without the last axis, class indices, truncated if floats
    margin : the margin m
    coefficient : the factor c
    linear : whether the hinge losses are not squared
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        The mean of the scores, or with ``reduction="none"`` they themselves.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A label that is no class has only others.

    Examples
    --------
    >>> import unified_loss as ul
    >>> ul.losses.svm_output([[0.5, -2.0]], [0], reduction="none").tolist()
    [[0.5, -2.0]]

    References
    ----------
    https://mxnet.apache.org/versions/1.9.1/api/python/docs/api/symbol/symbol.html#mxnet.symbol.SVMOutput
    """
    scores = ops.stop_gradient(prediction)
    classes = ops.arange(ops.shape(scores)[-1], dtype="int32", like=scores)
    is_class = ops.expand_dims(ops.astype(target, "int32"), axis=-1) == classes
    side = 2 * ops.astype(is_class, ops.dtype(scores)) - 1
    shortfall = margin - side * scores
    slope = ops.astype(shortfall > 0, ops.dtype(scores)) if linear else 2 * ops.relu(shortfall)
    return ops.replace_gradient(scores, prediction, ops.stop_gradient(-coefficient * side * slope))


@spec()
def loss_output(
    ops: Ops,
    prediction: Array,
    /,
    *,
    gradient_scale: float = 1.0,
    normalization: Literal["none", "rows", "valid"] = "none",
    threshold: float = 0.0,
) -> Array:
    r"""Losses as they are, with a gradient that is the same for all of them.

    .. math:: \ell = x, \qquad \nabla_x = g / n

    Parameters
    ----------
    prediction : float array of losses, any shape
    gradient_scale : the factor g
    normalization : what n is: 1 for ``none``, the number of ``rows``, all axes but the last of which
        count as one, or for ``valid`` the number of losses above `threshold`, at least 1
    threshold : only read for ``normalization="valid"``
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        The mean of `prediction`, or with ``reduction="none"`` itself.

    Raises
    ------
    DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    The gradient does not depend on what is done with the result.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.loss_output([1.0, 3.0]))
    2.0

    References
    ----------
    https://mxnet.apache.org/versions/1.9.1/api/python/docs/api/symbol/symbol.html#mxnet.symbol.MakeLoss
    """
    value = ops.stop_gradient(prediction)
    # Ones in the shape of the losses, be they NaN.
    ones = ops.astype(ops.logical_or(value == value, value != value), ops.dtype(value))  # noqa: PLR0124
    slope = ones * gradient_scale
    if normalization == "rows":
        slope = slope * ops.shape(value)[-1] / ops.sum(ones)
    elif normalization == "valid":
        above = ops.astype(value > threshold, ops.dtype(value))
        slope = slope / ops.clip(ops.sum(above), min=1.0)
    return ops.replace_gradient(value, prediction, slope)
