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
