"""NumPy, the embedded default; HIPS autograd boxes pass through and carry the gradient."""

from __future__ import annotations

import functools
import importlib
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from unified_loss.ops import Array, Axis, Ops

from .base import Backend, UnsupportedOperation

_NUMPY_OPS = {
    "exp": "exp",
    "log": "log",
    "log1p": "log1p",
    "sqrt": "sqrt",
    "square": "square",
    "abs": "abs",
    "isinf": "isinf",
    "maximum": "maximum",
    "logical_and": "logical_and",
    "logical_or": "logical_or",
    "logical_not": "logical_not",
    "any": "any",
    "reshape": "reshape",
    "squeeze": "squeeze",
    "broadcast_to": "broadcast_to",
    "permute_dims": "transpose",
    "cos": "cos",
    "acos": "arccos",
    "matmul": "matmul",
    "isnan": "isnan",
    "all": "all",
    "minimum": "minimum",
}


class NumpyBackend(Backend):
    """NumPy arrays, and the boxes that HIPS autograd wraps around them."""

    name = "numpy"
    module = "numpy"
    distribution = "numpy"
    renames = _NUMPY_OPS
    unsupported = {
        "bfloat16": "NumPy has no bfloat16 (ml_dtypes adds one that few functions accept)",
        "module": "NumPy has no modules; a loss is called as it is",
    }
    dtypes = ("float16", "float32", "float64")

    shape = staticmethod(np.shape)

    @property
    def instances(self) -> tuple[Backend, ...]:
        try:
            return (self, boxed_backend())
        except UnsupportedOperation:
            return (self,)

    def dtype(self, x: Array, /) -> str:
        return str(x.dtype.name)

    def astype(self, x: Array, dtype: str, /) -> Array:
        return x.astype(dtype)

    def eye(self, n: int, /, *, like: Array) -> Array:
        return np.eye(n, dtype=like.dtype)

    def arange(self, n: int, /, *, dtype: str, like: Array) -> Array:
        return np.arange(n, dtype=dtype)

    def pow(self, x: Array, exponent: float, /) -> Array:
        # NumPy 1 widens a 0-d array that meets a Python number.
        return self.framework.power(x, x.dtype.type(exponent))

    def relu(self, x: Array, /) -> Array:
        # maximum(x, 0) would share the gradient of a tie; NaN must not become 0.
        return self.where(x <= 0, 0.0, x)

    def clip(self, x: Array, /, min: float | None = None, max: float | None = None) -> Array:
        below = x if min is None else self.where(x < min, min, x)
        return below if max is None else self.where(below > max, max, below)

    def where(self, condition: Array, x1: Array | float, x2: Array | float, /) -> Array:
        # NumPy 1 promotes by value: a Python 0.0 beside a float16 0-d array gives float64.
        array = x1 if hasattr(x1, "dtype") else x2
        x1, x2 = (x if hasattr(x, "dtype") else array.dtype.type(x) for x in (x1, x2))
        return self.framework.where(condition, x1, x2)

    def sum(self, x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
        return self.framework.sum(x, axis=axis, keepdims=keepdims)

    def mean(self, x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
        if axis == ():
            return x
        # numpy.mean over nothing warns through Python, which no error state silences.
        axes = range(len(x.shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
        count = math.prod(x.shape[i] for i in axes)
        return self.sum(x, axis=axis, keepdims=keepdims) / x.dtype.type(count)

    def max(self, x: Array, /, *, axis: int, keepdims: bool = False) -> Array:
        return self.framework.max(x, axis=axis, keepdims=keepdims)

    def cumulative_sum(self, x: Array, /, *, axis: int) -> Array:
        return self.framework.cumsum(x, axis=axis)

    def argsort(self, x: Array, /, *, axis: int) -> Array:
        return np.argsort(self.stop_gradient(x), axis=axis, kind="stable")

    def expand_dims(self, x: Array, /, *, axis: int) -> Array:
        return self.framework.expand_dims(x, axis)

    def concat(self, arrays: Sequence[Array], /, *, axis: int) -> Array:
        return self.framework.concatenate(list(arrays), axis=axis)

    def stack(self, arrays: Sequence[Array], /, *, axis: int) -> Array:
        return self.framework.stack(list(arrays), axis=axis)

    def unstack(self, x: Array, /, *, axis: int) -> tuple[Array, ...]:
        before = (slice(None),) * (axis % len(x.shape))
        return tuple(x[(*before, i)] for i in range(x.shape[axis]))

    def take_along_axis(self, x: Array, indices: Array, /, *, axis: int) -> Array:
        return np.take_along_axis(x, indices, axis)

    def take(self, x: Array, indices: Array, /) -> Array:
        return x[self.stop_gradient(indices)]

    def stop_gradient(self, x: Array, /) -> Array:
        return x

    def replace_gradient(self, value: Array, x: Array, gradient: Array, /) -> Array:
        return value

    def is_tensor(self, x: object, /) -> bool:
        return isinstance(x, np.ndarray | np.generic)

    def from_numpy(self, array: Any, dtype: str, like: Array | None, /) -> Array:
        return array.astype(dtype, copy=False)

    def to_numpy(self, x: Array, /) -> Any:
        return np.asarray(x)

    def from_dlpack(self, x: Any, /) -> Array:
        return np.from_dlpack(x)

    def guard(self, program: Callable[..., Array], /) -> Callable[..., Array]:
        def quiet(*args: Any) -> Array:
            # As in every other framework, log(0) is -inf and 0/0 NaN without a warning.
            with np.errstate(all="ignore"):
                return np.asarray(program(*args))

        return quiet

    def value_and_grad(
        self, function: Callable[..., Array], argnums: tuple[int, ...], args: Sequence[Array]
    ) -> tuple[Array, tuple[Array, ...]]:
        return boxed_backend().value_and_grad(function, argnums, args)

    def gradient(self, function: Callable[[Ops, Array], Array], x: Array, /) -> Array:
        # The arrays that are differentiated have operations of their own.
        return Backend.gradient(boxed_backend(), function, x)


class BoxedNumpyBackend(NumpyBackend):
    """The same operations through autograd.numpy, for arguments that autograd has boxed."""

    module = "autograd.numpy"
    distribution = "autograd"
    renames = {op: name for op, name in _NUMPY_OPS.items() if op not in ("abs", "broadcast_to")}

    def __init__(self) -> None:
        super().__init__()
        self._tracer = importlib.import_module("autograd.tracer")
        self._extend = importlib.import_module("autograd.extend")
        self._replaced = self._extend.primitive(lambda _x, value, _gradient: value)
        self._extend.defvjp(self._replaced, lambda _result, _x, _value, gradient: lambda _head: gradient)
        self._zero = self._extend.primitive(lambda x, _derivative: np.zeros_like(x))
        self._extend.defvjp(self._zero, lambda _result, _x, derivative: lambda head: head * derivative, None)

    @property
    def version(self) -> str:
        return np.__version__

    def is_tensor(self, x: object, /) -> bool:
        return bool(self._tracer.isbox(x))

    def abs(self, x: Array, /) -> Array:
        # autograd's own derivative, x / |x|, is NaN at infinity.
        return x * self.framework.sign(x)

    def broadcast_to(self, x: Array, /, shape: tuple[int, ...]) -> Array:
        # autograd's own cannot add axes.
        return x * np.ones(shape, x.dtype)

    def where(self, condition: Array, x1: Array | float, x2: Array | float, /) -> Array:
        # autograd does not sum the gradient of a branch over the axes that it was broadcast along.
        shape = np.broadcast_shapes(*(np.shape(x) for x in (condition, x1, x2)))
        x1, x2 = (
            x if isinstance(x, int | float) or x.shape == shape else self.broadcast_to(x, shape)
            for x in (x1, x2)
        )
        return super().where(condition, x1, x2)

    def take_along_axis(self, x: Array, indices: Array, /, *, axis: int) -> Array:
        # autograd has no take_along_axis; open index grids say the same and it knows indexing.
        indices = self.stop_gradient(indices)
        grids = list(np.ogrid[tuple(slice(n) for n in indices.shape)])
        grids[axis] = indices
        return x[tuple(grids)]

    def stop_gradient(self, x: Array, /) -> Array:
        while self._tracer.isbox(x):
            x = x._value
        return x

    def replace_gradient(self, value: Array, x: Array, gradient: Array, /) -> Array:
        return self._replaced(x, self.stop_gradient(value), self.stop_gradient(gradient))

    def zero_with_derivative(self, x: Array, derivative: Array, /) -> Array:
        return self._zero(x, derivative)

    def to_numpy(self, x: Array, /) -> Any:
        return np.asarray(self.stop_gradient(x))

    def guard(self, program: Callable[..., Array], /) -> Callable[..., Array]:
        def quiet(*args: Any) -> Array:
            with np.errstate(all="ignore"):
                return program(*args)

        return quiet

    def value_and_grad(
        self, function: Callable[..., Array], argnums: tuple[int, ...], args: Sequence[Array]
    ) -> tuple[Array, tuple[Array, ...]]:
        def of_selected(*selected: Array) -> Array:
            full = list(args)
            for i, x in zip(argnums, selected, strict=True):
                full[i] = x
            return function(*full)

        make_vjp, vspace = importlib.import_module("autograd.core").make_vjp, self._extend.vspace
        selected = tuple(args[i] for i in argnums)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            # A gradient of zero is an answer.
            warnings.filterwarnings("ignore", message="Output seems independent of input")
            # Boxes of an outer gradient stay around both.
            vjp, value = make_vjp(lambda xs: of_selected(*xs), _as_sequence(selected))
            grads = vjp(vspace(value).ones().astype(value.dtype))
        return self._unless_boxed(value, value.dtype), tuple(
            self._unless_boxed(g, x.dtype) for g, x in zip(grads, selected, strict=True)
        )

    def _unless_boxed(self, x: Array, dtype: Any) -> Array:
        return x.astype(dtype) if self.is_tensor(x) else np.asarray(x, dtype=dtype)


def _as_sequence(arrays: tuple[Array, ...]) -> Any:
    """A tuple that autograd differentiates through as one argument."""
    return importlib.import_module("autograd.builtins").tuple(arrays)


@functools.cache
def boxed_backend() -> BoxedNumpyBackend:
    """The backend of autograd's boxes; an error says what to install without autograd."""
    try:
        # mypy does not see the operations that come from the table.
        return BoxedNumpyBackend()  # type: ignore[abstract]
    except ImportError as error:
        raise UnsupportedOperation(
            "gradients of NumPy arrays need HIPS autograd: pip install 'unified_loss[autograd]'"
        ) from error
