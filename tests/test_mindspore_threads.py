"""MindSpore as its users have it, which hands operations on to threads; the other tests do without these."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.backends("mindspore")


def run(program, folder):
    environment = {name: value for name, value in os.environ.items() if name != "MS_DEV_LAUNCH_BLOCKING"}
    file = folder / "program.py"
    file.write_text(program)
    command = [sys.executable, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_an_earlier_error_is_not_taken_for_ours(backend, tmp_path):
    program = """if True:
        import mindspore as ms, unified_loss as ul
        x, y = ms.Tensor([[0.5, -1.2], [1.5, 0.3]]), ms.Tensor([[1.0, 0.0], [0.0, 1.0]])
        loss = ul.losses.squared_error
        expected = loss(x, y).asnumpy()
        # An index out of range, which MindSpore notices when the kernel runs, a call later.
        ms.ops.gather_d(x, 1, ms.Tensor([[7, 0], [0, 0]], ms.int32))
        notes = []
        try:
            loss(x, y)
        except (RuntimeError, ValueError, IndexError) as error:
            notes = error.__notes__
        print(notes, loss(x, y).asnumpy() == expected)"""
    said = run(program, tmp_path)
    assert "an operation before this call caused" in said
    assert said.endswith(" True")


def test_the_results_are_the_same(backend, tmp_path):
    program = """if True:
        from unified_loss.conformance.collection import load_cases
        from unified_loss.conformance.worker import check_case
        from unified_loss.loading import get_backend
        cases = [case for case in load_cases() if case.kind != "live" or case.native_backend == "mindspore"]
        results = [check_case(case, get_backend("mindspore")) for case in cases[::100]]
        print(len(results), [result.case for result in results if result.status != "ok"])"""
    count, _, fallen_short = run(program, tmp_path).partition(" ")
    assert int(count) > 20
    assert fallen_short == "[]"
