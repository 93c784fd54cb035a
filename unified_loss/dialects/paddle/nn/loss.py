"""`paddle.nn.loss`, another name of `paddle.nn.layer.loss`."""

from .layer import loss
from .layer.loss import *  # noqa: F403

__all__ = loss.__all__
