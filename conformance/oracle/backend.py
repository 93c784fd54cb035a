"""The oracle as a backend: every operation exact, to as many digits as are asked for.

No program selects it; it runs what is called with its arrays. So a plan runs on it through the same
binding as on any framework: layouts, labels, weighting and reductions included.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from unified_loss.backends.base import Backend

from unified_loss.ops import FLOAT_DTYPES, Array, Axis

from . import functions
from .array import (
    OracleArray,
    Pull,
    as_array,
    broadcast_from,
    gradients,
    in_the_limit,
    scaled,
    summed,
    zeros,
)
from .real import ONE, ZERO, Real

_IRRATIONAL = {
    math.log(2): functions.LOG_2,
    2 * math.pi: functions.TWO_PI,
    0.5 * math.log(2 * math.pi): functions.HALF_LOG_TWO_PI,
}
"""The numbers that specs can only give rounded to float64."""

_HELD_AS = {"bfloat16": "float32"}
"""What holds the numbers of a dtype that NumPy lacks."""

_exp, _log, _log1p, _sqrt, _cos, _sin, _acos = (
    np.frompyfunc(function, 1, 1)
    for function in (
        functions.exp,
        functions.log,
        functions.log1p,
        functions.sqrt,
        functions.cos,
        functions.sin,
        functions.acos,
    )
)
_power = np.frompyfunc(functions.power, 2, 1)
_isinf = np.frompyfunc(lambda x: x.isinf, 1, 1)
_isnan = np.frompyfunc(lambda x: x.isnan, 1, 1)


def _larger(a: Real, b: Real) -> Real:
    return a if a.isnan or not (b > a or b.isnan) else b


_maximum = np.frompyfunc(_larger, 2, 1)


class OracleBackend(Backend):
    """Arrays of reals with as many digits as the working precision says."""

    name = "oracle"
    module = "mpmath"
    distribution = "mpmath"
    index_dtype = "int64"

    # ---------------------------------------------------------------------------- tensors

    def is_tensor(self, x: object, /) -> bool:
        return isinstance(x, OracleArray)

    def shape(self, x: Array, /) -> tuple[int, ...]:
        return x.shape  # type: ignore[no-any-return]

    def dtype(self, x: Array, /) -> str:
        return x.dtype  # type: ignore[no-any-return]

    def from_numpy(self, array: Any, dtype: str, like: Array | None, /) -> Array:
        # Inputs are what the dtype can hold; from there on nothing is rounded.
        floats = dtype in FLOAT_DTYPES
        return OracleArray.of(array.astype(_HELD_AS.get(dtype, dtype)) if floats else array, dtype)

    def to_numpy(self, x: Array, /) -> Any:
        return x.data.astype("float64") if x.is_float else x.data

    def constant(self, value: float, dtype: str, /) -> Any:
        exact = _IRRATIONAL.get(value)
        return value if exact is None else exact()

    def astype(self, x: Array, dtype: str, /) -> Array:
        if x.is_float and dtype in FLOAT_DTYPES:
            return OracleArray(x.data, dtype, [(x, lambda gradient: gradient)])
        if not x.is_float:
            return OracleArray.of(x.data, dtype)
        if dtype == "bool":
            return x != 0
        # Whatever integers NaN and infinities become elsewhere, it is no number that can be relied on.
        whole = np.frompyfunc(lambda e: 0 if e.isnan or e.lost or e.isinf else int(e), 1, 1)
        return OracleArray(as_array(whole(x.data)).astype(dtype), dtype)

    def stop_gradient(self, x: Array, /) -> Array:
        return OracleArray(x.data, x.dtype)

    def replace_gradient(self, value: Array, x: Array, gradient: Array, /) -> Array:
        return OracleArray(value.data, value.dtype, [(x, lambda _: gradient.data)])

    def value_and_grad(
        self, function: Callable[..., Array], argnums: tuple[int, ...], args: Sequence[Array]
    ) -> tuple[Array, tuple[Array, ...]]:
        inputs = {i: OracleArray(args[i].data, args[i].dtype, is_input=True) for i in argnums}
        value = function(*(inputs.get(i, x) for i, x in enumerate(args)))
        found = gradients(value, list(inputs.values()))
        grads = tuple(OracleArray(g, args[i].dtype) for i, g in zip(inputs, found, strict=True))
        return self.stop_gradient(value), grads

    # ------------------------------------------------------------------------- making arrays

    def eye(self, n: int, /, *, like: Array) -> Array:
        return OracleArray.of(np.eye(n), like.dtype)

    def arange(self, n: int, /, *, dtype: str, like: Array) -> Array:
        return OracleArray.of(np.arange(n), dtype)

    # --------------------------------------------------------------------------- elementwise

    def _mapped(self, x: Array, values: Any, slope: Callable[[], Any]) -> Array:
        """The values of a function, and its gradient from its slope."""
        return x.made(values, (x, lambda gradient: scaled(gradient, in_the_limit(slope(), x.data))))

    def abs(self, x: Array, /) -> Array:
        if not x.is_float:
            return x.made(np.abs(x.data))
        return self.where(x < 0, -x, self.where(x == 0, 0.0, x))

    def exp(self, x: Array, /) -> Array:
        values = _exp(x.data)
        return self._mapped(x, values, lambda: values)

    def log(self, x: Array, /) -> Array:
        return self._mapped(x, _log(x.data), lambda: ONE / x.data)

    def log1p(self, x: Array, /) -> Array:
        return self._mapped(x, _log1p(x.data), lambda: ONE / (ONE + x.data))

    def sqrt(self, x: Array, /) -> Array:
        values = _sqrt(x.data)
        return self._mapped(x, values, lambda: ONE / (values * 2))

    def square(self, x: Array, /) -> Array:
        return x * x

    def pow(self, x: Array, exponent: float, /) -> Array:
        if exponent == 0:
            return OracleArray(np.full(x.shape, ONE, dtype=object), x.dtype)
        return self._mapped(x, _power(x.data, exponent), lambda: _power(x.data, exponent - 1) * exponent)

    def cos(self, x: Array, /) -> Array:
        return self._mapped(x, _cos(x.data), lambda: -_sin(x.data))

    def acos(self, x: Array, /) -> Array:
        return self._mapped(x, _acos(x.data), lambda: -(ONE / _sqrt(ONE - x.data * x.data)))

    def relu(self, x: Array, /) -> Array:
        return self.where(x <= 0, 0.0, x)

    def clip(self, x: Array, /, min: float | None = None, max: float | None = None) -> Array:
        below = x if min is None else self.where(x < min, min, x)
        return below if max is None else self.where(below > max, max, below)

    def isinf(self, x: Array, /) -> Array:
        return OracleArray(as_array(_isinf(x.data)).astype(bool), "bool")

    def isnan(self, x: Array, /) -> Array:
        return OracleArray(as_array(_isnan(x.data)).astype(bool), "bool")

    def maximum(self, x1: Array, x2: Array, /) -> Array:
        larger = _maximum(x1.data, x2.data) if x1.is_float else np.maximum(x1.data, x2.data)
        first, second = (self.where(x == x1.made(larger), 1.0, 0.0 * x) for x in (x1, x2))
        both = (first + second).data
        to_x1, to_x2 = broadcast_from(x1), broadcast_from(x2)
        return x1.made(
            larger,
            (x1, lambda g: to_x1(scaled(g, first.data / both))),
            (x2, lambda g: to_x2(scaled(g, second.data / both))),
        )

    def where(self, condition: Array, x1: Array | float, x2: Array | float, /) -> Array:
        array: Array = x1 if isinstance(x1, OracleArray) else x2
        a, b = array.beside(x1), array.beside(x2)
        chosen, to_a, to_b = condition.data, broadcast_from(a), broadcast_from(b)
        zero = as_array(ZERO)
        return array.made(
            np.where(chosen, a.data, b.data),
            (a, lambda g: to_a(np.where(chosen, g, zero))),
            (b, lambda g: to_b(np.where(chosen, zero, g))),
        )

    def logical_and(self, x1: Array, x2: Array, /) -> Array:
        return OracleArray(np.logical_and(x1.data, x2.data), "bool")

    def logical_or(self, x1: Array, x2: Array, /) -> Array:
        return OracleArray(np.logical_or(x1.data, x2.data), "bool")

    def logical_not(self, x: Array, /) -> Array:
        return OracleArray(np.logical_not(x.data), "bool")

    def any(self, x: Array, /) -> Array:
        return OracleArray(np.any(x.data), "bool")

    # ---------------------------------------------------------------------------- reductions

    def sum(self, x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
        if not x.is_float:
            return x.made(np.sum(x.data, axis=axis, keepdims=keepdims, dtype=x.data.dtype))
        spread = _spreading(x, axis)
        return x.made(summed(x.data, axis, keepdims), (x, spread))

    def mean(self, x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
        if axis == ():
            return x
        axes = range(len(x.shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
        return self.sum(x, axis=axis, keepdims=keepdims) / math.prod(x.shape[i] for i in axes)

    def max(self, x: Array, /, *, axis: int, keepdims: bool = False) -> Array:
        if not x.is_float:
            return x.made(np.max(x.data, axis=axis, keepdims=keepdims))
        largest = np.expand_dims(as_array(_maximum.reduce(x.data, axis=axis)), axis)
        # NaN is the largest, and equal to nothing.
        ties = self.where(x == x.made(largest), 1.0, OracleArray(zeros(x.shape), x.dtype)).data
        share = ties / summed(ties, axis, keepdims=True)
        spread = _spreading(x, axis)
        values = largest if keepdims else np.squeeze(largest, axis)
        return x.made(values, (x, lambda g: scaled(spread(g), share)))

    def cumulative_sum(self, x: Array, /, *, axis: int) -> Array:
        if not x.is_float:
            return x.made(np.cumsum(x.data, axis=axis, dtype=x.data.dtype))

        def pull(gradient: Any) -> Any:
            return np.flip(np.add.accumulate(np.flip(gradient, axis), axis=axis), axis)

        return x.made(np.add.accumulate(x.data, axis=axis), (x, pull))

    def argsort(self, x: Array, /, *, axis: int) -> Array:
        def order(row: Any) -> Any:
            key = functools.cmp_to_key(lambda i, j: _order(row[i], row[j]))
            return np.array(sorted(range(len(row)), key=key), dtype="int64")

        if not x.is_float:
            return OracleArray(np.argsort(x.data, axis=axis, kind="stable"), "int64")
        rows = np.moveaxis(x.data, axis, -1)
        found = [order(row) for row in rows.reshape(-1, rows.shape[-1])]
        places = np.array(found, dtype="int64").reshape(rows.shape)
        return OracleArray(np.moveaxis(places, -1, axis), "int64")

    def matmul(self, x1: Array, x2: Array, /) -> Array:
        products = self.expand_dims(x1, axis=-1) * self.expand_dims(x2, axis=-3)
        return self.sum(products, axis=-2)

    # --------------------------------------------------------------------------- arrangement

    def _moved(self, x: Array, move: Callable[[Any], Any], back: Pull) -> Array:
        return x.made(move(x.data), (x, back))

    def reshape(self, x: Array, /, shape: tuple[int, ...]) -> Array:
        return self._moved(x, lambda data: data.reshape(shape), lambda g: g.reshape(x.shape))

    def expand_dims(self, x: Array, /, *, axis: int) -> Array:
        return self._moved(x, lambda data: np.expand_dims(data, axis), lambda g: g.reshape(x.shape))

    def squeeze(self, x: Array, /, axis: int) -> Array:
        return self._moved(x, lambda data: np.squeeze(data, axis), lambda g: g.reshape(x.shape))

    def permute_dims(self, x: Array, /, axes: tuple[int, ...]) -> Array:
        back = tuple(np.argsort(axes))
        return self._moved(x, lambda data: np.transpose(data, axes), lambda g: np.transpose(g, back))

    def broadcast_to(self, x: Array, /, shape: tuple[int, ...]) -> Array:
        return self._moved(x, lambda data: np.broadcast_to(data, shape), broadcast_from(x))

    def concat(self, arrays: Sequence[Array], /, *, axis: int) -> Array:
        ends = np.cumsum([x.shape[axis] for x in arrays])

        def part(i: int) -> Pull:
            return lambda gradient: np.split(gradient, ends[:-1], axis=axis)[i]

        data = np.concatenate([x.data for x in arrays], axis=axis)
        return arrays[0].made(data, *((x, part(i)) for i, x in enumerate(arrays)))

    def stack(self, arrays: Sequence[Array], /, *, axis: int) -> Array:
        return self.concat([self.expand_dims(x, axis=axis) for x in arrays], axis=axis)

    def unstack(self, x: Array, /, *, axis: int) -> tuple[Array, ...]:
        before = (slice(None),) * (axis % len(x.shape))
        return tuple(x[(*before, i)] for i in range(x.shape[axis]))

    def take_along_axis(self, x: Array, indices: Array, /, *, axis: int) -> Array:
        grids: list[Any] = list(np.ogrid[tuple(slice(n) for n in indices.shape)])
        grids[axis] = indices.data
        return self._picked(x, tuple(grids))

    def take(self, x: Array, indices: Array, /) -> Array:
        return self._picked(x, (indices.data,))

    def _picked(self, x: Array, places: tuple[Any, ...]) -> Array:
        def pull(gradient: Any) -> Any:
            whole = zeros(x.shape)
            # An entry that was picked several times has the sum of their gradients.
            np.add.at(whole, places, gradient)
            return whole

        return x.made(x.data[places], (x, pull))


def _spreading(x: OracleArray, axis: Axis) -> Pull:
    """What gives each entry of a sum the gradient of the sum."""
    axes = tuple(range(len(x.shape))) if axis is None else (axis,) if isinstance(axis, int) else axis
    kept = tuple(1 if i in {a % len(x.shape) for a in axes} else n for i, n in enumerate(x.shape))
    return lambda gradient: np.broadcast_to(gradient.reshape(kept), x.shape)


def _order(a: Real, b: Real) -> int:
    """Which of two comes first in ascending order; NaN comes last."""
    order = a.compared(b)
    return int(a.isnan) - int(b.isnan) if order is None else order


@functools.cache
def oracle_backend() -> OracleBackend:
    """The one oracle; it says what to install without mpmath."""
    return OracleBackend()
