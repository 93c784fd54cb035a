"""Connectionist temporal classification by padding masks, and how it gets there."""

from __future__ import annotations

from typing import Literal

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec

Output = Literal["loss", "blank", "label"]


@spec(
    in_blocks=False,
    prediction=Layout(axes="NTC"),
    prediction_padding=Layout(shape="without_axis"),
    target=Layout(shape="sequence", index=True, out_of_range="keep"),
    target_padding=Layout(like="target"),
)
def padded_ctc(
    ops: Ops,
    prediction: Array,
    prediction_padding: Array,
    target: Array,
    target_padding: Array,
    /,
    *,
    blank: int = 0,
    log_zero: float = -1e5,
    output: Output = "loss",
) -> Array:
    r"""`ctc` of logits, with masks of what is padding, and a finite stand-in for the logarithm of 0.

    .. math:: \ell = -\log \sum_{\pi \in B^{-1}(y)} \prod_t p_{t, \pi_t}, \qquad
              p_t = \operatorname{softmax}(x_t)

    Parameters
    ----------
    prediction : float array of logits, shape (N, T, C)
    prediction_padding : array of shape (N, T), 1 for frames that are padding and 0 for others
    target : integer array of labels, shape (N, L)
    target_padding : array of that shape, 1 for labels that are padding, all at the end, and 0 for others
    blank : the class of the blank
    log_zero : stands for the logarithm of 0
    output : the ``loss``, or the logarithms of the forward probabilities, for each frame and number
        of labels read: those of having ended in a ``blank``, or in a ``label``
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` shape (N,); of the forward probabilities (T, N, L + 1)
        for ``blank`` and (T, N, L) for ``label``.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A label sequence that does not fit its frames has a loss near ``-log_zero``, with the gradient of
    the least impossible alignment, where `ctc` has inf and 0. A label that is no class has
    probability 1 in each frame.

    Examples
    --------
    >>> import unified_loss as ul
    >>> uniform = [[[0.0, 0.0]] * 2]
    >>> round(float(ul.losses.padded_ctc(uniform, [[0.0, 0.0]], [[1]], [[0.0]])), 6)
    0.287682

    References
    ----------
    A. Graves et al., Connectionist Temporal Classification, 2006
    """
    log_p = ops.log_softmax(prediction, axis=2)
    count = ops.shape(target)[1]
    dtype = ops.dtype(log_p)
    emissions = _log_probabilities_of(ops, log_p, target)
    blanks = ops.slice_along_axis(log_p, blank, blank + 1, axis=2)
    repeated = ops.astype(_repeats(ops, target, count), dtype)

    start = ops.expand_dims(ops.sum(target_padding, axis=1) * 0, axis=1)
    in_label = target_padding * 0 + log_zero
    in_blank = ops.concat([start, in_label], axis=1)
    (in_blank, in_label), history = ops.scan(
        _step,
        (in_blank, in_label),
        (
            ops.permute_dims(emissions, (1, 0, 2)),
            ops.permute_dims(blanks, (1, 0, 2)),
            ops.expand_dims(ops.permute_dims(prediction_padding, (1, 0)), axis=2),
        ),
        (log_zero * repeated, log_zero * (1 - repeated)),
    )
    if output == "label":
        return history[1]
    ended = _after_label(ops, in_blank, in_label, count)
    if output == "blank":
        frames = ops.shape(prediction)[1]
        before = ops.slice_along_axis(history[0], 0, frames - 1, axis=0)
        return ops.concat([before, ops.expand_dims(ended, axis=0)], axis=0)
    length = count - ops.astype(ops.sum(target_padding, axis=1), ops.dtype(target))
    end = ops.one_hot(length, count + 1, dtype=dtype, like=log_p)
    return -ops.sum(ended * end, axis=1)


def _step(
    ops: Ops,
    carry: tuple[Array, Array],
    x: tuple[Array, Array, Array],
    constants: tuple[Array, Array],
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """The probabilities of having ended in a blank and in a label, after one more frame."""
    in_blank, in_label = carry
    emission, blank_emission, held = x
    no_direct, no_repeat = constants
    count = ops.shape(in_label)[1]
    # From a label the next is reached directly, but for its repetition, which needs a blank.
    ready = _after_label(ops, in_blank, in_label + no_direct, count)
    before = ops.slice_along_axis(ready, 0, count, axis=1)
    next_label = _log_sum(ops, before + emission, in_label + emission)
    next_blank = _after_label(ops, ready + blank_emission, in_label + blank_emission + no_repeat, count)
    in_label = held * in_label + (1 - held) * next_label
    in_blank = held * in_blank + (1 - held) * next_blank
    return (in_blank, in_label), (in_blank, in_label)


def _log_probabilities_of(ops: Ops, log_p: Array, target: Array) -> Array:
    """The log-probability of each label in each frame, (N, T, L); 0 of one that is no class."""
    samples, frames, classes = ops.shape(log_p)
    known = ops.logical_and(target >= 0, target < classes)
    shape = (samples, frames, ops.shape(target)[1])
    index = ops.broadcast_to(ops.expand_dims(ops.where(known, target, 0), axis=1), shape)
    picked = ops.take_along_axis(log_p, index, axis=2)
    return ops.where(ops.broadcast_to(ops.expand_dims(known, axis=1), shape), picked, 0.0)


def _repeats(ops: Ops, target: Array, count: int) -> Array:
    """Whether the label after each one is the same."""
    if count <= 1:
        return target != target  # noqa: PLR0124  never
    first, last = (ops.slice_along_axis(target, i, i + 1, axis=1) for i in (0, count - 1))
    tail = ops.slice_along_axis(target, 1, count, axis=1)
    same = ops.concat([tail, last], axis=1) == target
    return ops.logical_and(same, _not_last(ops, first, count))


def _not_last(ops: Ops, like: Array, count: int) -> Array:
    position = ops.arange(count, dtype=ops.dtype(like), like=like)
    return ops.expand_dims(position < count - 1, axis=0)


def _after_label(ops: Ops, in_blank: Array, added: Array, count: int) -> Array:
    """The states after a blank, with the probability of coming from a label added to all but the first."""
    first = ops.slice_along_axis(in_blank, 0, 1, axis=1)
    rest = ops.slice_along_axis(in_blank, 1, count + 1, axis=1)
    return ops.concat([first, _log_sum(ops, rest, added)], axis=1)


def _log_sum(ops: Ops, a: Array, b: Array) -> Array:
    return ops.logsumexp(ops.stack([a, b], axis=0), axis=0)
