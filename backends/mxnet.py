"""Apache MXNet 1.9, both its array kinds: legacy ``mx.nd.NDArray`` and ``mx.np.ndarray``."""

from __future__ import annotations

import importlib
import math
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from types import ModuleType
from typing import Any, ClassVar

import numpy

from unified_loss.ops import DTYPES, Array, Axis

from ._mxnet_graph import Graph, hybridize
from .base import Backend, Compiler, UnsupportedOperation


def _import_mxnet() -> ModuleType:
    # MXNet 1.9.1 reads np.bool when it is imported, which NumPy dropped in 1.24. It is put back for
    # that time only: whether NumPy has it is how other libraries tell NumPy 1 from 2.
    if int(numpy.__version__.partition(".")[0]) >= 2:
        raise ImportError(f"mxnet 1.9.1 needs numpy<2, this is NumPy {numpy.__version__}")
    restored = "bool" not in vars(numpy)  # hasattr would have NumPy warn
    if restored:
        numpy.bool = bool  # type: ignore[attr-defined]
    try:
        with warnings.catch_warnings():
            # It also looks up functions that NumPy deprecated long ago, only to list them.
            warnings.simplefilter("ignore", DeprecationWarning)
            return importlib.import_module("mxnet")
    finally:
        if restored:
            del numpy.bool  # type: ignore[attr-defined]


mxnet = _import_mxnet()
np, autograd, NDArray = mxnet.np, mxnet.autograd, mxnet.nd.NDArray

# The first switch to NumPy shapes logs a note through the root logger, which installs a handler
# there and so makes the user's own logging.basicConfig do nothing.
mxnet.util._set_np_shape_logged = True

_NO_DTYPE = {
    name: f"MXNet 1.9 has no {name}"
    for name in DTYPES
    if name not in ("float16", "float32", "float64", "int8", "int32", "int64", "uint8", "bool")
}
_NO_DTYPE["bfloat16"] = "MXNet 1.9 has bfloat16 inside oneDNN only: mx.np refuses it, mx.nd can only cast it"

_SLOW_WHERE = 2048
"""From this many elements on, broadcasting and the legacy `where` beat `np.where`."""


class _Mode(threading.local):
    lead = 0
    """How many axes of size 1 stand before the axes that the ops are told of: 0 or 1."""
    graph: Graph | None = None
    """The graph that is being recorded, to be run with other values."""


class MxnetBackend(Backend):
    """Both kinds of MXNet arrays; the ops work on ``mx.np`` arrays, `guard` converts.

    Without NumPy shapes (``mx.npx.set_np``, off by default), MXNet reads the shape ``()`` as unknown:
    an operator given such an array fails, and `backward` through one crashes the process (1.9.1). As
    `backward` is the user's, switching shapes on around the program is no way out. So while gradients
    are recorded without NumPy shapes, all arrays carry a leading axis of size 1, which the ops pass
    over: what would be 0-d has shape (1,), and broadcasting is as before.

    Operators run asynchronously, as MXNet's users expect: shapes are checked in the call, what only
    the values can tell is raised when the result is read. A Python number reaches MXNet as text,
    which its own parser rounds to within some units of the 16th digit.

    `logsumexp` and `log_softmax` stay the derived ones: MXNet has none of the first, and its
    ``log_softmax`` is 1.4e-6 off in float32, even for a dominant entry, where the loss is 0.
    """

    name = "mxnet"
    module = "mxnet"
    distribution = "mxnet"
    renames: ClassVar[dict[str, str]] = {
        "cos": "np.cos",
        "acos": "np.arccos",
        "isnan": "np.isnan",
        "minimum": "np.minimum",
        "exp": "np.exp",
        "log": "np.log",
        "log1p": "np.log1p",
        "sqrt": "np.sqrt",
        "square": "np.square",
        "abs": "np.abs",
        "relu": "npx.relu",
        "isinf": "np.isinf",
        "maximum": "np.maximum",
        "logical_and": "np.multiply",  # of two booleans a boolean; MXNet has no logical_and for them
        "logical_or": "np.add",
        "logical_not": "np.logical_not",
    }
    unsupported: ClassVar[dict[str, str]] = {
        **_NO_DTYPE,
        "second derivatives": "MXNet 1.9 has no second derivatives of mx.np arrays, not even of a product",
    }
    dtypes = ("float16", "float32", "float64")
    compilers: ClassVar[Mapping[str, Compiler]] = {"hybridize": Compiler(hybridize, "every shape")}

    def __init__(self) -> None:
        super().__init__()
        self._mode = _Mode()

    # ----------------------------------------------------------------------------- ops

    def shape(self, x: Array, /) -> tuple[int, ...]:
        return tuple(x.shape[self._mode.lead :])

    def dtype(self, x: Array, /) -> str:
        # A class for legacy arrays; for bfloat16 a structure with one field of that name.
        dtype = numpy.dtype(x.dtype)
        return dtype.names[0] if dtype.names else dtype.name

    def astype(self, x: Array, dtype: str, /) -> Array:
        if dtype in self.unsupported:
            raise UnsupportedOperation(self.unsupported[dtype])
        if self._mode.graph is None:
            return x.astype(dtype, copy=False)
        # astype copies into a new array, of which the graph would not know the dtype.
        return mxnet.nd.cast(x.as_nd_ndarray(), dtype).as_np_ndarray()

    def eye(self, n: int, /, *, like: Array) -> Array:
        return self.reshape(self._made(np.eye(n, dtype=like.dtype, ctx=like.ctx)), (n, n))

    def arange(self, n: int, /, *, dtype: str, like: Array) -> Array:
        return self.reshape(self._made(np.arange(n, dtype=dtype, ctx=like.ctx)), (n,))

    def pow(self, x: Array, exponent: float, /) -> Array:
        # The gradient would be 0 * x**-1, which is NaN at 0.
        return np.power(x, exponent) if exponent else np.ones_like(x)

    def clip(self, x: Array, /, min: float | None = None, max: float | None = None) -> Array:
        # np.clip parses its ends to float32, and that inexactly; the gradient of maximum and minimum
        # multiplies by 0 what it should leave out, so that an infinite one becomes NaN.
        if min is not None:
            end = self._made(_number(min, x))
            x = self.where(x < end, end, x)
        if max is not None:
            end = self._made(_number(max, x))
            x = self.where(x > end, end, x)
        return x

    def where(self, condition: Array, x1: Array | float, x2: Array | float, /) -> Array:
        # The gradient of np.where with a number goes to the wrong branch (1.9.1), so a number
        # becomes an array.
        array: Array = x1 if isinstance(x1, NDArray) else x2
        operands = (
            condition,
            *(x if isinstance(x, NDArray) else self._made(_number(x, array)) for x in (x1, x2)),
        )
        shape = numpy.broadcast_shapes(*(x.shape for x in operands))
        if (0 < math.prod(shape) < _SLOW_WHERE and len(shape) <= 5) or array.dtype == bool:
            return np.where(*operands)
        # np.where spends 30 ns on each element, takes no more than 5 axes, and over no elements its
        # gradient aborts the process (1.9.1). The legacy one neither broadcasts nor takes booleans.
        condition, x1, x2 = (x if x.shape == shape else np.broadcast_to(x, shape) for x in operands)
        condition = self.astype(condition, "uint8").as_nd_ndarray()
        return mxnet.nd.where(condition, x1.as_nd_ndarray(), x2.as_nd_ndarray()).as_np_ndarray()

    def any(self, x: Array, /) -> Array:
        return self._reduce(np.any, x, None, keepdims=False)

    def sum(self, x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
        return self._reduce(self._sum, x, axis, keepdims)

    def mean(self, x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
        # np.mean is 0 over no elements, and where it also gives none it kills the process (SIGFPE).
        count = math.prod(x.shape[i] for i in self._axes(x, axis))
        return self.sum(x, axis=axis, keepdims=keepdims) / count

    def max(self, x: Array, /, *, axis: int, keepdims: bool = False) -> Array:
        return self._reduce(np.max, x, axis, keepdims)

    def cumulative_sum(self, x: Array, /, *, axis: int) -> Array:
        # np.cumsum takes no negative axis (1.9.1).
        return np.cumsum(x, axis=self._axis(axis) % x.ndim)

    def argsort(self, x: Array, /, *, axis: int) -> Array:
        # MXNet's own is not stable, and takes no float16 (1.9.1).
        if self._mode.graph is not None:
            raise UnsupportedOperation(
                "MXNet cannot hybridize a stable argsort: its own is not, NumPy's is used"
            )
        order = numpy.argsort(x.asnumpy(), axis=self._axis(axis), kind="stable")
        return np.array(order, dtype="int64", ctx=x.ctx)

    def matmul(self, x1: Array, x2: Array, /) -> Array:
        if x1.dtype != numpy.float16:
            return np.matmul(x1, x2)
        # MXNet multiplies matrices of float16 on GPU only.
        return np.matmul(x1.astype("float32"), x2.astype("float32")).astype("float16")

    def reshape(self, x: Array, /, shape: tuple[int, ...]) -> Array:
        return np.reshape(x, self._led(shape))

    def expand_dims(self, x: Array, /, *, axis: int) -> Array:
        return np.expand_dims(x, self._axis(axis))

    def squeeze(self, x: Array, /, axis: int) -> Array:
        return np.squeeze(x, self._axis(axis))

    def permute_dims(self, x: Array, /, axes: tuple[int, ...]) -> Array:
        return np.transpose(x, (*range(self._mode.lead), *map(self._axis, axes)))

    def concat(self, arrays: Sequence[Array], /, *, axis: int) -> Array:
        return np.concatenate(list(arrays), axis=self._axis(axis))

    def stack(self, arrays: Sequence[Array], /, *, axis: int) -> Array:
        return np.stack(list(arrays), axis=self._axis(axis))

    def unstack(self, x: Array, /, *, axis: int) -> tuple[Array, ...]:
        axis = self._axis(axis)
        count = x.shape[axis]
        return tuple(np.squeeze(part, axis) for part in np.split(x, count, axis=axis)) if count else ()

    def slice_along_axis(self, x: Array, start: int, stop: int, /, *, axis: int) -> Array:
        return super().slice_along_axis(x, start, stop, axis=self._axis(axis))

    def broadcast_to(self, x: Array, /, shape: tuple[int, ...]) -> Array:
        return np.broadcast_to(x, self._led(shape))

    def take_along_axis(self, x: Array, indices: Array, /, *, axis: int) -> Array:
        axis = self._axis(axis) % x.ndim
        if indices.shape[axis] == 1:
            return mxnet.npx.pick(x, indices, axis=axis, keepdims=True)
        if indices.size == 0:
            # gather_nd looks at indices that are not there. No gradient flows from nothing.
            return self._made(np.zeros(indices.shape, dtype=x.dtype, ctx=x.ctx))
        grid = [
            self._made(np.arange(n, dtype="int64", ctx=x.ctx).reshape((n,) + (1,) * (x.ndim - i - 1)))
            for i, n in enumerate(indices.shape)
        ]
        grid[axis] = self.astype(indices, "int64")
        return mxnet.npx.gather_nd(x, np.stack([np.broadcast_to(g, indices.shape) for g in grid]))

    def take(self, x: Array, indices: Array, /) -> Array:
        # The leading axis of the indices becomes that of the result.
        return np.take(x[0] if self._mode.lead else x, indices, axis=0)

    def stop_gradient(self, x: Array, /) -> Array:
        if self._mode.graph is None:
            return x.detach()
        return mxnet.nd.BlockGrad(x.as_nd_ndarray()).as_np_ndarray()

    def replace_gradient(self, value: Array, x: Array, gradient: Array, /) -> Array:
        # MakeLoss sends back ones, whatever comes in: here a 0, from the branch not taken.
        product = x * self.stop_gradient(gradient)
        slope = mxnet.nd.MakeLoss(product.as_nd_ndarray()).as_np_ndarray()
        always = self._made(np.ones(x.shape, dtype="bool", ctx=x.ctx))
        return self.where(always, self.stop_gradient(value), slope)

    def zero_with_derivative(self, x: Array, derivative: Array, /) -> Array:
        # There are no second derivatives, for which alone that of the derivative has a use.
        return super().zero_with_derivative(x, self.stop_gradient(derivative))

    def softplus(self, x: Array, /) -> Array:
        # The derived form without its slow `where`: at 0, maximum has gradient 1 and relu 0.
        positive = np.maximum(x, 0.0)
        magnitude = positive + mxnet.npx.relu(-x)
        return positive + np.log1p(np.exp(-magnitude))

    def _made(self, x: Array) -> Array:
        """An array that does not come from the arguments, as the graph that is recorded knows it."""
        return x if self._mode.graph is None else self._mode.graph.variable(x)

    def _viewed(self, x: Array, shape: tuple[int, ...]) -> Array:
        # The operation that a view is recorded as knows no shape without axes.
        return x.reshape_view(shape) if self._mode.graph is None else np.reshape(x, shape)

    def _sum(self, x: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
        # np.sum makes NaN of [inf, 1] (1.9.1). The legacy sum does not, but has no 0-d result, fails over
        # no elements and makes a boolean of booleans.
        if x.dtype == bool or x.size == 0:
            return np.sum(x, axis=axis, keepdims=keepdims)
        total = mxnet.nd.sum(x.as_nd_ndarray(), axis=axis, keepdims=keepdims).as_np_ndarray()
        return total if keepdims or len(axis) < x.ndim else self._viewed(total, ())

    def _axis(self, axis: int) -> int:
        return axis + self._mode.lead if axis >= 0 else axis

    def _axes(self, x: Array, axis: Axis) -> tuple[int, ...]:
        if axis is None:
            return tuple(range(self._mode.lead, x.ndim))
        return tuple(map(self._axis, (axis,) if isinstance(axis, int) else axis))

    def _led(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (1,) * self._mode.lead + tuple(shape)

    def _reduce(self, function: Callable[..., Array], x: Array, axis: Axis, keepdims: bool) -> Array:
        axes, shape = self._axes(x, axis), x.shape
        if not axes:
            return x
        if 0 in shape:
            reduced = {i % len(shape) for i in axes}
            kept = [1 if i in reduced else n for i, n in enumerate(shape) if keepdims or i not in reduced]
            if 0 in kept:
                # From nothing to nothing: the gradient of the reduction itself fails (1.9.1).
                return np.reshape(x, tuple(kept))
        return function(x, axis=axes, keepdims=keepdims)

    # ------------------------------------------------------------------------- tensors

    def is_tensor(self, x: object, /) -> bool:
        return isinstance(x, NDArray)

    def is_concrete(self, x: Array, /) -> bool:
        return self._mode.graph is None

    def from_numpy(self, array: Any, dtype: str, like: Array | None, /) -> Array:
        ctx = None if like is None else like.ctx
        result = self._made(np.array(array.astype(dtype, copy=False), dtype=dtype, ctx=ctx))
        return result.as_nd_ndarray() if _is_legacy(like) else result

    def to_numpy(self, x: Array, /) -> Any:
        return x.asnumpy()

    def from_dlpack(self, x: Any, /) -> Array:
        array = mxnet.nd.from_dlpack(x.__dlpack__()).as_np_ndarray()
        if self.dtype(array) in self.unsupported:
            raise UnsupportedOperation(self.unsupported[self.dtype(array)])
        return array

    # ----------------------------------------------------------------------- execution

    def guard(self, program: Callable[..., Array], /) -> Callable[..., Array]:
        mode, with_numpy_shapes = self._mode, mxnet.util.np_shape

        def guarded(*args: Any) -> Array:
            if mode.lead:
                return program(*args)
            legacy = _is_legacy(next((x for x in args if isinstance(x, NDArray)), None))
            arrays = [x.as_np_ndarray() if isinstance(x, NDArray) else x for x in args]
            if mode.graph is not None:
                arrays = [mode.graph.joined(x) if isinstance(x, NDArray) else x for x in arrays]
            if autograd.is_recording() and not mxnet.util.is_np_shape():
                result = self._with_leading_axis(program, arrays)
                if result.ndim > 1:
                    result = self._viewed(result, result.shape[1:])
                elif not legacy:
                    result = np.sum(result)
            else:
                with with_numpy_shapes(True):
                    result = program(*arrays)
                    if legacy and result.ndim == 0:
                        # As mx.nd.sum and all other legacy reductions have it.
                        result = self._viewed(result, (1,))
            return result.as_nd_ndarray() if legacy else result

        return guarded

    def _with_leading_axis(self, program: Callable[..., Array], arrays: Sequence[Any]) -> Array:
        led = [self._viewed(x, (1, *x.shape)) if isinstance(x, NDArray) else x for x in arrays]
        self._mode.lead = 1
        try:
            return program(*led)
        finally:
            self._mode.lead = 0

    @contextmanager
    def recording(self, graph: Graph) -> Iterator[None]:
        """Record what is computed, so that it can be computed again of other values."""
        self._mode.graph = graph
        try:
            with autograd.record():
                yield
        finally:
            self._mode.graph = None

    def as_module(self, loss: Any, /) -> Any:
        # Late, because importing MXNet takes the constructor's preparations.
        mxnet_block = importlib.import_module("._mxnet_block", __package__)
        return mxnet_block.LossBlock(loss)

    def value_and_grad(
        self, function: Callable[..., Array], argnums: tuple[int, ...], args: Sequence[Array]
    ) -> tuple[Array, tuple[Array, ...]]:
        if self._mode.graph is not None:
            raise UnsupportedOperation(
                "MXNet cannot hybridize a gradient: take value_and_grad of the compiled function instead"
            )
        full = list(args)
        with mxnet.util.np_shape(True):
            for i in argnums:
                # Detached, it shares its values with the caller's array, but not its gradient.
                full[i] = full[i].detach()
                full[i].attach_grad()
            selected = [full[i] for i in argnums]
            with autograd.record():
                value = function(*full)
            grads = [x.grad for x in selected]
            # Broadcast to no elements, an array would get whatever the memory holds (1.9.1).
            if value.size and _is_recorded(value):
                # Unlike backward, this leaves alone the gradients, and retained the graph, of what
                # else the function uses. Every variable must be reachable: each is a head, of weight 0.
                grads = autograd.grad([*selected, value], selected, [*grads, None], retain_graph=True)
            return value.detach(), tuple(
                g.as_nd_ndarray() if _is_legacy(x) else g.as_np_ndarray()
                for g, x in zip(grads, selected, strict=True)
            )


def _number(value: float, like: Array) -> Array:
    """A number as an array beside `like`, as exact as its dtype, which numbers in calls are not."""
    with numpy.errstate(over="ignore"):
        data = numpy.asarray(value, like.dtype).tobytes()
    return _constant(data, like.dtype, like.ctx, min(like.ndim, 1))


@lru_cache(maxsize=256)
def _constant(data: bytes, dtype: Any, ctx: Any, ndim: int) -> Array:
    return np.array(numpy.frombuffer(data, dtype).reshape((1,) * ndim), dtype=dtype, ctx=ctx)


def _is_legacy(x: object) -> bool:
    return isinstance(x, NDArray) and not isinstance(x, np.ndarray)


def _is_recorded(x: Array) -> bool:
    """Whether `x` was computed from an array with a gradient; `backward` of any other is an error."""
    try:
        autograd.get_symbol(x)
    except mxnet.MXNetError:
        return False
    return True
