"""Where the report of a conformance run goes: the options that say so, and the writing."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from .outputs import STDOUT, check_installed, check_outputs, write

if TYPE_CHECKING:
    from unified_loss.conformance.reporting import Changes, Report

_FILE = "FILE"

JsonOption = Annotated[
    str | None,
    typer.Option(
        "--json", metavar=_FILE, help="Also write the result as JSON; '-' prints that and nothing else."
    ),
]
HtmlOption = Annotated[
    str | None, typer.Option("--html", metavar=_FILE, help="Also write one self-contained page to look at.")
]
JunitOption = Annotated[
    str | None, typer.Option("--junit", metavar=_FILE, help="Also write JUnit XML, for a CI service.")
]
BadgeOption = Annotated[
    str | None, typer.Option("--badge", metavar=_FILE, help="Also write a badge, as SVG.")
]
BaselineOption = Annotated[
    str | None,
    typer.Option(
        "--baseline",
        metavar="OLD.json",
        help="Say what changed since the run that wrote this. What fell short there already is excused: "
        "the exit status is 1 only where something new falls short.",
    ),
]
FindingsOption = Annotated[
    bool, typer.Option("--findings", help="Tell each native defect that the cases have found.")
]


@dataclass(frozen=True)
class Outputs:
    """The forms of a report that were asked for.

    Parameters
    ----------
    json, html, junit, badge : files, ``-`` for standard output
    baseline : the JSON of an older run
    findings : whether the terminal tells each native defect
    """

    json: str | None = None
    html: str | None = None
    junit: str | None = None
    badge: str | None = None
    baseline: str | None = None
    findings: bool = False

    def check(self) -> Report | None:
        """Refuse what cannot be written or read before anything runs; gives the older report.

        Raises
        ------
        ConfigError
            Naming the option and the file.
        """
        check_outputs(self._files())
        check_installed("--html", self.html, "jinja2")
        check_installed("--baseline", self.baseline, "jsonschema_rs")
        if self.baseline is None:
            return None
        from unified_loss.conformance.reporting import load_report  # noqa: PLC0415  loads the cases

        return load_report(self.baseline, "--baseline ")

    def show(self, file: str) -> int:
        """Print and write the report that a file holds; gives the exit status.

        Raises
        ------
        ConfigError
            If it is none, or an output cannot be written.
        """
        check_installed("report", file, "jsonschema_rs")
        old = self.check()
        from unified_loss.conformance.reporting import load_report  # noqa: PLC0415  loads the cases

        report = load_report(file)
        report.pop("baseline", None)
        return self.finish(report, old)

    @staticmethod
    def print_schema() -> None:
        """Print the JSON Schema of a report."""
        from unified_loss.conformance.reporting import schema_text  # noqa: PLC0415  loads the cases

        sys.stdout.write(schema_text())

    def finish(self, report: Report, old: Report | None) -> int:
        """Print and write a report, against an older one if there is; gives the exit status.

        Raises
        ------
        ConfigError
            If a file cannot be written after all.
        """
        from unified_loss.conformance import reporting  # noqa: PLC0415  loads the cases

        changes = None if old is None else reporting.compare(old, report)
        if changes is not None:
            report = {**report, "baseline": changes.to_json()}
        if all(file != STDOUT for _, file in self._files()):
            reporting.print_report(report, Console(), findings=self.findings)
        makers = {
            "--json": reporting.to_text,
            "--html": reporting.to_html,
            "--junit": reporting.to_junit,
            "--badge": reporting.to_badge,
        }
        for option, file in self._files():
            if file is not None:
                write(option, file, makers[option](report))
        return self._status(report, changes)

    def _files(self) -> tuple[tuple[str, str | None], ...]:
        return (
            ("--json", self.json),
            ("--html", self.html),
            ("--junit", self.junit),
            ("--badge", self.badge),
        )

    def _status(self, report: Report, changes: Changes | None) -> int:
        if changes is not None:
            return 1 if changes.regressions else 0
        return 0 if report["holds"] else 1
