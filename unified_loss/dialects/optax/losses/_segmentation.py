"""Losses of how much regions overlap."""

from __future__ import annotations

from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction

from ._plans import NAMESPACE, Axes


@function(NAMESPACE, predictions="prediction", targets="target", class_weights="class_weight")
def dice_loss(
    predictions: Any,
    targets: Any,
    *,
    class_weights: Any = None,
    smooth: float = 1.0,
    alpha: float = 0.5,
    beta: float = 0.5,
    apply_softmax: bool = True,
    reduction: str = "mean",
    ignore_background: bool = False,
    axis: Axes = None,
) -> Plan:
    """`unified_loss.losses.multiclass_tversky`, reduced over the classes."""
    over = Reduction.of(reduction, f"{NAMESPACE}.dice_loss")
    return Plan.of(
        losses.multiclass_tversky,
        layouts={"prediction": Layout(sums_to_one=not apply_softmax)},
        reduction=Reduction(over.kind, axis=-1),
        false_positive_weight=alpha,
        false_negative_weight=beta,
        smoothing=smooth,
        axes=axis,
        activation=_activation(apply_softmax),
        skip_first=ignore_background,
    )


@function(NAMESPACE, predictions="prediction", targets="target")
def multiclass_generalized_dice_loss(
    predictions: Any,
    targets: Any,
    *,
    smooth: float = 1.0,
    apply_softmax: bool = True,
    ignore_background: bool = False,
) -> Plan:
    """The mean of `unified_loss.losses.generalized_dice`."""
    return Plan.of(
        losses.generalized_dice,
        layouts={"prediction": Layout(sums_to_one=not apply_softmax)},
        smoothing=smooth,
        activation=_activation(apply_softmax),
        skip_first=ignore_background,
    )


@function(NAMESPACE, predictions="prediction", targets="target")
def binary_dice_loss(
    predictions: Any, targets: Any, *, smooth: float = 1.0, apply_sigmoid: bool = True
) -> Plan:
    """`unified_loss.losses.multiclass_tversky` of an only class.

    Without a sigmoid only predictions of 1 are accepted: optax asks that the classes sum to 1.
    """
    return Plan.of(
        losses.multiclass_tversky,
        layouts={"prediction": Layout(within=None if apply_sigmoid else (1 - 1e-5, 1 + 1e-5))},
        reduction=Reduction(axis=-1),
        smoothing=smooth,
        activation=_activation(apply_sigmoid),
        single_class=True,
    )


def _activation(applied: bool) -> str:
    return "softmax" if applied else "none"
