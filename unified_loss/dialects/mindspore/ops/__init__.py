"""The loss functions and primitives of `mindspore.ops` as of MindSpore 2.10.0, on any backend."""

from .function import *  # noqa: F403
from .function import __all__ as __all__
