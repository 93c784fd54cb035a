"""What losses over sequences return beside the loss: forward probabilities, and their own gradient."""

from __future__ import annotations

from typing import Literal

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec

from .sequence import ctc, forward
from .transducer import rnnt


@spec(
    in_blocks=False,
    prediction=Layout(axes="NTC"),
    target=Layout(shape="sequence", index=True, lowest_index=-1, axes="NT"),
    prediction_lengths=Layout(shape="batch", index=True, limit="prediction"),
    target_lengths=Layout(shape="batch", index=True, limit="target"),
)
def ctc_forward(
    ops: Ops,
    prediction: Array,
    target: Array,
    prediction_lengths: Array,
    target_lengths: Array,
    /,
    *,
    blank: int = 0,
) -> Array:
    r"""The logarithms of the forward probabilities of `ctc`, without gradient.

    .. math:: \log \alpha_{t, s} = \log \sum_{\pi} \prod_{t' \le t} p_{t', \pi_{t'}}

    over all paths that have come to state s of blank, y_1, blank, y_2, ..., blank.

    Parameters
    ----------
    prediction : float array of log-probabilities, shape (N, T, C)
    target : integer array of labels, shape (N, L)
    prediction_lengths : integer array, shape (N,): frames to read of each sample
    target_lengths : integer array, shape (N,): labels to read of each sample
    blank : the class of the blank; negative counts from the last
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` shape (N, T, 2 L + 1).

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    -inf for states that cannot be reached, and for frames and labels beyond the lengths.

    Examples
    --------
    >>> import unified_loss as ul
    >>> log_p = [[[-1.0, -0.5], [-2.0, -0.25]]]
    >>> ul.losses.ctc_forward(log_p, [[1]], [2], [1], reduction="none")
    array([[[-1.      , -0.5     ,      -inf],
            [-3.      , -0.275923, -2.5     ]]], dtype=float32)

    References
    ----------
    A. Graves et al., Connectionist Temporal Classification, 2006
    """
    results = forward(ops, prediction, target, prediction_lengths, target_lengths, blank, every_frame=True)
    stacked = ops.permute_dims(results[1], (1, 0, 2))
    _, frames, states = ops.shape(stacked)
    frame = ops.arange(frames, dtype=ops.dtype(prediction_lengths), like=stacked)
    state = ops.arange(states, dtype=ops.dtype(target_lengths), like=stacked)
    read = ops.expand_dims(frame < ops.expand_dims(prediction_lengths, axis=1), axis=2)
    labelled = ops.expand_dims(state <= ops.expand_dims(target_lengths * 2, axis=1), axis=1)
    # Far below any sum of logarithms, and far above the stand-in for the logarithm of 0.
    possible = ops.logical_and(stacked > -1e29, ops.logical_and(read, labelled))
    return ops.stop_gradient(ops.where(possible, stacked, float("-inf")))


@spec(
    in_blocks=False,
    prediction=Layout(axes="TNC"),
    positions=Layout(shape="free", compared=True),
    target=Layout(shape="free", index=True),
    prediction_lengths=Layout(shape="free", compared=True),
)
def sparse_ctc(
    ops: Ops,
    prediction: Array,
    positions: Array,
    target: Array,
    prediction_lengths: Array,
    /,
    *,
    collapse_repeated: bool = False,
    merge_repeated: bool = True,
    output: Literal["loss", "gradient"] = "loss",
) -> Array:
    r"""`ctc` of logits with the labels of all samples in one list; the blank is the last class.

    .. math:: \ell = -\log \sum_{\pi \in B^{-1}(y)} \prod_t p_{t, \pi_t}, \qquad
              p_t = \operatorname{softmax}(x_t)

    Parameters
    ----------
    prediction : float array of logits, shape (T, N, C)
    positions : integer array, shape (labels, 2), whose first column holds each label's sample; the labels
        of a sample are taken in the order in which they come
    target : integer array of the labels, shape (labels,); blanks among them are left out
    prediction_lengths : integer array, shape (N,): frames to read of each sample
    collapse_repeated : whether labels that are repeated are first made one
    merge_repeated : as of `ctc`
    output : the ``loss``, or its ``gradient`` by the logits, through which no gradient flows
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` shape (N,), of the gradient that of `prediction`.

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    More labels than frames give inf, and gradient 0.

    Examples
    --------
    >>> import unified_loss as ul
    >>> uniform = [[[0.0, 0.0]], [[0.0, 0.0]]]
    >>> round(float(ul.losses.sparse_ctc(uniform, [[0, 0]], [0], [2])), 6)
    0.287682

    References
    ----------
    A. Graves et al., Connectionist Temporal Classification, 2006
    """
    frames, samples = ops.shape(prediction)[:2]
    # One more than fit into the frames, so that too many are noticed.
    width = min(ops.shape(target)[0], frames + 1)
    dtype = ops.dtype(prediction)
    sample = ops.squeeze(ops.slice_along_axis(positions, 0, 1, axis=1), 1)
    is_label = ops.astype(target < ops.shape(prediction)[2] - 1, dtype)
    own = ops.one_hot(sample, samples, dtype=dtype, like=prediction) * ops.expand_dims(is_label, axis=1)
    labels, counts = _rows(ops, own, ops.astype(target, dtype), width)
    if collapse_repeated:
        labels, counts = _collapsed(ops, labels, counts, width)
    integer = ops.dtype(target)
    dense, lengths = ops.astype(labels, integer), ops.clip(ops.astype(counts, integer), max=width)

    def loss(ops: Ops, x: Array) -> Array:
        by_sample = ops.permute_dims(x, (1, 0, 2))
        read = ops.astype(prediction_lengths, integer)
        return ctc.formula(ops, by_sample, dense, read, lengths, blank=-1, merge_repeated=merge_repeated)

    return loss(ops, prediction) if output == "loss" else ops.gradient(loss, prediction)


def _rows(ops: Ops, own: Array, values: Array, width: int) -> tuple[Array, Array]:
    """Values in rows (N, width), and how many each row has, of which (values, N) says whose they are."""
    rank = ops.sum((ops.cumulative_sum(own, axis=0) - 1) * own, axis=1)
    place = ops.one_hot(ops.astype(rank, "int32"), width, dtype=ops.dtype(own), like=own)
    owners = ops.permute_dims(own, (1, 0))
    return ops.matmul(owners, place * ops.expand_dims(values, axis=1)), ops.sum(own, axis=0)


def _collapsed(ops: Ops, labels: Array, counts: Array, width: int) -> tuple[Array, Array]:
    """The rows with each run of the same label made one."""
    place = ops.arange(width, dtype=ops.dtype(labels), like=labels)
    before = ops.concat(
        [ops.slice_along_axis(labels, 0, 1, axis=1) - 1, ops.slice_along_axis(labels, 0, width - 1, axis=1)],
        axis=1,
    )
    kept = ops.astype(
        ops.logical_and(labels != before, place < ops.expand_dims(counts, axis=1)), ops.dtype(labels)
    )
    rank = ops.cumulative_sum(kept, axis=1) - 1
    moved = ops.astype(ops.expand_dims(rank, axis=2) == place, ops.dtype(labels))
    return ops.sum(ops.expand_dims(labels * kept, axis=2) * moved, axis=1), ops.sum(kept, axis=1)


@spec(
    in_blocks=False,
    prediction=Layout(axes="NTUC"),
    target=Layout(shape="sequence", index=True, lowest_index=-1),
    prediction_lengths=Layout(shape="batch", index=True, limit="prediction"),
    target_lengths=Layout(shape="batch", index=True, limit="target"),
)
def rnnt_gradient(
    ops: Ops,
    prediction: Array,
    target: Array,
    prediction_lengths: Array,
    target_lengths: Array,
    /,
    *,
    blank: int = 0,
) -> Array:
    r"""The gradient of `rnnt` by its logits, through which no gradient flows.

    .. math:: \frac{\partial}{\partial x} \sum_n \ell_n

    Parameters
    ----------
    prediction : float array of logits, shape (N, T, L + 1, C)
    target : integer array of labels, shape (N, L)
    prediction_lengths : integer array, shape (N,): frames to read of each sample
    target_lengths : integer array, shape (N,): labels to read of each sample
    blank : the class of the blank; negative counts from the last
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `prediction`.

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    The gradient sums to 0 over the classes, where all frames are read.

    Examples
    --------
    >>> import unified_loss as ul
    >>> uniform = [[[[0.0, 0.0]] * 2] * 2]
    >>> ul.losses.rnnt_gradient(uniform, [[1]], [2], [1], reduction="none")[0, 0].round(3).tolist()
    [[0.0, 0.0], [-0.25, 0.25]]

    References
    ----------
    A. Graves, Sequence Transduction with Recurrent Neural Networks, 2012
    """

    def loss(ops: Ops, x: Array) -> Array:
        return rnnt.formula(ops, x, target, prediction_lengths, target_lengths, blank=blank)

    return ops.gradient(loss, prediction)
