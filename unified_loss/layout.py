"""How an input may come, and how it is brought to what the spec reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .ops import INTEGER_DTYPES

Shape = Literal[
    "same",
    "without_axis",
    "index_or_same",
    "index_or_free",
    "broadcast",
    "one_per_axis",
    "mutual",
    "spread",
    "mask",
    "channel",
    "batch",
    "sequence",
    "classes",
    "free",
]
OutOfRange = Literal["raise", "clip", "wrap", "nan", "zero", "keep"]


@dataclass(frozen=True)
class Layout:
    """The layout of one input of a plan.

    Parameters
    ----------
    shape
        The shape that is expected, in terms of the first input's: the ``same``; the same
        ``without_axis`` (the spec's `axis`); ``index_or_same``, as its dtype says: integers are
        class indices without the axis, floats a distribution of the same shape; ``index_or_free``,
        as its dtype says too, but of a shape that only the spec checks; one that may
        ``broadcast`` to it; ``one_per_axis``, which may do so with as many axes, or none; ``mutual``,
        where each may broadcast to the other, with a warning if they do; ``spread``, the same but for a
        size of 1 in one axis, or without the last axis, or one number; a ``mask``, which may broadcast to
        it, or be without the axis; a ``channel``, where either may leave out a last axis of size 1;
        ``batch``, one entry per sample; ``sequence``, one row per sample; ``classes``, one entry per
        class; ``free``, which only the spec checks.
    any_shape
        Whether any shape with the right number of elements will do, and is reshaped.
    index
        Whether the input holds class indices, which stay integers.
    any_dtype
        Whether indices may come as floats, which are truncated, and the first input as integers, which
        become float32.
    out_of_range
        What an index outside [0, classes) does: ``raise`` an IndexError; ``clip`` to the nearest
        class; ``wrap``, by which a negative one counts from the last class and any other raises;
        ``nan`` or ``zero``, which the loss then is; ``keep``, for specs that say what it means.
        Where values cannot be read, inside a traced function, ``raise`` gives NaN instead.
    from_end
        Whether a negative index counts from the last class, before it is out of range.
    lowest_index
        The least index that is not out of range; -1 where that marks padding.
    like
        The role of the input before it that its shape is compared with; None is the first.
    limit
        The role of the input whose second axis bounds the values, for lengths.
    classes
        What says how many classes there are, where no axis of the first input does: a parameter, or
        the role of an input with a row for each.
    keeps_axis
        Whether class indices may also come with the class axis, of size 1; the losses then keep it.
    drops_axis
        Whether class indices may also come with the class axis, of size 1, which is then dropped.
    levels_ranks
        Whether, where this input has one axis more or less than the first, `level_ranks` is applied to
        the two.
    one_hot
        Whether class indices are handed over as one-hot vectors along the class axis.
    compared
        Whether the values are only compared with each other, and keep their dtype.
    unread_beside
        The role of an input beside which this one is not read, and so not checked.
    always_batched
        Whether it has a batch axis also where the first input is one sample without one; the result
        then has one too.
    within
        The least and the greatest value that is not refused, where the framework refuses others.
    sums_to_one
        Whether distributions along the last axis that do not sum to 1, to five digits, are refused.
    signed
        Whether labels come as -1 and 1, and are mapped to 0 and 1 by ``(y + 1) / 2``.
    to_signs
        Whether labels of which each is 0 or 1 are mapped to -1 and 1; any other one leaves all as they
        are.
    binary
        Whether labels come as 0 and 1, and are mapped to -1 and 1 by ``2 y - 1``.
    detached
        Whether no gradient flows into it.
    squeezes
        Whether a last axis of size 1 that is one too many is dropped.
    required
        Whether an optional input must be given, or must not be, or ``either`` will do; None is as the
        spec says, where either will do by default. What a loss computes does not depend on it, and
        so whether plans are equal does not.
    axes
        The order in which the axes come, by letter, e.g. ``"TNC"``; None is the spec's own.
    rows
        The role of the lengths of its rows, behind which nothing is read or checked, and by which
        rows that come in one axis, one after the other, are told apart.
    promotes
        Whether the result is of its float dtype, where that is wider than the first input's.
    same_rank
        Whether an input that may be broadcast must have as many axes as the first.
    merged
        The axes, or ``all``, that are moved to the end and made one, where the spec reads the last
        axis and the framework several; None for none.
    """

    shape: Shape = "same"
    any_shape: bool = False
    index: bool = False
    any_dtype: bool = False
    out_of_range: OutOfRange = "raise"
    from_end: bool = False
    lowest_index: int = 0
    like: str | None = None
    limit: str | None = None
    classes: str | None = None
    keeps_axis: bool = False
    drops_axis: bool = False
    levels_ranks: bool = False
    one_hot: bool = False
    compared: bool = False
    unread_beside: str | None = None
    always_batched: bool = False
    within: tuple[float, float] | None = None
    sums_to_one: bool = False
    signed: bool = False
    to_signs: bool = False
    binary: bool = False
    detached: bool = False
    squeezes: bool = False
    required: bool | Literal["either"] | None = field(default=None, compare=False)
    axes: str | None = None
    rows: str | None = None
    promotes: bool = False
    same_rank: bool = False
    merged: tuple[int, ...] | Literal["all"] | None = None

    def holds_indices(self, dtype: str) -> bool:
        """Whether an input of this dtype holds class indices."""
        by_dtype = self.shape in ("index_or_same", "index_or_free")
        return self.index or (by_dtype and dtype in INTEGER_DTYPES)
