"""`mxnet.nd.contrib`: the older names of the same losses."""

from . import CTCLoss, ctc_loss

__all__ = ["CTCLoss", "ctc_loss"]
