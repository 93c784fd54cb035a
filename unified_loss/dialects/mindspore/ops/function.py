"""The loss functions of `mindspore.ops`."""

from __future__ import annotations

from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.dialects.mindspore import plans
from unified_loss.dialects.mindspore.plans import BatchChoice, Choice
from unified_loss.plan import Plan

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "smooth_l1_loss",
]

# ----------------------------------------------------------------------------- regression


@function("mindspore.ops", input="prediction", target="target")
def l1_loss(input: Any, target: Any, reduction: Choice = "mean") -> Plan:
    """`unified_loss.losses.absolute_error`; the two broadcast."""
    return plans.of_difference(losses.absolute_error, reduction, "mindspore.ops.l1_loss")


@function("mindspore.ops", input="prediction", target="target")
def mse_loss(input: Any, target: Any, reduction: Choice = "mean") -> Plan:
    """`unified_loss.losses.squared_error`; the two broadcast."""
    return plans.of_difference(losses.squared_error, reduction, "mindspore.ops.mse_loss")


@function("mindspore.ops", input="prediction", target="target")
def smooth_l1_loss(input: Any, target: Any, beta: float = 1.0, reduction: Choice = "none") -> Plan:
    """`unified_loss.losses.smooth_l1`, by default not reduced."""
    return plans.smooth_l1(reduction, beta, "mindspore.ops.smooth_l1_loss")


@function("mindspore.ops", input="prediction", target="target")
def huber_loss(input: Any, target: Any, reduction: Choice = "mean", delta: float = 1.0) -> Plan:
    """`unified_loss.losses.huber`; the two broadcast."""
    loss = "mindspore.ops.huber_loss"
    return plans.of_difference(losses.huber, reduction, loss, delta=plans.positive(delta, "delta", loss))


# --------------------------------------------------------------------------------- binary


@function("mindspore.ops", logits="prediction", labels="target", weight="weight")
def binary_cross_entropy(logits: Any, labels: Any, weight: Any = None, reduction: Choice = "mean") -> Plan:
    """`unified_loss.losses.binary_cross_entropy`; despite their name, `logits` are probabilities."""
    return plans.binary_cross_entropy(reduction, "mindspore.ops.binary_cross_entropy")


@function(
    "mindspore.ops", input="prediction", target="target", weight="weight", pos_weight="positive_weight"
)
def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, pos_weight: Any = None, reduction: Choice = "mean"
) -> Plan:
    """`unified_loss.losses.binary_cross_entropy_with_logits`; the weights do not enter the mean."""
    return plans.binary_cross_entropy_with_logits(
        reduction, "mindspore.ops.binary_cross_entropy_with_logits"
    )


# ----------------------------------------------------------------------------- divergence


@function("mindspore.ops", logits="prediction", labels="target")
def kl_div(logits: Any, labels: Any, reduction: BatchChoice = "mean") -> Plan:
    """`unified_loss.losses.kl_divergence` from log-probabilities; `mean` divides by all their number."""
    return plans.kl_divergence(reduction, "mindspore.ops.kl_div")
