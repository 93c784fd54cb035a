"""The losses of `mindspore.mint`."""

from . import nn

__all__ = ["nn"]
