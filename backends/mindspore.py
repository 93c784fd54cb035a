"""MindSpore."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any, ClassVar

import mindspore as ms
import numpy as np
from mindspore import mint, ops
from mindspore.graph import jit_trace
from mindspore.graph.api import _pynative_executor
from mindspore.graph.jit_context import jit_context, set_jit_context

from unified_loss.ops import DTYPES, FLOAT_DTYPES, Array, Axis

from ._mindspore_cell import LossCell
from .base import Backend, Compiler, Function

_NATIVE_DTYPE = {name: getattr(ms, name) for name in DTYPES}
_FLOATS = tuple(_NATIVE_DTYPE[name] for name in FLOAT_DTYPES)
_DTYPE_NAME = {dtype: name for name, dtype in _NATIVE_DTYPE.items()}


_names = itertools.count()


def _trace(_: Backend, function: Function) -> Function:
    failures: list[Exception] = []

    def of_tensors(*tensors: Array) -> Any:
        # An error must not leave MindSpore in the middle of a trace, where all that follows would fail.
        try:
            return function(*tensors)
        except Exception as error:  # noqa: BLE001  raised below
            failures.append(error)
            return tensors[0]

    traced = _traced(of_tensors)

    def call(*tensors: Array) -> Any:
        nonlocal traced
        inside = jit_context() is not None
        original, jit_trace._get_caller_lines = jit_trace._get_caller_lines, _caller_lines
        try:
            result = traced(*tensors)
        except Exception:
            if not inside:
                set_jit_context(None)
                jit_trace._using_trace = False
            raise
        finally:
            jit_trace._get_caller_lines = original
        if failures:
            traced = _traced(of_tensors)
            raise failures.pop()
        return result

    return call


def _caller_lines() -> tuple[list[str], list[int]]:
    # MindSpore's own reads the source of each frame, and fails at those of ``python -m``, which have none.
    frames = inspect.stack(context=0)
    return [frame.filename for frame in frames], [frame.lineno for frame in frames]


def _traced(function: Any) -> Function:
    # MindSpore tells functions apart by name and address, of which the latter may be that of one before.
    name = f"{function.__name__}_{next(_names)}"
    own = FunctionType(function.__code__, function.__globals__, name, None, function.__closure__)
    # Of the other modes (2.10.0), "ast" cannot parse a loss, and "bytecode" runs it as it is.
    traced: Function = ms.jit(own, capture_mode="trace")
    return traced


class MindsporeBackend(Backend):
    """MindSpore tensors in PyNative (eager) mode, and under `mindspore.jit`.

    On CPU (2.10.0) the float32 kernels are far from accurate: exp is off by 3e-6, log by 6e-8
    in absolute terms and so by 100 % near 1, and log1p is log(1 + x). `log_softmax` and `softplus`
    of MindSpore compute even float64 in float32, its `logsumexp` is NaN where all entries are -inf.
    """

    name = "mindspore"
    module = "mindspore"
    distribution = "mindspore"
    compilers: ClassVar[Mapping[str, Compiler]] = {"trace": Compiler(_trace, "every shape", slow=True)}
    renames: ClassVar[dict[str, str]] = {
        "abs": "ops.abs",
        "sqrt": "ops.sqrt",
        "square": "ops.square",
        "isinf": "ops.isinf",
        "logical_and": "ops.logical_and",
        "logical_or": "ops.logical_or",
        "logical_not": "ops.logical_not",
        "reshape": "ops.reshape",
        "squeeze": "ops.squeeze",
        "permute_dims": "ops.permute",
        "broadcast_to": "ops.broadcast_to",
        "stop_gradient": "ops.stop_gradient",
        "cos": "ops.cos",
        "acos": "ops.acos",
        "matmul": "ops.matmul",
        "cumulative_sum": "ops.cumsum",
        "argsort": "ops.argsort",
    }
    unsupported: ClassVar[dict[str, str]] = {
        "bfloat16 arithmetic": "MindSpore has few bfloat16 kernels on CPU (2.10.0), but the casts",
        "second derivatives": "MindSpore 2.10.0 gives wrong second derivatives without a word: the gradient "
        "of a reshape, a sum or a broadcast has itself the gradient 0, and others are wrong in graphs",
        "dlpack": "MindSpore imports DLPack for Ascend: on CPU (2.10.0) a NumPy array crashes the process",
    }

    def shape(self, x: Array, /) -> tuple[int, ...]:
        return tuple(x.shape)

    def dtype(self, x: Array, /) -> str:
        return _DTYPE_NAME.get(x.dtype, str(x.dtype).lower())

    def astype(self, x: Array, dtype: str, /) -> Array:
        return x.astype(_NATIVE_DTYPE[dtype])

    def eye(self, n: int, /, *, like: Array) -> Array:
        return self.asarray(np.eye(n), dtype=self.dtype(like))

    def arange(self, n: int, /, *, dtype: str, like: Array) -> Array:
        return self.asarray(np.arange(n), dtype=dtype)

    def pow(self, x: Array, exponent: float, /) -> Array:
        # MindSpore takes a number as exponent in float32, and has NaN as gradient for 0**0.
        if exponent == 0:
            return ops.ones_like(x)
        return ops.pow(x.astype(ms.float64), ms.Tensor(exponent, ms.float64)).astype(x.dtype)

    def exp(self, x: Array, /) -> Array:
        return ops.exp(x.astype(ms.float64)).astype(x.dtype)

    def log(self, x: Array, /) -> Array:
        return ops.log(x.astype(ms.float64)).astype(x.dtype)

    def tanh(self, x: Array, /) -> Array:
        return ops.tanh(x.astype(ms.float64)).astype(x.dtype)

    def log1p(self, x: Array, /) -> Array:
        # To the logarithm of the rounded sum is added what rounding took from it, which counts
        # near 0 only; the clamp keeps the rest, infinities included, out of the correction.
        near = ops.clamp(x, -0.5, 1.0)
        rounded = near + 1.0
        lost = (near - (rounded - 1.0)) * ops.reciprocal(rounded)
        return self.log(x + 1.0) + ops.stop_gradient(lost)

    def relu(self, x: Array, /) -> Array:
        # MindSpore's relu makes NaN 0.
        return self.where(x <= 0, 0.0, x)

    def constant(self, value: float, dtype: str, /) -> Array | float:
        # MindSpore rounds a Python number beside a float64 tensor to float32 (2.10.0).
        return ms.Tensor(value, ms.float64) if dtype == "float64" else value

    def clip(self, x: Array, /, min: float | None = None, max: float | None = None) -> Array:
        # MindSpore's clamp makes NaN an end, takes the ends in float32, and wraps them in int8.
        clipped = x if x.dtype in _FLOATS else x.astype(ms.int64)
        if min is not None:
            lowest = min if isinstance(min, ms.Tensor) else ops.full_like(clipped, min)
            clipped = ops.where(clipped < lowest, lowest, clipped)
        if max is not None:
            highest = max if isinstance(max, ms.Tensor) else ops.full_like(clipped, max)
            clipped = ops.where(clipped > highest, highest, clipped)
        return clipped.astype(x.dtype)

    def maximum(self, x1: Array, x2: Array, /) -> Array:
        # MindSpore's maximum passes over a NaN in x1.
        return ops.where(ops.isnan(x1), x1, ops.maximum(x1, x2))

    def where(self, condition: Array, x1: Array | float, x2: Array | float, /) -> Array:
        # Broadcasting a number would take three times as long.
        array: Array = x1 if self.is_tensor(x1) else x2
        x1, x2 = (x if self.is_tensor(x) else ops.full_like(array, x) for x in (x1, x2))
        return ops.where(condition, x1, x2)

    def any(self, x: Array, /) -> Array:
        return self.asarray(False) if 0 in x.shape else ops.any(x)

    def sum(self, x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
        if axis == ():
            return x
        if 0 in x.shape:
            return self._of_no_elements(np.sum, x, axis, keepdims)
        return ops.sum(x, axis, keepdims)

    def mean(self, x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
        if axis == ():
            return x
        axes = range(len(x.shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
        total = self.sum(x, axis=axis, keepdims=keepdims)
        return total / ops.full_like(total, math.prod(x.shape[i] for i in axes))

    def max(self, x: Array, /, *, axis: int, keepdims: bool = False) -> Array:
        if 0 in x.shape:
            return self._of_no_elements(np.max, x, axis, keepdims)
        return mint.max(x, axis, keepdims)[0]

    def _of_no_elements(self, reduction: Callable[..., Any], x: Array, axis: Axis, keepdims: bool) -> Array:
        # Over no elements, MindSpore's kernels (2.10.0) return what happens to be in memory.
        return self.asarray(reduction(np.zeros(x.shape), axis=axis, keepdims=keepdims), dtype=self.dtype(x))

    def expand_dims(self, x: Array, /, *, axis: int) -> Array:
        return ops.expand_dims(x, axis)

    def concat(self, arrays: Sequence[Array], /, *, axis: int) -> Array:
        return ops.cat(tuple(arrays), axis)

    def stack(self, arrays: Sequence[Array], /, *, axis: int) -> Array:
        return ops.stack(tuple(arrays), axis)

    def unstack(self, x: Array, /, *, axis: int) -> tuple[Array, ...]:
        return tuple(ops.unbind(x, axis))

    def take_along_axis(self, x: Array, indices: Array, /, *, axis: int) -> Array:
        return ops.gather_elements(x, axis, indices.astype(ms.int64))

    def take(self, x: Array, indices: Array, /) -> Array:
        return ops.gather(x, indices.astype(ms.int64), 0)

    def replace_gradient(self, value: Array, x: Array, gradient: Array, /) -> Array:
        # A cell with a `bprop` loses its gradient in the "trace" mode of mindspore.jit; what is inserted
        # here replaces the 0 that comes back from the branch not taken.
        def replacement(_head: Array) -> Array:
            return gradient

        slope = ops.InsertGradientOf(replacement)(x)
        return ops.where(ops.ones_like(x, dtype=ms.bool_), ops.stop_gradient(value), slope)

    def zero_with_derivative(self, x: Array, derivative: Array, /) -> Array:
        # There are no second derivatives, for which alone that of the derivative has a use.
        return super().zero_with_derivative(x, self.stop_gradient(derivative))

    def softplus(self, x: Array, /) -> Array:
        # The derived one with its two selections replaced, which are slow in MindSpore: the gradient
        # of relu at 0 is 0 and that of -|x| is taken as 1, so that the kinks cancel.
        sign = 1.0 - (x > 0.0).astype(x.dtype) * 2.0
        return ops.relu(x) + self.log1p(self.exp(x * sign))

    def is_tensor(self, x: object, /) -> bool:
        return isinstance(x, ms.Tensor)

    def is_concrete(self, x: Array, /) -> bool:
        # Only the "trace" mode of mindspore.jit shows itself; its other modes read Python, not run it.
        return jit_context() is None

    def from_numpy(self, array: Any, dtype: str, like: Array | None, /) -> Array:
        # A MindSpore process has one device, on which `like` is too.
        return ms.Tensor(array, _NATIVE_DTYPE[dtype])

    def to_numpy(self, x: Array, /) -> Any:
        return (x.astype(ms.float32) if x.dtype == ms.bfloat16 else x).asnumpy()

    def guard(self, program: Callable[..., Array], /) -> Callable[..., Array]:
        # Eager operations run later, and their errors are raised by whatever waits for a result next.
        def synchronised(*args: Any) -> Array:
            if jit_context() is not None:
                return program(*args)
            try:
                _pynative_executor.sync()
            except Exception as error:
                error.add_note("an operation before this call caused the error, which MindSpore raises late")
                raise
            result = program(*args)
            _pynative_executor.sync()
            return result

        return synchronised

    def as_module(self, loss: Any, /) -> Any:
        return LossCell(loss)

    def value_and_grad(
        self, function: Callable[..., Array], argnums: tuple[int, ...], args: Sequence[Array]
    ) -> tuple[Array, tuple[Array, ...]]:
        def of_selected(*selected: Array) -> Array:
            full = list(args)
            for i, x in zip(argnums, selected, strict=True):
                full[i] = x
            return function(*full)

        selected = tuple(args[i] for i in argnums)
        evaluate = self.guard(ms.value_and_grad(of_selected, tuple(range(len(selected)))))
        value, grads = evaluate(*selected)
        # MindSpore unpacks a tuple of one.
        return value, grads if isinstance(grads, tuple) else (grads,)
