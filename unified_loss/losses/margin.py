"""Losses that vanish beyond a margin, for labels of -1 and 1."""

from __future__ import annotations

from unified_loss.ops import Array, Ops
from unified_loss.spec import spec


@spec()
def hinge(
    ops: Ops, prediction: Array, target: Array, /, *, margin: float = 1.0, gradient_at_zero: float = 0.0
) -> Array:
    r"""How far a score falls short of the margin on the label's side.

    .. math:: \ell = \max(0, m - x y)

    Parameters
    ----------
    prediction : float array of scores, any shape
    target : array of the same shape, labels -1 and 1
    margin : the margin m
    gradient_at_zero : the share of the gradient that there is where :math:`x y = m`: 0, 0.5 or 1
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
    A label of 0 is not read as -1: it gives the margin, without gradient. At the kink the gradient
    is 0 (1 in Keras, and 0.5 in MXNet's NumPy operators). NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.hinge([0.5, -2.0], [1.0, -1.0]))
    0.25

    References
    ----------
    https://optax.readthedocs.io/en/latest/api/losses.html#optax.losses.hinge_loss
    """
    return ops.positive_part(margin - prediction * target, gradient_at_zero=gradient_at_zero)


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


@spec()
def categorical_hinge(
    ops: Ops,
    prediction: Array,
    target: Array,
    /,
    *,
    axis: int = -1,
    margin: float = 1.0,
    gradient_at_zero: float = 0.0,
) -> Array:
    r"""How far the score of the target class falls short of the best other one and the margin.

    .. math:: \ell = \max(0, m + \max_c (1 - y_c) x_c - \sum_c y_c x_c)

    Parameters
    ----------
    prediction : float array of scores, classes along `axis`
    target : array of the same shape, one-hot along `axis`
    axis : the class axis
    margin : the margin m
    gradient_at_zero : the share of the gradient that there is where both terms are 0: 0, 0.5 or 1
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
    The target class takes part in the inner maximum with a score of 0, so that this is never
    negative. Classes that tie for the maximum share its gradient. NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.categorical_hinge([[0.5, 2.0, -1.0]], [[1.0, 0.0, 0.0]]))
    2.5

    References
    ----------
    https://keras.io/api/losses/hinge_losses/#categoricalhinge-class
    """
    own = ops.sum(target * prediction, axis=axis)
    best_other = ops.even_max((1 - target) * prediction, axis=axis)
    return ops.positive_part(best_other - own + margin, gradient_at_zero=gradient_at_zero)
