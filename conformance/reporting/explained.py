"""A result that fell short, as plain text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def explained_text(entry: dict[str, Any]) -> str:
    """What is to be said of a failed result or of drift: source, both sides, a program to paste."""
    return "\n".join(_lines(entry))


def _lines(entry: dict[str, Any]) -> Iterator[str]:
    yield f"case: {entry['case']}"
    for name in ("source", "finding", "corrected_by", "reason"):
        if entry.get(name):
            yield f"{name.replace('_', ' ')}: {entry[name]}"
    for check in entry.get("checks", ()):
        if not check["holds"]:
            yield f"{check['quantity']}: {measured(check)}"
            yield f"  expected: {shown(check['expected'])}"
            yield f"  got: {shown(check['got'])}"
    if "reproduce" in entry:
        yield from ("", entry["reproduce"])


def measured(check: dict[str, Any]) -> str:
    """How far a comparison is off, where, and what would be allowed for which reason."""
    if check["error"] is None:
        return "differs"
    if check["tolerance"] is None:
        return str(check["reason"])
    at = f" at {check['where']}" if check["where"] else ""
    error, allowed = float(check["error"]), check["tolerance"]
    return f"error {error:.2g}{at}, allowed {allowed:.2g} ({check['reason']})"


def shown(value: Any) -> str:
    """A side of a comparison: text as it is, arrays as JSON."""
    return value if isinstance(value, str) else json.dumps(value)
