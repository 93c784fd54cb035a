"""Losses that learn a metric: of pairs within a batch, and of angles to the classes."""

from __future__ import annotations

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec

from .categorical import softmax_cross_entropy, sparse_softmax_cross_entropy


@spec(in_blocks=False, anchor=Layout(axes="NC"), target=Layout(shape="batch", any_shape=True, compared=True))
def n_pair(
    ops: Ops, anchor: Array, positive: Array, target: Array, /, *, regularization: float = 0.002
) -> Array:
    r"""Each anchor must pick, out of all positives of the batch, those of its own label.

    .. math:: \ell_i = -\sum_j y_{ij} \log p_{ij} +
              \frac{\lambda}{4} (\lVert a_i \rVert_2^2 + \lVert b_i \rVert_2^2), \qquad
              p_i = \operatorname{softmax}_j(a_i \cdot b_j)

    where :math:`y_i` is shared equally by the samples that have the label of sample i.

    Parameters
    ----------
    anchor, positive : float arrays of one shape (N, D)
    target : array of N labels, of any dtype: they are only compared with each other
    regularization : the factor :math:`\lambda` of the squared norms
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` shape (N,).

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`; also if the inputs are not matrices.

    Notes
    -----
    A label of NaN equals none, not even itself, and gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> pairs = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]
    >>> round(float(ul.losses.n_pair(*pairs, [0, 1], regularization=0.0)), 6)
    0.313262

    References
    ----------
    K. Sohn, Improved Deep Metric Learning with Multi-class N-pair Loss Objective, 2016
    """
    similarity = ops.matmul(anchor, ops.permute_dims(positive, (1, 0)))
    same = ops.expand_dims(target, axis=1) == ops.expand_dims(target, axis=0)
    share = ops.astype(same, ops.dtype(anchor))
    share = share / ops.sum(share, axis=1, keepdims=True)
    squares = ops.sum(ops.square(anchor) + ops.square(positive), axis=1)
    entropy = softmax_cross_entropy.formula(ops, similarity, share, axis=1)
    return entropy + 0.25 * regularization * squares


@spec(target=Layout(shape="without_axis", index=True))
def margin_cross_entropy(
    ops: Ops,
    prediction: Array,
    target: Array,
    /,
    *,
    angle_factor: float = 1.0,
    angle_margin: float = 0.5,
    cosine_margin: float = 0.0,
    scale: float = 64.0,
    probabilities: bool = False,
    keepdims: bool = False,
) -> Array:
    r"""Cross-entropy of scaled cosines, that of the target class being made smaller by margins.

    .. math:: \ell = -\log \operatorname{softmax}(s z)_y, \qquad
              z_y = \cos(m_1 \arccos x_y + m_2) - m_3, \quad z_c = x_c

    Parameters
    ----------
    prediction : float array of cosines, from -1 to 1, classes along the last axis
    target : integer array of the same shape without the last axis, class indices from 0
    angle_factor : the factor :math:`m_1` of the angle (SphereFace)
    angle_margin : what is added to the angle, :math:`m_2` (ArcFace)
    cosine_margin : what is taken from the cosine, :math:`m_3` (CosFace)
    scale : the factor s of the cosines
    probabilities : whether to return the softmax, not its cross-entropy
    keepdims : whether the class axis stays, with size 1
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `target`, or of `prediction` for
        probabilities.

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A cosine of the target beyond -1 or 1 gives NaN, and one of exactly these an infinite or NaN
    gradient, as the angle has; unless neither `angle_factor` nor `angle_margin` changes it.

    Examples
    --------
    >>> import unified_loss as ul
    >>> round(float(ul.losses.margin_cross_entropy([[0.9, 0.1]], [0], scale=8.0)), 6)
    0.021124

    References
    ----------
    J. Deng et al., ArcFace, 2018, https://arxiv.org/abs/1801.07698
    """
    index = ops.expand_dims(target, axis=-1)
    cosine = ops.take_along_axis(prediction, index, axis=-1)
    if angle_factor != 1 or angle_margin != 0:
        cosine = ops.cos(angle_factor * ops.acos(cosine) + angle_margin)
    classes = ops.shape(prediction)[-1]
    is_target = ops.one_hot(target, classes, dtype=ops.dtype(prediction), like=prediction) == 1
    logits = scale * ops.where(is_target, cosine - cosine_margin, prediction)
    if probabilities:
        return ops.softmax(logits, axis=-1)
    return sparse_softmax_cross_entropy.formula(ops, logits, target, axis=-1, keepdims=keepdims)
