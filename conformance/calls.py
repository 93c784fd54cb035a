"""Calls a loss as a case says, be it a framework's own or ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from unified_loss.dispatch import backend_of

from .cases import Case, NamedFunction, SparseRows

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

Tensors = Callable[[Any], Any]
Outputs = tuple[Any, ...]


def prepared_call(
    case: Case,
    loss: Callable[..., Any],
    tensor: Tensors,
    load_state: Callable[[Any, dict[str, Any]], Any],
    backend: Backend,
    in_mode: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda loss: loss,
) -> Callable[..., Outputs]:
    """The function of the inputs' tensors that gives the outputs that the case compares.

    `tensor` makes a tensor of an array, `load_state` gives a loss its weights, and `in_mode` makes it
    one that runs in another mode, such as compiled.
    """
    tensor = _casting(case, tensor, backend)
    kwargs = {
        # Native losses take axes as a tuple only.
        name: value if name == "axis" else converted(value, tensor, backend)
        for name, value in case.kwargs.items()
    }
    if case.call == "function":
        called, keywords = loss, kwargs
    else:
        called, keywords = loss(**kwargs), {}
        if case.state:
            called = load_state(called, {name: tensor(value) for name, value in case.state.items()})
    called = in_mode(called)

    def call(*tensors: Any) -> Outputs:
        given = [
            x if entry.prepare is None else _apply(entry.prepare, x, backend)
            for entry, x in zip(case.inputs, tensors, strict=True)
        ]
        positional = [x for entry, x in zip(case.inputs, given, strict=True) if entry.keyword is None]
        named = {e.keyword: x for e, x in zip(case.inputs, given, strict=True) if e.keyword is not None}
        result = called(*positional, **named, **keywords)
        outputs = tuple(result) if isinstance(result, tuple | list) else (result,)
        return outputs if case.output is None else (outputs[case.output],)

    return call


def input_tensors(case: Case, tensor: Tensors, backend: Backend) -> list[Any]:
    """The inputs as tensors; what is no array stays."""
    tensor = _casting(case, tensor, backend)
    return [converted(entry.value, tensor, backend) for entry in case.inputs]


def _casting(case: Case, tensor: Tensors, backend: Backend) -> Tensors:
    """What makes tensors of arrays, the floats of the case's own dtype where it has one."""
    dtype = case.dtype
    if dtype is None:
        return tensor

    def cast(x: Any) -> Any:
        floats = isinstance(x, np.ndarray) and x.dtype.kind == "f"
        return backend.astype(tensor(x), dtype) if floats else tensor(x)

    return cast


def converted(value: Any, tensor: Tensors, backend: Backend) -> Any:
    """An argument with its arrays made tensors, and its named functions made functions of tensors."""
    if isinstance(value, np.ndarray):
        return tensor(value)
    if isinstance(value, NamedFunction):
        return lambda *tensors, **_: _apply(value.name, *tensors, backend)
    if isinstance(value, SparseRows):
        parts = [tensor(x) for x in (value.indices, value.values, value.dense_shape)]
        return backend.framework.SparseTensor(*parts) if backend.name == "tensorflow" else SparseRows(*parts)
    if isinstance(value, tuple) and any(isinstance(x, np.ndarray | tuple) for x in value):
        return [converted(x, tensor, backend) for x in value]
    return list(value) if isinstance(value, tuple) else value


def gradient_output(case: Case) -> int:
    """The position, among the outputs that are compared, of the one that is differentiated."""
    return 0 if case.output is not None else case.gradient_output


def _apply(name: str, *arguments: Any) -> Any:
    *tensors, backend = arguments
    # Boxes of autograd have a backend of their own.
    chosen = next((b for b in map(backend_of, tensors) if b is not None), backend)
    function = _FUNCTIONS[name]
    return chosen.guard(lambda *xs: function(chosen, *xs))(*tensors)


def _cosine_distance(ops: Backend, a: Any, b: Any) -> Any:
    norms = ops.vector_norm(a, axis=-1) * ops.vector_norm(b, axis=-1)
    return 1 - ops.sum(a * b, axis=-1) / norms


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "log_softmax": lambda ops, x: ops.log_softmax(x, axis=-1),
    "softmax": lambda ops, x: ops.exp(ops.log_softmax(x, axis=-1)),
    "l1_distance": lambda ops, a, b: ops.sum(ops.abs(a - b), axis=-1),
    "cosine_distance": _cosine_distance,
    "euclidean": lambda ops, a, b: ops.sqrt(ops.sum(ops.square(a - b), axis=-1)),
    "logsumexp": lambda ops, x: ops.logsumexp(x, axis=-1),
    "max": lambda ops, x: ops.max(x, axis=-1),
    "jnp.sum": lambda ops, x: ops.sum(x),
}
