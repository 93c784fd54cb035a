"""Training scripts of each framework, ported: what is changed, and that both run and agree."""

from __future__ import annotations

import difflib
import functools
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from unified_loss import availability
from unified_loss.porting import known
from unified_loss.porting.files import port_files, port_text
from unified_loss.registry import ENTRIES

SCRIPTS = Path(__file__).parent / "scripts"
SOURCES = ("mxnet", "torch", "tensorflow", "paddle", "mindspore", "optax")
TARGETS = {
    "mxnet": "torch",
    "torch": "optax",
    "tensorflow": "mindspore",
    "paddle": "tensorflow",
    "mindspore": "mxnet",
    "optax": "paddle",
}
FILES = [file for source in SOURCES for file in sorted((SCRIPTS / source).glob("*.py"))]
MARK = "# -> "


@functools.cache
def ported(file, style="dialect"):
    source = file.parent.name
    # The scripts of TensorFlow use Keras by both its names.
    chosen = None if source == "tensorflow" else source
    (found,) = port_files(str(file), TARGETS[source], source=chosen, style=style)
    return found


def test_there_are_scripts_of_every_framework():
    assert all(len(list((SCRIPTS / source).glob("*.py"))) >= 3 for source in SOURCES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_what_is_found_is_what_the_script_says_stands_there(file):
    said = {}
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        if MARK in line:
            said[number] = sorted(line.partition(MARK)[2].split(", "))
    got = {}
    for finding in ported(file).findings:
        got.setdefault(finding.line, []).append("left alone" if finding.outcome == "left alone" else "ported")
        assert bool(finding.reason) == (finding.outcome == "left alone")
    assert {line: sorted(outcomes) for line, outcomes in got.items()} == said


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_nothing_but_imports_and_losses_is_changed(file):
    found = ported(file)
    compile(found.after, str(file), "exec")
    before, after = (text.splitlines() for text in (found.before, found.after))
    changed = [line[2:] for line in difflib.ndiff(before, after) if line[:2] in ("- ", "+ ")]
    assert changed
    assert [line for line in changed if MARK not in line and not re.match(r" *(from|import) ", line)] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_ported_file_has_nothing_more_to_port(file, tmp_path):
    first = ported(file)
    folder = tmp_path / file.parent.name
    folder.mkdir()
    (folder / file.name).write_text(first.after)
    second = ported(folder / file.name)
    assert not second.changed and second.diff == ""
    assert {finding.outcome for finding in second.findings} <= {"left alone"}
    left = [finding for finding in first.findings if finding.outcome == "left alone"]
    # The lines have moved.
    reasons = [
        [re.sub(r"\d+", "N", finding.reason) for finding in found] for found in (left, second.findings)
    ]
    assert reasons[0] == reasons[1]


@pytest.mark.parametrize("source", SOURCES)
def test_ported_scripts_train_as_before_and_compute_the_same_elsewhere(source, request, tmp_path):
    needed = [{"optax": "jax"}.get(name, name) for name in (source, TARGETS[source])]
    missing = [name for name in needed if not availability.version(ENTRIES[name])]
    if missing and not request.config.getoption("--all-backends"):
        pytest.skip(f"needs {', '.join(missing)}")
    found = run_scripts(source, tmp_path)
    assert set(found) == {file.name for file in (SCRIPTS / source).glob("*.py")}
    for name, run in found.items():
        before, after = run["training"]
        np.testing.assert_allclose(after, before, rtol=1e-6, atol=0, err_msg=name)
        for style in ("dialect", "native"):
            assert_equal_losses(run["losses"], run[style], f"{name}, {style}")


def run_scripts(source, folder):
    """What the scripts of a framework give, as they are and ported."""
    for style in ("dialect", "native"):
        (folder / style).mkdir()
        for file in sorted((SCRIPTS / source).glob("*.py")):
            (folder / style / file.name).write_text(ported(file, style).after)
    runs = Path(__file__).parent / "script_runs.py"
    command = [sys.executable, str(runs), source, TARGETS[source], str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def assert_equal_losses(before, after, where):
    assert before and list(before) == list(after)
    for loss in before:
        assert np.shape(after[loss]) == np.shape(before[loss]), (where, loss)
        np.testing.assert_allclose(
            after[loss], before[loss], rtol=1e-5, atol=1e-6, err_msg=f"{where}: {loss}"
        )


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_native_losses_are_put_where_the_dialect_would_be(file):
    native, dialect = ported(file, "native"), ported(file)
    compile(native.after, str(file), "exec")
    assert [(f.line, f.code, f.outcome == "left alone") for f in native.findings] == [
        (f.line, f.code, f.outcome == "left alone") for f in dialect.findings
    ]
    for finding in native.findings:
        assert finding.reason or finding.outcome == "native"
    again = port_text(native.after, known.HEADS[file.parent.name], TARGETS[file.parent.name], "native")
    assert again[0] == native.after
