"""Losses of how the items of a list are ordered."""

from __future__ import annotations

from collections.abc import Callable

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import Weighted, spec

from .categorical import masked_log_softmax


@spec(mask=Layout(shape="broadcast"), item_weight=Layout(shape="broadcast"))
def ranking_softmax(
    ops: Ops,
    prediction: Array,
    target: Array,
    mask: Array | None = None,
    item_weight: Array | None = None,
    /,
    *,
    reduce: Callable[..., Array] | None = None,
) -> Array | Weighted:
    r"""Cross-entropy between the softmax of a list's scores and the relevance of its items.

    .. math:: \ell = -\sum_i w_i y_i \log \frac{\exp(x_i)}{\sum_j \exp(x_j)}

    Parameters
    ----------
    prediction : float array of scores, items along the last axis
    target : array of the same shape, relevances; they need not sum to 1
    mask : array that broadcasts to `prediction`, true or 1 for items that are there; optional
    item_weight : array that broadcasts to `prediction`, multiplies the relevances; optional
    reduce : a function of the losses, and of ``where=`` if there is a `mask`, that is applied last
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `prediction` without the last axis.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A list without items has loss 0; ``weighted_mean`` does not count it. A score of -inf is an
    item that is never chosen.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.ranking_softmax([[2.0, 1.0, 3.0]], [[1.0, 0.0, 0.0]])), 6)
    1.407606

    References
    ----------
    Z. Cao et al., Learning to Rank: From Pairwise Approach to Listwise Approach, 2007
    """
    log_p = masked_log_softmax(ops, prediction, mask, axis=-1)
    relevance = target if item_weight is None else target * item_weight
    terms = ops.multiply_no_nan(log_p, relevance)
    if mask is None:
        losses = -ops.sum(terms, axis=-1)
        return losses if reduce is None else reduce(losses)
    there = ops.broadcast_to(mask != 0, ops.shape(prediction))
    losses = -ops.sum(ops.where(there, terms, 0.0), axis=-1)
    any_there = ops.sum(ops.astype(there, ops.dtype(prediction)), axis=-1) != 0
    if reduce is not None:
        return reduce(losses, where=any_there)
    return Weighted(losses, ops.astype(any_there, ops.dtype(prediction)))
