"""Losses of a difference, and likelihoods of numbers."""

from __future__ import annotations

from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction, check_reduction

from ._native import MUTUAL, NAMESPACE, ReduceMode


@function(NAMESPACE, input="prediction", label="target")
def l1_loss(input: Any, label: Any, reduction: ReduceMode = "mean", name: str | None = None) -> Plan:
    """`unified_loss.losses.absolute_error`; the two broadcast."""
    return Plan.of(
        losses.absolute_error,
        layouts={"target": MUTUAL},
        reduction=Reduction.of(reduction, f"{NAMESPACE}.l1_loss"),
    )


@function(NAMESPACE, input="prediction", label="target")
def mse_loss(input: Any, label: Any, reduction: ReduceMode = "mean", name: str | None = None) -> Plan:
    """`unified_loss.losses.squared_error`; the two broadcast."""
    return Plan.of(
        losses.squared_error,
        layouts={"target": MUTUAL},
        reduction=Reduction.of(reduction, f"{NAMESPACE}.mse_loss"),
    )


@function(NAMESPACE, input="prediction", label="target")
def square_error_cost(input: Any, label: Any) -> Plan:
    """`unified_loss.losses.squared_error`, not reduced; the two broadcast."""
    return Plan.of(losses.squared_error, layouts={"target": MUTUAL}, reduction=Reduction("none"))


@function(NAMESPACE, input="prediction", label="target")
def smooth_l1_loss(
    input: Any,
    label: Any,
    reduction: ReduceMode = "mean",
    delta: float = 1.0,
    is_huber: bool = True,
    name: str | None = None,
) -> Plan:
    """Despite its name `unified_loss.losses.huber`, or `smooth_l1` if not `is_huber`."""
    reduced = Reduction.of(reduction, f"{NAMESPACE}.smooth_l1_loss")
    if is_huber:
        return Plan.of(losses.huber, reduction=reduced, delta=delta)
    return Plan.of(losses.smooth_l1, reduction=reduced, beta=delta)


@function(NAMESPACE, input="prediction", label="target")
def kl_div(
    input: Any, label: Any, reduction: Any = "mean", log_target: bool = False, name: str | None = None
) -> Plan:
    """`unified_loss.losses.kl_divergence` from log-probabilities; a target below 0 counts as 0."""
    check_reduction(reduction, f"{NAMESPACE}.kl_div: reduction", ("none", "mean", "batchmean", "sum"))
    kind: Any = "batch_mean" if reduction == "batchmean" else reduction
    return Plan.of(
        losses.kl_divergence,
        reduction=Reduction(kind),
        log_target=log_target,
        negative_target_is_zero=not log_target,
    )


@function(NAMESPACE, input="prediction", label="target")
def poisson_nll_loss(
    input: Any,
    label: Any,
    log_input: bool = True,
    full: bool = False,
    epsilon: float = 1e-8,
    reduction: ReduceMode = "mean",
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.poisson_nll`."""
    loss = f"{NAMESPACE}.poisson_nll_loss"
    if not epsilon > 0:
        raise ValueError(f"{loss}: epsilon is {epsilon}, expected more than 0")
    return Plan.of(
        losses.poisson_nll,
        reduction=Reduction.of(reduction, loss),
        log_input=log_input,
        full=full,
        epsilon=epsilon,
    )


@function(NAMESPACE, input="prediction", label="target", variance="variance")
def gaussian_nll_loss(
    input: Any,
    label: Any,
    variance: Any,
    full: bool = False,
    epsilon: float = 1e-6,
    reduction: ReduceMode = "mean",
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.gaussian_nll`, without gradient by the variance; input and label broadcast."""
    return Plan.of(
        losses.gaussian_nll,
        layouts={"target": MUTUAL, "variance": Layout(shape="spread", within=(0.0, float("inf")))},
        reduction=Reduction.of(reduction, f"{NAMESPACE}.gaussian_nll_loss"),
        full=full,
        epsilon=epsilon,
        variance_gradient="none",
    )
