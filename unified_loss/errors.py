"""The errors that this library raises; each is also the built-in error that it is a kind of."""

from __future__ import annotations


class UnifiedLossError(Exception):
    """The common base, for those who want to catch everything that comes from here."""


class ShapeError(UnifiedLossError, ValueError):
    """Shapes that do not fit together, or an axis that an input does not have."""


class DtypeError(UnifiedLossError, TypeError):
    """An element type that the loss does not accept."""


class LabelError(UnifiedLossError, IndexError):
    """A class index outside the classes."""


class RangeError(UnifiedLossError, ValueError):
    """A value outside the range that the loss is defined on, such as a probability of 1.1."""


class MixedTensorsError(UnifiedLossError, TypeError):
    """Tensors of two frameworks in one call, or a tensor against an explicit backend."""


class BackendError(UnifiedLossError, RuntimeError):
    """A backend that is unknown, not installed, too old, or fails to import."""


class UnsupportedOperation(UnifiedLossError, NotImplementedError):
    """An operation, dtype or feature that a framework does not have."""


class ConfigError(UnifiedLossError, ValueError):
    """A configuration, a plan in JSON or a name that cannot be read."""


class BroadcastWarning(UserWarning):
    """Shapes that differ and are broadcast, because the framework whose loss it is does so."""
