"""The plans that rows of `nn`, `ops` and `mint` share.

MindSpore has most losses three times, under other argument names and defaults. `loss` is the native
name, for errors.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from unified_loss import losses
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction, check_reduction
from unified_loss.spec import Spec
from unified_loss.weighting import Weighting

Choice = Literal["none", "mean", "sum"]
"""The reductions of most losses."""

BatchChoice = Literal["none", "mean", "sum", "batchmean"]
"""Those of the Kullback-Leibler divergence."""

_PROBABILITY = Layout(within=(0.0, 1.0))
_MUTUAL = Layout("mutual")
# Negative indices reach the gather, which counts them from the last class.
_INDEX = Layout("without_axis", index=True, out_of_range="wrap", drops_axis=True)


def of_difference(spec: Spec, reduction: Reduction, **parameters: Any) -> Plan:
    """Of two tensors that are subtracted from each other, and so broadcast; they may be integers."""
    layouts = {"prediction": Layout(any_dtype=True), "target": _MUTUAL}
    return Plan.of(spec, layouts=layouts, reduction=reduction, **parameters)


def smooth_l1(reduction: str, beta: float, loss: str) -> Plan:
    """Of two tensors of one shape."""
    return Plan.of(losses.smooth_l1, reduction=Reduction.of(reduction, loss), beta=beta)


def binary_cross_entropy(reduction: str, loss: str) -> Plan:
    """Of probabilities; the mean divides by the number of losses, not by the weights."""
    return Plan.of(
        losses.binary_cross_entropy,
        layouts={"prediction": _PROBABILITY},
        log_floor=None,
        log_epsilon=1e-12,
        gradient_floor=1e-12,
        weighting=Weighting(broadcast="equal"),
        reduction=Reduction.of(reduction, loss),
    )


def binary_cross_entropy_with_logits(reduction: str, loss: str) -> Plan:
    """Of logits; the mean divides by the number of losses, not by the weights."""
    return Plan.of(
        losses.binary_cross_entropy_with_logits,
        weighting=Weighting(broadcast="trailing"),
        reduction=Reduction.of(reduction, loss),
    )


def kl_divergence(reduction: str, loss: str, **parameters: Any) -> Plan:
    """From log-probabilities, with the fourth reduction that these losses have."""
    check_reduction(reduction, f"{loss}: reduction", ("none", "mean", "batchmean", "sum"))
    kind: Any = "batch_mean" if reduction == "batchmean" else reduction
    return Plan.of(
        losses.kl_divergence,
        layouts={"target": Layout(detached=True)},
        reduction=Reduction(kind),
        **{"negative_target_is_zero": True, **parameters},
    )


def positive(value: float, name: str, loss: str) -> float:
    """The value, if it is above 0."""
    if not value > 0:
        raise ValueError(f"{loss}: {name} is {value}, expected more than 0")
    return value


# ---------------------------------------------------------------------------- categorical


def nll(reduction: str, ignore_index: int, label_smoothing: float, loss: str) -> Plan:
    """Of log-probabilities; smoothing is the cross-entropy's, without its softmax."""
    if not label_smoothing:
        return _of_indices(losses.nll, _INDEX, reduction, ignore_index, loss)
    smoothed = {"from_log_probabilities": True, "label_smoothing": label_smoothing}
    return _of_indices(losses.cross_entropy, _INDEX, reduction, ignore_index, loss, **smoothed)


def strict_nll(reduction: str, ignore_index: int, loss: str) -> Plan:
    """Of log-probabilities, where a negative index is refused."""
    return _of_indices(losses.nll, Layout("without_axis", index=True), reduction, ignore_index, loss)


def cross_entropy(reduction: str, ignore_index: int, label_smoothing: float, loss: str) -> Plan:
    """Of logits, to class indices or probabilities."""
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{loss}: label_smoothing is {label_smoothing}, expected from 0 to 1")
    target = Layout("index_or_same", out_of_range="wrap", drops_axis=True)
    smoothing = {"label_smoothing": label_smoothing}
    return _of_indices(losses.cross_entropy, target, reduction, ignore_index, loss, **smoothing)


def strict_cross_entropy(reduction: str, ignore_index: int, label_smoothing: float, loss: str) -> Plan:
    """Of logits, where a negative index is refused."""
    lenient = cross_entropy(reduction, ignore_index, label_smoothing, loss)
    return with_layouts(lenient, target=Layout("index_or_same"))


def _of_indices(
    spec: Spec, target: Layout, reduction: str, ignore_index: int, loss: str, **parameters: Any
) -> Plan:
    check_reduction(reduction, f"{loss}: reduction", ("none", "mean", "sum"))
    kind: Any = "weighted_mean" if reduction == "mean" else reduction
    return Plan.of(
        spec,
        layouts={"target": target},
        weighting=Weighting(ignored_label=ignore_index, labels_only=True),
        reduction=Reduction(kind),
        unbatched=1,
        axis=1,
        **parameters,
    )


def softmax_cross_entropy(*, sparse: bool, reduction: Reduction) -> Plan:
    """Of logits of shape (N, C), whose gradient is that for a target which sums to 1."""
    if sparse:
        return Plan.of(losses.sparse_softmax_cross_entropy, reduction=reduction)
    return Plan.of(
        losses.softmax_cross_entropy,
        layouts={"target": Layout(detached=True)},
        reduction=reduction,
        gradient_of_distribution=True,
    )


def multi_margin(p: int, margin: float, reduction: str, loss: str) -> Plan:
    """Of scores of shape (N, C); the gradient at a tie is 0."""
    if p not in (1, 2):
        raise ValueError(f"{loss}: p is {p}, expected 1 or 2")
    return Plan.of(losses.multi_margin, reduction=Reduction.of(reduction, loss), p=p, margin=margin)


def multilabel_margin(reduction: str, loss: str) -> Plan:
    """Of scores of shape (N, C) or (C,)."""
    return Plan.of(losses.multilabel_margin, reduction=Reduction.of(reduction, loss), unbatched=1)


def soft_margin(reduction: str, loss: str) -> Plan:
    """Of scores and labels of one shape."""
    return Plan.of(losses.soft_margin, reduction=Reduction.of(reduction, loss))


# --------------------------------------------------------- likelihoods, pairs and triplets


def gaussian_nll(full: bool, eps: float, reduction: str, loss: str) -> Plan:
    """The variance may be without the last axis."""
    return Plan.of(
        losses.gaussian_nll,
        layouts={"target": _MUTUAL, "variance": Layout("spread")},
        reduction=Reduction.of(reduction, loss),
        full=full,
        epsilon=positive(eps, "eps", loss),
        variance_gradient="halved",
    )


def margin_ranking(margin: float, reduction: str, loss: str) -> Plan:
    """All three broadcast."""
    return Plan.of(
        losses.margin_ranking,
        layouts={"second": _MUTUAL, "target": _MUTUAL},
        reduction=Reduction.of(reduction, loss),
        margin=margin,
        gradient_at_zero=1.0,
    )


def hinge_embedding(margin: float, reduction: str, loss: str) -> Plan:
    """By the sign of the label."""
    return Plan.of(
        losses.hinge_embedding,
        layouts={"target": _MUTUAL},
        reduction=Reduction.of(reduction, loss),
        margin=margin,
        gradient_at_zero=0.5,
        other_labels="sign",
    )


def cosine_embedding(margin: float, reduction: str, loss: str) -> Plan:
    """Of vectors along axis 1."""
    if not -1 <= margin <= 1:
        raise ValueError(f"{loss}: margin is {margin}, expected from -1 to 1")
    return Plan.of(
        losses.cosine_embedding,
        reduction=Reduction.of(reduction, loss),
        axis=1,
        margin=margin,
        epsilon=0.0,
        gradient_at_zero=0.5,
    )


def cosine_embedding_of_any_margin(margin: float, reduction: str, loss: str) -> Plan:
    """Of vectors along the last axis; with PyTorch's epsilon, whose interface `mint` has."""
    return Plan.of(
        losses.cosine_embedding,
        layouts={"second": _MUTUAL},
        reduction=Reduction.of(reduction, loss),
        unbatched=1,
        margin=margin,
        epsilon=0.0,
        squared_epsilon=1e-12,
    )


def cosine_similarity(dim: int, eps: float) -> Plan:
    """Of vectors along an axis; `eps` bounds the product of the norms."""
    return Plan.of(
        losses.cosine_similarity,
        layouts={"target": _MUTUAL},
        weighting=Weighting(-1.0),
        reduction=Reduction("none"),
        axis=dim,
        epsilon=eps,
        of_product=True,
    )


def triplet_margin(margin: float, p: int, eps: float, swap: bool, reduction: str, loss: str) -> Plan:
    """Of distances by a norm, with `eps` added to the differences."""
    return Plan.of(
        losses.triplet_margin,
        reduction=Reduction.of(reduction, loss),
        margin=margin,
        p=float(p),
        epsilon=eps,
        swap=swap,
    )


# ------------------------------------------------------------------------------ sequences


_SEQUENCES = {
    "prediction": Layout(axes="TNC"),
    "target": Layout("sequence", index=True, lowest_index=-1, axes="NT"),
    # One sample without a batch axis comes with lengths that have one.
    "prediction_lengths": Layout("batch", index=True, any_shape=True, required=True, limit="prediction"),
    "target_lengths": Layout("batch", index=True, any_shape=True, required=True, limit="target"),
}


def ctc(blank: int, reduction: str, zero_infinity: bool, loss: str) -> Plan:
    """Of log-probabilities, with the gradient by logits."""
    return Plan.of(
        losses.ctc,
        layouts=_SEQUENCES,
        reduction=Reduction.of(reduction, loss),
        unbatched=2,
        blank=_checked_blank(blank, loss),
        from_log_probabilities=True,
        gradient_of_softmax=True,
        per_label=reduction == "mean",
        zero_infinity=zero_infinity,
    )


def ctc_forward(blank: int) -> Plan:
    """The logarithms of the forward probabilities."""
    return Plan.of(losses.ctc_forward, layouts=_SEQUENCES, reduction=Reduction("none"), blank=blank)


def _checked_blank(blank: int, loss: str) -> int:
    if blank < 0:
        raise ValueError(f"{loss}: blank is {blank}, expected at least 0")
    return blank


# ---------------------------------------------------------------------------- made of plans


def total_weight(plan: Plan) -> Plan:
    """The sum of the weights that a plan's mean divides by."""
    return replace(plan, reduction=Reduction("total_weight"))


def with_parameters(plan: Plan, **parameters: Any) -> Plan:
    """The plan with other parameters of its formula."""
    return replace(plan, parameters=tuple({**dict(plan.parameters), **parameters}.items()))


def with_layouts(plan: Plan, **layouts: Layout) -> Plan:
    """The plan with other layouts of its inputs."""
    return replace(plan, layouts=tuple({**dict(plan.layouts), **layouts}.items()))
