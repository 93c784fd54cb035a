"""`Blocks`: a loss and its gradient computed together, a block of samples after the other.

A framework's own gradients write each intermediate result to memory and read it back. Of a block that stays
in the cache only the gradient is written, once; and of all the rest, no more than a block is ever held.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from .arrangement import Names
from .derivatives import Tape
from .errors import UnsupportedOperation
from .finishing import Finish
from .ops import FLOAT_DTYPES, Array
from .plan import Plan
from .reduction import Reduction
from .spec import Spec
from .tape import Variable, value_of

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend, Lowering

Tensors = Sequence[Array | None]
"""The inputs of the formula, the weight, which labels are left out, and what else the formula takes."""

Form = Literal["total", "rows"]
"""Whether a plan gives one number, or one for each sample."""

_WHOLE = ("free", "classes")
"""The shapes of inputs that all samples share."""

_STRETCHED = ("broadcast", "mutual", "spread", "one_per_axis")
"""The shapes of inputs that need not have the first input's."""

_COUNTING = ("weighted_mean", "valid_mean", "nonzero_mean")


def form_of(plan: Plan, rank: int) -> Form | None:
    """What blocks would give of losses of this rank; None for what they cannot."""
    inner, reduction = plan.inner, plan.reduction
    if reduction.shape is not None or _reduces_first(inner, rank):
        return None
    if reduction.axis is not None and _reduces_first(reduction, inner.remaining(rank)):
        return None
    left = reduction.remaining(inner.remaining(rank))
    if left == 0 and reduction.kind in ("sum", "mean", "batch_mean", *_COUNTING):
        return "total"
    return "rows" if left == 1 and reduction.kind in ("none", "sum", "mean", *_COUNTING) else None


def _reduces_first(reduction: Reduction, rank: int) -> bool:
    if reduction.kind == "none":
        return False
    axes = reduction.axes(rank)
    return axes is None or 0 in [axis % rank for axis in ((axes,) if isinstance(axes, int) else axes)]


def coupling_of(plan: Plan, rank: int) -> str | None:
    """Why some samples, along the first axis, cannot be evaluated before others; None if they can."""
    spec, parameters, reduction = Spec.registry[plan.spec], dict(plan.parameters), plan.reduction
    axes: list[int] = []
    for name in ("axis", "axes", "smoothing_axis"):
        value = parameters.get(name)
        axes += value if isinstance(value, tuple) else () if value is None else (value,)
    kept = (reduction.kept_axis, plan.inner.kept_axis, parameters.get("batch_axis"))
    layouts = [layout for _, layout in plan.layouts]
    reasons = {
        "the loss of a sample depends on others, or on frames in turn": not spec.in_blocks,
        "it draws candidates": plan.candidates is not None,
        "there is only one sample": not rank or rank == plan.unbatched,
        "weights and losses stretch each other": plan.weighting.broadcast == "mutual",
        "samples have rows of several lengths": any(x.rows is not None or x.levels_ranks for x in layouts),
        "it calls a function that it is given": any(map(callable, parameters.values())),
        "samples lie along another axis": not all(axis % max(rank, 1) for axis in axes)
        or not all(axis in (None, 0) for axis in kept),
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


class _AsAWhole(Exception):
    """These values are left to the plan evaluated as a whole."""


class Blocks:
    """A plan whose inputs are arranged, evaluated in blocks of samples.

    Parameters
    ----------
    plan, backend, names, axis : as they are bound
    parameters : those of the formula
    """

    def __init__(
        self, plan: Plan, backend: Backend, names: Names, axis: int, parameters: dict[str, Any]
    ) -> None:
        self.plan, self.ops, self.names, self.axis = plan, backend, names, axis
        self.spec, self.parameters = Spec.registry[plan.spec], parameters
        self.rules = [layout.shape for _, layout in plan.layouts]
        self.width = len(self.spec.inputs)
        self.shares = any(rule in _WHOLE for rule in self.rules)
        self.gap: str | None = None
        """Why it cannot be differentiated in blocks, once that was tried."""

    def limit(self, leading: Array) -> int | None:
        """How many elements make a block, of a first input that may be worth it; None of one that is not."""
        limit = None if self.gap else self.ops.block_elements(leading, self.plan.spec)
        if limit is None or (not self.shares and math.prod(self.ops.shape(leading)) < limit):
            return None
        return limit

    def __call__(self, tensors: Tensors, limit: int, composed: Callable[..., Array]) -> Array | None:
        """The result; None where it is better, or can only be, evaluated as a whole.

        `composed` evaluates the same tensors so, for gradients of the gradient.
        """
        shapes = [None if x is None else self.ops.shape(x) for x in tensors]
        run = _Run(self, shapes, limit)
        if not run.is_worth_it:
            return None
        needed = [
            x is not None and self.ops.dtype(x) in FLOAT_DTYPES and self.ops.requires_gradient(x)
            for x in tensors
        ]
        try:
            if not any(needed):
                return run.evaluate(tensors, needed)[0]
            return self.ops.with_gradients(run.evaluate, composed, run.scaled, tensors, needed)
        except UnsupportedOperation as error:
            self.gap = str(error)
        except _AsAWhole:
            pass
        return None


class _Run:
    """One evaluation: how its tensors are cut, and by what its gradients are yet to be divided."""

    def __init__(self, blocks: Blocks, shapes: Sequence[tuple[int, ...] | None], limit: int) -> None:
        self.blocks, self.plan, self.ops = blocks, blocks.plan, blocks.ops.plain
        self.form: Form | None = None
        self.scale: float | None = None
        """What the losses are multiplied by before they are added; 0 where that shows only in the end."""
        self.divisor: Array | None = None
        self.width = blocks.width
        leading = shapes[0] or ()
        self.samples, elements = leading[0], math.prod(leading)
        self.cut = [shape is not None and self._is_cut(i, shape, leading) for i, shape in enumerate(shapes)]
        stretched = [shapes[i] or () for i, rule in enumerate(blocks.rules) if rule in _STRETCHED]
        fits = all(len(shape) <= len(leading) for shape in stretched) and all(
            shape[0] in (self.samples, 1) for shape in stretched if len(shape) == len(leading)
        )
        whole = [shapes[i] or () for i, rule in enumerate(blocks.rules) if rule in _WHOLE]
        # A product with a matrix that all samples share has as many columns as that has rows, and takes
        # some samples at once to be worth reading it.
        columns = max((shape[0] for shape in whole if len(shape) > 1), default=0)
        self.rows = max(1, limit // max(elements // max(self.samples, 1), columns // 32, 1))
        weight = shapes[self.width]
        shared_weight = weight is not None and not self.cut[self.width] and math.prod(weight) != 1
        self.is_worth_it = elements + self.samples * columns >= limit and fits and not shared_weight

    def _is_cut(self, position: int, shape: tuple[int, ...], leading: tuple[int, ...]) -> bool:
        if not shape or shape[0] != leading[0]:
            return False
        if position >= self.width:
            return position <= self.width + 1
        rule = self.blocks.rules[position]
        return rule not in _WHOLE and (rule not in _STRETCHED or len(shape) == len(leading))

    def evaluate(self, tensors: Tensors, needed: Sequence[bool]) -> tuple[Array, list[Array | None]]:
        """The value, and the gradient by each tensor that needs one, which `scaled` completes."""
        gradients = [
            None if not n else self.ops.new_rows(x) if cut else _Total()
            for x, n, cut in zip(tensors, needed, self.cut, strict=True)
        ]
        kernel = self._kernel(tensors, needed)
        parts: list[Any] = []
        counts: Any = None
        for start in range(0, self.samples, self.rows):
            rows = slice(start, min(start + self.rows, self.samples))
            block = [
                self.ops.slice_along_axis(x, rows.start, rows.stop, axis=0) if cut else x
                for x, cut in zip(tensors, self.cut, strict=True)
            ]
            # mypy takes the ops that are made by a loop for missing ones.
            tape = Tape(self.ops) if any(needed) else None  # type: ignore[abstract]
            inputs: list[Any] = block if tape is None else list(map(tape.variable, block, needed))
            ops: Any = self.ops if tape is None else tape
            finish = Finish(self.plan, ops, self.blocks.names, self.blocks.axis, None)
            if kernel is None:
                given = (*inputs[: self.width], *inputs[self.width + 2 :])
                losses = self.blocks.spec.formula(ops, *given, **self.blocks.parameters)
            else:
                losses = self._lowered(kernel, tape, block, inputs, gradients, rows)
            losses, weights, valid = finish.weighted(losses, None, inputs[self.width + 1], inputs[self.width])
            if self.scale is None:
                self._settle(ops.shape(losses), rows.stop - rows.start, tensors, needed, weights)
            if self.form == "rows":
                result = finish.reduce(losses, weights, valid)
            else:
                result = ops.sum(losses)
                if not self.scale:
                    counted = value_of(self.plan.reduction.counted(ops, losses, weights, valid))
                    count = self.ops.sum(self.ops.broadcast_to(counted, ops.shape(losses)))
                    counts = count if counts is None else counts + count
            parts.append(value_of(result))
            if tape is not None:
                self._pull(tape, result, inputs, gradients, rows)
        self.divisor = counts
        return self._joined(parts), [None if g is None else g.result() for g in gradients]

    def _joined(self, parts: Sequence[Array]) -> Array:
        if self.form == "rows":
            return parts[0] if len(parts) == 1 else self.ops.concat(parts, axis=0)
        total: Any = sum(parts[1:], parts[0])
        if self.scale:
            return total * self.scale
        if self.plan.reduction.over_nothing != "nan" and not self.ops.to_numpy(self.divisor):
            raise _AsAWhole
        return total / self.divisor

    def scaled(self, head: Array, gradient: Array) -> Array:
        """The gradient by a tensor, which may be overwritten, given what flows back into the value."""
        if self.divisor is not None:
            head = head / self.divisor
        if self.ops.is_one(head):
            return gradient
        if self.form == "rows":
            rank = len(self.ops.shape(gradient))
            head = self.ops.reshape(head, (self.samples, *(1,) * (rank - 1)))
        return self.ops.multiply_into(gradient, head)

    def _kernel(self, tensors: Tensors, needed: Sequence[bool]) -> Lowering | None:
        kernel = self.ops.lowerings.get(self.plan.spec)
        if kernel is None or kernel.gradient is None or any(needed[1:]):
            return None
        given = (*tensors[: self.width], *tensors[self.width + 2 :])
        if len({self.ops.shape(x) for x in given if x is not None}) > 1:
            return None
        dtypes = [None if x is None else self.ops.dtype(x) for x in given]
        return None if kernel.gap(self.ops, self.blocks.parameters, dtypes) else kernel

    def _lowered(
        self,
        kernel: Lowering,
        tape: Tape | None,
        block: Tensors,
        inputs: Sequence[Any],
        gradients: Sequence[Any],
        rows: slice,
    ) -> Any:
        """The losses by a kernel of the framework, whose gradient is written straight to where it belongs."""
        given = (*block[: self.width], *block[self.width + 2 :])
        parameters, gradient = self.blocks.parameters, kernel.gradient
        losses = kernel.function(self.ops, *given, **parameters)
        if tape is None or gradient is None:
            return losses

        def pull(g: Any) -> Any:
            out = gradients[0].part(rows) if isinstance(g, float) else None
            if out is None:
                return gradient(g, None, self.ops, *given, **parameters)
            gradient(g * (self.scale or 1.0), out, self.ops, *given, **parameters)
            return _WRITTEN

        return tape.record(losses, self.ops.shape(losses), (inputs[0], pull))

    def _settle(
        self,
        shape: tuple[int, ...],
        rows: int,
        tensors: Tensors,
        needed: Sequence[bool],
        weights: Any,
    ) -> None:
        """Decide what is left open until the first losses are there."""
        self.form = form_of(self.plan, len(shape))
        shares = any(n and not cut for n, cut in zip(needed, self.cut, strict=True))
        # What all samples share has a gradient for each of several numbers.
        if self.form is None or shape[:1] != (rows,) or not math.prod(shape):
            raise _AsAWhole
        if self.form == "rows" and shares:
            raise _AsAWhole
        reduction = self.plan.reduction
        losses = math.prod(shape) // rows * self.samples
        ignored = tensors[self.width + 1]
        if self.form == "rows" or reduction.kind == "sum":
            self.scale = 1.0
        elif reduction.kind == "batch_mean":
            self.scale = 1.0 / self.samples
        elif reduction.kind != "mean" and (weights is not None or self.plan.weighting.only_positive):
            self.scale = 0.0
        elif reduction.kind == "mean" or ignored is None or reduction.counts_ignored:
            self.scale = 1.0 / losses
        else:
            kept = self.ops.astype(self.ops.logical_not(ignored), "int64")
            share = int(self.ops.to_numpy(self.ops.sum(kept))) / math.prod(self.ops.shape(ignored))
            if not share:
                raise _AsAWhole
            self.scale = 1.0 / (share * losses)

    def _pull(
        self, tape: Tape, result: Variable, inputs: Sequence[Any], gradients: Sequence[Any], rows: slice
    ) -> None:
        pairs = [(x, g) for x, g in zip(inputs, gradients, strict=True) if g is not None]
        found = tape.cotangents(result, 1.0, [x for x, _ in pairs])
        for (x, gradient), cotangent in zip(pairs, found, strict=True):
            if cotangent is not _WRITTEN:
                part = tape.full(0.0 if cotangent is None else cotangent, x)
                gradient.write(rows, part, self.scale or 1.0)


_WRITTEN = object()
"""A cotangent that is in its place already."""


class _Total:
    """The gradient by what all samples share: the sum over the blocks."""

    def __init__(self) -> None:
        self._sum: Any = None

    def write(self, _: slice, part: Array, scale: float) -> None:
        part = part if scale == 1.0 else part * scale
        self._sum = part if self._sum is None else self._sum + part

    def result(self) -> Array:
        return self._sum
