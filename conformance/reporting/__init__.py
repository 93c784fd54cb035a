"""What a run found, to look at: terminal, JSON, JUnit XML, HTML, a badge, and against an older report."""

from .badge import to_badge
from .changes import Change, Changes, compare
from .document import FORMAT_VERSION, Report, report_of, to_text
from .html import to_html
from .junit import to_junit
from .reading import load_report, schema_text
from .terminal import print_report

__all__ = [
    "FORMAT_VERSION",
    "Change",
    "Changes",
    "Report",
    "compare",
    "load_report",
    "print_report",
    "report_of",
    "schema_text",
    "to_badge",
    "to_html",
    "to_junit",
    "to_text",
]
