"""Losses of how scores, vectors and distances compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.dialects.torch.reductions import reduction_of
from unified_loss.layout import Layout
from unified_loss.plan import Plan

_NAMESPACE = "torch.nn.functional"
# A label decides which term there is, and so has no part in the dtype of the result.
_MUTUAL = Layout("mutual")
_SAME_RANK = Layout("mutual", promotes=True, same_rank=True)
_AT_KINK = 1.0
"""The gradient that PyTorch's `clamp_min` lets through at the bound."""
_ADDED = 9.999999960041972e-13
"""1e-12 in float32, in which PyTorch keeps it."""


@function(_NAMESPACE, input="prediction", target="target")
def hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Plan:
    """`unified_loss.losses.hinge_embedding`; a label that is neither 1 nor -1 adds both terms."""
    return Plan.of(
        losses.hinge_embedding,
        layouts={"target": _MUTUAL},
        reduction=reduction_of("hinge_embedding_loss", reduction, size_average, reduce),
        margin=margin,
        gradient_at_zero=_AT_KINK,
        other_labels="both",
    )


@function(_NAMESPACE, input1="first", input2="second", target="target")
def margin_ranking_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Plan:
    """`unified_loss.losses.margin_ranking`."""
    return Plan.of(
        losses.margin_ranking,
        layouts={"second": _SAME_RANK, "target": _SAME_RANK},
        reduction=reduction_of("margin_ranking_loss", reduction, size_average, reduce),
        margin=margin,
        gradient_at_zero=_AT_KINK,
    )


@function(_NAMESPACE, input1="first", input2="second", target="target")
def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Plan:
    """`unified_loss.losses.cosine_embedding`; 1e-12 is added to each squared norm."""
    return Plan.of(
        losses.cosine_embedding,
        layouts={"second": _SAME_RANK, "target": Layout("without_axis")},
        reduction=reduction_of("cosine_embedding_loss", reduction, size_average, reduce),
        margin=margin,
        epsilon=0.0,
        squared_epsilon=_ADDED,
        gradient_at_zero=_AT_KINK,
    )


@function(_NAMESPACE, input="prediction", target="target")
def soft_margin_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Plan:
    """`unified_loss.losses.soft_margin`."""
    return Plan.of(
        losses.soft_margin,
        layouts={"target": _MUTUAL},
        reduction=reduction_of("soft_margin_loss", reduction, size_average, reduce),
    )


@function(_NAMESPACE, anchor="anchor", positive="positive", negative="negative")
def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Plan:
    """`unified_loss.losses.triplet_margin`; `eps` is added to each component of the differences."""
    _check_margin(margin, "triplet_margin_loss")
    return Plan.of(
        losses.triplet_margin,
        layouts={"positive": _SAME_RANK, "negative": _SAME_RANK},
        reduction=reduction_of("triplet_margin_loss", reduction, size_average, reduce),
        margin=margin,
        p=p,
        epsilon=eps,
        swap=swap,
        gradient_at_zero=_AT_KINK,
    )


@function(_NAMESPACE, anchor="anchor", positive="positive", negative="negative")
def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[..., Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Plan:
    """`unified_loss.losses.triplet_margin_with_distance`; without a function, `triplet_margin_loss`."""
    _check_margin(margin, "triplet_margin_with_distance_loss")
    chosen = reduction_of("triplet_margin_with_distance_loss", reduction)
    layouts = {"positive": _SAME_RANK, "negative": _SAME_RANK}
    common: dict[str, Any] = {"margin": margin, "swap": swap, "gradient_at_zero": _AT_KINK}
    if distance_function is None:
        return Plan.of(
            losses.triplet_margin, layouts=layouts, reduction=chosen, p=2.0, epsilon=1e-6, **common
        )
    return Plan.of(
        losses.triplet_margin_with_distance,
        layouts=layouts,
        reduction=chosen,
        distance=distance_function,
        **common,
    )


def _check_margin(margin: float, loss: str) -> None:
    if not margin > 0:
        raise ValueError(f"{_NAMESPACE}.{loss}: margin is {margin}, expected above 0")
