"""The two sides of a comparison, and the inputs that both are run on."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

import numpy as np

from unified_loss.dialects.functions import BoundFunction, DialectFunction
from unified_loss.dialects.row import DialectLoss
from unified_loss.dispatch import backend_of, to_numpy
from unified_loss.errors import ConfigError, UnsupportedOperation
from unified_loss.loading import get_backend
from unified_loss.plan import Plan

from .matching import encodings, matched
from .source import NativeCall, parse

Array = Any
Roles = Mapping[str, Array]


def call_of(loss: object) -> NativeCall:
    """The native call that a text, or a loss of a dialect, is.

    Raises
    ------
    ConfigError
        If it is none.
    """
    if isinstance(loss, NativeCall):
        return loss
    if isinstance(loss, str):
        return parse(loss)
    if isinstance(loss, DialectFunction) or (inspect.isclass(loss) and issubclass(loss, DialectLoss)):
        return parse(loss.native_name)
    if isinstance(loss, BoundFunction):
        return NativeCall(loss.function.native_name, loss.parameters, {})
    if isinstance(loss, DialectLoss):
        # Each of its fields is a parameter of the constructor.
        given = {f.name: (getattr(loss, f.name), f.default) for f in fields(loss)}  # type: ignore[arg-type]
        changed = {name: _plain(value) for name, (value, default) in given.items() if value is not default}
        return NativeCall(loss.native_name, changed, {})
    raise ConfigError(
        f"{loss!r} is neither the text of a native call nor a loss of a dialect; "
        "canonical losses are compared by their plans, with plan_differences"
    )


def _plain(value: Any) -> Any:
    return value if backend_of(value) is None or value is MISSING else to_numpy(value)


# ---------------------------------------------------------------------------------- given


def by_role(
    first: NativeCall, second: NativeCall, inputs: Sequence[Any], by_name: Mapping[str, Any]
) -> dict[str, Array]:
    """The inputs that were given, as NumPy arrays by their roles.

    Raises
    ------
    ConfigError
        If a name is unknown, or given twice, something is no array of numbers, or a required input
        is missing.
    """
    names = list(first.roles)
    if len(inputs) > len(names):
        raise ConfigError(
            f"{first.name}: {len(inputs)} inputs were given, it takes {len(names)}: {', '.join(names)}"
        )
    found: dict[str, Array] = {}
    given = [*zip(names, inputs, strict=False), *by_name.items()]
    for name, value in given:
        role = _role(name, first, second)
        if role in found:
            raise ConfigError(f"{first.name}: {name!r} was given twice")
        if value is not None:
            found[role] = _array(value, f"{first.name}: {name}")
    for call in (first, second):
        for name, role in call.roles.items():
            if call.arguments[name] and role not in found:
                raise ConfigError(f"{call.name}: {name!r} is missing; give it by that name, or as {role!r}")
    return found


def _role(name: str, first: NativeCall, second: NativeCall) -> str:
    own = dict.fromkeys((*first.roles.values(), *second.roles.values()))
    # What the first calls something counts most.
    roles = {**second.roles, **{role: role for role in own}, **first.roles}
    if name not in roles:
        close = difflib.get_close_matches(name, roles, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ConfigError(f"{first.name}: unknown input {name!r}; there are: {', '.join(roles)}{hint}")
    return roles[name]


def _array(value: Any, where: str) -> Array:
    try:
        array = to_numpy(value)
    except (TypeError, ValueError, NotImplementedError, OverflowError) as error:
        raise ConfigError(f"{where} is no array of numbers: {error}") from None
    if array.dtype.kind not in "biuf":
        raise ConfigError(f"{where} is no array of numbers, but of {array.dtype}")
    return array


# ---------------------------------------------------------------------------------- drawn


def drawn(
    first: NativeCall, second: NativeCall, backend: str, *, extreme: bool = False, count: int = 12
) -> list[dict[str, Array]]:
    """Inputs that tell the losses apart, by role, as the first takes them.

    Both are run on them later; some may turn out not to be taken by both.
    """
    # Here, because it loads the domains of all losses.
    from unified_loss.conformance.domains.fitting import fitting_inputs  # noqa: PLC0415

    # In float64 where there is such, so that a difference is not lost in rounding.
    wide = _has_float64(backend)
    found = []
    for call, other in ((first, second), (second, first)):
        inputs = fitting_inputs(call, count, dtype="float64", extreme=extreme) if wide else []
        inputs = inputs or fitting_inputs(call, count, extreme=extreme)
        for each in inputs:
            roles = {
                role: each.tensors[name]
                for name, role in call.roles.items()
                if each.tensors.get(name) is not None
                and (role in other.roles.values() or call.arguments[name])
            }
            found += list(_as_first_takes(roles, call, first, second))
    return found


def _has_float64(backend: str) -> bool:
    try:
        get_backend(backend).asarray(np.zeros(1))
    except UnsupportedOperation:
        return False
    return True


def _as_first_takes(
    roles: Roles, call: NativeCall, first: NativeCall, second: NativeCall
) -> Iterator[dict[str, Array]]:
    other = second if call is first else first
    roles = _hardened(roles, call.plan, other.plan)
    try:
        yield matched(roles, call.plan, first.plan)
    except ConfigError:
        # Labels that only one of the two can read do not tell anything.
        return


def _hardened(roles: Roles, plan: Plan, other: Plan) -> Roles:
    """Distributions as one-hot vectors of their likeliest class, where the other loss takes only classes."""
    soft = encodings(plan, "target") == {"distributions"} and encodings(other, "target") == {"class indices"}
    if not soft or "target" not in roles or not np.ndim(roles["target"]):
        return roles
    axis = dict(plan.parameters).get("axis", -1)
    target = np.moveaxis(roles["target"], axis, -1)
    hard = np.eye(target.shape[-1], dtype=target.dtype)[np.argmax(target, -1)]
    return {**roles, "target": np.moveaxis(hard, -1, axis)}
