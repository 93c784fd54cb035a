"""Files and folders of programs: read, decided as a whole, and only then written."""

from __future__ import annotations

import ast
import difflib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from unified_loss.errors import ConfigError
from unified_loss.outputs import check_outputs, write

from . import known

Style = Literal["dialect", "native"]
Outcome = Literal["dialect", "native", "left alone"]

BACKUP = ".orig"
_BOM = "\ufeff"
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True)
class Finding:
    """A loss in a file, or what may be one.

    Parameters
    ----------
    line, column : where it is, both counted from 1
    code : what stands there
    outcome : the form in which it was ported, or that it was left alone
    reason : why it was left alone, or not ported as asked
    """

    line: int
    column: int
    code: str
    outcome: Outcome
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.outcome}{f': {self.reason}' if self.reason else ''}"


@dataclass(frozen=True)
class FilePort:
    """A file with its losses ported.

    Parameters
    ----------
    path : the file
    before, after : its text
    findings : the losses in it, in order
    """

    path: str
    before: str
    after: str
    findings: tuple[Finding, ...]

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return self.before != self.after

    @property
    def diff(self) -> str:
        """What is to be changed, as a unified diff; empty where that is nothing."""
        before, after = (_LINE.findall(text.removeprefix(_BOM)) for text in (self.before, self.after))
        lines = difflib.unified_diff(before, after, self.path, self.path)
        unfinished = "\n\\ No newline at end of file\n"
        return "".join(line if line.endswith("\n") else f"{line}{unfinished}" for line in lines)

    def to_json(self) -> dict[str, Any]:
        """The fields of the same names, without the texts, ready for JSON."""
        findings = [asdict(finding) for finding in self.findings]
        return {"path": self.path, "changed": self.changed, "diff": self.diff, "findings": findings}


def port_files(
    path: str, to: str, *, source: str | None = None, style: Style = "dialect", prove: bool = False
) -> list[FilePort]:
    """Port the losses in a file, or in all Python files below a folder. Nothing is run, and nothing written.

    Parameters
    ----------
    path : the file or folder
    to : the framework to port to
    source : the framework to port from; None for all others
    style : ``dialect`` keeps each loss, on the tensors of any framework; ``native`` makes it the target's
        own where that has an equal one
    prove : whether native equivalents are run and compared before they are used

    Returns
    -------
    list of FilePort
        Of each file.

    Raises
    ------
    ConfigError
        If libcst is not installed, there is no Python file, one cannot be read, is not UTF-8 or no Python,
        or a framework is unknown.
    """
    heads = known.sources(to, source)
    # All are read before the first is ported, which takes longer.
    texts = [(str(file), _read(file)) for file in _files(Path(path))]
    return [_ported(name, text, heads, to, style, prove) for name, text in texts]


def port_text(
    text: str,
    heads: Sequence[str],
    to: str,
    style: Style = "dialect",
    prove: bool = False,
    name: str = "<text>",
) -> tuple[str, tuple[Finding, ...]]:
    """Port the losses in the text of a program.

    Parameters
    ----------
    text : the program
    heads : how the dotted names of the losses begin, as `known.sources` gives them
    to, style, prove : as of `port_files`
    name : what the text is called in errors

    Raises
    ------
    ConfigError
        If it is no Python.
    """
    try:
        import libcst as cst  # noqa: PLC0415  an extra
    except ModuleNotFoundError as error:
        raise ConfigError("porting a file needs libcst: pip install 'unified_loss[cli]'") from error
    # Here, because they need libcst.
    from .decisions import decide  # noqa: PLC0415
    from .rewriting import rewrite  # noqa: PLC0415
    from .sites import survey  # noqa: PLC0415

    try:
        ast.parse(text)
        module = cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        raise ConfigError(f"{name}:{error.raw_line}: no Python: {error.message}") from None
    except SyntaxError as error:
        place = name if error.lineno is None else f"{name}:{error.lineno}"
        raise ConfigError(f"{place}: no Python: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ConfigError(f"{name}: no Python: {error}") from None
    # Most files of a folder have no losses, and what names mean takes ten times as long as reading them.
    if not any(word in text for word in (*(head.partition(".")[0] for head in heads), "compile")):
        return text, ()
    found = survey(module, heads)
    decisions, left = decide(found, to, style, prove)
    findings = []
    for one in (*found.left, *left):
        line, column = found.line(one.node)
        findings.append(
            Finding(line, column + 1, _first_line(found.code(one.node)), "left alone", one.reason)
        )
    for decision in decisions:
        site = decision.site
        line, column = found.line(site.node)
        code = _first_line(found.code(site.call or site.node))
        findings.append(Finding(line, column + 1, code, decision.style, decision.note))
    return rewrite(found, decisions), tuple(sorted(findings, key=lambda f: (f.line, f.column)))


def _first_line(code: str) -> str:
    first, *more = code.strip().splitlines()
    return f"{first} ..." if more else first


def _ported(name: str, text: str, heads: Sequence[str], to: str, style: Style, prove: bool) -> FilePort:
    mark = _BOM if text.startswith(_BOM) else ""
    after, findings = port_text(text.removeprefix(_BOM), heads, to, style, prove, name)
    return FilePort(name, text, mark + after, findings)


# ------------------------------------------------------------------------------ reading


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(_below(path))
    if not found:
        raise ConfigError(f"{path}: there is no Python file below this folder")
    return found


def _below(folder: Path) -> Iterator[Path]:
    """The Python files below a folder; not in hidden folders, nor in environments installed there."""

    def refuse(error: OSError) -> None:
        raise ConfigError(f"{error.filename}: {error.strerror}")

    for at, folders, files in os.walk(folder, onerror=refuse):
        here = Path(at)
        folders[:] = [n for n in folders if n[0] != "." and not (here / n / "pyvenv.cfg").exists()]
        yield from (here / name for name in files if name.endswith(".py"))


def _read(file: Path) -> str:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from None
    if file.suffix == ".ipynb":
        raise ConfigError(f"{file}: a notebook; export it as a Python file first")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"{file}:{line}: not UTF-8") from None


# ------------------------------------------------------------------------------ writing


def write_files(ports: Sequence[FilePort]) -> list[str]:
    """Write the files that have changed; what is not safe in version control is kept beside first.

    Parameters
    ----------
    ports : the files

    Returns
    -------
    list of str
        The backups that were made.

    Raises
    ------
    ConfigError
        If a file cannot be written, or its backup is there already. Nothing has been written then,
        unless the disk failed half-way.
    """
    changed = [port for port in ports if port.changed]
    check_outputs(("--write", port.path) for port in changed)
    backups = {port.path: f"{port.path}{BACKUP}" for port in changed if not _is_committed(Path(port.path))}
    for backup in backups.values():
        if os.path.lexists(backup):
            raise ConfigError(f"--write: {backup} is there already, and is not overwritten; move it away")
    check_outputs(("--write", backup) for backup in backups.values())
    for file, backup in backups.items():
        try:
            shutil.copy2(file, backup)
        except OSError as error:
            raise ConfigError(f"--write: {backup}: {error.strerror}") from error
    for port in changed:
        write("--write", port.path, port.after)
    return list(backups.values())


def _is_committed(file: Path) -> bool:
    """Whether git has the file as it is."""
    git = shutil.which("git")
    if git is None:
        return False
    # A repository's own settings could name a program to run.
    command = [git, "-c", "core.fsmonitor=false", "-C", str(file.parent)]
    for question in (["ls-files", "--error-unmatch"], ["diff", "--quiet", "HEAD"]):
        done = subprocess.run([*command, *question, "--", file.name], capture_output=True, check=False)  # noqa: S603
        if done.returncode != 0:
            return False
    return True
