"""One specification of each loss, on every deep-learning framework, in every framework's own words."""

import importlib as _importlib
import types as _types
import typing as _typing

from . import losses
from .compilation import Compiled, compile
from .dispatch import asarray, convert, explain_selection, set_backend, to_numpy, use_backend
from .errors import (
    BackendError,
    BroadcastWarning,
    ConfigError,
    DtypeError,
    LabelError,
    MixedTensorsError,
    RangeError,
    ShapeError,
    UnifiedLossError,
    UnsupportedOperation,
)
from .gradients import value_and_grad
from .loading import get_backend, import_backends
from .loss import Loss
from .naming import from_config, resolve
from .plan import Plan


class _CallablePackage(_types.ModuleType):
    """The package `unified_loss.backends`, which is also the function of that name.

    Importing any backend makes Python bind the package to that name, so it has to be both.
    """

    def __call__(self, *, check: bool = False) -> "list[BackendInfo]":
        """As `unified_loss.availability.backends`."""
        # importlib.metadata, which it needs, would be a third of what importing this costs.
        from .availability import backends  # noqa: PLC0415

        return backends(check=check)


if _typing.TYPE_CHECKING:
    from .availability import BackendInfo, backends
    from .modules import as_module
    from .porting.diff import explain_diff
    from .porting.port import port
else:
    backends = _importlib.import_module(".backends", __name__)
    backends.__class__ = _CallablePackage

__version__ = "0.1.0"

_LATE = {"as_module": "modules", "explain_diff": "porting.diff", "port": "porting.port"}
"""What few programs use, by the module that is imported when it is first asked for."""


def __getattr__(name: str) -> object:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(_importlib.import_module(f"{__name__}.{_LATE[name]}"), name)
    globals()[name] = found
    return found


__all__ = [
    "BackendError",
    "BroadcastWarning",
    "Compiled",
    "ConfigError",
    "DtypeError",
    "LabelError",
    "Loss",
    "MixedTensorsError",
    "Plan",
    "RangeError",
    "ShapeError",
    "UnifiedLossError",
    "UnsupportedOperation",
    "as_module",
    "asarray",
    "backends",
    "compile",
    "convert",
    "explain_diff",
    "explain_selection",
    "from_config",
    "get_backend",
    "import_backends",
    "losses",
    "port",
    "resolve",
    "set_backend",
    "to_numpy",
    "use_backend",
    "value_and_grad",
]
