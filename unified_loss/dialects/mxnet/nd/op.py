"""`mxnet.nd.op`: the same losses under the name of the module that holds them."""

from . import CTCLoss, MakeLoss, ctc_loss, make_loss, smooth_l1, softmax_cross_entropy

__all__ = ["CTCLoss", "MakeLoss", "ctc_loss", "make_loss", "smooth_l1", "softmax_cross_entropy"]
