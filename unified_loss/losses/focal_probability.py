"""Cross-entropies of probabilities that count what is already well classified for little."""

from __future__ import annotations

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec

from .binary import binary_cross_entropy, binary_cross_entropy_with_logits, smoothed
from .categorical import smoothed as smoothed_over_classes


@spec()
def binary_focal_cross_entropy(
    ops: Ops,
    prediction: Array,
    target: Array,
    /,
    *,
    alpha: float | None = None,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    clip: float | None = None,
) -> Array:
    r"""Cross-entropy of a probability, times a power of the probability that was missed.

    .. math:: \ell = \alpha_t (1 - p_t)^\gamma \, \mathrm{BCE}(p, y), \qquad
              p_t = y p + (1 - y)(1 - p), \quad \alpha_t = y \alpha + (1 - y)(1 - \alpha)

    Parameters
    ----------
    prediction : float array of probabilities or logits, any shape
    target : array of the same shape, values in [0, 1]
    alpha : the share of the positive class; None weighs both classes alike
    gamma : the exponent; 0 gives binary cross-entropy
    from_logits : whether `prediction` holds logits
    label_smoothing : the share s of one half in the target, which becomes :math:`(1 - s) y + s / 2`
    clip : how far from 0 and 1 a probability is read at least in the cross-entropy (Keras has 1e-7)
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
    Exact for logits of any size. A probability of 0 where the target is not, without `clip`, gives
    inf. NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.binary_focal_cross_entropy([0.25, 0.5], [0.0, 1.0])), 5)
    0.09563

    References
    ----------
    T.-Y. Lin et al., Focal Loss for Dense Object Detection, 2017, https://arxiv.org/abs/1708.02002
    """
    target = smoothed(target, label_smoothing)
    if from_logits:
        p, complement = ops.sigmoid(prediction), ops.sigmoid(-prediction)
        loss = binary_cross_entropy_with_logits.formula(ops, prediction, target)
    else:
        p, complement = prediction, 1 - prediction
        loss = binary_cross_entropy.formula(
            ops, prediction, target, log_floor=None, gradient_floor=None, clip=clip
        )
    # 1 - p_t, not as a difference, which would lose the small ones.
    missed = target * complement + (1 - target) * p
    loss = ops.pow(missed, gamma) * loss
    return loss if alpha is None else (alpha * target + (1 - alpha) * (1 - target)) * loss


@spec(class_weight=Layout(shape="broadcast"))
def categorical_focal_cross_entropy(
    ops: Ops,
    prediction: Array,
    target: Array,
    class_weight: Array | None = None,
    /,
    *,
    gamma: float = 2.0,
    axis: int = -1,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    smoothing_axis: int | None = None,
    clip: float | None = None,
) -> Array:
    r"""Cross-entropy among classes, each term times a power of what its probability lacks.

    .. math:: \ell = -\sum_c w_c (1 - p_c)^\gamma y_c \log p_c

    Parameters
    ----------
    prediction : float array of probabilities, which are divided by their sum, or logits; classes
        along `axis`
    target : array of the same shape, probabilities along `axis`
    class_weight : array that broadcasts to `prediction`, multiplies the terms; optional
    gamma : the exponent; 0 gives cross-entropy
    axis : the class axis
    from_logits : whether `prediction` holds logits
    label_smoothing : the share s of the uniform distribution in the target, which becomes
        :math:`(1 - s) y + s / C`
    smoothing_axis : the axis whose size is C; None is `axis`
    clip : how far from 0 and 1 a probability is read at least (Keras has 1e-7)
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
    Without `clip`, a probability of 0 adds 0 where its target is 0, inf otherwise; logits of any size
    are exact. NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.categorical_focal_cross_entropy([[0.2, 0.3, 0.5]], [[0.0, 1.0, 0.0]])), 6)
    0.589947

    References
    ----------
    T.-Y. Lin et al., Focal Loss for Dense Object Detection, 2017, https://arxiv.org/abs/1708.02002
    """
    target = smoothed_over_classes(
        ops, target, label_smoothing, axis if smoothing_axis is None else smoothing_axis
    )
    p = ops.softmax(prediction, axis=axis) if from_logits else prediction
    p = p / ops.sum(p, axis=axis, keepdims=True)
    read = p if clip is None else ops.clip(p, min=clip, max=1 - clip)
    # What a dominant class lacks is the sum of the others: the difference to 1 would lose its digits.
    dominant = p > 0.5
    others = ops.sum(ops.where(dominant, 0.0, p), axis=axis, keepdims=True)
    exact = ops.logical_and(dominant, ops.equal(read, p))
    lacking = ops.where(exact, others, 1 - read)
    if from_logits and clip is None:
        logs = ops.multiply_no_nan(ops.log_softmax(prediction, axis=axis), target)
    else:
        logs = ops.xlogy(target, read)
    logs = ops.where(exact, target * ops.log1p(-ops.where(exact, others, 0.0)), logs)
    terms = ops.pow(lacking, gamma) * logs
    return -ops.sum(terms if class_weight is None else class_weight * terms, axis=axis)
