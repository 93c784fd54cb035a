"""What losses over classes return beside the loss."""

from __future__ import annotations

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec


@spec()
def softmax_residual(
    ops: Ops, prediction: Array, target: Array, /, *, axis: int = -1, per_sample: bool = False
) -> Array:
    r"""The gradient of `softmax_cross_entropy` by its logits, through which no gradient flows.

    .. math:: p - y, \qquad p = \operatorname{softmax}(x)

    Parameters
    ----------
    prediction : float array of logits, classes along `axis`
    target : array of the same shape, probabilities that sum to 1 along `axis`
    axis : the class axis
    per_sample : whether it is divided by the size of the first axis, as the gradient of a mean is
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `prediction`.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A logit of inf gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> ul.losses.softmax_residual([[0.0, 0.0]], [[0.25, 0.75]], reduction="none")
    array([[ 0.25, -0.25]], dtype=float32)

    References
    ----------
    https://www.tensorflow.org/api_docs/python/tf/nn/softmax_cross_entropy_with_logits
    """
    residual = ops.stop_gradient(ops.softmax(prediction, axis=axis) - target)
    return residual / ops.sum(ops.mean(residual * 0 + 1, axis=-1)) if per_sample else residual


@spec(prediction=Layout(axes="NC"), target=Layout(index=True, lowest_index=-1))
def label_membership(ops: Ops, prediction: Array, target: Array, /) -> Array:
    r"""Which classes are labels of a sample, as `multilabel_margin` reads them: 1, and 0 for the others.

    .. math:: z_c = [c \in y]

    Parameters
    ----------
    prediction : float array of shape (N, C), of which only the shape is read
    target : integer array of the same shape: the labels of each sample, ended by -1
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `prediction`.

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    What comes after the first -1 is not read.

    Examples
    --------
    >>> import unified_loss as ul
    >>> ul.losses.label_membership([[0.5, 0.1, 0.2]], [[2, -1, 0]], reduction="none")
    array([[0., 0., 1.]], dtype=float32)

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiLabelMarginLoss.html
    """
    return ops.astype(is_label(ops, prediction, target), ops.dtype(prediction))


def is_label(ops: Ops, prediction: Array, target: Array) -> Array:
    """Whether each class is a label of the sample, (N, C)."""
    dtype, count = ops.dtype(prediction), ops.shape(prediction)[1]
    given = ops.one_hot(ops.clip(target, min=0), count, dtype=dtype, like=prediction)
    read = ops.expand_dims(read_labels(ops, target, dtype), axis=2)
    return ops.sum(ops.where(read, given, 0.0), axis=1) > 0


def read_labels(ops: Ops, target: Array, dtype: str) -> Array:
    """Which entries come before the first negative one, (N, C)."""
    return ops.cumulative_sum(ops.astype(target < 0, dtype), axis=1) == 0
