"""The losses of `mindspore.nn` as of MindSpore 2.10.0, on any backend."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from unified_loss import losses
from unified_loss.dialects.row import DialectLoss
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction
from unified_loss.weighting import Weighting

__all__ = ["BCELoss"]

T = TypeVar("T")


class BCELoss(DialectLoss, namespace="mindspore.nn"):
    """`unified_loss.losses.binary_cross_entropy`; despite its name, `logits` are probabilities."""

    weight: Any = None
    reduction: Literal["none", "mean", "sum"] = "mean"

    arguments = {"prediction": "logits", "target": "labels"}

    def lower(self) -> Plan:
        """The plan; the mean divides by the number of losses, not by the weights."""
        return Plan.of(
            losses.binary_cross_entropy,
            log_floor=None,
            log_epsilon=1e-12,
            gradient_floor=1e-12,
            weighting=Weighting(broadcast="equal"),
            reduction=Reduction.of(self.reduction, self.native_name),
            constants={"weight": self.weight},
        )

    def __call__(self, logits: T, labels: T) -> T:
        """A scalar, or with ``reduction="none"`` losses of the shape of `logits`."""
        return self.evaluate(logits, labels, None, None)
