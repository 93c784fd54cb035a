"""Losses of a choice that is made step by step, down a tree of classes."""

from __future__ import annotations

import math

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec

_FREE = Layout(shape="free")
_MOST_CLASSES = 2**23
"""Codes of the classes are halved in float32, which is exact up to twice as many."""


@spec(
    prediction=Layout(axes="NC"),
    target=Layout(shape="batch", index=True, classes="classes", unread_beside="path_table"),
    node_weights=_FREE,
    node_biases=_FREE,
    path_table=Layout(shape="sequence", index=True, lowest_index=-1, classes="node_weights"),
    path_code=Layout(shape="sequence"),
)
def hierarchical_sigmoid(
    ops: Ops,
    prediction: Array,
    target: Array | None,
    node_weights: Array,
    node_biases: Array | None = None,
    path_table: Array | None = None,
    path_code: Array | None = None,
    /,
    *,
    classes: int,
    count_missing_nodes: bool = False,
) -> Array:
    r"""Cross-entropy of the turns on the way to a class, down a binary tree of logistic regressions.

    .. math:: \ell = \sum_j \log(1 + e^{z_j}) - b_j z_j, \qquad z_j = w_{n_j} \cdot x + c_{n_j}

    over the nodes :math:`n_j` on the way and the turns :math:`b_j` taken there, 0 or 1. By default
    the tree is the complete binary one with a leaf for each class: with :math:`c = y + C`, the node
    at height j is :math:`\lfloor c / 2^{j + 1} \rfloor - 1`, and the turn the j-th binary digit of c.

    Parameters
    ----------
    prediction : float array of features, shape (N, D)
    target : integer array of class indices, shape (N,)
    node_weights : float array, a row of shape (D,) for each inner node
    node_biases : float array, a number for each inner node; optional
    path_table : integer array, shape (N, L): the nodes on the way to each sample's class, padded
        with -1, of a tree of one's own; optional
    path_code : array of the same shape, the turns; optional
    classes : the number of classes C
    count_missing_nodes : whether ways are filled up to the depth of the tree with nodes at which
        nothing is decided, each of which adds :math:`\log 2`, as in PaddlePaddle
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` shape (N, 1).

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.
    ValueError
        If one of `path_table` and `path_code` comes without the other; without them, if there are
        fewer than 2 classes, or more than are exact in float32.

    Notes
    -----
    Exact for scores of any size, where PaddlePaddle 3.3.1 does not go beyond 40. A `path_table`
    says all about the classes: the `target` is not read beside it.

    Examples
    --------
    >>> import unified_loss as ul
    >>> weights = [[0.0], [1.0]]
    >>> round(float(ul.losses.hierarchical_sigmoid([[2.0]], [0], weights, classes=3)), 6)
    0.693147

    References
    ----------
    F. Morin, Y. Bengio, Hierarchical Probabilistic Neural Network Language Model, 2005
    """
    if (path_table is None) != (path_code is None):
        raise ValueError("hierarchical_sigmoid: path_table and path_code are given together, or not at all")
    if path_table is None:
        steps = _complete_tree(ops, target, classes)
    else:
        steps = list(zip(ops.unstack(path_table, axis=1), ops.unstack(path_code, axis=1), strict=True))
    biases = None if node_biases is None else ops.reshape(node_biases, (-1,))
    missing = ops.constant(math.log(2), ops.dtype(prediction)) if count_missing_nodes else 0.0
    terms = []
    reached = None
    for node, turn in steps:
        # A way ends at the first -1.
        reached = node >= 0 if reached is None else ops.logical_and(reached, node >= 0)
        index = ops.clip(node, min=0)
        score = ops.sum(ops.take(node_weights, index) * prediction, axis=1)
        score = score if biases is None else score + ops.take(biases, index)
        terms.append(ops.where(reached, ops.softplus(ops.where(turn != 0, -score, score)), missing))
    return ops.expand_dims(sum(terms[1:], terms[0]), axis=1)


def _complete_tree(ops: Ops, target: Array, classes: int) -> list[tuple[Array, Array]]:
    """The nodes and turns on the way to each target from below, -1 for the node where there is none."""
    if not 2 <= classes <= _MOST_CLASSES:
        raise ValueError(f"hierarchical_sigmoid: classes is {classes}, expected from 2 to {_MOST_CLASSES}")
    steps = []
    code = target + classes
    for _ in range((classes - 1).bit_length()):
        half = ops.astype(ops.astype(code, "float32") * 0.5, ops.dtype(target))
        steps.append((half - 1, code - half * 2))
        code = half
    return steps
