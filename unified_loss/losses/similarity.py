"""Losses of how similar the embeddings in a batch are."""

from __future__ import annotations

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec

_IMPOSSIBLE = -1e30
"""Stands for the logarithm of an empty sum: finite, so that its gradient is 0, not NaN."""



@spec(
    in_blocks=False,
    target=Layout(shape="batch", index=True, any_shape=True, out_of_range="keep"),
    reference_target=Layout(shape="free", index=True, out_of_range="keep"),
    reference=Layout(shape="free"),
)
def circle(
    ops: Ops,
    prediction: Array,
    target: Array,
    reference_target: Array | None = None,
    reference: Array | None = None,
    /,
    *,
    gamma: float = 80.0,
    margin: float = 0.4,
    without_self: bool = True,
) -> Array:
    r"""Circle loss: similar pairs pull and dissimilar ones push, the more the further they are off.

    .. math:: \ell_i = \log\Bigl(1 + \sum_{y_j = y_i} e^{\gamma a_{ij} (d_{ij} - m)}
              \sum_{y_j \ne y_i} e^{\gamma b_{ij} (1 - m - d_{ij})}\Bigr)

    with the cosine distances :math:`d_{ij} = \max(0, 1 - x_i \cdot r_j)`, and
    :math:`a = m + d`, :math:`b = \max(0, 1 + m - d)`.

    Parameters
    ----------
    prediction : float array of embeddings of length 1, shape (N, features)
    target : integer array, shape (N,): whose embedding it is
    reference_target : integer array, shape (M,); optional, by default `target`
    reference : float array of embeddings that are compared with, shape (M, features); optional, by
        default `prediction`
    gamma : the scale
    margin : the margin m
    without_self : whether embedding i is not compared with reference i
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
    An embedding without a similar or without a dissimilar one has loss 0 and gradient 0. The gradient
    goes through the factors a and b as well.

    Examples
    --------
    >>> import unified_loss as ul
    >>> embeddings = [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]]
    >>> round(float(ul.losses.circle(embeddings, [0, 0, 1, 1])), 4)
    28.8648

    References
    ----------
    Y. Sun et al., Circle Loss: A Unified Perspective of Pair Similarity Optimization, 2020,
    https://arxiv.org/abs/2002.10857
    """
    reference = prediction if reference is None else reference
    reference_target = target if reference_target is None else ops.reshape(reference_target, (-1,))
    distance = ops.clip(1 - ops.matmul(prediction, ops.permute_dims(reference, (1, 0))), min=0.0)
    similar = ops.expand_dims(target, axis=1) == ops.expand_dims(reference_target, axis=0)
    pulling = similar
    if without_self:
        rows = ops.arange(ops.shape(target)[0], dtype="int32", like=prediction)
        columns = ops.arange(ops.shape(reference_target)[0], dtype="int32", like=prediction)
        others = ops.expand_dims(rows, axis=1) != ops.expand_dims(columns, axis=0)
        pulling = ops.logical_and(similar, others)
    pull = gamma * (margin + distance) * (distance - margin)
    push = gamma * ops.clip(1 + margin - distance, min=0.0) * (1 - margin - distance)
    pulled = ops.where(pulling, pull, _IMPOSSIBLE)
    pushed = ops.where(similar, _IMPOSSIBLE, push)
    return ops.softplus(ops.logsumexp(pulled, axis=1) + ops.logsumexp(pushed, axis=1))
