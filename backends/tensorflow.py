"""TensorFlow."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from unified_loss.ops import Array

from ._dlpack import capsule_of
from .base import Backend, Compiler, Function, UnsupportedOperation


def _traced(function: Function, **options: Any) -> Function:
    # No loss branches on values: AutoGraph would only rewrite its source, slowly.
    traced: Function = tf.function(function, autograph=False, **options)
    return traced


def _of_any_size(_: Backend, function: Function) -> Function:
    traced = _traced(function, jit_compile=False, reduce_retracing=True)
    of_known_sizes = None

    def call(*tensors: Array) -> Any:
        nonlocal of_known_sizes
        # Each variable would be traced by itself.
        tensors = tuple(map(tf.convert_to_tensor, tensors))
        if of_known_sizes is None:
            try:
                return traced(*tensors)
            except _UnknownSize:
                of_known_sizes = _of_known_sizes(function, jit_compile=False)
        return of_known_sizes(*tensors)

    return call


def _of_known_sizes(function: Function, **options: Any) -> Function:
    functions: dict[Any, Function] = {}

    def call(*tensors: Array) -> Any:
        tensors = tuple(map(tf.convert_to_tensor, tensors))
        # A function that is traced for many shapes warns of it.
        key = tuple(tuple(x.shape.as_list()) for x in tensors)
        if key not in functions:
            functions[key] = _traced(function, **options)
        return functions[key](*tensors)

    return call


class _UnknownSize(UnsupportedOperation):
    """A loss needs the size of an axis which is to be of any size."""


class TensorflowBackend(Backend):
    """tf.Tensor and tf.Variable; runs eagerly, inside tf.function and under XLA.

    `softmax` stays the derived one: in float32 that of TensorFlow 2.21 gives 0 beside NaN, for which a
    loss would look as if it were in order.
    """

    name = "tensorflow"
    module = "tensorflow"
    distribution = "tensorflow-cpu"
    compilers: ClassVar[Mapping[str, Compiler]] = {
        "xla": Compiler(lambda _, function: _of_known_sizes(function, jit_compile=True), "every shape"),
        "graph": Compiler(
            _of_any_size,
            "the first other size of an axis, which is any size from then on; every shape, where the loss "
            "goes along that axis step by step",
        ),
    }
    renames: ClassVar[dict[str, str]] = {
        "astype": "cast",
        "abs": "abs",
        "exp": "exp",
        "log": "math.log",
        "log1p": "math.log1p",
        "sqrt": "sqrt",
        "square": "square",
        "relu": "nn.relu",
        "isinf": "math.is_inf",
        "maximum": "maximum",
        "logical_and": "logical_and",
        "logical_or": "logical_or",
        "logical_not": "logical_not",
        "any": "reduce_any",
        "sum": "reduce_sum",
        "mean": "reduce_mean",
        "max": "reduce_max",
        "reshape": "reshape",
        "expand_dims": "expand_dims",
        "squeeze": "squeeze",
        "permute_dims": "transpose",
        "concat": "concat",
        "stack": "stack",
        "broadcast_to": "broadcast_to",
        "stop_gradient": "stop_gradient",
        "cos": "cos",
        "acos": "acos",
        "matmul": "linalg.matmul",
        "take": "gather",
        "cumulative_sum": "cumsum",
        "isnan": "math.is_nan",
        "all": "reduce_all",
        "minimum": "minimum",
        "min": "reduce_min",
        "softplus": "math.softplus",
        "logsumexp": "reduce_logsumexp",
        "log_softmax": "nn.log_softmax",
    }

    def shape(self, x: Array, /) -> tuple[int, ...]:
        static = x.shape.as_list()
        if None not in static:
            return tuple(static)
        dynamic = tf.shape(x)
        return tuple(dynamic[i] if n is None else n for i, n in enumerate(static))

    def dtype(self, x: Array, /) -> str:
        return str(x.dtype.name)

    def eye(self, n: int, /, *, like: Array) -> Array:
        with tf.device(like.device):
            return tf.eye(n, dtype=like.dtype)

    def arange(self, n: int, /, *, dtype: str, like: Array) -> Array:
        with tf.device(like.device):
            return tf.cast(tf.range(n), dtype)

    def pow(self, x: Array, exponent: float, /) -> Array:
        # The gradient would be 0 * x**-1, which is NaN at 0.
        return tf.pow(x, tf.constant(exponent, x.dtype)) if exponent else tf.ones_like(x)

    def argsort(self, x: Array, /, *, axis: int) -> Array:
        return tf.argsort(x, axis=axis, stable=True)

    def clip(self, x: Array, /, min: float | None = None, max: float | None = None) -> Array:
        # tf.clip_by_value wants both ends; at a tie maximum and minimum give the gradient to x.
        raised = x if min is None else tf.maximum(x, min)
        return raised if max is None else tf.minimum(raised, max)

    def where(self, condition: Array, x1: Array | float, x2: Array | float, /) -> Array:
        # tf.where makes a Python float float32, whatever stands beside it.
        array: Array = x1 if self.is_tensor(x1) else x2
        x1, x2 = (x if self.is_tensor(x) else tf.constant(x, array.dtype) for x in (x1, x2))
        return tf.where(condition, x1, x2)

    def unstack(self, x: Array, /, *, axis: int) -> tuple[Array, ...]:
        if x.shape[axis] is None:
            raise _UnknownSize("TensorFlow splits an axis of known size only")
        return tuple(tf.unstack(x, axis=axis))

    def take_along_axis(self, x: Array, indices: Array, /, *, axis: int) -> Array:
        # TensorFlow picks along the last axis: its gather treats all axes before as a batch.
        rank = x.shape.rank
        axis %= rank
        if axis == rank - 1:
            return tf.gather(x, indices, batch_dims=axis)
        swap = [*range(rank)]
        swap[axis], swap[-1] = rank - 1, axis
        picked = tf.gather(tf.transpose(x, swap), tf.transpose(indices, swap), batch_dims=rank - 1)
        return tf.transpose(picked, swap)

    def replace_gradient(self, value: Array, x: Array, gradient: Array, /) -> Array:
        return _replaced(tf.stop_gradient(value), tf.identity(x), tf.stop_gradient(gradient))

    def zero_with_derivative(self, x: Array, derivative: Array, /) -> Array:
        return _zero(tf.identity(x), derivative)

    def scan(
        self,
        function: Callable[..., tuple[tuple[Array, ...], tuple[Array, ...]]],
        init: tuple[Array, ...],
        xs: tuple[Array, ...],
        constants: tuple[Array, ...],
        /,
    ) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        length = xs[0].shape[0]
        # Eager, a loop of TensorFlow's is one of Python's.
        if tf.executing_eagerly() or not length:
            return super().scan(function, init, xs, constants)
        entries = [tf.TensorArray(x.dtype, length).unstack(x) for x in xs]
        # What is given out is known once it has been.
        _, first = function(self, init, tuple(x[0] for x in xs), constants)
        given = tuple(tf.TensorArray(y.dtype, length, element_shape=y.shape) for y in first)

        def advance(i: Array, carry: tuple[Array, ...], given: tuple[Any, ...]) -> tuple[Any, ...]:
            after, outputs = function(self, carry, tuple(x.read(i) for x in entries), constants)
            kept = tuple(tf.ensure_shape(y, x.shape) for x, y in zip(carry, after, strict=True))
            return i + 1, kept, tuple(a.write(i, y) for a, y in zip(given, outputs, strict=True))

        _, carry, written = tf.while_loop(
            lambda i, *_: i < length, advance, (tf.constant(0), init, given), maximum_iterations=length
        )
        return carry, tuple(a.stack() for a in written)

    def is_tensor(self, x: object, /) -> bool:
        return isinstance(x, tf.Tensor | tf.Variable)

    def is_concrete(self, x: Array, /) -> bool:
        return bool(tf.executing_eagerly() and not tf.is_symbolic_tensor(x))

    def from_numpy(self, array: Any, dtype: str, like: Array | None, /) -> Array:
        with nullcontext() if like is None else tf.device(like.device):
            return tf.convert_to_tensor(array.astype(tf.as_dtype(dtype).as_numpy_dtype, copy=False))

    def to_numpy(self, x: Array, /) -> Any:
        return np.asarray(tf.cast(x, tf.float32) if x.dtype == tf.bfloat16 else x)

    def from_dlpack(self, x: object, /) -> Array:
        # TensorFlow 2.21 takes any address, and aborts the process once an operation reads from
        # one that is not a multiple of 64, as those of NumPy arrays and of slices often are.
        return tf.experimental.dlpack.from_dlpack(capsule_of(x, "TensorFlow"))

    def guard(self, program: Callable[..., Array], /) -> Callable[..., Array]:
        # No loss branches on values: AutoGraph would only rewrite its source, slowly.
        unconverted: Callable[..., Array] = tf.autograph.experimental.do_not_convert(program)
        return unconverted

    def as_module(self, loss: Any, /) -> Any:
        # Late, because Keras takes a second to import.
        keras_loss = importlib.import_module("._keras_loss", __package__)
        return keras_loss.KerasLoss(loss.supervised())

    def value_and_grad(
        self, function: Callable[..., Array], argnums: tuple[int, ...], args: Sequence[Array]
    ) -> tuple[Array, tuple[Array, ...]]:
        selected = [args[i] for i in argnums]
        with tf.GradientTape() as tape:
            tape.watch(selected)
            value = function(*args)
        grads = tape.gradient(value, selected, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return value, tuple(tf.convert_to_tensor(g) for g in grads)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _replaced(value: Array, _x: Array, gradient: Array) -> tuple[Array, Callable[..., Any]]:
    def backward(head: Array) -> tuple[Array | None, ...]:
        # A gradient that no head flows into is lost between the graphs of a tf.function (2.21).
        return None, tf.where(tf.ones_like(head, tf.bool), gradient, head), None

    return tf.identity(value), backward


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _zero(x: Array, derivative: Array) -> tuple[Array, Callable[..., Any]]:
    def backward(head: Array) -> tuple[Array | None, ...]:
        return head * derivative, None

    return tf.zeros_like(x), backward
