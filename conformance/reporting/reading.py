"""Reads a report that an earlier run wrote, and refuses what is none."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

from unified_loss.errors import ConfigError

from .document import FORMAT, FORMAT_VERSION, Report

_SCHEMA = "report.schema.json"


def schema_text() -> str:
    """The JSON Schema of a report, draft 2020-12."""
    return resources.files("unified_loss.conformance").joinpath("data", _SCHEMA).read_text(encoding="utf-8")


def load_report(file: str | Path, option: str = "") -> Report:
    """Read a report.

    Parameters
    ----------
    file : what `conform --json` wrote
    option : what errors say before the name of the file

    Returns
    -------
    dict
        The report, valid by its schema.

    Raises
    ------
    ConfigError
        If the file cannot be read, is not JSON, is no report, or is one of another format version.
    """
    path, file = Path(file), f"{option}{file}"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not JSON: not UTF-8 text") from error
    try:
        report = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file}: not JSON: {error}") from error
    _check_format(file, report)
    _check_schema(file, report)
    return dict(report)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _check_format(file: str, report: Any) -> None:
    expected = f'expected what `unified-loss conform --json` writes, with "format": {json.dumps(FORMAT)}'
    if not isinstance(report, dict):
        raise ConfigError(f"{file}: not a conformance report: a JSON {_kind(report)}; {expected}")
    if report.get("format") != FORMAT:
        found = json.dumps(report["format"]) if "format" in report else "absent"
        raise ConfigError(f'{file}: not a conformance report: "format" is {found}; {expected}')
    version = report.get("format_version")
    if version != FORMAT_VERSION:
        written = report.get("unified_loss", "unknown")
        raise ConfigError(
            f"{file}: a report of format version {json.dumps(version)}, written by unified_loss {written}; "
            f"this one reads version {FORMAT_VERSION}"
        )


def _kind(value: Any) -> str:
    return {list: "array", str: "string", bool: "boolean", type(None): "null"}.get(type(value), "number")


def _check_schema(file: str, report: Report) -> None:
    try:
        import jsonschema_rs  # noqa: PLC0415  an extra
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{file}: reading a report needs jsonschema-rs: pip install 'unified_loss[report]'"
        ) from error
    # A report of all backends has some 15 MB, which the validators in Python take half a minute for.
    validator = jsonschema_rs.validator_for(json.loads(schema_text()), validate_formats=True)
    for found in validator.iter_errors(report):
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in found.instance_path)
        said = found.message if len(found.message) < 200 else f"{found.message[:200]}..."
        raise ConfigError(f"{file}: not a valid conformance report: at ${place}: {said}")
