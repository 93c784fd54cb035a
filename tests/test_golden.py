"""Recording anew what the frameworks give."""

from __future__ import annotations

import json
import stat
import sys

import pytest
from typer.testing import CliRunner
from unified_loss.conformance import golden, load_cases, run
from unified_loss.conformance.stored import FOLDERS, files

import unified_loss as ul
from unified_loss.cli import app

L1 = "torch.nn.functional.l1_loss"

# A worker whose PyTorch has another l1_loss.
CHANGED = """
import torch
from unified_loss.conformance import worker
l1_loss = torch.nn.functional.l1_loss
torch.nn.functional.l1_loss = lambda *args, **kwargs: l1_loss(*args, **kwargs) * 1.001
torch.__version__ = "9.9.0+cpu"
worker.main()
"""


def command(*arguments):
    """The exit status of a command, and what it printed."""
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


@pytest.fixture
def own_cases(tmp_path):
    """A file of cases, of l1_loss and of another one."""
    lines = [line for folder in FOLDERS for file in files(folder) for line in file.read_text().splitlines()]
    wanted = (f"{L1}/", "torch.nn.functional.mse_loss/")
    parsed = [json.loads(line) for line in lines]
    chosen = [line for line in parsed if line["id"].startswith(wanted) and "raises" not in line]
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps({**line, "id": f"own {line['id']}"}) + "\n" for line in chosen))
    return path


@pytest.fixture
def changed_torch(tmp_path, monkeypatch):
    """A project whose PyTorch, in an interpreter of its own, has changed."""
    python = tmp_path / "python"
    python.write_text(f"#!{sys.executable}\n{CHANGED}")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "unified_loss.toml").write_text('[workers.torch]\npython = "./python"\n')
    monkeypatch.chdir(tmp_path)


def test_what_the_library_holds_would_be_written_as_it_stands():
    for folder in FOLDERS:
        for file in files(folder):
            for line in file.read_text(encoding="utf-8").splitlines():
                assert json.dumps(json.loads(line)) == line


def test_nothing_has_changed(own_cases):
    before = own_cases.read_text()
    recording = golden.record(["torch"], files=[str(own_cases)])
    assert len(recording.drift) == len(before.splitlines()) and not recording.changed
    assert golden.update(recording) == {} and own_cases.read_text() == before


def test_what_has_changed_is_recorded_and_the_rest_left_alone(own_cases, changed_torch):
    before = [json.loads(line) for line in own_cases.read_text().splitlines()]
    recording = golden.record(["torch"], files=[str(own_cases)])
    assert {drift.loss for drift in recording.changed} == {L1}
    assert golden.update(recording) == {own_cases: len(before)}
    for old, new in zip(before, map(json.loads, own_cases.read_text().splitlines()), strict=True):
        assert new.pop("version") == "9.9.0" != old.pop("version")
        value = "actual" if old["documented"] else "expected"
        if old["api"] == L1:
            assert new.get("grad", [1]) != old.get("grad", [0])
            assert new.pop(value) != old.pop(value)
        else:
            assert new == old
    assert not golden.record(["torch"], files=[str(own_cases)]).changed


def test_a_documented_value_that_is_no_longer_given_is_said_to_lag_behind(own_cases, changed_torch):
    golden.update(golden.record(["torch"], files=[str(own_cases)]))
    lines = [json.loads(line) for line in own_cases.read_text().splitlines()]
    documented = [line for line in lines if line["api"] == L1 and line["documented"]]
    for line in documented:
        assert line["agrees"] is False and "torch 9.9.0" in line["note"]


def test_drift_is_told_apart_from_our_failures(changed_torch):
    outcome = run(["torch"], [L1])
    assert all(cell.status in ("ok", "failed") for cell in outcome.cells) and not outcome.holds
    drifted = [drift for drift in outcome.drift if drift.is_alarm]
    assert drifted and {drift.version for drift in drifted} == {"9.9.0"}
    stored = {case.id for case in load_cases([L1]) if case.kind != "live"}
    assert {r.status for r in outcome.results if r.case in stored} == {"ok"}


def test_two_versions_are_compared_in_one_run(changed_torch, tmp_path):
    (tmp_path / "unified_loss.toml").write_text(
        '[natives."torch-9"]\nframework = "torch"\npython = "./python"\n'
    )
    ul.config._nearest_settings.cache_clear()
    outcome = run(["torch"], [L1])
    by_name = {native.name: native for native in outcome.natives}
    assert by_name["torch-9"].version == "9.9.0+cpu" != by_name["torch"].version
    assert {result.status for result in outcome.results} == {"ok"}
    assert {drift.native for drift in outcome.drift if drift.is_alarm} == {"torch-9"}
    live = {drift.case: drift for drift in outcome.drift if "/drawn-" in drift.case}
    assert live and all(drift.recorded_version == "2.13.0" for drift in live.values())


@pytest.mark.parametrize("arguments", [[], ["--update"]])
def test_the_command(own_cases, changed_torch, arguments):
    before = own_cases.read_text()
    status, told = command("golden", "--framework", "torch", "--cases", str(own_cases), *arguments)
    assert status == (0 if arguments else 1)
    assert (own_cases.read_text() == before) is not bool(arguments)
    assert "DRIFTED" in told and "torch 9.9.0" in told


def test_own_cases_are_checked_too(own_cases):
    outcome = run(["numpy"], [L1, "torch.nn.functional.mse_loss"], files=[str(own_cases)])
    own = [result for result in outcome.results if result.case.startswith("own ")]
    assert len(own) == len(own_cases.read_text().splitlines()) and outcome.holds


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{", "own.jsonl:1: is not JSON"),
        ("[1]", "own.jsonl:1: is no case"),
        ("\n{}", "own.jsonl:2: has no field"),
        ('{"id": "x", "api": "torch.nn.Nothing"}', "own.jsonl:1:"),
    ],
)
def test_malformed_cases_are_refused(tmp_path, text, wrong):
    path = tmp_path / "own.jsonl"
    path.write_text(text)
    status, told = command("conform", "--backend", "numpy", "--cases", str(path))
    assert status == 2 and wrong in told.replace("\n", "")


def test_changed_fields_of_a_case_are_refused(own_cases):
    line = json.loads(own_cases.read_text().splitlines()[0])
    for field, value, wrong in (
        ("kind", "method", "kind is 'method'"),
        ("inputs", 3, "is no case"),
        ("api", "torch.nn.functional.no_loss", "no_loss"),
        ("grad_of", "nothing", "is no case"),
    ):
        own_cases.write_text(json.dumps({**line, field: value}))
        with pytest.raises(ul.ConfigError, match=wrong):
            load_cases(files=[str(own_cases)])


def test_a_file_that_is_not_there(tmp_path):
    status, told = command("golden", "--cases", str(tmp_path / "none.jsonl"))
    assert status == 2 and "cannot be read" in told
