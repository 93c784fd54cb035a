"""The backends that exist, and the loading of each on first request."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import BackendError

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend


@dataclass(frozen=True)
class Entry:
    """A backend before it is loaded."""

    name: str
    class_name: str
    module: str
    """The framework's import name."""
    distributions: tuple[str, ...]
    """The names under which pip may have installed it; the first is the one to recommend."""
    minimum: tuple[int, ...]
    """The first version that the conformance suite has been run on."""
    types: tuple[str, ...]
    """The root modules of its tensors' types."""


# In the order in which all of them can be imported into one process.
ENTRIES = {
    entry.name: entry
    for entry in (
        Entry("numpy", "NumpyBackend", "numpy", ("numpy",), (1, 26), ("numpy",)),
        Entry("mindspore", "MindsporeBackend", "mindspore", ("mindspore",), (2, 10), ("mindspore",)),
        Entry("torch", "TorchBackend", "torch", ("torch",), (2, 13), ("torch",)),
        Entry("paddle", "PaddleBackend", "paddle", ("paddlepaddle", "paddlepaddle-gpu"), (3, 3), ("paddle",)),
        Entry(
            "tensorflow",
            "TensorflowBackend",
            "tensorflow",
            ("tensorflow-cpu", "tensorflow"),
            (2, 21),
            ("tensorflow",),
        ),
        Entry("jax", "JaxBackend", "jax", ("jax",), (0, 7), ("jax", "jaxlib")),
        Entry("mxnet", "MxnetBackend", "mxnet", ("mxnet",), (1, 9, 1), ("mxnet",)),
    )
}

# (loaded first, then imported): what the second import does. Measured with paddlepaddle 3.3.1,
# tensorflow-cpu 2.21.0 and mindspore 2.10.0; every other ordered pair works.
IMPORT_CONFLICTS = {
    ("tensorflow", "paddle"): "crashes the process (segmentation fault)",
    ("paddle", "mindspore"): "fails (undefined symbol in its oneDNN library)",
}

loaded: dict[str, Backend] = {}
failures: dict[str, str] = {}


def entry_of(name: str) -> Entry:
    """The entry of a backend by name, or an error that lists the names there are."""
    if name not in ENTRIES:
        raise BackendError(f"unknown backend {name!r}; the backends are: {', '.join(ENTRIES)}")
    return ENTRIES[name]


def get_backend(name: str) -> Backend:
    """The backend of a framework, which is imported now if it has not been before.

    Parameters
    ----------
    name : one of the names that `unified_loss.backends` lists

    Returns
    -------
    Backend
        The array operations of that framework, with its conversions and gradients.

    Raises
    ------
    BackendError
        If there is no such backend, its framework is not installed, too old or fails to import,
        or importing it after a framework that is already loaded is known to crash.

    Examples
    --------
    >>> import unified_loss as ul
    >>> ul.get_backend("numpy").name
    'numpy'
    """
    if name in loaded:
        return loaded[name]
    entry = entry_of(name)
    # Imported here because importlib.metadata would be a third of what `import unified_loss` costs.
    from . import availability  # noqa: PLC0415

    reason = availability.obstacle(entry)
    if reason is not None:
        raise BackendError(f"backend {name!r} cannot be used: {reason}")
    try:
        module = importlib.import_module(f"unified_loss.backends.{name}")
        backend: Backend = getattr(module, entry.class_name)()
    except Exception as error:  # frameworks fail to import in every possible way
        failures[name] = f"importing it failed: {type(error).__name__}: {error}"
        raise BackendError(f"backend {name!r} cannot be used: {failures[name]}") from error
    loaded[name] = backend
    return backend


def import_backends(*names: str) -> dict[str, Backend]:
    """Import several frameworks into this process, in the order in which they tolerate each other.

    Parameters
    ----------
    *names : backend names; without any, all that are installed

    Returns
    -------
    dict
        The backends by name.

    Raises
    ------
    BackendError
        As `get_backend`.

    Examples
    --------
    >>> import unified_loss as ul
    >>> list(ul.import_backends("numpy"))
    ['numpy']
    """
    from . import availability  # noqa: PLC0415  as in get_backend

    wanted = {entry_of(name).name for name in names}
    if not names:
        wanted = {name for name, entry in ENTRIES.items() if availability.version(entry)}
    return {name: get_backend(name) for name in ENTRIES if name in wanted}
