"""Losses of the differences between the entries of one sample."""

from __future__ import annotations

import math

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec


@spec(in_blocks=False, entry_weight=Layout(shape="one_per_axis"))
def mean_pairwise_squared_error(
    ops: Ops,
    prediction: Array,
    target: Array,
    entry_weight: Array | None = None,
    /,
    *,
    counts_batch: bool = False,
) -> Array:
    r"""How differently the entries of a sample are off, over all pairs of them.

    .. math:: \ell_n = w_n \left( \frac{2 \sum_i d_{ni}^2}{k_n - 1}
              - \frac{2 (\sum_i d_{ni})^2}{k_n (k_n - 1)} \right), \qquad d = x - y

    which, with k as the number of entries of a sample, is the mean of :math:`(d_{ni} - d_{nj})^2`
    over pairs.

    Parameters
    ----------
    prediction : float array, samples along the first axis
    target : array of the same shape
    entry_weight : array, a number, or of the rank of `prediction` with each size equal or 1: k is the
        number of entries with a weight other than 0, and w the sum of the weights, which is counted
        once along axes of size 1; optional
    counts_batch : whether k counts the entries of all samples where `entry_weight` is a number or left
        out (TensorFlow does so when it runs eagerly)
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` shape (N,).

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A sample of fewer than two entries with a weight adds 0. The sums run over all entries, also those
    of weight 0.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.mean_pairwise_squared_error([[1.0, 2.0, 3.0]], [[0.0, 0.0, 0.0]]))
    2.0

    References
    ----------
    https://www.tensorflow.org/api_docs/python/tf/compat/v1/losses/mean_pairwise_squared_error
    """
    difference = prediction - target
    one_number = entry_weight is None or not ops.shape(entry_weight)
    if len(ops.shape(difference)) < 2:
        difference = ops.expand_dims(difference, axis=-1)
        if not one_number:
            entry_weight = ops.expand_dims(entry_weight, axis=-1)
    shape = ops.shape(difference)
    axes = tuple(range(1, len(shape)))
    if one_number:
        entries = float(math.prod(shape[1:]))
        count: Array = ops.sum(difference * 0 + 1, axis=axes, keepdims=True) if counts_batch else entries
        if counts_batch:
            count = ops.sum(count)
    else:
        present = ops.astype(entry_weight != 0, ops.dtype(difference))
        count = ops.sum(ops.broadcast_to(present, shape), axis=axes, keepdims=True)
        # One entry has no pair: were it infinite, its gradient would not be 0.
        difference = ops.where(count > 1, difference, 0.0)
    squares = ops.sum(ops.square(difference), axis=axes, keepdims=True)
    square = ops.square(ops.sum(difference, axis=axes, keepdims=True))
    losses = 2 * _quotient(ops, squares, count - 1) - 2 * _quotient(ops, square, count * (count - 1))
    if entry_weight is not None:
        losses = losses * entry_weight
    return ops.sum(losses, axis=axes)


def _quotient(ops: Ops, numerator: Array, denominator: Array | float) -> Array:
    """The quotient, or 0 where the denominator is not positive."""
    if isinstance(denominator, float):
        return numerator / denominator if denominator > 0 else numerator * 0
    positive = denominator > 0
    return ops.where(positive, numerator / ops.where(positive, denominator, 1.0), 0.0)
