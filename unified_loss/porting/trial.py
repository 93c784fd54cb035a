"""Tries a port on NumPy: the source's loss and the ported one, value and gradient, side by side."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unified_loss.dispatch import backend_of, use_backend
from unified_loss.gradients import value_and_grad
from unified_loss.loading import get_backend
from unified_loss.naming import resolve
from unified_loss.spec import Spec, Weighted

from .snippet import Program
from .source import NativeCall

if TYPE_CHECKING:
    from unified_loss.conformance.domains.fitting import FittingInput


@dataclass(frozen=True)
class Trial:
    """How a port fared on some inputs.

    Parameters
    ----------
    size : the largest difference, relative to the largest number of what was expected; infinite where
        the port failed, or where what should be finite was not
    quantity : of what that was: ``value``, ``gradient``, ``shape``
    note : the kind of input that it was on
    wrong : on how many inputs it was larger than rounding
    tried : on how many inputs it was tried
    refused : on how many of them the port raised an error where the source does not; the first is said
        in `error`
    """

    size: float = 0.0
    quantity: str = ""
    note: str = ""
    wrong: int = 0
    tried: int = 0
    refused: int = 0
    error: str = ""

    @property
    def holds(self) -> bool:
        """Whether no input told the two apart, and most were not refused."""
        return self.tried > 0 and self.wrong == 0 and 2 * self.refused <= self.tried


class _Ops:
    """This library's ops, of the backend of their arguments: NumPy's, or that of boxes of autograd."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def op(*args: Any, **kwargs: Any) -> Any:
            return getattr(_backend(*args, *kwargs.values()), name)(*args, **kwargs)

        return op

    def moveaxis(self, x: Any, a: int, b: int) -> Any:
        backend = _backend(x)
        rank = len(backend.shape(x))
        order = [i for i in range(rank) if i != a % rank]
        order.insert(b % rank, a % rank)
        return backend.permute_dims(x, tuple(order))

    def full(self, n: int, value: int) -> Any:
        return np.full(n, value)

    def asarray(self, values: Any) -> Any:
        return np.asarray(values, dtype="float32")


def _backend(*arguments: Any) -> Any:
    numpy = get_backend("numpy")
    arrays = (x for given in arguments for x in (given if isinstance(given, list | tuple) else [given]))
    found = (backend_of(x) for x in arrays)
    return next((backend for backend in found if backend not in (None, numpy)), numpy)


def _formula(spec: str, parameters: dict[str, Any], weighs: bool) -> Callable[..., Any]:
    """A formula over ops; with `weighs`, giving the weights of the losses beside these."""

    def formula(*inputs: Any) -> Any:
        ops = _Ops()
        result = Spec.registry[spec].formula(ops, *inputs, **parameters)
        losses, weights = result if isinstance(result, Weighted) else (result, None)
        if not weighs:
            return losses
        return losses, ops.ones_like(losses) if weights is None else weights

    return formula


def loss_of(program: Program) -> Callable[..., Any]:
    """The loss that a program in terms of ops defines."""
    space: dict[str, Any] = {"ops": _Ops(), "resolve": resolve, "formula": _formula, "functools": functools}
    exec(program.setup, space)  # noqa: S102  the text is our own
    loss: Callable[..., Any] = eval(program.expression, space)  # noqa: S307
    return loss


def outcomes(call: NativeCall, inputs: Sequence[FittingInput]) -> list[tuple[Any, Any]]:
    """The value and the gradient of the source's loss on each input."""
    return [_outcome(call.loss, each) for each in inputs]


def runs(loss: Callable[..., Any], each: FittingInput) -> bool:
    """Whether a loss takes an input."""
    try:
        _outcome(loss, each)
    except Exception:  # noqa: BLE001  whatever is wrong with it, another input is taken
        return False
    return True


def compare(
    loss: Callable[..., Any], inputs: Sequence[FittingInput], expected: Sequence[tuple[Any, Any]]
) -> Trial:
    """How a loss compares with what is expected of it."""
    worst, wrong, refused, told = Trial(), 0, 0, ""
    for each, (value, gradient) in zip(inputs, expected, strict=True):
        try:
            found, its_gradient = _outcome(loss, each)
        except Exception as error:  # noqa: BLE001  whatever it is, nothing is computed
            refused, told = refused + 1, told or f"{type(error).__name__}: {error}"
            continue
        size, quantity = _difference(value, found), "value"
        if np.shape(value) != np.shape(found):
            size, quantity = float("inf"), "shape"
        elif gradient is not None and its_gradient is not None:
            of_gradient = _difference(gradient, its_gradient)
            if of_gradient > size:
                size, quantity = of_gradient, "gradient"
        wrong += size > _tolerance(each)
        if size > worst.size:
            worst = Trial(size, quantity, each.note)
    return Trial(worst.size, worst.quantity, worst.note, wrong, len(inputs), refused, told)


def _tolerance(each: FittingInput) -> float:
    names = {x.dtype.name for x in each.tensors.values() if isinstance(x, np.ndarray)}
    # Here, because of what `unified_loss.conformance` loads.
    from unified_loss.conformance.tolerances import of_trial  # noqa: PLC0415

    return of_trial("float64" if "float64" in names else "float32")


def _outcome(loss: Callable[..., Any], each: FittingInput) -> tuple[Any, Any]:
    tensors = list(each.tensors.values())
    while tensors and tensors[-1] is None:
        tensors.pop()
    names = list(each.tensors)
    with use_backend("numpy"), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if each.gradient_of is None or not _can_differentiate():
            return _first(loss(*tensors)), None
        position = names.index(each.gradient_of)
        try:
            value, gradient = value_and_grad(lambda *xs: _first(loss(*xs)), position)(*tensors)
        except NotImplementedError:
            return _first(loss(*tensors)), None
        return np.asarray(value), np.asarray(gradient)


@functools.cache
def _can_differentiate() -> bool:
    try:
        import autograd  # noqa: F401, PLC0415  an extra
    except ImportError:
        return False
    return True


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, tuple | list) else value


def _difference(expected: Any, found: Any) -> float:
    """The largest difference, relative to the largest number that is expected."""
    a, b = np.asarray(expected, dtype="float64"), np.asarray(found, dtype="float64")
    if a.shape != b.shape:
        if a.size != b.size:
            return float("inf")
        b = b.reshape(a.shape)
    if not a.size:
        return 0.0
    finite = np.isfinite(a)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if (~same & ~(finite & np.isfinite(b))).any():
        return float("inf")
    apart = np.where(finite, np.abs(np.where(finite, a, 0) - np.where(np.isfinite(b), b, 0)), 0.0)
    scale = float(np.abs(a[finite]).max()) if finite.any() else 0.0
    largest = float(apart.max())
    return largest / scale if scale else (0.0 if largest == 0 else float("inf"))
