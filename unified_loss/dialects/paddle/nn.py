"""The losses of `paddle.nn` as of PaddlePaddle 3.3.1, on any backend."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from unified_loss import losses
from unified_loss.dialects.row import DialectLoss
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction
from unified_loss.weighting import Weighting

__all__ = ["BCEWithLogitsLoss"]

T = TypeVar("T")


class BCEWithLogitsLoss(DialectLoss, namespace="paddle.nn"):
    """`unified_loss.losses.binary_cross_entropy_with_logits`; a label of -100 is left out."""

    weight: Any = None
    reduction: Literal["none", "mean", "sum"] = "mean"
    pos_weight: Any = None
    name: str | None = None

    arguments = {"prediction": "logit", "target": "label", "positive_weight": "pos_weight"}

    def lower(self) -> Plan:
        """The plan; a label that is left out still counts in the mean."""
        return Plan.of(
            losses.binary_cross_entropy_with_logits,
            weighting=Weighting(broadcast="trailing", ignored_label=-100),
            reduction=Reduction.of(self.reduction, self.native_name),
            constants={"positive_weight": self.pos_weight, "weight": self.weight},
        )

    def __call__(self, logit: T, label: T) -> T:
        """A scalar, or with ``reduction="none"`` losses of the shape of `logit`."""
        return self.evaluate(logit, label, None, None)
