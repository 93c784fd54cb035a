"""Loads a backend, and imports its framework, on first request."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from .errors import BackendError
from .registry import ENTRIES, Entry, entry_of, failures, loaded

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend


def get_backend(name: str) -> Backend:
    """The backend of a framework, which is imported now if it has not been before.

    Parameters
    ----------
    name : one of the names that `unified_loss.backends` lists, or ``package.module:Class``, the path
        of a subclass of `unified_loss.backends.base.Backend`, which is known by its name from then on

    Returns
    -------
    Backend
        The array operations of that framework, with its conversions and gradients.

    Raises
    ------
    BackendError
        If there is no such backend, its framework is not installed, too old or fails to import,
        importing it after a framework that is already loaded is known to crash, or a class lacks
        something of what a backend declares.

    Examples
    --------
    >>> import unified_loss as ul
    >>> ul.get_backend("numpy").name
    'numpy'
    """
    if name in loaded:
        return loaded[name]
    entry = entry_of(name)
    if entry.name not in ENTRIES:
        return _third_party(name, entry)
    if entry.name != name:
        return get_backend(entry.name)
    # Imported here because importlib.metadata would be a third of what `import unified_loss` costs.
    from . import availability  # noqa: PLC0415

    reason = availability.obstacle(entry)
    if reason is not None:
        raise BackendError(f"backend {name!r} cannot be used: {reason}")
    try:
        module, _, class_name = entry.path.partition(":")
        backend: Backend = getattr(importlib.import_module(module), class_name)()
    except Exception as error:  # frameworks fail to import in every possible way
        failures[name] = f"importing it failed: {type(error).__name__}: {error}"
        raise BackendError(f"backend {name!r} cannot be used: {failures[name]}") from error
    loaded[name] = backend
    return backend


def _third_party(name: str, entry: Entry) -> Backend:
    from .third_party import load  # noqa: PLC0415  the backends shipped here need nothing of it

    try:
        backend = load(entry)
    except BackendError as error:
        failures[entry.name] = str(error)
        raise BackendError(f"backend {name!r} cannot be used: {error}") from error
    # By its path too, so that who names it by that does not load it again.
    loaded[backend.name] = loaded[entry.path] = backend
    return backend


def import_backends(*names: str) -> dict[str, Backend]:
    """Import several frameworks into this process, in the order in which they tolerate each other.

    Parameters
    ----------
    *names : backend names; without any, all that are shipped here and whose framework is installed

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

    wanted = [entry_of(name).name for name in names]
    if not names:
        wanted = [name for name, entry in ENTRIES.items() if availability.version(entry)]
    shipped = [name for name in ENTRIES if name in wanted]
    backends = map(get_backend, dict.fromkeys([*shipped, *wanted]))
    return {backend.name: backend for backend in backends}
