"""Losses that are computed elsewhere, to be weighted and reduced here."""

from __future__ import annotations

from unified_loss.ops import Array, Ops
from unified_loss.spec import spec


@spec()
def given(ops: Ops, prediction: Array, /) -> Array:  # noqa: ARG001
    r"""Losses as they are: only weight and reduction are applied.

    .. math:: \ell = x

    Parameters
    ----------
    prediction : float array of losses, any shape
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
    NaN and infinities stay; an empty mean is NaN and an empty sum 0.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.given([1.0, 4.0], weight=[3.0, 0.5]))
    2.5

    References
    ----------
    https://www.tensorflow.org/api_docs/python/tf/compat/v1/losses/compute_weighted_loss
    """
    return prediction


@spec()
def softmax(ops: Ops, prediction: Array, /, *, axis: int = -1) -> Array:
    r"""The probabilities of which some losses return the cross-entropy and these as well.

    .. math:: p_c = \frac{e^{x_c}}{\sum_i e^{x_i}}

    Parameters
    ----------
    prediction : float array of logits, classes along `axis`
    axis : the class axis
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        With ``reduction="none"``, which is what it is for, the shape of `prediction`; its dtype.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A logit of -inf is a class of probability 0. One of inf, or all of them -inf, gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> ul.losses.softmax([[0.0, 0.0]], reduction="none").tolist()
    [[0.5, 0.5]]

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Softmax.html
    """
    return ops.softmax(prediction, axis=axis)
