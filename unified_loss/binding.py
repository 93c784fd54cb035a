"""Binds a plan to a backend, dtypes and ranks: all that can be decided before the values are seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .arrangement import (
    Arrangement,
    Names,
    Step,
    casting,
    level_ranks,
    like_losses,
    merged_axes,
    merging,
    read_rows,
    split_rows,
)
from .errors import DtypeError, ShapeError, UnsupportedOperation
from .evaluation import Evaluation
from .layout import Layout
from .ops import FLOAT_DTYPES, INTEGER_DTYPES, Array, requires_float32_accumulation
from .plan import Plan
from .preparation import in_turn, permutation, preparation, range_check, to_numbers, with_batch, without_axis
from .spec import Spec

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

Program = Callable[..., Array]
_DRAWN = ("candidates", "target_counts", "candidate_counts")
"""The roles of the inputs that a plan may draw itself."""

Bound = Callable[[Sequence[Array]], int]
"""The greatest index that an input may hold, given the inputs before it."""


def bind(plan: Plan, backend: Backend, arrays: Sequence[Array | None], names: Names) -> Program:
    """The program that evaluates a plan on tensors like these: its inputs in order, then the weight.

    It may be called again with tensors of the same framework, dtypes and ranks; shapes are checked
    at each call.
    """
    rows = _rows(plan, arrays)
    if rows is not None:
        return _bind_rows(plan, backend, rows, names)
    levelled = next((role for role, layout in plan.layouts if layout.levels_ranks), None)
    position = 0 if levelled is None else plan.inputs.index(levelled)
    if not position or arrays[position] is None:
        return _bind(plan, backend, arrays, names)
    programs = dict[tuple[int, int], Program]()

    def program(*given: Array) -> Array:
        first, other = level_ranks(backend, given[0], given[position])
        given = (first, *given[1:position], other, *given[position + 1 :])
        ranks = len(backend.shape(first)), len(backend.shape(other))
        if ranks not in programs:
            programs[ranks] = _bind(plan, backend, given, names)
        return programs[ranks](*given)

    guarded: Program = backend.guard(program)
    return guarded


def _rows(plan: Plan, arrays: Sequence[Array | None]) -> tuple[str, str] | None:
    """The role of an input that has rows of several lengths, and that of these lengths."""
    for role, layout in plan.layouts:
        if layout.rows is not None:
            given = arrays[plan.inputs.index(role)], arrays[plan.inputs.index(layout.rows)]
            if all(x is not None for x in given):
                return role, layout.rows
    return None


def _bind_rows(plan: Plan, backend: Backend, roles: tuple[str, str], names: Names) -> Program:
    role, lengths = roles
    position, by = plan.inputs.index(role), plan.inputs.index(lengths)
    programs: list[Program] = []

    def program(*given: Array) -> Array:
        batched = len(backend.shape(given[0])) != plan.unbatched
        if batched and len(backend.shape(given[position])) == 1:
            rows = split_rows(backend, given[position], given[by], names, role)
        else:
            rows = read_rows(backend, given[position], given[by])
        given = (*given[:position], rows, *given[position + 1 :])
        if not programs:
            programs.append(_bind(plan, backend, given, names))
        return programs[0](*given)

    guarded: Program = backend.guard(program)
    return guarded


def _bind(plan: Plan, backend: Backend, arrays: Sequence[Array | None], names: Names) -> Program:
    spec = Spec.registry[plan.spec]
    layouts = dict(plan.layouts)
    width, first = len(spec.inputs), spec.inputs[0]
    weight, rest = arrays[width], arrays[width + 1 :]
    _check_given(plan, spec, arrays, names)
    dtype, rank = _leading_dtype(backend, arrays[0], names, first, plan), len(backend.shape(arrays[0]))
    unbatched = rank == plan.unbatched
    drop_batch = unbatched and not any(layout.always_batched for layout in layouts.values())
    merged = merged_axes(layouts[first], rank, names)
    spec_rank = rank + unbatched - max(len(merged) - 1, 0)
    axis = _class_axis(dict(plan.parameters), spec_rank, names, spec)
    own_dtype = _promoted(backend, plan, dtype if dtype in FLOAT_DTYPES else "float32", arrays)
    result_dtype = plan.dtype or own_dtype
    float_dtype = result_dtype if result_dtype in FLOAT_DTYPES else own_dtype
    compute_dtype = "float32" if requires_float32_accumulation(float_dtype) else float_dtype

    convert_first = in_turn(
        with_batch(backend, layouts[first]) if unbatched else None,
        permutation(backend, spec, layouts, first, rank + unbatched, names),
        merging(backend, merged, rank) if merged else None,
        None if dtype == compute_dtype else casting(backend, compute_dtype),
        range_check(backend, layouts[first], names, first),
    )
    arrange, keeps_axis = _arrangements(
        plan, backend, arrays, names, axis=axis, rank=rank, dtype=compute_dtype, merged=merged
    )
    parameters = {
        name: backend.constant(value, compute_dtype) if isinstance(value, float) else value
        for name, value in plan.parameters
    }
    if keeps_axis and "keepdims" in parameters:
        parameters["keepdims"] = True
    ops = backend
    cast_weight = None if weight is None else to_numbers(backend, weight, compute_dtype, names, "weight")
    cast_rest = [to_numbers(backend, x, compute_dtype, names, spec.rest or "") for x in rest]
    evaluate = Evaluation(plan, backend, names, axis, parameters, spec_rank, cast_weight)
    complete = _drawing(backend, plan, spec, arrays, compute_dtype, names)

    def program(*given: Array) -> Array:
        leading = given[0] if convert_first is None else convert_first(given[0])
        inputs: list[Array | None] = [None] * width
        inputs[0] = leading
        shape = ops.shape(leading)
        invalid = ignored = None
        for i, arrangement, bound, convert, like in arrange:
            x = given[i] if convert is None else convert(given[i])
            highest = None if bound is None else bound(inputs)
            expected = ops.shape(inputs[like]) if like else shape
            inputs[i], poison, left_out = arrangement(x, expected, highest)
            invalid = invalid if poison is None else poison
            ignored = ignored if left_out is None else left_out
        if ignored is not None and plan.weighting.hides_ignored:
            inputs[0] = ops.where(like_losses(ops, ignored, leading, axis), 0.0, leading)
        if complete is not None:
            complete(inputs)
        pairs = zip(given[width + 1 :], cast_rest, strict=True)
        others = [x if cast is None else cast(x) for x, cast in pairs]
        result = evaluate(inputs, others, invalid, ignored, given[width])
        if drop_batch and len(ops.shape(result)):
            result = ops.squeeze(result, 0)
        # NumPy 1 widens a float32 scalar that meets a Python number to float64.
        return result if ops.dtype(result) == result_dtype else ops.astype(result, result_dtype)

    guarded: Program = backend.guard(program)
    return guarded


# --------------------------------------------------------------------- decided at binding


def _arrangements(
    plan: Plan,
    backend: Backend,
    arrays: Sequence[Array | None],
    names: Names,
    *,
    axis: int,
    rank: int,
    dtype: str,
    merged: tuple[int, ...],
) -> tuple[list[tuple[int, Arrangement, Bound | None, Step | None, int]], bool]:
    """What is done to each input but the first, and whether one keeps the class axis."""
    spec, layouts = Spec.registry[plan.spec], dict(plan.layouts)
    unbatched = rank == plan.unbatched
    given_roles = {role for role, x in zip(spec.inputs, arrays, strict=False) if x is not None}
    keeping = {
        role
        for role in given_roles
        if layouts[role].keeps_axis and len(backend.shape(arrays[spec.inputs.index(role)])) == rank
    }
    dropping = {
        role
        for role in given_roles
        if layouts[role].drops_axis
        and len(backend.shape(arrays[spec.inputs.index(role)])) == rank
        and layouts[role].holds_indices(backend.dtype(arrays[spec.inputs.index(role)]))
    }
    whole = {
        role
        for role in given_roles
        if layouts[role].merged and len(backend.shape(arrays[spec.inputs.index(role)])) == rank
    }
    arrange = [
        (
            i,
            Arrangement(backend, names, plan, role, axis, arrays[i], dtype),
            _bound(backend, plan, spec, layouts[role]),
            in_turn(
                preparation(backend, spec, layouts, role, arrays[i], dtype, names, unbatched),
                without_axis(backend, axis, names, role) if role in keeping | dropping else None,
                merging(backend, merged, rank) if role in whole else None,
            ),
            spec.inputs.index(like) if (like := layouts[role].like) else 0,
        )
        for i, role in enumerate(spec.inputs)
        if i and role in given_roles and layouts[role].unread_beside not in given_roles
    ]
    return arrange, bool(keeping)


def insists(spec: Spec, role: str, layout: Layout) -> bool:
    """Whether an input must be given; a plan may do without one that the spec alone insists on."""
    required = spec.layouts[role].required if layout.required is None else layout.required
    return role not in spec.optional or required is True


def _check_given(plan: Plan, spec: Spec, arrays: Sequence[Array | None], names: Names) -> None:
    """Refuse an input that is missing, or too many."""
    for (role, layout), x in zip(plan.layouts, arrays, strict=False):
        drawn = plan.candidates is not None and role in _DRAWN
        if x is None and not drawn and insists(spec, role, layout):
            raise TypeError(f"{names.loss}: argument {names.of(role)!r} is missing")
        if x is not None and layout.required is False:
            raise TypeError(f"{names.loss}: argument {names.of(role)!r} is given, but not to be used")


def _leading_dtype(backend: Backend, x: Array, names: Names, role: str, plan: Plan) -> str:
    dtype: str = backend.dtype(x)
    cast = plan.dtype is not None or dict(plan.layouts)[role].any_dtype
    if dtype not in FLOAT_DTYPES and not (cast and dtype in (*INTEGER_DTYPES, "bool")):
        raise DtypeError(
            f"{names.loss}: {names.of(role)} has dtype {dtype}, expected one of {', '.join(FLOAT_DTYPES)}"
        )
    return dtype


def _promoted(backend: Backend, plan: Plan, dtype: str, arrays: Sequence[Array | None]) -> str:
    """The widest float dtype of the first input and those that promote it."""
    for (_, layout), x in zip(plan.layouts, arrays, strict=False):
        # A single number has no say in the dtype.
        if layout.promotes and x is not None and backend.shape(x):
            other = backend.dtype(x)
            if other in FLOAT_DTYPES and other != dtype:
                halves = {dtype, other} == {"float16", "bfloat16"}
                dtype = "float32" if halves else max(dtype, other, key=FLOAT_DTYPES.index)
    return dtype


def _class_axis(parameters: Mapping[str, Any], rank: int, names: Names, spec: Spec) -> int:
    for name in ("axis", "batch_axis", "axes"):
        value = parameters.get(name)
        axes = value if isinstance(value, tuple) else () if value is None else (value,)
        if not all(-rank <= axis < rank for axis in axes):
            raise ShapeError(
                f"{names.loss}: {name} {value} is out of range: {names.of(spec.inputs[0])} has {rank} axes"
            )
    axis: int = parameters.get("axis", -1)
    return axis % rank if rank else 0


def _bound(backend: Backend, plan: Plan, spec: Spec, layout: Layout) -> Bound | None:
    """What the greatest index or length is, where the class axis does not say it."""
    if layout.limit is not None:
        limit = spec.inputs.index(layout.limit)
        return lambda inputs: backend.shape(inputs[limit])[1]
    if layout.classes is None:
        return None
    if layout.classes in spec.inputs:
        rows = spec.inputs.index(layout.classes)
        return lambda inputs: backend.shape(inputs[rows])[0] - 1
    count = dict(plan.parameters)[layout.classes]
    return lambda _: count - 1


def _drawing(
    backend: Backend,
    plan: Plan,
    spec: Spec,
    arrays: Sequence[Array | None],
    compute_dtype: str,
    names: Names,
) -> Callable[[list[Array | None]], None] | None:
    """Fill in candidates that were not given, and how often a sample is expected to hold a class."""
    if plan.candidates is None or arrays[spec.inputs.index(_DRAWN[0])] is not None:
        return None
    draw = plan.candidates.bind()
    target, (sampled, of_target, of_sampled) = spec.inputs.index("target"), map(spec.inputs.index, _DRAWN)

    def complete(inputs: list[Array | None]) -> None:
        # Of labels, which are not differentiated, also JAX's gradients have the values.
        if not backend.is_concrete(inputs[target]):
            raise UnsupportedOperation(
                f"{names.loss}: draws candidates at each call, which compiled it would do once and for all; "
                f"give {names.of(_DRAWN[0])!r}"
            )
        candidates, counts = draw()
        inputs[sampled] = backend.asarray(candidates.astype(backend.index_dtype), like=inputs[target])
        expected = backend.asarray(counts.astype(compute_dtype), like=inputs[0])
        inputs[of_target] = backend.take(expected, inputs[target])
        inputs[of_sampled] = backend.take(expected, inputs[sampled])

    return complete
