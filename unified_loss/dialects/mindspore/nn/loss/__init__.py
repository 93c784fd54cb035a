"""The losses of `mindspore.nn` as of MindSpore 2.10.0, on any backend."""

from ._binary import BCELoss, BCEWithLogitsLoss
from ._divergence import KLDivLoss, PoissonNLLLoss
from ._regression import HuberLoss, L1Loss, MAELoss, MSELoss, RMSELoss, SmoothL1Loss

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MAELoss",
    "MSELoss",
    "PoissonNLLLoss",
    "RMSELoss",
    "SmoothL1Loss",
]
