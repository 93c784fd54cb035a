"""Losses of distances, angles and orders, of pairs and triplets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from unified_loss import losses
from unified_loss.dialects.mindspore import ops
from unified_loss.dialects.mindspore.plans import Choice
from unified_loss.dialects.row import DialectLoss
from unified_loss.dispatch import to_numpy
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction

from ._call import LossOfLabels

T = TypeVar("T")


class MarginRankingLoss(DialectLoss, namespace="mindspore.nn", function=ops.margin_ranking_loss):
    """`unified_loss.losses.margin_ranking`; the three broadcast, and a tie has a gradient."""

    margin: float = 0.0
    reduction: Choice = "mean"

    def __call__(self, input1: T, input2: T, target: T) -> T:
        """A scalar, or with ``reduction="none"`` one loss per pair."""
        return self.evaluate(input1, input2, target)


class HingeEmbeddingLoss(LossOfLabels, function=ops.hinge_embedding_loss):
    """`unified_loss.losses.hinge_embedding` by the sign of the label; half a gradient at the margin."""

    margin: float = 1.0
    reduction: Choice = "mean"


class CosineEmbeddingLoss(DialectLoss, namespace="mindspore.nn", function=ops.cosine_embedding_loss):
    """`unified_loss.losses.cosine_embedding` along axis 1, with nothing added to the norms."""

    margin: float = 0.0
    reduction: Choice = "mean"

    arguments = {"first": "logits_x1", "second": "logits_x2", "target": "labels"}

    def __call__(self, logits_x1: T, logits_x2: T, labels: T) -> T:
        """A scalar, or with ``reduction="none"`` one loss per pair."""
        return self.evaluate(logits_x1, logits_x2, labels)


class TripletMarginLoss(DialectLoss, namespace="mindspore.nn", function=ops.triplet_margin_loss):
    """`unified_loss.losses.triplet_margin`, which MindSpore has no CPU kernel for.

    The margin of a call is only read where the constructor's is 1.
    """

    p: int = 2
    swap: bool = False
    eps: float = 1e-06
    reduction: Choice = "mean"
    margin: float = 1.0

    arguments = {"anchor": "x"}
    call_parameters = {"margin": 1.0}

    def __call__(self, x: T, positive: T, negative: T, margin: float = 1.0) -> T:
        """A scalar, or with ``reduction="none"`` one loss per triplet."""
        loss = self.at(margin=float(to_numpy(margin))) if self.margin == 1 else self
        return loss.evaluate(x, positive, negative)


class TripletMarginWithDistanceLoss(DialectLoss, namespace="mindspore.nn"):
    """`unified_loss.losses.triplet_margin_with_distance`; by default Euclidean, along axis 1."""

    distance_function: Callable[..., Any] | None = None
    swap: bool = False
    reduction: Choice = "mean"
    margin: float = 1.0

    arguments = {"anchor": "x"}

    def lower(self) -> Plan:
        """The plan; half a gradient at the margin."""
        reduction = Reduction.of(self.reduction, self.native_name)
        shared: dict[str, Any] = {"margin": self.margin, "swap": self.swap, "gradient_at_zero": 0.5}
        if self.distance_function is None:
            layouts = {"positive": Layout("mutual"), "negative": Layout("mutual")}
            return Plan.of(losses.triplet_margin, layouts=layouts, reduction=reduction, axis=1, **shared)
        distance = self.distance_function
        return Plan.of(losses.triplet_margin_with_distance, reduction=reduction, distance=distance, **shared)

    def __call__(self, x: T, positive: T, negative: T) -> T:
        """A scalar, or with ``reduction="none"`` one loss per triplet."""
        return self.evaluate(x, positive, negative)
