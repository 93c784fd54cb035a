"""The loss of `mxnet.npx`, which is that of `mxnet.nd`."""

from .nd import smooth_l1

__all__ = ["smooth_l1"]
