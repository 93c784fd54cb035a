"""Losses of probabilities, logits and rates."""

from __future__ import annotations

from typing import Any

import numpy as np

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction
from unified_loss.weighting import Weighting

from ._base import BROADCAST, EPSILON, LAST_AXIS_MEAN, Choice, LossFunctionWrapper, plan_of

# Labels are cast to integers; those with the class axis lose it.
_CLASS = Layout("without_axis", index=True, any_dtype=True, drops_axis=True)


@function("keras.losses", y_true="target", y_pred="prediction")
def kl_divergence(y_true: Any, y_pred: Any) -> Plan:
    """`unified_loss.losses.kl_divergence` of probabilities from 1e-7 to 1, summed over the last axis."""
    return plan_of(
        losses.kl_divergence,
        BROADCAST,
        Reduction("sum", axis=-1),
        from_probabilities=True,
        clip=EPSILON,
    )


@function("keras.losses", y_true="target", y_pred="prediction")
def poisson(y_true: Any, y_pred: Any) -> Plan:
    """`unified_loss.losses.poisson_nll` of a rate, averaged over the last axis."""
    return plan_of(losses.poisson_nll, BROADCAST, LAST_AXIS_MEAN, log_input=False, epsilon=EPSILON)


@function("keras.losses", y_true="target", y_pred="prediction")
def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Plan:
    """`unified_loss.losses.binary_cross_entropy` of clipped probabilities or logits, averaged over `axis`."""
    inner = Reduction("mean", axis=axis)
    if from_logits:
        return plan_of(
            losses.binary_cross_entropy_with_logits, inner=inner, label_smoothing=label_smoothing
        )
    return plan_of(
        losses.binary_cross_entropy,
        inner=inner,
        log_floor=None,
        gradient_floor=None,
        clip=EPSILON,
        label_smoothing=label_smoothing,
    )


@function("keras.losses", y_true="target", y_pred="prediction")
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Plan:
    """`unified_loss.losses.binary_focal_cross_entropy`; `alpha` is read only if `apply_class_balancing`."""
    return plan_of(
        losses.binary_focal_cross_entropy,
        inner=Reduction("mean", axis=axis),
        alpha=alpha if apply_class_balancing else None,
        gamma=gamma,
        from_logits=from_logits,
        label_smoothing=label_smoothing,
        clip=EPSILON,
    )


@function("keras.losses", y_true="target", y_pred="prediction")
def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Plan:
    """`unified_loss.losses.categorical_cross_entropy` of probabilities, or `softmax_cross_entropy`.

    Probabilities are divided by their sum along `axis`, then clipped. Label smoothing counts the
    classes along the last axis, whatever `axis` is.
    """
    if from_logits:
        return plan_of(
            losses.softmax_cross_entropy,
            axis=axis,
            label_smoothing=label_smoothing,
            smoothing_axis=-1,
            gradient_of_distribution=True,
        )
    return plan_of(
        losses.categorical_cross_entropy,
        axis=axis,
        normalized="before_clip",
        clip=EPSILON,
        label_smoothing=label_smoothing,
        smoothing_axis=-1,
    )


@function("keras.losses", y_true="target", y_pred="prediction")
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float | tuple[float, ...] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Plan:
    """`unified_loss.losses.categorical_focal_cross_entropy`; `alpha` weighs all classes, or each.

    Label smoothing counts the classes along the last axis, whatever `axis` is.
    """
    each = np.asarray(alpha, "float64") if isinstance(alpha, tuple) else None
    return plan_of(
        losses.categorical_focal_cross_entropy,
        BROADCAST,
        weighting=None if isinstance(alpha, tuple) else Weighting(float(alpha)),
        constants={"class_weight": each},
        gamma=gamma,
        axis=axis,
        from_logits=from_logits,
        label_smoothing=label_smoothing,
        smoothing_axis=-1,
        clip=EPSILON,
    )


@function("keras.losses", y_true="target", y_pred="prediction")
def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Plan:
    """`unified_loss.losses.sparse_categorical_cross_entropy`, or `sparse_softmax_cross_entropy`.

    Probabilities are clipped, then divided by their sum. A label that is `ignore_class` has loss 0.
    With TensorFlow, Keras takes no `axis` but the last.
    """
    weighting = Weighting(ignored_label=ignore_class, hides_ignored=ignore_class is not None)
    if from_logits:
        return plan_of(losses.sparse_softmax_cross_entropy, _CLASS, weighting=weighting, axis=axis)
    return plan_of(
        losses.sparse_categorical_cross_entropy,
        _CLASS,
        weighting=weighting,
        axis=axis,
        normalized="after_clip",
        clip=EPSILON,
    )


@function("keras.losses", y_true="target", y_pred="prediction")
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Plan:
    """`unified_loss.losses.generalized_cross_entropy`; a label that is no class has probability 0."""
    labels = Layout("without_axis", index=True, any_dtype=True, out_of_range="keep")
    return plan_of(losses.generalized_cross_entropy, labels, q=q)


class KLDivergence(LossFunctionWrapper, function=kl_divergence):
    """`unified_loss.losses.kl_divergence` of probabilities, summed over the last axis."""

    reduction: Choice = "sum_over_batch_size"
    name: str | None = "kl_divergence"
    dtype: str | None = None


class Poisson(LossFunctionWrapper, function=poisson):
    """`unified_loss.losses.poisson_nll` of a rate."""

    reduction: Choice = "sum_over_batch_size"
    name: str | None = "poisson"
    dtype: str | None = None


class BinaryCrossentropy(LossFunctionWrapper, function=binary_crossentropy):
    """`unified_loss.losses.binary_cross_entropy` of clipped probabilities, or of logits."""

    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1
    reduction: Choice = "sum_over_batch_size"
    name: str | None = "binary_crossentropy"
    dtype: str | None = None


class BinaryFocalCrossentropy(LossFunctionWrapper, function=binary_focal_crossentropy):
    """`unified_loss.losses.binary_focal_cross_entropy`; `alpha` is read only if `apply_class_balancing`."""

    apply_class_balancing: bool = False
    alpha: float = 0.25
    gamma: float = 2.0
    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1
    reduction: Choice = "sum_over_batch_size"
    name: str | None = "binary_focal_crossentropy"
    dtype: str | None = None


class CategoricalCrossentropy(LossFunctionWrapper, function=categorical_crossentropy):
    """`unified_loss.losses.categorical_cross_entropy` of probabilities, or `softmax_cross_entropy`."""

    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1
    reduction: Choice = "sum_over_batch_size"
    name: str | None = "categorical_crossentropy"
    dtype: str | None = None


class CategoricalFocalCrossentropy(LossFunctionWrapper, function=categorical_focal_crossentropy):
    """`unified_loss.losses.categorical_focal_cross_entropy`; `alpha` weighs all classes, or each."""

    alpha: float | tuple[float, ...] = 0.25
    gamma: float = 2.0
    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1
    reduction: Choice = "sum_over_batch_size"
    name: str | None = "categorical_focal_crossentropy"
    dtype: str | None = None


class SparseCategoricalCrossentropy(LossFunctionWrapper, function=sparse_categorical_crossentropy):
    """`unified_loss.losses.sparse_categorical_cross_entropy`, or `sparse_softmax_cross_entropy`.

    A label that is `ignore_class` has loss 0 and does not count in the mean.
    """

    from_logits: bool = False
    ignore_class: int | None = None
    reduction: Choice = "sum_over_batch_size"
    axis: int = -1
    name: str | None = "sparse_categorical_crossentropy"
    dtype: str | None = None


class CategoricalGeneralizedCrossEntropy(
    LossFunctionWrapper, function=categorical_generalized_cross_entropy
):
    """`unified_loss.losses.generalized_cross_entropy`; a label that is no class has probability 0."""

    q: float = 0.5
    reduction: Choice = "sum_over_batch_size"
    name: str | None = "categorical_generalized_cross_entropy"
    dtype: str | None = None

    def lower(self) -> Plan:
        """The plan, for a `q` to which Keras confines the class."""
        if not 0 < self.q < 1:
            raise ValueError(f"{self.native_name}: q is {self.q}, expected more than 0 and less than 1")
        return super().lower()
