"""Cross-entropy in which class weights weigh samples as a whole."""

from __future__ import annotations

from unified_loss.layout import Layout
from unified_loss.ops import INTEGER_DTYPES, Array, Ops
from unified_loss.spec import Weighted, spec

from .categorical import smoothed, softmax_cross_entropy
from .likelihood import along, cross_entropy


@spec(target=Layout(shape="index_or_same"), class_weight=Layout(shape="classes"))
def sample_weighted_cross_entropy(
    ops: Ops,
    prediction: Array,
    target: Array,
    class_weight: Array | None = None,
    /,
    *,
    axis: int = -1,
    from_probabilities: bool = False,
    label_smoothing: float = 0.0,
    smoothing_axis: int | None = None,
    keepdims: bool = False,
    gradient_of_distribution: bool = False,
) -> Array:
    r"""Cross-entropy, weighted by the weight that the target's classes have on average.

    .. math:: \ell = -\left(\sum_c w_c y_c\right) \sum_c y_c \log p_c, \qquad
              p = \operatorname{softmax}(x)

    where y is one-hot for a class index. For these it is `cross_entropy`, which weighs the terms of
    the second sum class by class.

    Parameters
    ----------
    prediction : float array of logits, C classes along `axis`
    target : integer array of the same shape without `axis`, class indices from 0; or float array of
        the same shape, probabilities along `axis` (they need not sum to 1)
    class_weight : float array, shape (C,); optional
    axis : the class axis
    from_probabilities : whether `prediction` is p itself
    label_smoothing : the share s of the uniform distribution in a target of probabilities, which
        becomes :math:`(1 - s) y + s / C`
    smoothing_axis : the axis whose size is C in this; None is `axis`
    keepdims : whether the class axis stays, with size 1
    gradient_of_distribution : whether the gradient is :math:`p - y`, that of a target which sums to 1,
        also where it does not
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `prediction` without `axis`.
        ``weighted_mean`` divides by the sum of the samples' weights.

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    Infinite logits are as in `softmax_cross_entropy`. A probability of 0 adds 0 where its target is 0,
    inf otherwise.

    Examples
    --------
    >>> import unified_loss as ul
    >>> loss = ul.losses.sample_weighted_cross_entropy
    >>> round(float(loss([[1.0, 2.0, 3.0]], [[0.0, 0.5, 0.5]], [1.0, 4.0, 2.0])), 6)
    2.722818

    References
    ----------
    https://www.paddlepaddle.org.cn/documentation/docs/en/api/paddle/nn/CrossEntropyLoss_en.html
    """
    weight = None
    if ops.dtype(target) in INTEGER_DTYPES:
        if not from_probabilities:
            return cross_entropy.formula(ops, prediction, target, class_weight, axis=axis, keepdims=keepdims)
        # Picked before the logarithm: that of a class which is not may have an infinite derivative.
        index = ops.expand_dims(target, axis=axis)
        loss = -ops.log(ops.take_along_axis(prediction, index, axis=axis))
        loss = loss if keepdims else ops.squeeze(loss, axis)
        if class_weight is not None:
            weight = ops.take(class_weight, index if keepdims else target)
    else:
        target = smoothed(ops, target, label_smoothing, axis if smoothing_axis is None else smoothing_axis)
        loss = _of_distribution(
            ops, prediction, target, axis, from_probabilities, keepdims, gradient_of_distribution
        )
        if class_weight is not None:
            shares = target * along(ops, class_weight, target, axis)
            weight = ops.sum(shares, axis=axis, keepdims=keepdims)
    return loss if weight is None else Weighted(loss * weight, weight)


def _of_distribution(
    ops: Ops,
    prediction: Array,
    target: Array,
    axis: int,
    from_probabilities: bool,
    keepdims: bool,
    gradient_of_distribution: bool,
) -> Array:
    if from_probabilities:
        return -ops.sum(ops.xlogy(target, prediction), axis=axis, keepdims=keepdims)
    return softmax_cross_entropy.formula(
        ops,
        prediction,
        target,
        axis=axis,
        keepdims=keepdims,
        gradient_of_distribution=gradient_of_distribution,
    )
