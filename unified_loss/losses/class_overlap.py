"""Losses of how much the predicted regions of several classes overlap the targets'."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec

from .overlap import dice, tversky

Activation = Literal["softmax", "none"]


@spec(target=Layout(shape="channel"), class_weight=Layout(shape="free"))
def multiclass_tversky(
    ops: Ops,
    prediction: Array,
    target: Array,
    class_weight: Array | None = None,
    /,
    *,
    false_positive_weight: float = 0.5,
    false_negative_weight: float = 0.5,
    smoothing: float = 1.0,
    axes: int | tuple[int, ...] | None = None,
    activation: Activation = "softmax",
    single_class: bool = False,
    skip_first: bool = False,
) -> Array:
    r"""`tversky` for each sample and class, by default with half weights, which is `dice`.

    .. math:: \ell_c = w_c \left(1 - \frac{\sum y_c p_c + s}
              {\sum y_c p_c + a \sum (1 - y_c) p_c + b \sum y_c (1 - p_c) + s}\right)

    Parameters
    ----------
    prediction : float array of logits, samples along the first axis and classes along the last
    target : array of the same shape, memberships in [0, 1]; either may leave out an only class's axis
    class_weight : array of one entry per class, multiplies its losses; optional
    false_positive_weight : what predicted members that are none count, a
    false_negative_weight : what members that are not predicted count, b
    smoothing : added to numerator and denominator, s
    axes : the axes that make up a region; None is all but those of samples and classes
    activation : what makes probabilities of the logits, for an only class a sigmoid; or ``none``
    single_class : whether an axis for the only class is added, unless the last axis has size 1
    skip_first : whether the first of several classes, the background, is left out
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape (samples, classes).

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A class that is neither there nor predicted has loss 0. NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> logits, there = [[[0.0, 0.0], [0.0, 0.0]]], [[[1.0, 0.0], [1.0, 0.0]]]
    >>> round(float(ul.losses.multiclass_tversky(logits, there, reduction="sum")), 6)
    0.533333

    References
    ----------
    F. Milletari et al., V-Net, 2016, https://arxiv.org/abs/1606.04797
    """
    prediction, target = _with_classes(ops, prediction, target, single_class)
    shape = ops.shape(prediction)
    classes = shape[-1]
    if activation == "softmax":
        prediction = ops.sigmoid(prediction) if classes == 1 else ops.softmax(prediction, axis=-1)
    losses = tversky.formula(
        ops,
        prediction,
        target,
        false_positive_weight=false_positive_weight,
        false_negative_weight=false_negative_weight,
        axes=tuple(range(1, len(shape) - 1)) if axes is None else axes,
        smoothing=smoothing,
    )
    if class_weight is not None:
        losses = losses * class_weight
    last = len(ops.shape(losses)) - 1
    return ops.slice_along_axis(losses, 1, classes, axis=last) if skip_first and classes > 1 else losses


def _with_classes(ops: Ops, prediction: Array, target: Array, single_class: bool) -> tuple[Array, Array]:
    """Both with an axis of classes."""
    ranks = len(ops.shape(prediction)), len(ops.shape(target))
    lacking = single_class and ranks[0] == ranks[1] and ops.shape(prediction)[-1] != 1
    if lacking or ranks[0] < ranks[1]:
        prediction = ops.expand_dims(prediction, axis=-1)
    if lacking or ranks[1] < ranks[0]:
        target = ops.expand_dims(target, axis=-1)
    return prediction, target


@spec()
def generalized_dice(
    ops: Ops,
    prediction: Array,
    target: Array,
    /,
    *,
    smoothing: float = 1.0,
    activation: Activation = "softmax",
    skip_first: bool = False,
) -> Array:
    r"""Dice loss whose class weights are the inverse squares of how much there is of each class.

    .. math:: \ell_c = w_c \left(1 - \frac{\sum y_c p_c + s}{\frac12 \sum (y_c + p_c) + s}\right),
              \qquad w_c \propto \frac{1}{(\sum y_c)^2 + 10^{-7}}

    where the weights are 1 on average, and their sums go over all samples.

    Parameters
    ----------
    prediction : float array of logits, samples along the first axis and classes along the last
    target : array of the same shape, memberships in [0, 1]
    smoothing : added to numerator and denominator, s
    activation : what makes probabilities of the logits, for an only class a sigmoid; or ``none``
    skip_first : whether the first of several classes, the background, is left out
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape (samples, classes).

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A class that is not there takes nearly all of the weight. NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> logits, there = [[[0.0, 0.0], [0.0, 0.0]]], [[[1.0, 1.0], [1.0, 0.0]]]
    >>> round(float(ul.losses.generalized_dice(logits, there)), 6)
    0.24

    References
    ----------
    C. H. Sudre et al., Generalised Dice Overlap as a Deep Learning Loss Function for Highly
    Unbalanced Segmentations, 2017, https://arxiv.org/abs/1707.03237
    """
    rank = len(ops.shape(target))
    amount = ops.sum(target, axis=tuple(range(rank - 1)))
    class_weight = 1 / (ops.square(amount) + ops.constant(1e-7, ops.dtype(amount)))
    return multiclass_tversky.formula(
        ops,
        prediction,
        target,
        class_weight / ops.mean(class_weight),
        smoothing=smoothing,
        activation=activation,
        skip_first=skip_first,
    )


@spec(in_blocks=False, class_weight=Layout(shape="free"))
def multiclass_dice(
    ops: Ops,
    prediction: Array,
    target: Array,
    class_weight: Array | None = None,
    /,
    *,
    axis: int = -1,
    activation: str | Callable[..., Any] | None = "softmax",
    ignored_class: int | None = None,
    epsilon: float = 0.0,
) -> Array:
    r"""`dice` for each class over all samples together, with squares in the denominator.

    .. math:: \ell_c = w_c \left(1 - \frac{2 \sum y_c p_c}{\sum y_c^2 + \sum p_c^2 + \epsilon}\right)

    Parameters
    ----------
    prediction : float array of logits, classes along `axis`
    target : array of the same shape, memberships in [0, 1]
    class_weight : array of shape (classes, weights), so many weights for each class; optional
    axis : the class axis
    activation : what makes p of the logits: ``softmax`` or ``logsoftmax`` along the last axis, ``relu``,
        ``relu6``, ``tanh``, ``sigmoid``; a function of tensors of the framework that runs it; or None
    ignored_class : the class whose loss is 0
    epsilon : added to the denominator (MindSpore adds 1e-5)
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` shape (classes,), or that of `class_weight`.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    ``mean`` counts an ignored class. A class that is neither there nor predicted gives 1, or without
    `epsilon` NaN. NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> logits, there = [[0.0, 2.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]
    >>> round(float(ul.losses.multiclass_dice(logits, there, activation=None, epsilon=1e-5)), 6)
    0.100003

    References
    ----------
    F. Milletari et al., V-Net, 2016, https://arxiv.org/abs/1606.04797
    """
    if callable(activation):
        prediction = activation(prediction)
    elif activation is not None:
        prediction = _ACTIVATIONS[activation](ops, prediction)
    losses = dice.formula(ops, prediction, target, batch_axis=axis, squared=True, epsilon=epsilon)
    if ignored_class is not None:
        classes = ops.arange(ops.shape(prediction)[axis], dtype="int32", like=prediction)
        losses = ops.where(classes == ignored_class, 0.0, losses)
    return losses if class_weight is None else ops.expand_dims(losses, axis=1) * class_weight


_ACTIVATIONS: dict[str, Callable[[Ops, Array], Array]] = {
    "softmax": lambda ops, x: ops.softmax(x, axis=-1),
    "logsoftmax": lambda ops, x: ops.log_softmax(x, axis=-1),
    "relu": lambda ops, x: ops.relu(x),
    # The ends of a clip have a gradient, which this function's have not.
    "relu6": lambda ops, x: ops.relu(x) - ops.relu(x - 6.0),
    "tanh": lambda ops, x: ops.tanh(x),
    "sigmoid": lambda ops, x: ops.sigmoid(x),
}
