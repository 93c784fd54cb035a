"""Runs a framework's own loss: its value, and its gradient by its own autograd."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unified_loss.ops import Array

from .calls import gradient_output, input_tensors, prepared_call
from .cases import Case, Outcome

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

NativeLoss = Callable[..., Array]

_SEPARATE = ("keras", "optax")
"""Frameworks whose losses are in a package of their own, beside that of their tensors."""


def tensor(backend: Backend, x: Any) -> Any:
    """A tensor as the users of the native loss make it; None and plain numbers stay."""
    return _TENSORS[backend.name](backend.framework, x) if isinstance(x, np.ndarray) else x


def native_loss(case: Case, backend: Backend) -> Any:
    """The native class or function of a case."""
    root, *path = case.loss.split(".")
    module = importlib.import_module(root) if root in _SEPARATE else backend.framework
    return functools.reduce(getattr, path, module)


def framework_version(framework: str, backend: Backend) -> str:
    """The version of the package that a framework's losses are in, without a build's own suffix."""
    separate = framework in _SEPARATE
    version = importlib.import_module(framework).__version__ if separate else backend.version
    return str(version).partition("+")[0]


def native_call(case: Case, backend: Backend) -> Callable[..., tuple[Any, ...]]:
    """The native loss of a case as a function of its tensors, that gives the outputs that are compared."""
    load_state = _STATES.get(backend.name, _no_state)
    constant = functools.partial(_parameter, backend)
    return prepared_call(case, native_loss(case, backend), constant, load_state, backend)


def native_outcome(case: Case, backend: Backend) -> Outcome:
    """What the native loss of a case gives, on the backend that wraps its framework."""
    make = functools.partial(tensor, backend)
    call = native_call(case, backend)
    has_gradient = case.kind == "live" or (case.recorded is not None and case.recorded.gradient is not None)
    found = outcome_of(
        call,
        lambda: input_tensors(case, make, backend),
        backend,
        case.gradient_of if has_gradient else None,
        gradient_output(case),
    )
    return replace(found, values=tuple(x.sum() for x in found.values)) if case.summed else found


def outcome_of(
    call: Callable[..., tuple[Any, ...]],
    inputs: Callable[[], list[Any]],
    backend: Backend,
    gradient_of: int | None,
    gradient_output: int = 0,
) -> Outcome:
    """What a function of a framework's tensors gives, its gradient by the framework's own autograd.

    Parameters
    ----------
    call : gives a tuple of outputs
    inputs : makes its tensors, anew for each evaluation
    backend : that wraps the framework
    gradient_of : the position of the tensor to differentiate by; None for no gradient
    gradient_output : the output whose sum is differentiated
    """
    outputs = call(*inputs())
    values = tuple(backend.to_numpy(_detached(backend, x)) for x in outputs)
    dtypes = tuple(backend.dtype(x) for x in outputs)
    if gradient_of is None:
        return Outcome(values, dtypes)
    gradient = _GRADIENTS[backend.name](
        backend.framework, lambda *xs: call(*xs)[gradient_output], inputs(), gradient_of
    )
    return Outcome(values, dtypes, backend.to_numpy(gradient))


def _parameter(backend: Backend, x: Any) -> Any:
    """A tensor that is given as a parameter, such as the weights of a layer."""
    parameter = tensor(backend, x)
    if backend.name == "paddle" and isinstance(x, np.ndarray) and x.dtype.kind == "f":
        # The gradient of hsigmoid_loss crashes where it is not asked for that by the weights as well.
        parameter.stop_gradient = False
    return parameter


def _detached(backend: Backend, x: Array) -> Array:
    return x.detach() if backend.name in ("torch", "paddle") else x


# ------------------------------------------------------------------------------- gradients


def _mxnet(mx: Any, loss: NativeLoss, inputs: Sequence[Any], position: int) -> Any:
    inputs[position].attach_grad()
    with mx.autograd.record():
        value = loss(*inputs)
    value.backward()
    return inputs[position].grad


def _mindspore(ms: Any, loss: NativeLoss, inputs: Sequence[Any], position: int) -> Any:
    def of_one(x: Any) -> Any:
        return loss(*inputs[:position], x, *inputs[position + 1 :]).sum()

    return ms.grad(of_one)(inputs[position])


def _torch(_: Any, loss: NativeLoss, inputs: Sequence[Any], position: int) -> Any:
    inputs[position].requires_grad_()
    loss(*inputs).sum().backward()
    return inputs[position].grad


def _paddle(_: Any, loss: NativeLoss, inputs: Sequence[Any], position: int) -> Any:
    inputs[position].stop_gradient = False
    loss(*inputs).sum().backward()
    return inputs[position].grad


def _tensorflow(tf: Any, loss: NativeLoss, inputs: Sequence[Any], position: int) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(inputs[position])
        value = loss(*inputs)
    return tf.convert_to_tensor(tape.gradient(value, inputs[position]))


def _jax(jax: Any, loss: NativeLoss, inputs: Sequence[Any], position: int) -> Any:
    def of_one(x: Any) -> Any:
        return loss(*inputs[:position], x, *inputs[position + 1 :]).sum()

    return jax.grad(of_one)(inputs[position])


_GRADIENTS: dict[str, Callable[[Any, NativeLoss, Sequence[Any], int], Any]] = {
    "mxnet": _mxnet,
    "mindspore": _mindspore,
    "torch": _torch,
    "paddle": _paddle,
    "tensorflow": _tensorflow,
    "jax": _jax,
}

_TENSORS: dict[str, Callable[[Any, Any], Any]] = {
    # The legacy arrays, which are what users of MXNet 1.9 have.
    "mxnet": lambda mx, x: mx.nd.array(x, dtype=x.dtype),
    "mindspore": lambda ms, x: ms.Tensor(x),
    "paddle": lambda paddle, x: paddle.to_tensor(x),
    "torch": lambda torch, x: torch.tensor(x),
    "tensorflow": lambda tf, x: tf.constant(x),
    "jax": lambda jax, x: jax.numpy.asarray(x),
}


# --------------------------------------------------------------------------------- weights


def _torch_state(module: Any, state: dict[str, Any]) -> Any:
    # The state dictionary of some also holds the class weights that the constructor took.
    module.to(next(iter(state.values())).dtype).load_state_dict({**module.state_dict(), **state})
    return module


def _paddle_state(layer: Any, state: dict[str, Any]) -> Any:
    dtype = next(iter(state.values())).dtype
    layer.to(dtype=dtype)
    for name, value in state.items():
        attribute, *positions = name.split(".")
        if not positions:
            getattr(layer, attribute).set_value(value)
            continue
        # A list of lists of weights, of which the layer does not know that they are its parameters.
        holder = getattr(layer, attribute)
        for i in positions[:-1]:
            holder = holder[int(i)]
        holder[int(positions[-1])] = value
    return layer


def _no_state(loss: Any, _: dict[str, Any]) -> Any:
    raise NotImplementedError(f"no way is known to give {type(loss).__name__} its weights")


_STATES: dict[str, Callable[[Any, dict[str, Any]], Any]] = {"torch": _torch_state, "paddle": _paddle_state}
