"""Losses of a yes-or-no target, given as a probability in [0, 1]."""

from __future__ import annotations

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec

_BROADCAST = Layout(shape="broadcast")


@spec(positive_weight=_BROADCAST)
def binary_cross_entropy(
    ops: Ops,
    prediction: Array,
    target: Array,
    positive_weight: Array | None = None,
    /,
    *,
    log_floor: float | None = -100.0,
    log_epsilon: float = 0.0,
    gradient_floor: float | None = 1e-12,
    clip: float | None = None,
    label_smoothing: float = 0.0,
) -> Array:
    r"""Cross-entropy between a probability and a target probability.

    .. math:: \ell = -w_+ y \log p - (1 - y) \log(1 - p)

    Frameworks differ in how they keep the logarithm finite at 0: PyTorch and PaddlePaddle floor
    it at -100, MXNet and MindSpore add 1e-12 to its argument, Keras clips `prediction`.

    Parameters
    ----------
    prediction : float array, any shape, values in [0, 1]
    target : array of the same shape, values in [0, 1]
    positive_weight : array that broadcasts to `prediction`, multiplies the positive term; optional
    log_floor : the least value of either logarithm; None for no floor
    log_epsilon : added to the argument of both logarithms
    gradient_floor : the least value of p (1 - p) in the gradient (p - y) / (p (1 - p)), which
        keeps it finite at 0 and 1; None for the derivative of the formula as it stands
    clip : how far from 0 and 1 `prediction` is read at least; nearer ones have no gradient
    label_smoothing : the share s of one half in the target, which becomes :math:`(1 - s) y + s / 2`
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `prediction`; its dtype.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.
    ValueError
        If `gradient_floor` is combined with `positive_weight`, for which no framework defines it.

    Notes
    -----
    At p = 0 with y = 1, and p = 1 with y = 0, the loss is 100 by default and the gradient -1e12
    and 1e12. A prediction outside [0, 1] gives NaN, as does NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.binary_cross_entropy([0.25, 0.5], [0.0, 1.0])), 6)
    0.490415
    >>> float(ul.losses.binary_cross_entropy([0.0], [1.0]))
    100.0

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.BCELoss.html
    """
    target = smoothed(target, label_smoothing)
    if clip is not None:
        prediction = ops.clip(prediction, min=clip, max=1 - clip)
    if gradient_floor is None:
        return _bernoulli_nll(ops, prediction, target, positive_weight, log_floor, log_epsilon)
    if positive_weight is not None:
        raise ValueError("binary_cross_entropy: gradient_floor is not defined with a positive_weight")
    # The frameworks' kernels pair the floored value with the derivative of the exact loss, whose
    # denominator they floor.
    value = _bernoulli_nll(ops, ops.stop_gradient(prediction), target, None, log_floor, log_epsilon)
    slope = (prediction - target) / ops.clip(prediction * (1 - prediction), min=gradient_floor)
    return value + ops.zero_with_derivative(prediction, slope)


def smoothed(target: Array, share: float) -> Array:
    """The target with a share of one half."""
    return (1 - share) * target + 0.5 * share if share else target


def _bernoulli_nll(
    ops: Ops,
    prediction: Array,
    target: Array,
    positive_weight: Array | None,
    log_floor: float | None,
    log_epsilon: float,
) -> Array:
    if log_epsilon:
        log_yes, log_no = ops.log(prediction + log_epsilon), ops.log(1 - prediction + log_epsilon)
    elif log_floor is None:
        # Replacing the probability, rather than its logarithm, keeps 0 * (1 / 0) out of the gradient.
        certain = ops.logical_and(ops.equal(prediction, 1.0), ops.equal(target, 1.0))
        yes, log_no = ops.xlogy(target, prediction), ops.log1p(-ops.where(certain, 0.0, prediction))
        return -(yes if positive_weight is None else yes * positive_weight) - (1 - target) * log_no
    else:
        log_yes, log_no = ops.log(prediction), ops.log1p(-prediction)
    if log_floor is not None:
        log_yes, log_no = ops.clip(log_yes, min=log_floor), ops.clip(log_no, min=log_floor)
    yes = ops.multiply_no_nan(log_yes, target)
    no = ops.multiply_no_nan(log_no, 1 - target)
    return -(yes if positive_weight is None else yes * positive_weight) - no


@spec(positive_weight=_BROADCAST)
def binary_cross_entropy_with_logits(
    ops: Ops,
    prediction: Array,
    target: Array,
    positive_weight: Array | None = None,
    /,
    *,
    label_smoothing: float = 0.0,
) -> Array:
    r"""Cross-entropy between the sigmoid of a logit and a target probability.

    .. math:: \ell = w_+ y \log(1 + e^{-x}) + (1 - y) \log(1 + e^{x})

    Without `positive_weight` also the logistic loss, :math:`\log(1 + e^{-s x})` for labels
    :math:`s = 2 y - 1` of -1 and 1.

    Parameters
    ----------
    prediction : float array of logits, any shape
    target : array of the same shape, values in [0, 1]
    positive_weight : array that broadcasts to `prediction`, multiplies the positive term; optional
    label_smoothing : the share s of one half in the target, which becomes :math:`(1 - s) y + s / 2`
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
    Exact for logits of any size. At an infinite logit the loss is 0 where the target agrees and
    inf where it does not. The gradient at a logit of 0 is :math:`\frac12 - y` (MXNet 1.9.1 and
    PaddlePaddle 3.3.1 get it wrong there). NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.binary_cross_entropy_with_logits([5.0, 1.0, 3.0], [1.0, 0.0, 1.0])), 6)
    0.456188

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html
    """
    # x >= 0:   (1 - y) x        + (1 + (w - 1) y) log1p(exp(-x))
    # x <  0:   w y (-x)         + (1 + (w - 1) y) log1p(exp(x))
    # Both cases decide by x >= 0, not by |x|, so that their kinks at 0 cancel in the gradient.
    target = smoothed(target, label_smoothing)
    positive = target if positive_weight is None else target * positive_weight
    non_negative = ops.astype(prediction >= 0, ops.dtype(prediction))
    sign = 2 * non_negative - 1
    magnitude = sign * prediction
    # The share of the two cases by products, which most frameworks do faster than they choose.
    if positive_weight is None:
        share = non_negative - sign * target
    else:
        share = non_negative * (1 - target) + (1 - non_negative) * positive
    linear = ops.multiply_no_nan(magnitude, share)
    tail = ops.log1p(ops.exp(-magnitude))
    if positive_weight is None:
        return linear + tail
    return linear + (1 - target + positive) * tail
