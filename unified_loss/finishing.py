"""Makes the result of what a formula returns: ignored and invalid labels, weights, reductions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .arrangement import Names, Poison, Step, level_ranks, like_losses
from .errors import ShapeError
from .ops import Array
from .plan import Plan
from .reduction import Reduce
from .spec import Weighted

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend


class Finish:
    """Makes the result of what a formula returns."""

    def __init__(
        self, plan: Plan, ops: Backend, names: Names, axis: int, cast_weight: Step | None
    ) -> None:
        self.plan, self.ops, self.names, self.axis = plan, ops, names, axis
        self.cast_weight = cast_weight
        self.reductions: tuple[Reduce, Reduce] | None = None

    def __call__(
        self, losses: Any, invalid: Poison | None, ignored: Array | None, weight: Array | None
    ) -> Array:
        """The result of the losses, of what is wrong with their labels, and of the weight given."""
        return self.reduce(*self.weighted(losses, invalid, ignored, weight))

    def reduce(self, losses: Array, weights: Array | None, valid: Array | None) -> Array:
        """The result of what `weighted` gave."""
        _, reduce = self._bound(losses)
        return reduce(losses, weights, valid)

    def _bound(self, losses: Array) -> tuple[Reduce, Reduce]:
        """The reductions, within a sample and of what that leaves, of losses as the formula gives them."""
        if self.reductions is None:
            rank = len(self.ops.shape(losses))
            self.reductions = _bind_reductions(self.plan, self.ops, rank, self.names)
        return self.reductions

    def weighted(
        self, losses: Any, invalid: Poison | None, ignored: Array | None, weight: Array | None
    ) -> tuple[Array, Array | None, Array | None]:
        """The weighted losses, the weights that are in them, and which are not ignored."""
        ops, weighting = self.ops, self.plan.weighting
        losses, own = losses if isinstance(losses, Weighted) else (losses, None)
        inner, _ = self._bound(losses)
        valid = None
        if ignored is not None:
            ignored = like_losses(ops, ignored, losses, self.axis)
            losses, valid = ops.where(ignored, 0.0, losses), ops.logical_not(ignored)
        if invalid is not None:
            losses = invalid(losses)
        losses = inner(losses, None, valid)
        if weighting.only_positive:
            valid = losses > 0
        if weight is not None:
            if weighting.broadcast == "mutual":
                valid = None if valid is None else level_ranks(ops, valid, weight)[0]
                losses, weight = level_ranks(ops, losses, weight)
            surplus = len(ops.shape(weight)) - len(ops.shape(losses))
            if surplus == 1 and weighting.squeezes:
                weight = ops.squeeze(weight, -1)
            elif surplus == -1 and weighting.expands and ops.shape(weight):
                weight = ops.expand_dims(weight, axis=-1)
            weighting.check(ops.shape(weight), ops.shape(losses), self.names.loss, self.names.of("weight"))
            weight = weight if self.cast_weight is None else self.cast_weight(weight)
        losses, weights = weighting.apply(ops, losses, own, weight, valid)
        return losses, weights, valid


def _bind_reductions(plan: Plan, ops: Backend, rank: int, names: Names) -> tuple[Reduce, Reduce]:
    try:
        return plan.inner.bind(ops, rank), plan.reduction.bind(ops, plan.inner.remaining(rank))
    except ShapeError as error:
        raise ShapeError(f"{names.loss}: {error}") from None
