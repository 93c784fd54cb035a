"""Losses of scores of several classes."""

from __future__ import annotations

from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.dialects.torch.reductions import reduction_of
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction
from unified_loss.weighting import Weighting

_NAMESPACE = "torch.nn.functional"
_IGNORED = -100


def _per_label(reduction: Reduction) -> Reduction:
    """The mean over the labels that count, as much as they count."""
    return Reduction("weighted_mean") if reduction.kind == "mean" else reduction


@function(_NAMESPACE, input="prediction", target="target", weight="class_weight")
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = _IGNORED,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Plan:
    """`unified_loss.losses.cross_entropy` along axis 1; the mean divides by the weights of the labels."""
    _check_share(label_smoothing, "cross_entropy")
    return Plan.of(
        losses.cross_entropy,
        layouts={"target": Layout("index_or_same", promotes=True)},
        weighting=Weighting(ignored_label=ignore_index),
        reduction=_per_label(reduction_of("cross_entropy", reduction, size_average, reduce)),
        unbatched=1,
        axis=1,
        label_smoothing=label_smoothing,
    )


@function(_NAMESPACE, input="prediction", target="target", weight="class_weight")
def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = _IGNORED,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Plan:
    """`unified_loss.losses.nll` along axis 1; the mean divides by the weights of the labels."""
    return Plan.of(
        losses.nll,
        weighting=Weighting(ignored_label=ignore_index),
        reduction=_per_label(reduction_of("nll_loss", reduction, size_average, reduce)),
        unbatched=1,
        axis=1,
    )


@function(
    _NAMESPACE,
    input="prediction",
    linear_weight="linear_weight",
    target="target",
    linear_bias="linear_bias",
    weight="class_weight",
)
def linear_cross_entropy(
    input: Any,
    linear_weight: Any,
    target: Any,
    *,
    linear_bias: Any = None,
    weight: Any = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Plan:
    """`unified_loss.losses.linear_cross_entropy`; `options`, how to save memory, change no value."""
    _check_share(label_smoothing, "linear_cross_entropy")
    return Plan.of(
        losses.linear_cross_entropy,
        weighting=Weighting(ignored_label=_IGNORED if ignore_index is None else ignore_index),
        reduction=_per_label(reduction_of("linear_cross_entropy", reduction)),
        unbatched=1,
        label_smoothing=label_smoothing,
    )


def _check_share(label_smoothing: float, loss: str) -> None:
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{_NAMESPACE}.{loss}: label_smoothing is {label_smoothing}, expected in [0, 1]")


@function(_NAMESPACE, input="prediction", target="target", weight="class_weight")
def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Plan:
    """`unified_loss.losses.multi_margin`; the weights do not enter the mean's denominator."""
    return Plan.of(
        losses.multi_margin,
        reduction=reduction_of("multi_margin_loss", reduction, size_average, reduce),
        unbatched=1,
        p=p,
        margin=margin,
    )


@function(_NAMESPACE, input="prediction", target="target")
def multilabel_margin_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Plan:
    """`unified_loss.losses.multilabel_margin`."""
    return Plan.of(
        losses.multilabel_margin,
        reduction=reduction_of("multilabel_margin_loss", reduction, size_average, reduce),
        unbatched=1,
    )


@function(_NAMESPACE, input="prediction", target="target", weight="class_weight")
def multilabel_soft_margin_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Plan:
    """`unified_loss.losses.multilabel_soft_margin`, averaged over the last axis before all others."""
    return Plan.of(
        losses.multilabel_soft_margin,
        layouts={"target": Layout("mutual", promotes=True)},
        reduction=reduction_of("multilabel_soft_margin_loss", reduction, size_average, reduce),
    )
