"""`Hybrids`: the plans between two plans, and what they give on some inputs."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unified_loss.dispatch import to_numpy
from unified_loss.errors import UnsupportedOperation
from unified_loss.gradients import value_and_grad
from unified_loss.loading import get_backend
from unified_loss.loss import Loss
from unified_loss.plan import Plan
from unified_loss.spec import Spec

from .matching import matched, reordered

Array = Any
Roles = Mapping[str, Array]
Switched = frozenset[str]

_ENCODING = (
    "any_dtype",
    "any_shape",
    "axes",
    "classes",
    "index",
    "like",
    "one_hot",
    "rows",
    "shape",
)
"""The fields of a layout that say how an input comes, and mean nothing one by one."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a plan gives.

    Parameters
    ----------
    values : of each of the inputs
    gradients : of the sum of each value; None where the backend has none
    """

    values: tuple[Array, ...]
    gradients: tuple[Array, ...] | None

    def same(self, other: Outcome) -> bool:
        """Whether both are equal to the last digit."""
        pairs = [*zip(self.values, other.values, strict=True)]
        if self.gradients is not None and other.gradients is not None:
            pairs += zip(self.gradients, other.gradients, strict=True)
        return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


@dataclass(frozen=True)
class Failure:
    """That a plan cannot be run on the inputs, and why."""

    error: str


class Hybrids:
    """The plans between two plans, run on inputs as the first takes them.

    Parameters
    ----------
    first, second : the two plans
    fields : those in which they differ, and ``inputs.ROLE`` for an input that the second does not take
    inputs : NumPy arrays by role, several times
    by : the role of the input to differentiate by; None for no gradient
    backend : the name of the backend that runs them
    """

    def __init__(
        self,
        first: Plan,
        second: Plan,
        fields: Iterable[str],
        inputs: Sequence[Roles],
        by: str | None,
        backend: str,
    ) -> None:
        self.first, self.second, self.fields = first, second, tuple(fields)
        self.inputs, self.by, self.backend = inputs, by, backend
        self.without_gradient = ""
        self._found: dict[Switched, Outcome | Failure] = {}

    @property
    def moves(self) -> tuple[tuple[str, ...], ...]:
        """The fields that are changed together, in the order of the plan."""
        found: dict[str, list[str]] = {}
        for field in self.fields:
            found.setdefault(self._move(field), []).append(field)
        return tuple(map(tuple, found.values()))

    def _move(self, field: str) -> str:
        head, _, rest = field.partition(".")
        encoding = head == "layouts" and rest.rpartition(".")[2] in _ENCODING
        if self.first.spec != self.second.spec and head == "layouts":
            return "spec"
        return "inner" if head == "inner" else f"layouts.{rest.rpartition('.')[0]}" if encoding else field

    def plan(self, switched: Switched) -> Plan:
        """The first plan with some fields as the second has them."""
        base = self.second if "spec" in switched else self.first
        spec = Spec.registry[base.spec]
        plans = self.first, self.second
        parameters = [dict(plan.parameters) for plan in plans]
        layouts = [dict(plan.layouts) for plan in plans]

        def parameter(name: str) -> Any:
            side = f"parameters.{name}" in switched
            return parameters[side][name] if name in parameters[side] else dict(base.parameters)[name]

        def layout(role: str) -> Any:
            if not all(role in side for side in layouts):
                return dict(base.layouts)[role]
            changed = _leaves(f"layouts.{role}.", switched)
            return replace(layouts[0][role], **{name: getattr(layouts[1][role], name) for name in changed})

        parts = {
            name: replace(
                getattr(self.first, name),
                **{n: getattr(getattr(self.second, name), n) for n in _leaves(f"{name}.", switched)},
            )
            for name in ("inner", "weighting", "reduction")
        }
        whole = ("constants", "unbatched", "dtype", "candidates")
        return Plan(
            spec=base.spec,
            parameters=tuple((p.name, parameter(p.name)) for p in spec.parameters),
            layouts=tuple((role, layout(role)) for role in spec.layouts),
            **parts,
            **{name: getattr(plans[name in switched], name) for name in whole},
        )

    def run(self, switched: Iterable[str]) -> Outcome | Failure:
        """What the plan with some fields as the second has them gives."""
        key = frozenset(switched)
        if key not in self._found:
            self._found[key] = self._run(key)
        return self._found[key]

    def run_on(self, switched: Iterable[str], inputs: Roles) -> tuple[Array, Array | None] | Failure:
        """The same on inputs of its own."""
        key = frozenset(switched)
        # All that a framework's own checks, or NumPy's, may raise means that it cannot be run.
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                return self._evaluated(self.plan(key), key, inputs)
        except Exception as error:  # noqa: BLE001
            return Failure(f"{type(error).__name__}: {error}")

    def _run(self, switched: Switched) -> Outcome | Failure:
        values, gradients = [], []
        for inputs in self.inputs:
            found = self.run_on(switched, inputs)
            if isinstance(found, Failure):
                return found
            values.append(found[0])
            gradients.append(found[1])
        return Outcome(tuple(values), None if any(g is None for g in gradients) else tuple(gradients))

    def _evaluated(self, plan: Plan, switched: Switched, inputs: Roles) -> tuple[Array, Array | None]:
        backend = get_backend(self.backend)
        dropped = {field.removeprefix("inputs.") for field in switched if field.startswith("inputs.")}
        given = {role: x for role, x in inputs.items() if role not in dropped}
        # What only the formula of the other one takes is not read by this one.
        roles = (*plan.inputs, "weight")
        arrays = {role: x for role, x in matched(given, self.first, plan).items() if role in roles}
        loss, names = Loss(plan), list(arrays)
        tensors = [backend.asarray(x) for x in arrays.values()]

        def called(*xs: Any) -> Any:
            return loss(**dict(zip(names, xs, strict=True)))

        if self.by is not None and self.by in arrays and not self.without_gradient:
            try:
                value, gradient = value_and_grad(called, names.index(self.by))(*tensors)
            except UnsupportedOperation as error:
                self.without_gradient = str(error)
            else:
                by = reordered(to_numpy(gradient), self.by, self.first, plan)
                return _numbers(value), _numbers(by)
        return _numbers(called(*tensors)), None


def _leaves(prefix: str, switched: Switched) -> list[str]:
    return [field.removeprefix(prefix) for field in switched if field.startswith(prefix)]


def _numbers(x: Any) -> Array:
    return np.asarray(to_numpy(x), dtype="float64")
