"""Smoothing of labels, as frameworks offer it apart from a loss."""

from __future__ import annotations

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec


@spec(smoothing=Layout(shape="broadcast"), mask=Layout(shape="broadcast"))
def smooth_labels(
    ops: Ops,
    target: Array,
    smoothing: Array,
    mask: Array | None = None,
    /,
    *,
    axes: int | tuple[int, ...] | None = -1,
) -> Array:
    r"""Distributions mixed with the uniform one; no loss, but what others take as their target.

    .. math:: \tilde y_c = (1 - s) y_c + \frac{s}{C}

    Parameters
    ----------
    target : float array of distributions, classes along `axes`
    smoothing : the share s of the uniform distribution, a number or an array that broadcasts to it
    mask : array that broadcasts to `target`, true or 1 for the classes that count in C; optional
    axes : the class axis, or axes; None is all of them
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        With ``reduction="none"`` the shape of `target`.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    Masked classes get their share as well, they only do not count. Where all are masked it is inf.

    Examples
    --------
    >>> import unified_loss as ul
    >>> ul.losses.smooth_labels([[1.0, 0.0]], 0.5, reduction="none").tolist()
    [[0.75, 0.25]]

    References
    ----------
    R. Müller, S. Kornblith, G. Hinton, When Does Label Smoothing Help?, 2019,
    https://arxiv.org/abs/1906.02629
    """
    counted = ops.ones_like(target)
    if mask is not None:
        counted = counted * mask
    return (1 - smoothing) * target + smoothing / ops.sum(counted, axis=axes, keepdims=True)
