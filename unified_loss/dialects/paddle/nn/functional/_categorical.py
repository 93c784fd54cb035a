"""Losses of a choice among classes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import Plans, function
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction
from unified_loss.weighting import Weighting

from ._native import INDEX, INDEX_WITH_AXIS, NAMESPACE, ReduceMode


@function(NAMESPACE, input="prediction", label="target", weight="class_weight")
def cross_entropy(
    input: Any,
    label: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: ReduceMode = "mean",
    soft_label: bool = False,
    axis: int = -1,
    use_softmax: bool = True,
    label_smoothing: float = 0.0,
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.cross_entropy` of indices, `sample_weighted_cross_entropy` of distributions.

    An ignored label counts in the mean if `ignore_index` is negative. With `label_smoothing` indices
    become distributions.
    """
    loss = f"{NAMESPACE}.cross_entropy"
    if soft_label and ignore_index > 0:
        raise ValueError(f"{loss}: ignore_index is {ignore_index}, which a soft_label cannot equal")
    reduced = _weighted_mean(reduction, loss, counts_ignored=ignore_index < 0)
    if soft_label:
        return Plan.of(
            losses.sample_weighted_cross_entropy,
            reduction=reduced,
            axis=axis,
            from_probabilities=not use_softmax,
            label_smoothing=max(label_smoothing, 0.0),
            smoothing_axis=-1,
            keepdims=True,
            gradient_of_distribution=True,
        )
    layouts = {"target": replace(INDEX_WITH_AXIS, any_dtype=True)}
    # The derivative of log at a probability of 0 is infinite, and 0 times that NaN.
    weighting = Weighting(ignored_label=ignore_index, hides_ignored=not use_softmax)
    if use_softmax and label_smoothing <= 0:
        return Plan.of(
            losses.cross_entropy, layouts=layouts, weighting=weighting, reduction=reduced, axis=axis
        )
    if label_smoothing > 0:
        layouts = {"target": Layout(shape="index_or_same", one_hot=True)}
    return Plan.of(
        losses.sample_weighted_cross_entropy,
        layouts=layouts,
        weighting=weighting,
        reduction=reduced,
        axis=axis,
        from_probabilities=not use_softmax,
        label_smoothing=max(label_smoothing, 0.0),
        keepdims=label_smoothing > 0,
    )


def _weighted_mean(reduction: str, loss: str, counts_ignored: bool) -> Reduction:
    reduced = Reduction.of(reduction, loss)
    if reduction != "mean":
        return reduced
    return Reduction("weighted_mean", over_nothing="zero_unless_empty", counts_ignored=counts_ignored)


@function(NAMESPACE, logits="prediction", label="target")
def softmax_with_cross_entropy(
    logits: Any,
    label: Any,
    soft_label: bool = False,
    ignore_index: int = -100,
    numeric_stable_mode: bool = True,
    return_softmax: bool = False,
    axis: int = -1,
) -> Plans:
    """`unified_loss.losses.cross_entropy`, not reduced, and if asked for the softmax.

    It is computed stably also where `numeric_stable_mode` is off.
    """
    if soft_label:
        loss = Plan.of(
            losses.softmax_cross_entropy,
            reduction=Reduction("none"),
            axis=axis,
            keepdims=True,
            gradient_of_distribution=True,
        )
    else:
        loss = Plan.of(
            losses.cross_entropy,
            layouts={"target": replace(INDEX_WITH_AXIS, any_dtype=True)},
            weighting=Weighting(ignored_label=ignore_index),
            reduction=Reduction("none"),
            axis=axis,
            keepdims=True,
        )
    return (loss, Plan.of(losses.softmax, reduction=Reduction("none"), axis=axis)) if return_softmax else loss


@function(NAMESPACE, input="prediction", label="target", weight="class_weight")
def nll_loss(
    input: Any,
    label: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: ReduceMode = "mean",
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.nll`, classes along the second axis; the mean of ignored labels only is 0."""
    return Plan.of(
        losses.nll,
        layouts={"target": replace(INDEX, any_shape=True)},
        weighting=Weighting(ignored_label=ignore_index),
        reduction=_weighted_mean(reduction, f"{NAMESPACE}.nll_loss", counts_ignored=False),
        axis=1,
    )
