"""Losses of scores of several classes, of which one or more are right."""

from __future__ import annotations

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec

from .binary import binary_cross_entropy_with_logits
from .class_outputs import is_label, read_labels


@spec(
    prediction=Layout(axes="NC"),
    target=Layout(shape="without_axis", index=True),
    class_weight=Layout(shape="classes"),
)
def multi_margin(
    ops: Ops,
    prediction: Array,
    target: Array,
    class_weight: Array | None = None,
    /,
    *,
    p: int = 1,
    margin: float = 1.0,
    gradient_at_zero: float = 0.0,
) -> Array:
    r"""How far the score of the right class is from being above each other one by a margin.

    .. math:: \ell = \frac{w_y}{C} \sum_{i \ne y} \max(0, m - x_y + x_i)^p

    Parameters
    ----------
    prediction : float array of scores, shape (N, C)
    target : integer array of class indices, shape (N,)
    class_weight : float array, shape (C,); optional
    p : the exponent, 1 or 2
    margin : the margin m
    gradient_at_zero : the gradient of :math:`\max(0, z)` at 0; only read where `p` is 1
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` shape (N,).

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.
    ValueError
        If `p` is neither 1 nor 2.

    Notes
    -----
    The right class is left out of the sum, not subtracted from it, which keeps all digits.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.multi_margin([[0.1, 0.2, 0.4, 0.8]], [3])), 6)
    0.325

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiMarginLoss.html
    """
    if p not in (1, 2):
        raise ValueError(f"multi_margin: p is {p}, expected 1 or 2")
    index = ops.expand_dims(target, axis=1)
    right = ops.take_along_axis(prediction, index, axis=1)
    classes = ops.arange(ops.shape(prediction)[1], dtype=ops.dtype(target), like=prediction)
    # The label's own is left out before anything is made of it: of an infinite score it is NaN.
    short = ops.where(index == classes, 0.0, margin - right + prediction)
    short = ops.positive_part(short, gradient_at_zero=gradient_at_zero)
    loss = ops.mean(short if p == 1 else ops.square(short), axis=1)
    return loss if class_weight is None else loss * ops.take(class_weight, target)


@spec(prediction=Layout(axes="NC"), target=Layout(index=True, lowest_index=-1))
def multilabel_margin(
    ops: Ops, prediction: Array, target: Array, /, *, gradient_at_zero: float = 0.0
) -> Array:
    r"""How far the score of each right class is from being above each wrong one by 1.

    .. math:: \ell = \frac1C \sum_{j} \sum_{i \notin y} \max(0, 1 - x_{y_j} + x_i)

    Parameters
    ----------
    prediction : float array of scores, shape (N, C)
    target : integer array of the same shape: the right classes first, and then -1, behind which
        nothing is read
    gradient_at_zero : the gradient of :math:`\max(0, z)` at 0
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` shape (N,).

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A class that is given twice counts twice. A sample without a right class gives 0.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.multilabel_margin([[0.1, 0.2, 0.4, 0.8]], [[3, 0, -1, 1]])), 6)
    0.85

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiLabelMarginLoss.html
    """
    read = ops.expand_dims(read_labels(ops, target, ops.dtype(prediction)), axis=2)
    right = ops.expand_dims(is_label(ops, prediction, target), axis=1)
    score = ops.expand_dims(ops.take_along_axis(prediction, ops.clip(target, min=0), axis=1), axis=2)
    shortfall = 1.0 - score + ops.expand_dims(prediction, axis=1)
    shortfall = ops.positive_part(shortfall, gradient_at_zero=gradient_at_zero)
    pairs = ops.logical_and(read, ops.logical_not(right))
    return ops.sum(ops.mean(ops.where(pairs, shortfall, 0.0), axis=2), axis=1)


@spec()
def soft_margin(ops: Ops, prediction: Array, target: Array, /) -> Array:
    r"""The logistic loss of labels -1 and 1.

    .. math:: \ell = \log(1 + e^{-x y})

    Parameters
    ----------
    prediction : float array of scores, any shape
    target : array of the same shape, labels -1 and 1
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `prediction`; its dtype.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    Exact for scores of any size, where PyTorch 2.13.0 and PaddlePaddle 3.3.1 overflow. A label of 0
    gives log 2, without gradient.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.soft_margin([0.5, -2.0], [1.0, 1.0])), 6)
    1.300503

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.SoftMarginLoss.html
    """
    return ops.softplus(-prediction * target)


@spec(class_weight=Layout(shape="broadcast"))
def multilabel_soft_margin(
    ops: Ops, prediction: Array, target: Array, class_weight: Array | None = None, /
) -> Array:
    r"""Binary cross-entropy of each class, weighted and averaged over the classes.

    .. math:: \ell = \frac1C \sum_c w_c \left(y_c \log(1 + e^{-x_c}) + (1 - y_c) \log(1 + e^{x_c})\right)

    Parameters
    ----------
    prediction : float array of logits, C classes along the last axis
    target : array of the same shape, values in [0, 1]
    class_weight : array that broadcasts to `prediction`, usually of shape (C,); optional
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `prediction` without the last axis.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    As `binary_cross_entropy_with_logits`. The class weights do not enter the mean's denominator.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.multilabel_soft_margin([[0.5, -2.0]], [[1.0, 0.0]], [1.0, 3.0])), 6)
    0.427431

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiLabelSoftMarginLoss.html
    """
    losses = binary_cross_entropy_with_logits.formula(ops, prediction, target)
    return ops.mean(losses if class_weight is None else losses * class_weight, axis=-1)
