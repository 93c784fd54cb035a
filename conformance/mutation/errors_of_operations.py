"""In which ways an operation can be wrong, on any backend: each is an error that backends have had."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unified_loss.ops import FLOAT_DTYPES, INTEGER_DTYPES, LARGEST_FINITE

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

_OFF = 1e-3
"""Relative; the least error that counts."""

_GRADIENT_OFF = 1e-2


@dataclass(frozen=True, eq=False)
class Call:
    """A call of an operation.

    Parameters
    ----------
    ops : the operations to be wrong with; the one that is called is right among them
    op : its name
    correct : the operation
    args, keywords : of the call
    """

    ops: Backend
    op: str
    correct: Callable[..., Any]
    args: tuple[Any, ...]
    keywords: Mapping[str, Any]

    def value(self) -> Any:
        """What the operation gives."""
        return self.correct(*self.args, **self.keywords)

    def dtype(self, x: Any) -> str:
        """The dtype of an array; empty for what is none."""
        if isinstance(x, bool | int | float | str | type(None)):
            return ""
        try:
            return self.ops.dtype(x)
        except (AttributeError, KeyError, TypeError):
            return ""

    def is_float(self, x: Any) -> bool:
        """Whether it is an array of floats."""
        return self.dtype(x) in FLOAT_DTYPES

    def cast(self, x: Any, like: Any) -> Any:
        """In the dtype of another: a framework may widen a number that meets a Python number."""
        dtype = self.ops.dtype(like)
        return x if self.ops.dtype(x) == dtype else self.ops.astype(x, dtype)

    def without_gradient(self, x: Any) -> Any:
        """The same values, through which no gradient flows."""
        return self.ops.stop_gradient(x)

    def only_gradient(self, x: Any) -> Any:
        """Zeros that have the gradient of `x`, where that is finite."""
        fixed = self.without_gradient(x)
        odd = self.ops.logical_or(self.ops.isinf(fixed), fixed != fixed)  # noqa: PLR0124
        return self.ops.where(odd, 0.0, x) - self.ops.where(odd, 0.0, fixed)


Result = Callable[[Call], Any]


@dataclass(frozen=True, eq=False)
class Wrong:
    """One way to be wrong.

    Parameters
    ----------
    name : what is wrong
    result : gives the wrong result of a call
    sorts : the sorts of results that are then wrong
    """

    name: str
    result: Result
    sorts: tuple[str, ...] = ("float",)


def errors_of(op: str) -> Iterator[Wrong]:
    """All the ways in which an operation is made wrong."""
    if op in _FLOATS:
        yield Wrong("off by 1e-3", _each(lambda c, y: c.cast(y * (1 + _OFF), y)))
    if op in _PROPAGATING:
        yield Wrong("NaN becomes 0", _each(_nan_lost))
    if op in _UNBOUNDED:
        yield Wrong("infinity becomes finite", _each(_infinity_lost))
    if op in _DIFFERENTIABLE:
        yield Wrong("no gradient", _each(lambda c, y: c.without_gradient(y)))
        if op != "replace_gradient":
            yield Wrong("gradient off by 1e-2", _each(_gradient_off))
    if op in _INTEGERS:
        yield Wrong("integers off by 1", _integers_off, ("integer",))
    if op in _BOOLEANS:
        yield Wrong("true and false exchanged", _exchanged, ("bool",))
    yield from _OWN.get(op, ())


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
    return call.cast(y + _GRADIENT_OFF * call.only_gradient(y), y)


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
    "slice_along_axis", "replace_gradient",
)  # fmt: skip
_FLOATS = (
    *_DIFFERENTIABLE, "astype", "eye", "arange", "stop_gradient", "gradient", "constant", "ones_like",
    "one_hot",
)  # fmt: skip
_UNBOUNDED = ("exp", "log", "sum", "mean", "where", "max", "logsumexp", "softplus", "square", "abs")
_INTEGERS = (
    "astype", "arange", "clip", "where", "sum", "cumulative_sum", "argsort", "reshape", "expand_dims",
    "squeeze", "concat", "stack", "unstack", "take", "take_along_axis", "slice_along_axis", "broadcast_to",
)  # fmt: skip
_BOOLEANS = (
    "isinf", "logical_and", "logical_or", "logical_not", "any", "all", "isnan", "expand_dims",
    "reshape", "broadcast_to",
)  # fmt: skip


# ---------------------------------------------------------------- of single operations


def _at(when: Callable[[Call], Any], gradient: float) -> Result:
    """Adds to the gradient where something holds of the first argument, and not to the value."""

    def result(call: Call) -> Any:
        y, x = call.value(), call.args[0]
        if not call.is_float(y):
            return y
        change = call.ops.where(when(call), call.only_gradient(x), 0.0)
        return call.cast(y + gradient * change, y)

    return result


def _bounds(call: Call) -> tuple[float | None, float | None]:
    given = dict(zip(("min", "max"), call.args[1:], strict=False)) | dict(call.keywords)
    return given.get("min"), given.get("max")


def _no_gradient_at_bounds(call: Call) -> Any:
    y, x = call.value(), call.args[0]
    if not call.is_float(y):
        return y
    for bound in _bounds(call):
        if bound is not None:
            y = call.ops.where(x == bound, call.without_gradient(y), y)
    return y


def _gradient_beyond_bounds(call: Call) -> Any:
    y, x = call.value(), call.args[0]
    return y if not call.is_float(y) else call.cast(call.without_gradient(y) + call.only_gradient(x), y)


def _without_bound(number: int) -> Result:
    def result(call: Call) -> Any:
        bounds: list[float | None] = list(_bounds(call))
        bounds[number] = None
        return call.correct(call.args[0], min=bounds[0], max=bounds[1])

    return result


def _rounded(call: Call) -> Any:
    x, dtype = call.args
    if dtype in INTEGER_DTYPES and call.is_float(x):
        x = call.ops.where(x < 0, x - 0.5, x + 0.5)
    return call.correct(x, dtype)


def _through(narrow: str, of: tuple[str, ...]) -> Result:
    def result(call: Call) -> Any:
        x, dtype = call.args
        return call.correct(call.correct(x, narrow) if call.ops.dtype(x) in of else x, dtype)

    return result


def _other_axis(call: Call) -> Any:
    x, axis = call.args[0], call.keywords.get("axis")
    rank = len(call.ops.shape(x))
    if rank < 2 or not isinstance(axis, int):
        return call.value()
    return call.correct(x, *call.args[1:], **{**call.keywords, "axis": (axis + 1) % rank})


def _of_negative(call: Call) -> Any:
    return -call.correct(-call.args[0], *call.args[1:], **call.keywords)


def _of_negatives(call: Call) -> Any:
    return -call.correct(*(-x for x in call.args))


def _exchanged_branches(call: Call) -> Any:
    condition, x1, x2 = call.args
    return call.correct(condition, x2, x1)


def _narrower(call: Call) -> Any:
    dtype = call.value()
    return "float32" if dtype == "float64" else dtype


def _given_gradient_off(call: Call) -> Any:
    value, x, gradient = call.args
    return call.correct(value, x, call.cast(gradient * (1 + _GRADIENT_OFF), gradient))


def _reversed(call: Call) -> Any:
    return call.correct(list(call.args[0])[::-1], **call.keywords)


def _reversed_slices(call: Call) -> Any:
    return tuple(call.value())[::-1]


def _next_index(call: Call) -> Any:
    x, indices = call.args
    axis = call.keywords.get("axis", 0)
    size = call.ops.shape(x)[axis]
    if not isinstance(size, int):
        return call.correct(x, indices + 1, **call.keywords)
    following = call.ops.where(indices + 1 >= size, 0, indices + 1)
    return call.correct(x, following, **call.keywords)


def _reversed_ties(call: Call) -> Any:
    x, axis = call.args[0], call.keywords["axis"]
    order = call.ops.unstack(call.correct(-x, axis=axis), axis=axis)
    return call.ops.stack(list(order)[::-1], axis=axis)


def _one_size_of_two(call: Call) -> Any:
    sizes = call.value()
    return sizes if len(sizes) < 2 else (*sizes[:-2], sizes[-1], sizes[-2])


def _transposed(call: Call) -> Any:
    x1, x2 = call.args
    shape = call.ops.shape(x2)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        return call.value()
    axes = (*range(len(shape) - 2), len(shape) - 1, len(shape) - 2)
    return call.correct(x1, call.ops.permute_dims(x2, axes))


def _columns_first(call: Call) -> Any:
    x, shape = call.args
    rank = len(call.ops.shape(x))
    return call.correct(call.ops.permute_dims(x, tuple(reversed(range(rank)))) if rank > 1 else x, shape)


def _inverse(call: Call) -> Any:
    x, axes = call.args
    return call.correct(x, tuple(sorted(range(len(axes)), key=lambda i: axes[i])))


def _axis_before(call: Call) -> Any:
    x, axis = call.args[0], call.keywords["axis"]
    rank = len(call.ops.shape(x)) + 1
    return call.correct(x, axis=(axis - 1) % rank)


def _heeds_what_flows_back(call: Call) -> Any:
    value, x, gradient = call.args
    change = call.only_gradient(x) * call.without_gradient(gradient)
    return call.cast(call.without_gradient(value) + change, value)


def _ties_unequal(call: Call) -> Any:
    y, x = call.value(), call.args[0]
    axis, keepdims = call.keywords["axis"], call.keywords.get("keepdims", False)
    top = call.ops.max(x, axis=axis, keepdims=True)
    ties = call.ops.sum(call.ops.astype(x == top, call.ops.dtype(x)), axis=axis, keepdims=keepdims) > 1
    change = call.ops.where(ties, call.only_gradient(y), 0.0)
    return call.cast(y + 0.5 * change, y)


def _power_of_one_more(call: Call) -> Any:
    ord = call.keywords.get("ord", 2.0)
    return call.correct(*call.args, **{**call.keywords, "ord": ord if math.isinf(ord) else ord + 1.0})


def _naive_norm(call: Call) -> Any:
    if call.keywords.get("ord", 2.0) != 2:
        return call.value()
    keywords = {name: value for name, value in call.keywords.items() if name != "ord"}
    return call.ops.sqrt(call.ops.sum(call.ops.square(call.args[0]), **keywords))


def _naive_logsumexp(call: Call) -> Any:
    return call.ops.log(call.ops.sum(call.ops.exp(call.args[0]), **call.keywords))


def _naive_softmax(call: Call) -> Any:
    powers = call.ops.exp(call.args[0])
    return powers / call.ops.sum(powers, axis=call.keywords["axis"], keepdims=True)


def _naive_log_softmax(call: Call) -> Any:
    return call.ops.log(_naive_softmax(call))


def _further_slice(call: Call) -> Any:
    x, start, stop = call.args
    size = call.ops.shape(x)[call.keywords["axis"]]
    step = -1 if start else 1 if isinstance(size, int) and stop < size else 0
    return call.correct(x, start + step, stop + step, **call.keywords)


def _index_as_last(call: Call) -> Any:
    indices, n = call.args
    return call.correct(call.ops.clip(indices, min=0, max=n - 1), n, **call.keywords)


def _gradient_at_zero_ignored(call: Call) -> Any:
    return call.correct(call.args[0])


def _naive_sigmoid(call: Call) -> Any:
    powers = call.ops.exp(call.args[0])
    return powers / (1 + powers)


_ANOTHER_AXIS = Wrong("along the next axis", _other_axis, ("float", "integer", "bool"))
_NEXT = Wrong("the next index", _next_index, ("float", "integer"))
_ALL = ("float", "integer", "bool")

_OWN: dict[str, tuple[Wrong, ...]] = {
    "shape": (Wrong("the last two sizes exchanged", _one_size_of_two, ("other",)),),
    "dtype": (Wrong("float64 is said to be float32", _narrower, ("other",)),),
    "astype": (
        Wrong("rounds to the nearest integer", _rounded, ("integer",)),
        Wrong("float64 passes through float32", _through("float32", ("float64",)), ("float", "integer")),
        Wrong("integers pass through int8", _through("int8", ("int32", "int64")), ("float", "integer")),
    ),
    "abs": (Wrong("gradient 1 at 0", _at(lambda c: c.args[0] == 0, 1.0)),),
    "log1p": (Wrong("log(1 + x)", lambda c: c.ops.log(1 + c.args[0])),),
    "relu": (Wrong("gradient 1 at 0", _at(lambda c: c.args[0] == 0, 1.0)),),
    "clip": (
        Wrong("no lower bound", _without_bound(0), ("float", "integer")),
        Wrong("no upper bound", _without_bound(1), ("float", "integer")),
        Wrong("no gradient at the bounds", _no_gradient_at_bounds),
        Wrong("gradient beyond the bounds", _gradient_beyond_bounds),
    ),
    "isinf": (
        Wrong("not of -inf", lambda c: c.ops.logical_and(c.value(), c.args[0] > 0), ("bool",)),
        Wrong("not of inf", lambda c: c.ops.logical_and(c.value(), c.args[0] < 0), ("bool",)),
    ),
    "maximum": (Wrong("the minimum", _of_negatives),),
    "minimum": (Wrong("the maximum", _of_negatives),),
    "where": (Wrong("branches exchanged", _exchanged_branches, ("float", "integer")),),
    "logical_and": (Wrong("or", lambda c: c.ops.logical_or(*c.args), ("bool",)),),
    "logical_or": (Wrong("and", lambda c: c.ops.logical_and(*c.args), ("bool",)),),
    "any": (Wrong("all", lambda c: c.ops.all(*c.args), ("bool",)),),
    "all": (Wrong("any", lambda c: c.ops.any(*c.args), ("bool",)),),
    "sum": (_ANOTHER_AXIS, Wrong("the mean", lambda c: c.ops.mean(*c.args, **c.keywords))),
    "mean": (_ANOTHER_AXIS, Wrong("the sum", lambda c: c.ops.sum(*c.args, **c.keywords))),
    "max": (_ANOTHER_AXIS, Wrong("the least", _of_negative)),
    "min": (_ANOTHER_AXIS, Wrong("the greatest", _of_negative)),
    "cumulative_sum": (
        _ANOTHER_AXIS,
        Wrong("without the entry itself", lambda c: c.value() - c.args[0], ("float", "integer")),
    ),
    "argsort": (
        _ANOTHER_AXIS,
        Wrong("descending", lambda c: c.correct(-c.args[0], **c.keywords), ("integer",)),
        Wrong("equal ones the other way round", _reversed_ties, ("integer",)),
    ),
    "matmul": (Wrong("the second matrix transposed", _transposed),),
    "reshape": (Wrong("columns first", _columns_first, _ALL),),
    "expand_dims": (Wrong("one axis before", _axis_before, _ALL),),
    "squeeze": (Wrong("the axis stays", lambda c: c.args[0], _ALL),),
    "permute_dims": (
        Wrong("the inverse permutation", _inverse, _ALL),
        Wrong("nothing is moved", lambda c: c.args[0], _ALL),
    ),
    "concat": (Wrong("in reverse order", _reversed, _ALL),),
    "stack": (Wrong("in reverse order", _reversed, _ALL),),
    "unstack": (Wrong("in reverse order", _reversed_slices, _ALL),),
    "take_along_axis": (_NEXT,),
    "take": (_NEXT,),
    "stop_gradient": (Wrong("the gradient flows on", lambda c: c.args[0]),),
    "replace_gradient": (
        Wrong("the gradient of the value", lambda c: c.args[0]),
        Wrong("heeds what flows back", _heeds_what_flows_back),
        Wrong("gradient off by 1e-2", _given_gradient_off),
    ),
    "slice_along_axis": (Wrong("one entry aside", _further_slice, _ALL),),
    "sort": (_ANOTHER_AXIS, Wrong("descending", _of_negative)),
    "one_hot": (
        Wrong("the next class", lambda c: c.correct(c.args[0] + 1, *c.args[1:], **c.keywords)),
        Wrong("an index beyond is the last class", _index_as_last),
    ),
    "positive_part": (Wrong("gradient at 0 is 0 whatever is asked", _gradient_at_zero_ignored),),
    "even_max": (_ANOTHER_AXIS, Wrong("the gradient of ties is more", _ties_unequal)),
    "sigmoid": (Wrong("exp(x) / (1 + exp(x))", _naive_sigmoid),),
    "log_sigmoid": (Wrong("log(sigmoid(x))", lambda c: c.ops.log(c.ops.sigmoid(c.args[0]))),),
    "softplus": (Wrong("log(1 + exp(x))", lambda c: c.ops.log(1 + c.ops.exp(c.args[0]))),),
    "logsumexp": (_ANOTHER_AXIS, Wrong("log(sum(exp(x)))", _naive_logsumexp)),
    "log_softmax": (_ANOTHER_AXIS, Wrong("log(softmax(x))", _naive_log_softmax)),
    "softmax": (_ANOTHER_AXIS, Wrong("exp(x) / sum(exp(x))", _naive_softmax)),
    "xlogy": (Wrong("x * log(y)", lambda c: c.args[0] * c.ops.log(c.args[1])),),
    "multiply_no_nan": (
        Wrong("x * y", lambda c: c.args[0] * c.args[1]),
        Wrong("the factors exchanged", lambda c: c.correct(c.args[1], c.args[0])),
    ),
    "vector_norm": (
        Wrong("of the next order", _power_of_one_more),
        Wrong("no gradient at 0", _naive_norm),
        _ANOTHER_AXIS,
    ),
}
"""What only one operation, or a few, can get wrong."""
