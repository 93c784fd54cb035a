"""Losses of a choice among classes."""

from __future__ import annotations

import math

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec


@spec(mask=Layout(shape="mask"))
def softmax_cross_entropy(
    ops: Ops,
    prediction: Array,
    target: Array,
    mask: Array | None = None,
    /,
    *,
    axis: int = -1,
    from_log_probabilities: bool = False,
    keepdims: bool = False,
    label_smoothing: float = 0.0,
    smoothing_axis: int | None = None,
    gradient_of_distribution: bool = False,
) -> Array:
    r"""Cross-entropy between the softmax of logits and a target distribution.

    .. math:: \ell = -\sum_c y_c \log p_c, \qquad p = \operatorname{softmax}(x)

    Parameters
    ----------
    prediction : float array of logits, classes along `axis`
    target : array of the same shape, probabilities along `axis` (they need not sum to 1)
    mask : array that broadcasts to `prediction`, or of its shape without `axis`, true or 1 for the
        classes that there are; optional
    axis : the class axis
    from_log_probabilities : whether `prediction` is :math:`\log p` already
    keepdims : whether the class axis stays, with size 1
    label_smoothing : the share s of the uniform distribution in the target, which becomes
        :math:`(1 - s) y + s / C`
    smoothing_axis : the axis whose size is C; None is `axis`
    gradient_of_distribution : whether the gradient is :math:`p - y`, that of a target which sums to 1,
        also where it does not (as in the kernels of TensorFlow, PaddlePaddle and MindSpore)
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `prediction` without `axis`.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A logit of -inf is a class of probability 0: it adds 0 where its target is 0, inf otherwise.
    A logit of inf, or all of them -inf, gives NaN. The gradient by the logits is
    :math:`p \sum_c y_c - y`, also where the target does not sum to 1. Where all classes are masked
    the loss is 0.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.softmax_cross_entropy([[1.0, 2.0, 3.0]], [[0.0, 0.5, 0.5]])), 6)
    0.907606

    References
    ----------
    https://optax.readthedocs.io/en/latest/api/losses.html#optax.losses.softmax_cross_entropy
    """
    target = smoothed(ops, target, label_smoothing, axis if smoothing_axis is None else smoothing_axis)
    log_p = prediction if from_log_probabilities else masked_log_softmax(ops, prediction, mask, axis=axis)
    terms = ops.multiply_no_nan(log_p, target)
    terms = terms if mask is None else ops.where(mask != 0, terms, 0.0)
    loss = -ops.sum(terms, axis=axis, keepdims=keepdims)
    if not gradient_of_distribution:
        return loss
    # The missing (1 - sum(y)) p of the gradient, through a term that is 0. An infinite logit would
    # make it NaN.
    finite = ops.where(ops.isinf(prediction), 0.0, prediction)
    slope = ops.exp(log_p) * (1 - ops.sum(target, axis=axis, keepdims=True))
    return loss + ops.sum(ops.zero_with_derivative(finite, slope), axis=axis, keepdims=keepdims)


def masked_log_softmax(ops: Ops, x: Array, mask: Array | None, *, axis: int) -> Array:
    """`log_softmax` over the classes of a mask; of the other classes what they would have beside them."""
    if mask is None:
        return ops.log_softmax(x, axis=axis)
    present = mask != 0
    largest = ops.stop_gradient(ops.max(ops.where(present, x, -math.inf), axis=axis, keepdims=True))
    shifted = x - ops.where(ops.isinf(largest), 0.0, largest)
    total = ops.sum(ops.exp(ops.where(present, shifted, -math.inf)), axis=axis, keepdims=True)
    return shifted - ops.log(ops.where(total == 0, 1.0, total))


def smoothed(ops: Ops, target: Array, share: float, axis: int) -> Array:
    """The target with a share of the uniform distribution over as many classes as an axis has entries."""
    return (1 - share) * target + share / ops.shape(target)[axis] if share else target


@spec(target=Layout(shape="without_axis", index=True), mask=Layout(shape="mask"))
def sparse_softmax_cross_entropy(
    ops: Ops,
    prediction: Array,
    target: Array,
    mask: Array | None = None,
    /,
    *,
    axis: int = -1,
    from_log_probabilities: bool = False,
    keepdims: bool = False,
    nan_if_absent: bool = False,
    probability_floor: float = 0.0,
) -> Array:
    r"""Cross-entropy between the softmax of logits and one class index per sample.

    .. math:: \ell = -\log p_y, \qquad p = \operatorname{softmax}(x)

    Parameters
    ----------
    prediction : float array of logits, classes along `axis`
    target : integer array of the same shape without `axis`, class indices from 0
    mask : array that broadcasts to `prediction`, or of its shape without `axis`, true or 1 for the
        classes that there are; optional
    axis : the class axis
    from_log_probabilities : whether `prediction` is :math:`\log p` already
    keepdims : whether the class axis stays, with size 1
    nan_if_absent : whether the logit of a label that is no class is NaN, a constant; if not, no such
        label may come this far
    probability_floor : the least p whose logarithm is taken; below it the gradient stays that of the
        exact loss (MXNet has 1e-8 in one operator)
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `target`.

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A logit of -inf is a class of probability 0: no loss where it is not the target, inf where it
    is. A logit of inf, or all of them -inf, gives NaN. Where all classes are masked the loss is 0.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.sparse_softmax_cross_entropy([[1.0, 2.0, 3.0]], [2])), 6)
    0.407606

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
    """
    log_p = prediction if from_log_probabilities else masked_log_softmax(ops, prediction, mask, axis=axis)
    label = ops.expand_dims(target, axis=axis)
    if not nan_if_absent:
        picked = ops.take_along_axis(log_p, label, axis=axis)
    else:
        present = ops.logical_and(label >= 0, label < ops.shape(prediction)[axis])
        label = ops.where(present, label, 0)
        picked = ops.take_along_axis(log_p, label, axis=axis)
        instead = picked - ops.take_along_axis(prediction, label, axis=axis) + math.nan
        picked = ops.where(present, picked, instead)
    if mask is not None:
        none = ops.sum(ops.ones_like(prediction) * mask, axis=axis, keepdims=True) == 0
        picked = ops.where(none, 0.0, picked)
    if probability_floor:
        # The loss is capped beside its gradient, through a term that is 0; an infinity would make it NaN.
        fixed = ops.stop_gradient(picked)
        finite = ops.where(ops.isinf(picked), 0.0, picked)
        capped = ops.clip(fixed, min=math.log(probability_floor))
        picked = capped + (finite - ops.stop_gradient(finite))
    return -(picked if keepdims else ops.squeeze(picked, axis))


@spec(mask=Layout(shape="mask"))
def poly_cross_entropy(
    ops: Ops,
    prediction: Array,
    target: Array,
    mask: Array | None = None,
    /,
    *,
    axis: int = -1,
    epsilon: float = 2.0,
) -> Array:
    r"""Cross-entropy, whose expansion in powers of the missed probability has another first term.

    .. math:: \ell = \sum_c y_c \left(-\log p_c + \epsilon (1 - p_c)\right), \qquad
              p = \operatorname{softmax}(x)

    Parameters
    ----------
    prediction : float array of logits, classes along `axis`
    target : array of the same shape, probabilities along `axis`
    mask : array that broadcasts to `prediction`, or of its shape without `axis`, true or 1 for the
        classes that there are; optional
    axis : the class axis
    epsilon : what is added to the first coefficient, which is 1; 0 gives `softmax_cross_entropy`
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `prediction` without `axis`.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    Infinite logits are as in `softmax_cross_entropy`. Where all classes are masked the loss is 0.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.poly_cross_entropy([[1.0, 2.0, 3.0]], [[0.0, 0.0, 1.0]], epsilon=1.0)), 6)
    0.742365

    References
    ----------
    Z. Leng et al., PolyLoss: A Polynomial Expansion Perspective of Classification Loss Functions,
    2022, https://arxiv.org/abs/2204.12511
    """
    log_p = masked_log_softmax(ops, prediction, mask, axis=axis)
    missed = target * (1 - ops.exp(log_p))
    terms = epsilon * missed - ops.multiply_no_nan(log_p, target)
    return ops.sum(terms if mask is None else ops.where(mask != 0, terms, 0.0), axis=axis)
