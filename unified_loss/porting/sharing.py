"""Inputs that several losses share: one for all, that tells them apart, as each of them takes it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unified_loss.errors import ConfigError, UnifiedLossError
from unified_loss.plan import Plan

from .matching import matched
from .sides import drawn
from .source import NativeCall
from .trial import outcomes

if TYPE_CHECKING:
    from unified_loss.conformance.domains.fitting import FittingInput

Array = Any
Roles = Mapping[str, Array]

_DRAWN = 10
"""So many inputs of either loss of a pair are tried."""

_LARGE = 40
"""Elements of an input from which on it is no longer read at a glance."""


def as_taken(call: NativeCall, inputs: Roles, by: NativeCall) -> FittingInput:
    """The inputs of one call as another takes them.

    Parameters
    ----------
    call : that takes them
    inputs : NumPy arrays by role
    by : the call that takes them as they are

    Returns
    -------
    FittingInput
        Labels are encoded, and axes ordered, as the call's are; integers have the dtype that its users
        have. What it does not take is left out.

    Raises
    ------
    ConfigError
        If something that it needs is not there, or has no meaning in its encoding.

    Examples
    --------
    >>> import numpy as np
    >>> from unified_loss.porting.sharing import as_taken
    >>> from unified_loss.porting.source import parse
    >>> inputs = {"prediction": np.ones((2, 3), "float32"), "target": np.array([0, 2])}
    >>> found = as_taken(
    ...     parse("keras.losses.CategoricalCrossentropy"), inputs, parse("torch.nn.CrossEntropyLoss")
    ... )
    >>> found.tensors["y_true"].tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    # Here, because it loads the domains of all losses.
    from unified_loss.conformance.domains.fitting import FittingInput, fitting_inputs  # noqa: PLC0415

    own = {role: x for role, x in inputs.items() if role in call.roles.values()}
    own = matched(own, by.plan, call.plan)
    usual = [each.tensors for each in fitting_inputs(call, 6)]
    leading = {role: name for name, role in call.roles.items()}.get(differentiated(by.plan))
    tensors: dict[str, Array] = dict.fromkeys(call.arguments)
    for name, required in call.arguments.items():
        role = call.roles.get(name, name)
        # Some have two names for an input, and take one of them; some do not take one with their defaults.
        again = any(call.roles.get(n, n) == role and x is not None for n, x in tensors.items())
        given = [each.get(name) is not None for each in usual]
        if again or not (required or any(given) or not usual):
            continue
        x = own.get(role)
        if x is None and (required or all(given)):
            x = _neutral(call, name, own)
        tensors[name] = None if x is None else _as_usual(x, name, leading, usual)
    floating = leading is not None and np.asarray(tensors[leading]).dtype.kind == "f"
    return FittingInput(tensors, leading if floating else None, "shared")


def differentiated(plan: Plan) -> str:
    """The role that losses are differentiated by: the first."""
    return plan.inputs[0]


def _neutral(call: NativeCall, name: str, own: Roles) -> Array:
    """Weights that a call cannot do without, though others can: 1 each."""
    role, leading = call.roles.get(name, name), own.get(call.plan.inputs[0])
    if leading is None or not role.endswith("weight"):
        raise ConfigError(f"{call.name}: {name} is missing")
    if role == "class_weight":
        axis = dict(call.plan.parameters).get("axis", -1)
        return np.ones(leading.shape[axis : axis + 1 or None], leading.dtype)
    return np.ones_like(leading)


def _as_usual(x: Array, name: str, leading: str | None, usual: Sequence[Mapping[str, Any]]) -> Array:
    """Labels with the axes, and integers and truth values in the dtype, that a loss is usually given."""
    having = [each for each in usual if isinstance(each.get(name), np.ndarray)]
    if not having or leading is None:
        return x
    column = all(each[name].ndim == each[leading].ndim and each[name].shape[-1] == 1 for each in having)
    if column and x.dtype.kind in "iu" and x.ndim == having[0][leading].ndim - 1:
        x = x[..., None]
    dtypes = [each[name].dtype for each in having]
    if x.dtype in dtypes:
        return x
    changed = x.astype(dtypes[0])
    return changed if (changed == x).all() else x


def shared_inputs(variants: Sequence[Sequence[NativeCall]], *, dtype: str = "float32") -> dict[str, Array]:
    """One small input that tells calls apart, as the first of them takes it, the same at every time.

    Parameters
    ----------
    variants : the calls that mean the same, several times
    dtype : of the floating ones

    Returns
    -------
    dict
        Arrays of few digits, by role; empty where none is known. As many calls as possible take it; of
        those inputs, it is one on which as many variants as possible give something else.

    Examples
    --------
    >>> from unified_loss.porting.sharing import shared_inputs
    >>> from unified_loss.porting.source import parse
    >>> calls = [parse("torch.nn.L1Loss"), parse("mxnet.gluon.loss.L1Loss")]
    >>> {role: x.shape for role, x in shared_inputs([calls[:1], calls[1:]]).items()}
    {'prediction': (3, 4), 'target': (3, 4)}
    """
    first = variants[0][0]
    best: tuple[tuple[Any, ...], dict[str, Array]] | None = None
    for inputs in _candidates(first, [calls[0] for calls in variants], dtype):
        rank = _rank(variants, inputs)
        if rank is not None and (best is None or rank > best[0]):
            best = rank, inputs
    return {} if best is None else best[1]


def _candidates(first: NativeCall, others: Sequence[NativeCall], dtype: str) -> Iterator[dict[str, Array]]:
    needed = {role for call in others for name, role in call.roles.items() if call.arguments[name]}
    for other in others:
        for extreme in (False, True):
            # What is said of a pair's inputs that cannot be had is not of interest here.
            try:
                found = drawn(first, other, "numpy", count=_DRAWN, extreme=extreme)
            except UnifiedLossError:
                continue
            for each in found:
                if any(x.dtype.kind == "f" and np.abs(x).max(initial=0) > 1e3 for x in each.values()):
                    continue
                leading = each[differentiated(first.plan)]
                kept = {role: x for role, x in each.items() if role in needed or _weighs(role, x, leading)}
                whole = {role: _readable(x, dtype) for role, x in kept.items()}
                yield whole
                yield {role: x for role, x in whole.items() if role in needed}


def _weighs(role: str, x: Array, leading: Array) -> bool:
    """Whether an input, if it is weights, weighs some elements, or classes, more than others."""
    if not role.endswith("weight"):
        return True
    fits = (
        all(n in (1, m) for n, m in zip(x.shape, leading.shape, strict=False))
        or x.shape == leading.shape[1:2]
    )
    return bool(x.size > 1 and fits)


def _rank(variants: Sequence[Sequence[NativeCall]], inputs: Roles) -> tuple[Any, ...] | None:
    """What is better is larger: who takes it, whom it tells apart, how short it is."""
    first, taken, told = variants[0][0], 0, []
    for calls in variants:
        # As they mean the same, one speaks for all.
        given = _given(calls[0], inputs, first)
        if given is not None:
            told.append(given)
            taken += len(calls)
        elif calls[0] is first:
            return None
    size, leading = sum(x.size for x in inputs.values()), inputs[differentiated(first.plan)]
    plain: tuple[int, ...] = -abs(leading.ndim - 2), -sum(1 in x.shape for x in inputs.values())
    plain += -len(inputs), -len({x.shape for x in inputs.values()})
    return taken + len(set(told)), taken, -max(0, size - _LARGE), *plain, -abs(size - 12)


def _given(call: NativeCall, inputs: Roles, first: NativeCall) -> tuple[Any, ...] | None:
    """What a call gives, in a form that can be compared; None where it is nothing."""
    found = evaluated(call, inputs, first)
    if found is None or not np.isfinite(found[0]).all():
        return None
    return tuple(
        (np.shape(x), np.array2string(np.ravel(x), precision=4, threshold=10**6))
        for x in found
        if x is not None
    )


def evaluated(call: NativeCall, inputs: Roles, by: NativeCall) -> tuple[Array, Array | None] | None:
    """The value and the gradient of a call's dialect loss on NumPy; None where it does not take the inputs.

    Parameters
    ----------
    call, inputs, by : as of `as_taken`
    """
    try:
        return outcomes(call, [as_taken(call, inputs, by)])[0]
    except Exception:  # noqa: BLE001  whatever it is, nothing is computed
        return None


# ---------------------------------------------------------------------------------- digits


def _readable(x: Array, dtype: str) -> Array:
    """An array of few digits, in which what sums to 1 still does."""
    if x.dtype.kind != "f":
        return x
    for axis in range(x.ndim) if x.size else ():
        if x.shape[axis] > 1 and (x >= 0).all() and np.allclose(x.sum(axis), 1, atol=1e-5):
            return _summing(x, axis).astype(dtype)
        if x.shape[axis] > 1 and (x <= 0).all() and np.allclose(np.exp(x).sum(axis), 1, atol=1e-5):
            with np.errstate(divide="ignore"):
                return _rounded(np.log(_summing(np.exp(x), axis)), 4).astype(dtype)
    return _rounded(x, 2).astype(dtype)


def _summing(x: Array, axis: int) -> Array:
    rounded = _rounded(x, 2)
    largest = np.expand_dims(np.argmax(rounded, axis), axis)
    rest = 1 - rounded.sum(axis, keepdims=True) + np.take_along_axis(rounded, largest, axis)
    np.put_along_axis(rounded, largest, rest, axis)
    return np.round(rounded, 6)


def _rounded(x: Array, digits: int) -> Array:
    """To so many decimals, but small numbers to as many digits, so that none becomes 0."""
    flat = [
        round(float(v), digits if abs(v) >= 10.0**-digits else digits - 1 - math.floor(math.log10(abs(v))))
        if v and math.isfinite(v)
        else float(v)
        for v in np.ravel(x)
    ]
    return np.array(flat, dtype="float64").reshape(np.shape(x))
