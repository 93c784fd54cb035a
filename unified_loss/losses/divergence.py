"""Divergences between distributions, and likelihoods of counts."""

from __future__ import annotations

import math

from unified_loss.ops import Array, Ops
from unified_loss.spec import spec


@spec()
def kl_divergence(
    ops: Ops,
    prediction: Array,
    target: Array,
    /,
    *,
    axis: int = -1,
    from_logits: bool = False,
    from_probabilities: bool = False,
    log_target: bool = False,
    log_epsilon: float = 0.0,
    clip: float | None = None,
    negative_target_is_zero: bool = False,
) -> Array:
    r"""Kullback-Leibler divergence of a predicted from a target distribution, term by term.

    .. math:: \ell = y (\log y - \log p)

    Parameters
    ----------
    prediction : float array of log-probabilities, or of logits or probabilities, any shape
    target : array of the same shape, probabilities
    axis : the class axis; only read where `from_logits`
    from_logits : whether `prediction` holds logits, to be normalised by log-softmax along `axis`
    from_probabilities : whether `prediction` holds probabilities
    log_target : whether `target` holds log-probabilities
    log_epsilon : added to the target inside its logarithm (MXNet adds 1e-12)
    clip : the least value that is read of either probability, the greatest then being 1; only where
        `from_probabilities` (Keras has 1e-7)
    negative_target_is_zero : whether a negative target counts as 0 (as in PaddlePaddle, MindSpore)
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the terms, of the shape of `prediction`.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A target of 0 adds 0, also where the log-probability is -inf; its gradient by the target is
    finite. A negative target gives NaN, a log-probability of -inf under a positive target inf.
    ``mean`` divides by the number of terms, not of samples.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.kl_divergence([[-1.0, -0.5]], [[0.25, 0.75]], reduction="sum")), 6)
    0.062665

    References
    ----------
    S. Kullback, R. A. Leibler, On Information and Sufficiency, 1951;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html
    """
    if negative_target_is_zero:
        target = ops.relu(target)
    if from_probabilities:
        if clip:
            prediction, target = (ops.clip(p, min=clip, max=1.0) for p in (prediction, target))
            # One logarithm, which keeps the digits where both are close. Clipped, the quotient is finite.
            return target * ops.log(target / prediction)
        return ops.xlogy(target, target) - ops.xlogy(target, prediction)
    log_p = ops.log_softmax(prediction, axis=axis) if from_logits else prediction
    if log_target:
        share = ops.exp(target)
        return ops.where(ops.equal(share, 0.0), 0.0, target - log_p) * share
    # The derivative of log at 0 would be inf, and 0 * inf a NaN gradient.
    positive = target + log_epsilon if log_epsilon else ops.where(ops.equal(target, 0.0), 1.0, target)
    return ops.log(positive) * target - ops.multiply_no_nan(log_p, target)


@spec()
def generalized_kl_divergence(ops: Ops, prediction: Array, target: Array, /) -> Array:
    r"""Kullback-Leibler divergence of measures that need not sum to 1, term by term.

    .. math:: \ell = y (\log y - \log p) + p - y

    Parameters
    ----------
    prediction : float array of the logarithms of non-negative numbers, any shape
    target : array of the same shape, non-negative
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the terms, of the shape of `prediction`.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    Each term is at least 0, unlike those of `kl_divergence`; the sums agree for distributions. For
    zeros and infinities see there.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.generalized_kl_divergence([[0.0, 0.0]], [[2.0, 0.0]])), 6)
    0.693147

    References
    ----------
    L. M. Bregman, The Relaxation Method of Finding the Common Point of Convex Sets and Its
    Application to the Solution of Problems in Convex Programming, 1967
    """
    return kl_divergence.formula(ops, prediction, target) + ops.exp(prediction) - target


@spec()
def poisson_nll(
    ops: Ops,
    prediction: Array,
    target: Array,
    /,
    *,
    log_input: bool = True,
    full: bool = False,
    epsilon: float = 1e-8,
) -> Array:
    r"""Negative log-likelihood of a count under a Poisson distribution.

    .. math:: \ell = \lambda - y \log \lambda + \log y!

    The last term, which the prediction does not change, is left out unless `full`, and is then
    Stirling's :math:`y \log y - y + \frac12 \log(2 \pi y)` for y > 1 and 0 otherwise.

    Parameters
    ----------
    prediction : float array, any shape: the logarithm of the rate, or the rate
    target : array of the same shape, counts
    log_input : whether `prediction` is :math:`\log \lambda`
    full : whether to add Stirling's term
    epsilon : added to the rate inside the logarithm; only read where `log_input` is false
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
    A log-rate of -inf gives 0 for a count of 0 and inf otherwise. A rate below ``-epsilon`` gives
    NaN. A count of 0 is exact, also with `full`, where MXNet 1.9.1 gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.poisson_nll([0.0], [2.0]))
    1.0

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.PoissonNLLLoss.html
    """
    if log_input:
        loss = ops.exp(prediction) - ops.multiply_no_nan(prediction, target)
    else:
        loss = prediction - ops.multiply_no_nan(ops.log(prediction + epsilon), target)
    if not full:
        return loss
    above_one = target > 1
    count = ops.where(above_one, target, 1.0)
    two_pi = ops.constant(2 * math.pi, ops.dtype(count))
    stirling = count * ops.log(count) - count + 0.5 * ops.log(two_pi * count)
    return loss + ops.where(above_one, stirling, 0.0)
