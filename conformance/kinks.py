"""Where losses have kinks: which operations of a case have one, and whether its inputs are at it."""

from __future__ import annotations

import functools
import sys
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unified_loss.errors import BroadcastWarning
from unified_loss.gradients import value_and_grad
from unified_loss.naming import resolve

from . import live
from .calls import gradient_output, input_tensors, prepared_call
from .cases import Case, NamedFunction, encode
from .domains import Domain
from .domains.extremes import Probe
from .oracle.array import OracleArray
from .oracle.backend import oracle_backend
from .worker import load_state

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

Array = Any
Sites = dict[str, bool]
"""For each kink that a computation comes by, such as ``relu at margin.hinge``, whether it is met."""


class Grid(Probe):
    """Draws multiples of a quarter, so that margins, ends and ties are met, and parameters that are such.

    Among them are the ends of customary clips, and in some calls all scores are equal.
    """

    def __init__(self, values: np.random.Generator, picks: np.random.Generator, dtype: str) -> None:
        super().__init__(values, picks, dtype)
        self._level = picks.integers(8) == 0

    def choice(self, *options: Any) -> Any:
        """One of the options; of numbers, one of those that are on the grid."""
        on_grid = [x for x in options if not isinstance(x, float) or x % 0.25 == 0 or x == np.inf]
        return super().choice(*(on_grid or options))

    def normal(self, *shape: int, scale: float = 1.6) -> Array:
        if self._level:
            return self._float(np.full(shape, 0.5))
        return self.among((-2.0, -1.0, -0.5, 0.0, 0.0, 0.25, 0.5, 1.0, 1.5, 2.0), *shape)

    def uniform(self, low: float, high: float, *shape: int) -> Array:
        within = [x for x in (1e-7, *(i / 4 for i in range(-40, 41))) if low <= x <= high]
        return self.among(within, *shape) if within else super().uniform(low, high, *shape)

    def weights(self, *shape: int) -> Array:
        return self.among((1e-6, 0.25, 0.5, 1.5, 2.0), *shape)

    def fractions(self, *shape: int) -> Array:
        return self.among((0.0, 0.25, 0.5, 0.75, 1.0, 1e-7, 1 - 1e-7), *shape)

    def distribution(self, *shape: int, axis: int = -1) -> Array:
        shares = np.moveaxis(np.zeros(shape), axis, -1)
        for row in shares.reshape(-1, shares.shape[-1]):
            if self._values.integers(3) == 0:
                row[:2] = 1e-7, 1 - 1e-7
            else:
                np.add.at(row, self._values.integers(0, len(row), 8), 1 / 8)
        return self._float(np.moveaxis(shares, -1, axis))

    def unit_vectors(self, *shape: int) -> Array:
        x = np.zeros(shape)
        ones = self._values.integers(0, shape[-1], (*shape[:-1], 1))
        np.put_along_axis(x, ones, self._values.choice([-1.0, 1.0], ones.shape), axis=-1)
        return self._float(x)


def drawn(domain: Domain, number: int) -> Case:
    """A case of a loss on the grid, the same at every call."""
    values = np.random.default_rng(zlib.crc32(f"{domain.loss}/kink-{number}".encode()))
    dtype = "float64" if "float64" in domain.dtypes else "float32"
    return domain.case(Grid(values, values, dtype), f"{domain.loss}/kink-{number}")


def recorded(case: Case, backend: Backend, sites: Iterable[str]) -> dict[str, Any]:
    """The line to store for a case: what its native loss gives, and at which kinks that is."""
    outcome = live.native_outcome(case, backend)
    version = live.framework_version(case.framework, backend)
    several = len(outcome.values) > 1
    values = [encode(value) for value in outcome.values]
    shapes = [list(np.shape(value)) for value in outcome.values]
    position = case.gradient_of or 0
    line: dict[str, Any] = {
        "id": case.id,
        "framework": case.framework,
        "version": version,
        "api": case.loss,
        "kind": case.call,
        "kwargs": {name: _spelled(value) for name, value in case.kwargs.items()},
        "inputs": [
            {"name": entry.name, **_entry(entry.value)}
            | ({} if entry.keyword is None else {"keyword": entry.keyword})
            for entry in case.inputs
        ],
        "documented": False,
        "source": f"made for this suite, at {'; '.join(sites)}: {case.framework} {version} on CPU",
        "expected": values if several else values[0],
        "output_shape": shapes if several else shapes[0],
        "output_dtype": list(outcome.dtypes) if several else outcome.dtype,
        "grad_of": case.inputs[position].name,
        "grad": encode(outcome.gradient),
    }
    if several:
        line["multi"] = True
    if case.state:
        line["state"] = {name: _spelled(value) for name, value in case.state.items()}
    if case.single_precision or case.single_precision_parameters:
        line["precision"] = "float32" if case.single_precision else "float32 parameters"
    return line


def _entry(value: Any) -> dict[str, Any]:
    spelled = _spelled(value)
    return spelled if isinstance(spelled, dict) else {"data": spelled, "dtype": None}


def _spelled(value: Any) -> Any:
    """An argument as it is stored, the inverse of `stored.argument`."""
    if isinstance(value, np.ndarray):
        return {"data": encode(value), "dtype": value.dtype.name}
    if isinstance(value, NamedFunction):
        return {"callable": value.name}
    return [_spelled(x) for x in value] if isinstance(value, list | tuple) else encode(value)


def met(case: Case) -> Sites:
    """The kinks that a case comes by while it computes what is differentiated.

    Parameters
    ----------
    case : one with a gradient; it is run on the oracle

    Returns
    -------
    dict
        By operation and place in a spec, whether an entry is exactly at the kink.
    """
    backend = oracle_backend()
    sites: Sites = {}
    with _watched(sites), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", BroadcastWarning)
        call = prepared_call(case, resolve(case.loss), backend.asarray, load_state, backend)
        inputs, chosen = input_tensors(case, backend.asarray, backend), gradient_output(case)
        if case.gradient_of is None:
            raise ValueError(f"{case.id}: no input is differentiated by")
        value_and_grad(lambda *xs: call(*xs)[chosen], case.gradient_of)(*inputs)
    return sites


def _zero(x: Array, *_: Any, **__: Any) -> Iterator[tuple[str, Array]]:
    yield "", x.data == 0


def _clipped(x: Array, /, min: float | None = None, max: float | None = None) -> Iterator[tuple[str, Array]]:
    for end, value in (("min", min), ("max", max)):
        if value is not None and abs(value) != np.inf:
            yield f" {end}", x.data == value


def _tied(x1: Array, x2: Array) -> Iterator[tuple[str, Array]]:
    yield "", x1.data == x2.data


def _shared(x: Array, *, axis: int, keepdims: bool = False) -> Iterator[tuple[str, Array]]:
    largest = oracle_backend().max(OracleArray(x.data, x.dtype), axis=axis, keepdims=True)
    yield "", np.sum(x.data == largest.data, axis=axis) > 1


def _shared_least(x: Array, *, axis: int, keepdims: bool = False) -> Iterator[tuple[str, Array]]:
    return _shared(-x, axis=axis)


def _no_length(x: Array, *, axis: int, **_: Any) -> Iterator[tuple[str, Array]]:
    yield "", np.all(x.data == 0, axis=axis)


def _none(*_: Any, **__: Any) -> Iterator[tuple[str, Array]]:
    yield from ()


_KINKS: dict[str, Callable[..., Iterator[tuple[str, Array]]]] = {
    "abs": _zero,
    "relu": _zero,
    "positive_part": _zero,
    "sqrt": _zero,
    "clip": _clipped,
    "maximum": _tied,
    "minimum": _tied,
    "max": _shared,
    "min": _shared_least,
    "even_max": _shared,
    "vector_norm": _no_length,
}
"""What tells, for the operands of an operation, which entries are at its kinks."""

_SMOOTH = ("sigmoid", "log_sigmoid", "softplus", "logsumexp", "log_softmax", "softmax")
"""Operations that have none, whatever they are made of."""


@contextmanager
def _watched(sites: Sites) -> Iterator[None]:
    backend = oracle_backend()
    depth = [0]

    def watching(name: str, kinks: Callable[..., Any], correct: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(correct)
        def operation(*args: Any, **keywords: Any) -> Any:
            arrays = [x for x in args if isinstance(x, OracleArray)]
            if not depth[0] and any(x.is_float and x.has_gradient for x in arrays):
                for suffix, at in kinks(*args, **keywords):
                    site = f"{name}{suffix} at {_place()}"
                    sites[site] = sites.get(site, False) or bool(np.any(at))
            # What one operation is made of does not count beside it.
            depth[0] += 1
            try:
                return correct(*args, **keywords)
            finally:
                depth[0] -= 1

        return operation

    watched = {**_KINKS, **dict.fromkeys(_SMOOTH, _none)}
    for name, kinks in watched.items():
        setattr(backend, name, watching(name, kinks, getattr(backend, name)))
    try:
        yield
    finally:
        for name in watched:
            delattr(backend, name)


def _place() -> str:
    """Where in a spec an operation is called, the innermost place."""
    frame = sys._getframe(1)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.parent.name == "losses":
            return f"{path.stem}.{frame.f_code.co_name}"
        frame = frame.f_back  # type: ignore[assignment]
    return "the plan"
