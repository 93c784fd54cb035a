"""Losses of an anchor that is to be nearer to one point than to another, by a distance."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from unified_loss.ops import Array, Ops
from unified_loss.spec import spec


@spec()
def triplet_margin(
    ops: Ops,
    anchor: Array,
    positive: Array,
    negative: Array,
    /,
    *,
    axis: int = -1,
    margin: float = 1.0,
    p: float = 2.0,
    epsilon: float = 0.0,
    root_epsilon: float = 0.0,
    signed: bool = False,
    swap: bool = False,
    gradient_at_zero: float = 0.0,
) -> Array:
    r"""How much nearer than the negative, by a norm and a margin, the positive is not.

    .. math:: \ell = \max(0, m + d(a, p) - d(a, n)), \qquad d(a, b) = \lVert a - b + \epsilon \rVert_p

    Parameters
    ----------
    anchor, positive, negative : float arrays of one shape, vectors along `axis`
    axis : the axis of the vectors
    margin : the margin m
    p : the order of the norm, above 0; inf for the largest magnitude
    epsilon : added to each component of the differences
    root_epsilon : added to the sum of powers, inside the root
    signed : whether it is the differences themselves that are raised to the power, and so may cancel
        if `p` is odd, and give NaN if it is no integer (as optax has it)
    swap : whether to take :math:`d(p, n)` for :math:`d(a, n)` where it is less
    gradient_at_zero : the gradient of :math:`\max(0, z)` at 0
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `anchor` without `axis`.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.
    ValueError
        If `p` is not above 0.

    Notes
    -----
    `triplet` is the same of squared distances. The gradient of the distance of equal points is 0;
    frameworks add an `epsilon` to keep away from them.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.triplet_margin([[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 2.0]]))
    4.0

    References
    ----------
    V. Balntas, E. Riba, D. Ponsa, K. Mikolajczyk, Learning Local Feature Descriptors with Triplets
    and Shallow Convolutional Neural Networks, 2016;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.TripletMarginLoss.html
    """
    if not p > 0:
        raise ValueError(f"triplet_margin: p is {p}, expected above 0")

    def distance(a: Array, b: Array) -> Array:
        difference = a - b + epsilon if epsilon else a - b
        if not root_epsilon and not signed:
            return ops.vector_norm(difference, axis=axis, ord=p)
        total = ops.sum(_power(ops, difference, p, signed), axis=axis) + root_epsilon
        # A negative sum, which only odd powers have, has a negative root.
        root = ops.pow(ops.where(total < 0, -total, total), 1 / p)
        return ops.where(total < 0, -root, root)

    return _beyond_margin(ops, distance, anchor, positive, negative, margin, swap, gradient_at_zero)


@spec(in_blocks=False)
def triplet_margin_with_distance(
    ops: Ops,
    anchor: Array,
    positive: Array,
    negative: Array,
    /,
    *,
    distance: Callable[..., Any],
    margin: float = 1.0,
    swap: bool = False,
    gradient_at_zero: float = 0.0,
) -> Array:
    r"""How much nearer than the negative, by a distance of one's own and a margin, the positive is not.

    .. math:: \ell = \max(0, m + d(a, p) - d(a, n))

    Parameters
    ----------
    anchor, positive, negative : float arrays of one shape
    distance : a function of two such arrays, tensors of the framework that runs it
    margin : the margin m
    swap : whether to take :math:`d(p, n)` for :math:`d(a, n)` where it is less
    gradient_at_zero : the gradient of :math:`\max(0, z)` at 0
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of the distances.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    Nothing is asked of `distance`, which may be negative, and has the gradient that it has.

    Examples
    --------
    >>> import unified_loss as ul
    >>> points = [[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 2.0]]
    >>> city = lambda a, b: abs(a - b).sum(-1)
    >>> float(ul.losses.triplet_margin_with_distance(*points, distance=city))
    6.0

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.TripletMarginWithDistanceLoss.html
    """
    return _beyond_margin(ops, distance, anchor, positive, negative, margin, swap, gradient_at_zero)


def _power(ops: Ops, x: Array, p: float, signed: bool) -> Array:
    magnitude = ops.abs(x)
    if not signed or p % 2 == 0:
        return ops.pow(magnitude, p)
    if p % 2 == 1:
        return x * ops.pow(magnitude, p - 1)
    return ops.where(x < 0, math.nan, ops.pow(magnitude, p))


def _beyond_margin(
    ops: Ops,
    distance: Callable[..., Any],
    anchor: Array,
    positive: Array,
    negative: Array,
    margin: float,
    swap: bool,
    gradient_at_zero: float,
) -> Array:
    to_negative = distance(anchor, negative)
    if swap:
        # The gradient is shared where both are equal.
        both = ops.stack([-to_negative, -distance(positive, negative)], axis=0)
        to_negative = -ops.even_max(both, axis=0)
    short = margin + distance(anchor, positive) - to_negative
    return ops.positive_part(short, gradient_at_zero=gradient_at_zero)
