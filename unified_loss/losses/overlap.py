"""Losses of how much a predicted region overlaps the target's, for segmentation."""

from __future__ import annotations

from unified_loss.ops import Array, Ops
from unified_loss.spec import spec


@spec(in_blocks=False)
def dice(
    ops: Ops,
    prediction: Array,
    target: Array,
    /,
    *,
    axes: int | tuple[int, ...] | None = None,
    batch_axis: int | None = None,
    epsilon: float = 0.0,
    squared: bool = False,
) -> Array:
    r"""One less the Sorensen-Dice coefficient of a predicted and a target region.

    .. math:: \ell = 1 - \frac{2 \sum y p}{\sum y + \sum p + \epsilon}

    Parameters
    ----------
    prediction : float array of memberships in [0, 1], any shape
    target : array of the same shape, memberships in [0, 1]
    axes : the axes that make up a region; None is all of them
    batch_axis : the axis of the samples, where all others make up a region; instead of `axes`
    epsilon : added to the denominator (Keras adds 1e-7)
    squared : whether the sums of the denominator are of squares (as in V-Net and MindSpore)
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `prediction` without `axes`.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    Two empty regions give 1, or without `epsilon` NaN. NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.dice([1.0, 0.5, 0.0], [1.0, 1.0, 0.0])), 6)
    0.142857

    References
    ----------
    L. R. Dice, Measures of the Amount of Ecologic Association Between Species, 1945;
    F. Milletari et al., V-Net, 2016, https://arxiv.org/abs/1606.04797
    """
    if batch_axis is not None:
        axes = _all_but(batch_axis, len(ops.shape(prediction)))
    shared = ops.sum(target * prediction, axis=axes)
    sizes = (ops.square(target), ops.square(prediction)) if squared else (target, prediction)
    total = ops.sum(sizes[0], axis=axes) + ops.sum(sizes[1], axis=axes)
    return 1 - 2 * shared / (total + epsilon)


@spec(in_blocks=False)
def tversky(
    ops: Ops,
    prediction: Array,
    target: Array,
    /,
    *,
    false_positive_weight: float = 0.5,
    false_negative_weight: float = 0.5,
    axes: int | tuple[int, ...] | None = None,
    epsilon: float = 0.0,
    smoothing: float = 0.0,
) -> Array:
    r"""One less the Tversky index of a predicted and a target region: `dice`, with errors weighed.

    .. math:: \ell = 1 - \frac{\sum y p + s}{\sum y p + a \sum (1 - y) p + b \sum y (1 - p) + s + \epsilon}

    Parameters
    ----------
    prediction : float array of memberships in [0, 1], any shape
    target : array of the same shape, memberships in [0, 1]
    false_positive_weight : what predicted members that are none count, a
    false_negative_weight : what members that are not predicted count, b
    axes : the axes that make up a region; None is all of them
    epsilon : added to the denominator (Keras adds 1e-7)
    smoothing : added to numerator and denominator, s, so that two empty regions overlap
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `prediction` without `axes`.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    With both weights one half and no `epsilon` it is `dice`. Two empty regions give 1, without
    `epsilon` NaN, and with `smoothing` only 0. NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.tversky([1.0, 0.5, 0.0], [1.0, 1.0, 0.0], false_negative_weight=2.0)), 6)
    0.4

    References
    ----------
    S. S. M. Salehi et al., Tversky Loss Function for Image Segmentation Using 3D Fully Convolutional
    Deep Networks, 2017, https://arxiv.org/abs/1706.05721
    """
    shared = ops.sum(target * prediction, axis=axes)
    extra = ops.sum((1 - target) * prediction, axis=axes)
    missed = ops.sum(target * (1 - prediction), axis=axes)
    errors = false_positive_weight * extra + false_negative_weight * missed
    return 1 - (shared + smoothing) / (shared + errors + smoothing + epsilon)


def _all_but(axis: int, rank: int) -> tuple[int, ...]:
    return tuple(i for i in range(rank) if i != axis % rank)
