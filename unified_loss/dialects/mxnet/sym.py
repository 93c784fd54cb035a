"""The losses of `mxnet.sym`, which are those of `mxnet.nd`, on arrays: there are no symbols here."""

from .nd import (
    CTCLoss,
    LinearRegressionOutput,
    LogisticRegressionOutput,
    MAERegressionOutput,
    MakeLoss,
    Softmax,
    SoftmaxOutput,
    SVMOutput,
    ctc_loss,
    make_loss,
    smooth_l1,
    softmax_cross_entropy,
)

__all__ = [
    "CTCLoss",
    "LinearRegressionOutput",
    "LogisticRegressionOutput",
    "MAERegressionOutput",
    "MakeLoss",
    "SVMOutput",
    "Softmax",
    "SoftmaxOutput",
    "ctc_loss",
    "make_loss",
    "smooth_l1",
    "softmax_cross_entropy",
]
