"""What a loss is exactly on an input, and how far the last digit of the input moves that."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from unified_loss.loading import get_backend
from unified_loss.loss import Loss
from unified_loss.porting.source import NativeCall

from .cases import Outcome
from .evidence import Trial
from .snippets import on_numpy

_NEIGHBOURS = 8
"""So many inputs a last digit away are tried."""

_SMALLEST = 2.0**-126
"""The smallest normal number of float32, below which some kernels take numbers for 0."""


def exact(call: NativeCall, wide: Trial) -> Outcome | None:
    """What the formula gives in float64, also where the source makes float32 of everything.

    Parameters
    ----------
    call : of the source
    wide : an input of it, in float64

    Returns
    -------
    Outcome or None
        None where it raises an error.
    """
    return _outcome(call, list(wide.input.tensors.values()), wide.input.gradient_of)


def spread(call: NativeCall, wide: Trial, right: Outcome) -> Outcome:
    """The largest change of each number of an outcome as the inputs change by a last digit of float32.

    Parameters
    ----------
    call, wide : as of `exact`
    right : what that gives
    """
    values = [np.zeros(np.shape(x)) for x in right.values]
    gradient = None if right.gradient is None else np.zeros(np.shape(right.gradient))
    for tensors in _neighbours(wide):
        found = _outcome(call, tensors, wide.input.gradient_of)
        if found is None or [np.shape(x) for x in found.values] != [x.shape for x in values]:
            continue
        with np.errstate(all="ignore"):
            values = [
                np.fmax(x, _apart(a, b)) for x, a, b in zip(values, found.values, right.values, strict=True)
            ]
            if gradient is not None and found.gradient is not None:
                gradient = np.fmax(gradient, _apart(found.gradient, right.gradient))
    return Outcome(tuple(values), tuple("float64" for _ in values), gradient)


def _apart(a: Any, b: Any) -> Any:
    a, b = np.asarray(a, dtype="float64"), np.asarray(b, dtype="float64")
    return np.where(a == b, 0.0, np.abs(a - b))


def _neighbours(wide: Trial) -> Iterator[list[Any]]:
    values = np.random.default_rng(0)

    def moved(x: Any) -> Any:
        if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
            return x
        digit = np.maximum(np.abs(x) * 2.0**-23, _SMALLEST)
        return x + values.choice([-1.0, 1.0], x.shape) * digit

    for _ in range(_NEIGHBOURS):
        yield [moved(x) for x in wide.input.tensors.values()]


def _outcome(call: NativeCall, tensors: list[Any], gradient_of: str | None) -> Outcome | None:
    names = list(call.arguments)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            by = None if gradient_of is None else names.index(gradient_of)
            return on_numpy(_wide_loss(call), tensors, by, get_backend("numpy"))
    except Exception:  # noqa: BLE001  whatever it is, then nothing is known
        return None


def _wide_loss(call: NativeCall) -> Any:
    """The loss that leaves float64 what it is."""
    if call.plan.dtype not in ("float16", "float32"):
        return call.loss
    loss, roles = Loss(replace(call.plan, dtype=None)), (*call.plan.inputs, "weight")
    places = {role: i for i, (_, role) in enumerate(call.roles.items())}
    return functools.partial(_by_role, loss, [places.get(role) for role in roles])


def _by_role(loss: Loss, places: list[int | None], *tensors: Any) -> Any:
    return loss(*(None if i is None or i >= len(tensors) else tensors[i] for i in places))
