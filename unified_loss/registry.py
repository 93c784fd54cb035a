"""The backends that exist, and the loading of each on first request."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import subprocess
import sys
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

_loaded: dict[str, Backend] = {}
_failures: dict[str, str] = {}


@dataclass(frozen=True)
class BackendInfo:
    """What is known of a backend: whether it can be used, and if not, why.

    `usable` is None where the framework is installed but has not been imported yet.
    """

    name: str
    installed: bool
    version: str | None
    usable: bool | None
    reason: str | None


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
    loaded = _loaded.get(name)
    if loaded is not None:
        return loaded
    entry = entry_of(name)
    reason = _obstacle(entry)
    if reason is not None:
        raise BackendError(f"backend {name!r} cannot be used: {reason}")
    try:
        module = importlib.import_module(f"unified_loss.backends.{name}")
        backend: Backend = getattr(module, entry.class_name)()
    except Exception as error:  # frameworks fail to import in every possible way
        _failures[name] = f"importing it failed: {type(error).__name__}: {error}"
        raise BackendError(f"backend {name!r} cannot be used: {_failures[name]}") from error
    _loaded[name] = backend
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
    wanted = {entry_of(name).name for name in names} or {n for n, e in ENTRIES.items() if _version(e)}
    return {name: get_backend(name) for name in ENTRIES if name in wanted}


def backends(*, check: bool = False) -> list[BackendInfo]:
    """Each backend: whether its framework is installed, which version, and why it is not usable.

    Parameters
    ----------
    check : whether to find out, in a process of its own each, if the framework really imports.
        Without, nothing is imported, and what has not been imported yet has ``usable=None``.

    Returns
    -------
    list of BackendInfo
        In the order in which the frameworks can be imported into one process.

    Examples
    --------
    >>> import unified_loss as ul
    >>> next(info.installed for info in ul.backends() if info.name == "numpy")
    True
    """
    return [_info(entry, check) for entry in ENTRIES.values()]


def _info(entry: Entry, check: bool) -> BackendInfo:
    version = _version(entry)
    if entry.name in _loaded:
        return BackendInfo(entry.name, True, _loaded[entry.name].version, True, None)
    reason = _obstacle(entry, in_this_process=not check)
    if reason is None and check:
        reason = _import_error(entry)
        return BackendInfo(entry.name, True, version, reason is None, reason)
    return BackendInfo(entry.name, version is not None, version, None if reason is None else False, reason)


def _version(entry: Entry) -> str | None:
    for distribution in entry.distributions:
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    # Built from source or on the path by hand: importable, of a version that only it knows.
    return "unknown" if importlib.util.find_spec(entry.module) else None


def _obstacle(entry: Entry, in_this_process: bool = True) -> str | None:
    """Why a framework cannot be imported, as far as can be said without importing it."""
    version = _version(entry)
    if version is None:
        return f"{entry.distributions[0]} is not installed: pip install 'unified_loss[{entry.name}]'"
    release = _release(version)
    if release and release < entry.minimum:
        needed = ".".join(map(str, entry.minimum))
        return f"{entry.distributions[0]} {version} is too old, {needed} or later is needed"
    if not in_this_process or entry.module in sys.modules:
        return None
    if entry.name in _failures:
        return _failures[entry.name]
    for (first, second), consequence in IMPORT_CONFLICTS.items():
        if second == entry.name and ENTRIES[first].module in sys.modules:
            return (
                f"importing {second} after {first}, which this process has loaded, {consequence}; "
                f"import {second} first (unified_loss.import_backends({first!r}, {second!r}) does) "
                f"or use another process"
            )
    return None


def _release(version: str) -> tuple[int, ...]:
    digits: list[int] = []
    for part in version.split("+", maxsplit=1)[0].split("."):
        if not part.isdigit():
            break
        digits.append(int(part))
    return tuple(digits)


def _import_error(entry: Entry) -> str | None:
    program = f"from unified_loss.registry import get_backend; get_backend({entry.name!r})"
    try:
        done = subprocess.run(  # noqa: S603  our own interpreter on a program of our own
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        return "importing it took more than 120 s"
    if done.returncode == 0:
        return None
    last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    return last.rpartition("cannot be used: ")[2]
