"""Runs `compile_checks.py`, each framework in a process of its own: their tracers break what came before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from unified_loss.registry import ENTRIES

CHECKS = Path(__file__).with_name("compile_checks.py")


@pytest.mark.parametrize("framework", list(ENTRIES))
def test_a_framework_compiles_the_losses(framework, request):
    if framework not in (request.config.getoption("--backend") or ENTRIES):
        pytest.skip("another backend was asked for")
    every = ["--all-backends"] if request.config.getoption("--all-backends") else []
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(CHECKS)]
    done = subprocess.run([*command, "--backend", framework, *every], capture_output=True, text=True)
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-2000:]}"
    assert " passed" in done.stdout or not every
