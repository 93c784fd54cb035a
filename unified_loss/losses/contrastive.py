"""Contrastive losses: each sample must tell its partners from the rest of the batch."""

from __future__ import annotations

from unified_loss.layout import Layout
from unified_loss.ops import RESOLUTION, Array, Ops
from unified_loss.spec import Weighted, spec

from .embedding import direction

_EXCLUDED = -1e30
"""Stands for a similarity of minus infinity: finite, so that no inf - inf arises."""


@spec(in_blocks=False, prediction=Layout(axes="NC"), target=Layout(shape="batch", compared=True))
def nt_xent(
    ops: Ops,
    prediction: Array,
    target: Array,
    /,
    *,
    temperature: float = 0.5,
    epsilon: float | None = None,
) -> Weighted:
    r"""Normalised temperature-scaled cross-entropy: samples of a group against those of all others.

    .. math:: \ell_i = \sum_{j \ne i, y_j = y_i} -\log \frac{\exp(s_{ij})}
              {\exp(s_{ij}) + \sum_{k: y_k \ne y_i} \exp(s_{ik})}, \qquad
              s_{ij} = \frac{\cos(x_i, x_j)}{\tau}

    Parameters
    ----------
    prediction : float array of embeddings, shape (N, features)
    target : array of shape (N,); samples with the same entry are a group
    temperature : the temperature, by which similarities are divided
    epsilon : the least squared length of a vector in the cosine; None is the resolution of the dtype
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` shape (N,).

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`; also if `prediction` is no matrix.

    Notes
    -----
    SimCLR's loss where each group has two samples. ``mean`` divides by the number of samples,
    ``weighted_mean`` by the number of ordered pairs within groups. A sample without a partner has
    loss 0. The other partners of a sample are no negatives.

    Examples
    --------
    >>> import unified_loss as ul
    >>> views = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    >>> round(float(ul.losses.nt_xent(views, [0, 0, 1, 1], temperature=1.0)), 6)
    0.551445

    References
    ----------
    T. Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, 2020,
    https://arxiv.org/abs/2002.05709
    """
    dtype = ops.dtype(prediction)
    least = RESOLUTION[dtype] if epsilon is None else epsilon
    length = ops.sqrt(ops.clip(ops.sum(ops.square(prediction), axis=1, keepdims=True), min=least))
    unit = prediction / length
    similarity = ops.matmul(unit, ops.permute_dims(unit, (1, 0))) / temperature

    alike = ops.expand_dims(target, axis=1) == ops.expand_dims(target, axis=0)
    itself = ops.eye(ops.shape(prediction)[0], like=prediction) != 0
    partner = ops.logical_and(alike, ops.logical_not(itself))
    others = ops.logsumexp(ops.where(alike, _EXCLUDED, similarity), axis=1, keepdims=True)
    # log(1 + exp(others - s)) is the negative logarithm of the quotient.
    pairs = ops.where(partner, ops.softplus(others - similarity), 0.0)
    return Weighted(ops.sum(pairs, axis=1), ops.sum(ops.astype(partner, dtype), axis=1))


@spec(in_blocks=False, first=Layout(axes="NC"), second=Layout(axes="NC"))
def in_batch_softmax(
    ops: Ops,
    first: Array,
    second: Array,
    /,
    *,
    temperature: float = 1.0,
    normalized: bool = False,
    symmetric: bool = False,
) -> Array:
    r"""Dense retrieval: each query must pick its passage out of those of the whole batch.

    .. math:: \ell_i = -\log \frac{\exp(s_{ii})}{\sum_j \exp(s_{ij})}, \qquad
              s_{ij} = \frac{\langle a_i, b_j \rangle}{\tau}

    Also known as the InfoNCE loss, as multiple-negatives ranking, and, on unit vectors and in both
    directions, as the loss of CLIP.

    Parameters
    ----------
    first, second : float arrays of one shape (N, features), queries and passages; row i of one
        belongs to row i of the other
    temperature : the temperature, by which scores are divided
    normalized : whether the vectors are brought to length 1 first, the scores then being cosines
    symmetric : whether passages must pick their queries as well; the loss is the mean of both
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` shape (N,).

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`; also if the inputs are no matrices.

    Notes
    -----
    In a batch of one there is nothing to tell apart, and the loss is 0. A zero vector has cosine 0
    with any other, and no gradient. `n_pair` is the same of labelled samples, `sdml` that of
    squared distances with smoothed labels.

    Examples
    --------
    >>> import unified_loss as ul
    >>> queries, passages = [[1.0, 0.0], [0.0, 2.0]], [[2.0, 0.0], [1.0, 1.0]]
    >>> round(float(ul.losses.in_batch_softmax(queries, passages)), 6)
    0.220095

    References
    ----------
    V. Karpukhin et al., Dense Passage Retrieval for Open-Domain Question Answering, 2020,
    https://arxiv.org/abs/2004.04906;
    A. van den Oord, Y. Li, O. Vinyals, Representation Learning with Contrastive Predictive Coding,
    2018, https://arxiv.org/abs/1807.03748
    """
    if normalized:
        first, second = (direction(ops, x, None, 1, 0.0) for x in (first, second))
    scores = ops.matmul(first, ops.permute_dims(second, (1, 0))) / temperature
    diagonal = ops.eye(ops.shape(first)[0], like=first)

    def picked(axis: int) -> Array:
        return -ops.sum(ops.multiply_no_nan(ops.log_softmax(scores, axis=axis), diagonal), axis=axis)

    return 0.5 * (picked(1) + picked(0)) if symmetric else picked(1)
