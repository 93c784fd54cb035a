"""In which ways operations can be wrong, on any backend: each is an error that backends have had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from unified_loss.ops import INTEGER_DTYPES, LARGEST_FINITE

from .particular_errors import PARTICULAR
from .wrong import GRADIENT_OFF, Call, Result, Wrong, wrong_gradient

_OFF = 1e-3
"""Relative; the least error of a value that counts."""


def errors_of(op: str) -> Iterator[Wrong]:
    """All the ways in which an operation is made wrong."""
    if op in _FLOATS:
        yield Wrong("off by 1e-3", _each(lambda c, y: c.cast(y * (1 + _OFF), y)))
    if op in _PROPAGATING:
        yield Wrong("NaN becomes 0", _each(_nan_lost))
    if op in _UNBOUNDED:
        yield Wrong("infinity becomes finite", _each(_infinity_lost))
    if op in _DIFFERENTIABLE:
        yield wrong_gradient("no gradient", _each(lambda c, y: c.without_gradient(y)))
        if op != "replace_gradient":
            yield wrong_gradient("gradient off by 1e-2", _each(_gradient_off))
    if op in _INTEGERS:
        yield Wrong("integers off by 1", _integers_off, ("integer",))
    if op in _BOOLEANS:
        yield Wrong("true and false exchanged", _exchanged, ("bool",))
    yield from PARTICULAR.get(op, ())


def _each(change: Callable[[Call, Any], Any]) -> Result:
    """Changes the floats of a result, be it one array or several."""

    def result(call: Call) -> Any:
        value = call.value()
        if isinstance(value, tuple | list):
            return tuple(change(call, y) if call.is_float(y) else y for y in value)
        if isinstance(value, float) and call.op == "constant":
            return value * (1 + _OFF)
        return change(call, value) if call.is_float(value) else value

    return result


def _nan_lost(call: Call, y: Any) -> Any:
    return call.ops.where(y != y, 0.0, y)  # noqa: PLR0124


def _infinity_lost(call: Call, y: Any) -> Any:
    largest = LARGEST_FINITE[call.ops.dtype(y)]
    finite = call.ops.where(y > 0, largest, call.ops.where(y < 0, -largest, y))
    return call.ops.where(call.ops.isinf(y), finite, y)


def _gradient_off(call: Call, y: Any) -> Any:
    return call.cast(y + GRADIENT_OFF * call.only_gradient(y), y)


def _integers_off(call: Call) -> Any:
    value = call.value()
    if isinstance(value, tuple | list):
        return tuple(y + 1 if call.dtype(y) in INTEGER_DTYPES else y for y in value)
    return value + 1 if call.dtype(value) in INTEGER_DTYPES else value


def _exchanged(call: Call) -> Any:
    value = call.value()
    return call.ops.logical_not(value) if call.dtype(value) == "bool" else value


# --------------------------------------------------------------------- which have which

_PROPAGATING = (
    "abs", "clip", "exp", "log", "log1p", "sqrt", "square", "pow", "relu", "maximum", "minimum", "sum",
    "mean", "max", "cumulative_sum", "matmul", "positive_part", "even_max", "sigmoid", "log_sigmoid",
    "softplus", "logsumexp", "log_softmax", "softmax", "xlogy", "multiply_no_nan", "vector_norm",
)  # fmt: skip
_DIFFERENTIABLE = (
    *_PROPAGATING, "cos", "acos", "where", "min", "sort", "reshape", "expand_dims", "squeeze",
    "permute_dims", "concat", "stack", "unstack", "broadcast_to", "take_along_axis", "take",
    "slice_along_axis", "tanh", "replace_gradient",
)  # fmt: skip
_FLOATS = (
    *_DIFFERENTIABLE, "astype", "eye", "arange", "stop_gradient", "gradient", "constant", "ones_like",
    "one_hot",
)  # fmt: skip
_UNBOUNDED = ("exp", "log", "sum", "mean", "where", "max", "logsumexp", "softplus", "square", "abs")
_INTEGERS = (
    "astype", "arange", "clip", "where", "sum", "cumulative_sum", "argsort", "reshape", "expand_dims",
    "squeeze", "concat", "stack", "unstack", "take", "slice_along_axis", "broadcast_to",
)  # fmt: skip
_BOOLEANS = (
    "isinf", "logical_and", "logical_or", "logical_not", "any", "all", "isnan", "equal",
    "expand_dims", "broadcast_to",
)  # fmt: skip
