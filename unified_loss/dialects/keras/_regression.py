"""Losses of a difference, and of direction."""

from __future__ import annotations

from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.plan import Plan

from ._base import EPSILON, LAST_AXIS_MEAN, LEVELLED, Choice, LossFunctionWrapper, plan_of


@function("keras.losses", y_true="target", y_pred="prediction")
def mean_squared_error(y_true: Any, y_pred: Any) -> Plan:
    """`unified_loss.losses.squared_error`, averaged over the last axis."""
    return plan_of(losses.squared_error, LEVELLED, LAST_AXIS_MEAN, integers=True)


@function("keras.losses", y_true="target", y_pred="prediction")
def mean_absolute_error(y_true: Any, y_pred: Any) -> Plan:
    """`unified_loss.losses.absolute_error`, averaged over the last axis."""
    return plan_of(losses.absolute_error, LEVELLED, LAST_AXIS_MEAN, integers=True)


@function("keras.losses", y_true="target", y_pred="prediction")
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Plan:
    """`unified_loss.losses.absolute_percentage_error`, averaged over the last axis."""
    return plan_of(losses.absolute_percentage_error, LEVELLED, LAST_AXIS_MEAN, epsilon=EPSILON)


@function("keras.losses", y_true="target", y_pred="prediction")
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Plan:
    """`unified_loss.losses.squared_logarithmic_error` of numbers from 1e-7, averaged over the last axis."""
    return plan_of(
        losses.squared_logarithmic_error, LEVELLED, LAST_AXIS_MEAN, integers=True, floor=EPSILON
    )


@function("keras.losses", y_true="target", y_pred="prediction")
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Plan:
    """`unified_loss.losses.cosine_similarity`, the negative cosine along `axis`."""
    return plan_of(losses.cosine_similarity, LEVELLED, axis=axis, epsilon=EPSILON)


@function("keras.losses", y_true="target", y_pred="prediction")
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Plan:
    """`unified_loss.losses.huber`, averaged over the last axis."""
    return plan_of(losses.huber, LEVELLED, LAST_AXIS_MEAN, delta=delta)


@function("keras.losses", y_true="target", y_pred="prediction")
def log_cosh(y_true: Any, y_pred: Any) -> Plan:
    """`unified_loss.losses.log_cosh`, averaged over the last axis."""
    return plan_of(losses.log_cosh, LEVELLED, LAST_AXIS_MEAN)


class MeanSquaredError(LossFunctionWrapper, function=mean_squared_error):
    """`unified_loss.losses.squared_error`."""

    reduction: Choice = "sum_over_batch_size"
    name: str | None = "mean_squared_error"
    dtype: str | None = None


class MeanAbsoluteError(LossFunctionWrapper, function=mean_absolute_error):
    """`unified_loss.losses.absolute_error`."""

    reduction: Choice = "sum_over_batch_size"
    name: str | None = "mean_absolute_error"
    dtype: str | None = None


class MeanAbsolutePercentageError(LossFunctionWrapper, function=mean_absolute_percentage_error):
    """`unified_loss.losses.absolute_percentage_error`."""

    reduction: Choice = "sum_over_batch_size"
    name: str | None = "mean_absolute_percentage_error"
    dtype: str | None = None


class MeanSquaredLogarithmicError(LossFunctionWrapper, function=mean_squared_logarithmic_error):
    """`unified_loss.losses.squared_logarithmic_error` of numbers from 1e-7."""

    reduction: Choice = "sum_over_batch_size"
    name: str | None = "mean_squared_logarithmic_error"
    dtype: str | None = None


class CosineSimilarity(LossFunctionWrapper, function=cosine_similarity):
    """`unified_loss.losses.cosine_similarity`, the negative cosine along `axis`."""

    axis: int = -1
    reduction: Choice = "sum_over_batch_size"
    name: str | None = "cosine_similarity"
    dtype: str | None = None


class Huber(LossFunctionWrapper, function=huber):
    """`unified_loss.losses.huber`."""

    delta: float = 1.0
    reduction: Choice = "sum_over_batch_size"
    name: str | None = "huber_loss"
    dtype: str | None = None


class LogCosh(LossFunctionWrapper, function=log_cosh):
    """`unified_loss.losses.log_cosh`."""

    reduction: Choice = "sum_over_batch_size"
    name: str | None = "log_cosh"
    dtype: str | None = None
