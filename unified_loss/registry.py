"""The backends that exist, shipped here or by others, and what this process has loaded of them."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import BackendError

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

GROUP = "unified_loss.backends"
"""The entry-point group of others' backends: ``name = "package.module:Class"``."""
TYPES_GROUP = "unified_loss.types"
"""The entry-point group of root modules of tensor types, where they are not named as their backend."""


@dataclass(frozen=True)
class Entry:
    """A backend before it is loaded."""

    name: str
    path: str
    """Its class, ``package.module:Class``."""
    module: str = ""
    """The framework's import name; of others' backends not known before their class is imported."""
    distributions: tuple[str, ...] = ()
    """The names under which pip may have installed it; the first is the one to recommend."""
    minimum: tuple[int, ...] = ()
    """The first version that the conformance suite has been run on."""
    types: tuple[str, ...] = ()
    """The root modules of its tensors' types."""
    obstacle: str = ""
    """Why it cannot be used, where the entry point alone says so."""


def _shipped(
    name: str,
    class_name: str,
    module: str,
    distributions: tuple[str, ...],
    minimum: tuple[int, ...],
    types: tuple[str, ...],
) -> Entry:
    path = f"unified_loss.backends.{name}:{class_name}"
    return Entry(name, path, module, distributions, minimum, types)


# In the order in which all of them can be imported into one process.
ENTRIES = {
    entry.name: entry
    for entry in (
        _shipped("numpy", "NumpyBackend", "numpy", ("numpy",), (1, 26), ("numpy",)),
        _shipped("mindspore", "MindsporeBackend", "mindspore", ("mindspore",), (2, 10), ("mindspore",)),
        _shipped("torch", "TorchBackend", "torch", ("torch",), (2, 13), ("torch",)),
        _shipped(
            "paddle", "PaddleBackend", "paddle", ("paddlepaddle", "paddlepaddle-gpu"), (3, 3), ("paddle",)
        ),
        _shipped(
            "tensorflow",
            "TensorflowBackend",
            "tensorflow",
            ("tensorflow-cpu", "tensorflow"),
            (2, 21),
            ("tensorflow",),
        ),
        _shipped("jax", "JaxBackend", "jax", ("jax",), (0, 7), ("jax", "jaxlib")),
        _shipped("mxnet", "MxnetBackend", "mxnet", ("mxnet",), (1, 9, 1), ("mxnet",)),
    )
}
"""The backends that are shipped here."""

# (loaded first, then imported): what the second import does. Measured with paddlepaddle 3.3.1,
# tensorflow-cpu 2.21.0 and mindspore 2.10.0; every other ordered pair works.
IMPORT_CONFLICTS = {
    ("tensorflow", "paddle"): "crashes the process (segmentation fault)",
    ("paddle", "mindspore"): "fails (undefined symbol in its oneDNN library)",
}

loaded: dict[str, Backend] = {}
"""By name, and others' also by the path that they were asked for by."""
failures: dict[str, str] = {}
recognised: dict[type, Backend | None] = {}
"""The backend of each type that was seen; None for what is no tensor."""

_registered: dict[str, Entry] = {}

_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


def is_path(name: str) -> bool:
    """Whether `name` is meant as that of a class, ``package.module:Class``."""
    return ":" in name


def check_path(path: str) -> str:
    """`path` if it has the form ``package.module:Class``, else an error."""
    if not _PATH.fullmatch(path):
        raise BackendError(f"{path!r} names no backend class: expected package.module:Class")
    return path


def entry_of(name: str) -> Entry:
    """The entry of a backend by name or by the path of its class, or an error that lists the names.

    A class that has not been loaded yet has an entry in which its path stands for its name.
    """
    if name in ENTRIES:
        return ENTRIES[name]
    if is_path(name):
        known = (entry for entry in (*ENTRIES.values(), *_registered.values()) if entry.path == name)
        return next(known, None) or Entry(check_path(name), name)
    others = third_parties()
    if name not in others:
        raise BackendError(
            f"unknown backend {name!r}; the backends are: {', '.join([*ENTRIES, *others])}, "
            "or package.module:Class for another"
        )
    return others[name]


def third_parties() -> Mapping[str, Entry]:
    """The entries of others' backends: those that entry points announce, and those loaded by path."""
    return {**_announced(), **_registered}


def third_party_of(root: str) -> Entry | None:
    """The entry of the third party's backend whose tensors' types are in this root module."""
    if root in sys.stdlib_module_names or root in ("numpy", "__main__"):
        return None
    return next((entry for entry in third_parties().values() if root in entry.types), None)


def spelled(name: str) -> str:
    """The name by which any other process finds a backend too: the path of one that nothing announces."""
    known_anywhere = name in ENTRIES or name not in _registered or name in _announced()
    return name if known_anywhere else _registered[name].path


def register(entry: Entry) -> None:
    """Make the backend of a third party known by its name and by the types of its tensors."""
    known = third_parties().get(entry.name)
    if entry.name in ENTRIES or (known is not None and known.path != entry.path):
        owner = "shipped here" if known is None or known.name in ENTRIES else f"of {known.path}"
        raise BackendError(f"its name {entry.name!r} is that of the backend {owner}; it needs another")
    for other in (*ENTRIES.values(), *third_parties().values()):
        shared = sorted({*entry.types} & {*other.types})
        if shared and other.name != entry.name:
            raise BackendError(
                f"its tensors are to be recognised by the module {shared[0]!r}, which those of the backend "
                f"{other.name!r} are recognised by"
            )
    _registered[entry.name] = entry
    # What was no tensor of anything before may be one of this backend.
    for kind in [kind for kind, backend in recognised.items() if backend is None]:
        del recognised[kind]


@functools.cache
def _announced() -> Mapping[str, Entry]:
    """What the entry points of all installed distributions announce, without importing any."""
    # Imported here because it would be a third of what `import unified_loss` costs.
    from importlib.metadata import entry_points  # noqa: PLC0415

    roots: dict[str, list[str]] = {}
    for point in entry_points(group=TYPES_GROUP):
        roots.setdefault(point.value, []).append(point.name)
    paths: dict[str, list[str]] = {}
    for point in entry_points(group=GROUP):
        paths.setdefault(point.name, []).append(point.value)
    found = {}
    for name, claimants in sorted(paths.items()):
        for path in sorted(set(claimants)):
            obstacle = _obstacle(name, path, sorted(set(claimants)))
            # One that cannot have its name goes by its path, and is recognised by nothing.
            types = () if obstacle else (name, *roots.get(path, ()))
            key = path if obstacle else name
            found[key] = Entry(key, path, types=types, obstacle=obstacle)
    return found


def _obstacle(name: str, path: str, claimants: list[str]) -> str:
    if name in ENTRIES:
        return f"its name {name!r} is that of a backend shipped here; it needs another"
    if len(claimants) > 1:
        return f"the entry points of several backends have the name {name!r}: {', '.join(claimants)}"
    if not _PATH.fullmatch(path):
        return f"its entry point {name!r} is {path!r}, expected package.module:Class"
    return ""
