"""The losses of `mindspore.nn` as of MindSpore 2.10.0, on any backend."""

from .loss import *  # noqa: F403
from .loss import __all__ as __all__
