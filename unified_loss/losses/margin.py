"""Losses that vanish beyond a margin, for labels of -1 and 1."""

from __future__ import annotations

from unified_loss.ops import Array, Ops
from unified_loss.spec import spec


@spec()
def hinge(ops: Ops, prediction: Array, target: Array, /, *, margin: float = 1.0) -> Array:
    r"""How far a score falls short of the margin on the label's side.

    .. math:: \ell = \max(0, m - x y)

    Parameters
    ----------
    prediction : float array of scores, any shape
    target : array of the same shape, labels -1 and 1
    margin : the margin m
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
    A label of 0 is not read as -1: it gives the margin, without gradient. At the kink, where
    :math:`x y = m`, the gradient is 0. NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.hinge([0.5, -2.0], [1.0, -1.0]))
    0.25

    References
    ----------
    https://optax.readthedocs.io/en/latest/api/losses.html#optax.losses.hinge_loss
    """
    return ops.relu(margin - prediction * target)


@spec()
def squared_hinge(ops: Ops, prediction: Array, target: Array, /, *, margin: float = 1.0) -> Array:
    r"""The square of `hinge`.

    .. math:: \ell = \max(0, m - x y)^2

    Parameters
    ----------
    prediction : float array of scores, any shape
    target : array of the same shape, labels -1 and 1
    margin : the margin m
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
    A label of 0 is not read as -1: it gives the squared margin, without gradient. NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.squared_hinge([0.5, -2.0], [1.0, -1.0]))
    0.125

    References
    ----------
    https://keras.io/api/losses/hinge_losses/#squaredhinge-class
    """
    return ops.square(hinge.formula(ops, prediction, target, margin=margin))
