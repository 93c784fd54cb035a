"""The losses of `mxnet.gluon`."""

from . import loss

__all__ = ["loss"]
