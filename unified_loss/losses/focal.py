"""Cross-entropies that count what is already well classified for little."""

from __future__ import annotations

from unified_loss.layout import Layout
from unified_loss.ops import INTEGER_DTYPES, Array, Ops
from unified_loss.spec import spec

from .binary import binary_cross_entropy_with_logits
from .likelihood import along


@spec(normalizer=Layout(shape="broadcast"))
def sigmoid_focal(
    ops: Ops,
    prediction: Array,
    target: Array,
    normalizer: Array | None = None,
    /,
    *,
    alpha: float | None = None,
    gamma: float = 2.0,
) -> Array:
    r"""Binary cross-entropy of logits, times a power of the probability that was missed.

    .. math:: \ell = \alpha_t (1 - p_t)^\gamma \, \mathrm{BCE}(x, y), \qquad
              p_t = y p + (1 - y)(1 - p), \quad \alpha_t = y \alpha + (1 - y)(1 - \alpha)

    with :math:`p = \sigma(x)`.

    Parameters
    ----------
    prediction : float array of logits, any shape
    target : array of the same shape, values in [0, 1]
    normalizer : array that broadcasts to `prediction`, divides the losses; optional
    alpha : the share of the positive class; None weighs both classes alike
    gamma : the exponent; 0 gives binary cross-entropy
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
    Exact for logits of any size. Where nothing is missed, loss and gradient are 0, also for an
    exponent below 1 (PaddlePaddle 3.3.1 gives a NaN gradient). NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.sigmoid_focal([1.0, -2.0], [1.0, 1.0], alpha=0.25)), 6)
    0.209092

    References
    ----------
    T.-Y. Lin et al., Focal Loss for Dense Object Detection, 2017, https://arxiv.org/abs/1708.02002
    """
    # 1 - p_t, not as a difference, which would lose the small ones.
    missed = target * ops.sigmoid(-prediction) + (1 - target) * ops.sigmoid(prediction)
    loss = _power(ops, missed, gamma) * binary_cross_entropy_with_logits.formula(ops, prediction, target)
    if alpha is not None:
        loss = (alpha * target + (1 - alpha) * (1 - target)) * loss
    return loss if normalizer is None else loss / normalizer


def _power(ops: Ops, missed: Array, gamma: float) -> Array:
    """The power, whose derivative at 0 would be infinite for an exponent below 1."""
    nothing = ops.equal(missed, 0.0)
    return ops.where(nothing, 0.0, ops.pow(ops.where(nothing, 1.0, missed), gamma))


@spec(target=Layout(shape="index_or_same"), class_weight=Layout(shape="classes"))
def softmax_focal(
    ops: Ops,
    prediction: Array,
    target: Array,
    class_weight: Array | None = None,
    /,
    *,
    axis: int = -1,
    gamma: float = 2.0,
) -> Array:
    r"""Cross-entropy of logits, term by term, times a power of the probability that was missed.

    .. math:: \ell_c = -w_c (1 - p_c)^\gamma \, y_c \log p_c, \qquad p = \operatorname{softmax}(x)

    Parameters
    ----------
    prediction : float array of logits, classes along `axis`
    target : integer array of the same shape without `axis`, class indices; or float array of the
        same shape, probabilities along `axis`
    class_weight : array of a weight w for each class; optional
    axis : the class axis
    gamma : the exponent; 0 gives cross-entropy
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` one loss per class index, and for probabilities one term
        per class, of the shape of `prediction`.

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    ``mean`` divides by the number of terms, so that one-hot targets give less than their indices by the
    number of classes. Exact for logits of any size. Where nothing is missed, loss and gradient are 0,
    also for an exponent below 1 (MindSpore 2.10.0 gives a NaN gradient). NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.softmax_focal([[1.0, 2.0, 3.0]], [2])), 6)
    0.045678

    References
    ----------
    T.-Y. Lin et al., Focal Loss for Dense Object Detection, 2017, https://arxiv.org/abs/1708.02002
    """
    log_p = ops.log_softmax(prediction, axis=axis)
    missed = 1 - ops.exp(log_p)
    focus = _power(ops, missed, gamma)
    if ops.dtype(target) not in INTEGER_DTYPES:
        terms = -focus * ops.multiply_no_nan(log_p, target)
        return terms if class_weight is None else terms * along(ops, class_weight, terms, axis)
    index = ops.expand_dims(target, axis=axis)
    picked = ops.take_along_axis(log_p, index, axis=axis)
    loss = -ops.squeeze(ops.take_along_axis(focus, index, axis=axis) * picked, axis)
    return loss if class_weight is None else loss * ops.take(class_weight, target)
