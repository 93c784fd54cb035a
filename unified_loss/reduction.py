"""Every reduction and denominator, once for all losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from .errors import ShapeError
from .ops import Array, Axis, Ops

ReductionKind = Literal[
    "none", "mean", "sum", "weighted_mean", "valid_mean", "nonzero_mean", "batch_mean", "root_mean"
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
        ``valid_mean``, by the number of losses whose label is not ignored; ``nonzero_mean``, by the
        number of losses whose weight is not 0; ``batch_mean``, by the size of the first axis;
        ``root_mean``, the square root of ``mean``.
    kept_axis
        The axis that survives, usually the batch's; None reduces over all axes.
    axis
        The only axis, or axes, that are reduced; None reduces over all but `kept_axis`.
    over_nothing
        What a mean is where its denominator is 0: ``nan``, or ``zero``.
    shape
        The shape into which the result is put; None leaves it as it is.
    """

    kind: ReductionKind = "mean"
    kept_axis: int | None = None
    shape: tuple[int, ...] | None = None
    axis: int | tuple[int, ...] | None = None
    over_nothing: Literal["nan", "zero"] = "nan"

    def __post_init__(self) -> None:
        check_reduction(self.kind, "reduction")

    @classmethod
    def of(cls, kind: str, loss: str) -> Reduction:
        """The reduction that most native APIs name: over all axes, by ``none``, ``mean`` or ``sum``."""
        check_reduction(kind, f"{loss}: reduction", ("none", "mean", "sum"))
        return cls(kind)  # type: ignore[arg-type]

    def bind(self, ops: Ops, rank: int) -> Reduce:
        """The reduction of losses of this rank."""
        reduce = self._over(ops, self._axes(rank), rank)
        if self.shape is None:
            return reduce
        shape = self.shape
        return lambda losses, weight, valid: ops.reshape(reduce(losses, weight, valid), shape)

    def _axes(self, rank: int) -> Axis:
        if self.axis is not None:
            axes = (self.axis,) if isinstance(self.axis, int) else self.axis
            for axis in axes:
                if not -rank <= axis < rank:
                    raise ShapeError(f"axis {axis} is out of range for losses with {rank} axes")
            return self.axis
        if self.kept_axis is None:
            return None
        if not -rank <= self.kept_axis < rank:
            raise ShapeError(f"batch axis {self.kept_axis} is out of range for losses with {rank} axes")
        others = tuple(i for i in range(rank) if i != self.kept_axis % rank)
        return others[0] if len(others) == 1 else others

    def _over(self, ops: Ops, axes: Axis, rank: int) -> Reduce:
        if self.kind == "none":
            return lambda losses, *_: losses
        if self.kind == "sum":
            return lambda losses, *_: ops.sum(losses, axis=axes)
        if self.kind == "root_mean":
            return lambda losses, *_: ops.sqrt(ops.mean(losses, axis=axes))
        if self.kind == "batch_mean":
            if rank == 0:
                raise ShapeError("a mean over the batch needs losses with a batch axis")
            # The size may be symbolic, which a mean takes and a quotient of dtypes does not.
            return lambda losses, *_: ops.sum(ops.mean(losses, axis=0))
        if self.kind == "mean" and self.over_nothing == "nan":
            return lambda losses, *_: ops.mean(losses, axis=axes)

        def mean(losses: Array, weight: Array | None, valid: Array | None) -> Array:
            counted = self._counted(ops, losses, weight, valid)
            if counted is None and self.over_nothing == "nan":
                return ops.mean(losses, axis=axes)
            if counted is None:
                counted = ops.astype(ops.logical_or(losses == losses, losses != losses), ops.dtype(losses))  # noqa: PLR0124
            total = ops.sum(losses, axis=axes)
            denominator = ops.sum(ops.broadcast_to(counted, ops.shape(losses)), axis=axes)
            if self.over_nothing == "nan":
                return total / denominator
            empty = denominator == 0
            return ops.where(empty, 0.0, total / ops.where(empty, 1.0, denominator))

        return mean

    def _counted(self, ops: Ops, losses: Array, weight: Array | None, valid: Array | None) -> Array | None:
        """What each loss adds to the denominator; None where that is 1 everywhere."""
        dtype = ops.dtype(losses)
        if self.kind == "mean":
            return None
        if self.kind == "valid_mean" or weight is None:
            return None if valid is None else ops.astype(valid, dtype)
        return ops.astype(weight != 0, dtype) if self.kind == "nonzero_mean" else weight


def check_reduction(kind: object, argument: str, allowed: tuple[str, ...] = REDUCTION_KINDS) -> None:
    """Refuse an unknown reduction, naming those that there are."""
    if kind not in allowed:
        expected = ", ".join(map(repr, allowed))
        raise ValueError(f"{argument}: unknown reduction {kind!r}, expected one of {expected}")
