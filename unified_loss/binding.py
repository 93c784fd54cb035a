"""Binds a plan to a backend, dtypes and ranks: all that can be decided before the values are seen."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import BroadcastWarning, DtypeError, LabelError, ShapeError
from .layout import Layout
from .ops import FLOAT_DTYPES, INTEGER_DTYPES, Array, requires_float32_accumulation
from .plan import Plan
from .reduction import Reduce
from .spec import Spec, Weighted

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

Program = Callable[..., Array]
Sizes = tuple[int, ...]
Step = Callable[[Array], Array]
Poison = Callable[[Callable[..., Array], Array, int], Array]
"""What an invalid label does to the losses, given how to bring it to their shape, and the class axis."""


@dataclass(frozen=True)
class Names:
    """What a loss and its arguments are called by those who call it."""

    loss: str
    arguments: Mapping[str, str]

    def of(self, role: str) -> str:
        """The caller's name of a role."""
        return self.arguments.get(role, role)


def bind(plan: Plan, backend: Backend, arrays: Sequence[Array | None], names: Names) -> Program:
    """The program that evaluates a plan on tensors like these: its inputs in order, then the weight.

    It may be called again with tensors of the same framework, dtypes and ranks; shapes are checked
    at each call.
    """
    spec = Spec.registry[plan.spec]
    parameters = dict(plan.parameters)
    layouts = dict(plan.layouts)
    first, *others = spec.inputs
    width = len(spec.inputs)
    leading, weight, rest = arrays[0], arrays[width], arrays[width + 1 :]
    for role, x in zip(spec.inputs, arrays, strict=False):
        if x is None and role not in spec.optional:
            raise TypeError(f"{names.loss}: argument {names.of(role)!r} is missing")
    dtype, rank = _leading_dtype(backend, leading, names, first, plan), len(backend.shape(leading))
    unbatched = rank == plan.unbatched
    rank += unbatched
    axis = _class_axis(parameters, rank, names, spec)
    result_dtype = plan.dtype or dtype
    compute_dtype = "float32" if requires_float32_accumulation(result_dtype) else result_dtype

    prepare_first = _steps(
        _batched(backend, layouts[first]) if unbatched else None,
        _permutation(backend, spec, layouts, first, rank, names),
        None if dtype == compute_dtype else _cast(backend, compute_dtype),
    )
    present = [
        (i, role, _Arrangement(backend, names, plan, role, layouts[role], axis, arrays[i], compute_dtype))
        for i, role in enumerate(others, start=1)
        if arrays[i] is not None
    ]
    prepare = [
        (
            i,
            arrangement,
            spec.inputs.index(limit) if (limit := layouts[role].limit) else None,
            _preparation(backend, spec, layouts, role, arrays[i], compute_dtype, names, unbatched),
        )
        for i, role, arrangement in present
    ]
    parameters = {
        name: backend.constant(value, compute_dtype) if isinstance(value, float) else value
        for name, value in parameters.items()
    }
    formula, ops = spec.formula, backend
    cast_weight = None if weight is None else _casting(backend, weight, compute_dtype, names, "weight")
    cast_rest = [_casting(backend, x, compute_dtype, names, spec.rest or "") for x in rest]
    bound: tuple[Reduce, Reduce] | None = None

    def program(*given: Array) -> Array:
        nonlocal bound
        leading = given[0] if prepare_first is None else prepare_first(given[0])
        inputs: list[Array | None] = [None] * width
        inputs[0] = leading
        shape = ops.shape(leading)
        poison = ignored = None
        for i, arrangement, limit, convert in prepare:
            x = given[i] if convert is None else convert(given[i])
            longest = None if limit is None else ops.shape(inputs[limit])[1]
            inputs[i], invalid, left_out = arrangement(x, shape, longest)
            poison = poison if invalid is None else invalid
            ignored = ignored if left_out is None else left_out
        others = [x if cast is None else cast(x) for x, cast in zip(given[width + 1 :], cast_rest, strict=True)]
        losses = formula(ops, *inputs, *others, **parameters)
        losses, own = losses if isinstance(losses, Weighted) else (losses, None)
        if bound is None:
            bound = _bind_reductions(plan, ops, len(ops.shape(losses)), names)
        inner, reduce = bound
        valid = None
        if ignored is not None:
            ignored = _like_losses(ops, ignored, losses, axis)
            losses, valid = ops.where(ignored, 0.0, losses), ops.logical_not(ignored)
        if poison is not None:
            losses = poison(_like_losses, losses, axis)
        losses = inner(losses, None, valid)
        weight = given[width]
        if weight is not None:
            plan.weighting.check(ops.shape(weight), ops.shape(losses), names.loss, names.of("weight"))
            weight = weight if cast_weight is None else cast_weight(weight)
        losses, weights = plan.weighting.apply(ops, losses, own, weight, valid)
        result = reduce(losses, weights, valid)
        if unbatched and len(ops.shape(result)):
            result = ops.squeeze(result, 0)
        return result if result_dtype == compute_dtype else ops.astype(result, result_dtype)

    guarded: Program = backend.guard(program)
    return guarded


# --------------------------------------------------------------------- decided at binding


def _leading_dtype(backend: Backend, x: Array, names: Names, role: str, plan: Plan) -> str:
    dtype: str = backend.dtype(x)
    if dtype not in FLOAT_DTYPES and not (plan.dtype and dtype in (*INTEGER_DTYPES, "bool")):
        raise DtypeError(
            f"{names.loss}: {names.of(role)} has dtype {dtype}, expected one of {', '.join(FLOAT_DTYPES)}"
        )
    return dtype


def _class_axis(parameters: Mapping[str, Any], rank: int, names: Names, spec: Spec) -> int:
    for name in ("axis", "batch_axis"):
        value = parameters.get(name)
        if value is not None and not -rank <= value < rank:
            raise ShapeError(
                f"{names.loss}: {name} {value} is out of range: {names.of(spec.inputs[0])} has {rank} axes"
            )
    axis: int = parameters.get("axis", -1)
    return axis % rank if rank else 0


def _bind_reductions(plan: Plan, ops: Backend, rank: int, names: Names) -> tuple[Reduce, Reduce]:
    try:
        inner, axes = plan.inner.bind(ops, rank), plan.inner.axis
        reduced = 0 if plan.inner.kind == "none" else 1 if isinstance(axes, int) else len(axes or ()) or rank
        return inner, plan.reduction.bind(ops, rank - reduced)
    except ShapeError as error:
        raise ShapeError(f"{names.loss}: {error}") from None


def _cast(backend: Backend, dtype: str) -> Step:
    return lambda x: backend.astype(x, dtype)


def _steps(*steps: Step | None) -> Step | None:
    wanted = [step for step in steps if step is not None]
    if len(wanted) < 2:
        return wanted[0] if wanted else None

    def in_turn(x: Array) -> Array:
        for step in wanted:
            x = step(x)
        return x

    return in_turn


def _batched(backend: Backend, layout: Layout) -> Step | None:
    """Give an input of one sample its batch axis, where it is one that has one."""
    if layout.shape in ("classes", "broadcast", "free"):
        return None
    position = layout.axes.index("N") if layout.axes else 0
    return lambda x: backend.expand_dims(x, axis=position)


def _permutation(
    backend: Backend, spec: Spec, layouts: Mapping[str, Layout], role: str, rank: int, names: Names
) -> Step | None:
    own, given = spec.layouts[role].axes, layouts[role].axes
    if own is None or given is None:
        return None
    if rank != len(own):
        raise ShapeError(f"{names.loss}: {names.of(role)} has {rank} axes, expected {len(own)}: {given}")
    if own == given:
        return None
    if sorted(own) != sorted(given):
        raise ShapeError(f"{names.loss}: {names.of(role)} cannot have layout {given!r}, only axes {own}")
    order = tuple(given.index(letter) for letter in own)
    return lambda x: backend.permute_dims(x, order)


def _preparation(
    backend: Backend,
    spec: Spec,
    layouts: Mapping[str, Layout],
    role: str,
    x: Array,
    compute_dtype: str,
    names: Names,
    unbatched: bool,
) -> Step | None:
    batch = _batched(backend, layouts[role]) if unbatched else None
    rank = len(backend.shape(x)) + (batch is not None)
    permute = _steps(batch, _permutation(backend, spec, layouts, role, rank, names))
    dtype = backend.dtype(x)
    if layouts[role].index or (layouts[role].shape == "index_or_same" and dtype in INTEGER_DTYPES):
        if dtype not in INTEGER_DTYPES and not layouts[role].any_dtype:
            raise DtypeError(f"{names.loss}: {names.of(role)} has dtype {dtype}, expected integers")
        # Frameworks wrap a bound of more than 8 or 16 bits to the dtype that it is compared with.
        narrow = dtype in INTEGER_DTYPES and dtype not in ("int32", "int64")
        return _steps(permute, _cast(backend, "int64") if narrow else None)
    return _steps(permute, _casting(backend, x, compute_dtype, names, role))


def _casting(backend: Backend, x: Array, dtype: str, names: Names, role: str) -> Step | None:
    given = backend.dtype(x)
    if given not in (*FLOAT_DTYPES, *INTEGER_DTYPES, "bool"):
        raise DtypeError(f"{names.loss}: {names.of(role)} has dtype {given}, expected real numbers")
    return None if given == dtype else _cast(backend, dtype)


# ----------------------------------------------------------------------- done at each call


def _known(*shapes: Sizes) -> bool:
    """Whether all sizes are numbers; inside a traced function some may be symbolic."""
    return all(isinstance(n, int) for shape in shapes for n in shape)


def _equal(a: Sizes, b: Sizes) -> bool:
    """Whether two shapes agree, as far as their sizes are known."""
    return len(a) == len(b) and all(
        m == n for m, n in zip(a, b, strict=True) if isinstance(m, int) and isinstance(n, int)
    )


class _Arrangement:
    """Brings one input to what the spec reads, given the first input's shape."""

    def __init__(
        self,
        backend: Backend,
        names: Names,
        plan: Plan,
        role: str,
        layout: Layout,
        axis: int,
        sample: Array,
        compute_dtype: str,
    ) -> None:
        self.ops = backend
        dtype = backend.dtype(sample)
        self.floating = dtype in FLOAT_DTYPES
        self.to_compute = None if dtype == compute_dtype else _cast(backend, compute_dtype)
        self.traced = not backend.is_concrete(sample)
        self.fitting: tuple[Sizes, Sizes] | None = None
        self.names = names
        self.role = role
        self.layout = layout
        self.axis = axis
        self.is_index = layout.index or (layout.shape == "index_or_same" and dtype in INTEGER_DTYPES)
        self.weighting = plan.weighting if role == "target" else None

    def __call__(
        self, x: Array, leading: Sizes, longest: int | None
    ) -> tuple[Array, Poison | None, Array | None]:
        """The input as the spec reads it, what to do to the losses of invalid indices, and which are ignored.

        `longest` is the greatest value of lengths; class indices are bounded by the class axis.
        """
        shape = self.ops.shape(x)
        # Most calls come with the shapes of the call before; symbolic sizes cannot be compared.
        if self.traced or (shape, leading) != self.fitting:
            expected = self._expected(shape, leading)
            if not _equal(shape, expected):
                x = self._reshaped(x, shape, expected)
            elif not self.traced:
                self.fitting = (shape, leading)
        if self.layout.signed:
            x = (x + 1) * 0.5
        ignored = None if self.weighting is None else self.weighting.ignored(self.ops, x)
        if not self.is_index:
            return x, None, ignored
        if ignored is not None:
            x = self.ops.where(ignored, max(self.layout.lowest_index, 0), x)
        return *self._index(x, leading[self.axis] - 1 if longest is None else longest), ignored

    def _expected(self, shape: Sizes, leading: Sizes) -> Sizes:
        rule = self.layout.shape
        if rule == "free":
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
        if rule == "mutual":
            return self._mutual(shape, leading)
        return self._broadcastable(shape, leading)

    def _mutual(self, shape: Sizes, leading: Sizes) -> Sizes:
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
        tail = leading[len(leading) - len(shape) :] if len(shape) <= len(leading) else leading
        fits = len(shape) <= len(leading) and all(
            m in (n, 1) for m, n in zip(shape, tail, strict=True) if _known((m,), (n,))
        )
        return shape if fits else leading

    def _reshaped(self, x: Array, shape: Sizes, expected: Sizes) -> Array:
        if self.layout.any_shape and (not _known(shape, expected) or math.prod(shape) == math.prod(expected)):
            return self.ops.reshape(x, expected)
        wanted = {
            "broadcast": f"a shape that broadcasts to {expected}",
            "mutual": f"a shape that broadcasts against {expected}",
            "sequence": f"({expected[0]}, labels)",
        }.get(self.layout.shape, str(expected))
        if self.layout.any_shape:
            wanted += " or as many elements in another shape"
        raise ShapeError(
            f"{self.names.loss}: {self.names.of(self.role)} has shape {shape}, expected {wanted}"
        )

    def _index(self, x: Array, highest: int) -> tuple[Array, Poison | None]:
        layout, ops = self.layout, self.ops
        if layout.out_of_range == "clip":
            return self._clipped(x, highest)
        if layout.out_of_range == "wrap":
            x = ops.where(x < 0, x + (highest + 1), x)
        invalid = ops.logical_or(x < layout.lowest_index, x > highest)
        if self.floating:
            invalid = ops.logical_or(invalid, x != x)  # noqa: PLR0124  NaN, which is in no range
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
        return index, lambda like, losses, axis: ops.where(like(ops, invalid, losses, axis), instead, losses)

    def _clipped(self, x: Array, highest: int) -> tuple[Array, Poison | None]:
        ops, lowest = self.ops, self.layout.lowest_index
        if not self.floating:
            # Clipped before the cast, which may be a narrowing one.
            return ops.astype(ops.clip(x, min=lowest, max=highest), ops.index_dtype), None
        # NaN and infinity become any integer in the cast, so it is the integers that are clipped;
        # x - x, NaN for just these, is added to the losses.
        index = ops.clip(ops.astype(x, ops.index_dtype), min=lowest, max=highest)
        poison = x - x if self.to_compute is None else self.to_compute(x - x)
        return index, lambda like, losses, axis: losses + like(ops, poison, losses, axis)

    def _refuse(self, x: Array, highest: int) -> None:
        lowest = self.layout.lowest_index
        wrong = next(v for v in self.ops.to_numpy(x).reshape(-1) if not lowest <= v <= highest)
        raise LabelError(
            f"{self.names.loss}: {self.names.of(self.role)} holds {wrong}, expected {lowest} to {highest}"
        )


def _like_losses(ops: Backend, x: Array, losses: Array, axis: int) -> Array:
    """An array in the shape of the target, in the losses' shape where these keep the class axis."""
    return ops.expand_dims(x, axis=axis) if len(ops.shape(x)) < len(ops.shape(losses)) else x
