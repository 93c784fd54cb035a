"""How an input may come, and how it is brought to what the spec reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = Literal[
    "same",
    "without_axis",
    "index_or_same",
    "broadcast",
    "mutual",
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
        class indices without the axis, floats a distribution of the same shape; one that may
        ``broadcast`` to it; ``mutual``, where each may broadcast to the other, with a warning if
        they do; a ``mask``, which may broadcast to it, or be without the axis; a ``channel``, where
        either may leave out a last axis of size 1; ``batch``, one entry per sample; ``sequence``, one row per sample; ``classes``, one
        entry per class; ``free``, which only the spec checks.
    any_shape
        Whether any shape with the right number of elements will do, and is reshaped.
    index
        Whether the input holds class indices, which stay integers.
    any_dtype
        Whether indices may come as floats, which are truncated.
    out_of_range
        What an index outside [0, classes) does: ``raise`` an IndexError; ``clip`` to the nearest
        class; ``wrap``, by which a negative one counts from the last class and any other raises;
        ``nan`` or ``zero``, which the loss then is; ``keep``, for specs that say what it means. Where values cannot be read, inside a traced
        function, ``raise`` gives NaN instead.
    from_end
        Whether a negative index counts from the last class, before it is out of range.
    lowest_index
        The least index that is not out of range; -1 where that marks padding.
    limit
        The role of the input whose second axis bounds the values, for lengths.
    classes
        What says how many classes there are, where no axis of the first input does: a parameter, or
        the role of an input with a row for each.
    keeps_axis
        Whether class indices may also come with the class axis, of size 1; the losses then keep it.
    compared
        Whether the values are only compared with each other, and keep their dtype.
    unread_beside
        The role of an input beside which this one is not read, and so not checked.
    within
        The least and the greatest value that is not refused, where the framework refuses others.
    signed
        Whether labels come as -1 and 1, and are mapped to 0 and 1 by ``(y + 1) / 2``.
    axes
        The order in which the axes come, by letter, e.g. ``"TNC"``; None is the spec's own.
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
    limit: str | None = None
    classes: str | None = None
    keeps_axis: bool = False
    compared: bool = False
    unread_beside: str | None = None
    within: tuple[float, float] | None = None
    signed: bool = False
    axes: str | None = None
    merged: tuple[int, ...] | Literal["all"] | None = None
