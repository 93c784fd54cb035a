"""Which backends are there on this machine, and why not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .registry import ENTRIES, IMPORT_CONFLICTS, Entry, failures, loaded, third_parties


@dataclass(frozen=True)
class BackendInfo:
    """What is known of a backend: whether it can be used, and if not, why.

    `usable` is None where the framework is installed but has not been imported yet. Of a backend that
    is not shipped here no more is known then than that there is an entry point, or a class, of it.
    """

    name: str
    installed: bool
    version: str | None
    usable: bool | None
    reason: str | None


def backends(*, check: bool = False) -> list[BackendInfo]:
    """Each backend: whether its framework is installed, which version, and why it is not usable.

    Parameters
    ----------
    check : whether to find out, in a process of its own each, if the framework really imports.
        Without, nothing is imported, and what has not been imported yet has ``usable=None``.

    Returns
    -------
    list of BackendInfo
        In the order in which the frameworks can be imported into one process, then those of others.

    Examples
    --------
    >>> import unified_loss as ul
    >>> next(info.installed for info in ul.backends() if info.name == "numpy")
    True
    """
    shipped = [_info(entry, check) for entry in ENTRIES.values()]
    return [*shipped, *(_info_of_other(entry, check) for entry in third_parties().values())]


def _info_of_other(entry: Entry, check: bool) -> BackendInfo:
    if entry.name in loaded:
        return BackendInfo(entry.name, True, loaded[entry.name].version, True, None)
    reason = entry.obstacle or failures.get(entry.name)
    if reason or not check:
        return BackendInfo(entry.name, True, None, False if reason else None, reason or None)
    found = probe(entry.name)
    return BackendInfo(entry.name, True, found.version, not found.reason, found.reason or None)


def _info(entry: Entry, check: bool) -> BackendInfo:
    installed = version(entry)
    if entry.name in loaded:
        return BackendInfo(entry.name, True, loaded[entry.name].version, True, None)
    reason = obstacle(entry, in_this_process=not check)
    if reason is None and check:
        reason = probe(entry.name).reason or None
        return BackendInfo(entry.name, True, installed, reason is None, reason)
    return BackendInfo(
        entry.name, installed is not None, installed, None if reason is None else False, reason
    )


def version(entry: Entry) -> str | None:
    """The installed version of a framework; None where there is none."""
    for distribution in entry.distributions:
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    # Built from source or on the path by hand: importable, of a version that only it knows.
    return "unknown" if importlib.util.find_spec(entry.module) else None


def obstacle(entry: Entry, in_this_process: bool = True) -> str | None:
    """Why a framework cannot be imported, as far as can be said without importing it."""
    installed = version(entry)
    if installed is None:
        return f"{entry.distributions[0]} is not installed: pip install 'unified_loss[{entry.name}]'"
    release = _release(installed)
    if release and release < entry.minimum:
        needed = ".".join(map(str, entry.minimum))
        return f"{entry.distributions[0]} {installed} is too old, {needed} or later is needed"
    if not in_this_process or entry.module in sys.modules:
        return None
    if entry.name in failures:
        return failures[entry.name]
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


@dataclass(frozen=True)
class Probe:
    """What loading a backend in a process of its own gave: either what it is, or why it cannot be.

    Parameters
    ----------
    name : the backend's, or what it was asked for by
    version : of its framework
    compilers : their names, each with whether it is slow
    reason : why it cannot be loaded
    """

    name: str
    version: str | None = None
    compilers: Mapping[str, bool] = field(default_factory=dict)
    reason: str = ""


def probe(name: str, python: str = sys.executable, folders: Sequence[str] = ()) -> Probe:
    """Load a backend, by name or by the path of its class, in a process of its own.

    Parameters
    ----------
    name : as for `unified_loss.get_backend`
    python : the interpreter
    folders : where to look for its modules after all else
    """
    command = [python, "-P", "-c", _PROBE, name, *folders]
    try:
        done = subprocess.run(  # noqa: S603  a program of our own, in the interpreter that was asked for
            command, capture_output=True, text=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        return Probe(name, reason="importing it took more than 120 s")
    except OSError as error:
        return Probe(name, reason=f"the interpreter {python} cannot be run: {error}")
    _, mark, said = done.stdout.rpartition(_MARK)
    if mark:
        return Probe(**json.loads(said))
    if done.returncode < 0:
        ended = f"importing it crashed the process ({signal.Signals(-done.returncode).name})"
    else:
        ended = f"importing it ended the process with status {done.returncode}"
    return Probe(name, reason=ended)


# What the frameworks themselves print stands before the mark.
_MARK = "unified_loss: loaded: "
_PROBE = f"""
import json, os, sys
from unified_loss.dispatch import check_recognised
from unified_loss.loading import get_backend
from unified_loss.registry import ENTRIES, failures
name, *folders = sys.argv[1:]
sys.path += folders
try:
    backend = get_backend(name)
    if name not in ENTRIES:
        check_recognised(backend)
    said = {{"name": backend.name, "version": backend.version, "compilers": backend.further_modes}}
except Exception as error:
    said = {{"name": name, "reason": failures.get(name, str(error))}}
print({_MARK!r} + json.dumps(said), flush=True)
# Some frameworks crash while the interpreter ends, when all is said.
os._exit(0)
"""
