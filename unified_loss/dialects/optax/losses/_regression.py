"""Losses of real-valued targets, and of angles."""

from __future__ import annotations

import math
from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.weighting import Weighting

from ._plans import NAMESPACE, OPTIONAL, OPTIONAL_BROADCAST, UNREDUCED, Axes, axes_of


@function(NAMESPACE, predictions="prediction", targets="target")
def squared_error(predictions: Any, targets: Any = None) -> Plan:
    """`unified_loss.losses.squared_error`; without targets, of the predictions themselves."""
    return Plan.of(losses.squared_error, layouts={"target": OPTIONAL}, reduction=UNREDUCED)


@function(NAMESPACE, predictions="prediction", targets="target")
def l2_loss(predictions: Any, targets: Any = None) -> Plan:
    """Half of `unified_loss.losses.squared_error`."""
    return Plan.of(
        losses.squared_error, layouts={"target": OPTIONAL}, weighting=Weighting(0.5), reduction=UNREDUCED
    )


@function(NAMESPACE, predictions="prediction", targets="target")
def huber_loss(predictions: Any, targets: Any = None, *, delta: float = 1.0) -> Plan:
    """`unified_loss.losses.huber`; targets are broadcast."""
    return Plan.of(losses.huber, layouts={"target": OPTIONAL_BROADCAST}, reduction=UNREDUCED, delta=delta)


@function(NAMESPACE, predictions="prediction", targets="target")
def log_cosh(predictions: Any, targets: Any = None) -> Plan:
    """`unified_loss.losses.log_cosh`; targets are broadcast."""
    return Plan.of(losses.log_cosh, layouts={"target": OPTIONAL_BROADCAST}, reduction=UNREDUCED)


def _cosine(epsilon: float, axis: Axes, scale: float, offset: float) -> Plan:
    axis, merged = axes_of(axis)
    return Plan.of(
        losses.cosine_similarity,
        layouts={
            "prediction": Layout(merged=merged),
            "target": Layout("mutual", merged=merged),
            "mask": Layout("broadcast", merged=merged),
        },
        weighting=Weighting(scale),
        reduction=UNREDUCED,
        axis=axis,
        # What is clipped is the squared norm.
        epsilon=math.sqrt(epsilon),
        offset=offset,
    )


@function(NAMESPACE, predictions="prediction", targets="target", where="mask")
def cosine_similarity(
    predictions: Any, targets: Any, *, epsilon: float = 0.0, axis: Axes = -1, where: Any = None
) -> Plan:
    """The cosine itself, so the opposite of `unified_loss.losses.cosine_similarity`."""
    return _cosine(epsilon, axis, -1.0, 0.0)


@function(NAMESPACE, predictions="prediction", targets="target", where="mask")
def cosine_distance(
    predictions: Any, targets: Any, *, epsilon: float = 0.0, axis: Axes = -1, where: Any = None
) -> Plan:
    """`unified_loss.losses.cosine_similarity`, from 1 upwards."""
    return _cosine(epsilon, axis, 1.0, 1.0)
