"""JAX."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from unified_loss.ops import Array

from ._dlpack import capsule_of
from .base import Backend, Compiler, UnsupportedOperation

# JAX 0.7 has only the one, 0.10 only the other.
_enable_x64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64


class JaxBackend(Backend):
    """jax.Array, tracers included: jit, grad and vmap see ordinary JAX operations.

    `softplus` stays the derived one: the gradient of JAX 0.7.1's own is exp(x - softplus(x)), which
    between 3 and 15 is off by several units in the last place (2 % in bfloat16 at 4).
    """

    name = "jax"
    module = "jax"
    distribution = "jax"
    unsupported: ClassVar[dict[str, str]] = {"module": "JAX has no modules; a loss is called as it is"}
    compilers: ClassVar[Mapping[str, Compiler]] = {
        "jit": Compiler(lambda _, function: jax.jit(function), "every shape"),
    }
    renames: ClassVar[dict[str, str]] = {
        "shape": "numpy.shape",
        "exp": "numpy.exp",
        "log": "numpy.log",
        "log1p": "numpy.log1p",
        "sqrt": "numpy.sqrt",
        "square": "numpy.square",
        "relu": "nn.relu",
        "isinf": "numpy.isinf",
        "maximum": "numpy.maximum",
        "where": "numpy.where",
        "logical_and": "numpy.logical_and",
        "logical_or": "numpy.logical_or",
        "logical_not": "numpy.logical_not",
        "any": "numpy.any",
        "sum": "numpy.sum",
        "mean": "numpy.mean",
        "max": "numpy.max",
        "reshape": "numpy.reshape",
        "expand_dims": "numpy.expand_dims",
        "squeeze": "numpy.squeeze",
        "permute_dims": "numpy.permute_dims",
        "concat": "numpy.concat",
        "stack": "numpy.stack",
        "unstack": "numpy.unstack",
        "broadcast_to": "numpy.broadcast_to",
        "take_along_axis": "numpy.take_along_axis",
        "stop_gradient": "lax.stop_gradient",
        "cos": "numpy.cos",
        "acos": "numpy.acos",
        "pow": "numpy.power",
        "cumulative_sum": "numpy.cumulative_sum",
        "argsort": "numpy.argsort",
        "isnan": "numpy.isnan",
        "all": "numpy.all",
        "minimum": "numpy.minimum",
        "min": "numpy.min",
        "softmax": "nn.softmax",
        "logsumexp": "nn.logsumexp",
        "log_softmax": "nn.log_softmax",
    }

    def dtype(self, x: Array, /) -> str:
        return str(x.dtype.name)

    def astype(self, x: Array, dtype: str, /) -> Array:
        if dtype.endswith("64") and not jax.config.jax_enable_x64:
            raise UnsupportedOperation(_without_x64(dtype))
        return x.astype(_type(dtype))

    def eye(self, n: int, /, *, like: Array) -> Array:
        # Not committed to a device, so that it goes where the arrays it meets are.
        return jnp.eye(n, dtype=like.dtype)

    def arange(self, n: int, /, *, dtype: str, like: Array) -> Array:
        return self.astype(jnp.arange(n), dtype)

    def abs(self, x: Array, /) -> Array:
        # The gradient of jnp.abs at 0 is 1 in JAX 0.7.1.
        return jnp.where(x == 0, 0, jnp.abs(x))

    def clip(self, x: Array, /, min: float | None = None, max: float | None = None) -> Array:
        # jnp.clip halves the gradient at the ends.
        raised = x if min is None else jnp.where(x < min, min, x)
        return raised if max is None else jnp.where(raised > max, max, raised)

    def matmul(self, x1: Array, x2: Array, /) -> Array:
        # The default precision rounds float32 factors to fewer bits on GPU and TPU.
        return jnp.matmul(x1, x2, precision="highest")

    def take(self, x: Array, indices: Array, /) -> Array:
        return jnp.take(x, indices, axis=0)

    def replace_gradient(self, value: Array, x: Array, gradient: Array, /) -> Array:
        return _replaced(value, x, gradient)

    def zero_with_derivative(self, x: Array, derivative: Array, /) -> Array:
        return _zero(x, derivative)

    def scan(
        self,
        function: Callable[..., tuple[tuple[Array, ...], tuple[Array, ...]]],
        init: tuple[Array, ...],
        xs: tuple[Array, ...],
        constants: tuple[Array, ...],
        /,
    ) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        # Compiled, a loop is one operation instead of some for each entry.
        if function not in self._scans:
            self._scans[function] = jax.jit(
                lambda init, xs, constants: jax.lax.scan(
                    lambda carry, x: function(self, carry, x, constants), init, xs
                )
            )
        carry, outputs = self._scans[function](init, xs, constants)
        return carry, outputs

    @cached_property
    def _scans(self) -> dict[Callable[..., Any], Callable[..., Any]]:
        return {}

    def is_tensor(self, x: object, /) -> bool:
        return isinstance(x, jax.Array)

    def is_concrete(self, x: Array, /) -> bool:
        return not isinstance(x, jax.core.Tracer)

    def from_numpy(self, array: Any, dtype: str, like: Array | None, /) -> Array:
        if dtype.endswith("64") and not jax.config.jax_enable_x64:
            dtype = _narrowed(array, dtype)
        return jnp.asarray(array.astype(_type(dtype), copy=False))

    def to_numpy(self, x: Array, /) -> Any:
        return np.asarray(x.astype(jnp.float32) if x.dtype == jnp.bfloat16 else x)

    def from_dlpack(self, x: object, /) -> Array:
        # JAX 0.7.1 reads transposed memory as if it were not, and logs a warning if it is not aligned.
        capsule_of(x, "JAX")
        # Outside this context a float64 would arrive as float32 without a word.
        with _enable_x64(True):
            array = jnp.from_dlpack(x)
        return array if jax.config.jax_enable_x64 else self.asarray(np.asarray(array))

    def value_and_grad(
        self, function: Callable[..., Array], argnums: tuple[int, ...], args: Sequence[Array]
    ) -> tuple[Array, tuple[Array, ...]]:
        def of_selected(*selected: Array) -> Array:
            full = list(args)
            for i, x in zip(argnums, selected, strict=True):
                full[i] = x
            return function(*full)

        value, pullback = jax.vjp(of_selected, *(args[i] for i in argnums))
        return value, pullback(jnp.ones_like(value))


@jax.custom_vjp  # type: ignore[untyped-decorator]
def _replaced(value: Array, _x: Array, _gradient: Array) -> Array:
    return value


def _replaced_forward(value: Array, _x: Array, gradient: Array) -> tuple[Array, Array]:
    return value, gradient


def _replaced_backward(gradient: Array, _head: Array) -> tuple[Array | None, ...]:
    return None, gradient, None


_replaced.defvjp(_replaced_forward, _replaced_backward)


@jax.custom_jvp  # type: ignore[untyped-decorator]
def _zero(x: Array, _derivative: Array) -> Array:
    return jnp.zeros_like(x)


@_zero.defjvp  # type: ignore[untyped-decorator]
def _zero_slope(primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Array, Array]:
    x, derivative = primals
    return jnp.zeros_like(x), derivative * tangents[0]


def _type(dtype: str) -> Any:
    # Another framework may have registered a bfloat16 of its own under the name that NumPy looks up.
    return jnp.bfloat16 if dtype == "bfloat16" else np.dtype(dtype)


def _narrowed(array: Any, dtype: str) -> str:
    """Name the 32-bit dtype that holds these labels as they are, where JAX has no 64-bit integers."""
    narrow = dtype.replace("64", "32")
    if dtype == "float64" or not np.array_equal(array.astype(narrow), array):
        raise UnsupportedOperation(_without_x64(dtype))
    return narrow


def _without_x64(dtype: str) -> str:
    return (
        f'JAX truncates {dtype} to 32 bits unless told otherwise: jax.config.update("jax_enable_x64", True) '
        "or JAX_ENABLE_X64=1 in the environment gives 64 bits"
    )
