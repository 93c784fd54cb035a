"""The losses of `paddle.nn` as of PaddlePaddle 3.3.1, on any backend."""

from . import functional, loss
from .layer.loss import *  # noqa: F403
from .layer.loss import __all__ as _losses

__all__ = [*_losses, "functional", "loss"]  # noqa: PLE0604
