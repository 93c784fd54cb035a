"""Losses of a choice among classes, given as probabilities."""

from __future__ import annotations

from typing import Literal

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec

from .categorical import smoothed

Normalized = Literal["given", "before_clip", "after_clip"]


@spec()
def categorical_cross_entropy(
    ops: Ops,
    prediction: Array,
    target: Array,
    /,
    *,
    axis: int = -1,
    normalized: Normalized = "given",
    clip: float | None = None,
    label_smoothing: float = 0.0,
    smoothing_axis: int | None = None,
) -> Array:
    r"""Cross-entropy between a predicted and a target distribution.

    .. math:: \ell = -\sum_c y_c \log p_c

    Parameters
    ----------
    prediction : float array of probabilities, classes along `axis`
    target : array of the same shape, probabilities along `axis` (they need not sum to 1)
    axis : the class axis
    normalized : whether `prediction` sums to 1 as ``given``, or is divided by its sum, and when
    clip : how far from 0 and 1 a probability is read at least; nearer ones have no gradient (Keras
        has 1e-7)
    label_smoothing : the share s of the uniform distribution in the target, which becomes
        :math:`(1 - s) y + s / C`
    smoothing_axis : the axis whose size is C; None is `axis`
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
    Without `clip`, a probability of 0 adds 0 where its target is 0, inf otherwise. From logits use
    `softmax_cross_entropy`, which loses nothing.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.categorical_cross_entropy([[0.2, 0.3, 0.5]], [[0.0, 0.5, 0.5]])), 6)
    0.94856

    References
    ----------
    https://keras.io/api/losses/probabilistic_losses/#categoricalcrossentropy-class
    """
    target = smoothed(ops, target, label_smoothing, axis if smoothing_axis is None else smoothing_axis)
    p = _prepared(ops, prediction, axis, normalized, clip)
    return -ops.sum(ops.xlogy(target, p), axis=axis)


@spec(target=Layout(shape="without_axis", index=True))
def sparse_categorical_cross_entropy(
    ops: Ops,
    prediction: Array,
    target: Array,
    /,
    *,
    axis: int = -1,
    normalized: Normalized = "given",
    clip: float | None = None,
) -> Array:
    r"""Negative logarithm of the probability of the target class.

    .. math:: \ell = -\log p_y

    Parameters
    ----------
    prediction : float array of probabilities, classes along `axis`
    target : integer array of the same shape without `axis`, class indices from 0
    axis : the class axis
    normalized : whether `prediction` sums to 1 as ``given``, or is divided by its sum, and when
    clip : how far from 0 and 1 a probability is read at least; nearer ones have no gradient (Keras
        has 1e-7)
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
    Without `clip`, a probability of 0 gives inf. From logits use `sparse_softmax_cross_entropy`,
    which loses nothing.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.sparse_categorical_cross_entropy([[0.2, 0.3, 0.5]], [1])), 6)
    1.203973

    References
    ----------
    https://keras.io/api/losses/probabilistic_losses/#sparsecategoricalcrossentropy-class
    """
    p = _prepared(ops, prediction, axis, normalized, clip)
    # Picked before the logarithm: that of a class which is not may have an infinite derivative.
    picked = ops.take_along_axis(p, ops.expand_dims(target, axis=axis), axis=axis)
    return -ops.squeeze(ops.log(picked), axis)


@spec(target=Layout(shape="without_axis", index=True))
def generalized_cross_entropy(ops: Ops, prediction: Array, target: Array, /, *, q: float = 0.5) -> Array:
    r"""Between cross-entropy and absolute error, so as to bear wrong labels.

    .. math:: \ell = \frac{1 - p_y^q}{q}

    Parameters
    ----------
    prediction : float array of probabilities, classes along the last axis
    target : integer array of the same shape without the last axis, class indices from 0
    q : near 0 the loss is the cross-entropy, at 1 it is :math:`1 - p_y`; positive
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `target`.

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.
    ValueError
        If `q` is not positive.

    Notes
    -----
    A probability of 0 gives :math:`1 / q`, with an infinite gradient if q is below 1. That is also the
    loss of a label that is no class, where a dialect lets it be one.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.generalized_cross_entropy([[0.25, 0.75]], [0], q=0.5))
    1.0

    References
    ----------
    Z. Zhang, M. R. Sabuncu, Generalized Cross Entropy Loss for Training Deep Neural Networks with
    Noisy Labels, 2018, https://arxiv.org/abs/1805.07836
    """
    if not q > 0:
        raise ValueError(f"generalized_cross_entropy: q is {q}, expected a positive number")
    labels = ops.one_hot(target, ops.shape(prediction)[-1], dtype=ops.dtype(prediction), like=prediction)
    # Selected, not multiplied by 0: the derivative at a probability of 0 may be infinite.
    own = ops.sum(ops.where(ops.equal(labels, 1.0), prediction, 0.0), axis=-1)
    return (1 - ops.pow(own, q)) / q


def _prepared(ops: Ops, p: Array, axis: int, normalized: Normalized, clip: float | None) -> Array:
    if normalized == "before_clip":
        p = p / ops.sum(p, axis=axis, keepdims=True)
    if clip is not None:
        p = ops.clip(p, min=clip, max=1 - clip)
    if normalized == "after_clip":
        p = p / ops.sum(p, axis=axis, keepdims=True)
    return p
