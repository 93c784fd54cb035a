"""The files that a command writes: refused before anything runs, and written whole or not at all."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from .errors import ConfigError

STDOUT = "-"


def check_outputs(outputs: Iterable[tuple[str, str | None]]) -> None:
    """Refuse files that cannot be written, and two outputs in one file.

    Parameters
    ----------
    outputs : an option and the file that it was given, if it was

    Raises
    ------
    ConfigError
        Naming the option, the file and what is wrong.
    """
    taken: dict[str, str] = {}
    for option, file in outputs:
        if file is None:
            continue
        real = file if file == STDOUT else os.path.realpath(file)
        if real in taken and real != os.path.realpath(os.devnull):
            raise ConfigError(f"{option} {file}: the same file as {taken[real]}")
        taken[real] = option
        if file != STDOUT and (why := _why_not_writable(Path(real))):
            raise ConfigError(f"{option} {file}: {why}")


def _why_not_writable(path: Path) -> str:
    if path.is_dir():
        return "is a directory"
    if not path.parent.is_dir():
        return f"there is no directory {path.parent}"
    if path.exists() and not os.access(path, os.W_OK):
        return "cannot be written"
    if _is_special(path):
        return ""
    return "" if os.access(path.parent, os.W_OK | os.X_OK) else f"{path.parent} cannot be written to"


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file()


def check_installed(option: str, file: str | None, package: str) -> None:
    """Refuse an output whose package is not installed.

    Raises
    ------
    ConfigError
        Naming the option and what to install.
    """
    if file is not None:
        try:
            importlib.import_module(package)
        except ModuleNotFoundError as error:
            raise ConfigError(f"{option} needs {package}: pip install 'unified_loss[report]'") from error


def write(option: str, file: str, text: str) -> None:
    """Write a file, or print it where it is ``-``; whoever reads the file never sees half of it.

    Raises
    ------
    ConfigError
        If it cannot be written; what was there before is left as it was.
    """
    if file == STDOUT:
        sys.stdout.write(text)
        return
    path = Path(os.path.realpath(file))
    try:
        if _is_special(path):
            path.write_text(text, encoding="utf-8")
            return
        # Beside it, because a file cannot be moved in one step from one file system to another.
        beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            beside.write_text(text, encoding="utf-8")
            if path.exists():
                shutil.copymode(path, beside)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"{option} {file}: {error.strerror}") from error
