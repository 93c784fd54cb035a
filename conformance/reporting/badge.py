"""A badge: how many cells hold, as an SVG that needs no font and no network."""

from __future__ import annotations

from xml.sax.saxutils import escape

from .document import Report
from .terminal import counts

# Advance widths of Verdana, in thousandths of its size; `textLength` has other fonts fill the same room.
_WIDTHS = {
    **dict.fromkeys("0123456789", 636),
    "a": 601, "b": 623, "c": 521, "d": 623, "e": 596, "f": 352, "g": 623, "h": 633, "i": 274, "j": 344,
    "k": 592, "l": 274, "m": 973, "n": 633, "o": 607, "p": 623, "q": 623, "r": 427, "s": 521, "t": 394,
    "u": 633, "v": 592, "w": 818, "x": 592, "y": 592, "z": 525, " ": 352, "/": 454, ",": 364, ".": 364,
}  # fmt: skip
_SIZE = 11
_GREEN, _RED, _GREY = "#2f8132", "#c1121f", "#555"


def to_badge(report: Report) -> str:
    """A report as a badge: ``conformance | 2170/2170``, green where all holds.

    Parameters
    ----------
    report : as `report_of` makes it

    Returns
    -------
    str
        SVG.
    """
    holding, wanted = counts(report)
    message = f"{holding}/{wanted}"
    if not wanted:
        message = "nothing run"
    elif holding == wanted and not report["holds"]:
        message += ", drift"
    return badge("conformance", message, _GREEN if report["holds"] and wanted else _RED)


def badge(label: str, message: str, colour: str) -> str:
    """An SVG with a label on grey beside a message on a colour."""
    left, right = _width(label) + 10, _width(message) + 10
    total = left + right
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="20" viewBox="0 0 {total} 20" '
        f'role="img" aria-label="{escape(label)}: {escape(message)}">'
        f"<title>{escape(label)}: {escape(message)}</title>"
        f'<clipPath id="r"><rect width="{total}" height="20" rx="3"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left}" height="20" fill="{_GREY}"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/></g>'
        f'<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" '
        f'font-size="{_SIZE}">{_text(left / 2, label)}{_text(left + right / 2, message)}</g></svg>\n'
    )


def _text(middle: float, text: str) -> str:
    return f'<text x="{middle:g}" y="14" textLength="{_width(text)}">{escape(text)}</text>'


def _width(text: str) -> int:
    widest = max(_WIDTHS.values())
    return round(sum(_WIDTHS.get(character, widest) for character in text) * _SIZE / 1000)
