"""Second derivatives: products of a vector with the Hessian of a loss, ours, native and exact.

The Hessian is that of the sum of the losses; its product with a vector is the derivative of the gradient
along it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unified_loss.gradients import value_and_grad

from . import live
from .calls import gradient_output, input_tensors
from .cases import Case
from .stored import lines

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

Call = Callable[..., Any]

_STEP = 2.0**-40
"""Half the distance of the oracle's gradients: its square is what the quotient is off by, relatively."""


def vector_beside(x: Any) -> Any:
    """A vector for the Hessian of as many inputs, no two entries alike."""
    return np.cos(1.0 + np.arange(x.size)).reshape(x.shape).astype(x.dtype)


def product(loss: Call, inputs: Sequence[Any], position: int, backend: Backend) -> Any:
    """The product for a loss of ours, by differentiating its gradient on a backend.

    Parameters
    ----------
    loss : a function of tensors
    inputs : arrays, and what else it takes
    position : of the input to differentiate by
    backend : where it runs

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    UnsupportedOperation
        If the backend declares ``second derivatives`` as a gap.
    """
    tensors = [_tensor(x, backend) for x in inputs]
    vector = backend.asarray(vector_beside(inputs[position]))
    _, result = value_and_grad(_along(loss, vector, position), position)(*tensors)
    return backend.to_numpy(result)


def _along(loss: Call, vector: Any, position: int) -> Call:
    """The terms of the component of the gradient along a vector."""

    def slope(*tensors: Any) -> Any:
        _, gradient = value_and_grad(loss, position)(*tensors)
        return gradient * vector

    return slope


def exact_product(loss: Call, inputs: Sequence[Any], position: int) -> Any:
    """The product by the difference of two gradients of the oracle, to all digits; needs mpmath."""
    from .oracle.backend import oracle_backend  # noqa: PLC0415  for which mpmath must be there

    oracle = oracle_backend()
    tensors = [_tensor(x, oracle) for x in inputs]
    step = oracle.asarray(vector_beside(inputs[position])) * _STEP

    def gradient(x: Any) -> Any:
        _, found = value_and_grad(loss, position)(*tensors[:position], x, *tensors[position + 1 :])
        return found

    difference = gradient(tensors[position] + step) - gradient(tensors[position] - step)
    return oracle.to_numpy(difference * (0.5 / _STEP))


def native_product(case: Case, backend: Backend) -> Any:
    """The product for a framework's own loss, by its own autograd; its errors are its own."""
    make = functools.partial(live.tensor, backend)
    call = live.native_call(case, backend)
    inputs, position = input_tensors(case, make, backend), case.gradient_of
    if position is None:
        raise ValueError(f"{case.id}: the case has no input to differentiate by")
    vector = make(vector_beside(case.inputs[position].value))
    chosen = gradient_output(case)

    def loss(*xs: Any) -> Any:
        return call(*xs)[chosen]

    found = _NATIVE[backend.name](backend.framework, loss, inputs, position, vector)
    return backend.to_numpy(found)


def _torch(torch: Any, loss: Call, inputs: list[Any], position: int, vector: Any) -> Any:
    x = inputs[position].requires_grad_()
    (slope,) = torch.autograd.grad(loss(*inputs).sum(), x, create_graph=True)
    if not slope.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad((slope * vector).sum(), x, materialize_grads=True)[0]


def _tensorflow(tf: Any, loss: Call, inputs: list[Any], position: int, vector: Any) -> Any:
    x = inputs[position]
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            value = loss(*inputs)
        slope = tf.convert_to_tensor(inner.gradient(value, x))
    found = outer.gradient(slope, x, vector, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return tf.convert_to_tensor(found)


def _jax(jax: Any, loss: Call, inputs: list[Any], position: int, vector: Any) -> Any:
    def slope(x: Any) -> Any:
        at = [*inputs[:position], x, *inputs[position + 1 :]]
        gradient = jax.grad(lambda y: loss(*at[:position], y, *at[position + 1 :]).sum())(x)
        return (gradient * vector).sum()

    return jax.grad(slope)(inputs[position])


def _paddle(paddle: Any, loss: Call, inputs: list[Any], position: int, vector: Any) -> Any:
    x = inputs[position]
    x.stop_gradient = False
    (slope,) = paddle.grad([loss(*inputs).sum()], [x], create_graph=True)
    if slope.stop_gradient:
        return paddle.zeros_like(x)
    (found,) = paddle.grad([(slope * vector).sum()], [x], allow_unused=True)
    return paddle.zeros_like(x) if found is None else found


def _mindspore(ms: Any, loss: Call, inputs: list[Any], position: int, vector: Any) -> Any:
    def value(x: Any) -> Any:
        return loss(*inputs[:position], x, *inputs[position + 1 :]).sum()

    return ms.grad(lambda x: (ms.grad(value)(x) * vector).sum())(inputs[position])


_NATIVE: dict[str, Callable[..., Any]] = {
    "torch": _torch,
    "tensorflow": _tensorflow,
    "jax": _jax,
    "paddle": _paddle,
    "mindspore": _mindspore,
}


def _tensor(x: Any, backend: Backend) -> Any:
    return backend.asarray(x) if isinstance(x, np.ndarray) else x


@functools.cache
def native_gaps() -> Mapping[str, Mapping[str, str]]:
    """The native losses whose second derivative their framework refuses or gets wrong, and how, by name."""
    return {line["api"]: line for line in lines("second_order")}
