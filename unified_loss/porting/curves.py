"""`curves`: losses along a line, as one element of their input moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .matching import encodings, reordered
from .sharing import differentiated, evaluated
from .source import NativeCall

Array = Any

_POINTS = 121


@dataclass(frozen=True, eq=False)
class Curve:
    """A loss along a line.

    Parameters
    ----------
    value : the sum of its output, at each point
    gradient : its derivative by the element that moves; None where there is none to be had
    """

    value: Array
    gradient: Array | None


@dataclass(frozen=True, eq=False)
class Curves:
    """Losses along a line, as one element of an input moves, and all else stays.

    Parameters
    ----------
    role, index : the element
    x : what it is
    note : the same in words
    curves : of each call that takes the inputs; NaN at the points that it refuses
    """

    role: str
    index: tuple[int, ...]
    x: Array
    note: str
    curves: tuple[Curve | None, ...]


def curves(calls: Sequence[NativeCall], inputs: Mapping[str, Array]) -> Curves:
    """The dialect losses of calls, on NumPy in float64, along a line through an input.

    Parameters
    ----------
    calls : native calls
    inputs : NumPy arrays by role, as the first of them takes them

    Returns
    -------
    Curves
        Of the first element of the first input that makes a difference to the first loss.

    Examples
    --------
    >>> from unified_loss.porting.curves import curves
    >>> from unified_loss.porting.source import parse
    >>> inputs = {"prediction": np.array([[0.5, 3.0]]), "target": np.array([[1.0, 1.0]])}
    >>> found = curves([parse("torch.nn.L1Loss"), parse("torch.nn.MSELoss")], inputs)
    >>> [round(float(curve.value[60]), 3) for curve in found.curves]
    [1.0, 2.0]
    """
    first = calls[0]
    role = differentiated(first.plan)
    wide = {name: x.astype("float64") if x.dtype.kind == "f" else x for name, x in inputs.items()}
    index = _index(first, role, wide)
    x, where = _line(first, role, index, wide)
    element = f"{role}[{', '.join(map(str, index))}]" if index else role
    note = f"{element} from {x[0]:g} to {x[-1]:g}{where}; the sum of the losses, and its derivative"
    return Curves(role, index, x, note, tuple(_curve(call, first, role, wide, index, x) for call in calls))


def _index(first: NativeCall, role: str, inputs: Mapping[str, Array]) -> tuple[int, ...]:
    found = evaluated(first, inputs, first)
    slopes = np.zeros(inputs[role].shape) if found is None or found[1] is None else np.abs(found[1])
    return tuple(map(int, np.unravel_index(np.argmax(slopes > 0.5 * slopes.max(initial=0)), slopes.shape)))


def _line(
    first: NativeCall, role: str, index: tuple[int, ...], inputs: Mapping[str, Array]
) -> tuple[Array, str]:
    leading, target = inputs[role], inputs.get("target")
    if leading.size and leading.min() >= 0 and leading.max() <= 1:
        return np.linspace(0, 1, _POINTS), ""
    if leading.size and leading.max() <= 0:
        return np.round(np.linspace(-6, 0, _POINTS), 9), ""
    labels = encodings(first.plan, "target")
    plain = target is not None and target.dtype.kind == "f" and target.shape == leading.shape and not labels
    if plain and target is not None:
        centre = float(target[index])
        line = np.round(np.linspace(centre - 3, centre + 3, _POINTS), 9)
        return line, f", 3 to either side of the target {centre:g}"
    reach = 3 if "-1 and 1" in labels else 6
    return np.round(np.linspace(-reach, reach, _POINTS), 9), ""


def _curve(
    call: NativeCall,
    first: NativeCall,
    role: str,
    inputs: Mapping[str, Array],
    index: tuple[int, ...],
    line: Array,
) -> Curve | None:
    values, slopes = np.full(len(line), np.nan), np.full(len(line), np.nan)
    ran = differentiable = False
    for i, x in enumerate(line):
        moved = inputs[role].copy()
        moved[index] = x
        found = evaluated(call, {**inputs, role: moved}, first)
        if found is None:
            continue
        ran = True
        with np.errstate(all="ignore"):
            values[i] = np.sum(found[0])
        if found[1] is not None:
            differentiable = True
            slopes[i] = reordered(found[1], role, first.plan, call.plan)[index]
    return Curve(values, slopes if differentiable else None) if ran else None
