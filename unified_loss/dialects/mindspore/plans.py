"""The plans that rows of `nn`, `ops` and `mint` share.

MindSpore has most losses three times, under other argument names and defaults. `loss` is the native
name, for errors.
"""

from __future__ import annotations

from typing import Any, Literal

from unified_loss import losses
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction, check_reduction
from unified_loss.spec import Spec
from unified_loss.weighting import Weighting

Choice = Literal["none", "mean", "sum"]
"""The reductions of most losses."""

BatchChoice = Literal["none", "mean", "sum", "batchmean"]
"""Those of the Kullback-Leibler divergence."""

PROBABILITY = Layout(within=(0.0, 1.0))
MUTUAL = Layout("mutual")


def of_difference(spec: Spec, reduction: str, loss: str, **parameters: Any) -> Plan:
    """Of two tensors that are subtracted from each other, and so broadcast."""
    return Plan.of(
        spec, layouts={"target": MUTUAL}, reduction=Reduction.of(reduction, loss), **parameters
    )


def smooth_l1(reduction: str, beta: float, loss: str) -> Plan:
    """Of two tensors of one shape."""
    return Plan.of(losses.smooth_l1, reduction=Reduction.of(reduction, loss), beta=beta)


def binary_cross_entropy(reduction: str, loss: str) -> Plan:
    """Of probabilities; the mean divides by the number of losses, not by the weights."""
    return Plan.of(
        losses.binary_cross_entropy,
        layouts={"prediction": PROBABILITY},
        log_floor=None,
        log_epsilon=1e-12,
        gradient_floor=1e-12,
        weighting=Weighting(broadcast="equal"),
        reduction=Reduction.of(reduction, loss),
    )


def binary_cross_entropy_with_logits(reduction: str, loss: str) -> Plan:
    """Of logits; the mean divides by the number of losses, not by the weights."""
    return Plan.of(
        losses.binary_cross_entropy_with_logits,
        weighting=Weighting(broadcast="trailing"),
        reduction=Reduction.of(reduction, loss),
    )


def kl_divergence(reduction: str, loss: str, **parameters: Any) -> Plan:
    """From log-probabilities, with the fourth reduction that these losses have."""
    check_reduction(reduction, f"{loss}: reduction", ("none", "mean", "batchmean", "sum"))
    kind: Any = "batch_mean" if reduction == "batchmean" else reduction
    return Plan.of(losses.kl_divergence, reduction=Reduction(kind), **parameters)


def positive(value: float, name: str, loss: str) -> float:
    """The value, if it is above 0."""
    if not value > 0:
        raise ValueError(f"{loss}: {name} is {value}, expected more than 0")
    return value
