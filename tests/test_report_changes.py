"""What `--baseline` says: what broke, was mended, came, went, lost digits or has another version."""

from __future__ import annotations

import json

import pytest
from rich.console import Console
from sample_reports import CRASHES, L1, LOGITS, RAISES, failing, full, holding
from typer.testing import CliRunner
from unified_loss.conformance.reporting import compare, to_html, to_text
from unified_loss.conformance.reporting.terminal import changes_table

from unified_loss import cli


def invoke(*arguments):
    return CliRunner().invoke(cli.app, list(arguments))


def kinds(changes, what=None):
    return {(c.kind, c.what, c.loss, c.detail) for c in changes.changes if what in (None, c.what)}


def test_nothing_changes_from_a_report_to_itself():
    for report in (holding, failing, full):
        changes = compare(report(), report())
        assert changes.changes == () and changes.versions == () and changes.regressions == ()


def test_what_broke_is_a_regression_and_the_other_way_is_mended():
    broken = compare(holding(), failing())
    wrong = {r["case"] for r in failing()["results"] if r["status"] != "ok"}
    assert {CRASHES, RAISES} < wrong
    assert kinds(broken) == {("broken", "case", case_loss(case), case) for case in wrong}
    assert broken.regressions == broken.changes
    crashed = next(change for change in broken.changes if change.detail == CRASHES)
    assert (crashed.before, crashed.after) == ("ok", "crashed") and "SIGSEGV" in crashed.reason
    mended = compare(failing(), holding())
    assert {change.kind for change in mended.changes} == {"mended"} and not mended.regressions
    assert len(mended.changes) == len(broken.changes)


def case_loss(case):
    return next(r["loss"] for r in holding()["results"] if r["case"] == case)


def without(report, loss):
    return {
        **report,
        "cells": [cell for cell in report["cells"] if cell["loss"] != loss],
        "results": [result for result in report["results"] if result["loss"] != loss],
    }


def test_a_cell_that_only_one_run_looked_at_is_new_or_gone():
    changes = compare(without(holding(), L1), holding())
    assert kinds(changes) == {("new", "cell", L1, "")} and not changes.regressions
    changes = compare(holding(), without(holding(), L1))
    assert kinds(changes) == {("gone", "cell", L1, "")} and not changes.regressions


def test_what_is_new_and_falls_short_is_a_regression():
    changes = compare(without(failing(), L1), failing())
    assert {change.kind for change in changes.changes} == {"new and failing"}
    assert {change.detail for change in changes.regressions} >= {CRASHES, RAISES}


def test_a_case_that_came_or_went_is_told():
    report = holding()
    gone = report["results"].pop(0)
    assert kinds(compare(holding(), report)) == {("gone", "case", gone["loss"], gone["case"])}
    assert kinds(compare(report, holding())) == {("new", "case", gone["loss"], gone["case"])}


def lost(report, status, *, requested):
    """A report whose backend is not there any more."""
    report["backends"][0].update(status=status, requested=requested, version=None, reason="gone")
    report["results"] = []
    for cell in report["cells"]:
        cell.update(status=status, holds=not requested, reason="gone", ulps=None)
        cell.pop("worst", None)
    return report


def test_a_backend_that_no_longer_starts_breaks_its_cells():
    changes = compare(holding(), lost(holding(), "crashed", requested=True))
    assert {(c.kind, c.what) for c in changes.changes} == {("broken", "cell")}
    assert len(changes.regressions) == len(holding()["cells"])


def test_a_backend_that_nobody_asked_for_may_be_gone():
    changes = compare(holding(), lost(holding(), "not installed", requested=False))
    assert {c.kind for c in changes.changes} == {"gone"} and not changes.regressions


def test_digits_that_were_lost_are_told_and_no_regression():
    report = holding()
    cell = next(cell for cell in report["cells"] if cell["loss"] == LOGITS)
    cell["ulps"] = 50 * max(cell["ulps"], 1.0)
    assert kinds(compare(holding(), report)) == {("less accurate", "cell", LOGITS, "")}
    assert kinds(compare(report, holding())) == {("more accurate", "cell", LOGITS, "")}
    assert not compare(holding(), report).regressions


def test_growth_below_a_step_is_rounding():
    old, new = holding(), holding()
    for report, size in ((old, 0.001), (new, 0.9)):
        next(cell for cell in report["cells"] if cell["loss"] == LOGITS)["ulps"] = size
    assert compare(old, new).changes == ()


def test_versions_are_compared():
    report = holding()
    report["environment"]["python"] = "3.14.0"
    report["environment"]["packages"]["torch"] = "2.99"
    report["backends"][0]["version"] = "2.0.0"
    changes = compare(holding(), report)
    before = holding()["environment"]
    assert set(changes.versions) == {
        ("python", before["python"], "3.14.0"),
        ("torch", before["packages"].get("torch"), "2.99"),
        ("numpy", before["packages"]["numpy"], "2.0.0"),
    }
    assert changes.changes == ()


@pytest.mark.parametrize(
    ("section", "key", "before", "after", "what"),
    [
        ("drift", "status", "same", "drifted", "drift"),
        ("mutants", "status", "caught", "survived", "mutant"),
        ("natives", "status", "ok", "crashed", "framework"),
        ("accuracy", "holds", True, False, "accuracy"),
    ],
)
def test_each_section_can_regress_and_be_mended(section, key, before, after, what):
    old, new = full(), full()
    old[section][0][key], new[section][0][key] = before, after
    changes = compare(old, new)
    assert [(c.kind, c.what) for c in changes.changes] == [("broken", what)]
    assert [(c.kind, c.what) for c in compare(new, old).changes] == [("mended", what)]


def test_a_section_that_one_report_lacks_is_not_told_entry_by_entry():
    whole = full()
    bare = {**full(), "drift": [], "accuracy": [], "mutants": []}
    assert compare(whole, bare).changes == ()
    told = compare(bare, whole)
    assert {(c.kind, c.what) for c in told.changes} == {
        ("new and failing", "drift"),
        ("new and failing", "mutant"),
    }


# --------------------------------------------------------------------------- the command


@pytest.fixture
def saved(tmp_path):
    def save(report, name):
        file = tmp_path / name
        file.write_text(to_text(report))
        return str(file)

    return save


def test_the_exit_status_is_of_the_regressions_only(saved):
    held, failed = saved(holding(), "held.json"), saved(failing(), "failed.json")
    assert invoke("report", failed).exit_code == 1
    for old, new, status in ((held, failed, 1), (failed, held, 0), (failed, failed, 0), (held, held, 0)):
        done = invoke("report", new, "--baseline", old)
        assert done.exit_code == status
        assert ("0 regressions" in done.output) is (status == 0)


def test_a_run_is_compared_with_an_older_one(saved, tmp_path):
    old = without(failing(), LOGITS)
    file = tmp_path / "new.json"
    done = invoke(
        "conform",
        "--backend",
        "numpy",
        "--loss",
        L1,
        "--baseline",
        saved(old, "old.json"),
        "--json",
        str(file),
    )
    assert done.exit_code == 0 and "mended" in done.output and CRASHES in done.output
    baseline = json.loads(file.read_text())["baseline"]
    assert baseline["regressions"] == 0 and baseline["created"] == old["created"]
    assert {change["kind"] for change in baseline["changes"]} == {"mended", "gone"}
    # The report of a comparison is a baseline as well.
    assert invoke("report", str(file), "--baseline", str(file)).exit_code == 0


def test_the_page_and_the_terminal_tell_the_changes():
    report = failing()
    report["baseline"] = compare(holding(), report).to_json()
    report["baseline"]["versions"] = [{"name": "torch", "before": "2.13.0", "after": None}]
    page = to_html(report)
    assert "12 regressions" in page and "<s>2.13.0</s>" in page and CRASHES in page
    console = Console(width=200, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(changes_table(report["baseline"]))
    console.file.close()
    text = console.export_text()
    assert "broken" in text and CRASHES in text and "absent" in text
