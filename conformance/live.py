"""Runs a framework's own loss: its value, and its gradient by its own autograd."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unified_loss.ops import Array

from .cases import Case, Outcome

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

NativeLoss = Callable[..., Array]


def tensor(backend: Backend, x: Any) -> Any:
    """A tensor as the users of the native loss make it; None and plain numbers stay."""
    return _TENSORS[backend.name](backend.framework, x) if isinstance(x, np.ndarray) else x


def native_outcome(case: Case, backend: Backend) -> Outcome:
    """What the native loss of a case gives, on the backend that wraps its framework."""
    constructor: Any = functools.reduce(getattr, case.loss.split(".")[1:], backend.framework)
    loss = constructor(**{name: tensor(backend, value) for name, value in case.kwargs.items()})
    tensors = [tensor(backend, entry.value) for entry in case.inputs]
    has_gradient = case.kind == "live" or (case.recorded is not None and case.recorded.gradient is not None)
    position = case.gradient_of if has_gradient else None
    value, gradient = _EVALUATIONS[backend.name](backend.framework, loss, tensors, position)
    array = backend.to_numpy(value)
    return Outcome(
        array.sum() if case.summed else array,
        backend.dtype(value),
        None if gradient is None else backend.to_numpy(gradient),
    )


def _mxnet(mx: Any, loss: NativeLoss, inputs: Sequence[Any], position: int | None) -> tuple[Any, Any]:
    if position is None:
        return loss(*inputs), None
    inputs[position].attach_grad()
    with mx.autograd.record():
        value = loss(*inputs)
    value.backward()
    return value, inputs[position].grad


def _mindspore(ms: Any, loss: NativeLoss, inputs: Sequence[Any], position: int | None) -> tuple[Any, Any]:
    value = loss(*inputs)
    if position is None:
        return value, None
    return value, ms.grad(lambda *xs: loss(*xs).sum(), position)(*inputs)


def _paddle(_: Any, loss: NativeLoss, inputs: Sequence[Any], position: int | None) -> tuple[Any, Any]:
    if position is None:
        return loss(*inputs), None
    inputs[position].stop_gradient = False
    value = loss(*inputs)
    value.sum().backward()
    return value.detach(), inputs[position].grad


_EVALUATIONS = {"mxnet": _mxnet, "mindspore": _mindspore, "paddle": _paddle}

_TENSORS: dict[str, Callable[[Any, Any], Any]] = {
    # The legacy arrays, which are what users of MXNet 1.9 have.
    "mxnet": lambda mx, x: mx.nd.array(x, dtype=x.dtype),
    "mindspore": lambda ms, x: ms.Tensor(x),
    "paddle": lambda paddle, x: paddle.to_tensor(x),
}
