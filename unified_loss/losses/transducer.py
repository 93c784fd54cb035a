"""The loss of a sequence transducer."""

from __future__ import annotations

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec

_IMPOSSIBLE = -1e30
"""Stands for log 0: finite, so that no inf - inf arises, and far below any sum of log-probabilities."""


@spec(
    in_blocks=False,
    prediction=Layout(axes="NTUC"),
    target=Layout(shape="sequence", index=True, lowest_index=-1),
    prediction_lengths=Layout(shape="batch", index=True, limit="prediction"),
    target_lengths=Layout(shape="batch", index=True, limit="target"),
)
def rnnt(
    ops: Ops,
    prediction: Array,
    target: Array,
    prediction_lengths: Array | None = None,
    target_lengths: Array | None = None,
    /,
    *,
    blank: int = 0,
    from_log_probabilities: bool = False,
    fast_emission: float = 0.0,
) -> Array:
    r"""Recurrent neural network transducer: the likelihood of a label sequence, however aligned.

    .. math:: \ell = -\log \sum_{\text{paths}} \prod_{(t, u)} p_{t, u}, \qquad
              p_{t, u} = \operatorname{softmax}(x_{t, u})

    over the paths from (0, 0) that in frame t, with u labels emitted, either go on to the next frame
    with the blank, or to u + 1 with the next label, and leave the last frame with the blank.

    Parameters
    ----------
    prediction : float array of logits, shape (N, T, U + 1, C)
    target : integer array of labels, shape (N, U), rows padded with anything from -1
    prediction_lengths : integer array, shape (N,): frames to read of each sample; by default T
    target_lengths : integer array, shape (N,): labels to read of each sample; by default U
    blank : the class of the blank; negative counts from the last
    from_log_probabilities : whether `prediction` is :math:`\log p` already, normalised or not
    fast_emission : the factor of FastEmit, by which the gradient through labels, not through
        blanks, is increased; the loss does not change
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
    Log-probabilities are not checked: if they are none, the loss may be negative. Where all paths
    are impossible the loss is inf and the gradient 0. At least one frame must be read.

    Examples
    --------
    >>> import unified_loss as ul
    >>> uniform = [[[[0.0, 0.0]] * 2] * 2]
    >>> round(float(ul.losses.rnnt(uniform, [[1]])), 6)
    1.386294

    References
    ----------
    A. Graves, Sequence Transduction with Recurrent Neural Networks, 2012;
    J. Yu et al., FastEmit, 2021, https://arxiv.org/abs/2010.11148
    """
    log_p = prediction if from_log_probabilities else ops.log_softmax(prediction, axis=3)
    samples, frames, positions, classes = ops.shape(log_p)
    log_p = ops.clip(log_p, min=_IMPOSSIBLE)
    at_blank = ops.slice_along_axis(log_p, blank % classes, blank % classes + 1, axis=3)
    stay = ops.squeeze(at_blank, 3)
    labels = ops.expand_dims(ops.expand_dims(ops.clip(target, min=0), axis=1), axis=3)
    labels = ops.broadcast_to(labels, (samples, frames, positions - 1, 1))
    before_last = ops.slice_along_axis(log_p, 0, positions - 1, axis=2)
    emit = ops.squeeze(ops.take_along_axis(before_last, labels, axis=3), 3)
    if fast_emission:
        emit = emit + fast_emission * (emit - ops.stop_gradient(emit))

    # All paths reach (t, u) after t + u steps, so the lattice is walked by its diagonals: entry u of
    # the d-th one is position (d - u, u).
    diagonals = frames + positions - 1
    closed = ops.sum(stay, axis=1) * 0 + _IMPOSSIBLE
    wait = _diagonals(ops, stay, diagonals, target)
    # No label leads on from the last position.
    emit = ops.concat([emit, ops.slice_along_axis(stay, 0, 1, axis=2)], axis=2)
    move = _diagonals(ops, emit, diagonals, target)
    start = ops.slice_along_axis(closed, 0, 1, axis=1)
    alpha = ops.concat([start - _IMPOSSIBLE, ops.slice_along_axis(closed, 1, positions, axis=1)], axis=1)
    end = alpha + ops.squeeze(ops.slice_along_axis(wait, 0, 1, axis=0), 0)
    following = ops.slice_along_axis(wait, 1, diagonals, axis=0)
    leaving = ops.slice_along_axis(move, 0, diagonals - 1, axis=0)
    _, ends = ops.scan(_step, (alpha, end), (following, leaving), (start,))
    every_end = ops.concat([ops.expand_dims(end, axis=0), *ends], axis=0)

    if target_lengths is None:
        target_lengths = _filled(ops, target, positions - 1)
    if prediction_lengths is None:
        prediction_lengths = _filled(ops, target, frames)
    last = ops.expand_dims(ops.expand_dims(prediction_lengths - 1 + target_lengths, axis=1), axis=2)
    last = ops.broadcast_to(last, (samples, 1, positions))
    every_end = ops.permute_dims(every_end, (1, 0, 2))
    end = ops.squeeze(ops.take_along_axis(every_end, last, axis=1), 1)
    loss = -ops.squeeze(ops.take_along_axis(end, ops.expand_dims(target_lengths, axis=1), axis=1), 1)
    return ops.where(loss > -0.5 * _IMPOSSIBLE, float("inf"), loss)


def _step(
    ops: Ops, carry: tuple[Array, Array], x: tuple[Array, Array], constants: tuple[Array]
) -> tuple[tuple[Array, Array], tuple[Array]]:
    """From a diagonal, and it with the blanks after it, to the next."""
    alpha, end = carry
    wait, move = x
    (start,) = constants
    moved = ops.slice_along_axis(alpha + move, 0, ops.shape(alpha)[1] - 1, axis=1)
    both = ops.stack([end, ops.concat([start, moved], axis=1)], axis=0)
    alpha = ops.clip(ops.logsumexp(both, axis=0), min=_IMPOSSIBLE)
    end = alpha + wait
    return (alpha, end), (end,)


def _diagonals(ops: Ops, x: Array, count: int, like: Array) -> Array:
    """The diagonals of a lattice (N, T, U), (count, N, U): entry u of each is (d - u, u), or impossible."""
    samples, frames, positions = ops.shape(x)
    dtype = ops.dtype(like)
    d = ops.expand_dims(ops.arange(count, dtype=dtype, like=like), axis=1)
    frame = d - ops.expand_dims(ops.arange(positions, dtype=dtype, like=like), axis=0)
    frame = ops.broadcast_to(ops.expand_dims(frame, axis=0), (samples, count, positions))
    skewed = ops.take_along_axis(x, ops.clip(frame, min=0, max=frames - 1), axis=1)
    inside = ops.logical_and(frame >= 0, frame < frames)
    return ops.permute_dims(ops.where(inside, skewed, _IMPOSSIBLE), (1, 0, 2))


def _filled(ops: Ops, target: Array, value: int) -> Array:
    """The same length for each sample."""
    # Sums widen integers, in some frameworks only, so the dtype is restored.
    return ops.astype(ops.sum(target, axis=1) * 0, ops.dtype(target)) + value
