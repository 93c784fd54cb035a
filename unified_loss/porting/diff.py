"""`explain_diff`: in what two native losses differ, and which field does how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from unified_loss.differences import plan_differences
from unified_loss.dispatch import backend_for
from unified_loss.errors import ConfigError
from unified_loss.plan import Plan

from .attribution import Attribution, Effect, attribute
from .causes import cause_of
from .explanation import Explanation, FieldDifference
from .hybrids import Failure, Hybrids
from .matching import encodings
from .meanings import in_words
from .sides import by_role, call_of, drawn
from .source import NativeCall

Array = Any
Roles = Mapping[str, Array]

_COMPARED = 6
"""So many of the inputs that are drawn are compared."""

_ROUNDING = 5e-7
"""Of the number itself: a few roundings."""


def explain_diff(
    first: Any, second: Any, /, *inputs: Any, backend: str | None = None, **by_name: Any
) -> Explanation:
    """In what two native losses differ, and which field causes how much of it in value and gradient.

    Parameters
    ----------
    first, second : texts of native calls, ``"mxnet.gluon.loss.HuberLoss(rho=0.5)"``, what
        `unified_loss.porting.source.parse` gives of them, or losses of a dialect
    *inputs : tensors, arrays or lists in the order of the first's call. Without any, inputs are drawn on
        which both have a value
    backend : where both are run; by default as `unified_loss.explain_selection` says
    **by_name : inputs by the first's native name, by role, or by the second's native name

    Returns
    -------
    Explanation
        Its `str` is what it says, in words. The amounts of all fields add up to the whole difference.
        Labels, and axes in another order, are brought to what the second takes, which is said. Without
        HIPS autograd, NumPy has no gradients, which is said too.

    Raises
    ------
    ConfigError
        If one is no native call, an input is unknown, missing or malformed, the first does not take the
        inputs, or labels have no meaning in the encoding of the second.
    BackendError
        If the backend cannot be had.

    Examples
    --------
    >>> import unified_loss as ul
    >>> found = ul.explain_diff(
    ...     "torch.nn.SmoothL1Loss(beta=0.5)",
    ...     "torch.nn.SmoothL1Loss(reduction='sum')",
    ...     [1.0, 3.0],
    ...     [0.0, 0.0],
    ... )
    >>> found.equal
    False
    >>> print(f"{found.value.first} against {found.value.second}")
    1.75 against 3.0
    >>> for field in found.fields:
    ...     print(field.cause, field.field, round(field.value_effect.amount, 4))
    reduction reduction.kind 1.625
    parameter parameters.beta -0.375
    """
    calls = call_of(first), call_of(second)
    try:
        fields = list(_fields(*calls))
        equal = not plan_differences(calls[0].plan, calls[1].plan)
    except (TypeError, ValueError) as error:
        raise ConfigError(str(error)) from error
    found = Explanation(str(calls[0]), str(calls[1]), equal, tuple(fields))
    chosen = backend_for([*inputs, *by_name.values()], backend, "explain_diff").name
    if any(call.plan.rest is not None or "*" in call.roles.values() for call in calls):
        return replace(found, note="not run: one of them takes any number of tensors")
    if inputs or by_name:
        given = by_role(*calls, inputs, by_name)
        return _with_effects(found, calls, [given], chosen, drawn_inputs=False)
    return _with_effects(found, calls, [], chosen, drawn_inputs=True)


# --------------------------------------------------------------------------------- fields


def _fields(first: NativeCall, second: NativeCall) -> Iterator[FieldDifference]:
    specs = first.plan.spec, second.plan.spec
    for difference in plan_differences(first.plan, second.plan):
        ours, theirs = difference.first, difference.second
        yield FieldDifference(
            difference.field,
            cause_of(difference.field, ours, theirs),
            ours,
            theirs,
            in_words(difference.field, ours, theirs, *specs)
            if difference.field != "spec"
            else f"the formula: {' against '.join(_formulas(first.plan, second.plan))}",
        )
    shared = set(first.roles.values()) & set(second.roles.values())
    order, other = (tuple(r for r in call.roles.values() if r in shared) for call in (first, second))
    if order != other:
        words = f"the order of the call: {', '.join(first.roles)} against {', '.join(second.roles)}"
        yield FieldDifference("arguments", "argument order", order, other, words)
    ours, theirs = encodings(first.plan, "target"), encodings(second.plan, "target")
    if ours and theirs and ours != theirs:
        one, another = (" or ".join(sorted(side)) for side in (ours, theirs))
        note = "" if ours & theirs else "converted, so that it makes no difference here"
        words = f"labels come as {one} against {another}"
        yield FieldDifference("inputs.target", "label encoding", one, another, words, note=note)


def _formulas(*plans: Plan) -> Iterator[str]:
    """Either formula, with the parameters that the other one does not have."""
    for plan, other in (plans, plans[::-1]):
        own = [f"{name}={x!r}" for name, x in plan.parameters if name not in dict(other.parameters)]
        yield f"{plan.spec}({', '.join(own)})"


def _dropped(calls: Sequence[NativeCall], inputs: Sequence[Roles]) -> list[FieldDifference]:
    """What the first takes and was given, and the second cannot be given."""
    first, second = calls
    names = {role: name for name, role in first.roles.items()}
    given = dict.fromkeys(role for each in inputs for role in each)
    return [
        FieldDifference(
            f"inputs.{role}",
            "weights" if "weight" in role else "formula",
            names[role],
            None,
            f"the second does not take {names[role]}",
        )
        for role in given
        if role in names and role not in second.roles.values() and not first.arguments[names[role]]
    ]


# -------------------------------------------------------------------------------- effects


def _with_effects(
    found: Explanation,
    calls: tuple[NativeCall, NativeCall],
    inputs: list[Roles],
    backend: str,
    *,
    drawn_inputs: bool,
) -> Explanation:
    plans = calls[0].plan, calls[1].plan
    fields = [d.field for d in plan_differences(*plans)]
    dropped = _dropped(calls, inputs)
    fields += [d.field for d in dropped]
    found = replace(found, fields=(*found.fields, *dropped), backend=backend)
    probe = Hybrids(*plans, fields, [], None, backend)
    refusal = ""
    if drawn_inputs:
        try:
            candidates = drawn(*calls, backend)
        except ConfigError as error:
            return replace(found, note=f"not run: {error}")
        inputs, refusal = _chosen(probe, candidates)
        if not inputs:
            return replace(found, note=f"not run: no inputs are known that both take; {refusal}")
    else:
        refused = probe.run_on((), inputs[0])
        if isinstance(refused, Failure):
            raise ConfigError(f"{calls[0].name} does not take these inputs: {refused.error}")
    hybrids = Hybrids(*plans, fields, inputs, _differentiated(plans, inputs), backend)
    result = attribute(hybrids)
    if isinstance(result, Failure):
        # Labels without a meaning for the second are told as wrong use; all else is a difference.
        unclear = result.error.removeprefix("ConfigError: ")
        if unclear != result.error:
            raise ConfigError(f"{calls[1].name}: {unclear}")
        return replace(found, note=f"{calls[1].name} does not take these inputs: {result.error}")
    told = _told(found, result, hybrids, drawn(*calls, backend, extreme=True) if drawn_inputs else [])
    return replace(told, note=f"{told.note}\n{refusal}") if refusal else told


def _chosen(hybrids: Hybrids, candidates: Sequence[Roles]) -> tuple[list[Roles], str]:
    """Inputs that both take, those before others on which more fields can be changed alone."""
    failures = [_failure(hybrids, each) for each in candidates]
    errors = [failure.error for failure in failures if failure is not None]
    taken = [each for each, failure in zip(candidates, failures, strict=True) if failure is None]
    changes = [side for move in hybrids.moves for side in (move, set(hybrids.fields) - set(move))]
    run = [sum(not isinstance(hybrids.run_on(c, each), Failure) for c in changes) for each in taken]
    best = [each for each, number in zip(taken, run, strict=True) if number == max(run)]
    if not errors:
        return best[:_COMPARED], ""
    told = f"{len(errors)} of {len(candidates)} inputs that were drawn are not taken by both: {errors[0]}"
    return best[:_COMPARED], told


def _failure(hybrids: Hybrids, inputs: Roles) -> Failure | None:
    """Why one of the two losses cannot be run on the inputs, or gives no finite number there."""
    for switched in ((), hybrids.fields):
        outcome = hybrids.run_on(switched, inputs)
        if isinstance(outcome, Failure):
            return outcome
        if outcome[0].size and not np.isfinite(outcome[0]).any():
            return Failure("its value is not finite")
    return None


def _differentiated(plans: Sequence[Plan], inputs: Sequence[Roles]) -> str | None:
    """The role by which both can be differentiated: the first input's, if it is of floats."""
    role = plans[0].inputs[0]
    fits = role in plans[1].inputs and all(role in each and each[role].dtype.kind == "f" for each in inputs)
    return role if fits else None


def _told(
    found: Explanation, result: Attribution, hybrids: Hybrids, extremes: Sequence[Roles]
) -> Explanation:
    by_field = {field.field: field for field in found.fields}
    order: list[FieldDifference] = []
    usable = [each for each in extremes if _failure(hybrids, each) is None][:_COMPARED]
    for i, move in enumerate(result.moves):
        effect = result.value_effects[i]
        gradient = result.gradient_effects[i] if result.gradient_effects else None
        note = _note(hybrids, move, effect, usable)
        for position, name in enumerate(move):
            others = tuple(other for other in move if other != name)
            told = replace(by_field.pop(name), together=others)
            if position == 0:
                told = replace(told, value_effect=effect, gradient_effect=gradient, note=note)
            else:
                told = replace(told, note=f"changed together with {move[0]}")
            order.append(told)
    order += by_field.values()
    order.sort(key=_weight)
    return replace(
        found,
        fields=tuple(order),
        method=result.method,
        value=result.value,
        gradient=result.gradient,
        note="\n".join(_notes(result, hybrids)),
    )


def _weight(field: FieldDifference) -> float:
    effects = [e for e in (field.value_effect, field.gradient_effect) if e is not None]
    return -max((abs(e.share or 0.0) + (1e-9 if e.alone else 0.0) for e in effects), default=-1.0)


def _note(hybrids: Hybrids, move: tuple[str, ...], value: Effect, extremes: Sequence[Roles]) -> str:
    alone = hybrids.run(move)
    if isinstance(alone, Failure):
        return f"cannot be changed alone: {alone.error}"
    if value.not_finite:
        return f"alone makes {value.not_finite} elements finite, or not finite"
    largest = 0.0
    for each in extremes:
        base, changed = hybrids.run_on((), each), hybrids.run_on(move, each)
        if isinstance(base, Failure) or isinstance(changed, Failure):
            continue
        if base[0].shape == changed[0].shape:
            apart = np.abs(base[0] - changed[0])
            largest = max(largest, float(apart[np.isfinite(apart)].max(initial=0.0)))
    ordinary = value.alone or 0.0
    return f"on extreme inputs up to {largest:.3g} in value" if largest > 1e3 * ordinary else ""


def _notes(result: Attribution, hybrids: Hybrids) -> Iterator[str]:
    number = len(hybrids.inputs)
    yield f"compared on {number} input{'' if number == 1 else 's'}, on {hybrids.backend}"
    if result.method == "average":
        yield "amounts: the mean over all orders in which the fields could be changed one after the other"
    elif result.method == "path":
        yield "amounts: the fields changed one after the other, in the plan's order as far as that can be run"
    for name, gap in (("values", result.value), ("gradients", result.gradient)):
        if gap is not None and 0 < gap.largest <= _ROUNDING * max(abs(gap.first), abs(gap.second)):
            yield f"the {name} are apart by no more than rounding in float32"
    if result.summed:
        yield "the values have different shapes: their sums are compared"
    if result.gradient is None:
        yield f"no gradients: {hybrids.without_gradient or 'there is no input to differentiate both by'}"
