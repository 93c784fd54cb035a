"""ruff and mypy --strict, as part of the tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_ruff():
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--output-format", "concise", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy(tmp_path):
    # mypy does not see the folders that an editable install maps into the package, so it gets
    # the package as a wheel would lay it out.
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "unified_loss", tmp_path / "unified_loss", ignore=ignore)
    for name in ("backends", "conformance"):
        shutil.copytree(ROOT / name, tmp_path / "unified_loss" / name, ignore=ignore)
    command = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache")]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *command, "-p", "unified_loss"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
