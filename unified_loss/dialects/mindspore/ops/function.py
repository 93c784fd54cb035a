"""The loss functions of `mindspore.ops`."""

from __future__ import annotations

from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.dialects.mindspore import plans
from unified_loss.dialects.mindspore.plans import BatchChoice, Choice
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "ctc_loss",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "margin_ranking_loss",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
]

# ----------------------------------------------------------------------------- regression


@function("mindspore.ops", input="prediction", target="target")
def l1_loss(input: Any, target: Any, reduction: Choice = "mean") -> Plan:
    """`unified_loss.losses.absolute_error`; the two broadcast."""
    return plans.of_difference(losses.absolute_error, Reduction.of(reduction, "mindspore.ops.l1_loss"))


@function("mindspore.ops", input="prediction", target="target")
def mse_loss(input: Any, target: Any, reduction: Choice = "mean") -> Plan:
    """`unified_loss.losses.squared_error`; the two broadcast."""
    return plans.of_difference(losses.squared_error, Reduction.of(reduction, "mindspore.ops.mse_loss"))


@function("mindspore.ops", input="prediction", target="target")
def smooth_l1_loss(input: Any, target: Any, beta: float = 1.0, reduction: Choice = "none") -> Plan:
    """`unified_loss.losses.smooth_l1`, by default not reduced."""
    return plans.smooth_l1(reduction, beta, "mindspore.ops.smooth_l1_loss")


@function("mindspore.ops", input="prediction", target="target")
def huber_loss(input: Any, target: Any, reduction: Choice = "mean", delta: float = 1.0) -> Plan:
    """`unified_loss.losses.huber`; the two broadcast."""
    loss = "mindspore.ops.huber_loss"
    delta = plans.positive(delta, "delta", loss)
    return plans.of_difference(losses.huber, Reduction.of(reduction, loss), delta=delta)


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


@function("mindspore.ops", input="prediction", target="target", weight="class_weight")
def multilabel_soft_margin_loss(
    input: Any, target: Any, weight: Any = None, reduction: Choice = "mean"
) -> Plan:
    """`unified_loss.losses.multilabel_soft_margin`, over the last axis; exact for logits of any size."""
    return plans.of_difference(
        losses.multilabel_soft_margin, Reduction.of(reduction, "mindspore.ops.multilabel_soft_margin_loss")
    )


@function("mindspore.ops", input="prediction", target="target")
def soft_margin_loss(input: Any, target: Any, reduction: Choice = "mean") -> Plan:
    """`unified_loss.losses.soft_margin`, which MindSpore has no CPU kernel for."""
    return plans.soft_margin(reduction, "mindspore.ops.soft_margin_loss")


# ---------------------------------------------------------------------------- categorical


@function("mindspore.ops", input="prediction", target="target", weight="class_weight")
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: Choice = "mean",
    label_smoothing: float = 0.0,
) -> Plan:
    """`unified_loss.losses.cross_entropy` along axis 1; a negative class index counts from the last."""
    return plans.cross_entropy(reduction, ignore_index, label_smoothing, "mindspore.ops.cross_entropy")


@function("mindspore.ops", inputs="prediction", target="target", weight="class_weight")
def nll_loss(
    inputs: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: Choice = "mean",
    label_smoothing: float = 0.0,
) -> Plan:
    """`unified_loss.losses.nll` along axis 1; a negative class index counts from the last."""
    return plans.nll(reduction, ignore_index, label_smoothing, "mindspore.ops.nll_loss")


@function("mindspore.ops", input="prediction", target="target", weight="class_weight")
def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: int = 1,
    weight: Any = None,
    reduction: Choice = "mean",
) -> Plan:
    """`unified_loss.losses.multi_margin`; the margin is an integer here."""
    return plans.multi_margin(p, float(margin), reduction, "mindspore.ops.multi_margin_loss")


@function("mindspore.ops", input="prediction", target="target")
def multilabel_margin_loss(input: Any, target: Any, reduction: Choice = "mean") -> Plan:
    """`unified_loss.losses.multilabel_margin`, which MindSpore has no CPU kernel for."""
    return plans.multilabel_margin(reduction, "mindspore.ops.multilabel_margin_loss")


# ----------------------------------------------------------------------------- divergence


@function("mindspore.ops", logits="prediction", labels="target")
def kl_div(logits: Any, labels: Any, reduction: BatchChoice = "mean") -> Plan:
    """`unified_loss.losses.kl_divergence` from log-probabilities; `mean` divides by all their number."""
    return plans.kl_divergence(reduction, "mindspore.ops.kl_div")


@function("mindspore.ops", x="prediction", target="target", var="variance")
def gaussian_nll_loss(
    x: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-06, reduction: Choice = "mean"
) -> Plan:
    """`unified_loss.losses.gaussian_nll`; a variance below `eps` has no gradient."""
    return plans.gaussian_nll(full, eps, reduction, "mindspore.ops.gaussian_nll_loss")


# ------------------------------------------------------------------------ pairs, triplets


@function("mindspore.ops", input1="first", input2="second", target="target")
def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: Choice = "mean"
) -> Plan:
    """`unified_loss.losses.margin_ranking`; the three broadcast, and a tie has a gradient."""
    return plans.margin_ranking(margin, reduction, "mindspore.ops.margin_ranking_loss")


@function("mindspore.ops", inputs="prediction", targets="target")
def hinge_embedding_loss(
    inputs: Any, targets: Any, margin: float = 1.0, reduction: Choice = "mean"
) -> Plan:
    """`unified_loss.losses.hinge_embedding` by the sign of the label; half a gradient at the margin."""
    return plans.hinge_embedding(margin, reduction, "mindspore.ops.hinge_embedding_loss")


@function("mindspore.ops", input1="first", input2="second", target="target")
def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: Choice = "mean"
) -> Plan:
    """`unified_loss.losses.cosine_embedding` along axis 1, with nothing added to the norms."""
    return plans.cosine_embedding(margin, reduction, "mindspore.ops.cosine_embedding_loss")


@function("mindspore.ops", x1="prediction", x2="target")
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-08) -> Plan:
    """The cosine itself, so the opposite of `unified_loss.losses.cosine_similarity`; the two broadcast."""
    return plans.cosine_similarity(dim, eps)


@function("mindspore.ops", anchor="anchor", positive="positive", negative="negative")
def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: int = 2,
    eps: float = 1e-06,
    swap: bool = False,
    reduction: Choice = "mean",
) -> Plan:
    """`unified_loss.losses.triplet_margin`, which MindSpore has no CPU kernel for."""
    return plans.triplet_margin(margin, p, eps, swap, reduction, "mindspore.ops.triplet_margin_loss")


# ------------------------------------------------------------------------------ sequences


@function(
    "mindspore.ops",
    log_probs="prediction",
    targets="target",
    input_lengths="prediction_lengths",
    target_lengths="target_lengths",
)
def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: Choice = "mean",
    zero_infinity: bool = False,
) -> tuple[Plan, Plan]:
    """`unified_loss.losses.ctc` of log-probabilities, per label in the mean; and `ctc_forward`."""
    loss = plans.ctc(blank, reduction, zero_infinity, "mindspore.ops.ctc_loss")
    return loss, plans.ctc_forward(blank)
