"""Brings an input of a call to what its spec reads."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import BroadcastWarning, DtypeError, LabelError, ShapeError
from .layout import Layout
from .ops import FLOAT_DTYPES, Array
from .plan import Plan

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

Sizes = tuple[int, ...]
Step = Callable[[Array], Array]
Poison = Callable[[Array], Array]
"""What invalid labels do to the losses."""


@dataclass(frozen=True)
class Names:
    """What a loss and its arguments are called by those who call it."""

    loss: str
    arguments: Mapping[str, str]

    def of(self, role: str) -> str:
        """The caller's name of a role."""
        return self.arguments.get(role, role)


def _known(*shapes: Sizes) -> bool:
    """Whether all sizes are numbers; inside a traced function some may be symbolic."""
    return all(isinstance(n, int) for shape in shapes for n in shape)


def _equal(a: Sizes, b: Sizes) -> bool:
    """Whether two shapes agree, as far as their sizes are known."""
    return len(a) == len(b) and all(
        m == n for m, n in zip(a, b, strict=True) if isinstance(m, int) and isinstance(n, int)
    )


class Arrangement:
    """Brings one input to what the spec reads, given the first input's shape."""

    def __init__(
        self,
        backend: Backend,
        names: Names,
        plan: Plan,
        role: str,
        axis: int,
        sample: Array,
        compute_dtype: str,
    ) -> None:
        self.ops = backend
        layout = dict(plan.layouts)[role]
        dtype = backend.dtype(sample)
        self.compute_dtype = compute_dtype
        self.floating = dtype in FLOAT_DTYPES
        self.to_compute = None if dtype == compute_dtype else casting(backend, compute_dtype)
        self.traced = not backend.is_concrete(sample)
        self.fitting: tuple[Sizes, Sizes] | None = None
        self.names = names
        self.role = role
        self.layout = layout
        self.axis = axis
        self.is_index = layout.holds_indices(dtype)
        self.weighting = plan.weighting if role == "target" else None
        if layout.shape in ("index_or_same", "index_or_free") and not self.is_index:
            self._leave_none_out()

    def __call__(
        self, x: Array, leading: Sizes, highest: int | None
    ) -> tuple[Array, Poison | None, Array | None]:
        """The input as the spec reads it, what to do to the losses of invalid indices, and which are ignored.

        `highest` is the greatest index or length; None where the class axis says it.
        """
        if self.layout.detached:
            x = self.ops.stop_gradient(x)
        shape = self.ops.shape(x)
        # Most calls come with the shapes of the call before; symbolic sizes cannot be compared.
        if self.traced or (shape, leading) != self.fitting:
            expected = self._expected(shape, leading)
            if not _equal(shape, expected):
                x = self._reshaped(x, shape, expected)
            elif not self.traced:
                self.fitting = (shape, leading)
        if self.layout.shape == "mask" and len(shape) == len(leading) - 1:
            x = self.ops.expand_dims(x, axis=self.axis)
        if self.layout.signed:
            x = (x + 1) * 0.5
        if self.layout.to_signs:
            binary = self.ops.all(self.ops.logical_or(x == 0, x == 1))
            x = self.ops.where(binary, 2 * x - 1, x)
        elif self.layout.binary:
            x = 2 * x - 1
        ignored = None if self.weighting is None else self.weighting.ignored(self.ops, x)
        if ignored is not None:
            # An ordinary value, so that no NaN arises that would reach the gradient.
            x = self.ops.where(ignored, max(self.layout.lowest_index, 0), x)
        if not self.is_index:
            return x, None, ignored
        x, poison = self._index(x, leading[self.axis] - 1 if highest is None else highest)
        return (self._one_hot(x, leading) if self.layout.one_hot else x), poison, ignored

    def _leave_none_out(self) -> None:
        """A distribution is no label that could be left out."""
        ignored = None if self.weighting is None else self.weighting.ignored_label
        if ignored is not None and ignored >= 0 and not (self.weighting and self.weighting.labels_only):
            raise DtypeError(
                f"{self.names.loss}: label {ignored} is to be ignored, but {self.names.of(self.role)} "
                "holds distributions, not labels"
            )
        self.weighting = None

    def _expected(self, shape: Sizes, leading: Sizes) -> Sizes:
        rule = self.layout.shape
        if rule in ("free", "index_or_free"):
            return shape
        if rule == "same" or (rule == "index_or_same" and not self.is_index):
            return leading
        if rule in ("without_axis", "index_or_same"):
            return leading[: self.axis] + leading[self.axis + 1 :]
        if rule == "batch":
            return leading[:1]
        if rule == "classes":
            return leading[self.axis : self.axis + 1]
        if rule == "sequence":
            return (leading[0], *shape[1:2]) if len(shape) == 2 else (leading[0], -1)
        if rule == "spread":
            return _spread(shape, leading)
        if rule == "mutual":
            return self._mutual(shape, leading)
        if rule == "mask" and len(shape) == len(leading) - 1:
            return leading[: self.axis] + leading[self.axis + 1 :]
        if rule == "channel":
            return _with_channel(shape, leading)
        return self._broadcastable(shape, leading)

    def _mutual(self, shape: Sizes, leading: Sizes) -> Sizes:
        if self.layout.same_rank and len(shape) != len(leading):
            return leading
        pairs = zip(reversed(shape), reversed(leading), strict=False)
        if not all(m in (n, 1) or n == 1 for m, n in pairs if _known((m,), (n,))):
            return leading
        if not _equal(shape, leading):
            warnings.warn(
                f"{self.names.loss}: {self.names.of(self.role)} has shape {shape}, which is broadcast "
                f"against {leading} as the framework does it; it is likely meant to have the same shape",
                BroadcastWarning,
                stacklevel=2,
            )
        return shape

    def _broadcastable(self, shape: Sizes, leading: Sizes) -> Sizes:
        if self.layout.shape == "one_per_axis" and shape and len(shape) != len(leading):
            return leading
        tail = leading[len(leading) - len(shape) :] if len(shape) <= len(leading) else leading
        fits = len(shape) <= len(leading) and all(
            m in (n, 1) for m, n in zip(shape, tail, strict=True) if _known((m,), (n,))
        )
        return shape if fits else leading

    def _reshaped(self, x: Array, shape: Sizes, expected: Sizes) -> Array:
        if self.layout.shape == "spread" and _equal((*shape, 1), expected):
            return self.ops.expand_dims(x, axis=len(shape))
        if self.layout.squeezes and _equal(shape, (*expected, 1)):
            return self.ops.squeeze(x, len(expected))
        if self.layout.any_shape and (not _known(shape, expected) or math.prod(shape) == math.prod(expected)):
            return self.ops.reshape(x, expected)
        wanted = {
            "broadcast": f"a shape that broadcasts to {expected}",
            "one_per_axis": f"one number, or for each axis the size in {expected} or 1",
            "mutual": f"a shape that broadcasts against {expected}"
            + (" with as many axes" if self.layout.same_rank else ""),
            "spread": f"{expected}, the same with 1 in one axis, or without the last axis",
            "sequence": f"({expected[0]}, labels)",
        }.get(self.layout.shape, str(expected))
        if self.layout.any_shape:
            wanted += " or as many elements in another shape"
        raise ShapeError(
            f"{self.names.loss}: {self.names.of(self.role)} has shape {shape}, expected {wanted}"
        )

    def _index(self, x: Array, highest: int) -> tuple[Array, Poison | None]:
        layout, ops = self.layout, self.ops
        if layout.out_of_range == "wrap" or layout.from_end:
            x = ops.where(x < 0, x + (highest + 1), x)
        if layout.out_of_range == "keep":
            return ops.astype(x, ops.index_dtype), None
        if layout.out_of_range == "clip":
            return self._clipped(x, highest)
        if self.floating:
            # Before they are truncated toward zero; NaN is in no range.
            below, above = x <= layout.lowest_index - 1, x >= highest + 1
            invalid = ops.logical_or(ops.logical_or(below, above), x != x)  # noqa: PLR0124
        else:
            invalid = ops.logical_or(x < layout.lowest_index, x > highest)
        refused = layout.out_of_range in ("raise", "wrap")
        if refused and ops.is_concrete(invalid):
            if bool(ops.any(invalid)):
                self._refuse(x, highest)
            return ops.astype(x, ops.index_dtype), None
        index = ops.clip(ops.where(invalid, 0, x), min=layout.lowest_index, max=highest)
        index = ops.astype(index, ops.index_dtype)
        if layout.shape not in ("without_axis", "index_or_same"):
            return index, None
        instead = 0.0 if layout.out_of_range == "zero" else math.nan
        axis = self.axis

        def spoil(losses: Array) -> Array:
            spoiled = invalid
            extra = tuple(range(len(ops.shape(losses)), len(ops.shape(spoiled))))
            if extra:
                # A loss of a whole sample, one of whose labels is invalid.
                spoiled = ops.sum(ops.astype(spoiled, "float32"), axis=extra) > 0
            return ops.where(like_losses(ops, spoiled, losses, axis), instead, losses)

        return index, spoil

    def _one_hot(self, x: Array, leading: Sizes) -> Array:
        vectors = self.ops.one_hot(x, leading[self.axis], dtype=self.compute_dtype, like=x)
        last = len(leading) - 1
        if self.axis == last:
            return vectors
        order = [*range(self.axis), last, *range(self.axis, last)]
        return self.ops.permute_dims(vectors, tuple(order))

    def _clipped(self, x: Array, highest: int) -> tuple[Array, Poison | None]:
        ops, lowest = self.ops, self.layout.lowest_index
        if not self.floating:
            # Clipped before the cast, which may be a narrowing one.
            return ops.astype(ops.clip(x, min=lowest, max=highest), ops.index_dtype), None
        # NaN and infinity become any integer in the cast, so it is the integers that are clipped;
        # x - x, NaN for just these, is added to the losses, in their dtype.
        index = ops.clip(ops.astype(x, ops.index_dtype), min=lowest, max=highest)
        number = x if self.to_compute is None else self.to_compute(x)
        poison = number - number
        return index, lambda losses: losses + like_losses(ops, poison, losses, self.axis)

    def _refuse(self, x: Array, highest: int) -> None:
        lowest = self.layout.lowest_index
        wrong = next(v for v in self.ops.to_numpy(x).reshape(-1) if not lowest - 1 < v < highest + 1)
        raise LabelError(
            f"{self.names.loss}: {self.names.of(self.role)} holds {wrong}, expected {lowest} to {highest}"
        )


def _spread(shape: Sizes, leading: Sizes) -> Sizes:
    """The shape itself, or with a last axis of size 1, if it may be spread along an axis."""
    if leading and _equal(shape, leading[:-1]):
        return (*shape, 1)
    if not shape:
        return shape
    # In one axis only: an array of any other shape is more likely a mistake than meant so.
    differing = [m for m, n in zip(shape, leading, strict=False) if _known((m, n)) and m != n]
    return shape if len(shape) == len(leading) and differing == [1] else leading


def merged_axes(layout: Layout, rank: int, names: Names) -> tuple[int, ...]:
    """The axes that become one, counted from the first."""
    if layout.merged == "all":
        return tuple(range(rank))
    axes = layout.merged or ()
    if not all(-rank <= axis < rank for axis in axes):
        raise ShapeError(f"{names.loss}: axes {axes} are out of range for {rank} axes")
    return tuple(axis % rank for axis in axes)


def merging(backend: Backend, axes: tuple[int, ...], rank: int) -> Step:
    """The step that moves axes to the end and makes them one."""
    others = tuple(i for i in range(rank) if i not in axes)

    def merge(x: Array) -> Array:
        shape = backend.shape(x)
        moved = backend.permute_dims(x, others + axes)
        return backend.reshape(moved, (*(shape[i] for i in others), -1))

    return merge


def _with_channel(shape: Sizes, leading: Sizes) -> Sizes:
    """The leading shape, with a last axis of size 1 more or less where this one has it so."""
    if len(shape) == len(leading) + 1:
        return (*leading, 1)
    if len(shape) == len(leading) - 1 and leading[-1] == 1:
        return leading[:-1]
    return leading


def split_rows(ops: Backend, x: Array, lengths: Array, names: Names, role: str) -> Array:
    """Rows that come one after the other in one axis, as the rows of a matrix, filled up with anything."""
    total, lengths = ops.shape(x)[0], ops.reshape(lengths, (-1,))
    longest = total
    if ops.is_concrete(lengths):
        given = ops.to_numpy(lengths)
        longest = int(given.max(initial=0))
        if given.sum() > total:
            raise ShapeError(f"{names.loss}: {names.of(role)} has {total} entries, expected {given.sum()}")
    column = ops.expand_dims(lengths, axis=1)
    if not longest:
        return column * 0
    starts = ops.expand_dims(ops.cumulative_sum(lengths, axis=0), axis=1) - column
    places = starts + ops.arange(longest, dtype=ops.dtype(lengths), like=lengths)
    return ops.take(x, ops.astype(ops.clip(places, min=0, max=total - 1), ops.index_dtype))


def read_rows(ops: Backend, x: Array, lengths: Array) -> Array:
    """Rows with a label that is none too high, 0, behind their lengths."""
    shape, column = ops.shape(x), ops.reshape(lengths, (-1, 1)[: len(ops.shape(x))])
    if not shape[-1] or not _equal(shape[:-1], ops.shape(column)[:-1]):
        return x
    places = ops.arange(shape[-1], dtype=ops.dtype(lengths), like=lengths)
    return ops.where(places < column, x, 0)


def level_ranks(ops: Backend, x1: Array, x2: Array) -> tuple[Array, Array]:
    """Two arrays of one rank, where they differ by one axis, a last one of size 1.

    It is taken from the longer, or put on the shorter if that has but one axis.
    """
    shape1, shape2 = ops.shape(x1), ops.shape(x2)
    if len(shape1) == len(shape2) + 1 and _is_one(shape1[-1]):
        return (x1, ops.expand_dims(x2, axis=1)) if len(shape2) == 1 else (ops.squeeze(x1, -1), x2)
    if len(shape2) == len(shape1) + 1 and _is_one(shape2[-1]):
        return (ops.expand_dims(x1, axis=1), x2) if len(shape1) == 1 else (x1, ops.squeeze(x2, -1))
    return x1, x2


def _is_one(size: object) -> bool:
    """Whether a size is known to be 1."""
    return isinstance(size, int) and size == 1


def like_losses(ops: Backend, x: Array, losses: Array, axis: int) -> Array:
    """An array in the shape of the target, in the losses' shape where these keep the class axis."""
    return ops.expand_dims(x, axis=axis) if len(ops.shape(x)) < len(ops.shape(losses)) else x


def casting(backend: Backend, dtype: str) -> Step:
    """The step that casts to a dtype."""
    return lambda x: backend.astype(x, dtype)
