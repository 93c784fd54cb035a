"""Every reduction and denominator, once for all losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from .errors import ShapeError
from .ops import Array, Axis, Ops

ReductionKind = Literal[
    "none",
    "mean",
    "sum",
    "weighted_mean",
    "given_weight_mean",
    "valid_mean",
    "nonzero_mean",
    "batch_mean",
    "root_mean",
    "total_weight",
]
REDUCTION_KINDS: tuple[str, ...] = get_args(ReductionKind)

Reduce = Callable[[Array, Array | None, Array | None], Array]
"""A function of losses, the weights that are in them, and which losses are not ignored (None: all)."""


@dataclass(frozen=True)
class Reduction:
    """How unreduced losses become the result.

    Parameters
    ----------
    kind
        ``none``; ``sum``; ``mean``, divided by the number of losses, whatever their weights;
        ``weighted_mean``, divided by the sum of the weights, which is 0 where a label is ignored;
        ``given_weight_mean``, by the sum of the weights as they were given, each counted once also
        where it weighs several losses, but not if there is a single loss without axes;
        ``valid_mean``, by the number of losses whose label is not ignored; ``nonzero_mean``, by the
        number of losses whose weight is not 0; ``batch_mean``, by the size of the first axis;
        ``root_mean``, the square root of ``mean``, with gradient 0 where that is 0;
        ``total_weight``, the denominator of ``weighted_mean``, which some native losses return too.
    kept_axis
        The axis that survives, usually the batch's, or several; None reduces over all axes.
    axis
        The only axis, or axes, that are reduced; None reduces over all but `kept_axis`.
    over_nothing
        What a mean is where its denominator is 0: ``nan``, ``zero``, or ``zero_unless_empty``, which
        is NaN where there are no losses at all.
    shape
        The shape into which the result is put; None leaves it as it is.
    counts_ignored
        Whether ignored labels count in a ``weighted_mean`` of losses without weights.
    """

    kind: ReductionKind = "mean"
    kept_axis: int | tuple[int, ...] | None = None
    shape: tuple[int, ...] | None = None
    axis: int | tuple[int, ...] | None = None
    over_nothing: Literal["nan", "zero", "zero_unless_empty"] = "nan"
    counts_ignored: bool = False

    def __post_init__(self) -> None:
        check_reduction(self.kind, "reduction")

    @classmethod
    def of(cls, kind: str, loss: str) -> Reduction:
        """The reduction that most native APIs name: over all axes, by ``none``, ``mean`` or ``sum``."""
        check_reduction(kind, f"{loss}: reduction", ("none", "mean", "sum"))
        return cls(kind)  # type: ignore[arg-type]

    def bind(self, ops: Ops, rank: int) -> Reduce:
        """The reduction of losses of this rank."""
        reduce = self._over(ops, self.axes(rank), rank)
        if self.shape is None:
            return reduce
        shape = self.shape
        return lambda losses, weight, valid: ops.reshape(reduce(losses, weight, valid), shape)

    def axes(self, rank: int) -> Axis:
        """The axes of losses of this rank that are reduced, unless none is."""
        if self.axis is not None:
            axes = (self.axis,) if isinstance(self.axis, int) else self.axis
            for axis in axes:
                if not -rank <= axis < rank:
                    raise ShapeError(f"axis {axis} is out of range for losses with {rank} axes")
            return self.axis
        if self.kept_axis is None:
            return None
        kept = (self.kept_axis,) if isinstance(self.kept_axis, int) else self.kept_axis
        for axis in kept:
            if not -rank <= axis < rank:
                raise ShapeError(f"batch axis {axis} is out of range for losses with {rank} axes")
        others = tuple(i for i in range(rank) if i not in {axis % rank for axis in kept})
        return others[0] if len(others) == 1 else others

    def remaining(self, rank: int) -> int:
        """How many axes are left of losses of this rank."""
        axes = () if self.kind == "none" else self.axes(rank)
        return 0 if axes is None else rank - 1 if isinstance(axes, int) else rank - len(axes)

    def _over(self, ops: Ops, axes: Axis, rank: int) -> Reduce:
        if self.kind == "none":
            return lambda losses, *_: losses
        if self.kind == "sum":
            return lambda losses, *_: ops.sum(losses, axis=axes)
        if self.kind == "root_mean":
            return lambda losses, *_: _root(ops, ops.mean(losses, axis=axes))
        if self.kind == "batch_mean":
            if rank == 0:
                raise ShapeError("a mean over the batch needs losses with a batch axis")
            # The size may be symbolic, which a mean takes and a quotient of dtypes does not.
            if self.over_nothing == "nan":
                return lambda losses, *_: ops.sum(ops.mean(losses, axis=0))
            return lambda losses, *_: ops.sum(
                losses if _is_empty(ops.shape(losses)[0]) else ops.mean(losses, axis=0)
            )
        if self.kind == "mean" and self.over_nothing == "nan":
            return lambda losses, *_: ops.mean(losses, axis=axes)

        def denominator(losses: Array, weight: Array | None, valid: Array | None) -> Array:
            counted = self.counted(ops, losses, weight, valid)
            if counted is None:
                counted = ops.ones_like(losses)
            if self.kind != "given_weight_mean":
                counted = ops.broadcast_to(counted, ops.shape(losses))
            return ops.sum(counted, axis=axes)

        if self.kind == "total_weight":
            return denominator

        def mean(losses: Array, weight: Array | None, valid: Array | None) -> Array:
            sizes = ops.shape(losses)
            if self.kind == "given_weight_mean" and not sizes:
                return losses
            if self.over_nothing == "zero_unless_empty" and 0 in [n for n in sizes if isinstance(n, int)]:
                return ops.mean(losses, axis=axes)
            some = all(isinstance(n, int) for n in sizes) and 0 not in sizes
            if (self.over_nothing == "nan" or some) and self.counted(ops, losses, weight, valid) is None:
                return ops.mean(losses, axis=axes)
            total, divisor = ops.sum(losses, axis=axes), denominator(losses, weight, valid)
            if self.over_nothing == "nan":
                return total / divisor
            empty = ops.equal(divisor, 0.0)
            return ops.where(empty, 0.0, total / ops.where(empty, 1.0, divisor))

        return mean

    def counted(self, ops: Ops, losses: Array, weight: Array | None, valid: Array | None) -> Array | None:
        """What each loss adds to the denominator; None where that is 1 everywhere."""
        dtype = ops.dtype(losses)
        if self.kind == "mean":
            return None
        if self.kind == "valid_mean" or weight is None:
            return None if valid is None or self.counts_ignored else ops.astype(valid, dtype)
        if self.kind != "nonzero_mean":
            return weight
        return ops.astype(ops.logical_not(ops.equal(weight, 0.0)), dtype)


def _is_empty(size: object) -> bool:
    """Whether a size is 0; inside a traced function it may be symbolic, and is then taken not to be."""
    return isinstance(size, int) and size == 0


def _root(ops: Ops, x: Array) -> Array:
    # The derivative of the root at 0 is infinite.
    at_zero = ops.equal(x, 0.0)
    return ops.where(at_zero, 0.0, ops.sqrt(ops.where(at_zero, 1.0, x)))


def check_reduction(kind: object, argument: str, allowed: tuple[str, ...] = REDUCTION_KINDS) -> None:
    """Refuse an unknown reduction, naming those that there are."""
    if kind not in allowed:
        expected = ", ".join(map(repr, allowed))
        raise ValueError(f"{argument}: unknown reduction {kind!r}, expected one of {expected}")
