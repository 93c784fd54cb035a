"""The likelihood of a value under a normal distribution."""

from __future__ import annotations

import math
from typing import Literal

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec


@spec(variance=Layout(shape="spread"))
def gaussian_nll(
    ops: Ops,
    prediction: Array,
    target: Array,
    variance: Array,
    /,
    *,
    full: bool = False,
    epsilon: float = 1e-6,
    variance_gradient: Literal["clamped", "halved", "straight_through", "none"] = "clamped",
) -> Array:
    r"""Negative log-likelihood of a value under a normal distribution of predicted mean and variance.

    .. math:: \ell = \tfrac12 \left(\log v + \frac{(x - y)^2}{v}\right), \qquad v = \max(\sigma^2, \epsilon)

    plus :math:`\frac12 \log 2 \pi` if `full`.

    Parameters
    ----------
    prediction : float array of means, any shape
    target : array of the same shape
    variance : array of the same shape, or with a size of 1 in one axis, or without the last axis, or
        a single number
    full : whether to add the constant term
    epsilon : the least variance
    variance_gradient : the gradient by the variance: of the formula, and 0 below `epsilon`
        (``clamped``); half of that at `epsilon` itself (``halved``, as in MindSpore); that at
        `epsilon` also below it (``straight_through``, as in PyTorch); or
        ``none``
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
    A negative variance counts as `epsilon`; frameworks that refuse it do so before.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.gaussian_nll([1.0, 3.0], [0.0, 1.0], [1.0, 1.0]))
    1.25

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.GaussianNLLLoss.html
    """
    floored = ops.clip(variance, min=epsilon)
    if variance_gradient == "halved":
        # The gradient at the end is 1 of the one, 0 of the other.
        floored = 0.5 * floored + 0.5 * ops.where(variance > epsilon, variance, epsilon)
    elif variance_gradient != "clamped":
        floored = ops.stop_gradient(floored)
    if variance_gradient == "straight_through":
        floored = floored + (variance - ops.stop_gradient(variance))
    loss = 0.5 * (ops.log(floored) + ops.square(prediction - target) / floored)
    return loss + ops.constant(0.5 * math.log(2 * math.pi), ops.dtype(loss)) if full else loss
