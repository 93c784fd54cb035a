"""The command line: what it prints, writes and exits with."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner
from unified_loss.conformance.results import BackendRun, Result, Run

import unified_loss as ul
from unified_loss import cli
from unified_loss.availability import BackendInfo

L1 = "mxnet.gluon.loss.L1Loss"


def invoke(*arguments):
    return CliRunner().invoke(cli.app, list(arguments))


def unified_loss(*arguments, program="from unified_loss.__main__ import main; main()"):
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True)


def test_help_is_there_for_every_command():
    assert invoke("--help").exit_code == 0
    for command in ("backends", "conform"):
        done = invoke(command, "--help")
        assert done.exit_code == 0 and "--json" in done.output


def test_no_command_is_wrong_use():
    assert invoke().exit_code == 2
    assert invoke("nothing").exit_code == 2


def test_it_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "unified_loss", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "conform" in done.stdout


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_it_says_what_to_install(missing):
    program = f"import sys; sys.modules[{missing!r}] = None; from unified_loss.__main__ import main; main()"
    done = unified_loss(program=program)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.strip().splitlines() == [
        f"unified-loss: the command line needs {missing}: pip install 'unified_loss[cli]'"
    ]


def test_importing_the_command_line_imports_no_framework():
    frameworks = "{'torch', 'tensorflow', 'paddle', 'mindspore', 'mxnet', 'jax', 'autograd'}"
    program = f"import sys, unified_loss.cli; assert not {frameworks} & set(sys.modules)"
    assert unified_loss(program=program).returncode == 0


# -------------------------------------------------------------------------------- conform


def test_conform_holds():
    done = unified_loss("conform", "--backend", "numpy", "--loss", L1)
    assert done.returncode == 0 and done.stderr == ""
    assert "numpy" in done.stdout and "L1Loss" in done.stdout and "1 of 1 cells hold" in done.stdout


def test_json_alone_on_standard_output():
    done = unified_loss("conform", "--backend", "numpy", "--loss", L1, "--json", "-")
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert list(report)[:2] == ["format", "format_version"]
    assert report["holds"] and report["unified_loss"] == ul.__version__
    assert set(report["backends"][0]) == set(BackendRun.__dataclass_fields__)
    assert report["cells"][0]["loss"] == L1 and report["cells"][0]["status"] == "ok"
    assert {result["status"] for result in report["results"]} == {"ok"}


def test_json_to_a_file_beside_the_table(tmp_path):
    file = tmp_path / "report.json"
    done = invoke("conform", "--backend", "numpy", "--loss", "PoissonNLLLoss", "--json", str(file))
    assert done.exit_code == 0 and "cells hold" in done.output
    finding = json.loads(file.read_text())["findings"][0]
    assert finding["native"] == ["NaN"] and finding["corrected"] == [3.3365216]
    assert "Stirling" in finding["cause"] and "native defect" in done.output


def canned(monkeypatch, *results, backend=None):
    """Replaces the run by results given here."""
    outcome = Run((L1,), (backend or BackendRun("numpy", "ok", version="1.0"),), results)
    monkeypatch.setattr("unified_loss.conformance.run", lambda *_, **__: outcome)


def test_a_failure_is_explained_and_exits_with_1(monkeypatch):
    from unified_loss.conformance.comparison import Check

    check = Check("value", False, [1.0], [1.25], 0.25, 1e-5, (0,), "because")
    canned(monkeypatch, Result(f"{L1}/made-2", L1, "numpy", "failed", (check,)))
    done = invoke("conform")
    assert done.exit_code == 1
    for part in (
        f"FAILED {L1} on numpy",
        f"{L1}/made-2",
        "mxnet 1.9.1 returned on CPU",
        "value: error 0.25 at [0], allowed 1e-05 (because)",
        "expected [1.0]",
        "got [1.25]",
        "import unified_loss as ul",
        "loss = ul.resolve('mxnet.gluon.loss.L1Loss')(weight=0.5)",
        "pred = ul.asarray([[0.5, -1.2",
        "0 of 1 cells hold; cases: 1 failed",
    ):
        assert part in done.output, part
    explained = json.loads(invoke("conform", "--json", "-").stdout)["results"][0]
    assert explained["checks"][0]["expected"] == [1.0] and explained["checks"][0]["got"] == [1.25]
    assert explained["source"] and explained["inputs"] and explained["reproduce"]


@pytest.mark.parametrize("status", ["crashed", "timeout", "error", "unsupported"])
def test_what_went_wrong_stands_in_the_cell(monkeypatch, status):
    canned(monkeypatch, Result(f"{L1}/made-2", L1, "numpy", status, reason="of this"))
    done = invoke("conform")
    assert done.exit_code == (0 if status == "unsupported" else 1)
    assert ("declared gap" in done.output) is (status == "unsupported")
    assert f"{status.upper()} {L1} on numpy" in done.output and "of this" in done.output
    assert any(line.split()[:2] == ["L1Loss", status] for line in done.output.splitlines())


def test_a_backend_that_did_not_start_exits_with_1(monkeypatch):
    canned(monkeypatch, backend=BackendRun("numpy", "crashed", "signal SIGSEGV"))
    done = invoke("conform")
    assert done.exit_code == 1 and "numpy: crashed: signal SIGSEGV" in done.output


def test_what_is_not_installed_is_listed_and_no_failure(monkeypatch):
    canned(monkeypatch, backend=BackendRun("numpy", "not installed", "pip install it", requested=False))
    done = invoke("conform")
    assert done.exit_code == 0 and "not installed: numpy (pip install" in done.output


def test_values_only_is_said_and_no_failure(monkeypatch):
    backend = BackendRun("numpy", "ok", note="gradients need autograd")
    canned(monkeypatch, Result(f"{L1}/made-2", L1, "numpy", "ok"), backend=backend)
    done = invoke("conform")
    assert done.exit_code == 0 and "numpy: values only" in done.output and "0*" in done.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--backend", "pytorch"), "unknown backend 'pytorch'; did you mean torch?"),
        (("--backend", "xyz"), "there are: numpy, mindspore, torch"),
        (("--loss", "SoftmaxCrossEntropy"), "did you mean SoftmaxCrossEntropyLoss"),
        (("--loss", "mxnet.gluon.loss.L3Loss"), "did you mean mxnet.gluon.loss.L"),
        (("--json", "/nowhere/report.json"), "there is no directory /nowhere"),
        (("--json", "."), "is a directory"),
        (("--nothing",), "No such option"),
    ],
)
def test_wrong_use_exits_with_2_before_anything_runs(monkeypatch, arguments, told):
    monkeypatch.setattr("unified_loss.conformance.run", lambda *_, **__: pytest.fail("it ran"))
    done = invoke("conform", *arguments)
    assert done.exit_code == 2 and told in done.output


def test_an_unreadable_configuration_is_wrong_use(tmp_path, monkeypatch):
    (tmp_path / "unified_loss.toml").write_text("backend = 'nothing'")
    monkeypatch.chdir(tmp_path)
    done = invoke("conform")
    assert done.exit_code == 2 and "unknown backend 'nothing'" in done.output


# ------------------------------------------------------------------------------- backends

FINE = BackendInfo("numpy", True, "1.26.4", True, None)
ABSENT = BackendInfo("jax", False, None, False, "jax is not installed")
BROKEN = BackendInfo("torch", True, "2.13.0", False, "importing it failed")


@pytest.mark.parametrize(("found", "status"), [([FINE, ABSENT], 0), ([FINE, BROKEN], 1)])
def test_backends(monkeypatch, found, status):
    asked = []
    monkeypatch.setattr(cli, "ask_backends", lambda *, check: asked.append(check) or found)
    done = invoke("backends")
    assert done.exit_code == status and asked == [True]
    for info in found:
        assert info.name in done.output and (info.reason or "yes") in done.output
    done = invoke("backends", "--json", "-")
    assert done.exit_code == status
    assert json.loads(done.stdout)["backends"] == [vars(info) for info in found]


def test_backends_refuses_a_file_that_cannot_be_written(monkeypatch):
    monkeypatch.setattr(cli, "ask_backends", lambda *, check: pytest.fail("it ran"))
    assert invoke("backends", "--json", "/nowhere/report.json").exit_code == 2
