"""Losses that vanish beyond a margin, and their smooth relatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction

from ._native import INDEX, MUTUAL, NAMESPACE, ReduceMode


@function(NAMESPACE, input="first", other="second", label="target")
def margin_ranking_loss(
    input: Any,
    other: Any,
    label: Any,
    margin: float = 0.0,
    reduction: ReduceMode = "mean",
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.margin_ranking`; the three broadcast."""
    return Plan.of(
        losses.margin_ranking,
        layouts={"second": MUTUAL, "target": MUTUAL},
        reduction=Reduction.of(reduction, f"{NAMESPACE}.margin_ranking_loss"),
        margin=margin,
    )


@function(NAMESPACE, input="prediction", label="target")
def hinge_embedding_loss(
    input: Any, label: Any, margin: float = 1.0, reduction: ReduceMode = "mean", name: str | None = None
) -> Plan:
    """`unified_loss.losses.hinge_embedding`, 0 for labels other than 1 and -1; the two broadcast."""
    return Plan.of(
        losses.hinge_embedding,
        layouts={"target": MUTUAL},
        reduction=Reduction.of(reduction, f"{NAMESPACE}.hinge_embedding_loss"),
        margin=margin,
    )


@function(NAMESPACE, input="prediction", label="target")
def soft_margin_loss(input: Any, label: Any, reduction: ReduceMode = "mean", name: str | None = None) -> Plan:
    """`unified_loss.losses.soft_margin`."""
    return Plan.of(losses.soft_margin, reduction=Reduction.of(reduction, f"{NAMESPACE}.soft_margin_loss"))


@function(NAMESPACE, input="prediction", label="target", weight="class_weight")
def multi_label_soft_margin_loss(
    input: Any, label: Any, weight: Any = None, reduction: ReduceMode = "mean", name: str | None = None
) -> Plan:
    """`unified_loss.losses.multilabel_soft_margin`."""
    return Plan.of(
        losses.multilabel_soft_margin,
        reduction=Reduction.of(reduction, f"{NAMESPACE}.multi_label_soft_margin_loss"),
    )


@function(NAMESPACE, input="prediction", label="target")
def multi_label_margin_loss(
    input: Any, label: Any, reduction: ReduceMode = "mean", name: str | None = None
) -> Plan:
    """`unified_loss.losses.multilabel_margin`, with half the gradient at the margin."""
    return Plan.of(
        losses.multilabel_margin,
        reduction=Reduction.of(reduction, f"{NAMESPACE}.multi_label_margin_loss"),
        gradient_at_zero=0.5,
    )


@function(NAMESPACE, input="prediction", label="target", weight="class_weight")
def multi_margin_loss(
    input: Any,
    label: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    reduction: ReduceMode = "mean",
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.multi_margin`, with the gradient of the formula at the margin."""
    return Plan.of(
        losses.multi_margin,
        layouts={"target": replace(INDEX, any_shape=True)},
        reduction=Reduction.of(reduction, f"{NAMESPACE}.multi_margin_loss"),
        p=p,
        margin=margin,
        gradient_at_zero=1.0,
    )


@function(NAMESPACE, input1="first", input2="second", label="target")
def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    label: Any,
    margin: float = 0,
    reduction: ReduceMode = "mean",
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.cosine_embedding`, 1e-11 being added to the squared norms."""
    return Plan.of(
        losses.cosine_embedding,
        layouts={"target": Layout(shape="without_axis", always_batched=True)},
        unbatched=1,
        reduction=Reduction.of(reduction, f"{NAMESPACE}.cosine_embedding_loss"),
        margin=margin,
        epsilon=0.0,
        squared_epsilon=1e-11,
        gradient_at_zero=1.0,
    )


@function(NAMESPACE, input="anchor", positive="positive", negative="negative")
def triplet_margin_loss(
    input: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    epsilon: float = 1e-6,
    swap: bool = False,
    reduction: ReduceMode = "mean",
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.triplet_margin`."""
    loss = f"{NAMESPACE}.triplet_margin_loss"
    return Plan.of(
        losses.triplet_margin,
        reduction=Reduction.of(reduction, loss),
        margin=_not_negative(margin, loss),
        p=p,
        epsilon=epsilon,
        swap=swap,
        gradient_at_zero=1.0,
    )


@function(NAMESPACE, input="anchor", positive="positive", negative="negative")
def triplet_margin_with_distance_loss(
    input: Any,
    positive: Any,
    negative: Any,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: ReduceMode = "mean",
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.triplet_margin_with_distance`, or without a distance `triplet_margin`."""
    loss = f"{NAMESPACE}.triplet_margin_with_distance_loss"
    reduced, margin = Reduction.of(reduction, loss), _not_negative(margin, loss)
    shared: dict[str, Any] = {"margin": margin, "swap": swap, "gradient_at_zero": 1.0}
    if distance_function is None:
        return Plan.of(losses.triplet_margin, reduction=reduced, epsilon=1e-6, **shared)
    return Plan.of(
        losses.triplet_margin_with_distance, reduction=reduced, distance=distance_function, **shared
    )


def _not_negative(margin: float, loss: str) -> float:
    if margin < 0:
        raise ValueError(f"{loss}: margin is {margin}, expected at least 0")
    return margin
