"""The loss of sequences that are not aligned with their labels."""

from __future__ import annotations

from typing import TypeVar

from unified_loss.dialects.mindspore import plans
from unified_loss.dialects.mindspore.plans import Choice
from unified_loss.dialects.row import DialectLoss
from unified_loss.plan import Plan

T = TypeVar("T")


class CTCLoss(DialectLoss, namespace="mindspore.nn"):
    """`unified_loss.losses.ctc` of log-probabilities; the mean is one of losses per label."""

    blank: int = 0
    reduction: Choice = "mean"
    zero_infinity: bool = False

    arguments = {
        "prediction": "log_probs",
        "target": "targets",
        "prediction_lengths": "input_lengths",
        "target_lengths": "target_lengths",
    }

    def lower(self) -> Plan:
        """The plan."""
        return plans.ctc(self.blank, self.reduction, self.zero_infinity, self.native_name)

    def __call__(self, log_probs: T, targets: T, input_lengths: T, target_lengths: T) -> T:
        """A scalar, or with ``reduction="none"`` losses of shape (N,)."""
        return self.evaluate(log_probs, targets, input_lengths, target_lengths)
