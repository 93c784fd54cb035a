"""Losses of the difference between a prediction and a real-valued target."""

from __future__ import annotations

import math

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec

# Left out by mistake it would go unnoticed, so only a plan that says so may.
_OPTIONAL = Layout(required=True)


def _difference(prediction: Array, target: Array | None) -> Array:
    return prediction if target is None else prediction - target


@spec(target=_OPTIONAL)
def squared_error(ops: Ops, prediction: Array, target: Array | None = None, /) -> Array:
    r"""Squared difference.

    .. math:: \ell = (x - y)^2

    MXNet's `L2Loss` is half of it (as is optax's `l2_loss`); the `MSELoss` of PyTorch,
    PaddlePaddle and MindSpore is its mean.

    Parameters
    ----------
    prediction : float array, any shape
    target : array of the same shape; a plan may leave it out, for 0
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
    An infinite difference gives inf, NaN gives NaN, an empty mean NaN and an empty sum 0.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.squared_error([1.0, 3.0], [0.0, 1.0]))
    2.5

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html
    """
    return ops.square(_difference(prediction, target))


@spec()
def absolute_error(ops: Ops, prediction: Array, target: Array, /) -> Array:
    r"""Absolute difference.

    .. math:: \ell = |x - y|

    Parameters
    ----------
    prediction : float array, any shape
    target : array of the same shape
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
    The gradient at a difference of 0 is 0. Infinities give inf, NaN gives NaN, an empty mean NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.absolute_error([1.0, 3.0], [0.0, 1.0]))
    1.5

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.L1Loss.html
    """
    return ops.abs(prediction - target)


@spec(target=_OPTIONAL)
def huber(ops: Ops, prediction: Array, target: Array | None = None, /, *, delta: float = 1.0) -> Array:
    r"""Squared error near the target, absolute error away from it.

    .. math:: \ell = \begin{cases} \frac12 (x - y)^2 & |x - y| \le \delta \\
              \delta (|x - y| - \frac12 \delta) & \text{otherwise} \end{cases}

    PyTorch's, Keras's and MindSpore's `HuberLoss`, and Paddle's `SmoothL1Loss` by default.
    MXNet's `HuberLoss` is `smooth_l1`, which is this divided by `delta`.

    Parameters
    ----------
    prediction : float array, any shape
    target : array of the same shape; a plan may leave it out, for 0
    delta : where the quadratic part ends, in units of the target; at least 0
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
        If `delta` is negative or NaN.

    Notes
    -----
    Value and gradient are continuous at `delta`. An infinite difference gives inf with gradient
    plus or minus `delta`; NaN gives NaN; ``delta=inf`` is half the squared error.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.huber([0.5, 3.0], [0.0, 0.0], delta=1.0, reduction="sum"))
    2.625

    References
    ----------
    P. J. Huber, Robust Estimation of a Location Parameter, 1964;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.HuberLoss.html
    """
    if not delta >= 0:
        raise ValueError(f"huber: delta is {delta}, expected at least 0")
    # With q = min(|d|, delta) both cases are q |d| - q^2 / 2; the clip keeps the branch that is
    # not taken (d^2 may overflow) out of the gradient.
    distance = ops.abs(_difference(prediction, target))
    quadratic = ops.clip(distance, max=delta)
    return quadratic * (distance - 0.5 * quadratic)


@spec(target=_OPTIONAL)
def smooth_l1(ops: Ops, prediction: Array, target: Array | None = None, /, *, beta: float = 1.0) -> Array:
    r"""Absolute error, rounded off near the target: `huber` divided by its `delta`.

    .. math:: \ell = \begin{cases} \frac{1}{2 \beta} (x - y)^2 & |x - y| \le \beta \\
              |x - y| - \frac12 \beta & \text{otherwise} \end{cases}

    PyTorch's and MindSpore's `SmoothL1Loss`, and MXNet's `HuberLoss` with its `rho` as `beta`.

    Parameters
    ----------
    prediction : float array, any shape
    target : array of the same shape; left out by plans whose prediction is the difference already
    beta : where the quadratic part ends, in units of the target; 0 gives the absolute error
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
        If `beta` is negative or NaN.

    Notes
    -----
    Value and gradient are continuous at `beta`. An infinite difference gives inf, NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.smooth_l1([1.0, 4.0], [0.0, 0.0], beta=2.0, reduction="sum"))
    3.25

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.SmoothL1Loss.html
    """
    if not beta >= 0:
        raise ValueError(f"smooth_l1: beta is {beta}, expected at least 0")
    if beta == 0:
        return ops.abs(_difference(prediction, target))
    return huber.formula(ops, prediction, target, delta=beta) * (1.0 / beta)


@spec(target=_OPTIONAL)
def log_cosh(ops: Ops, prediction: Array, target: Array | None = None, /) -> Array:
    r"""Logarithm of the hyperbolic cosine of the difference.

    .. math:: \ell = \log \cosh(x - y)

    Like `huber`, about half the square of small differences, and the size of large ones less log 2.

    Parameters
    ----------
    prediction : float array, any shape
    target : array of the same shape; a plan may leave it out, for 0
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
    Exact for differences of any size; the gradient is their tanh. An infinite difference gives inf,
    NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.log_cosh([1.0, -100.0], [0.0, 0.0], reduction="sum")), 4)
    99.7406

    References
    ----------
    https://keras.io/api/losses/regression_losses/#logcosh-class
    """
    # d >= 0:    d + softplus(-2 d) - log 2
    # d <  0:   -d + softplus( 2 d) - log 2
    difference = _difference(prediction, target)
    magnitude = ops.where(difference >= 0, difference, -difference)
    return magnitude + ops.softplus(-2 * magnitude) - ops.constant(math.log(2), ops.dtype(magnitude))


@spec()
def absolute_percentage_error(
    ops: Ops, prediction: Array, target: Array, /, *, epsilon: float = 1e-7
) -> Array:
    r"""Absolute difference in percent of the target.

    .. math:: \ell = 100 \left| \frac{x - y}{\max(|y|, \epsilon)} \right|

    Parameters
    ----------
    prediction : float array, any shape
    target : array of the same shape
    epsilon : the least size of the target that is divided by
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
    The gradient at a difference of 0 is 0. A target of 0 makes the loss large, not infinite.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.absolute_percentage_error([3.0, -1.0], [4.0, -2.0], reduction="sum"))
    75.0

    References
    ----------
    https://keras.io/api/losses/regression_losses/#meanabsolutepercentageerror-class
    """
    return 100 * ops.abs((prediction - target) / ops.clip(ops.abs(target), min=epsilon))


@spec()
def squared_logarithmic_error(ops: Ops, prediction: Array, target: Array, /, *, floor: float = 0.0) -> Array:
    r"""Squared difference of the logarithms of one more than each.

    .. math:: \ell = (\log(1 + \max(x, f)) - \log(1 + \max(y, f)))^2

    Parameters
    ----------
    prediction : float array, any shape
    target : array of the same shape
    floor : the value f below which neither is read (Keras has 1e-7)
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
    A prediction below `floor` has no gradient. NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.squared_logarithmic_error([2.0, -3.0], [4.0, 0.0])), 6)
    0.130471

    References
    ----------
    https://keras.io/api/losses/regression_losses/#meansquaredlogarithmicerror-class
    """
    logarithm = ops.log1p(ops.clip(prediction, min=floor))
    return ops.square(logarithm - ops.log1p(ops.clip(target, min=floor)))
