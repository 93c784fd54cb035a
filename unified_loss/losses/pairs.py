"""Losses of a label that says how two scores, or a score and a margin, compare."""

from __future__ import annotations

from typing import Literal

from unified_loss.ops import Array, Ops
from unified_loss.spec import spec


@spec()
def margin_ranking(
    ops: Ops,
    first: Array,
    second: Array,
    target: Array,
    /,
    *,
    margin: float = 0.0,
    gradient_at_zero: float = 0.0,
) -> Array:
    r"""How far the first score is from being above the second by a margin, or below it.

    .. math:: \ell = \max(0, m - y (x_1 - x_2))

    Parameters
    ----------
    first, second : float arrays of one shape
    target : array of the same shape, 1 where the first is to be above and -1 where the second is
    margin : the margin m
    gradient_at_zero : the gradient of :math:`\max(0, z)` at 0
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `first`; its dtype.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A label of 0 gives the margin, without gradient. NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.margin_ranking([2.0, 1.0], [1.0, 4.0], [1.0, 1.0], margin=2.0))
    3.0

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.MarginRankingLoss.html
    """
    return ops.positive_part(margin - target * (first - second), gradient_at_zero=gradient_at_zero)


@spec()
def hinge_embedding(
    ops: Ops,
    prediction: Array,
    target: Array,
    /,
    *,
    margin: float = 1.0,
    gradient_at_zero: float = 0.0,
    other_labels: Literal["neither", "both", "sign"] = "neither",
) -> Array:
    r"""A distance itself where it is to be small, and how far it falls short of a margin elsewhere.

    .. math:: \ell = \begin{cases} x & y = 1 \\ \max(0, m - x) & y = -1 \end{cases}

    Parameters
    ----------
    prediction : float array of distances, any shape
    target : array of the same shape, labels 1 and -1
    margin : the margin m
    gradient_at_zero : the gradient of :math:`\max(0, z)` at 0
    other_labels : what labels other than 1 and -1 give: ``neither`` term, ``both``, or that of
        their ``sign``, and 0 for 0
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
    PyTorch adds both terms for another label, PaddlePaddle neither, MindSpore goes by the sign.
    NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.hinge_embedding([0.5, 0.25], [1.0, -1.0], reduction="sum"))
    1.25

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.HingeEmbeddingLoss.html
    """
    if other_labels == "sign":
        near, far = target > 0, target < 0
    elif other_labels == "both":
        near, far = target != -1, target != 1
    else:
        near, far = target == 1, target == -1
    shortfall = ops.positive_part(margin - prediction, gradient_at_zero=gradient_at_zero)
    return ops.where(near, prediction, 0.0) + ops.where(far, shortfall, 0.0)
