"""`Evaluation`: of arranged inputs, by the way that is best there: in blocks, a kernel, or the formula."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .arrangement import Names, Poison, Step
from .blocks import Blocks, coupling_of, form_of
from .dispatch import explain_selection
from .finishing import Finish
from .loading import get_backend
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
        self.blocks = None if coupling_of(plan, rank) else Blocks(plan, backend, names, axis, parameters)
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
            # Most calls are of few elements, and have no more done for blocks than this.
            limit = self.blocks.limit(inputs[0])
            if limit is not None:
                cast = weight if self.cast_weight is None else self.cast_weight(weight)
                result = self.blocks((*inputs, cast, ignored, *others), limit, self.as_a_whole)
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


def _explained(plan: Plan, backend: str | None, rank: int) -> str:
    ops = get_backend(backend or explain_selection().backend)
    lines = []
    reason = coupling_of(plan, rank) or _unfit(plan, ops, rank)
    if reason is None:
        limit = ops.block_elements(ops.asarray([0.0]), plan.spec)
        lines.append(
            f"in blocks: inputs of {limit} elements or more, value and gradient together, as many at a time"
        )
    else:
        lines.append(f"in blocks: never; {reason}")
    kernel = ops.lowerings.get(plan.spec)
    if kernel is not None:
        roles = Spec.registry[plan.spec].inputs
        gap = kernel.gap(ops, dict(plan.parameters), ["float32"] * min(len(roles), 2))
        lines.append(f"by a kernel of {ops.name}: " + (f"never; {gap}" if gap else "in and beside blocks"))
    lines.append(f"composed of the operations of {ops.name}: all else, and where it traces or transforms")
    return "\n".join(lines)


def _unfit(plan: Plan, ops: Backend, rank: int) -> str | None:
    """Why the backend does not evaluate in blocks what could be."""
    if "blocks" not in ops.further_modes:
        return f"{ops.name} has no way to take gradients that come with the value"
    if ops.block_elements(ops.asarray([0.0]), plan.spec) is None:
        return f"{ops.name} is as fast with the whole"
    losses = rank - ("axis" in dict(plan.parameters))
    if all(form_of(plan, n) is None for n in {losses, rank}):
        return "it gives more than a number for each sample"
    return None


Plan.explained = staticmethod(_explained)
