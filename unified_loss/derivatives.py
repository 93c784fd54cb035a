"""`Tape`: the derivative of what is computed with ops, in ops, without the framework's own gradients.

Each op has its rule here, once for all losses and backends. What has none can be evaluated, but not
differentiated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .errors import UnsupportedOperation
from .ops import OPS, Array, Axis, Ops
from .tape import Cotangent, Picked, Pull, Recorder, Sizes, Variable, times, value_of


class Tape(Recorder, Ops):
    """The operations of a backend on variables, recorded for one pass back.

    Parameters
    ----------
    ops : what computes
    """

    # ---------------------------------------------------------------- ops without gradients

    def shape(self, x: Any, /) -> Sizes:
        return x.shape if isinstance(x, Variable) else self.ops.shape(x)

    def dtype(self, x: Any, /) -> str:
        return self.ops.dtype(value_of(x))

    def constant(self, value: float, dtype: str, /) -> Any:
        return self.ops.constant(value, dtype)

    def gradient(self, function: Callable[[Ops, Array], Array], x: Any, /) -> Any:
        raise UnsupportedOperation("a loss that returns a gradient is not differentiated by rules")

    def replace_gradient(self, value: Any, x: Any, gradient: Any, /) -> Any:
        raise UnsupportedOperation("a gradient that no factor reaches is not differentiated by rules")

    # ------------------------------------------------------------------- ops with gradients

    def astype(self, x: Any, dtype: str, /) -> Any:
        return self.elementwise(self.ops.astype(value_of(x), dtype), (x, lambda g: g))

    def abs(self, x: Any, /) -> Any:
        v = value_of(x)
        return self.elementwise(self.ops.abs(v), (x, lambda g: times(g, self.ops.sign(v))))

    def exp(self, x: Any, /) -> Any:
        out = self.ops.exp(value_of(x))
        return self.elementwise(out, (x, lambda g: times(g, out)))

    def log(self, x: Any, /) -> Any:
        v = value_of(x)
        return self.elementwise(self.ops.log(v), (x, lambda g: g / v))

    def log1p(self, x: Any, /) -> Any:
        v = value_of(x)
        return self.elementwise(self.ops.log1p(v), (x, lambda g: g / (1.0 + v)))

    def sqrt(self, x: Any, /) -> Any:
        out = self.ops.sqrt(value_of(x))
        return self.elementwise(out, (x, lambda g: (g * 0.5) / out))

    def square(self, x: Any, /) -> Any:
        v = value_of(x)
        return self.elementwise(self.ops.square(v), (x, lambda g: (g * 2.0) * v))

    def pow(self, x: Any, exponent: float, /) -> Any:
        v = value_of(x)

        def pull(g: Cotangent) -> Cotangent:
            return 0.0 if exponent == 0 else (g * exponent) * self.ops.pow(v, exponent - 1)

        return self.elementwise(self.ops.pow(v, exponent), (x, pull))

    def acos(self, x: Any, /) -> Any:
        v = value_of(x)
        return self.elementwise(self.ops.acos(v), (x, lambda g: -g / self.ops.sqrt(1.0 - self.ops.square(v))))

    def relu(self, x: Any, /) -> Any:
        v = value_of(x)
        return self.elementwise(self.ops.relu(v), (x, lambda g: times(g, self._mask(v > 0, v))))

    def clip(self, x: Any, /, min: float | None = None, max: float | None = None) -> Any:
        v = value_of(x)

        def pull(g: Cotangent) -> Cotangent:
            bounds = ([] if min is None else [v >= min]) + ([] if max is None else [v <= max])
            if not bounds:
                return g
            inside = bounds[0] if len(bounds) == 1 else self.ops.logical_and(*bounds)
            return times(g, self._mask(inside, v))

        return self.elementwise(self.ops.clip(v, min=min, max=max), (x, pull))

    def maximum(self, x1: Any, x2: Any, /) -> Any:
        a, b = value_of(x1), value_of(x2)
        out = self.ops.maximum(a, b)
        return self.elementwise(
            out,
            (x1, lambda g: times(g, self._mask(a >= b, out))),
            (x2, lambda g: times(g, self._mask(a < b, out))),
        )

    def where(self, condition: Any, x1: Any, x2: Any, /) -> Any:
        c, a, b = value_of(condition), value_of(x1), value_of(x2)
        out = self.ops.where(c, a, b)

        def pull_1(g: Cotangent) -> Cotangent:
            # A selection, not a product, so that NaN and infinities stay where they belong.
            return self.ops.where(c, g, 0.0) if not isinstance(g, float) else times(g, self._mask(c, out))

        def pull_2(g: Cotangent) -> Cotangent:
            if not isinstance(g, float):
                return self.ops.where(c, 0.0, g)
            return times(g, self._mask(self.ops.logical_not(c), out))

        return self.elementwise(out, (x1, pull_1), (x2, pull_2))

    def _mask(self, condition: Array, like: Array) -> Array:
        return self.ops.astype(condition, self.ops.dtype(like))

    def stop_gradient(self, x: Any, /) -> Any:
        return Variable(self, x.value, x.shape) if isinstance(x, Variable) else x

    def zero_with_derivative(self, x: Any, derivative: Any, /) -> Any:
        slope = value_of(derivative)
        return self.record(0.0, x.shape, (x, lambda g: times(g, slope)))

    # ------------------------------------------------------------------------- reductions

    def sum(self, x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
        kept = self._kept(x.shape, axis)
        if isinstance(x.value, float):
            shape = kept if keepdims else self._dropped(x.shape, axis)
            return self.record(0.0, shape, (x, self._expanding(kept)))
        out = self.ops.sum(x.value, axis=axis, keepdims=keepdims)
        return self.record(out, self.ops.shape(out), (x, self._expanding(kept)))

    def mean(self, x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
        kept = self._kept(x.shape, axis)
        share = math.prod(kept) / max(math.prod(x.shape), 1)
        expand = self._expanding(kept)
        out = self.ops.mean(value_of(x), axis=axis, keepdims=keepdims)
        return self.record(out, self.ops.shape(out), (x, lambda g: expand(g * share)))

    def _expanding(self, kept: Sizes) -> Pull:
        return lambda g: g if isinstance(g, float) else self.ops.reshape(g, kept)

    @staticmethod
    def _axes(shape: Sizes, axis: Axis) -> set[int]:
        if axis is None:
            return set(range(len(shape)))
        return {i % len(shape) for i in ((axis,) if isinstance(axis, int) else axis)}

    def _kept(self, shape: Sizes, axis: Axis) -> Sizes:
        axes = self._axes(shape, axis)
        return tuple(1 if i in axes else n for i, n in enumerate(shape))

    def _dropped(self, shape: Sizes, axis: Axis) -> Sizes:
        axes = self._axes(shape, axis)
        return tuple(n for i, n in enumerate(shape) if i not in axes)

    def max(self, x: Any, /, *, axis: int, keepdims: bool = False) -> Any:
        out = self.ops.max(value_of(x), axis=axis, keepdims=keepdims)
        return self.record(out, self.ops.shape(out), (x, _without_rule("max")))

    def logsumexp(self, x: Any, /, *, axis: int, keepdims: bool = False) -> Any:
        v, kept = value_of(x), self._kept(x.shape, axis)
        out = self.ops.logsumexp(v, axis=axis, keepdims=True)
        expand = self._expanding(kept)
        result = out if keepdims else self.ops.squeeze(out, axis)
        pull: Pull = lambda g: times(expand(g), self.ops.exp(v - out))  # noqa: E731
        return self.record(result, self.ops.shape(result), (x, pull))

    def log_softmax(self, x: Any, /, *, axis: int) -> Any:
        out = self.ops.log_softmax(value_of(x), axis=axis)

        def pull(g: Cotangent) -> Cotangent:
            p = self.ops.softmax(value_of(x), axis=axis)
            if isinstance(g, Picked) and g.axis % len(x.shape) == axis % len(x.shape):
                share = -g.values
                p = p if self.ops.is_one(share) else p * share
                return self.ops.add_along_axis(p, g.indices, g.values, axis=g.axis)
            g = self.filled(g, x.shape, out)
            return g - p * self.ops.sum(g, axis=axis, keepdims=True)

        result = self.record(out, x.shape, (x, pull))
        result.takes_picked = True
        return result

    def softmax(self, x: Any, /, *, axis: int) -> Any:
        out = self.ops.softmax(value_of(x), axis=axis)

        def pull(g: Cotangent) -> Cotangent:
            weighted = times(self.filled(g, x.shape, out), out)
            return weighted - out * self.ops.sum(weighted, axis=axis, keepdims=True)

        return self.record(out, x.shape, (x, pull))

    # -------------------------------------------------------------- derived, with a shorter rule

    def softplus(self, x: Any, /) -> Any:
        v = value_of(x)
        return self.elementwise(self.ops.softplus(v), (x, lambda g: times(g, self.ops.sigmoid(v))))

    def sigmoid(self, x: Any, /) -> Any:
        v = value_of(x)
        out = self.ops.sigmoid(v)
        # 1 - sigmoid(x) would lose its digits where it is small.
        return self.elementwise(out, (x, lambda g: times(g, out) * self.ops.sigmoid(-v)))

    def multiply_no_nan(self, x: Any, y: Any, /) -> Any:
        a, b = value_of(x), value_of(y)

        def pull_y(g: Cotangent) -> Cotangent:
            indefinite = self.ops.logical_and(self.ops.isinf(a), self.ops.equal(b, 0.0))
            return times(g, self.ops.where(indefinite, 0.0, a))

        out = self.ops.multiply_no_nan(a, b)
        return self.elementwise(out, (x, lambda g: times(g, b)), (y, pull_y))

    # ---------------------------------------------------------------------------- shapes

    def reshape(self, x: Any, /, shape: Sizes) -> Any:
        out = self.ops.reshape(value_of(x), shape)
        return self.record(out, self.ops.shape(out), (x, self._reshaping(x.shape, self.ops.shape(out))))

    def _reshaping(self, before: Sizes, after: Sizes) -> Pull:
        def pull(g: Cotangent) -> Cotangent:
            if isinstance(g, float):
                return g
            full = g if self.ops.shape(g) == after else self.ops.broadcast_to(g, after)
            return self.ops.reshape(full, before)

        return pull

    def expand_dims(self, x: Any, /, *, axis: int) -> Any:
        out = self.ops.expand_dims(value_of(x), axis=axis)
        return self.record(out, self.ops.shape(out), (x, self._reshaping(x.shape, self.ops.shape(out))))

    def squeeze(self, x: Any, /, axis: int) -> Any:
        if isinstance(x.value, float):
            return self.record(0.0, self._dropped(x.shape, axis), (x, self._expanding(x.shape)))
        out = self.ops.squeeze(value_of(x), axis)

        def pull(g: Cotangent) -> Cotangent:
            return g if isinstance(g, float) else self.ops.expand_dims(g, axis=axis)

        return self.record(out, self.ops.shape(out), (x, pull))

    def permute_dims(self, x: Any, /, axes: tuple[int, ...]) -> Any:
        out = self.ops.permute_dims(value_of(x), axes)
        shape, back = self.ops.shape(out), tuple(axes.index(i) for i in range(len(axes)))

        def pull(g: Cotangent) -> Cotangent:
            if isinstance(g, float):
                return g
            full = g if self.ops.shape(g) == shape else self.ops.broadcast_to(g, shape)
            return self.ops.permute_dims(full, back)

        return self.record(out, shape, (x, pull))

    def broadcast_to(self, x: Any, /, shape: Sizes) -> Any:
        return self.elementwise(self.ops.broadcast_to(value_of(x), shape), (x, lambda g: g))

    def slice_along_axis(self, x: Any, start: int, stop: int, /, *, axis: int) -> Any:
        v = value_of(x)
        out = self.ops.slice_along_axis(v, start, stop, axis=axis)

        def pull(g: Cotangent) -> Cotangent:
            inside = self.filled(g, self.ops.shape(out), out)
            before = self.ops.slice_along_axis(v, 0, start, axis=axis)
            after = self.ops.slice_along_axis(v, stop, x.shape[axis], axis=axis)
            zeros = [self.ops.astype(part != part, self.ops.dtype(v)) * 0.0 for part in (before, after)]  # noqa: PLR0124
            return self.ops.concat([zeros[0], inside, zeros[1]], axis=axis)

        return self.record(out, self.ops.shape(out), (x, pull))

    def concat(self, arrays: Sequence[Any], /, *, axis: int) -> Any:
        out = self.ops.concat([value_of(x) for x in arrays], axis=axis)
        shape, parents, start = self.ops.shape(out), [], 0
        axis %= len(shape)
        for x in arrays:
            size = self.shape(x)[axis]
            parents.append((x, self._slicing(shape, out, start, start + size, axis)))
            start += size
        return self.record(out, shape, *parents)

    def _slicing(self, shape: Sizes, like: Array, start: int, stop: int, axis: int) -> Pull:
        return lambda g: (
            g
            if isinstance(g, float)
            else self.ops.slice_along_axis(self.filled(g, shape, like), start, stop, axis=axis)
        )

    def stack(self, arrays: Sequence[Any], /, *, axis: int) -> Any:
        return self.concat([self.expand_dims(x, axis=axis) for x in arrays], axis=axis)

    def unstack(self, x: Any, /, *, axis: int) -> tuple[Any, ...]:
        axis %= len(x.shape)
        parts = (self.slice_along_axis(x, i, i + 1, axis=axis) for i in range(x.shape[axis]))
        return tuple(self.squeeze(part, axis) for part in parts)

    def take_along_axis(self, x: Any, indices: Any, /, *, axis: int) -> Any:
        index = value_of(indices)
        out = self.ops.take_along_axis(value_of(x), index, axis=axis)
        shape = self.ops.shape(out)

        def pull(g: Cotangent) -> Cotangent:
            if shape[axis] != 1:
                raise UnsupportedOperation("several picks along an axis are not differentiated by rules")
            return Picked(index, self.filled(g, shape, out), axis)

        return self.record(out, shape, (x, pull))

    def matmul(self, x1: Any, x2: Any, /) -> Any:
        a, b = value_of(x1), value_of(x2)
        out = self.ops.matmul(a, b)
        shape = self.ops.shape(out)
        if not len(self.shape(x1)) == len(self.shape(x2)) == 2:
            rule = _without_rule("matmul of more than two axes")
            return self.record(out, shape, (x1, rule), (x2, rule))
        turned = (1, 0)
        return self.record(
            out,
            shape,
            (x1, lambda g: self.ops.matmul(self.filled(g, shape, out), self.ops.permute_dims(b, turned))),
            (x2, lambda g: self.ops.matmul(self.ops.permute_dims(a, turned), self.filled(g, shape, out))),
        )


def _without_rule(op: str) -> Pull:
    def pull(_: Cotangent) -> Cotangent:
        raise UnsupportedOperation(f"{op} is not differentiated by rules")

    return pull


def _untracked(op: str) -> Callable[..., Any]:
    """An op of the backend whose result has no gradient, or none here."""

    def method(self: Tape, *args: Any, **kwargs: Any) -> Any:
        raw = [value_of(x) for x in args]
        kwargs = {name: value_of(x) for name, x in kwargs.items()}
        out = getattr(self.ops, op)(*raw, **kwargs)
        rule = _without_rule(op)
        return self.record(out, self.ops.shape(out), *((x, rule) for x in args if op not in _CONSTANT))

    return method


_CONSTANT = (
    *("eye", "arange", "isinf", "logical_and", "logical_or", "logical_not", "any", "all", "argsort"),
    *("ones_like", "equal", "isnan", "one_hot"),
)
"""The ops whose result is the same for all inputs nearby, or has no derivative."""

_DERIVED = OPS[OPS.index("constant") :]

for _op in OPS:
    if _op not in vars(Tape) and (_op in _CONSTANT or _op not in _DERIVED):
        setattr(Tape, _op, _untracked(_op))
