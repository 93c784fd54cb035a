"""PyTorch."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import FunctionType
from typing import Any, ClassVar

import torch

from unified_loss.ops import DTYPES, Array, Axis, Ops

from ._torch_blocks import InBlocks
from ._torch_module import LossModule
from ._torch_pointwise import POINTWISE
from .base import Backend, Compiler, Evaluate, Function, Lowering

_NATIVE_DTYPE = {name: getattr(torch, name) for name in DTYPES}
_DTYPE_NAME = {dtype: name for name, dtype in _NATIVE_DTYPE.items()}


_names = itertools.count()

_CACHES = ("._programs", "._losses", "._made_constants", "._canonical_losses")
"""Where losses keep what they have bound; another entry changes nothing about those that there are."""


def _lasting(guards: Sequence[Any]) -> list[bool]:
    """Which guards hold; by default each call of a loss with other dtypes would compile it anew."""
    return [not any(cache in guard.name for cache in _CACHES) for guard in guards]


def _compiling(backend: str) -> Callable[[Backend, Function], Function]:
    def compile_(_: Backend, function: Any) -> Function:
        # torch counts, and limits, what it compiled for each code object, which closures share; and by
        # the name of the code it remembers which numbers have changed.
        code = function.__code__.replace(co_name=f"{function.__name__}_{next(_names)}")
        own = FunctionType(code, function.__globals__, function.__name__, None, function.__closure__)
        compiled: Function = torch.compile(
            own, fullgraph=True, backend=backend, options={"guard_filter_fn": _lasting}
        )
        called = differentiates = False

        def call(*tensors: Array) -> Any:
            nonlocal called, differentiates
            if not called:
                # What a loss keeps for later calls, NumPy arrays made tensors among it, cannot be traced.
                function(*tensors)
                called = True
            try:
                if not differentiates:
                    return compiled(*tensors)
            except torch._dynamo.exc.TorchDynamoException:
                # A loss that refuses its inputs says better why.
                function(*tensors)
                differentiates = True
            # Off by default, because it takes time: a gradient inside what is compiled.
            with torch._dynamo.config.patch(trace_autograd_ops=True):
                return compiled(*tensors)

        return call

    return compile_



_BLOCK_ELEMENTS = 1 << 19
"""Two megabytes of float32: with what is computed of it, it stays in the caches of most CPUs."""

_FASTER_WHOLE = ("cosine_embedding", "cross_entropy", "multi_margin", "nll", "sparse_softmax_cross_entropy")
"""The specs of which most is one kernel of torch's, or reads little of its input."""

_RECOMPILES = "the first other size of an axis, which is any size from then on"


class TorchBackend(Backend):
    """torch tensors; autograd, torch.compile and torch.func see ordinary torch operations."""

    name = "torch"
    module = "torch"
    distribution = "torch"
    index_dtype = "int64"  # gather takes no other
    lowerings: ClassVar[Mapping[str, Lowering]] = {**POINTWISE}
    compilers: ClassVar[Mapping[str, Compiler]] = {
        "inductor": Compiler(_compiling("inductor"), _RECOMPILES, slow=True),
        "aot_eager": Compiler(_compiling("aot_eager"), _RECOMPILES),
    }
    renames = {
        "abs": "abs",
        "exp": "exp",
        "log": "log",
        "log1p": "log1p",
        "sqrt": "sqrt",
        "square": "square",
        "relu": "relu",
        "clip": "clamp",
        "isinf": "isinf",
        "maximum": "maximum",
        "where": "where",
        "logical_and": "logical_and",
        "logical_or": "logical_or",
        "logical_not": "logical_not",
        "any": "any",
        "reshape": "reshape",
        "squeeze": "squeeze",
        "permute_dims": "permute",
        "broadcast_to": "broadcast_to",
        "stop_gradient": "Tensor.detach",
        "cos": "cos",
        "acos": "acos",
        "pow": "pow",
        "matmul": "matmul",
        "isnan": "isnan",
        "all": "all",
        "minimum": "minimum",
    }

    def shape(self, x: Array, /) -> tuple[int, ...]:
        return tuple(x.shape)

    def dtype(self, x: Array, /) -> str:
        return _DTYPE_NAME.get(x.dtype, str(x.dtype).removeprefix("torch."))

    def astype(self, x: Array, dtype: str, /) -> Array:
        return x.to(_NATIVE_DTYPE[dtype])

    def eye(self, n: int, /, *, like: Array) -> Array:
        return torch.eye(n, dtype=like.dtype, device=like.device)

    def arange(self, n: int, /, *, dtype: str, like: Array) -> Array:
        return torch.arange(n, dtype=_NATIVE_DTYPE[dtype], device=like.device)

    def sum(self, x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
        # To torch an empty tuple of axes means all of them.
        return x if axis == () else torch.sum(x, dim=axis, keepdim=keepdims)

    def mean(self, x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
        return x if axis == () else torch.mean(x, dim=axis, keepdim=keepdims)

    def max(self, x: Array, /, *, axis: int, keepdims: bool = False) -> Array:
        return torch.amax(x, dim=axis, keepdim=keepdims)

    def cumulative_sum(self, x: Array, /, *, axis: int) -> Array:
        return torch.cumsum(x, dim=axis)

    def argsort(self, x: Array, /, *, axis: int) -> Array:
        return torch.argsort(x, dim=axis, stable=True)

    def expand_dims(self, x: Array, /, *, axis: int) -> Array:
        return torch.unsqueeze(x, axis)

    def concat(self, arrays: Sequence[Array], /, *, axis: int) -> Array:
        return torch.cat(tuple(arrays), dim=axis)

    def stack(self, arrays: Sequence[Array], /, *, axis: int) -> Array:
        return torch.stack(tuple(arrays), dim=axis)

    def unstack(self, x: Array, /, *, axis: int) -> tuple[Array, ...]:
        return tuple(torch.unbind(x, dim=axis))

    def take_along_axis(self, x: Array, indices: Array, /, *, axis: int) -> Array:
        return torch.gather(x, axis, indices)

    def take(self, x: Array, indices: Array, /) -> Array:
        # An index of unsigned bytes would be a mask.
        return x[indices.long()]

    def replace_gradient(self, value: Array, x: Array, gradient: Array, /) -> Array:
        return _Replaced.apply(value.detach(), x, gradient.detach())

    def zero_with_derivative(self, x: Array, derivative: Array, /) -> Array:
        return _Zero.apply(x, derivative)

    def softplus(self, x: Array, /) -> Array:
        # Up to where exp(x) overflows; torch's default is x itself from 20 on, which float64 can tell apart.
        threshold = 80.0 if x.dtype == torch.float32 else 700.0
        return torch.nn.functional.softplus(x, threshold=threshold)

    def softmax(self, x: Array, /, *, axis: int) -> Array:
        return torch.softmax(x, dim=axis)

    def log_softmax(self, x: Array, /, *, axis: int) -> Array:
        return torch.log_softmax(x, dim=axis)

    def is_tensor(self, x: object, /) -> bool:
        return isinstance(x, torch.Tensor)

    def is_concrete(self, x: Array, /) -> bool:
        return not torch.compiler.is_compiling() and not torch._C._functorch.is_functorch_wrapped_tensor(x)

    def from_numpy(self, array: Any, dtype: str, like: Array | None, /) -> Array:
        # A read-only NumPy array must be copied: torch would write through it.
        writable = array if array.flags.writeable else array.copy()
        device = None if like is None else like.device
        return torch.as_tensor(writable, dtype=_NATIVE_DTYPE[dtype], device=device)

    def to_numpy(self, x: Array, /) -> Any:
        # Forced, for the zeros without memory that are the second derivatives of some operations.
        x = x.detach().cpu()
        return (x.to(torch.float32) if x.dtype == torch.bfloat16 else x).numpy(force=True)

    def from_dlpack(self, x: Any, /) -> Array:
        return torch.from_dlpack(x)

    def block_elements(self, x: Array, spec: str, /) -> int | None:
        if spec in _FASTER_WHOLE:
            return None
        # On a GPU a kernel's start costs more than what it reads. Tensors that stand for others, and dual
        # numbers, know only what torch itself records.
        if type(x) not in (torch.Tensor, torch.nn.Parameter) or x.device.type != "cpu":
            return None
        return None if torch.autograd.forward_ad._current_level >= 0 else _BLOCK_ELEMENTS

    def requires_gradient(self, x: Array, /) -> bool:
        return bool(x.requires_grad) and torch.is_grad_enabled()

    @cached_property
    def plain(self) -> Backend:
        # Late, because it is derived from this one.
        plain: Backend = importlib.import_module("._torch_plain", __package__).PlainTorch()
        return plain

    def with_gradients(
        self,
        evaluate: Evaluate,
        composed: Callable[..., Array],
        scaled: Callable[[Array, Array], Array],
        tensors: Sequence[Array | None],
        needed: Sequence[bool],
    ) -> Array:
        return InBlocks.apply((evaluate, composed, scaled, tuple(needed)), *tensors)

    def is_one(self, x: Array, /) -> bool:
        return bool((x == 1).all())

    def as_module(self, loss: Any, /) -> Any:
        return LossModule(loss)

    def value_and_grad(
        self, function: Callable[..., Array], argnums: tuple[int, ...], args: Sequence[Array]
    ) -> tuple[Array, tuple[Array, ...]]:
        full = list(args)
        for i in argnums:
            full[i] = full[i].detach().requires_grad_()
        value, grads = _differentiated(function, [full[i] for i in argnums], full, again=False)
        return value.detach(), grads

    def nested_value_and_grad(
        self, function: Callable[..., Array], argnums: tuple[int, ...], args: Sequence[Array]
    ) -> tuple[Array, tuple[Array, ...]]:
        full = list(args)
        for i in argnums:
            # A view of its own: what else the function knows the tensor by is another variable.
            x = full[i]
            full[i] = x.view_as(x) if x.requires_grad else x.detach().requires_grad_()
        return _differentiated(function, [full[i] for i in argnums], full, again=True)

    def gradient(self, function: Callable[[Ops, Array], Array], x: Array, /) -> Array:
        # Unlike autograd.grad it can be compiled.
        gradient: Array = torch.func.grad(lambda y: function(self, y).sum())(x.detach())
        return gradient.detach()


def _differentiated(
    function: Callable[..., Array], selected: Sequence[Array], args: Sequence[Array], again: bool
) -> tuple[Array, tuple[Array, ...]]:
    with torch.enable_grad():
        value = function(*args)
        total = value.sum()
    if not value.requires_grad:
        return value, tuple(torch.zeros_like(x) for x in selected)
    grads = torch.autograd.grad(
        total, selected, create_graph=again, allow_unused=True, materialize_grads=True
    )
    return value, tuple(grads)


class _Replaced(torch.autograd.Function):  # type: ignore[misc]
    generate_vmap_rule = True

    @staticmethod
    def forward(value: Array, _x: Array, _gradient: Array) -> Array:
        return value.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Array, ...], _output: Array) -> None:
        ctx.save_for_backward(inputs[2])

    @staticmethod
    def backward(ctx: Any, _head: Array) -> tuple[Array | None, ...]:
        return None, ctx.saved_tensors[0], None


class _Zero(torch.autograd.Function):  # type: ignore[misc]
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Array, _derivative: Array) -> Array:
        return torch.zeros_like(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Array, ...], _output: Array) -> None:
        ctx.save_for_backward(inputs[1])

    @staticmethod
    def backward(ctx: Any, head: Array) -> tuple[Array | None, ...]:
        return head * ctx.saved_tensors[0], None
