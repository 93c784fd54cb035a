"""Losses of labels and distributions."""

from __future__ import annotations

from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction
from unified_loss.spec import Spec
from unified_loss.weighting import Weighting

from ._plans import BROADCAST, NAMESPACE, UNREDUCED, Axes, axes_of

# A label that is no class is a one-hot vector of zeros.
_ONE_HOT = Layout("without_axis", index=True, out_of_range="keep")


# ------------------------------------------------------------------------------------ binary


@function(NAMESPACE, logits="prediction", labels="target")
def sigmoid_binary_cross_entropy(logits: Any, labels: Any) -> Plan:
    """`unified_loss.losses.binary_cross_entropy_with_logits`; labels are broadcast."""
    return Plan.of(
        losses.binary_cross_entropy_with_logits, layouts={"target": BROADCAST}, reduction=UNREDUCED
    )


@function(NAMESPACE, logits="prediction", labels="target")
def sigmoid_focal_loss(
    logits: Any, labels: Any, *, alpha: float | None = None, gamma: float = 2.0
) -> Plan:
    """`unified_loss.losses.sigmoid_focal`; labels are broadcast."""
    return Plan.of(
        losses.sigmoid_focal, layouts={"target": BROADCAST}, reduction=UNREDUCED, alpha=alpha, gamma=gamma
    )


@function(NAMESPACE, predictor_outputs="prediction", targets="target")
def hinge_loss(predictor_outputs: Any, targets: Any) -> Plan:
    """`unified_loss.losses.hinge`, half its slope at the kink; targets are broadcast."""
    return Plan.of(
        losses.hinge, layouts={"target": BROADCAST}, reduction=UNREDUCED, gradient_at_zero=0.5
    )


@function(NAMESPACE, predictor_outputs="prediction", targets="target")
def perceptron_loss(predictor_outputs: Any, targets: Any) -> Plan:
    """`unified_loss.losses.perceptron`, half its slope at the kink."""
    return Plan.of(losses.perceptron, reduction=UNREDUCED, gradient_at_zero=0.5)


@function(NAMESPACE, logits="prediction", labels="target")
def sparsemax_loss(logits: Any, labels: Any) -> Plan:
    """`unified_loss.losses.sparsemax`; labels are broadcast, and all but 0 count as 1."""
    return Plan.of(losses.sparsemax, layouts={"target": BROADCAST}, reduction=UNREDUCED)


# ------------------------------------------------------------------------------- categorical


@function(NAMESPACE, logits="prediction", labels="target")
def safe_softmax_cross_entropy(logits: Any, labels: Any) -> Plan:
    """`unified_loss.losses.softmax_cross_entropy`, as it is; labels are broadcast."""
    return Plan.of(losses.softmax_cross_entropy, layouts={"target": BROADCAST}, reduction=UNREDUCED)


@function(NAMESPACE, logits="prediction", labels="target", where="mask")
def softmax_cross_entropy(logits: Any, labels: Any, axis: Axes = -1, where: Any = None) -> Plan:
    """`unified_loss.losses.softmax_cross_entropy`, over several axes together if need be."""
    return _of_distributions(losses.softmax_cross_entropy, axis)


@function(NAMESPACE, logits="prediction", labels="target", where="mask")
def poly_loss_cross_entropy(
    logits: Any, labels: Any, *, epsilon: float = 2.0, axis: Axes = -1, where: Any = None
) -> Plan:
    """`unified_loss.losses.poly_cross_entropy`, over several axes together if need be."""
    return _of_distributions(losses.poly_cross_entropy, axis, epsilon=epsilon)


def _of_distributions(spec: Spec, axis: Axes, **parameters: Any) -> Plan:
    axis, merged = axes_of(axis)
    return Plan.of(
        spec,
        layouts={
            "prediction": Layout(merged=merged),
            "target": Layout("mutual", merged=merged),
            "mask": Layout("mask", merged=merged),
        },
        reduction=UNREDUCED,
        axis=axis,
        **parameters,
    )


@function(NAMESPACE, logits="prediction", labels="target", where="mask")
def softmax_cross_entropy_with_integer_labels(
    logits: Any, labels: Any, axis: int | tuple[int, ...] = -1, where: Any = None
) -> Plan:
    """`unified_loss.losses.sparse_softmax_cross_entropy`, NaN for a label that is no class.

    Negative labels count from the last class. Over several axes, a label counts through all of them.
    """
    axis, merged = axes_of(axis)
    return Plan.of(
        losses.sparse_softmax_cross_entropy,
        layouts={
            "prediction": Layout(merged=merged),
            "target": Layout("without_axis", index=True, from_end=True, out_of_range="keep"),
            "mask": Layout("mask", merged=merged),
        },
        reduction=UNREDUCED,
        axis=axis,
        nan_if_absent=True,
    )


@function(NAMESPACE, scores="prediction", labels="target")
def multiclass_hinge_loss(scores: Any, labels: Any) -> Plan:
    """`unified_loss.losses.multiclass_hinge`; a label that is no class has a score of 0."""
    return Plan.of(losses.multiclass_hinge, layouts={"target": _ONE_HOT}, reduction=UNREDUCED)


@function(NAMESPACE, scores="prediction", labels="target")
def multiclass_perceptron_loss(scores: Any, labels: Any) -> Plan:
    """`unified_loss.losses.multiclass_perceptron`; a label that is no class has a score of 0."""
    return Plan.of(losses.multiclass_perceptron, layouts={"target": _ONE_HOT}, reduction=UNREDUCED)


@function(NAMESPACE, scores="prediction", labels="target")
def multiclass_sparsemax_loss(scores: Any, labels: Any) -> Plan:
    """`unified_loss.losses.multiclass_sparsemax`; labels count from the end, and are clipped."""
    label = Layout("without_axis", index=True, from_end=True, out_of_range="clip")
    return Plan.of(losses.multiclass_sparsemax, layouts={"target": label}, reduction=UNREDUCED)


# -------------------------------------------------------------------------------- divergence


def _divergence(spec: Spec, axis: Axes, **parameters: Any) -> Plan:
    return Plan.of(
        spec,
        layouts={"target": BROADCAST},
        weighting=Weighting(broadcast="trailing", selects=True),
        reduction=Reduction("sum", axis=axis),
        **parameters,
    )


@function(NAMESPACE, log_predictions="prediction", targets="target", where="weight")
def kl_divergence(log_predictions: Any, targets: Any, axis: Axes = -1, where: Any = None) -> Plan:
    """`unified_loss.losses.kl_divergence`, summed over the classes."""
    return _divergence(losses.kl_divergence, axis)


@function(NAMESPACE, log_predictions="prediction", log_targets="target", where="weight")
def kl_divergence_with_log_targets(
    log_predictions: Any, log_targets: Any, axis: Axes = -1, where: Any = None
) -> Plan:
    """`unified_loss.losses.kl_divergence` from log-probabilities, summed over the classes."""
    return _divergence(losses.kl_divergence, axis, log_target=True)


@function(NAMESPACE, log_predictions="prediction", targets="target", where="weight")
def generalized_kl_divergence(
    log_predictions: Any, targets: Any, axis: Axes = -1, where: Any = None
) -> Plan:
    """`unified_loss.losses.generalized_kl_divergence`, summed over the classes."""
    return _divergence(losses.generalized_kl_divergence, axis)


@function(NAMESPACE, log_predictions="prediction", targets="target", where="weight")
def convex_kl_divergence(
    log_predictions: Any, targets: Any, axis: Axes = -1, where: Any = None
) -> Plan:
    """The former name of `generalized_kl_divergence`."""
    return _divergence(losses.generalized_kl_divergence, axis)
