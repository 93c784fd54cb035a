"""A row that means something else is noticed: by a stored case, or by the inputs that are drawn for it."""

from __future__ import annotations

import dataclasses
import functools
import types

import numpy as np
import pytest
from unified_loss.conformance import load_cases, loss_names
from unified_loss.conformance.calls import converted, input_tensors, prepared_call
from unified_loss.conformance.domains import domains
from unified_loss.conformance.domains.draw import seeded
from unified_loss.conformance.worker import check_case, load_state

import unified_loss as ul
from unified_loss.description import default_plan

NUMPY = ul.get_backend("numpy")
SEEDS = 12

# Parameters that a formula does not read, by spec: under which other parameters, and layouts, and why.
UNREAD = {
    ("ctc", "padding"): lambda p, layouts: layouts["target_lengths"].required,
    ("ctc", "least_labels"): lambda p, layouts: not p.per_label,
    ("ctc", "gradient_of_softmax"): lambda p, layouts: not p.from_log_probabilities,
    # No loss is infinite then.
    ("ctc", "zero_infinity"): lambda p, layouts: p.log_unfinished is not None,
    ("kl_divergence", "axis"): lambda p, layouts: not p.from_logits,
    ("kl_divergence", "from_logits"): lambda p, layouts: p.from_probabilities,
    ("kl_divergence", "log_target"): lambda p, layouts: p.from_probabilities,
    ("kl_divergence", "log_epsilon"): lambda p, layouts: p.from_probabilities or p.log_target,
    # Such a target is clipped anyway.
    ("kl_divergence", "negative_target_is_zero"): lambda p, layouts: p.clip is not None,
    ("loss_output", "threshold"): lambda p, layouts: p.normalization != "valid",
    ("poisson_nll", "epsilon"): lambda p, layouts: p.log_input,
    ("sparse_softmax_cross_entropy", "nan_if_absent"): lambda p, layouts: (
        layouts["target"].out_of_range != "keep"
    ),
    # An even power has no sign.
    ("triplet_margin", "signed"): lambda p, layouts: p.p % 2 == 0,
}

# Other changes that make no difference, or of which nothing says so, by loss and by what is changed.
_REFUSED_EITHER_WAY = "a label beyond the classes is refused, by their number or by the weights"
_ONE_CLASS = "there is one class, whose loss is also the mean over classes, and the last to be skipped"
_UNKNOWN_GRADIENT = "MindSpore has no kernel for it here, and no source says what the gradient is at the kink"
_ALWAYS_GIVEN = "the native signature asks for the lengths"

EXCUSED = {
    ("mindspore.mint.nn.CosineEmbeddingLoss", "gradient_at_zero"): _UNKNOWN_GRADIENT,
    ("mindspore.mint.nn.functional.cosine_embedding_loss", "gradient_at_zero"): _UNKNOWN_GRADIENT,
    ("mindspore.nn.DiceLoss", "reduction"): "there is one loss",
    ("mindspore.nn.TripletMarginLoss", "gradient_at_zero"): _UNKNOWN_GRADIENT,
    ("mindspore.ops.SparseSoftmaxCrossEntropyWithLogits", "keepdims"): "the mean is of all",
    ("mindspore.ops.TripletMarginLoss", "gradient_at_zero"): _UNKNOWN_GRADIENT,
    ("mindspore.ops.triplet_margin_loss", "gradient_at_zero"): _UNKNOWN_GRADIENT,
    ("mxnet.nd.softmax_cross_entropy", "keepdims"): "all are summed",
    ("optax.losses.binary_dice_loss", "reduction"): _ONE_CLASS,
    ("optax.losses.binary_dice_loss", "skip_first"): _ONE_CLASS,
    ("paddle.nn.AdaptiveLogSoftmaxWithLoss", "classes"): _REFUSED_EITHER_WAY,
    ("paddle.nn.functional.adaptive_log_softmax_with_loss", "classes"): _REFUSED_EITHER_WAY,
    ("paddle.nn.CTCLoss", "padding"): _ALWAYS_GIVEN,
    ("paddle.nn.functional.ctc_loss", "padding"): _ALWAYS_GIVEN,
    ("torch.nn.AdaptiveLogSoftmaxWithLoss", "classes"): _REFUSED_EITHER_WAY,
}


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
        drawn_first = domains()[loss].case(seeded(0, "float32"), "first").kwargs
        kwargs = {name: converted(value, NUMPY.asarray, NUMPY) for name, value in drawn_first.items()}
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


def is_unread(plan, name):
    """Whether the plan's formula does not read a parameter, given the others."""
    rule = UNREAD.get((plan.spec, name))
    return rule is not None and rule(types.SimpleNamespace(**dict(plan.parameters)), dict(plan.layouts))


def survivors(monkeypatch, loss, names=None):
    """The changes of a loss's plan that nothing notices; `names` chooses among them."""
    drawn(loss)
    for what, change in mutants(some_plan(loss)):
        if names is None or what in names:
            with monkeypatch.context() as patch:
                mutate(patch, loss, change)
                if not is_caught(loss):
                    yield what


@pytest.mark.parametrize("loss", loss_names())
def test_a_row_that_means_something_else_is_noticed(monkeypatch, loss):
    plan = some_plan(loss)
    unnoticed = list(survivors(monkeypatch, loss))
    assert [x for x in unnoticed if not is_unread(plan, x) and (loss, x) not in EXCUSED] == []


@pytest.mark.parametrize(("loss", "what"), EXCUSED)
def test_an_excuse_is_needed(monkeypatch, loss, what):
    assert list(survivors(monkeypatch, loss, [what])) == [what]


@pytest.mark.parametrize(("spec", "name"), UNREAD)
def test_a_rule_of_what_is_unread_is_needed(monkeypatch, spec, name):
    plans = {loss: some_plan(loss) for loss in loss_names()}
    losses = [loss for loss, plan in plans.items() if plan.spec == spec and is_unread(plan, name)]
    assert any(list(survivors(monkeypatch, loss, [name])) for loss in losses)
