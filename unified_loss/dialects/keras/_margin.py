"""Losses that vanish beyond a margin."""

from __future__ import annotations

from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.layout import Layout
from unified_loss.plan import Plan

from ._base import BROADCAST, LAST_AXIS_MEAN, Choice, LossFunctionWrapper, plan_of

_SIGNS = Layout(shape="mutual", to_signs=True)
# The gradient of tf.maximum goes to its first argument where both are equal.
_KINK = 1.0


@function("keras.losses", y_true="target", y_pred="prediction")
def hinge(y_true: Any, y_pred: Any) -> Plan:
    """`unified_loss.losses.hinge`, averaged over the last axis; labels that are all 0 or 1 become signs."""
    return plan_of(losses.hinge, _SIGNS, LAST_AXIS_MEAN, gradient_at_zero=_KINK)


@function("keras.losses", y_true="target", y_pred="prediction")
def squared_hinge(y_true: Any, y_pred: Any) -> Plan:
    """`unified_loss.losses.squared_hinge`, averaged over the last axis; as `hinge` otherwise."""
    return plan_of(losses.squared_hinge, _SIGNS, LAST_AXIS_MEAN)


@function("keras.losses", y_true="target", y_pred="prediction")
def categorical_hinge(y_true: Any, y_pred: Any) -> Plan:
    """`unified_loss.losses.categorical_hinge` over the last axis."""
    return plan_of(losses.categorical_hinge, BROADCAST, gradient_at_zero=_KINK)


class Hinge(LossFunctionWrapper, function=hinge):
    """`unified_loss.losses.hinge`; labels that are all 0 or 1 become -1 and 1."""

    reduction: Choice = "sum_over_batch_size"
    name: str | None = "hinge"
    dtype: str | None = None


class SquaredHinge(LossFunctionWrapper, function=squared_hinge):
    """`unified_loss.losses.squared_hinge`; labels that are all 0 or 1 become -1 and 1."""

    reduction: Choice = "sum_over_batch_size"
    name: str | None = "squared_hinge"
    dtype: str | None = None


class CategoricalHinge(LossFunctionWrapper, function=categorical_hinge):
    """`unified_loss.losses.categorical_hinge` over the last axis."""

    reduction: Choice = "sum_over_batch_size"
    name: str | None = "categorical_hinge"
    dtype: str | None = None
