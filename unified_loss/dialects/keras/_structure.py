"""Losses of regions, embeddings and sequences."""

from __future__ import annotations

import math
from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.weighting import Weighting

from ._base import BROADCAST, EPSILON, UNREDUCED, Choice, LossFunctionWrapper, plan_of

Axes = int | tuple[int, ...] | None

_IDENTITIES = Layout("batch", index=True, any_dtype=True, any_shape=True, out_of_range="keep")
_REFERENCE_IDENTITIES = Layout("free", index=True, any_dtype=True, out_of_range="keep")


@function("keras.losses", y_true="target", y_pred="prediction")
def dice(y_true: Any, y_pred: Any, axis: Axes = None) -> Plan:
    """`unified_loss.losses.dice`, by default of the whole batch as one region."""
    return plan_of(losses.dice, BROADCAST, axes=axis, epsilon=EPSILON)


@function("keras.losses", y_true="target", y_pred="prediction")
def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Axes = None
) -> Plan:
    """`unified_loss.losses.tversky`; `alpha` weighs false negatives, not positives as documented."""
    return plan_of(
        losses.tversky,
        BROADCAST,
        false_positive_weight=beta,
        false_negative_weight=alpha,
        axes=axis,
        epsilon=EPSILON,
    )


@function(
    "keras.losses",
    y_true="target",
    y_pred="prediction",
    ref_labels="reference_target",
    ref_embeddings="reference",
)
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Plan:
    """`unified_loss.losses.circle` of embeddings that have length 1 already."""
    return Plan.of(
        losses.circle,
        layouts={"target": _IDENTITIES, "reference_target": _REFERENCE_IDENTITIES},
        weighting=Weighting(only_positive=True),
        reduction=UNREDUCED,
        gamma=gamma,
        margin=margin,
        without_self=remove_diagonal,
    )


@function("keras.losses", y_true="target", y_pred="prediction")
def ctc(y_true: Any, y_pred: Any) -> Plan:
    """`unified_loss.losses.ctc` of logits (batch, frames, classes); 0 is the blank and pads the labels.

    A label sequence that does not fit its frames has a finite loss, somewhat above 707.
    """
    labels = Layout("sequence", index=True, any_dtype=True)
    return plan_of(losses.ctc, labels, blank=0, padding=0, log_unfinished=math.log(1e-307))


class Dice(LossFunctionWrapper, function=dice):
    """`unified_loss.losses.dice`, by default of the whole batch as one region."""

    reduction: Choice = "sum_over_batch_size"
    name: str | None = "dice"
    axis: Axes = None
    dtype: str | None = None


class Tversky(LossFunctionWrapper, function=tversky):
    """`unified_loss.losses.tversky`; `alpha` weighs false negatives, not positives as documented."""

    alpha: float = 0.5
    beta: float = 0.5
    reduction: Choice = "sum_over_batch_size"
    name: str | None = "tversky"
    axis: Axes = None
    dtype: str | None = None


class Circle(LossFunctionWrapper, function=circle):
    """`unified_loss.losses.circle` of embeddings that have length 1 already; losses of 0 do not count."""

    gamma: float = 80.0
    margin: float = 0.4
    remove_diagonal: bool = True
    reduction: Choice = "sum_over_batch_size"
    name: str | None = "circle"
    dtype: str | None = None


class CTC(LossFunctionWrapper, function=ctc):
    """`unified_loss.losses.ctc` of logits (batch, frames, classes); 0 is the blank and pads the labels."""

    reduction: Choice = "sum_over_batch_size"
    name: str | None = "ctc"
    dtype: str | None = None
