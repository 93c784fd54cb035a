"""Every reduction and denominator, once for all losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from .errors import ShapeError
from .ops import Array, Axis, Ops

ReductionKind = Literal["none", "mean", "sum", "weighted_mean"]
REDUCTION_KINDS: tuple[str, ...] = get_args(ReductionKind)


@dataclass(frozen=True)
class Reduction:
    """How unreduced losses become the result.

    Parameters
    ----------
    kind
        ``none``; ``sum``; ``mean``, divided by the number of losses, whatever their weights;
        ``weighted_mean``, divided by the sum of the weights.
    kept_axis
        The axis that survives, usually the batch's; None reduces over all axes.
    shape
        The shape into which the result is put; None leaves it as it is.
    """

    kind: ReductionKind = "mean"
    kept_axis: int | None = None
    shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        check_reduction(self.kind, "reduction")

    @classmethod
    def of(cls, kind: str, loss: str) -> Reduction:
        """The reduction that most native APIs name: over all axes, by ``none``, ``mean`` or ``sum``."""
        check_reduction(kind, f"{loss}: reduction", ("none", "mean", "sum"))
        return cls(kind)  # type: ignore[arg-type]

    def bind(self, ops: Ops, rank: int) -> Callable[[Array, Array | None], Array]:
        """The reduction of losses of this rank: a function of losses and weights (or None)."""
        axes: Axis = None
        if self.kept_axis is not None:
            if not -rank <= self.kept_axis < rank:
                raise ShapeError(f"batch axis {self.kept_axis} is out of range for losses with {rank} axes")
            others = tuple(i for i in range(rank) if i != self.kept_axis % rank)
            axes = others[0] if len(others) == 1 else others
        reduce = self._over(ops, axes)
        if self.shape is None:
            return reduce
        shape = self.shape
        return lambda losses, weight: ops.reshape(reduce(losses, weight), shape)

    def _over(self, ops: Ops, axes: Axis) -> Callable[[Array, Array | None], Array]:
        if self.kind == "none":
            return lambda losses, _: losses
        if self.kind == "sum":
            return lambda losses, _: ops.sum(losses, axis=axes)
        if self.kind == "mean":
            return lambda losses, _: ops.mean(losses, axis=axes)

        def weighted_mean(losses: Array, weight: Array | None) -> Array:
            if weight is None:
                return ops.mean(losses, axis=axes)
            weights = ops.broadcast_to(weight, ops.shape(losses))
            return ops.sum(losses, axis=axes) / ops.sum(weights, axis=axes)

        return weighted_mean


def check_reduction(kind: object, argument: str, allowed: tuple[str, ...] = REDUCTION_KINDS) -> None:
    """Refuse an unknown reduction, naming those that there are."""
    if kind not in allowed:
        expected = ", ".join(map(repr, allowed))
        raise ValueError(f"{argument}: unknown reduction {kind!r}, expected one of {expected}")
