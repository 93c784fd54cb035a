"""`Evaluation`: of arranged inputs, by the way that is best there: in blocks, a kernel, or the formula."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .arrangement import Names, Poison, Step
from .blocks import Blocks, is_apart
from .finishing import Finish
from .ops import Array
from .plan import Plan
from .spec import Spec

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend, Lowering

_UNKNOWN = "not asked yet"


class Evaluation:
    """A plan once its inputs are arranged.

    Parameters
    ----------
    plan, backend, names, axis : as they are bound
    parameters : those of the formula
    rank : that of the first input
    cast_weight : what makes weights numbers of the dtype that is computed in; None where they are
    """

    def __init__(
        self,
        plan: Plan,
        backend: Backend,
        names: Names,
        axis: int,
        parameters: dict[str, Any],
        rank: int,
        cast_weight: Step | None,
    ) -> None:
        self.spec, self.ops, self.parameters = Spec.registry[plan.spec], backend, parameters
        self.width = len(self.spec.inputs)
        self.cast_weight = cast_weight
        self.finish = Finish(plan, backend, names, axis, cast_weight)
        self.blocks = Blocks(plan, backend, names, axis, parameters) if is_apart(plan, rank) else None
        self._gap: str | None = _UNKNOWN

    def __call__(
        self,
        inputs: Sequence[Array | None],
        others: Sequence[Array],
        invalid: Poison | None,
        ignored: Array | None,
        weight: Array | None,
    ) -> Array:
        """The result, of the inputs of the formula, and of what is known of their labels."""
        if self.blocks is not None and invalid is None and self.ops.is_concrete(inputs[0]):
            cast = weight if self.cast_weight is None else self.cast_weight(weight)
            result = self.blocks((*inputs, cast, ignored, *others), self.as_a_whole)
            if result is not None:
                return result
        return self.finish(self._losses(inputs, others), invalid, ignored, weight)

    def as_a_whole(self, *tensors: Array | None) -> Array:
        """The result of what blocks are made of: the inputs, the weight, what is ignored, and the rest."""
        weight, ignored, *others = tensors[self.width :]
        return self.finish(self._losses(tensors[: self.width], others), None, ignored, weight)

    def _losses(self, inputs: Sequence[Array | None], others: Sequence[Array | None]) -> Any:
        kernel = self.ops.lowerings.get(self.spec.name)
        if kernel is None or self._does_not_cover(kernel, (*inputs, *others)):
            return self.spec.formula(self.ops, *inputs, *others, **self.parameters)
        return kernel.function(self.ops, *inputs, *others, **self.parameters)

    def _does_not_cover(self, kernel: Lowering, given: Sequence[Array | None]) -> bool:
        if self._gap is _UNKNOWN:
            dtypes = [None if x is None else self.ops.dtype(x) for x in given]
            self._gap = kernel.gap(self.ops, self.parameters, dtypes)
        return self._gap is not None
