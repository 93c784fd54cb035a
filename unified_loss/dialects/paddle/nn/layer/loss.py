"""The loss classes of `paddle.nn`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from unified_loss.dialects.paddle.nn import functional
from unified_loss.dialects.paddle.nn.functional._native import ReduceMode
from unified_loss.dialects.row import DialectLoss
from unified_loss.plan import Plan

from ._stateful import AdaptiveLogSoftmaxWithLoss, HSigmoidLoss

__all__ = [
    "AdaptiveLogSoftmaxWithLoss",
    "BCELoss",
    "BCEWithLogitsLoss",
    "CTCLoss",
    "CosineEmbeddingLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HSigmoidLoss",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "NLLLoss",
    "PoissonNLLLoss",
    "RNNTLoss",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]

T = TypeVar("T")


class _Loss(DialectLoss, namespace="paddle.nn"):
    """The base of Paddle's losses."""


class _LossOfLabel(_Loss):
    """The base of the losses that are called with an input and a label."""

    def __call__(self, input: T, label: T) -> T:
        """A scalar, or with ``reduction="none"`` the losses."""
        return self.evaluate(input, label)


class L1Loss(_LossOfLabel, function=functional.l1_loss):
    """`unified_loss.losses.absolute_error`; the two broadcast."""

    reduction: ReduceMode = "mean"
    name: str | None = None


class MSELoss(_LossOfLabel, function=functional.mse_loss):
    """`unified_loss.losses.squared_error`; the two broadcast."""

    reduction: ReduceMode = "mean"


class SmoothL1Loss(_LossOfLabel, function=functional.smooth_l1_loss):
    """Despite its name `unified_loss.losses.huber`, or `smooth_l1` if not `is_huber`."""

    reduction: ReduceMode = "mean"
    delta: float = 1.0
    is_huber: bool = True
    name: str | None = None


HuberLoss = SmoothL1Loss


class BCELoss(_LossOfLabel, function=functional.binary_cross_entropy):
    """`unified_loss.losses.binary_cross_entropy` of probabilities; others are refused."""

    weight: Any = None
    reduction: ReduceMode = "mean"
    name: str | None = None


class BCEWithLogitsLoss(_Loss, function=functional.binary_cross_entropy_with_logits):
    """`unified_loss.losses.binary_cross_entropy_with_logits`; a label of -100 counts, as a loss of 0."""

    weight: Any = None
    reduction: ReduceMode = "mean"
    pos_weight: Any = None
    name: str | None = None

    def __call__(self, logit: T, label: T) -> T:
        """A scalar, or with ``reduction="none"`` the losses."""
        return self.evaluate(logit, label)


class KLDivLoss(_LossOfLabel, function=functional.kl_div):
    """`unified_loss.losses.kl_divergence` from log-probabilities; a target below 0 counts as 0."""

    reduction: Any = "mean"
    log_target: bool = False


class PoissonNLLLoss(_LossOfLabel, function=functional.poisson_nll_loss):
    """`unified_loss.losses.poisson_nll`."""

    log_input: bool = True
    full: bool = False
    epsilon: float = 1e-8
    reduction: ReduceMode = "mean"
    name: str | None = None


class RNNTLoss(_Loss, function=functional.rnnt_loss):
    """`unified_loss.losses.rnnt` of log-probabilities, as on the CPU; on a GPU Paddle normalises them."""

    blank: int = 0
    fastemit_lambda: float = 0.001
    reduction: ReduceMode = "mean"
    name: str | None = None

    def __call__(self, input: T, label: T, input_lengths: T, label_lengths: T) -> T:
        """A scalar, or with ``reduction="none"`` one loss per sample."""
        return self.evaluate(input, label, input_lengths, label_lengths)


class CrossEntropyLoss(_LossOfLabel, function=functional.cross_entropy):
    """`unified_loss.losses.cross_entropy` of indices, `sample_weighted_cross_entropy` of distributions.

    An ignored label counts in the mean if `ignore_index` is negative. With `label_smoothing` indices
    become distributions.
    """

    weight: Any = None
    ignore_index: int = -100
    reduction: ReduceMode = "mean"
    soft_label: bool = False
    axis: int = -1
    use_softmax: bool = True
    label_smoothing: float = 0.0
    name: str | None = None


class NLLLoss(_LossOfLabel, function=functional.nll_loss):
    """`unified_loss.losses.nll`, classes along the second axis; the mean of ignored labels only is 0."""

    weight: Any = None
    ignore_index: int = -100
    reduction: ReduceMode = "mean"
    name: str | None = None


class GaussianNLLLoss(_Loss, function=functional.gaussian_nll_loss):
    """`unified_loss.losses.gaussian_nll`, without gradient by the variance; input and label broadcast."""

    full: bool = False
    epsilon: float = 1e-6
    reduction: ReduceMode = "mean"
    name: str | None = None

    def __call__(self, input: T, label: T, variance: T) -> T:
        """A scalar, or with ``reduction="none"`` the losses."""
        return self.evaluate(input, label, variance)


class HingeEmbeddingLoss(_LossOfLabel, function=functional.hinge_embedding_loss):
    """`unified_loss.losses.hinge_embedding`, 0 for labels other than 1 and -1; the two broadcast."""

    margin: float = 1.0
    reduction: ReduceMode = "mean"
    name: str | None = None


class MarginRankingLoss(_Loss, function=functional.margin_ranking_loss):
    """`unified_loss.losses.margin_ranking`; the three broadcast."""

    margin: float = 0.0
    reduction: ReduceMode = "mean"
    name: str | None = None

    def __call__(self, input: T, other: T, label: T) -> T:
        """A scalar, or with ``reduction="none"`` the losses."""
        return self.evaluate(input, other, label)


class CosineEmbeddingLoss(_Loss, function=functional.cosine_embedding_loss):
    """`unified_loss.losses.cosine_embedding`, 1e-11 being added to the squared norms."""

    margin: float = 0
    reduction: ReduceMode = "mean"
    name: str | None = None

    def lower(self) -> Plan:
        """The plan; the class, unlike the function, refuses margins that no cosine reaches."""
        if not -1 <= self.margin <= 1:
            raise ValueError(f"{self.native_name}: margin is {self.margin}, expected from -1 to 1")
        return functional.cosine_embedding_loss.plan(margin=self.margin, reduction=self.reduction)

    def __call__(self, input1: T, input2: T, label: T) -> T:
        """A scalar, or with ``reduction="none"`` one loss per sample."""
        return self.evaluate(input1, input2, label)


class SoftMarginLoss(_LossOfLabel, function=functional.soft_margin_loss):
    """`unified_loss.losses.soft_margin`."""

    reduction: ReduceMode = "mean"
    name: str | None = None


class MultiLabelSoftMarginLoss(_LossOfLabel, function=functional.multi_label_soft_margin_loss):
    """`unified_loss.losses.multilabel_soft_margin`."""

    weight: Any = None
    reduction: ReduceMode = "mean"
    name: str | None = None


class MultiLabelMarginLoss(_LossOfLabel, function=functional.multi_label_margin_loss):
    """`unified_loss.losses.multilabel_margin`."""

    reduction: ReduceMode = "mean"
    name: str | None = None


class MultiMarginLoss(_LossOfLabel, function=functional.multi_margin_loss):
    """`unified_loss.losses.multi_margin`, with the gradient of the formula at the margin."""

    p: int = 1
    margin: float = 1.0
    weight: Any = None
    reduction: ReduceMode = "mean"
    name: str | None = None


class _TripletLoss(_Loss):
    """The base of the losses of three points."""

    def __call__(self, input: T, positive: T, negative: T) -> T:
        """A scalar, or with ``reduction="none"`` one loss per sample."""
        return self.evaluate(input, positive, negative)


class TripletMarginLoss(_TripletLoss, function=functional.triplet_margin_loss):
    """`unified_loss.losses.triplet_margin`."""

    margin: float = 1.0
    p: float = 2.0
    epsilon: float = 1e-6
    swap: bool = False
    reduction: ReduceMode = "mean"
    name: str | None = None


class TripletMarginWithDistanceLoss(_TripletLoss, function=functional.triplet_margin_with_distance_loss):
    """`unified_loss.losses.triplet_margin`: the class does not pass its `distance_function` on."""

    distance_function: Callable[[Any, Any], Any] | None = None
    margin: float = 1.0
    swap: bool = False
    reduction: ReduceMode = "mean"
    name: str | None = None

    def lower(self) -> Plan:
        """The plan."""
        return functional.triplet_margin_with_distance_loss.plan(
            margin=self.margin, swap=self.swap, reduction=self.reduction
        )


class CTCLoss(_Loss, function=functional.ctc_loss):
    """`unified_loss.losses.ctc` of logits, despite the name; labels that do not fit their frames give 0.

    The mean is of the losses per label; `norm_by_times` divides the gradient only.
    """

    blank: int = 0
    reduction: ReduceMode = "mean"
    zero_infinity: bool = False

    call_parameters = {"norm_by_times": False}

    def __call__(
        self, log_probs: T, labels: T, input_lengths: T, label_lengths: T, norm_by_times: bool = False
    ) -> T:
        """A scalar, or with ``reduction="none"`` one loss per sample."""
        loss = self.at(norm_by_times=norm_by_times)
        return loss.evaluate(log_probs, labels, input_lengths, label_lengths)
