"""The loss functions of `mindspore.mint.nn.functional` as of MindSpore 2.10.0, on any backend."""

from __future__ import annotations

from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.dialects.mindspore import plans
from unified_loss.dialects.mindspore.ops import soft_margin_loss
from unified_loss.dialects.mindspore.ops._ext import mse_loss
from unified_loss.dialects.mindspore.plans import BatchChoice, Choice
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cross_entropy",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
]

_NAMESPACE = "mindspore.mint.nn.functional"


@function(_NAMESPACE, input="prediction", target="target")
def l1_loss(input: Any, target: Any, reduction: Choice = "mean") -> Plan:
    """`unified_loss.losses.absolute_error`, which MindSpore has no CPU kernel for; the two broadcast."""
    return plans.of_difference(losses.absolute_error, Reduction.of(reduction, f"{_NAMESPACE}.l1_loss"))


@function(_NAMESPACE, input="prediction", target="target")
def smooth_l1_loss(input: Any, target: Any, reduction: Choice = "mean", beta: float = 1.0) -> Plan:
    """`unified_loss.losses.smooth_l1`, reduced by default."""
    return plans.smooth_l1(reduction, beta, f"{_NAMESPACE}.smooth_l1_loss")


@function(_NAMESPACE, input="prediction", target="target", weight="weight")
def binary_cross_entropy(input: Any, target: Any, weight: Any = None, reduction: Choice = "mean") -> Plan:
    """`unified_loss.losses.binary_cross_entropy` of probabilities."""
    return plans.binary_cross_entropy(reduction, f"{_NAMESPACE}.binary_cross_entropy")


@function(_NAMESPACE, input="prediction", target="target", weight="weight", pos_weight="positive_weight")
def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: Choice = "mean", pos_weight: Any = None
) -> Plan:
    """`unified_loss.losses.binary_cross_entropy_with_logits`; the weights do not enter the mean."""
    return plans.binary_cross_entropy_with_logits(
        reduction, f"{_NAMESPACE}.binary_cross_entropy_with_logits"
    )


@function(_NAMESPACE, input="prediction", target="target", weight="class_weight")
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: Choice = "mean",
    label_smoothing: float = 0.0,
) -> Plan:
    """`unified_loss.losses.cross_entropy` along axis 1, which MindSpore has no CPU kernel for."""
    loss = f"{_NAMESPACE}.cross_entropy"
    return plans.strict_cross_entropy(reduction, ignore_index, label_smoothing, loss)


@function(_NAMESPACE, input="prediction", target="target", weight="class_weight")
def nll_loss(
    input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: Choice = "mean"
) -> Plan:
    """`unified_loss.losses.nll` along axis 1; a negative class index is refused."""
    return plans.strict_nll(reduction, ignore_index, f"{_NAMESPACE}.nll_loss")


@function(_NAMESPACE, input="prediction", target="target")
def kl_div(
    input: Any, target: Any, reduction: BatchChoice = "mean", log_target: bool = False
) -> Plan:
    """`unified_loss.losses.kl_divergence` from log-probabilities, which MindSpore has no CPU kernel for."""
    loss = f"{_NAMESPACE}.kl_div"
    return plans.kl_divergence(reduction, loss, log_target=log_target, negative_target_is_zero=False)


@function(_NAMESPACE, input1="first", input2="second", target="target")
def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: Choice = "mean"
) -> Plan:
    """`unified_loss.losses.cosine_embedding`, which MindSpore has no CPU kernel for."""
    return plans.cosine_embedding_of_any_margin(
        margin, reduction, f"{_NAMESPACE}.cosine_embedding_loss"
    )
