"""Where a backend may be configured: the environment, `unified_loss.toml`, `pyproject.toml`."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from .errors import BackendError, ConfigError
from .registry import ENTRIES, entry_of

ENVIRONMENT_VARIABLE = "UNIFIED_LOSS_BACKEND"
_KEYS = ("backend", "workers", "natives")
_WORKER_KEYS = ("python",)
_NATIVE_KEYS = ("framework", "python")
_FRAMEWORKS = (*(name for name in ENTRIES if name != "numpy"), "keras", "optax")


@dataclass(frozen=True)
class Native:
    """A further version of a framework, whose own losses are compared in a conformance run."""

    name: str
    framework: str
    python: str


@dataclass(frozen=True)
class Settings:
    """What a configuration file says, and which file that is."""

    source: Path | None = None
    backend: str | None = None
    workers: tuple[tuple[str, str], ...] = ()
    """(backend, interpreter) for backends whose conformance worker runs elsewhere."""
    natives: tuple[Native, ...] = ()


def environment_backend() -> str | None:
    """The backend that the environment names, if any."""
    name = os.environ.get(ENVIRONMENT_VARIABLE)
    return check_backend_name(name, f"environment variable {ENVIRONMENT_VARIABLE}") if name else None


def file_settings() -> Settings:
    """The settings in the nearest configuration file, from the working directory upward."""
    return _nearest_settings(Path.cwd())


def check_backend_name(name: object, source: str) -> str:
    """`name` if it is that of a backend, else an error that says where it stands."""
    if not isinstance(name, str):
        raise ConfigError(f"{source}: unknown backend {name!r}; expected the name of one, in quotes")
    try:
        entry_of(name)
    except BackendError as error:
        raise ConfigError(f"{source}: {error}") from error
    return name


@lru_cache(maxsize=64)
def _nearest_settings(folder: Path) -> Settings:
    for place in (folder, *folder.parents):
        own, shared = place / "unified_loss.toml", place / "pyproject.toml"
        if own.is_file():
            return _read(own, _load(own))
        if shared.is_file():
            # As for other tools, the nearest pyproject.toml ends the search.
            table = _load(shared).get("tool", {}).get("unified_loss")
            return Settings() if table is None else _read(shared, table)
    return Settings()


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML: {error}") from error


def _read(path: Path, table: object) -> Settings:
    if not isinstance(table, Mapping):
        raise ConfigError(f"{path}: [tool.unified_loss] must be a table, not {table!r}")
    _refuse_unknown(table, _KEYS, str(path))
    backend = table.get("backend")
    if backend is not None:
        check_backend_name(backend, str(path))
    workers = []
    for name, worker in dict(table.get("workers", {})).items():
        source = f"{path}: workers.{name}"
        check_backend_name(name, source)
        if not isinstance(worker, Mapping) or not isinstance(worker.get("python"), str):
            raise ConfigError(f"{source}: expected a table with python = 'path of an interpreter'")
        _refuse_unknown(worker, _WORKER_KEYS, source)
        workers.append((name, worker["python"]))
    further = dict(table.get("natives", {}))
    natives = tuple(_native(name, native, f"{path}: natives.{name}") for name, native in further.items())
    return Settings(path, backend, tuple(workers), natives)


def _native(name: str, table: object, source: str) -> Native:
    if name in ENTRIES:
        raise ConfigError(f"{source}: {name} is what the backend is called; give this version another name")
    if not isinstance(table, Mapping) or not all(isinstance(table.get(key), str) for key in _NATIVE_KEYS):
        raise ConfigError(
            f"{source}: expected a table with framework = 'keras', say, and python = 'path of an interpreter'"
        )
    _refuse_unknown(table, _NATIVE_KEYS, source)
    if table["framework"] not in _FRAMEWORKS:
        raise ConfigError(
            f"{source}: unknown framework {table['framework']!r}; there are: {', '.join(_FRAMEWORKS)}"
        )
    return Native(name, table["framework"], table["python"])


def _refuse_unknown(table: Mapping[str, Any], known: tuple[str, ...], source: str) -> None:
    for key in table:
        if key not in known:
            raise ConfigError(f"{source}: unknown key {key!r}; the keys are: {', '.join(known)}")
