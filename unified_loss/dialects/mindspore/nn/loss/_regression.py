"""Losses of a difference."""

from __future__ import annotations

from unified_loss import losses
from unified_loss.dialects.mindspore import ops, plans
from unified_loss.dialects.mindspore.plans import Choice
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction

from ._call import LossOfLabel, LossOfLabels


class L1Loss(LossOfLabels, function=ops.l1_loss):
    """`unified_loss.losses.absolute_error`; the two broadcast."""

    reduction: Choice = "mean"


class MSELoss(LossOfLabels, function=ops.mse_loss):
    """`unified_loss.losses.squared_error`; the two broadcast."""

    reduction: Choice = "mean"


class RMSELoss(LossOfLabel):
    """The root of the mean `unified_loss.losses.squared_error`; the two broadcast."""

    def lower(self) -> Plan:
        """The plan."""
        return plans.of_difference(losses.squared_error, Reduction("root_mean"))


class L1LossExt(LossOfLabels, function=ops.l1_loss):
    """`unified_loss.losses.absolute_error`, which MindSpore has no CPU kernel for; the two broadcast."""

    reduction: Choice = "mean"


class MAELoss(LossOfLabel, function=ops.l1_loss):
    """`unified_loss.losses.absolute_error`; the two broadcast."""

    reduction: Choice = "mean"


class SmoothL1Loss(LossOfLabels, function=ops.smooth_l1_loss):
    """`unified_loss.losses.smooth_l1`, by default not reduced."""

    beta: float = 1.0
    reduction: Choice = "none"


class HuberLoss(LossOfLabels, function=ops.huber_loss):
    """`unified_loss.losses.huber`; the two broadcast."""

    reduction: Choice = "mean"
    delta: float = 1.0
