"""`paddle.nn.layer` as of PaddlePaddle 3.3.1, on any backend."""

from . import loss

__all__ = ["loss"]
