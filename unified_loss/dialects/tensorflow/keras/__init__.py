"""`tf.keras` as of TensorFlow 2.21.0 with Keras 3.15.1, on any backend."""

from . import losses, metrics

__all__ = ["losses", "metrics"]
