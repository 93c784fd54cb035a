"""Gradients, with one interface on all backends."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from .dispatch import backend_for, backend_of, first_tensor

_inside: ContextVar[bool] = ContextVar("_inside", default=False)
"""Whether what runs is being differentiated by `value_and_grad`."""


def value_and_grad(
    loss: Callable[..., Any], argnums: int | tuple[int, ...] = 0, *, backend: str | None = None
) -> Callable[..., tuple[Any, Any]]:
    r"""A function that gives the value of a loss and its gradient.

    .. math:: \left(L(x), \frac{\partial}{\partial x} \sum_i L_i(x)\right)

    Parameters
    ----------
    loss : a loss of this library, or any function of tensors
    argnums : the position of the argument, or of the arguments, to differentiate by
    backend : where neutral inputs run; by default as `explain_selection` says

    Returns
    -------
    function
        Called as `loss`; gives the value and the gradient, a tuple of gradients where `argnums`
        is one. A value that is not scalar is summed for the gradient. The gradient by an argument
        that the value does not depend on is zero. The tensors given, and gradients that they may
        hold already, are left alone.

    Raises
    ------
    UnsupportedOperation
        On NumPy without HIPS autograd; the error says what to install. For a second derivative on
        MXNet, which has none.
    MixedTensorsError
        As for every loss.
    IndexError
        If `argnums` names an argument that was not given.

    Examples
    --------
    >>> import unified_loss as ul
    >>> value, grad = ul.value_and_grad(ul.losses.squared_error)([1.0, 3.0], [0.0, 1.0])
    >>> float(value), grad.tolist()
    (2.5, [1.0, 2.0])

    Within a function that is differentiated itself, it gives second derivatives, here of the penalty
    on a gradient:

    >>> def penalty(x):
    ...     _, gradient = ul.value_and_grad(ul.losses.log_cosh)(x, [0.0, 0.0])
    ...     return (gradient**2).sum()
    >>> value, grad = ul.value_and_grad(penalty)([0.0, 1.0])
    >>> f"{value:.4f}", [f"{x:.4f}" for x in grad]
    ('0.1450', ['0.0000', '0.1599'])
    """
    positions = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    asked = backend or getattr(loss, "backend", None)

    def evaluate(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        for position in positions:
            if not -len(args) <= position < len(args):
                raise IndexError(f"value_and_grad: argnums {position}, but {len(args)} arguments were given")
        chosen = backend_for(args, asked)
        like = first_tensor(args, chosen)
        wanted = tuple(position % len(args) for position in positions)
        tensors = [
            chosen.asarray(x, like=like) if i in wanted and backend_of(x) is None else x
            for i, x in enumerate(args)
        ]
        if not all(chosen.is_concrete(tensors[i]) for i in wanted):
            # A tracing framework knows itself what is nested, and some cannot trace a context variable.
            value, grads = chosen.value_and_grad(lambda *xs: loss(*xs, **kwargs), wanted, tensors)
            return value, grads[0] if isinstance(argnums, int) else grads
        differentiate = chosen.nested_value_and_grad if _inside.get() else chosen.value_and_grad
        token = _inside.set(True)
        try:
            value, grads = differentiate(lambda *xs: loss(*xs, **kwargs), wanted, tensors)
        finally:
            _inside.reset(token)
        return value, grads[0] if isinstance(argnums, int) else grads

    return evaluate


