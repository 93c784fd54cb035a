"""The losses of `torch.nn.modules.loss`, which are those of `torch.nn`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any, TypeVar

from unified_loss.dialects.row import DialectLoss
from unified_loss.dialects.stateful import StatefulLoss, linear_map, uniform
from unified_loss.dialects.torch.nn import functional

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CTCLoss",
    "CosineEmbeddingLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "LinearCrossEntropyLoss",
    "MSELoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "NLLLoss",
    "NLLLoss2d",
    "PoissonNLLLoss",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]

T = TypeVar("T")


class _OfTarget(DialectLoss, namespace="torch.nn"):
    """The base of the losses that are called with an input and a target."""

    def __call__(self, input: T, target: T) -> T:
        """A scalar, or with ``reduction="none"`` the losses."""
        return self.evaluate(input, target)


class _OfPair(DialectLoss, namespace="torch.nn"):
    """The base of the losses that are called with two inputs and a target."""

    def __call__(self, input1: T, input2: T, target: T) -> T:
        """A scalar, or with ``reduction="none"`` the losses."""
        return self.evaluate(input1, input2, target)


class _OfTriplet(DialectLoss, namespace="torch.nn"):
    """The base of the losses that are called with an anchor and two points."""

    def __call__(self, anchor: T, positive: T, negative: T) -> T:
        """A scalar, or with ``reduction="none"`` the losses."""
        return self.evaluate(anchor, positive, negative)


class L1Loss(_OfTarget, function=functional.l1_loss):
    """`unified_loss.losses.absolute_error`."""

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


class MSELoss(_OfTarget, function=functional.mse_loss):
    """`unified_loss.losses.squared_error`."""

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


class SmoothL1Loss(_OfTarget, function=functional.smooth_l1_loss):
    """`unified_loss.losses.smooth_l1`."""

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    beta: float = 1.0


class HuberLoss(_OfTarget, function=functional.huber_loss):
    """`unified_loss.losses.huber`."""

    reduction: str = "mean"
    delta: float = 1.0


class CrossEntropyLoss(_OfTarget, function=functional.cross_entropy):
    """`unified_loss.losses.cross_entropy` along axis 1, of class indices or probabilities."""

    weight: Any = None
    size_average: bool | None = None
    ignore_index: int = -100
    reduce: bool | None = None
    reduction: str = "mean"
    label_smoothing: float = 0.0


class NLLLoss(_OfTarget, function=functional.nll_loss):
    """`unified_loss.losses.nll` along axis 1."""

    weight: Any = None
    size_average: bool | None = None
    ignore_index: int = -100
    reduce: bool | None = None
    reduction: str = "mean"


class NLLLoss2d(NLLLoss):
    """The retired name of `NLLLoss`."""


class BCELoss(_OfTarget, function=functional.binary_cross_entropy):
    """`unified_loss.losses.binary_cross_entropy`; neither input may leave [0, 1]."""

    weight: Any = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


class BCEWithLogitsLoss(_OfTarget, function=functional.binary_cross_entropy_with_logits):
    """`unified_loss.losses.binary_cross_entropy_with_logits`; weights do not enter the mean."""

    weight: Any = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    pos_weight: Any = None


class KLDivLoss(_OfTarget, function=functional.kl_div):
    """`unified_loss.losses.kl_divergence`; ``mean`` divides by the number of terms."""

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    log_target: bool = False


class PoissonNLLLoss(DialectLoss, namespace="torch.nn", function=functional.poisson_nll_loss):
    """`unified_loss.losses.poisson_nll`."""

    log_input: bool = True
    full: bool = False
    size_average: bool | None = None
    eps: float = 1e-8
    reduce: bool | None = None
    reduction: str = "mean"

    arguments = {"prediction": "log_input"}

    def __call__(self, log_input: T, target: T) -> T:
        """A scalar, or with ``reduction="none"`` the losses."""
        return self.evaluate(log_input, target)


class GaussianNLLLoss(DialectLoss, namespace="torch.nn", function=functional.gaussian_nll_loss):
    """`unified_loss.losses.gaussian_nll`; a variance below `eps` has the gradient that it has at `eps`."""

    _: KW_ONLY
    full: bool = False
    eps: float = 1e-6
    reduction: str = "mean"

    def __call__(self, input: T, target: T, var: T | float) -> T:
        """A scalar, or with ``reduction="none"`` the losses."""
        return self.evaluate(input, target, var)


class HingeEmbeddingLoss(_OfTarget, function=functional.hinge_embedding_loss):
    """`unified_loss.losses.hinge_embedding`; a label that is neither 1 nor -1 adds both terms."""

    margin: float = 1.0
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


class MarginRankingLoss(_OfPair, function=functional.margin_ranking_loss):
    """`unified_loss.losses.margin_ranking`."""

    margin: float = 0.0
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


class CosineEmbeddingLoss(_OfPair, function=functional.cosine_embedding_loss):
    """`unified_loss.losses.cosine_embedding`; 1e-12 is added to each squared norm."""

    margin: float = 0.0
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


class SoftMarginLoss(_OfTarget, function=functional.soft_margin_loss):
    """`unified_loss.losses.soft_margin`."""

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


class MultiLabelSoftMarginLoss(_OfTarget, function=functional.multilabel_soft_margin_loss):
    """`unified_loss.losses.multilabel_soft_margin`, averaged over the last axis before all others."""

    weight: Any = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


class MultiLabelMarginLoss(_OfTarget, function=functional.multilabel_margin_loss):
    """`unified_loss.losses.multilabel_margin`."""

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


class MultiMarginLoss(_OfTarget, function=functional.multi_margin_loss):
    """`unified_loss.losses.multi_margin`; the weights do not enter the mean's denominator."""

    p: int = 1
    margin: float = 1.0
    weight: Any = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


class TripletMarginLoss(_OfTriplet, function=functional.triplet_margin_loss):
    """`unified_loss.losses.triplet_margin`; `eps` is added to each component of the differences."""

    margin: float = 1.0
    p: float = 2.0
    eps: float = 1e-6
    swap: bool = False
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


class TripletMarginWithDistanceLoss(_OfTriplet, function=functional.triplet_margin_with_distance_loss):
    """`unified_loss.losses.triplet_margin_with_distance`; without a function, `TripletMarginLoss`."""

    _: KW_ONLY
    distance_function: Callable[..., Any] | None = None
    margin: float = 1.0
    swap: bool = False
    reduction: str = "mean"


class CTCLoss(DialectLoss, namespace="torch.nn", function=functional.ctc_loss):
    """`unified_loss.losses.ctc` of log-probabilities; the mean is one of losses per label."""

    blank: int = 0
    reduction: str = "mean"
    zero_infinity: bool = False

    def __call__(self, log_probs: T, targets: T, input_lengths: T, target_lengths: T) -> T:
        """A scalar, or with ``reduction="none"`` losses of shape (batch,)."""
        return self.evaluate(log_probs, targets, input_lengths, target_lengths)


class LinearCrossEntropyLoss(
    StatefulLoss, namespace="torch.nn", function=functional.linear_cross_entropy
):
    """`unified_loss.losses.linear_cross_entropy` with weights of its own.

    `device` is not read: the weights go where the input is. `dtype` is what they are drawn in.
    """

    in_features: int
    num_classes: int
    _: KW_ONLY
    out_features: tuple[int, ...] = ()
    bias: bool = False
    device: Any = None
    dtype: Any = None
    reduction: str = "mean"
    weight: Any = None
    ignore_index: int | None = None
    label_smoothing: float = 0.0
    options: Any = None

    def initial_state(self) -> dict[str, Any]:
        """A linear map to all outputs of all classes."""
        rows = math.prod(self.out_features, start=self.num_classes)
        state = {"linear.weight": linear_map(rows, self.in_features)}
        if self.bias:
            state["linear.bias"] = uniform(self.in_features**-0.5, rows)
        return state

    def __call__(self, input: T, target: T) -> T:
        """A scalar, or with ``reduction="none"`` losses of the shape of class indices."""
        shape = (self.num_classes, *self.out_features)
        state = self.weights({"linear.weight": (*shape, self.in_features), "linear.bias": shape})
        return self.evaluate(input, state["linear.weight"], target, state.get("linear.bias"))
