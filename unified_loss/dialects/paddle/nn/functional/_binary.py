"""Losses of a yes-or-no target, and of how well regions overlap."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction
from unified_loss.weighting import Weighting

from ._native import INDEX_WITH_AXIS, NAMESPACE, ReduceMode

_IGNORED = -100
"""The label that the kernel leaves out, whatever the caller says."""


@function(NAMESPACE, input="prediction", label="target", weight="weight")
def binary_cross_entropy(
    input: Any, label: Any, weight: Any = None, reduction: ReduceMode = "mean", name: str | None = None
) -> Plan:
    """`unified_loss.losses.binary_cross_entropy` of probabilities; others are refused."""
    return Plan.of(
        losses.binary_cross_entropy,
        layouts={"prediction": Layout(within=(0.0, 1.0))},
        weighting=Weighting(broadcast="trailing"),
        reduction=Reduction.of(reduction, f"{NAMESPACE}.binary_cross_entropy"),
    )


@function(NAMESPACE, logit="prediction", label="target", weight="weight", pos_weight="positive_weight")
def binary_cross_entropy_with_logits(
    logit: Any,
    label: Any,
    weight: Any = None,
    reduction: ReduceMode = "mean",
    pos_weight: Any = None,
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.binary_cross_entropy_with_logits`; a label of -100 counts, as a loss of 0."""
    return Plan.of(
        losses.binary_cross_entropy_with_logits,
        weighting=Weighting(broadcast="trailing", ignored_label=_IGNORED),
        reduction=Reduction.of(reduction, f"{NAMESPACE}.binary_cross_entropy_with_logits"),
    )


@function(NAMESPACE, input="prediction", label="target")
def log_loss(input: Any, label: Any, epsilon: float = 1e-4, name: str | None = None) -> Plan:
    """`unified_loss.losses.binary_cross_entropy`, not reduced, `epsilon` being added in the logarithms."""
    return Plan.of(
        losses.binary_cross_entropy,
        reduction=Reduction("none"),
        log_floor=None,
        log_epsilon=epsilon,
        gradient_floor=None,
    )


@function(NAMESPACE, logit="prediction", label="target", normalizer="normalizer")
def sigmoid_focal_loss(
    logit: Any,
    label: Any,
    normalizer: Any = None,
    alpha: float = 0.25,
    gamma: float = 2.0,
    reduction: ReduceMode = "sum",
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.sigmoid_focal`, by default summed; a label of -100 counts, as a loss of 0."""
    return Plan.of(
        losses.sigmoid_focal,
        weighting=Weighting(ignored_label=_IGNORED),
        reduction=Reduction.of(reduction, f"{NAMESPACE}.sigmoid_focal_loss"),
        alpha=alpha,
        gamma=gamma,
    )


@function(NAMESPACE, input="prediction", label="target")
def dice_loss(input: Any, label: Any, epsilon: float = 1e-5, name: str | None = None) -> Plan:
    """The mean over samples of `unified_loss.losses.dice`, of class indices along a last axis of size 1."""
    return Plan.of(
        losses.dice,
        layouts={"target": replace(INDEX_WITH_AXIS, one_hot=True)},
        batch_axis=0,
        epsilon=epsilon,
    )
