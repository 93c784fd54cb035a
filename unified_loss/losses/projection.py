"""Cross-entropies of scores that the loss itself computes from features, by weights of its own."""

from __future__ import annotations

import itertools

from unified_loss.errors import ShapeError
from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec

from .likelihood import cross_entropy

_FREE = Layout(shape="free")


@spec(
    linear_weight=_FREE,
    target=Layout(shape="index_or_free", classes="linear_weight"),
    linear_bias=_FREE,
    class_weight=_FREE,
)
def linear_cross_entropy(
    ops: Ops,
    prediction: Array,
    linear_weight: Array,
    target: Array,
    linear_bias: Array | None = None,
    class_weight: Array | None = None,
    /,
    *,
    label_smoothing: float = 0.0,
) -> Array:
    r"""`cross_entropy` of a linear map of features.

    .. math:: \ell = \mathrm{CE}(W x + b, y)

    Parameters
    ----------
    prediction : float array of features, shape (N, F)
    linear_weight : float array, shape (C, ..., F): the axes between are those of further outputs
    target : integer array of class indices, shape (N, ...), or float array of probabilities, shape
        (N, C, ...)
    linear_bias : float array, shape (C, ...); optional
    class_weight : float array, shape (C,); optional
    label_smoothing : the share of the uniform distribution
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` shape (N, ...). ``weighted_mean`` as for
        `cross_entropy`.

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    The logits are computed at once, not in chunks.

    Examples
    --------
    >>> import unified_loss as ul
    >>> identity = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    >>> round(float(ul.losses.linear_cross_entropy([[1.0, 2.0, 3.0]], identity, [2])), 6)
    0.407606

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.LinearCrossEntropyLoss.html
    """
    samples, features = ops.shape(prediction)
    classes, *outputs, columns = ops.shape(linear_weight)
    logits_shape, picked_shape = (samples, classes, *outputs), (samples, *outputs)
    if columns != features:
        raise ShapeError(
            f"linear_cross_entropy: the linear weight has shape {ops.shape(linear_weight)}, "
            f"expected {features} as its last size"
        )
    if linear_bias is not None and ops.shape(linear_bias) != (classes, *outputs):
        raise ShapeError(
            f"linear_cross_entropy: the linear bias has shape {ops.shape(linear_bias)}, "
            f"expected {(classes, *outputs)}"
        )
    if ops.shape(target) not in (picked_shape, logits_shape):
        raise ShapeError(
            f"linear_cross_entropy: the target has shape {ops.shape(target)}, "
            f"expected {picked_shape} or, for probabilities, {logits_shape}"
        )
    rows = ops.reshape(linear_weight, (-1, features))
    logits = ops.reshape(ops.matmul(prediction, ops.permute_dims(rows, (1, 0))), logits_shape)
    if linear_bias is not None:
        logits = logits + linear_bias
    return cross_entropy.formula(
        ops, logits, target, class_weight, axis=1, label_smoothing=label_smoothing
    )


@spec(
    target=Layout(shape="without_axis", index=True, classes="classes"),
    head_weight=_FREE,
    head_bias=_FREE,
)
def adaptive_log_softmax(
    ops: Ops,
    prediction: Array,
    target: Array,
    head_weight: Array,
    head_bias: Array | None = None,
    /,
    *tail_weights: Array,
    classes: int,
    cutoffs: tuple[int, ...],
    inputs_first: bool = False,
) -> Array:
    r"""Cross-entropy of a softmax in two steps: a frequent class, or a cluster and a class within it.

    .. math:: \ell = \begin{cases} -\log h_y & y < c_1 \\
              -\log h_{c_1 + k} - \log t^k_{y - c_k} & c_k \le y < c_{k + 1} \end{cases}

    with the softmax h of the head, over the classes before the first cutoff :math:`c_1` and the
    clusters, and the softmax :math:`t^k` of the k-th cluster.

    Parameters
    ----------
    prediction : float array of features, shape (N, F)
    target : integer array of class indices, shape (N,)
    head_weight : float array, shape (first cutoff + clusters, F)
    head_bias : float array of that many entries; optional
    *tail_weights : two float arrays for each cluster: a projection, shape (D, F), and the weights of
        its classes, shape (classes in the cluster, D)
    classes : the number of classes
    cutoffs : the first class of each cluster
    inputs_first : whether the weights are transposed, so that inputs come first (as in PaddlePaddle)
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` shape (N,).

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    All clusters are evaluated for all samples, so that the same program fits every batch.

    Examples
    --------
    >>> import unified_loss as ul
    >>> zeros = [[0.0]] * 2
    >>> tail = [[0.0]], [[0.0]] * 4
    >>> loss = ul.losses.adaptive_log_softmax([[1.0]], [3], zeros, None, *tail, classes=5, cutoffs=(1,))
    >>> round(float(loss), 6)
    2.079442

    References
    ----------
    E. Grave, A. Joulin, M. Cissé, D. Grangier, H. Jégou, Efficient softmax approximation for GPUs,
    2016, https://arxiv.org/abs/1609.04309
    """
    def mapped(x: Array, weights: Array) -> Array:
        return ops.matmul(x, weights if inputs_first else ops.permute_dims(weights, (1, 0)))

    head = mapped(prediction, head_weight)
    head = ops.log_softmax(head if head_bias is None else head + head_bias, axis=1)
    index = target
    bounds = [*cutoffs, classes]
    within: Array | float = 0.0
    for k, (first, stop) in enumerate(itertools.pairwise(bounds)):
        projection, weights = tail_weights[2 * k : 2 * k + 2]
        log_p = ops.log_softmax(mapped(mapped(prediction, projection), weights), axis=1)
        inside = ops.logical_and(target >= first, target < stop)
        place = ops.clip(target - first, min=0, max=stop - first - 1)
        picked = ops.squeeze(ops.take_along_axis(log_p, ops.expand_dims(place, axis=1), axis=1), 1)
        within = within + ops.where(inside, picked, 0.0)
        index = ops.where(inside, cutoffs[0] + k, index)
    picked = ops.squeeze(ops.take_along_axis(head, ops.expand_dims(index, axis=1), axis=1), 1)
    return -(picked + within)
