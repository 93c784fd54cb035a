"""Losses over sequences that are not aligned with their labels."""

from __future__ import annotations

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec

_IMPOSSIBLE = -1e30
"""Stands for log 0: finite, so that no inf - inf arises, and far below any sum of log-probabilities."""


@spec(
    in_blocks=False,
    prediction=Layout(shape="same", axes="NTC"),
    target=Layout(shape="sequence", index=True, lowest_index=-1, axes="NT"),
    prediction_lengths=Layout(shape="batch", index=True, limit="prediction"),
    target_lengths=Layout(shape="batch", index=True, limit="target"),
)
def ctc(
    ops: Ops,
    prediction: Array,
    target: Array,
    prediction_lengths: Array | None = None,
    target_lengths: Array | None = None,
    /,
    *,
    blank: int = 0,
    from_log_probabilities: bool = False,
    padding: int = -1,
    merge_repeated: bool = True,
    per_label: bool = False,
    least_labels: int = 1,
    zero_infinity: bool = False,
    gradient_of_softmax: bool = False,
    gradient_per_frame: bool = False,
    log_unfinished: float | None = None,
) -> Array:
    r"""Connectionist temporal classification: the likelihood of a label sequence, however aligned.

    .. math:: \ell = -\log \sum_{\pi \in B^{-1}(y)} \prod_t p_{t, \pi_t}, \qquad
              p_t = \operatorname{softmax}(x_t)

    where B removes repeats and then blanks.

    Parameters
    ----------
    prediction : float array of logits, shape (N, T, C)
    target : integer array of labels, shape (N, L), rows padded with `padding`
    prediction_lengths : integer array, shape (N,): frames to read of each sample; by default T
    target_lengths : integer array, shape (N,): labels to read of each sample; by default those
        before the first `padding`
    blank : the class of the blank; negative counts from the last
    from_log_probabilities : whether `prediction` is :math:`\log p` already
    padding : the label that ends a row, where no lengths are given
    merge_repeated : whether B removes repeats; without, each frame of a label counts as one more
    per_label : whether each loss is divided by the number of its labels
    least_labels : the least number that is divided by, 1 or 0
    zero_infinity : whether an infinite loss is 0 instead
    gradient_of_softmax : whether the gradient by log-probabilities is that by logits, which has
        :math:`p_t` added (as in PyTorch); only where `from_log_probabilities`
    gradient_per_frame : whether the gradient, not the loss, is divided by the number of frames that are
        read
    log_unfinished : the logarithm of the share that paths have which end before or after the last label
        (as in TensorFlow, which takes :math:`\log 10^{-307}` for :math:`\log 0`); None for no share
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` shape (N,).

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.
    ValueError
        If `blank` is no class.

    Notes
    -----
    A label sequence that does not fit its frames has probability 0: its loss is inf and its
    gradient 0 (MXNet 1.9.1 gives 0 and uninitialised memory), unless `log_unfinished`. No labels: all
    frames are blank. No frames and no labels: 0.

    Examples
    --------
    >>> import unified_loss as ul
    >>> uniform = [[[0.0, 0.0]] * 2]
    >>> round(float(ul.losses.ctc(uniform, [[1]])), 6)
    0.287682

    References
    ----------
    A. Graves et al., Connectionist Temporal Classification, 2006
    """
    if prediction_lengths is not None:
        prediction = _without_unread(ops, prediction, prediction_lengths)
    log_p = prediction if from_log_probabilities else ops.log_softmax(prediction, axis=2)
    classes = ops.shape(log_p)[2]
    if isinstance(classes, int) and not -classes <= blank < classes:
        raise ValueError(f"ctc: blank is {blank}, expected a class from {-classes} to {classes - 1}")
    if target_lengths is None:
        target_lengths = _count_before_padding(ops, target, padding)
    alpha = forward(ops, log_p, target, prediction_lengths, target_lengths, blank, merge_repeated)[0]
    closed = ops.slice_along_axis(alpha, 0, 1, axis=1) * 0 + _IMPOSSIBLE

    # A path may end in the last label or in the blank after it.
    last_blank = ops.expand_dims(target_lengths * 2, axis=1)
    in_blank = ops.take_along_axis(alpha, last_blank, axis=1)
    in_label = ops.take_along_axis(alpha, ops.clip(last_blank - 1, min=0), axis=1)
    in_label = ops.where(last_blank > 0, in_label, closed)
    ends = [in_blank, in_label]
    if log_unfinished is not None:
        ends.append(ops.logsumexp(alpha, axis=1, keepdims=True) + log_unfinished)
    loss = -ops.logsumexp(ops.concat(ends, axis=1), axis=1)
    if gradient_of_softmax and from_log_probabilities:
        loss = loss + _only_gradient(ops, _mass(ops, log_p, prediction_lengths))
    if gradient_per_frame:
        frames = target_lengths * 0 + ops.shape(log_p)[1]
        read = frames if prediction_lengths is None else ops.clip(prediction_lengths, min=1)
        loss = ops.stop_gradient(loss) + _only_gradient(ops, loss / ops.astype(read, ops.dtype(loss)))
    loss = ops.where(loss > -0.5 * _IMPOSSIBLE, 0.0 if zero_infinity else float("inf"), loss)
    if not per_label:
        return loss
    return loss / ops.astype(ops.clip(target_lengths, min=least_labels), ops.dtype(loss))


def forward(
    ops: Ops,
    log_p: Array,
    target: Array,
    prediction_lengths: Array | None,
    target_lengths: Array,
    blank: int,
    merge_repeated: bool = True,
    every_frame: bool = False,
) -> tuple[Array, ...]:
    """The logarithms of the forward probabilities, (N, 2 L + 1), and if asked for those after each frame too.

    These are (T, N, 2 L + 1), and there must be lengths. The states are blank, l1, blank, l2, ..., blank.
    """
    samples, frames, classes = ops.shape(log_p)
    unlabelled = target_lengths * 0
    labels = ops.clip(target, min=0) if ops.shape(target)[1] else ops.expand_dims(unlabelled, axis=1)
    blanks = labels * 0 + blank % classes
    pairs = ops.reshape(ops.stack([labels, blanks], axis=2), (-1, 2 * ops.shape(labels)[1]))
    states = ops.concat([ops.expand_dims(unlabelled + blank % classes, axis=1), pairs], axis=1)
    count = 2 * ops.shape(labels)[1] + 1
    indices = ops.broadcast_to(ops.expand_dims(states, axis=1), (samples, frames, count))
    emissions = ops.clip(ops.take_along_axis(log_p, indices, axis=2), min=_IMPOSSIBLE)

    reachable = ops.expand_dims(ops.astype(unlabelled, ops.dtype(log_p)), axis=1)
    closed = reachable + _IMPOSSIBLE
    no_skip = _skip_penalties(ops, labels, closed, merge_repeated)
    staying = reachable if merge_repeated else closed
    no_stay = ops.concat([reachable] + [staying, reachable] * (count // 2), axis=1)
    penalties = ops.stack([no_stay, no_stay * 0, no_skip], axis=0)
    alpha = ops.concat([reachable] + [closed] * (count - 1), axis=1)
    by_frame = ops.permute_dims(emissions, (1, 0, 2))
    if prediction_lengths is None:
        (alpha,), _ = ops.scan(_step, (alpha,), (by_frame,), (closed, penalties))
        return (alpha,)
    frame = ops.expand_dims(ops.arange(frames, dtype=ops.dtype(prediction_lengths), like=log_p), axis=1)
    constants = closed, penalties, prediction_lengths
    function = _step_and_result if every_frame else _step_if_read
    (alpha,), alphas = ops.scan(function, (alpha,), (by_frame, frame), constants)
    return (alpha, *alphas)


def _step(
    ops: Ops, carry: tuple[Array], x: tuple[Array], constants: tuple[Array, Array]
) -> tuple[tuple[Array], tuple[()]]:
    """The forward probabilities after one more frame."""
    (alpha,) = carry
    (emission,) = x
    closed, penalties = constants
    return (_moved(ops, alpha, emission, closed, penalties),), ()


def _step_if_read(
    ops: Ops, carry: tuple[Array], x: tuple[Array, Array], constants: tuple[Array, Array, Array]
) -> tuple[tuple[Array], tuple[()]]:
    (alpha,) = carry
    emission, frame = x
    closed, penalties, lengths = constants
    moved = _moved(ops, alpha, emission, closed, penalties)
    return (ops.where(ops.expand_dims(frame < lengths, axis=1), moved, alpha),), ()


def _step_and_result(
    ops: Ops, carry: tuple[Array], x: tuple[Array, Array], constants: tuple[Array, Array, Array]
) -> tuple[tuple[Array], tuple[Array]]:
    (alpha,), _ = _step_if_read(ops, carry, x, constants)
    return (alpha,), (alpha,)


def _moved(ops: Ops, alpha: Array, emission: Array, closed: Array, penalties: Array) -> Array:
    """The states after a frame, come from the same, the one before and the second before."""
    count = ops.shape(alpha)[1]
    step = _shift(ops, alpha, closed, count)
    ways = ops.stack([alpha, step, _shift(ops, step, closed, count)], axis=0)
    return ops.logsumexp(ways + penalties, axis=0) + emission


def _without_unread(ops: Ops, prediction: Array, lengths: Array) -> Array:
    """0 in the frames that are not read, where infinities would make the gradient NaN."""
    frames = ops.arange(ops.shape(prediction)[1], dtype=ops.dtype(lengths), like=prediction)
    read = frames < ops.expand_dims(lengths, axis=1)
    return ops.where(ops.expand_dims(read, axis=2), prediction, 0.0)


def _mass(ops: Ops, log_p: Array, lengths: Array | None) -> Array:
    """The sum of the probabilities in the frames that are read, whose derivative they are themselves."""
    mass = ops.sum(ops.exp(log_p), axis=2)
    if lengths is not None:
        frames = ops.arange(ops.shape(log_p)[1], dtype=ops.dtype(lengths), like=log_p)
        mass = ops.where(frames < ops.expand_dims(lengths, axis=1), mass, 0.0)
    return ops.sum(mass, axis=1)


def _only_gradient(ops: Ops, x: Array) -> Array:
    return x - ops.stop_gradient(x)


def _shift(ops: Ops, alpha: Array, closed: Array, count: int) -> Array:
    """Each state's value moved on to the next state."""
    return ops.concat([closed, ops.slice_along_axis(alpha, 0, count - 1, axis=1)], axis=1)


def _count_before_padding(ops: Ops, target: Array, padding: int) -> Array:
    # Sums widen integers, in some frameworks only, so the dtype is restored.
    dtype = ops.dtype(target)
    count = ops.astype(ops.sum(target, axis=1) * 0, dtype)
    unpadded = None
    for label in ops.unstack(target, axis=1):
        unpadded = label != padding if unpadded is None else ops.logical_and(unpadded, label != padding)
        count = count + ops.astype(unpadded, dtype)
    return count


def _skip_penalties(ops: Ops, labels: Array, closed: Array, merge_repeated: bool) -> Array:
    """What to add where a state is entered from two before: only past a blank, to another label."""
    penalties = [closed]
    previous = None
    for label in (ops.expand_dims(column, axis=1) for column in ops.unstack(labels, axis=1)):
        if previous is None:
            distinct = closed
        else:
            distinct = ops.where(label == previous, closed, closed * 0) if merge_repeated else closed * 0
        penalties += [distinct, closed]
        previous = label
    return ops.concat(penalties, axis=1)
