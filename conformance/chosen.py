"""Which backends are checked, and how the worker of each finds its own."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.machinery import PathFinder

from unified_loss.availability import probe
from unified_loss.errors import BackendError
from unified_loss.registry import ENTRIES, Entry, entry_of, is_path, register, third_parties


@dataclass(frozen=True)
class Chosen:
    """A backend that is checked.

    Parameters
    ----------
    name : the backend's
    asked : the name, or path of a class, that the worker loads it by
    python : the interpreter of the worker
    folders : what the worker needs on its path beside what its interpreter has there
    version, compilers : of the framework, and by name with whether they are slow, where it has been
        loaded already
    """

    name: str
    asked: str
    python: str
    folders: tuple[str, ...] = ()
    version: str | None = None
    compilers: Mapping[str, bool] = field(default_factory=dict)

    @property
    def request(self) -> dict[str, object]:
        """What a worker is told of it."""
        return {"backend": self.asked, "path": list(self.folders)}


def choose(backends: Iterable[str] | None, pythons: Mapping[str, str]) -> list[Chosen]:
    """The backends of these names, in the order in which they are run; None for all that there are.

    Parameters
    ----------
    backends : names, or paths of classes, of which each is loaded once, in a process of its own
    pythons : the interpreters of those that have another than this one, by name or by path

    Raises
    ------
    BackendError
        If a name is that of no backend, or one that is not shipped here cannot be loaded.
    """
    if backends is None:
        everyone = (*ENTRIES.values(), *(entry for entry in third_parties().values() if not entry.obstacle))
        return [_unasked(entry, pythons.get(entry.name, sys.executable)) for entry in everyone]
    asked = ((name, entry_of(name).name) for name in backends)
    names = list(dict.fromkeys(known if known in ENTRIES else name for name, known in asked))
    shipped = [name for name in ENTRIES if name in names]
    others = [asked_for(name, pythons) for name in names if name not in ENTRIES]
    return [*(Chosen(name, name, pythons.get(name, sys.executable)) for name in shipped), *others]


def _unasked(entry: Entry, python: str) -> Chosen:
    return Chosen(entry.name, entry.name, python, () if entry.name in ENTRIES else folders_of(entry.path))


def asked_for(name: str, pythons: Mapping[str, str] | None = None, places: Iterable[str] = ()) -> Chosen:
    """The backend of a third party, once it has been loaded in a process of its own.

    Parameters
    ----------
    name : of its entry point, or the path of its class, ``package.module:Class``
    pythons : as of `choose`
    places : where to look for its module beside `sys.path` and the working directory
    """
    entry = entry_of(name)
    python = (pythons or {}).get(name, sys.executable)
    folders = folders_of(entry.path, places)
    found = probe(name, python, folders)
    if found.reason:
        raise BackendError(f"backend {name!r} cannot be used: {found.reason}")
    if is_path(name):
        # So that it has its name here too, although nothing of it is imported.
        register(Entry(found.name, name))
    return Chosen(found.name, name, python, folders, found.version, found.compilers)


def folders_of(path: str, places: Iterable[str] = ()) -> tuple[str, ...]:
    """What must be added to the path of another process, for the class of that path to be importable.

    Workers do not run where the user does, and do not look for modules there; what is installed
    they find by themselves.
    """
    root = path.partition(":")[0].partition(".")[0]
    installed = {os.path.realpath(folder) for folder in sysconfig.get_paths().values()}
    folders = [os.path.realpath(place) for place in (*sys.path, *places, os.getcwd())]
    found = next((folder for folder in folders if PathFinder.find_spec(root, [folder])), None)
    if found is None or found in installed:
        return ()
    # What it imports may lie in others.
    return tuple(dict.fromkeys([found, *(f for f in folders if os.path.isdir(f) and f not in installed)]))
