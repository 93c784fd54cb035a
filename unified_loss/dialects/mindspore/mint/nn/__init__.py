"""The losses of `mindspore.mint.nn` as of MindSpore 2.10.0, on any backend."""

from __future__ import annotations

from typing import Any, TypeVar

from unified_loss.dialects.mindspore.nn import L1LossExt as L1Loss
from unified_loss.dialects.mindspore.nn import SoftMarginLoss
from unified_loss.dialects.mindspore.plans import BatchChoice, Choice
from unified_loss.dialects.row import DialectLoss

from . import functional
from .functional import cross_entropy
from .functional import kl_div as kl_div_ext
from .functional import mse_loss as mse_loss_ext

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CosineEmbeddingLoss",
    "CrossEntropyLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "NLLLoss",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "cross_entropy",
    "functional",
    "kl_div_ext",
    "mse_loss_ext",
]

T = TypeVar("T")


class _Loss(DialectLoss, namespace="mindspore.mint.nn"):
    def __call__(self, input: T, target: T) -> T:
        """A scalar, or with ``reduction="none"`` one loss per element or sample."""
        return self.evaluate(input, target)


class MSELoss(_Loss, function=functional.mse_loss):
    """`unified_loss.losses.squared_error`, which MindSpore has no CPU kernel for; the two broadcast."""

    reduction: Choice = "mean"


class SmoothL1Loss(_Loss, function=functional.smooth_l1_loss):
    """`unified_loss.losses.smooth_l1`, reduced by default."""

    reduction: Choice = "mean"
    beta: float = 1.0


class BCELoss(_Loss, function=functional.binary_cross_entropy):
    """`unified_loss.losses.binary_cross_entropy` of probabilities."""

    weight: Any = None
    reduction: Choice = "mean"


class BCEWithLogitsLoss(_Loss, function=functional.binary_cross_entropy_with_logits):
    """`unified_loss.losses.binary_cross_entropy_with_logits`; the weights do not enter the mean."""

    weight: Any = None
    reduction: Choice = "mean"
    pos_weight: Any = None


class CrossEntropyLoss(_Loss, function=functional.cross_entropy):
    """`unified_loss.losses.cross_entropy` along axis 1, which MindSpore has no CPU kernel for."""

    weight: Any = None
    ignore_index: int = -100
    reduction: Choice = "mean"
    label_smoothing: float = 0.0


class NLLLoss(_Loss, function=functional.nll_loss):
    """`unified_loss.losses.nll` along axis 1; a negative class index is refused."""

    weight: Any = None
    ignore_index: int = -100
    reduction: Choice = "mean"


class KLDivLoss(_Loss, function=functional.kl_div):
    """`unified_loss.losses.kl_divergence` from log-probabilities, which MindSpore has no CPU kernel for."""

    reduction: BatchChoice = "mean"
    log_target: bool = False


class CosineEmbeddingLoss(
    DialectLoss, namespace="mindspore.mint.nn", function=functional.cosine_embedding_loss
):
    """`unified_loss.losses.cosine_embedding`, which MindSpore has no CPU kernel for."""

    margin: float = 0.0
    reduction: Choice = "mean"

    def __call__(self, input1: T, input2: T, target: T) -> T:
        """A scalar, or with ``reduction="none"`` one loss per pair."""
        return self.evaluate(input1, input2, target)
