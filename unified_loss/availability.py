"""Which backends are there on this machine, and why not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import signal
import subprocess
import sys
from dataclasses import dataclass

from .registry import ENTRIES, IMPORT_CONFLICTS, Entry, failures, loaded


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
    installed = version(entry)
    if entry.name in loaded:
        return BackendInfo(entry.name, True, loaded[entry.name].version, True, None)
    reason = obstacle(entry, in_this_process=not check)
    if reason is None and check:
        reason = _import_error(entry)
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


def _import_error(entry: Entry) -> str | None:
    program = _PROBE.format(name=entry.name, mark=_MARK)
    try:
        done = subprocess.run(  # noqa: S603  our own interpreter on a program of our own
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        return "importing it took more than 120 s"
    if done.returncode == 0:
        return None
    if done.returncode < 0:
        return f"importing it crashed the process ({signal.Signals(-done.returncode).name})"
    _, mark, reason = done.stdout.rpartition(_MARK)
    return reason.strip() if mark else f"importing it ended the process with status {done.returncode}"


# What the frameworks themselves print stands before the mark.
_MARK = "unified_loss: cannot be used: "
_PROBE = """
import sys
from unified_loss.loading import get_backend
from unified_loss.registry import failures
try:
    get_backend({name!r})
except Exception as error:
    print({mark!r} + failures.get({name!r}, str(error)))
    sys.exit(1)
"""
