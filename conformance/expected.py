"""Failures that are expected of a backend: a TOML file of patterns, versions and reasons."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from unified_loss.errors import ConfigError

from .cases import Case

_KEYS = ("cases", "losses", "reason", "backend", "version")


@dataclass(frozen=True)
class ExpectedFailure:
    """An entry: cases that fall short, and why.

    Parameters
    ----------
    source : the file, and which of its entries
    reason : why they fall short
    cases : patterns of the ids of cases, with ``*``, ``?`` and ``[...]`` as in file names
    losses : patterns of the native names of losses, of which all cases are meant
    backend : the only backend of which it is said; None for whichever the file is read for
    version : the versions of its framework of which it is said, ``>=2.5,<2.7``; None for all
    """

    source: str
    reason: str
    cases: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    backend: str | None = None
    version: str | None = None

    def covers(self, case: Case) -> bool:
        """Whether it is said of this case."""
        by_id = any(fnmatchcase(case.id, pattern) for pattern in self.cases)
        return by_id or any(fnmatchcase(case.loss, pattern) for pattern in self.losses)

    def idle_patterns(self, cases: Iterable[Case]) -> list[str]:
        """Its patterns that no case matches."""
        known = list(cases)
        ids, losses = {case.id for case in known}, {case.loss for case in known}
        idle = [p for p in self.cases if not any(fnmatchcase(name, p) for name in ids)]
        return idle + [p for p in self.losses if not any(fnmatchcase(name, p) for name in losses)]

    def concerns(self, backend: str, version: str) -> bool:
        """Whether it is said of this backend, in this version of its framework."""
        if self.backend not in (None, backend):
            return False
        if self.version is None:
            return True
        try:
            installed = Version(version)
        except InvalidVersion as error:
            raise ConfigError(
                f"{self.source}: version {self.version!r} cannot be compared with {version!r} of {backend}"
            ) from error
        return SpecifierSet(self.version).contains(installed, prereleases=True)


def read(file: Path) -> tuple[ExpectedFailure, ...]:
    """The entries of a file.

    Parameters
    ----------
    file : TOML, with a table ``[[failure]]`` for each entry

    Raises
    ------
    ConfigError
        If the file cannot be read, or an entry has a key or a value that is not expected; the error
        says which entry and what it must be.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read as TOML: {error}") from error
    for key in content:
        if key != "failure":
            raise ConfigError(f"{file}: unknown key {key!r}; expected tables [[failure]] only")
    entries = content.get("failure", [])
    if not isinstance(entries, list):
        raise ConfigError(f"{file}: 'failure' must be written [[failure]], once for each entry")
    return tuple(_entry(entry, f"{file}: failure {i}") for i, entry in enumerate(entries, 1))


def _entry(table: Any, source: str) -> ExpectedFailure:
    if not isinstance(table, Mapping):
        raise ConfigError(f"{source}: must be a table, not {table!r}")
    for key in table:
        if key not in _KEYS:
            raise ConfigError(f"{source}: unknown key {key!r}; the keys are: {', '.join(_KEYS)}")
    cases, losses = (_patterns(table.get(key, []), f"{source}: {key}") for key in ("cases", "losses"))
    if not cases and not losses:
        raise ConfigError(f"{source}: needs 'cases' or 'losses', a list of patterns")
    reason = table.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise ConfigError(f"{source}: needs a 'reason', in words, not {reason!r}")
    for key in ("backend", "version"):
        if not isinstance(table.get(key, ""), str):
            raise ConfigError(f"{source}: {key} must be a string, not {table[key]!r}")
    try:
        SpecifierSet(table.get("version", ""))
    except InvalidSpecifier as error:
        raise ConfigError(
            f"{source}: version must be a specifier as pip takes them, '<2.7' say, not {table['version']!r}"
        ) from error
    return ExpectedFailure(source, reason.strip(), cases, losses, table.get("backend"), table.get("version"))


def _patterns(value: Any, source: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(x, str) and x for x in value):
        raise ConfigError(f"{source} must be a list of patterns, not {value!r}")
    return tuple(value)
