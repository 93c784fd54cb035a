"""Which losses of a framework come closest to a plan, and with which parameters: rows, lowered backwards."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from unified_loss.dialects.functions import DialectFunction
from unified_loss.naming import Row, native_names, resolve
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction
from unified_loss.spec import Spec

_REDUCTIONS = ("none", "mean", "sum", "batchmean", "sum_over_batch_size", "mean_with_sample_weight")
_PASSES = 3


@dataclass(frozen=True, eq=False)
class Target:
    """A loss of a framework with parameters, and the plan that it means.

    Parameters
    ----------
    row : the dialect's class or function; None of the formula itself, in the framework's own operations
    parameters : those that differ from their defaults
    plan : what it means
    cost : how much there is between it and the plan that it was sought for; infinite of a formula, which
        is the last resort
    """

    row: Row | None
    parameters: Mapping[str, Any]
    plan: Plan
    cost: float

    @property
    def name(self) -> str:
        """The native name of the loss, or that of the formula."""
        return self.plan.spec if self.row is None else self.row.native_name


PREFIXES: Mapping[str, tuple[str, ...]] = {
    "tensorflow": ("tf.nn.", "keras.losses.", "tf.compat.v1."),
    "keras": ("keras.losses.",),
    "optax": ("optax.",),
}
"""Where the losses of a framework are; that of which there is none are below its own name."""


def closest(wanted: Plan, framework: str) -> list[Target]:
    """The losses of a framework with the spec of a plan, the closest first.

    Parameters
    ----------
    wanted : the plan
    framework : the dialect in which is sought
    """
    found: list[Target] = []
    unfit = {**_NARROW, **_without_kernel()}
    for name in rows_of(framework, wanted.spec):
        found += [] if name in unfit else _fitted(resolve(name), wanted)
    return sorted(found, key=lambda target: target.cost)


def formula(wanted: Plan) -> Target:
    """The formula of a plan, as a loss that gives unreduced losses and takes any form of it."""
    spec = Spec.registry[wanted.spec]
    plan = Plan.of(spec, reduction=Reduction("none"), **dict(wanted.parameters))
    plan = replace(plan, constants=tuple(c for c in wanted.constants if c[0] in spec.inputs))
    return Target(None, dict(wanted.parameters), plan, float("inf"))


@functools.cache
def rows_of(framework: str, spec: str) -> tuple[str, ...]:
    """The native names of a framework's losses that can mean a spec."""
    prefixes = PREFIXES.get(framework, (f"{framework}.",))
    names = dict.fromkeys(resolve(n).native_name for p in prefixes for n in native_names() if n.startswith(p))
    names = dict.fromkeys(n for p in prefixes for n in names if n.startswith(p))
    return tuple(name for name in names if spec in _specs(name))


_NARROW = {
    "paddle.nn.functional.log_loss": "takes nothing but one column",
    "mindspore.ops.SoftmaxCrossEntropyWithLogits": "takes nothing but two axes",
    "mindspore.nn.SoftmaxCrossEntropyWithLogits": "takes nothing but two axes",
    "mindspore.nn.MultiLabelSoftMarginLoss": "is not finite for logits beyond 88",
    "mindspore.ops.multilabel_soft_margin_loss": "is not finite for logits beyond 88",
    "paddle.nn.functional.softmax_with_cross_entropy": "takes no class indices without an axis of size 1",
    "paddle.nn.functional.cross_entropy": "clips logits at 64 below the largest (3.3.1, on a CPU)",
    "paddle.nn.CrossEntropyLoss": "clips logits at 64 below the largest (3.3.1, on a CPU)",
}
"""Losses that are no targets, and why: another loss of the framework, or the formula, computes the same."""


def _without_kernel() -> Mapping[str, str]:
    """Losses that do not run on every processor, as the operations of a formula do, and what that means."""
    # Here, because it loads the domains of all losses.
    from unified_loss.conformance.domains import mindspore, paddle  # noqa: PLC0415

    return {**mindspore.NO_CPU_KERNEL, **paddle.NO_CPU_KERNEL}


@functools.cache
def _specs(name: str) -> frozenset[str]:
    """The specs that a row means, with one or the other of its switches."""
    row = resolve(name)
    own = _own_options(row.native_name)
    switches = {n: [v for v in options if isinstance(v, bool | str)] for n, options in own.items()}
    switches = {n: options for n, options in switches.items() if options and n != "reduction"}
    found = set()
    for values in itertools.islice(itertools.product(*switches.values()), 64):
        plan = _plan(row, dict(zip(switches, values, strict=True)))
        if plan is not None:
            found.add(plan.spec)
    return frozenset(found)


def _fitted(row: Row, wanted: Plan) -> Iterator[Target]:
    """The row with the parameters that bring it closest, from each of its reductions."""
    # Many of these have no kernel on a CPU, and the same framework has all of them elsewhere.
    rare = 1.0 if row.native_name.startswith("mindspore.mint.") else 0.0
    options = _options(row, wanted)
    seen = set()
    for start in options.get("reduction", [None]):
        chosen = {} if start is None else {"reduction": start}
        plan = _plan(row, chosen)
        best = float("inf") if plan is None else distance(plan, wanted)
        for _ in range(_PASSES):
            before = best
            for name, values in options.items():
                if name == "reduction":
                    continue
                for value in values:
                    tried = {**chosen, name: value}
                    plan = _plan(row, tried)
                    cost = float("inf") if plan is None else distance(plan, wanted)
                    if cost < best - 1e-9:
                        best, chosen = cost, tried
            if best == before:
                break
        plan = _plan(row, chosen)
        key = repr(plan)
        if plan is not None and plan.spec == wanted.spec and key not in seen:
            seen.add(key)
            yield Target(row, _shortest(row, chosen, plan), plan, best + rare)


def _shortest(row: Row, chosen: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """The parameters without those that change nothing."""
    kept = dict(chosen)
    for name in chosen:
        less = {n: v for n, v in kept.items() if n != name}
        if _plan(row, less) == plan:
            kept = less
    return kept


def _plan(row: Row, parameters: Mapping[str, Any]) -> Plan | None:
    try:
        if isinstance(row, DialectFunction):
            plain = {n: v for n, v in parameters.items() if n not in row.roles}
            tensors = {n: v for n, v in parameters.items() if n in row.roles}
            return row.plan(**plain).with_constants(row.by_role(tensors))
        plan: Plan = row(**parameters).plan
    except (TypeError, ValueError):
        return None
    return plan


def _hints(row: Row) -> Mapping[str, Any]:
    return row._hints if isinstance(row, DialectFunction) else get_type_hints(row)


@functools.cache
def _own_options(name: str) -> dict[str, list[Any]]:
    """The values that a row's own signature says its parameters may have."""
    row: Row = resolve(name)
    hints = _hints(row)
    names = row.parameters if isinstance(row, DialectFunction) else [f.name for f in fields(row)]  # type: ignore[arg-type]
    options: dict[str, list[Any]] = {}
    for parameter in names:
        hint = hints.get(parameter)
        alternatives = get_args(hint) if get_origin(hint) is not Literal else (hint,)
        values: list[Any] = []
        for kind in alternatives or (hint,):
            if get_origin(kind) is Literal:
                values += get_args(kind)
            elif kind is bool:
                values += [False, True]
        if parameter == "reduction" and not values:
            values = list(_REDUCTIONS)
        options[parameter] = values
    return options


def _options(row: Row, wanted: Plan) -> dict[str, list[Any]]:
    """The values worth a try for each parameter: its own choices, and the numbers in the plan."""
    numbers = _numbers(wanted)
    options = {name: list(values) for name, values in _own_options(row.native_name).items()}
    for name, hint in _hints(row).items():
        if name not in options or name == "reduction":
            continue
        kinds = set(get_args(hint)) or {hint}
        if kinds & {float, int} and bool not in kinds:
            options[name] += [n for n in numbers if float in kinds or isinstance(n, int)]
            if type(None) in kinds:
                options[name].append(None)
    by_role = row.arguments
    for role, constant in wanted.constants:
        native = by_role.get(role, role)
        if native in options or (isinstance(row, DialectFunction) and native in row.roles):
            options[native] = [constant.tensor]
    return options


def _numbers(plan: Plan) -> list[float | int]:
    values = [v for _, v in plan.parameters if isinstance(v, int | float) and not isinstance(v, bool)]
    values += [plan.weighting.scale, 2 * plan.weighting.scale]
    values += [v for v in (plan.weighting.ignored_label,) if v is not None]
    if isinstance(plan.reduction.kept_axis, int):
        values.append(plan.reduction.kept_axis)
    return list(dict.fromkeys(values))


# ------------------------------------------------------------------------------- distance

_LOST = 1000.0

# What may be said beside the call, and how long that takes; all other parameters must agree.
_ADAPTED = {"axis": 1.0, "keepdims": 0.5, "blank": 4.0}
_MINOR = {"gradient_at_zero", "gradient_floor", "gradient_of_distribution", "negative_target_is_zero"}


def distance(plan: Plan, wanted: Plan) -> float:
    """How much there is to say beside a plan to have another."""
    if plan.spec != wanted.spec:
        return 10 * _LOST
    cost = 0.0
    ours: dict[str, Any] = dict(plan.parameters)
    for name, value in wanted.parameters:
        if ours[name] != value:
            cost += _parameter_cost(name, ours[name], value)
    cost += _reduction_cost(plan, wanted)
    if plan.weighting.scale != wanted.weighting.scale:
        cost += 0.5
    if plan.weighting.ignored_label != wanted.weighting.ignored_label:
        cost += 3 if plan.weighting.ignored_label is None else 8
    missing = {role for role, _ in wanted.constants} - {role for role, _ in plan.constants}
    cost += 4 * len(missing)
    layouts = dict(plan.layouts)
    for role, layout in wanted.layouts:
        if role in layouts:
            compared = [f.name for f in fields(layout) if f.compare]
            cost += 0.25 * len([n for n in compared if getattr(layout, n) != getattr(layouts[role], n)])
    if plan.dtype != wanted.dtype:
        # What comes may be narrowed, but never what goes.
        cost += 4.0 if plan.dtype is None else 30.0
    return cost


def _parameter_cost(name: str, ours: Any, wanted: Any) -> float:
    if name in _ADAPTED:
        return _ADAPTED[name]
    if name == "from_log_probabilities":
        return 2.0 if ours else 60.0
    if name in _MINOR:
        return 20.0
    if isinstance(ours, float | int) and isinstance(wanted, float | int):
        # Of two clamps, the nearer one.
        return 50.0 + min(40.0, float(abs(ours - wanted)))
    return 100.0


def _reduction_cost(plan: Plan, wanted: Plan) -> float:
    if plan.reduction == wanted.reduction and plan.inner == wanted.inner:
        return 0.0
    cost = 0.0
    if plan.inner.kind != "none":
        cost += 2.0 if plan.inner == wanted.inner else 5.0
    if plan.reduction.kind == "none":
        return cost + 3.0
    if plan.reduction.kept_axis is not None or plan.reduction.axis is not None:
        return cost + 6.0
    if plan.reduction.kind == wanted.reduction.kind and wanted.reduction.kept_axis is None:
        return cost + 1.0
    return cost + 200.0
