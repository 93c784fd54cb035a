"""Divergences, and likelihoods of counts and measurements."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import TypeVar

from unified_loss import losses
from unified_loss.dialects.mindspore import ops, plans
from unified_loss.dialects.mindspore.plans import BatchChoice, Choice
from unified_loss.dialects.row import DialectLoss
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction

from ._call import LossOfLabels

T = TypeVar("T")


class KLDivLoss(LossOfLabels, function=ops.kl_div):
    """`unified_loss.losses.kl_divergence` from log-probabilities; `mean` divides by all their number."""

    reduction: BatchChoice = "mean"


class PoissonNLLLoss(DialectLoss, namespace="mindspore.nn"):
    """`unified_loss.losses.poisson_nll`; the two broadcast."""

    log_input: bool = True
    full: bool = False
    eps: float = 1e-08
    reduction: Choice = "mean"

    arguments = {"prediction": "input"}

    def lower(self) -> Plan:
        """The plan."""
        return plans.of_difference(
            losses.poisson_nll,
            Reduction.of(self.reduction, self.native_name),
            log_input=self.log_input,
            full=self.full,
            epsilon=self.eps,
        )

    def __call__(self, input: T, target: T) -> T:
        """A scalar, or with ``reduction="none"`` one loss per element."""
        return self.evaluate(input, target)


class GaussianNLLLoss(DialectLoss, namespace="mindspore.nn", function=ops.gaussian_nll_loss):
    """`unified_loss.losses.gaussian_nll`; a variance below `eps` has no gradient."""

    _: KW_ONLY
    full: bool = False
    eps: float = 1e-06
    reduction: Choice = "mean"

    arguments = {"prediction": "logits", "target": "labels", "variance": "var"}

    def __call__(self, logits: T, labels: T, var: T) -> T:
        """A scalar, or with ``reduction="none"`` one loss per element."""
        return self.evaluate(logits, labels, var)
