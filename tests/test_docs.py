"""The README's examples run, and its commands are the ones that are run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from unified_loss.conformance import loss_names

from unified_loss import availability, losses
from unified_loss.registry import ENTRIES

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

RUN = """
import doctest, sys
test = doctest.DocTestParser().get_doctest(sys.stdin.read(), {}, "README", "README.md", 0)
runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
runner.run(test)
print(runner.tries, "examples")
sys.exit(runner.failures > 0)
"""


def test_the_readme_has_examples():
    assert len(BLOCKS) == 5


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_of_the_readme(block, request, tmp_path):
    needed = [name for name in ENTRIES if re.search(rf"import {name}\b|\"{name}\"", block)]
    missing = [name for name in needed if not availability.version(ENTRIES[name])]
    if missing and not request.config.getoption("--all-backends"):
        pytest.skip(f"needs {', '.join(missing)}")
    # Run elsewhere, so that no configuration file of this repository can play a part.
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN],
        input=block,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^[1-9]\d* examples$", done.stdout, re.MULTILINE)


ROOTS = {"tensorflow": "tf"}
DIALECTS = ("torch", "keras", "tensorflow", "paddle", "mindspore", "mxnet", "optax")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_readme_counts_the_losses_there_are(dialect):
    said = re.search(rf"^\| `{dialect}\.\S+.*\| all (\d+)", README, re.MULTILINE)
    root = ROOTS.get(dialect, dialect)
    assert int(said[1]) == sum(name.startswith(f"{root}.") for name in loss_names())


def test_the_readme_counts_the_formulas_there_are():
    assert f"{len(losses.__all__)} formulas, each once" in README


def test_the_commands_of_readme_makefile_and_ci_are_the_same():
    commands = [line for line in README.splitlines() if line.startswith("python3.11 -m venv")]
    assert len(commands) == 2
    makefile = (ROOT / "Makefile").read_text()
    makefile = makefile.replace("$(PYTHON)", "python3.11").replace("$(BIN)", ".venv/bin")
    for command in commands:
        assert f"\t{command}\n" in makefile
    assert [c for c in commands if "--all-backends" in c] == commands[1:]
    assert "grep -m1 -- '--all-backends' README.md" in (ROOT / ".ci" / "run").read_text()
