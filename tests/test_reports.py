"""Reports: JSON by its schema, JUnit XML, badge, terminal, and what is written and refused."""

from __future__ import annotations

import json
import math
import os
import re
import stat
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pytest
import typer
from rich.console import Console
from sample_reports import CRASHES, L1, LOGITS, RAISES, failing, full, holding, run_that_fails, run_that_holds
from typer.testing import CliRunner
from unified_loss.conformance import load_cases
from unified_loss.conformance.cases import Case, Input, Outcome
from unified_loss.conformance.explanation import explain, reproduce
from unified_loss.conformance.reporting import (
    load_report,
    print_report,
    report_of,
    schema_text,
    to_badge,
    to_junit,
    to_text,
)
from unified_loss.conformance.results import BackendRun, Result, Run

from unified_loss import cli, outputs
from unified_loss.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = json.loads(schema_text())
REPORTS = [holding, failing, full]


def invoke(*arguments):
    return CliRunner().invoke(cli.app, list(arguments))


def problems(report):
    kind = jsonschema.Draft202012Validator
    validator = kind(SCHEMA, format_checker=kind.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(report)]


def cell(report, loss):
    return next(cell for cell in report["cells"] if cell["loss"] == loss)


# ------------------------------------------------------------------------------------ JSON


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_is_valid_by_the_schema_also_as_text(report):
    assert problems(report()) == []
    assert json.loads(to_text(report())) == report()


@pytest.mark.parametrize("status", ["crashed", "not installed", "unusable", "timeout"])
def test_a_report_of_a_backend_that_did_not_start_is_valid(status):
    report = report_of(Run((L1,), (BackendRun("numpy", status, "why", requested=False),), ()))
    assert problems(report) == [] and report["cells"][0]["status"] == status
    assert "worst" not in report["cells"][0]
    for text in (to_junit(report), to_badge(report)):
        ElementTree.fromstring(text)


@pytest.mark.parametrize("section", list(SCHEMA["required"]))
def test_the_schema_can_refuse(section):
    without = full()
    del without[section]
    assert problems(without)
    wrong = {**full(), section: "something else"}
    assert section in ("unified_loss",) or problems(wrong)


@pytest.mark.parametrize(
    "section", ["backends", "cells", "results", "findings", "drift", "accuracy", "mutants"]
)
def test_the_schema_knows_every_field(section):
    unknown = full()
    unknown[section][0]["surprise"] = 1
    assert any("surprise" in problem for problem in problems(unknown))


def test_a_report_says_what_it_was_made_with():
    made_with = holding()["environment"]
    assert made_with["python"] == ".".join(map(str, sys.version_info[:3]))
    assert made_with["packages"]["numpy"] == np.__version__
    assert made_with["cores"] >= 1 and made_with["processor"]


def test_the_worst_case_of_a_cell_that_holds_is_explained():
    report = holding()
    held = cell(report, LOGITS)
    worst, results = held["worst"], [r for r in report["results"] if r["loss"] == LOGITS]
    check = worst["checks"][0]
    assert held["holds"] and check["holds"] and worst["source"] and worst["inputs"]
    assert held["ulps"] == check["ulps"] == pytest.approx(check["error"] / np.finfo(check["precision"]).eps)
    assert held["ulps"] == pytest.approx(max(r["ulps"] for r in results), rel=1e-3)
    assert 0 < check["error"] <= check["tolerance"] and check["expected_there"] != check["got_there"]
    assert check["reason"] and len(check["where"]) in (0, 1, 2)
    compile(worst["reproduce"], "snippet", "exec")


def test_digits_that_a_documentation_left_out_are_not_the_worst():
    # The cells' errors are made up of them in places; the worst case is one with a precision.
    report = holding()
    for held in report["cells"]:
        assert held["worst"]["checks"][0]["precision"] or held["ulps"] is None


def test_the_worst_case_of_a_cell_that_fails_is_its_gravest():
    report = failing()
    assert cell(report, L1)["worst"]["case"] == CRASHES and cell(report, L1)["status"] == "crashed"
    worst = cell(report, LOGITS)["worst"]
    results = [r for r in report["results"] if r["loss"] == LOGITS and r["status"] == "failed"]
    assert worst["status"] == "failed" and not worst["checks"][0]["holds"]
    assert worst["checks"][0]["ulps"] == max(
        check["ulps"] for r in results for check in r["checks"] if check["ulps"] is not None
    )
    assert worst["checks"][0]["expected"] != worst["checks"][0]["got"]


def test_a_large_input_is_named_and_not_spelled_out(capsys):
    large = np.linspace(0, 1, 5000, dtype="float32")
    found = next(case for case in load_cases([L1]) if case.kind == "golden")
    case = Case(
        found.id, L1, {}, (Input("pred", large), Input("label", large)), "golden", "here", "mxnet",
        recorded=Outcome.of(large, "float32"),
    )  # fmt: skip
    told = explain(case, Result(case.id, L1, "numpy", "ok"))
    assert told["inputs"][0] == {"name": "pred", "shape": [5000], "dtype": "float32"}
    assert len(told["reproduce"]) < 1000 and told["reproduce"].count("load_cases([") == 1
    # What it takes from the case is the case's own input.
    exec(reproduce(case, "numpy"), {})
    assert capsys.readouterr().out


# ----------------------------------------------------------------------------------- JUnit


def test_junit_counts_what_the_run_found():
    root = ElementTree.fromstring(to_junit(failing()))
    suite = root.find("testsuite")
    statuses = Counter(result.status for result in run_that_fails().results)
    assert suite.get("name") == "numpy"
    assert int(suite.get("tests")) == len(suite.findall("testcase")) == len(run_that_fails().results)
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure")) == statuses["failed"] > 0
    assert int(suite.get("errors")) == len(suite.findall("testcase/error")) == 2
    assert [root.get(name) for name in ("tests", "failures", "errors")] == [
        suite.get(name) for name in ("tests", "failures", "errors")
    ]
    assert {case.get("classname") for case in suite.findall("testcase")} == set(run_that_fails().losses)
    properties = {p.get("name"): p.get("value") for p in suite.findall("properties/property")}
    assert properties["version"] == np.__version__ and properties["python"].startswith("3.")


def test_junit_says_what_is_wrong():
    cases = {case.get("name"): case for case in ElementTree.fromstring(to_junit(failing())).iter("testcase")}
    crashed, raised = cases[CRASHES].find("error"), cases[RAISES].find("error")
    assert crashed.get("type") == "crashed" and "SIGSEGV" in crashed.get("message")
    # XML cannot hold the bytes that the process died with.
    assert "\ufffd[31mbad\ufffd bytes" in crashed.text
    assert "<img src=x onerror=alert(1)> & <b>bold</b>" in raised.get("message")
    failed = next(case.find("failure") for case in cases.values() if case.find("failure") is not None)
    assert failed.get("message").startswith("differs: value")
    for part in ("source: ", "expected: ", "got: ", "import unified_loss as ul"):
        assert part in failed.text


def test_junit_has_suites_for_the_further_sections():
    suites = {
        suite.get("name"): suite for suite in ElementTree.fromstring(to_junit(full())).iter("testsuite")
    }
    drift, mutants = suites["drift of torch"], suites["mutants on numpy"]
    assert [drift.get(count) for count in ("tests", "failures", "errors")] == ["2", "1", "0"]
    assert "recorded from torch 2.13.0" in drift.find("testcase/failure").text
    assert [mutants.get(count) for count in ("tests", "failures")] == ["3", "1"]
    assert int(suites["accuracy of numpy"].get("tests")) == 12
    assert any(name.startswith("drift of ") and suite.find("testcase/skipped") is not None
               for name, suite in suites.items())  # fmt: skip


@pytest.mark.parametrize(("requested", "kind"), [(True, "error"), (False, "skipped")])
def test_junit_of_a_backend_that_is_not_there(requested, kind):
    absent = BackendRun("jax", "not installed", "pip install it", requested=requested)
    root = ElementTree.fromstring(to_junit(report_of(Run((L1,), (absent,), ()))))
    assert root.find(f"testsuite/testcase/{kind}") is not None


def test_junit_skips_what_a_backend_declares_as_a_gap():
    result = Result(CRASHES, L1, "numpy", "unsupported", reason="no such op")
    run = Run((L1,), (BackendRun("numpy", "ok"),), (result,))
    skipped = ElementTree.fromstring(to_junit(report_of(run))).find("testsuite/testcase/skipped")
    assert skipped.get("message") == "no such op"


# ----------------------------------------------------------------------------------- badge


def shown(svg):
    root = ElementTree.fromstring(svg)
    names = {"svg": "http://www.w3.org/2000/svg"}
    return root, [text.text for text in root.findall("svg:g/svg:text", names)]


def test_a_badge_says_how_many_cells_hold():
    losses = len(run_that_holds().losses)
    root, texts = shown(to_badge(holding()))
    assert texts == ["conformance", f"{losses}/{losses}"] and "#2f8132" in to_badge(holding())
    red = to_badge(failing())
    assert shown(red)[1] == ["conformance", f"{losses - 2}/{losses}"] and "#c1121f" in red
    assert "http" not in to_badge(holding()).replace("http://www.w3.org/2000/svg", "")
    rectangles = list(root.iter("{http://www.w3.org/2000/svg}rect"))[1:]
    assert sum(int(r.get("width")) for r in rectangles) == int(root.get("width"))


def test_a_badge_does_not_hide_drift():
    report = {**holding(), "holds": False}
    assert shown(to_badge(report))[1][1].endswith(", drift") and "#c1121f" in to_badge(report)


# -------------------------------------------------------------------------------- terminal


def printed(report, **options):
    console = Console(width=160, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    print_report(report, console, **options)
    console.file.close()
    return console.export_text()


def test_the_terminal_tells_each_section():
    text = printed(full())
    for part in (
        f"CRASHED {L1} on numpy",
        "drift of the frameworks' own losses since they were recorded: 1 same, 1 drifted",
        "recorded from 2.13.0",
        "documentation drift: 1 printed values",
        "ulps from the oracle",
        "native, torch",
        "mutants: 1 caught, 1 survived, 1 equivalent",
        "survived on numpy: op log1p: <off> by 1e-3",
    ):
        assert part in text, part


def test_the_terminal_tells_the_modes_where_there_are_several():
    report = holding()
    assert "mode eager" not in printed(report)
    report["results"].append({**report["results"][0], "mode": "compiled"})
    assert "mode compiled: 1 ok" in printed(report)


# ------------------------------------------------------------------------------ the command


@pytest.fixture
def saved(tmp_path):
    def save(report, name="report.json"):
        file = tmp_path / name
        file.write_text(to_text(report))
        return str(file)

    return save


def test_all_forms_in_one_run(tmp_path):
    files = {option: str(tmp_path / f"report.{option}") for option in ("json", "html", "junit", "badge")}
    options = [part for option, file in files.items() for part in (f"--{option}", file)]
    done = invoke("conform", "--backend", "numpy", "--loss", L1, *options)
    assert done.exit_code == 0 and "1 of 1 cells hold" in done.output
    assert problems(json.loads((tmp_path / "report.json").read_text())) == []
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    for form in ("junit", "badge"):
        ElementTree.fromstring((tmp_path / f"report.{form}").read_text())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"report.{form}" for form in files)


def test_a_report_is_shown_again_without_a_run(saved, monkeypatch):
    monkeypatch.setattr("unified_loss.conformance.run", lambda *_, **__: pytest.fail("it ran"))
    done = invoke("report", saved(failing()))
    assert done.exit_code == 1 and f"CRASHED {L1} on numpy" in done.output
    assert invoke("report", saved(holding())).exit_code == 0
    alone = invoke("report", saved(holding()), "--junit", "-")
    assert alone.exit_code == 0 and len(ElementTree.fromstring(alone.output)) == 1


def test_the_command_prints_the_schema():
    done = invoke("report", "--schema")
    assert done.exit_code == 0 and json.loads(done.output) == SCHEMA
    assert invoke("report").exit_code == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff\xfe", "not JSON: not UTF-8 text"),
        (b"{", "not JSON: Expecting property name"),
        (b"{\"holds\": NaN}", "not JSON: NaN"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a conformance report: a JSON array"),
        (b"7", "not a conformance report: a JSON number"),
        (b"{}", '"format" is absent'),
        (b'{"format": "pytest"}', '"format" is "pytest"'),
        (b'{"format": "unified_loss.conformance", "format_version": 2, "unified_loss": "9.0"}',
         "format version 2, written by unified_loss 9.0; this one reads version 1"),
        (b'{"format": "unified_loss.conformance", "format_version": 1}', "not a valid conformance report"),
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused_before_anything_runs(tmp_path, monkeypatch, content, told):
    monkeypatch.setattr("unified_loss.conformance.run", lambda *_, **__: pytest.fail("it ran"))
    file = tmp_path / "old.json"
    if content is not None:
        file.write_bytes(content)
    for arguments in (("conform", "--baseline", str(file)), ("report", str(file))):
        done = invoke(*arguments)
        assert done.exit_code == 2 and told in done.output, done.output
        assert len(done.output) < 600 and "old.json" in done.output


def test_a_directory_is_no_report(tmp_path):
    done = invoke("conform", "--baseline", str(tmp_path))
    assert done.exit_code == 2 and "--baseline" in done.output and "Is a directory" in done.output


def test_an_invalid_report_is_refused_with_the_place(saved):
    report = holding()
    report["cells"][1]["worst"]["checks"][0]["tolerance"] = "wide"
    done = invoke("report", saved(report))
    assert done.exit_code == 2 and "at $.cells[1].worst.checks[0].tolerance" in done.output
    report = {**holding(), "created": "2026-13-32T00:00:00Z"}
    with pytest.raises(ConfigError, match=r"not a valid conformance report: at \$\.created"):
        load_report(saved(report))


@pytest.mark.parametrize("command", ["conform", "report"])
def test_every_option_is_documented(command):
    text = (ROOT / "docs" / "conformance.md").read_text()
    parameters = typer.main.get_command(cli.app).commands[command].params
    options = [name for p in parameters for name in (*p.opts, *p.secondary_opts) if name.startswith("--")]
    assert options and [name for name in options if f"`{name}" not in text] == ["--schema"] * (
        command == "report"
    )


def test_the_documented_commands_use_options_that_there_are():
    text = (ROOT / "docs" / "conformance.md").read_text()
    blocks = "".join(re.findall(r"```(?:sh|yaml)\n(.*?)```", text, re.DOTALL))
    used = {
        option
        for command in re.findall(r"unified-loss conform.*?(?<!\\)\n", blocks, re.DOTALL)
        for option in re.findall(r"--[a-z]+", command)
    }
    known = {name for p in typer.main.get_command(cli.app).commands["conform"].params for name in p.opts}
    assert used <= known and {"--baseline", "--junit", "--html", "--badge", "--json"} <= used


# --------------------------------------------------------------------------------- outputs

OPTIONS = ("--json", "--html", "--junit", "--badge")


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("file", "told"), [("/nowhere/report", "there is no directory /nowhere"), (".", "is a directory")]
)
def test_what_cannot_be_written_is_refused_before_anything_runs(monkeypatch, option, file, told):
    monkeypatch.setattr("unified_loss.conformance.run", lambda *_, **__: pytest.fail("it ran"))
    done = invoke("conform", option, file)
    assert done.exit_code == 2 and f"{option} {file}: {told}" in done.output


def test_two_outputs_in_one_file_are_refused(tmp_path):
    file = str(tmp_path / "report")
    done = invoke("conform", "--json", file, "--html", os.path.join(str(tmp_path), ".", "report"))
    assert done.exit_code == 2 and "the same file as --json" in done.output
    assert "the same file as --html" in invoke("conform", "--html", "-", "--badge", "-").output


@pytest.mark.parametrize(("option", "package"), [("--html", "jinja2"), ("--baseline", "jsonschema_rs")])
def test_a_missing_package_is_named_before_anything_runs(monkeypatch, saved, option, package):
    monkeypatch.setattr("unified_loss.conformance.run", lambda *_, **__: pytest.fail("it ran"))
    monkeypatch.setitem(sys.modules, package, None)
    done = invoke("conform", option, saved(holding()))
    assert done.exit_code == 2
    assert f"{option} needs {package}: pip install 'unified_loss[report]'" in done.output


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path):
    file = tmp_path / "report.json"
    file.write_text("old")
    file.chmod(0o640)
    outputs.write("--json", str(file), "new")
    assert file.read_text() == "new" and stat.S_IMODE(file.stat().st_mode) == 0o640
    link = tmp_path / "link.json"
    link.symlink_to(file)
    outputs.write("--json", str(link), "newer")
    assert link.is_symlink() and file.read_text() == "newer"
    assert {path.name for path in tmp_path.iterdir()} == {"report.json", "link.json"}


def test_a_new_file_has_the_usual_mode(tmp_path):
    before = os.umask(0o022)
    try:
        outputs.write("--json", str(tmp_path / "new.json"), "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.json").stat().st_mode) == 0o644


def test_what_was_there_stays_where_writing_fails(tmp_path):
    file = tmp_path / "report.json"
    file.write_text("old")
    # A limit on the size of files, as a full disk, cuts a write short.
    program = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); "
        f"from unified_loss import outputs; outputs.write('--json', {str(file)!r}, 'x' * 10_000)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1 and re.search(
        r"ConfigError: --json \S+report.json: File too large", done.stderr
    )
    assert file.read_text() == "old" and [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_a_device_is_written_to_and_not_replaced():
    outputs.check_outputs([("--json", os.devnull), ("--html", os.devnull)])
    outputs.write("--json", os.devnull, "text")
    assert not os.path.isfile(os.devnull)


def test_ulps_are_steps_of_the_dtype_that_is_computed_in():
    wide = [check for result in run_that_holds().results for check in result.checks if check.ulps is not None]
    assert wide and all(math.isfinite(check.ulps) for check in wide)
    assert {check.precision for check in wide} == {"float32", "float64"}
