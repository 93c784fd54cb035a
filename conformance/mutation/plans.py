"""Mutants of the rows: each thing that their plans say, changed."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, get_args, get_type_hints

from unified_loss.conformance.calls import converted
from unified_loss.conformance.domains import domains
from unified_loss.conformance.domains.draw import seeded
from unified_loss.conformance.mutant import MutantKind

from unified_loss.description import default_plan
from unified_loss.loading import get_backend
from unified_loss.naming import resolve
from unified_loss.plan import Plan
from unified_loss.spec import Spec

Change = Callable[[Plan], Plan]

_CHECKS = {"axes", "classes", "compared", "like", "limit", "lowest_index", "required", "same_rank", "within"}
"""Fields of layouts that only decide what is refused."""


@dataclass(frozen=True, eq=False)
class PlanMutant:
    """A row that lowers to another plan.

    Parameters
    ----------
    loss : the native name
    what : the part of the plan that is changed, and where it has several other values, to which
    change : gives the other plan
    """

    loss: str
    what: str
    change: Change

    kind: ClassVar[MutantKind] = "plan"

    @property
    def id(self) -> str:
        """Which row, and what of its plan."""
        return f"plan {self.key}"

    @property
    def key(self) -> str:
        """The same, as it is listed."""
        return f"{self.loss}: {self.what}"

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Have the row lower to the other plan, within a ``with`` block."""
        row: Any = resolve(self.loss)
        own = vars(row).get("lower")
        lower = row.lower

        def changed(*args: Any, **kwargs: Any) -> Any:
            plans = lower(*args, **kwargs)
            return tuple(map(self.change, plans)) if isinstance(plans, tuple) else self.change(plans)

        row.lower = changed
        forget_losses(row)
        try:
            yield
        finally:
            if own is None:
                del row.lower
            else:
                row.lower = own
            forget_losses(row)


def forget_losses(row: Any) -> None:
    """Have a function of a dialect lower anew what it has lowered before."""
    if not isinstance(row, type):
        row._losses.clear()


def plan_mutants(loss: str) -> Iterator[PlanMutant]:
    """A mutant for all that the plan of a row says."""
    for what, change in _changes(some_plan(loss)):
        yield PlanMutant(loss, what, change)


@functools.cache
def some_plan(loss: str) -> Plan:
    """The plan of the default parameters, or of the first parameters drawn."""
    plan = default_plan(loss)
    if plan is None:
        numpy = get_backend("numpy")
        drawn = domains()[loss].case(seeded(0, "float32"), "first").kwargs
        kwargs = {name: converted(value, numpy.asarray, numpy) for name, value in drawn.items()}
        row: Any = resolve(loss)
        plan = row(**kwargs).plan if isinstance(row, type) else row.plan(**kwargs)
    return plan


def _changes(plan: Plan) -> Iterator[tuple[str, Change]]:
    other = "sum" if plan.reduction.kind.endswith("mean") else "mean"
    yield "reduction", functools.partial(_replaced, part="reduction", kind=other)
    yield "scale", lambda p: _replaced(p, "weighting", scale=p.weighting.scale * 1.01)
    if isinstance(plan.reduction.kept_axis, int):
        kept = plan.reduction.kept_axis + 1
        yield "kept_axis", functools.partial(_replaced, part="reduction", kept_axis=kept)
    if plan.inner.kind != "none":
        yield "inner", lambda p: _replaced(p, "inner", kind="sum" if p.inner.kind == "mean" else "mean")
    for part in ("inner", "weighting", "reduction"):
        for name, usual in _unusual(getattr(plan, part), type(getattr(plan, part))()):
            if name not in ("kind", "scale"):
                yield f"{part}.{name}", functools.partial(_replaced, part=part, **{name: usual})
    for name in ("dtype", "unbatched"):
        if getattr(plan, name) is not None:
            yield name, functools.partial(_without, name=name)
    spec = Spec.registry[plan.spec]
    for role, layout in plan.layouts:
        for name, usual in _unusual(layout, spec.layouts[role]):
            if name not in _CHECKS:
                yield f"{role}.{name}", functools.partial(_with_layout, role=role, **{name: usual})
    hints = get_type_hints(spec.formula)
    for name, value in plan.parameters:
        for neighbour in _neighbours(value, hints[name]):
            what = name if isinstance(value, int | float) else f"{name}: {neighbour}"
            yield what, functools.partial(_with_parameter, name=name, value=neighbour)


def _neighbours(value: Any, hint: Any) -> list[Any]:
    """Other values of a parameter, by its type; none for those that are data, such as axes."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    if isinstance(value, float):
        return [value * 1.01 + 0.01]
    if value is None:
        return [0.3] if float in get_args(hint) else []
    return [x for x in get_args(hint) if isinstance(value, str) and isinstance(x, str) and x != value]


def _unusual(one: Any, usual: Any) -> Iterator[tuple[str, Any]]:
    """The fields in which a dataclass differs from the usual one, with their usual values."""
    for field in dataclasses.fields(one):
        value = getattr(usual, field.name)
        if getattr(one, field.name) != value:
            yield field.name, value


def _replaced(plan: Plan, part: str, **changes: Any) -> Plan:
    return dataclasses.replace(plan, **{part: dataclasses.replace(getattr(plan, part), **changes)})


def _without(plan: Plan, name: str) -> Plan:
    nothing: dict[str, Any] = {name: None}
    return dataclasses.replace(plan, **nothing)


def _with_layout(plan: Plan, role: str, **changes: Any) -> Plan:
    layouts = tuple((r, dataclasses.replace(x, **changes) if r == role else x) for r, x in plan.layouts)
    return dataclasses.replace(plan, layouts=layouts)


def _with_parameter(plan: Plan, name: str, value: Any) -> Plan:
    changed = tuple(
        (key, old if key != name else not old if isinstance(old, bool) else value)
        for key, old in plan.parameters
    )
    return dataclasses.replace(plan, parameters=changed)


# ----------------------------------------------------------------------------- equivalence

_UNREAD: dict[tuple[str, str], Callable[[Any], bool]] = {
    ("absolute_error", "prediction.any_dtype"): lambda p: p.plan.dtype is not None,
    ("squared_error", "prediction.any_dtype"): lambda p: p.plan.dtype is not None,
    ("squared_logarithmic_error", "prediction.any_dtype"): lambda p: p.plan.dtype is not None,
    ("ctc", "padding"): lambda p: dict(p.plan.layouts)["target_lengths"].required is True,
    ("ctc", "least_labels"): lambda p: not p.per_label,
    ("ctc", "gradient_of_softmax"): lambda p: not p.from_log_probabilities,
    # No loss is infinite then.
    ("ctc", "zero_infinity"): lambda p: p.log_unfinished is not None,
    ("kl_divergence", "axis"): lambda p: not p.from_logits,
    ("kl_divergence", "clip: 0.3"): lambda p: not p.from_probabilities,
    ("kl_divergence", "from_logits"): lambda p: p.from_probabilities,
    ("kl_divergence", "log_target"): lambda p: p.from_probabilities,
    ("kl_divergence", "log_epsilon"): lambda p: p.from_probabilities or p.log_target,
    # Such a target is clipped anyway.
    ("kl_divergence", "negative_target_is_zero"): lambda p: p.clip is not None,
    ("loss_output", "threshold"): lambda p: p.normalization != "valid",
    ("poisson_nll", "epsilon"): lambda p: p.log_input,
    ("sparse_softmax_cross_entropy", "nan_if_absent"): lambda p: (
        dict(p.plan.layouts)["target"].out_of_range != "keep"
    ),
    # Its targets are labels.
    ("nll", "weighting.labels_only"): lambda _: True,
}
"""What is not read, by spec: under which other parameters, and what else of the `plan`."""


def unread_rules() -> tuple[tuple[str, str], ...]:
    """The specs, and what of their plans is not always read."""
    return tuple(_UNREAD)


def rule_of(mutant: PlanMutant) -> tuple[str, str] | None:
    """The rule by which the formula does not read what is changed, given the other parameters."""
    plan = some_plan(mutant.loss)
    rule = _UNREAD.get((plan.spec, mutant.what))
    applies = rule is not None and rule(types.SimpleNamespace(plan=plan, **dict(plan.parameters)))
    return (plan.spec, mutant.what) if applies else None
