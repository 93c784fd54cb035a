"""A row that means something else is noticed: by a stored case, or by the inputs that are drawn for it."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
from unified_loss.conformance import load_cases, loss_names
from unified_loss.conformance.calls import input_tensors, prepared_call
from unified_loss.conformance.domains import domains
from unified_loss.conformance.domains.draw import seeded
from unified_loss.conformance.worker import check_case, load_state

import unified_loss as ul
from unified_loss.description import default_plan

NUMPY = ul.get_backend("numpy")
SEEDS = 12

# Changes that make no difference, by loss and by what is changed; "*" stands for any loss. Each must be needed.
EQUIVALENT: dict[tuple[str, str], str] = {}


def mutated(value):
    """Another value of a plan's parameter; None for those that have no neighbour."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return value * 1.01 + 0.01 if isinstance(value, float) else None


def mutants(plan):
    """(what is changed, function from plan to plan) for all that a plan says."""
    other = "sum" if plan.reduction.kind.endswith("mean") else "mean"
    yield "reduction", lambda p: replaced(p, "reduction", kind=other)
    yield "scale", lambda p: replaced(p, "weighting", scale=p.weighting.scale * 1.01)
    if isinstance(plan.reduction.kept_axis, int):
        yield "kept_axis", lambda p: replaced(p, "reduction", kept_axis=p.reduction.kept_axis + 1)
    if plan.weighting.ignored_label is not None:
        yield "ignored_label", lambda p: replaced(p, "weighting", ignored_label=None)
    if plan.inner.kind != "none":
        yield "inner", lambda p: replaced(p, "inner", kind="sum" if p.inner.kind == "mean" else "mean")
    for name, value in plan.parameters:
        if mutated(value) is not None:
            yield name, functools.partial(with_parameter, name=name)


def replaced(plan, part, **changes):
    return dataclasses.replace(plan, **{part: dataclasses.replace(getattr(plan, part), **changes)})


def with_parameter(plan, name):
    changed = tuple((key, mutated(value) if key == name else value) for key, value in plan.parameters)
    return dataclasses.replace(plan, parameters=changed)


def some_plan(loss):
    """The plan of the default parameters, or of the first parameters drawn."""
    plan = default_plan(loss)
    if plan is None:
        kwargs = domains()[loss].case(seeded(0, "float32"), "first").kwargs
        row = ul.resolve(loss)
        plan = row(**kwargs).plan if isinstance(row, type) else row.plan(**kwargs)
    return plan


def outcome(case):
    """What a case gives on NumPy; an error is an outcome too."""
    try:
        call = prepared_call(case, ul.resolve(case.loss), NUMPY.asarray, load_state, NUMPY)
        return [np.asarray(x, "float64") for x in call(*input_tensors(case, NUMPY.asarray, NUMPY))]
    except Exception as error:  # noqa: BLE001  a mutant may fail in any way
        return str(type(error))


@functools.cache
def drawn(loss):
    """The cases that are drawn for a loss, and their outcomes as the row stands."""
    domain = domains().get(loss)
    if domain is None:
        return ()
    cases = [domain.case(seeded(seed, "float64"), "drawn") for seed in range(SEEDS)]
    return tuple((case, outcome(case)) for case in cases)


def differ(one, other):
    if isinstance(one, str) or isinstance(other, str):
        return one != other
    return len(one) != len(other) or any(
        a.shape != b.shape or not np.allclose(a, b, rtol=1e-7, atol=0, equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )


def mutate(monkeypatch, loss, change):
    """Have a row lower to the plan that a change makes of its own."""
    row = ul.resolve(loss)
    lower = row.lower

    def changed(*args, **kwargs):
        plans = lower(*args, **kwargs)
        return tuple(map(change, plans)) if isinstance(plans, tuple) else change(plans)

    monkeypatch.setattr(row, "lower", changed)
    if not isinstance(row, type):
        monkeypatch.setattr(row, "_losses", {})


def is_caught(loss):
    if any(differ(outcome(case), as_it_stands) for case, as_it_stands in drawn(loss)):
        return True
    stored = [case for case in load_cases([loss]) if case.kind != "live"]
    return any(check_case(case, NUMPY).status != "ok" for case in stored)


@pytest.mark.parametrize("loss", loss_names())
def test_a_row_that_means_something_else_is_noticed(monkeypatch, loss):
    drawn(loss)
    survivors = []
    for what, change in mutants(some_plan(loss)):
        with monkeypatch.context() as patch:
            mutate(patch, loss, change)
            if not is_caught(loss):
                survivors.append(what)
    excused = [what for what in survivors if {(loss, what), ("*", what)} & set(EQUIVALENT)]
    assert survivors == excused
