"""The same loss by another formula: identities between canonical losses, as plans."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.spec import Spec


@dataclass(frozen=True)
class Equivalent:
    """A plan that computes what another does, of inputs that are made of the other's.

    Parameters
    ----------
    plan : the plan
    steps : by role, the phrase that makes its input of the other's, with the phrase's arguments
    """

    plan: Plan
    steps: tuple[tuple[str, str, Mapping[str, str]], ...] = ()


def equivalents(plan: Plan) -> list[Equivalent]:
    """The plan itself, then what computes the same by another formula."""
    found = [Equivalent(plan)]
    for spec in _RULES.get(plan.spec, ()):
        found += spec(plan)
    return found


def _as(
    plan: Plan, name: str, scale: float = 1.0, layouts: Mapping[str, Layout] | None = None, **given: Any
) -> Plan:
    """A plan with another formula, all else as it is."""
    spec = Spec.registry[name]
    kept = {role: layout for role, layout in plan.layouts if role in spec.inputs}
    return replace(
        plan,
        spec=name,
        parameters=tuple(spec.complete(given).items()),
        layouts=tuple({**spec.layouts, **kept, **(layouts or {})}.items()),
        weighting=replace(plan.weighting, scale=plan.weighting.scale * scale),
    )


def _huber(plan: Plan) -> Iterator[Equivalent]:
    # huber(delta) = delta * smooth_l1(beta=delta)
    delta = dict(plan.parameters)["delta"]
    if delta > 0:
        yield Equivalent(_as(plan, "smooth_l1", delta, beta=delta))


def _smooth_l1(plan: Plan) -> Iterator[Equivalent]:
    beta = dict(plan.parameters)["beta"]
    if beta > 0:
        yield Equivalent(_as(plan, "huber", 1 / beta, delta=beta))
    elif beta == 0:
        yield Equivalent(_as(plan, "absolute_error"))


def _soft_margin(plan: Plan) -> Iterator[Equivalent]:
    # log(1 + exp(-y x)) for labels of -1 and 1
    layouts = {"target": replace(dict(plan.layouts)["target"], signed=True)}
    yield Equivalent(_as(plan, "binary_cross_entropy_with_logits", layouts=layouts))


def _binary_with_logits(plan: Plan) -> Iterator[Equivalent]:
    target = dict(plan.layouts)["target"]
    if target.signed and not dict(plan.parameters)["label_smoothing"] and not plan.constants:
        yield Equivalent(_as(plan, "soft_margin", layouts={"target": replace(target, signed=False)}))


_INDEX = Layout(shape="without_axis", index=True)
_ONE_HOT = ("target", "one_hot", {"n": "classes"})


def _without_keepdims(parameters: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: parameters[name] for name in names if name in parameters}


def _sparse_softmax(plan: Plan) -> Iterator[Equivalent]:
    given = dict(plan.parameters)
    if given["nan_if_absent"] or given["probability_floor"]:
        return
    shared = _without_keepdims(given, "axis", "from_log_probabilities", "keepdims")
    yield Equivalent(_as(plan, "cross_entropy", **shared))
    yield Equivalent(
        _as(
            plan,
            "softmax_cross_entropy",
            layouts={"target": Layout()},
            **shared,
            gradient_of_distribution=True,
        ),
        (_ONE_HOT,),
    )
    yield from _categorical_pair(plan, shared)


def _categorical_pair(plan: Plan, shared: Mapping[str, Any]) -> Iterator[Equivalent]:
    """The negative log-likelihood of log-probabilities."""
    if not shared.get("from_log_probabilities", False):
        step = ("prediction", "log_softmax", {"axis": "axis"})
        yield Equivalent(_as(plan, "nll", axis=shared["axis"], keepdims=shared["keepdims"]), (step,))
    else:
        yield Equivalent(_as(plan, "nll", axis=shared["axis"], keepdims=shared["keepdims"]))


def _cross_entropy(plan: Plan) -> Iterator[Equivalent]:
    given = dict(plan.parameters)
    shared = _without_keepdims(given, "axis", "from_log_probabilities", "keepdims")
    target = dict(plan.layouts)["target"]
    if given["label_smoothing"] == 0:
        index = replace(target, shape="without_axis", index=True)
        yield Equivalent(_as(plan, "sparse_softmax_cross_entropy", layouts={"target": index}, **shared))
        yield from _categorical_pair(replace(plan, layouts=_with(plan, "target", index)), shared)
    smoothing = {"label_smoothing": given["label_smoothing"], "gradient_of_distribution": True}
    yield Equivalent(
        _as(plan, "softmax_cross_entropy", layouts={"target": Layout()}, **shared, **smoothing), (_ONE_HOT,)
    )


def _nll(plan: Plan) -> Iterator[Equivalent]:
    given = dict(plan.parameters)
    shared = {**_without_keepdims(given, "axis", "keepdims"), "from_log_probabilities": True}
    yield Equivalent(_as(plan, "cross_entropy", **shared))
    yield Equivalent(_as(plan, "sparse_softmax_cross_entropy", **shared))


def _softmax(plan: Plan) -> Iterator[Equivalent]:
    given = dict(plan.parameters)
    if given["smoothing_axis"] is not None:
        return
    shared = _without_keepdims(given, "axis", "from_log_probabilities", "keepdims", "label_smoothing")
    target = replace(dict(plan.layouts)["target"], shape="index_or_same")
    yield Equivalent(_as(plan, "cross_entropy", layouts={"target": target}, **shared))


def _with(plan: Plan, role: str, layout: Layout) -> tuple[tuple[str, Layout], ...]:
    return tuple({**dict(plan.layouts), role: layout}.items())


_RULES: dict[str, tuple[Callable[[Plan], Iterator[Equivalent]], ...]] = {
    "huber": (_huber,),
    "smooth_l1": (_smooth_l1,),
    "soft_margin": (_soft_margin,),
    "binary_cross_entropy_with_logits": (_binary_with_logits,),
    "sparse_softmax_cross_entropy": (_sparse_softmax,),
    "cross_entropy": (_cross_entropy,),
    "nll": (_nll,),
    "softmax_cross_entropy": (_softmax,),
}
