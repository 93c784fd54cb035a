"""Losses of independent yes-or-no predictions."""

from __future__ import annotations

from typing import Any, TypeVar

from unified_loss.dialects.mindspore import ops
from unified_loss.dialects.mindspore.plans import Choice
from unified_loss.dialects.row import DialectLoss

from ._call import LossOfLabels, LossOfTarget

T = TypeVar("T")


class BCELoss(LossOfLabels, function=ops.binary_cross_entropy):
    """`unified_loss.losses.binary_cross_entropy`; despite their name, `logits` are probabilities."""

    weight: Any = None
    reduction: Choice = "mean"


class BCEWithLogitsLoss(
    DialectLoss, namespace="mindspore.nn", function=ops.binary_cross_entropy_with_logits
):
    """`unified_loss.losses.binary_cross_entropy_with_logits`; the weights do not enter the mean."""

    reduction: Choice = "mean"
    weight: Any = None
    pos_weight: Any = None

    def __call__(self, input: T, target: T) -> T:
        """A scalar, or with ``reduction="none"`` losses of the shape of `input`."""
        return self.evaluate(input, target)


class MultiLabelSoftMarginLoss(LossOfTarget, function=ops.multilabel_soft_margin_loss):
    """`unified_loss.losses.multilabel_soft_margin`, over the last axis; exact for logits of any size."""

    weight: Any = None
    reduction: Choice = "mean"


class SoftMarginLoss(LossOfLabels, function=ops.soft_margin_loss):
    """`unified_loss.losses.soft_margin`, which MindSpore has no CPU kernel for."""

    reduction: Choice = "mean"
