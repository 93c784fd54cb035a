"""The losses of `mindspore.nn` as of MindSpore 2.10.0, on any backend."""

from ._binary import BCELoss, BCEWithLogitsLoss, MultiLabelSoftMarginLoss, SoftMarginLoss
from ._categorical import (
    CrossEntropyLoss,
    MultilabelMarginLoss,
    MultiMarginLoss,
    NLLLoss,
    SoftmaxCrossEntropyWithLogits,
)
from ._divergence import GaussianNLLLoss, KLDivLoss, PoissonNLLLoss
from ._embedding import (
    CosineEmbeddingLoss,
    HingeEmbeddingLoss,
    MarginRankingLoss,
    TripletMarginLoss,
    TripletMarginWithDistanceLoss,
)
from ._regression import HuberLoss, L1Loss, L1LossExt, MAELoss, MSELoss, RMSELoss, SmoothL1Loss
from ._sampled import SampledSoftmaxLoss
from ._segmentation import DiceLoss, FocalLoss, MultiClassDiceLoss
from ._sequence import CTCLoss

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CTCLoss",
    "CosineEmbeddingLoss",
    "CrossEntropyLoss",
    "DiceLoss",
    "FocalLoss",
    "GaussianNLLLoss",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "L1LossExt",
    "MAELoss",
    "MSELoss",
    "MarginRankingLoss",
    "MultiClassDiceLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "MultilabelMarginLoss",
    "NLLLoss",
    "PoissonNLLLoss",
    "RMSELoss",
    "SampledSoftmaxLoss",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "SoftmaxCrossEntropyWithLogits",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]
