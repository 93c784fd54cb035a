"""Losses of probabilities, rates and variances."""

from __future__ import annotations

from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.dialects.torch.reductions import effective, reduction_of
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction, check_reduction
from unified_loss.weighting import Weighting

_NAMESPACE = "torch.nn.functional"
_BROADCAST = {"target": Layout("mutual", promotes=True)}
_PROBABILITY = Layout(within=(0.0, 1.0))


@function(_NAMESPACE, input="prediction", target="target", weight="weight")
def binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Plan:
    """`unified_loss.losses.binary_cross_entropy`; neither input may leave [0, 1]."""
    return Plan.of(
        losses.binary_cross_entropy,
        layouts={"prediction": _PROBABILITY, "target": _PROBABILITY},
        weighting=Weighting(broadcast="trailing"),
        reduction=reduction_of("binary_cross_entropy", reduction, size_average, reduce),
    )


@function(
    _NAMESPACE, input="prediction", target="target", weight="weight", pos_weight="positive_weight"
)
def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Plan:
    """`unified_loss.losses.binary_cross_entropy_with_logits`; weights do not enter the mean."""
    return Plan.of(
        losses.binary_cross_entropy_with_logits,
        layouts={"target": Layout(promotes=True)},
        weighting=Weighting(broadcast="trailing"),
        reduction=reduction_of("binary_cross_entropy_with_logits", reduction, size_average, reduce),
    )


@function(_NAMESPACE, input="prediction", target="target")
def kl_div(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Plan:
    """`unified_loss.losses.kl_divergence`; ``mean`` divides by the number of terms."""
    name = effective(reduction, size_average, reduce)
    check_reduction(name, f"{_NAMESPACE}.kl_div", ("none", "mean", "sum", "batchmean"))
    return Plan.of(
        losses.kl_divergence,
        layouts=_BROADCAST,
        reduction=Reduction("batch_mean" if name == "batchmean" else name),  # type: ignore[arg-type]
        log_target=log_target,
    )


@function(_NAMESPACE, input="prediction", target="target")
def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Plan:
    """`unified_loss.losses.poisson_nll`."""
    return Plan.of(
        losses.poisson_nll,
        layouts=_BROADCAST,
        reduction=reduction_of("poisson_nll_loss", reduction, size_average, reduce),
        log_input=log_input,
        full=full,
        epsilon=eps,
    )


@function(_NAMESPACE, input="prediction", target="target", var="variance")
def gaussian_nll_loss(
    input: Any,
    target: Any,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Plan:
    """`unified_loss.losses.gaussian_nll`; a variance below `eps` has the gradient that it has at `eps`."""
    return Plan.of(
        losses.gaussian_nll,
        layouts={**_BROADCAST, "variance": Layout("spread", within=(0.0, float("inf")), promotes=True)},
        reduction=reduction_of("gaussian_nll_loss", reduction),
        full=full,
        epsilon=eps,
        variance_gradient="straight_through",
    )
