"""PaddlePaddle."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, ClassVar

import numpy as np

from unified_loss.ops import DTYPES, Array, Axis

from ._paddle_layer import LossLayer
from .base import Backend, Compiler, Function, UnsupportedOperation

with warnings.catch_warnings():
    # Paddle 3.3.1 warns at import that ccache is missing, which only its C++ extensions would use.
    warnings.filterwarnings("ignore", message="No ccache found")
    import paddle
    from paddle.jit.dy2static.convert_operators import convert_load

_HALF = "Paddle has few half-precision kernels on CPU (3.3.1), but the casts"
_UNSIGNED = "Paddle has no unsigned integers but uint8 (a uint16 NumPy array is to it one of bfloat16)"
_NATIVE_DTYPE = {name: getattr(paddle, name) for name in DTYPES if name not in ("uint16", "uint32", "uint64")}
_DTYPE_NAME = {dtype: name for name, dtype in _NATIVE_DTYPE.items()}
_LOG_SMALLEST_NORMAL = {
    paddle.float16: math.log(2**-14),
    paddle.bfloat16: math.log(2**-126),
    paddle.float32: math.log(2**-126),
    paddle.float64: math.log(2**-1022),
}


_again: ContextVar[bool] = ContextVar("_again", default=False)
"""Whether what is computed is to be differentiated twice, for which Paddle lacks some kernels (3.3.1)."""


def _to_static(_: Backend, function: Function) -> Function:
    # Paddle rewrites the source of what it compiles and of all that calls, in which no loss branches
    # on values; what it is told to leave alone is traced as it is.
    @paddle.jit.not_to_static  # type: ignore[untyped-decorator]
    def as_it_is(tensors: Sequence[Array]) -> Any:
        return function(*tensors)

    def rewritten(tensors: Sequence[Array]) -> Any:
        return as_it_is(tensors)

    static = paddle.jit.to_static(rewritten, full_graph=True)
    return lambda *tensors: static(list(tensors))


class PaddleBackend(Backend):
    """Paddle's eager tensors, and the symbolic values that `to_static` traces with.

    `logsumexp` and `log_softmax` stay the derived ones. On CPU, Paddle 3.3.1 clips shifted logits
    at -64 in log_softmax, and its logsumexp is NaN where all entries are -inf or one is inf.
    """

    name = "paddle"
    module = "paddle"
    distribution = "paddlepaddle"
    compilers: ClassVar[Mapping[str, Compiler]] = {"to_static": Compiler(_to_static, "every shape")}
    renames: ClassVar[dict[str, str]] = {
        "square": "square",
        "isinf": "isinf",
        "maximum": "maximum",
        "logical_and": "logical_and",
        "logical_or": "logical_or",
        "logical_not": "logical_not",
        "any": "any",
        "reshape": "reshape",
        "squeeze": "squeeze",
        "permute_dims": "transpose",
        "broadcast_to": "broadcast_to",
        "cos": "cos",
        "acos": "acos",
        "matmul": "matmul",
        "isnan": "isnan",
        "all": "all",
        "minimum": "minimum",
    }
    unsupported: ClassVar[dict[str, str]] = {
        "float16 arithmetic": _HALF,
        "bfloat16 arithmetic": _HALF,
        "uint16": _UNSIGNED,
        "uint32": _UNSIGNED,
        "uint64": _UNSIGNED,
    }

    def shape(self, x: Array, /) -> tuple[int, ...]:
        static = tuple(x.shape)
        if -1 not in static:
            return static
        dynamic = paddle.shape(x)
        return tuple(dynamic[i] if n == -1 else n for i, n in enumerate(static))

    def dtype(self, x: Array, /) -> str:
        return _DTYPE_NAME.get(x.dtype, str(x.dtype).removeprefix("paddle."))

    def astype(self, x: Array, dtype: str, /) -> Array:
        if dtype not in _NATIVE_DTYPE:
            raise UnsupportedOperation(self.unsupported[dtype])
        return x.astype(dtype)

    def eye(self, n: int, /, *, like: Array) -> Array:
        return paddle.eye(n, dtype=like.dtype, device=_place(like))

    def arange(self, n: int, /, *, dtype: str, like: Array) -> Array:
        return paddle.arange(n, dtype="int64", device=_place(like)).astype(dtype)

    def pow(self, x: Array, exponent: float, /) -> Array:
        # Paddle takes a number as exponent in float32; a tensor has NaN as gradient for 0**0.
        if exponent == 0:
            return paddle.full_like(x, 1.0, device=_place(x))
        if _again.get():
            return _Power.apply(x, exponent)
        return paddle.pow(x, paddle.full([], exponent, x.dtype, device=_place(x)))

    def abs(self, x: Array, /) -> Array:
        # The gradient of paddle.abs is x / |x|: NaN where x is infinite.
        return x * paddle.sign(self.stop_gradient(x))

    def exp(self, x: Array, /) -> Array:
        # Paddle's CPU kernel never reaches 0: exp(-inf) is 3e-39, and its logarithm finite.
        normal = x > _LOG_SMALLEST_NORMAL[x.dtype]
        return paddle.exp(x) * normal.astype(x.dtype)

    def log(self, x: Array, /) -> Array:
        # The gradient of paddle.log multiplies by 1 / x, which is infinite for the least of numbers.
        return _Log.apply(x) if self.is_concrete(x) and not x.stop_gradient else paddle.log(x)

    def log1p(self, x: Array, /) -> Array:
        return _Log1p.apply(x) if _again.get() else paddle.log1p(x)

    def cumulative_sum(self, x: Array, /, *, axis: int) -> Array:
        return _CumulativeSum.apply(x, axis) if _again.get() else paddle.cumsum(x, axis)

    def sqrt(self, x: Array, /) -> Array:
        if x.dtype != paddle.float32:
            return paddle.sqrt(x)
        # The float32 CPU kernel is off by 2 ulp, and NaN at inf.
        return paddle.sqrt(x.astype("float64")).astype("float32")

    def relu(self, x: Array, /) -> Array:
        # paddle's relu loses NaN; its clip keeps it, but has gradient 1 at 0.
        return self.clip(x, min=0.0) * (x > 0).astype(x.dtype)

    def clip(self, x: Array, /, min: float | None = None, max: float | None = None) -> Array:
        if x.dtype not in _LOG_SMALLEST_NORMAL:
            # Of the integers, only the two widest have a kernel.
            return paddle.clip(x.astype("int64"), min, max).astype(x.dtype)
        # An end left out would be the largest finite float, so that inf did not stay inf.
        return paddle.clip(x, -math.inf if min is None else min, math.inf if max is None else max)

    def equal(self, x1: Array, x2: Array | float, /) -> Array:
        # To Paddle floats that differ by less than 1e-15 are equal.
        if x1.dtype not in _LOG_SMALLEST_NORMAL:
            return x1 == x2
        return paddle.logical_and(x1 <= x2, x1 >= x2)

    def where(self, condition: Array, x1: Array | float, x2: Array | float, /) -> Array:
        # paddle.where makes a Python number float32, and promotes what stands beside it.
        array: Array = x1 if self.is_tensor(x1) else x2
        place = _place(array)
        x1, x2 = (x if self.is_tensor(x) else paddle.full_like(array, x, device=place) for x in (x1, x2))
        return paddle.where(condition, x1, x2)

    def sum(self, x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
        # To Paddle an empty tuple of axes means all of them.
        return x if axis == () else paddle.sum(x, axis=axis, keepdim=keepdims)

    def mean(self, x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
        return x if axis == () else paddle.mean(x, axis=axis, keepdim=keepdims)

    def max(self, x: Array, /, *, axis: int, keepdims: bool = False) -> Array:
        # The gradient of paddle.max takes seconds for a million elements; argmax passes over NaN.
        top = paddle.max(self.stop_gradient(x), axis=axis, keepdim=True)
        picked = self.take_along_axis(x, paddle.argmax(x, axis=axis, keepdim=True), axis=axis)
        result = paddle.where(paddle.isnan(top), top, picked)
        return result if keepdims else paddle.squeeze(result, axis)

    def argsort(self, x: Array, /, *, axis: int) -> Array:
        # Its result has a gradient, of zeros, which has none.
        return paddle.argsort(self.stop_gradient(x), axis=axis, stable=True)

    def expand_dims(self, x: Array, /, *, axis: int) -> Array:
        return paddle.unsqueeze(x, axis)

    def concat(self, arrays: Sequence[Array], /, *, axis: int) -> Array:
        return paddle.concat(_alike(arrays), axis=axis)

    def stack(self, arrays: Sequence[Array], /, *, axis: int) -> Array:
        return paddle.stack(_alike(arrays), axis=axis)

    def unstack(self, x: Array, /, *, axis: int) -> tuple[Array, ...]:
        return tuple(paddle.unbind(x, axis))

    def take_along_axis(self, x: Array, indices: Array, /, *, axis: int) -> Array:
        # Indices of 8 or 16 bits are accepted, and pick from anywhere in memory.
        return paddle.take_along_axis(x, indices.astype("int64"), axis, broadcast=False)

    def take(self, x: Array, indices: Array, /) -> Array:
        # paddle.gather takes indices of one axis only.
        return paddle.gather_nd(x, paddle.unsqueeze(indices.astype("int64"), -1))

    def replace_gradient(self, value: Array, x: Array, gradient: Array, /) -> Array:
        # to_static sees no gradient in a layer that does not compute its result from x, so the values
        # are put in afterwards; the layer ignores the 0 that comes back from the branch not taken.
        always = paddle.full_like(x, True, dtype="bool", device=_place(x))
        # Rewriting the source, to_static would put in the layer's static form by itself.
        layer = _Replaced if self.is_concrete(x) else convert_load(_Replaced)
        slope = layer.apply(x, self.stop_gradient(gradient))
        return paddle.where(always, self.stop_gradient(value), slope)

    def stop_gradient(self, x: Array, /) -> Array:
        # Under to_static (3.3.1) a detached input shares its memory with results written in place:
        # x.detach() * x overwrites the caller's x.
        return x.detach() if self.is_concrete(x) else paddle.assign(x).detach()

    def zero_with_derivative(self, x: Array, derivative: Array, /) -> Array:
        # Only for a second derivative has that of the derivative a use.
        return super().zero_with_derivative(x, derivative if _again.get() else self.stop_gradient(derivative))

    def softplus(self, x: Array, /) -> Array:
        # The derived one with its two selections replaced, which are slow in Paddle: the gradient
        # of clip at 0 is 1 and that of -|x| is taken as -1, so that the kinks cancel.
        sign = (x < 0).astype(x.dtype) * 2 - 1
        return self.clip(x, min=0.0) + self.log1p(self.exp(x * sign))

    def is_tensor(self, x: object, /) -> bool:
        return isinstance(x, paddle.Tensor | paddle.pir.Value)

    def is_concrete(self, x: Array, /) -> bool:
        return isinstance(x, paddle.Tensor)

    def guard(self, program: Callable[..., Array], /) -> Callable[..., Array]:
        def traceable(*args: Any) -> Array:
            if not paddle.in_dynamic_mode():
                # An eager tensor that the loss holds itself crashes what is traced (3.3.1).
                args = tuple(paddle.to_tensor(x.numpy()) if isinstance(x, paddle.Tensor) else x for x in args)
            return program(*args)

        return traceable

    def device(self, x: Array, /) -> Any:
        # What is being traced warns if it is asked.
        return str(x.place) if self.is_concrete(x) else None

    def from_numpy(self, array: Any, dtype: str, like: Array | None, /) -> Array:
        # Under to_static a tensor goes where the whole program does.
        place = _place(like) if like is not None and self.is_concrete(like) else None
        return paddle.to_tensor(array, dtype=dtype, place=place)

    def to_numpy(self, x: Array, /) -> Any:
        return np.asarray((x.astype("float32") if x.dtype == paddle.bfloat16 else x).detach().numpy())

    def from_dlpack(self, x: object, /) -> Array:
        return paddle.from_dlpack(x)

    def as_module(self, loss: Any, /) -> Any:
        return LossLayer(loss)

    def value_and_grad(
        self, function: Callable[..., Array], argnums: tuple[int, ...], args: Sequence[Array]
    ) -> tuple[Array, tuple[Array, ...]]:
        full = list(args)
        for i in argnums:
            full[i] = self.stop_gradient(full[i])
            full[i].stop_gradient = False
        value, grads = _differentiated(function, [full[i] for i in argnums], full, again=False)
        # to_static would differentiate, once more, what is not detached.
        return value.detach(), tuple(g.detach() for g in grads)

    def nested_value_and_grad(
        self, function: Callable[..., Array], argnums: tuple[int, ...], args: Sequence[Array]
    ) -> tuple[Array, tuple[Array, ...]]:
        full = list(args)
        for i in argnums:
            if full[i].stop_gradient:
                full[i] = self.stop_gradient(full[i])
                full[i].stop_gradient = False
            else:
                # A variable of its own: what else the function knows the tensor by is another one.
                full[i] = paddle.assign(full[i])
        token = _again.set(True)
        try:
            return _differentiated(function, [full[i] for i in argnums], full, again=True)
        finally:
            _again.reset(token)


def _differentiated(
    function: Callable[..., Array], selected: Sequence[Array], args: Sequence[Array], again: bool
) -> tuple[Array, tuple[Array, ...]]:
    with paddle.enable_grad():
        value = function(*args)
    if value.stop_gradient:
        return value, tuple(paddle.zeros_like(x) for x in selected)
    # While it traces, Paddle allows it anyway, and warns of being told so.
    unused = {"allow_unused": True} if paddle.in_dynamic_mode() else {}
    grads = paddle.grad([value], selected, create_graph=again, **unused)
    return value, tuple(
        paddle.zeros_like(x) if g is None else g for g, x in zip(grads, selected, strict=True)
    )


class _Replaced(paddle.autograd.PyLayer):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, x: Array, gradient: Array) -> Array:
        ctx.save_for_backward(gradient)
        return x.clone()

    @staticmethod
    def backward(ctx: Any, _head: Array) -> tuple[Array | None, ...]:
        (gradient,) = ctx.saved_tensor()
        return gradient, None


def _alike(arrays: Sequence[Array]) -> list[Array]:
    """Arrays to be joined: all or none of them variables, or the second derivative fails (3.3.1)."""
    if not _again.get() or all(x.stop_gradient for x in arrays):
        return list(arrays)
    joined = [x.detach() if x.stop_gradient else x for x in arrays]
    for x in joined:
        x.stop_gradient = False
    return joined


class _Power(paddle.autograd.PyLayer):  # type: ignore[misc]
    """A power whose gradient has a gradient."""

    @staticmethod
    def forward(ctx: Any, x: Array, exponent: float) -> Array:
        ctx.save_for_backward(x)
        ctx.exponent = exponent
        return paddle.pow(x, paddle.full([], exponent, x.dtype, device=_place(x)))

    @staticmethod
    def backward(ctx: Any, head: Array) -> Array:
        (x,), exponent = ctx.saved_tensor(), ctx.exponent
        return head * exponent if exponent == 1 else head * (_Power.apply(x, exponent - 1) * exponent)


class _Log(paddle.autograd.PyLayer):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, x: Array) -> Array:
        ctx.save_for_backward(x)
        return paddle.log(x)

    @staticmethod
    def backward(ctx: Any, head: Array) -> Array:
        (x,) = ctx.saved_tensor()
        return head / x


class _Log1p(paddle.autograd.PyLayer):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, x: Array) -> Array:
        ctx.save_for_backward(x)
        return paddle.log1p(x)

    @staticmethod
    def backward(ctx: Any, head: Array) -> Array:
        (x,) = ctx.saved_tensor()
        return head / (1 + x)


class _CumulativeSum(paddle.autograd.PyLayer):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, x: Array, axis: int) -> Array:
        ctx.axis = axis
        return paddle.cumsum(x, axis)

    @staticmethod
    def backward(ctx: Any, head: Array) -> Array:
        # The sums of the entries from each one on.
        return paddle.flip(_CumulativeSum.apply(paddle.flip(head, ctx.axis), ctx.axis), ctx.axis)


def _place(like: Array) -> Any:
    """The device of a tensor; a value that is being traced has none, and warns if asked."""
    return like.place if isinstance(like, paddle.Tensor) else paddle.framework._current_expected_place()
