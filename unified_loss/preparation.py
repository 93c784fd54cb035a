"""The steps that are decided for each input before its values are seen: casts, axes, checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .arrangement import Names, Step, casting
from .errors import DtypeError, RangeError, ShapeError
from .layout import Layout
from .ops import FLOAT_DTYPES, INTEGER_DTYPES, Array
from .spec import Spec

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

_SUM_TOLERANCE = 1e-5
"""How far from 1 the sum of a distribution may be."""


def in_turn(*steps: Step | None) -> Step | None:
    """The step that takes several, those that are not None, one after the other."""
    wanted = [step for step in steps if step is not None]
    if len(wanted) < 2:
        return wanted[0] if wanted else None

    def run(x: Array) -> Array:
        for step in wanted:
            x = step(x)
        return x

    return run


_RANKS = {"sequence": 2, "batch": 1}
"""The number of axes, the batch's included, that inputs of some layouts have."""


def with_batch(backend: Backend, layout: Layout) -> Step | None:
    """Give an input of one sample its batch axis, where it is one that has one."""
    if layout.shape in ("classes", "broadcast", "free") or layout.always_batched:
        return None
    position = layout.axes.index("N") if layout.axes else 0
    return lambda x: backend.expand_dims(x, axis=position)


def without_axis(backend: Backend, axis: int, names: Names, role: str) -> Step:
    """Take the class axis from indices that come with it."""

    def squeeze(x: Array) -> Array:
        shape = backend.shape(x)
        if shape[axis] != 1:
            raise ShapeError(
                f"{names.loss}: {names.of(role)} has shape {shape}, expected 1 as the size of axis {axis}"
            )
        return backend.squeeze(x, axis)

    return squeeze


def permutation(
    backend: Backend, spec: Spec, layouts: Mapping[str, Layout], role: str, rank: int, names: Names
) -> Step | None:
    """Bring the axes into the order in which the spec reads them."""
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


def preparation(
    backend: Backend,
    spec: Spec,
    layouts: Mapping[str, Layout],
    role: str,
    x: Array,
    compute_dtype: str,
    names: Names,
    unbatched: bool,
) -> Step | None:
    """All that is done to an input before it is compared with the first."""
    batch = with_batch(backend, layouts[role]) if unbatched else None
    if batch is not None and len(backend.shape(x)) == _RANKS.get(layouts[role].shape):
        batch = None
    rank = len(backend.shape(x)) + (batch is not None)
    permute = in_turn(batch, permutation(backend, spec, layouts, role, rank, names))
    dtype = backend.dtype(x)
    if layouts[role].compared:
        return permute
    if layouts[role].holds_indices(dtype):
        if dtype not in INTEGER_DTYPES and not layouts[role].any_dtype:
            raise DtypeError(f"{names.loss}: {names.of(role)} has dtype {dtype}, expected integers")
        # Frameworks wrap a bound of more than 8 or 16 bits to the dtype that it is compared with.
        narrow = dtype in INTEGER_DTYPES and dtype not in ("int32", "int64")
        return in_turn(permute, casting(backend, "int64") if narrow else None)
    return in_turn(
        permute,
        to_numbers(backend, x, compute_dtype, names, role),
        range_check(backend, layouts[role], names, role),
    )


def to_numbers(backend: Backend, x: Array, dtype: str, names: Names, role: str) -> Step | None:
    """Cast to the dtype that the loss is computed in, or refuse what is no number."""
    given = backend.dtype(x)
    if given not in (*FLOAT_DTYPES, *INTEGER_DTYPES, "bool"):
        raise DtypeError(f"{names.loss}: {names.of(role)} has dtype {given}, expected real numbers")
    return None if given == dtype else casting(backend, dtype)


def range_check(backend: Backend, layout: Layout, names: Names, role: str) -> Step | None:
    """Refuse values outside the layout's range, where they can be read."""
    check = _sum_check(backend, names, role) if layout.sums_to_one else None
    if layout.within is not None:
        check = _bounds_check(backend, *layout.within, names, role)
    if check is None:
        return None
    # A program that is bound to values may be traced later, with the same types.
    return lambda x: check(x) if backend.is_concrete(x) else x


def _bounds_check(backend: Backend, lowest: float, highest: float, names: Names, role: str) -> Step:
    def check(x: Array) -> Array:
        # NaN is in no range, and refused by no framework.
        outside = backend.logical_or(x < lowest, x > highest)
        if bool(backend.any(outside)):
            wrong = next(v for v in backend.to_numpy(x).reshape(-1) if v < lowest or v > highest)
            raise RangeError(
                f"{names.loss}: {names.of(role)} holds {wrong}, expected values from {lowest} to {highest}"
            )
        return x

    return check


def _sum_check(backend: Backend, names: Names, role: str) -> Step:
    def check(x: Array) -> Array:
        total = backend.sum(x, axis=-1)
        close = backend.abs(total - 1) <= _SUM_TOLERANCE
        if not bool(backend.all(close)):
            sums = backend.to_numpy(total).reshape(-1)
            raise RangeError(
                f"{names.loss}: {names.of(role)} has sums from {sums.min()} to {sums.max()} along the last "
                "axis, expected distributions, which sum to 1"
            )
        return x

    return check
