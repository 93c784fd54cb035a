"""Losses of distances and angles between embeddings."""

from __future__ import annotations

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec

from .divergence import kl_divergence


@spec()
def triplet(
    ops: Ops,
    anchor: Array,
    positive: Array,
    negative: Array,
    /,
    *,
    margin: float = 1.0,
    batch_axis: int = 0,
) -> Array:
    r"""How much nearer than the negative, by squared distance and a margin, the positive is not.

    .. math:: \ell = \max(0, \lVert p - a \rVert_2^2 - \lVert n - a \rVert_2^2 + m)

    Parameters
    ----------
    anchor, positive, negative : float arrays of one shape
    margin : the margin m, in squared units of the embedding
    batch_axis : the axis of the samples; distances are taken over all others
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` one loss per sample.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    PyTorch's `TripletMarginLoss` takes distances, not their squares. At the kink the gradient is
    0. Infinite distances on both sides give NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.triplet([[0.0, 0.0]], [[1.0, 0.0]], [[0.0, 1.0]], margin=0.5))
    0.5

    References
    ----------
    F. Schroff, D. Kalenichenko, J. Philbin, FaceNet, 2015
    """
    rank = len(ops.shape(anchor))
    features = tuple(i for i in range(rank) if i != batch_axis % rank)
    difference = ops.square(positive - anchor) - ops.square(negative - anchor)
    return ops.relu(ops.sum(difference, axis=features) + margin)


@spec(target=Layout(shape="without_axis"))
def cosine_embedding(
    ops: Ops,
    first: Array,
    second: Array,
    target: Array,
    /,
    *,
    axis: int = -1,
    margin: float = 0.0,
    epsilon: float = 1e-12,
    squared_epsilon: float = 0.0,
    keepdims: bool = False,
    gradient_at_zero: float = 0.0,
) -> Array:
    r"""One minus the cosine for similar pairs, the cosine beyond a margin for dissimilar ones.

    .. math:: \ell = \begin{cases} 1 - \cos(a, b) & y = 1 \\ \max(0, \cos(a, b) - m) & y = -1 \\
              0 & \text{otherwise} \end{cases}

    Parameters
    ----------
    first, second : float arrays of one shape, vectors along `axis`
    target : array of that shape without `axis`, 1 for similar and -1 for dissimilar pairs
    axis : the axis of the vectors
    margin : the cosine that a dissimilar pair may have
    epsilon : the least value of the product of the norms, by which the dot product is divided
    squared_epsilon : added to the square of each norm
    keepdims : whether the axis of the vectors stays, with size 1
    gradient_at_zero : the gradient of :math:`\max(0, z)` at 0
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `target`.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A zero vector has cosine 0 with any other, and a finite gradient, 0 without an epsilon (MXNet
    1.9.1 and MindSpore 2.10.0 give NaN).

    Examples
    --------
    >>> import unified_loss as ul
    >>> pairs = [[1.0, 0.0], [1.0, 0.0]], [[0.0, 2.0], [3.0, 4.0]], [1.0, -1.0]
    >>> round(float(ul.losses.cosine_embedding(*pairs, reduction="sum")), 6)
    1.6

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.CosineEmbeddingLoss.html
    """
    norms = _length(ops, first, axis, squared_epsilon) * _length(ops, second, axis, squared_epsilon)
    dot = ops.sum(first * second, axis=axis, keepdims=True)
    cosine = dot / ops.clip(norms, min=epsilon) if epsilon else _quotient(ops, dot, norms)
    label = ops.expand_dims(target, axis=axis)
    beyond = ops.positive_part(cosine - margin, gradient_at_zero=gradient_at_zero)
    apart = ops.where(label == -1, beyond, 0.0)
    loss = ops.where(label == 1, 1 - cosine, apart)
    return loss if keepdims else ops.squeeze(loss, axis)


def _length(ops: Ops, x: Array, axis: int, squared_epsilon: float) -> Array:
    if not squared_epsilon:
        return ops.vector_norm(x, axis=axis, keepdims=True)
    return ops.sqrt(ops.sum(ops.square(x), axis=axis, keepdims=True) + squared_epsilon)


def _quotient(ops: Ops, dividend: Array, divisor: Array) -> Array:
    """The quotient, 0 where the divisor is 0."""
    at_zero = ops.equal(divisor, 0.0)
    return ops.where(at_zero, 0.0, dividend / ops.where(at_zero, 1.0, divisor))


@spec()
def inner_product_distance(
    ops: Ops, prediction: Array, target: Array, /, *, axis: int = -1, keepdims: bool = False
) -> Array:
    r"""One minus the inner product, which for vectors of length 1 is the cosine distance.

    .. math:: \ell = 1 - \sum_i x_i y_i

    Parameters
    ----------
    prediction : float array, vectors along `axis`, meant to have length 1
    target : array of the same shape
    axis : the axis of the vectors
    keepdims : whether the axis of the vectors stays, with size 1
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
    Nothing is normalised: longer vectors give losses below 0.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.inner_product_distance([[1.0, 0.0]], [[0.0, 1.0]]))
    1.0

    References
    ----------
    https://www.tensorflow.org/api_docs/python/tf/compat/v1/losses/cosine_distance
    """
    return 1 - ops.sum(prediction * target, axis=axis, keepdims=keepdims)


@spec(mask=Layout(shape="broadcast"))
def cosine_similarity(
    ops: Ops,
    prediction: Array,
    target: Array,
    mask: Array | None = None,
    /,
    *,
    axis: int = -1,
    epsilon: float = 1e-8,
    of_product: bool = False,
    offset: float = 0.0,
) -> Array:
    r"""The negative cosine between two vectors, so that minimising it aligns them.

    .. math:: \ell = o - \frac{x}{\max(\lVert x \rVert, \epsilon)} \cdot
              \frac{y}{\max(\lVert y \rVert, \epsilon)}

    Parameters
    ----------
    prediction : float array, vectors along `axis`
    target : array of the same shape
    mask : array that broadcasts to `prediction`, true or 1 for the components that count; optional, and
        not read where `of_product`
    axis : the axis of the vectors
    epsilon : the least norm that is divided by (Keras has 1e-7)
    of_product : whether `epsilon` is the least product of both norms instead
    offset : added, o; 1 gives the cosine distance
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
    A zero vector has cosine 0 with any other, and the finite gradient :math:`-y / \epsilon`, or 0
    where `epsilon` is 0.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.cosine_similarity([[1.0, 0.0]], [[3.0, 4.0]])), 6)
    -0.6

    References
    ----------
    https://keras.io/api/losses/regression_losses/#cosinesimilarity-class
    """
    if of_product:
        lengths = ops.vector_norm(prediction, axis=axis) * ops.vector_norm(target, axis=axis)
        return offset - ops.sum(prediction * target, axis=axis) / ops.clip(lengths, min=epsilon)
    first, second = (direction(ops, x, mask, axis, epsilon) for x in (prediction, target))
    return offset - ops.sum(first * second, axis=axis)


def direction(ops: Ops, x: Array, mask: Array | None, axis: int, epsilon: float) -> Array:
    """A vector divided by its length, but by no less than an epsilon; of the zero vector 0."""
    x = x if mask is None else ops.where(mask != 0, x, 0.0)
    length = ops.vector_norm(x, axis=axis, keepdims=True)
    if epsilon:
        return x / ops.clip(length, min=epsilon)
    nowhere = ops.equal(length, 0.0)
    return ops.where(nowhere, 0.0, x / ops.where(nowhere, 1.0, length))


@spec(in_blocks=False, first=Layout(axes="NC"), second=Layout(axes="NC"))
def sdml(ops: Ops, first: Array, second: Array, /, *, smoothing: float = 0.3) -> Array:
    r"""Smoothed deep metric learning: each sample must pick its pair out of the batch.

    .. math:: \ell_i = \sum_j y_{ij} (\log y_{ij} - \log p_{ij}), \qquad
              p_i = \operatorname{softmax}_j(-\lVert a_i - b_j \rVert_2^2)

    with :math:`y_{ii} = 1 - s` and :math:`y_{ij} = s / (N - 1)` elsewhere.

    Parameters
    ----------
    first, second : float arrays of one shape (N, features); row i of one pairs with row i of the other
    smoothing : the probability s that is spread over the other samples; less than 1
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` shape (N,).

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`; also if the inputs are not matrices.
    ValueError
        If `smoothing` is not in [0, 1).

    Notes
    -----
    A batch of one has no other sample to spread to and gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.sdml([[0.0], [2.0]], [[0.0], [1.0]], smoothing=0.25)), 6)
    0.118589

    References
    ----------
    D. Bonadiman, A. Kumar, A. Mittal, Large Scale Question Paraphrase Retrieval with Smoothed
    Deep Metric Learning, 2019, https://arxiv.org/abs/1905.12786
    """
    if not 0 <= smoothing < 1:
        raise ValueError(f"sdml: smoothing is {smoothing}, expected in [0, 1)")
    pairwise = ops.expand_dims(first, axis=1) - ops.expand_dims(second, axis=0)
    distances = ops.sum(ops.square(pairwise), axis=2)
    identity = ops.eye(ops.shape(first)[0], like=first)
    others = 1 - identity
    labels = identity * (1 - smoothing) + others * smoothing / ops.sum(others, axis=1, keepdims=True)
    return ops.sum(kl_divergence.formula(ops, -distances, labels, axis=1, from_logits=True), axis=1)
