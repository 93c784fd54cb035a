"""Cross-entropies with class weights, of class indices or of distributions."""

from __future__ import annotations

from unified_loss.layout import Layout
from unified_loss.ops import INTEGER_DTYPES, Array, Ops
from unified_loss.spec import Weighted, spec

_CLASSES = Layout(shape="classes")


@spec(target=Layout(shape="without_axis", index=True), class_weight=_CLASSES)
def nll(
    ops: Ops,
    prediction: Array,
    target: Array,
    class_weight: Array | None = None,
    /,
    *,
    axis: int = -1,
    keepdims: bool = False,
) -> Array:
    r"""Negative log-likelihood of one class index per sample, times the weight of the class.

    .. math:: \ell = -w_y \log p_y

    Parameters
    ----------
    prediction : float array of log-probabilities, classes along `axis`; they are not checked
    target : integer array of the same shape without `axis`, class indices from 0
    class_weight : float array, shape (classes,); optional
    axis : the class axis
    keepdims : whether the class axis stays, with size 1
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `target`. ``weighted_mean`` divides by
        the sum of the weights of the target classes.

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A log-probability of -inf gives inf, and NaN for a class of weight 0.

    Examples
    --------
    >>> import unified_loss as ul
    >>> log_p = [[-0.5, -1.0], [-2.0, -0.25]]
    >>> float(ul.losses.nll(log_p, [0, 1], [1.0, 3.0], reduction="weighted_mean"))
    0.3125

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html
    """
    picked = ops.take_along_axis(prediction, ops.expand_dims(target, axis=axis), axis=axis)
    loss = -(picked if keepdims else ops.squeeze(picked, axis))
    if class_weight is None:
        return loss
    weight = ops.take(class_weight, target)
    weight = ops.expand_dims(weight, axis=axis) if keepdims else weight
    return Weighted(loss * weight, weight)


@spec(target=Layout(shape="index_or_same"), class_weight=_CLASSES)
def cross_entropy(
    ops: Ops,
    prediction: Array,
    target: Array,
    class_weight: Array | None = None,
    /,
    *,
    axis: int = -1,
    from_log_probabilities: bool = False,
    label_smoothing: float = 0.0,
    keepdims: bool = False,
) -> Array:
    r"""Cross-entropy of the softmax of logits, with class weights, to class indices or distributions.

    .. math:: \ell = -\sum_c w_c \left((1 - s)\, y_c + \tfrac{s}{C}\right) \log p_c, \qquad
              p = \operatorname{softmax}(x)

    where y is one-hot for a class index.

    Parameters
    ----------
    prediction : float array of logits, C classes along `axis`
    target : integer array of the same shape without `axis`, class indices from 0; or float array of
        the same shape, probabilities along `axis` (they need not sum to 1)
    class_weight : float array, shape (C,); optional
    axis : the class axis
    from_log_probabilities : whether `prediction` is :math:`\log p` already
    label_smoothing : the share s of the uniform distribution
    keepdims : whether the class axis stays, with size 1
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `prediction` without `axis`.
        ``weighted_mean`` divides, for class indices, by the sum of the weights of the target
        classes, and for distributions by the number of samples.

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A logit of -inf is a class of probability 0: it adds 0 where its target is 0, inf otherwise, also
    through `label_smoothing`. A logit of inf, or all of them -inf, gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.cross_entropy([[1.0, 2.0, 3.0]], [2])), 6)
    0.407606
    >>> round(float(ul.losses.cross_entropy([[1.0, 2.0, 3.0]], [[0.0, 0.5, 0.5]], [1.0, 4.0, 2.0])), 6)
    3.222818

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
    """
    log_p = prediction if from_log_probabilities else ops.log_softmax(prediction, axis=axis)
    weights = None if class_weight is None else along(ops, class_weight, log_p, axis)
    if ops.dtype(target) in INTEGER_DTYPES:
        loss = nll.formula(ops, log_p, target, class_weight, axis=axis, keepdims=keepdims)
    else:
        terms = ops.multiply_no_nan(log_p, target if weights is None else target * weights)
        loss = -ops.sum(terms, axis=axis, keepdims=keepdims)
    if not label_smoothing:
        return loss
    uniform = -ops.mean(log_p if weights is None else log_p * weights, axis=axis, keepdims=keepdims)
    loss, weight = loss if isinstance(loss, Weighted) else (loss, None)
    loss = (1 - label_smoothing) * loss + label_smoothing * uniform
    return loss if weight is None else Weighted(loss, weight)


def along(ops: Ops, vector: Array, x: Array, axis: int) -> Array:
    """A vector laid along an axis of an array."""
    sizes = [1] * len(ops.shape(x))
    sizes[axis] = -1
    return ops.reshape(vector, tuple(sizes))
