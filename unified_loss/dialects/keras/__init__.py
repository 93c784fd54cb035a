"""`keras` as of Keras 3.15.1 with TensorFlow, on any backend."""

from . import losses, metrics

__all__ = ["losses", "metrics"]
