"""Losses of a choice among very many classes, of which a sample stands for all."""

from __future__ import annotations

from unified_loss.errors import ShapeError
from unified_loss.layout import Layout
from unified_loss.ops import LARGEST_FINITE, Array, Ops
from unified_loss.spec import spec

from .binary import binary_cross_entropy_with_logits

_FREE = Layout(shape="free")
_INDEX = Layout(shape="free", index=True, classes="class_vectors")
_SAMPLED = {
    "class_vectors": _FREE,
    "class_biases": _FREE,
    "target": _INDEX,
    "candidates": _INDEX,
    "target_counts": _FREE,
    "candidate_counts": _FREE,
}


@spec(in_blocks=False, **_SAMPLED)
def sampled_softmax(
    ops: Ops,
    prediction: Array,
    class_vectors: Array,
    class_biases: Array,
    target: Array,
    candidates: Array,
    target_counts: Array,
    candidate_counts: Array,
    /,
    *,
    num_true: int = 1,
    remove_accidental_hits: bool = True,
    log_epsilon: float = 0.0,
) -> Array:
    r"""Softmax cross-entropy among the true classes and a sample of all.

    .. math:: \ell = -\frac1T \sum_{t \in y} \log p_t, \qquad
              p = \operatorname{softmax}_{y \cup S}(w_c \cdot h + b_c - \log q_c)

    Parameters
    ----------
    prediction : float array h, the activations of the last layer, shape (N, D)
    class_vectors : float array w, shape (classes, D)
    class_biases : float array b, shape (classes,)
    target : integer array y, the true classes of each sample, shape (N, T), or (N,) for one
    candidates : integer array S, the sampled classes, shape (sampled,)
    target_counts : float array q of the shape of `target`: how often a sample is expected to hold them
    candidate_counts : float array q of the candidates, shape (sampled,)
    num_true : the number T of true classes of each sample
    remove_accidental_hits : whether a candidate is left out of a sample of which it is a true class
    log_epsilon : added to the probabilities inside the logarithm (MindSpore adds 1e-20)
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
    A training loss: it estimates the cross-entropy among all classes, with a bias. A candidate that
    was drawn twice counts twice.

    Examples
    --------
    >>> import unified_loss as ul
    >>> vectors, biases = [[1.0], [0.0], [-1.0]], [0.0, 0.0, 0.0]
    >>> loss = ul.losses.sampled_softmax([[2.0]], vectors, biases, [[0]], [2], [[0.5]], [0.5])
    >>> round(float(loss), 6)
    0.01815

    References
    ----------
    S. Jean et al., On Using Very Large Target Vocabulary for Neural Machine Translation, 2014;
    https://www.tensorflow.org/api_docs/python/tf/nn/sampled_softmax_loss
    """
    true, sampled = _logits(
        ops, prediction, (class_vectors, class_biases), target, candidates,
        (target_counts, candidate_counts), num_true, remove_accidental_hits,
    )  # fmt: skip
    logits = ops.concat([true, sampled], axis=1)
    if log_epsilon:
        log_p = ops.log(ops.softmax(logits, axis=1) + log_epsilon)
    else:
        log_p = ops.log_softmax(logits, axis=1)
    return -ops.mean(ops.slice_along_axis(log_p, 0, num_true, axis=1), axis=1)


@spec(in_blocks=False, **_SAMPLED)
def nce(
    ops: Ops,
    prediction: Array,
    class_vectors: Array,
    class_biases: Array,
    target: Array,
    candidates: Array,
    target_counts: Array,
    candidate_counts: Array,
    /,
    *,
    num_true: int = 1,
    remove_accidental_hits: bool = False,
) -> Array:
    r"""Noise-contrastive estimation: each class by itself, true ones against a sample of noise.

    .. math:: \ell = \sum_{c \in y \cup S} \operatorname{BCE}(w_c \cdot h + b_c - \log q_c, y_c)

    where :math:`y_c` is :math:`1 / T` for each of T true classes and 0 for the candidates.

    Parameters
    ----------
    prediction : float array h, the activations of the last layer, shape (N, D)
    class_vectors : float array w, shape (classes, D)
    class_biases : float array b, shape (classes,)
    target : integer array y, the true classes of each sample, shape (N, T), or (N,) for one
    candidates : integer array S, the sampled classes, shape (sampled,)
    target_counts : float array q of the shape of `target`: how often a sample is expected to hold them
    candidate_counts : float array q of the candidates, shape (sampled,)
    num_true : the number T of true classes of each sample
    remove_accidental_hits : whether a candidate is left out of a sample of which it is a true class
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
    A candidate that is also a true class counts as both, unless accidental hits are removed.

    Examples
    --------
    >>> import unified_loss as ul
    >>> vectors, biases = [[1.0], [0.0], [-1.0]], [0.0, 0.0, 0.0]
    >>> loss = ul.losses.nce([[2.0]], vectors, biases, [[0]], [2], [[0.5]], [0.5])
    >>> round(float(loss), 6)
    0.305021

    References
    ----------
    M. Gutmann, A. Hyvaerinen, Noise-contrastive estimation, 2010;
    https://www.tensorflow.org/api_docs/python/tf/nn/nce_loss
    """
    true, sampled = _logits(
        ops, prediction, (class_vectors, class_biases), target, candidates,
        (target_counts, candidate_counts), num_true, remove_accidental_hits,
    )  # fmt: skip
    share = ops.constant(1 / num_true, ops.dtype(true))
    wanted = ops.stop_gradient(true) * 0 + share
    of_true = binary_cross_entropy_with_logits.formula(ops, true, wanted)
    of_sampled = binary_cross_entropy_with_logits.formula(ops, sampled, ops.stop_gradient(sampled) * 0)
    return ops.sum(of_true, axis=1) + ops.sum(of_sampled, axis=1)


def _logits(
    ops: Ops,
    prediction: Array,
    layer: tuple[Array, Array],
    target: Array,
    candidates: Array,
    counts: tuple[Array, Array],
    num_true: int,
    remove_accidental_hits: bool,
) -> tuple[Array, Array]:
    """The logits of the true classes, (N, T), and of the candidates, (N, sampled)."""
    if len(ops.shape(target)) > 1 and ops.shape(target)[1] != num_true:
        shape = ops.shape(target)
        raise ShapeError(f"the target has shape {shape}, expected {num_true} true classes for each sample")
    vectors, biases = layer
    target = ops.reshape(target, (-1, num_true))
    target_counts = ops.reshape(counts[0], (-1, num_true))
    dots = ops.sum(ops.expand_dims(prediction, axis=1) * ops.take(vectors, target), axis=2)
    true = dots + ops.take(biases, target) - ops.log(ops.stop_gradient(target_counts))
    offsets = ops.take(biases, candidates) - ops.log(ops.stop_gradient(counts[1]))
    sampled_vectors = ops.permute_dims(ops.take(vectors, candidates), (1, 0))
    sampled = ops.matmul(prediction, sampled_vectors) + ops.expand_dims(offsets, axis=0)
    if remove_accidental_hits:
        matches = ops.expand_dims(target, axis=2) == candidates
        hit = ops.sum(ops.astype(matches, ops.dtype(sampled)), axis=1) > 0
        sampled = ops.where(hit, -LARGEST_FINITE["float32"], sampled)
    return true, sampled
