"""Losses of a choice among classes."""

from __future__ import annotations

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec


@spec()
def softmax_cross_entropy(
    ops: Ops,
    prediction: Array,
    target: Array,
    /,
    *,
    axis: int = -1,
    from_log_probabilities: bool = False,
    keepdims: bool = False,
) -> Array:
    r"""Cross-entropy between the softmax of logits and a target distribution.

    .. math:: \ell = -\sum_c y_c \log p_c, \qquad p = \operatorname{softmax}(x)

    Parameters
    ----------
    prediction : float array of logits, classes along `axis`
    target : array of the same shape, probabilities along `axis` (they need not sum to 1)
    axis : the class axis
    from_log_probabilities : whether `prediction` is :math:`\log p` already
    keepdims : whether the class axis stays, with size 1
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
    A logit of -inf is a class of probability 0: it adds 0 where its target is 0, inf otherwise.
    A logit of inf, or all of them -inf, gives NaN. The gradient by the logits is
    :math:`p \sum_c y_c - y`, also where the target does not sum to 1.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.softmax_cross_entropy([[1.0, 2.0, 3.0]], [[0.0, 0.5, 0.5]])), 6)
    0.907606

    References
    ----------
    https://optax.readthedocs.io/en/latest/api/losses.html#optax.losses.softmax_cross_entropy
    """
    log_p = prediction if from_log_probabilities else ops.log_softmax(prediction, axis=axis)
    return -ops.sum(ops.multiply_no_nan(log_p, target), axis=axis, keepdims=keepdims)


@spec(target=Layout(shape="without_axis", index=True))
def sparse_softmax_cross_entropy(
    ops: Ops,
    prediction: Array,
    target: Array,
    /,
    *,
    axis: int = -1,
    from_log_probabilities: bool = False,
    keepdims: bool = False,
) -> Array:
    r"""Cross-entropy between the softmax of logits and one class index per sample.

    .. math:: \ell = -\log p_y, \qquad p = \operatorname{softmax}(x)

    Parameters
    ----------
    prediction : float array of logits, classes along `axis`
    target : integer array of the same shape without `axis`, class indices from 0
    axis : the class axis
    from_log_probabilities : whether `prediction` is :math:`\log p` already
    keepdims : whether the class axis stays, with size 1
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `target`.

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A logit of -inf is a class of probability 0: no loss where it is not the target, inf where it
    is. A logit of inf, or all of them -inf, gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.sparse_softmax_cross_entropy([[1.0, 2.0, 3.0]], [2])), 6)
    0.407606

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
    """
    log_p = prediction if from_log_probabilities else ops.log_softmax(prediction, axis=axis)
    picked = ops.take_along_axis(log_p, ops.expand_dims(target, axis=axis), axis=axis)
    return -(picked if keepdims else ops.squeeze(picked, axis))
