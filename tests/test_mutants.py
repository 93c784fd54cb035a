"""A row that means something else is noticed: by a stored case, or by the inputs that are drawn for it."""

from __future__ import annotations

import dataclasses
import functools
import types
from typing import get_args, get_type_hints

import numpy as np
import pytest
from unified_loss.conformance import load_cases, loss_names
from unified_loss.conformance.calls import converted, input_tensors, prepared_call
from unified_loss.conformance.domains import domains
from unified_loss.conformance.domains.draw import seeded
from unified_loss.conformance.worker import check_case, load_state

import unified_loss as ul
from unified_loss.description import default_plan
from unified_loss.spec import Spec

pytestmark = pytest.mark.filterwarnings("ignore::unified_loss.BroadcastWarning")

NUMPY = ul.get_backend("numpy")
SEEDS = 12

# What is not read, by spec: under which other parameters, and what else of the plan.
UNREAD = {
    ("absolute_error", "prediction.any_dtype"): lambda p, plan: plan.dtype is not None,
    ("squared_error", "prediction.any_dtype"): lambda p, plan: plan.dtype is not None,
    ("squared_logarithmic_error", "prediction.any_dtype"): lambda p, plan: plan.dtype is not None,
    ("ctc", "padding"): lambda p, plan: dict(plan.layouts)["target_lengths"].required,
    ("ctc", "least_labels"): lambda p, plan: not p.per_label,
    ("ctc", "gradient_of_softmax"): lambda p, plan: not p.from_log_probabilities,
    # No loss is infinite then.
    ("ctc", "zero_infinity"): lambda p, plan: p.log_unfinished is not None,
    ("kl_divergence", "axis"): lambda p, plan: not p.from_logits,
    ("kl_divergence", "clip: 0.3"): lambda p, plan: not p.from_probabilities,
    ("kl_divergence", "from_logits"): lambda p, plan: p.from_probabilities,
    ("kl_divergence", "log_target"): lambda p, plan: p.from_probabilities,
    ("kl_divergence", "log_epsilon"): lambda p, plan: p.from_probabilities or p.log_target,
    # Such a target is clipped anyway.
    ("kl_divergence", "negative_target_is_zero"): lambda p, plan: p.clip is not None,
    ("loss_output", "threshold"): lambda p, plan: p.normalization != "valid",
    ("poisson_nll", "epsilon"): lambda p, plan: p.log_input,
    ("sparse_softmax_cross_entropy", "nan_if_absent"): lambda p, plan: (
        dict(plan.layouts)["target"].out_of_range != "keep"
    ),
    # Its targets are labels.
    ("nll", "weighting.labels_only"): lambda p, plan: True,
    # An even power has no sign.
    ("triplet_margin", "signed"): lambda p, plan: p.p % 2 == 0,
}

# Other changes that make no difference, or of which nothing says so, by loss and by what is changed.
_ALWAYS_GIVEN = "the native signature asks for the lengths"
_NEVER_A_DISTRIBUTION = "labels that may come as floats are never read as a distribution"
_NOTHING = "Keras has no number for an empty batch: it fails, or gives an empty array"
_NO_GRADIENT = "the framework has no gradient by it to compare with, not even 0"
_NO_INTEGERS = "the framework has no kernel for integers here"
_NO_KERNEL = "MindSpore has no kernel for it here, and no source says what it does"
_NO_WEIGHT = "there is no weight"
_ONE_CLASS = "there is one class, whose loss is also the mean over classes, and the last to be skipped"
_ONE_VECTOR = "vectors along the last axis need no axis before it"
_ONE_SAMPLE = "the framework refuses one sample without a batch axis here, or crashes"
_REFUSED_EITHER_WAY = "a label beyond the classes is refused, by their number or by the weights"

EXCUSED = {
    ("keras.losses.CTC", "reduction.over_nothing"): _NOTHING,
    ("keras.losses.Circle", "reduction.over_nothing"): _NOTHING,
    ("keras.losses.Circle", "reference_target.any_dtype"): "the class takes no reference",
    ("keras.losses.circle", "weighting.only_positive"): "nothing is reduced",
    ("mindspore.mint.nn.CosineEmbeddingLoss", "gradient_at_zero"): _NO_KERNEL,
    ("mindspore.mint.nn.CosineEmbeddingLoss", "unbatched"): _ONE_VECTOR,
    ("mindspore.mint.nn.KLDivLoss", "target.detached"): _NO_KERNEL,
    ("mindspore.mint.nn.MSELoss", "prediction.any_dtype"): _NO_KERNEL,
    ("mindspore.mint.nn.NLLLoss", "unbatched"): _ONE_SAMPLE,
    ("mindspore.mint.nn.functional.cosine_embedding_loss", "gradient_at_zero"): _NO_KERNEL,
    ("mindspore.mint.nn.functional.cosine_embedding_loss", "unbatched"): _ONE_VECTOR,
    ("mindspore.mint.nn.functional.kl_div", "target.detached"): _NO_KERNEL,
    ("mindspore.mint.nn.functional.l1_loss", "prediction.any_dtype"): _NO_KERNEL,
    ("mindspore.mint.nn.functional.mse_loss", "prediction.any_dtype"): _NO_KERNEL,
    ("mindspore.mint.nn.functional.nll_loss", "unbatched"): _ONE_SAMPLE,
    ("mindspore.nn.CTCLoss", "prediction_lengths.any_shape"): _ONE_SAMPLE,
    ("mindspore.nn.CTCLoss", "target_lengths.any_shape"): _ONE_SAMPLE,
    ("mindspore.nn.CrossEntropyLoss", "target.drops_axis"): "MindSpore refuses such labels in the class",
    ("mindspore.nn.DiceLoss", "reduction"): "there is one loss",
    ("mindspore.nn.FocalLoss", "target.shape"): _NEVER_A_DISTRIBUTION,
    ("mindspore.nn.L1LossExt", "prediction.any_dtype"): _NO_KERNEL,
    ("mindspore.nn.MultiLabelSoftMarginLoss", "prediction.any_dtype"): _NO_INTEGERS,
    ("mindspore.nn.TripletMarginLoss", "gradient_at_zero"): _NO_KERNEL,
    ("mindspore.ops.CTCLossV2", "prediction_lengths.any_shape"): _ONE_SAMPLE,
    ("mindspore.ops.CTCLossV2", "target_lengths.any_shape"): _ONE_SAMPLE,
    ("mindspore.ops.CTCLossV2", "unbatched"): _ONE_SAMPLE,
    ("mindspore.ops.NLLLoss", "unbatched"): _ONE_SAMPLE,
    ("mindspore.ops.SparseSoftmaxCrossEntropyWithLogits", "keepdims"): "the mean is of all",
    ("mindspore.ops.TripletMarginLoss", "gradient_at_zero"): _NO_KERNEL,
    ("mindspore.ops.ctc_loss", "prediction_lengths.any_shape"): _ONE_SAMPLE,
    ("mindspore.ops.ctc_loss", "target_lengths.any_shape"): _ONE_SAMPLE,
    ("mindspore.ops.ctc_loss", "unbatched"): _ONE_SAMPLE,
    ("mindspore.ops.multilabel_soft_margin_loss", "prediction.any_dtype"): _NO_INTEGERS,
    ("mindspore.ops.triplet_margin_loss", "gradient_at_zero"): _NO_KERNEL,
    ("mxnet.nd.softmax_cross_entropy", "keepdims"): "all are summed",
    ("optax.losses.binary_dice_loss", "reduction"): _ONE_CLASS,
    ("optax.losses.binary_dice_loss", "skip_first"): _ONE_CLASS,
    ("paddle.nn.CTCLoss", "padding"): _ALWAYS_GIVEN,
    ("paddle.nn.CrossEntropyLoss", "target.shape"): _NEVER_A_DISTRIBUTION,
    ("paddle.nn.GaussianNLLLoss", "variance_gradient: clamped"): _NO_GRADIENT,
    ("paddle.nn.GaussianNLLLoss", "variance_gradient: straight_through"): _NO_GRADIENT,
    ("paddle.nn.functional.cross_entropy", "target.shape"): _NEVER_A_DISTRIBUTION,
    ("paddle.nn.functional.ctc_loss", "padding"): _ALWAYS_GIVEN,
    ("paddle.nn.functional.gaussian_nll_loss", "variance_gradient: clamped"): _NO_GRADIENT,
    ("paddle.nn.functional.gaussian_nll_loss", "variance_gradient: straight_through"): _NO_GRADIENT,
    ("paddle.nn.functional.softmax_with_cross_entropy", "target.shape"): _NEVER_A_DISTRIBUTION,
    ("tf.compat.v1.losses.softmax_cross_entropy", "target.detached"): _NO_GRADIENT,
    ("tf.compat.v1.nn.softmax_cross_entropy_with_logits", "target.detached"): _NO_GRADIENT,
    ("torch.nn.AdaptiveLogSoftmaxWithLoss", "classes"): _REFUSED_EITHER_WAY,
    ("torch.nn.HuberLoss", "prediction.any_dtype"): _NO_INTEGERS,
    ("torch.nn.HuberLoss", "weighting.broadcast"): _NO_WEIGHT,
    ("torch.nn.L1Loss", "weighting.broadcast"): _NO_WEIGHT,
    ("torch.nn.MSELoss", "weighting.broadcast"): _NO_WEIGHT,
    ("torch.nn.SmoothL1Loss", "weighting.broadcast"): _NO_WEIGHT,
    ("torch.nn.functional.huber_loss", "prediction.any_dtype"): _NO_INTEGERS,
    ("torch.nn.functional.smooth_l1_loss", "weighting.broadcast"): _NO_WEIGHT,
}


# Fields of layouts that only decide what is refused; the tests of bad input have that.
_CHECKS = {"axes", "classes", "compared", "like", "limit", "lowest_index", "required", "same_rank", "within"}


def neighbours(value, hint):
    """Other values of a plan's parameter, by its type; none for those that are data, such as axes."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    if isinstance(value, float):
        return [value * 1.01 + 0.01]
    if value is None:
        return [0.3] if float in get_args(hint) else []
    return [x for x in get_args(hint) if isinstance(value, str) and isinstance(x, str) and x != value]


def mutants(plan):
    """(what is changed, function from plan to plan) for all that a plan says."""
    other = "sum" if plan.reduction.kind.endswith("mean") else "mean"
    yield "reduction", lambda p: replaced(p, "reduction", kind=other)
    yield "scale", lambda p: replaced(p, "weighting", scale=p.weighting.scale * 1.01)
    if isinstance(plan.reduction.kept_axis, int):
        yield "kept_axis", lambda p: replaced(p, "reduction", kept_axis=p.reduction.kept_axis + 1)
    if plan.inner.kind != "none":
        yield "inner", lambda p: replaced(p, "inner", kind="sum" if p.inner.kind == "mean" else "mean")
    for part in ("inner", "weighting", "reduction"):
        for name, usual in unusual(getattr(plan, part), type(getattr(plan, part))()):
            if name not in ("kind", "scale"):
                yield f"{part}.{name}", functools.partial(replaced, part=part, **{name: usual})
    for name in ("dtype", "unbatched"):
        if getattr(plan, name) is not None:
            yield name, functools.partial(dataclasses.replace, **{name: None})
    spec = Spec.registry[plan.spec]
    for role, layout in plan.layouts:
        for name, usual in unusual(layout, spec.layouts[role]):
            if name not in _CHECKS:
                yield f"{role}.{name}", functools.partial(with_layout, role=role, **{name: usual})
    hints = get_type_hints(spec.formula)
    for name, value in plan.parameters:
        for other_value in neighbours(value, hints[name]):
            what = name if isinstance(value, int | float) else f"{name}: {other_value}"
            yield what, functools.partial(with_parameter, name=name, value=other_value)


def unusual(one, usual):
    """The fields in which a dataclass differs from the usual one, with their usual values."""
    for field in dataclasses.fields(one):
        value = getattr(usual, field.name)
        if getattr(one, field.name) != value:
            yield field.name, value


def replaced(plan, part, **changes):
    return dataclasses.replace(plan, **{part: dataclasses.replace(getattr(plan, part), **changes)})


def with_layout(plan, role, **changes):
    layouts = tuple((r, dataclasses.replace(x, **changes) if r == role else x) for r, x in plan.layouts)
    return dataclasses.replace(plan, layouts=layouts)


def with_parameter(plan, name, value):
    changed = tuple(
        (key, old if key != name else not old if isinstance(old, bool) else value)
        for key, old in plan.parameters
    )
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
        return [np.asarray(x) for x in call(*input_tensors(case, NUMPY.asarray, NUMPY))]
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
        a.dtype != b.dtype or a.shape != b.shape or not np.allclose(a, b, rtol=1e-7, atol=0, equal_nan=True)
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
    return rule is not None and rule(types.SimpleNamespace(**dict(plan.parameters)), plan)


def survivors(monkeypatch, loss, names=None):
    """The changes of a loss's plan that nothing notices; `names` chooses among them."""
    drawn(loss)
    assert not is_caught(loss), "not even the row as it stands holds"
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
