"""The ways to be wrong that only one operation, or a few, have."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from unified_loss.ops import INTEGER_DTYPES

from .wrong import GRADIENT_OFF, Call, Result, Wrong, wrong_gradient


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
    return call.correct(value, x, call.cast(gradient * (1 + GRADIENT_OFF), gradient))


def _reversed(call: Call) -> Any:
    return call.correct(list(call.args[0])[::-1], **call.keywords)


def _reversed_slices(call: Call) -> Any:
    return tuple(call.value())[::-1]


def _all_but_last(call: Call) -> Any:
    function, init, xs, constants = call.args
    last = call.ops.shape(xs[0])[0] - 1
    fewer = tuple(call.ops.slice_along_axis(x, 0, max(last, 0), axis=0) for x in xs)
    return call.correct(function, init, fewer, constants)[0], call.value()[1]


def _carried_without_gradient(call: Call) -> Any:
    carry, outputs = call.value()
    return tuple(call.without_gradient(x) for x in carry), outputs


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

PARTICULAR: dict[str, tuple[Wrong, ...]] = {
    "shape": (Wrong("the last two sizes exchanged", _one_size_of_two, ("other",)),),
    "dtype": (Wrong("float64 is said to be float32", _narrower, ("other",)),),
    "astype": (
        Wrong("rounds to the nearest integer", _rounded, ("integer",)),
        Wrong("float64 passes through float32", _through("float32", ("float64",)), ("float", "integer")),
        Wrong("integers pass through int8", _through("int8", ("int32", "int64")), ("float", "integer")),
    ),
    "abs": (wrong_gradient("gradient 1 at 0", _at(lambda c: c.args[0] == 0, 1.0)),),
    "log1p": (Wrong("log(1 + x)", lambda c: c.ops.log(1 + c.args[0])),),
    "relu": (wrong_gradient("gradient 1 at 0", _at(lambda c: c.args[0] == 0, 1.0)),),
    "clip": (
        Wrong("no lower bound", _without_bound(0), ("float", "integer")),
        Wrong("no upper bound", _without_bound(1), ("float", "integer")),
        wrong_gradient("no gradient at the bounds", _no_gradient_at_bounds),
        wrong_gradient("gradient beyond the bounds", _gradient_beyond_bounds),
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
    "stop_gradient": (wrong_gradient("the gradient flows on", lambda c: c.args[0]),),
    "replace_gradient": (
        wrong_gradient("the gradient of the value", lambda c: c.args[0]),
        wrong_gradient("heeds what flows back", _heeds_what_flows_back),
        wrong_gradient("gradient off by 1e-2", _given_gradient_off),
    ),
    "zero_with_derivative": (
        wrong_gradient("no gradient", lambda c: c.without_gradient(c.value())),
        wrong_gradient(
            "gradient off by 1e-2", lambda c: c.value() + GRADIENT_OFF * c.only_gradient(c.value())
        ),
        Wrong("1, not 0", lambda c: c.value() + 1),
    ),
    "slice_along_axis": (Wrong("one entry aside", _further_slice, _ALL),),
    "sort": (_ANOTHER_AXIS, Wrong("descending", _of_negative)),
    "one_hot": (
        Wrong("the next class", lambda c: c.correct(c.args[0] + 1, *c.args[1:], **c.keywords)),
        Wrong("an index beyond is the last class", _index_as_last),
    ),
    "positive_part": (wrong_gradient("gradient at 0 is 0 whatever is asked", _gradient_at_zero_ignored),),
    "even_max": (_ANOTHER_AXIS, wrong_gradient("the gradient of ties is more", _ties_unequal)),
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
        wrong_gradient("no gradient at 0", _naive_norm),
        _ANOTHER_AXIS,
    ),
    "scan": (
        Wrong("nothing is carried on", lambda c: (c.args[1], c.value()[1])),
        Wrong("the last entry is left out of what is carried on", _all_but_last),
        wrong_gradient("no gradient", _carried_without_gradient),
    ),
}
"""By operation."""
