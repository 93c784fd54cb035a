"""Losses of a difference."""

from __future__ import annotations

from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.dialects.torch.reductions import reduction_of
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction
from unified_loss.spec import Spec
from unified_loss.weighting import Weighting

_NAMESPACE = "torch.nn.functional"
_PROMOTING = Layout("mutual", promotes=True)


def _of_difference(
    spec: Spec, reduction: Reduction, target: Layout = _PROMOTING, **parameters: Any
) -> Plan:
    return Plan.of(
        spec,
        layouts={"prediction": Layout(any_dtype=True), "target": target},
        weighting=Weighting(broadcast="equal"),
        reduction=reduction,
        **parameters,
    )


def _divided_by_weights(reduction: Reduction) -> Reduction:
    return Reduction("weighted_mean") if reduction.kind == "mean" else reduction


@function(_NAMESPACE, input="prediction", target="target", weight="weight")
def l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Plan:
    """`unified_loss.losses.absolute_error`; the mean divides by the sum of the weights."""
    chosen = reduction_of("l1_loss", reduction, size_average, reduce)
    return _of_difference(losses.absolute_error, _divided_by_weights(chosen))


@function(_NAMESPACE, input="prediction", target="target", weight="weight")
def mse_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Plan:
    """`unified_loss.losses.squared_error`; the mean divides by the sum of the weights."""
    chosen = reduction_of("mse_loss", reduction, size_average, reduce)
    return _of_difference(losses.squared_error, _divided_by_weights(chosen))


@function(_NAMESPACE, input="prediction", target="target")
def smooth_l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Plan:
    """`unified_loss.losses.smooth_l1`."""
    chosen = reduction_of("smooth_l1_loss", reduction, size_average, reduce)
    return _of_difference(losses.smooth_l1, chosen, beta=beta)


@function(_NAMESPACE, input="prediction", target="target", weight="weight")
def huber_loss(
    input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None
) -> Plan:
    """`unified_loss.losses.huber`; the mean divides by the number of losses, weighted or not."""
    if not delta > 0:
        raise ValueError(f"{_NAMESPACE}.huber_loss: delta is {delta}, expected above 0")
    return _of_difference(losses.huber, reduction_of("huber_loss", reduction), Layout("mutual"), delta=delta)
