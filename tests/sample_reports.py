"""Real reports for the tests: one that holds, and one of a worker in which much is wrong on purpose."""

from __future__ import annotations

import copy
import functools
import math
import stat
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from unified_loss.conformance import load_cases, run
from unified_loss.conformance.accuracy import Accuracy
from unified_loss.conformance.drift import documentation_drift, drift_of, is_recorded_from_native
from unified_loss.conformance.mutant import MutantResult
from unified_loss.conformance.reporting import report_of
from unified_loss.conformance.results import BackendRun

LOGITS = "torch.nn.BCEWithLogitsLoss"
L1 = "mxnet.gluon.loss.L1Loss"
HUBER = "keras.losses.Huber"
CRASHES, RAISES = f"{L1}/made-2", f"{L1}/made-4"
LOSSES = (LOGITS, L1, HUBER, "optax.losses.l2_loss", "paddle.nn.CTCLoss", "torch.nn.PoissonNLLLoss")

# A worker whose log1p is off by a thousandth, that dies of one case, and raises for another what a page
# must show and not interpret.
BROKEN = f"""#!{sys.executable}
import numpy, os, signal
from unified_loss import get_backend
from unified_loss.conformance import worker
get_backend("numpy").log1p = lambda x, /: numpy.log1p(x) * 1.001
prepared_call = worker.prepared_call
def prepared(case, *args, **kwargs):
    if case.id == {CRASHES!r}:
        os.write(2, b"\\x1b[31mbad\\x00 bytes\\x1b[0m")
        os.kill(os.getpid(), signal.SIGSEGV)
    if case.id == {RAISES!r}:
        raise RuntimeError("</script><img src=x onerror=alert(1)> & <b>bold</b>")
    return prepared_call(case, *args, **kwargs)
worker.prepared_call = prepared
worker.main()
"""


@functools.cache
def run_that_holds():
    """NumPy, on a few losses."""
    return run(["numpy"], LOSSES, native=False)


@functools.cache
def run_that_fails():
    """The same, with a failure, a crash and an exception."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "python"
        python.write_text(BROKEN)
        python.chmod(python.stat().st_mode | stat.S_IXUSR)
        return run(["numpy"], LOSSES, native=False, interpreters={"numpy": str(python)})


def holding():
    """A fresh report of the one."""
    return copy.deepcopy(_reported(run_that_holds))


def failing():
    """A fresh report of the other."""
    return copy.deepcopy(_reported(run_that_fails))


@functools.cache
def _reported(made):
    return report_of(made())


def full():
    """The failing report with something in each further section."""
    return copy.deepcopy(_reported(run_with_everything))


def run_with_everything():
    """The failing run, with what a run on frameworks, of the oracle and of mutants would add."""
    return replace(
        run_that_fails(),
        natives=(BackendRun("torch", "ok", version="2.14.0"),),
        drift=drifts(),
        accuracy=accuracies(),
        mutants=(
            MutantResult("spec huber:12 0.5 -> 1.5", "spec", "numpy", "caught", ("a case",)),
            MutantResult("op log1p: <off> by 1e-3", "op", "numpy", "survived"),
            MutantResult("plan l1: axis", "plan", "numpy", "equivalent", (), "it is summed over"),
        ),
    )


def drifts():
    """What a later PyTorch gives: once the same, once another value; and a documentation that lags."""
    cases = [case for case in load_cases([LOGITS]) if is_recorded_from_native(case) and not case.finding]
    same = drift_of(cases[0], "torch", "2.14.0", cases[0].recorded, cases[0].recorded, "2.13.0")
    moved = copy.copy(cases[1].recorded)
    object.__setattr__(moved, "values", tuple(value * 1.01 for value in moved.values))
    other = drift_of(cases[1], "torch", "2.14.0", cases[1].recorded, moved, "2.13.0")
    documented = documentation_drift({case.loss for case in load_cases()})[:1]
    assert (same.status, other.status, len(documented)) == ("same", "drifted", 1)
    return (same, other, *documented)


def accuracies():
    """Ours and the native of three losses, one of which overflows."""
    sizes = {LOGITS: (0.8, 3.0e4), L1: (0.0, 0.5), HUBER: (1.2, math.inf)}
    return tuple(
        Accuracy(loss, backend, subject, dtype, quantity, 100, 0.2, worst, f"{loss}/1", (0, 1), 1.0, 1.0)
        for loss, (ours, native) in sizes.items()
        for dtype in ("float32", "float64")
        for quantity in ("value", "gradient")
        for backend, subject, worst in (
            ("numpy", "ours", ours),
            ("torch", "ours", ours),
            ("torch", "native", native),
        )
    )
