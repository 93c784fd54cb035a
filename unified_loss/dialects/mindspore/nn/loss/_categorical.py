"""Losses of one class among several."""

from __future__ import annotations

from typing import Any, TypeVar

from unified_loss.dialects.mindspore import ops, plans
from unified_loss.dialects.mindspore.plans import Choice
from unified_loss.dialects.row import DialectLoss
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction

from ._call import LossOfLabels, LossOfTarget

T = TypeVar("T")


class CrossEntropyLoss(LossOfLabels, function=ops.cross_entropy):
    """`unified_loss.losses.cross_entropy` along axis 1; a negative class index counts from the last."""

    weight: Any = None
    ignore_index: int = -100
    reduction: Choice = "mean"
    label_smoothing: float = 0.0


class NLLLoss(LossOfLabels, function=ops.nll_loss):
    """`unified_loss.losses.nll` along axis 1; a negative class index counts from the last."""

    weight: Any = None
    ignore_index: int = -100
    reduction: Choice = "mean"


class SoftmaxCrossEntropyWithLogits(LossOfLabels):
    """`unified_loss.losses.softmax_cross_entropy` with distributions, or class indices if `sparse`.

    Not reduced by default. The gradient is that for a distribution that sums to 1, also where it
    does not.
    """

    sparse: bool = False
    reduction: Choice = "none"

    def lower(self) -> Plan:
        """The plan."""
        reduction = Reduction.of(self.reduction, self.native_name)
        return plans.softmax_cross_entropy(sparse=self.sparse, reduction=reduction)


class MultiMarginLoss(DialectLoss, namespace="mindspore.nn"):
    """`unified_loss.losses.multi_margin`; the constructor's weight comes before the call's."""

    p: int = 1
    margin: float = 1.0
    reduction: Choice = "mean"
    weight: Any = None

    arguments = {"prediction": "x", "target": "target", "class_weight": "weight"}

    def lower(self) -> Plan:
        """The plan."""
        plan = plans.multi_margin(self.p, self.margin, self.reduction, self.native_name)
        return plan.with_constants({"class_weight": self.weight})

    def __call__(self, x: T, target: T, weight: T | None = None) -> T:
        """A scalar, or with ``reduction="none"`` one loss per sample."""
        return self.evaluate(x, target, weight if self.weight is None else None)


class MultilabelMarginLoss(LossOfTarget, function=ops.multilabel_margin_loss):
    """`unified_loss.losses.multilabel_margin`, which MindSpore has no CPU kernel for."""

    reduction: Choice = "mean"
