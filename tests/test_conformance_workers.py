"""That a worker which crashes, hangs or is missing is only its own backend's result."""

from __future__ import annotations

import os
import stat
import sys

import pytest
from unified_loss.conformance import Run, load_cases, run, scheduling
from unified_loss.conformance.results import BackendRun, Result
from unified_loss.conformance.runner import Limits, configured_interpreters
from unified_loss.conformance.scheduling import Scheduler, Subject

import unified_loss as ul
from unified_loss.registry import ENTRIES

L1 = "mxnet.gluon.loss.L1Loss"
STORED = [case for case in load_cases([L1]) if case.kind != "live"]


@pytest.fixture
def interpreter(tmp_path):
    """Makes a stand-in for Python that runs some lines and then a real worker."""

    def make(lines):
        file = tmp_path / "python"
        body = "import os, signal, sys, time\nfrom unified_loss.conformance import worker\n" + lines
        file.write_text(f"#!{sys.executable}\n{body}\nworker.main()\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return {"numpy": str(file)}

    return make


ON_ONE_CASE = """
check_case = worker.check_case
def check(case, *args, **kwargs):
    if case.id == {case!r}:
        {action}
    return check_case(case, *args, **kwargs)
worker.check_case = check
"""


def statuses(outcome):
    return {result.case: result.status for result in outcome.results}


def test_a_crash_is_one_result_and_the_rest_goes_on(interpreter):
    action = "print('last words', file=sys.stderr, flush=True); os.kill(os.getpid(), signal.SIGSEGV)"
    interpreters = interpreter(ON_ONE_CASE.format(case=f"{L1}/made-2", action=action))
    outcome = run(["numpy"], [L1], interpreters=interpreters)
    found = statuses(outcome)
    assert found.pop(f"{L1}/made-2") == "crashed"
    assert set(found) == {case.id for case in STORED} - {f"{L1}/made-2"}
    assert set(found.values()) == {"ok"}
    crashed = outcome.failures[0]
    assert "SIGSEGV" in crashed.reason and "last words" in crashed.reason
    assert outcome.cells[0].status == "crashed" and not outcome.holds


KILLED = """
mark = {mark!r}
check_case = worker.check_case
def check(case, *args, **kwargs):
    if case.id == {case!r} and ({always} or not os.path.exists(mark)):
        open(mark, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return check_case(case, *args, **kwargs)
worker.check_case = check
"""


@pytest.mark.parametrize("always", [False, True])
def test_a_worker_killed_from_outside_loses_no_result(interpreter, tmp_path, always):
    case = f"{L1}/made-2"
    lines = KILLED.format(mark=str(tmp_path / "killed"), case=case, always=always)
    outcome = run(["numpy"], [L1], interpreters=interpreter(lines))
    found = statuses(outcome)
    assert len(found) == len(STORED) and (tmp_path / "killed").exists()
    # One that is killed each time is to blame.
    assert found.pop(case) == ("crashed" if always else "ok") and set(found.values()) == {"ok"}


def test_a_hang_is_one_result_and_the_rest_goes_on(interpreter):
    interpreters = interpreter(ON_ONE_CASE.format(case=f"{L1}/made-2", action="time.sleep(600)"))
    outcome = run(["numpy", "torch"], [L1], interpreters=interpreters, limits=Limits(case=5))
    numpy = [result for result in outcome.results if result.backend == "numpy"]
    assert {result.status for result in numpy if result.case != f"{L1}/made-2"} == {"ok"}
    timed_out = next(result for result in numpy if result.case == f"{L1}/made-2")
    assert timed_out.status == "timeout" and timed_out.reason == "no result within 5 s"


def test_a_backend_that_crashes_in_every_case_is_given_up(interpreter):
    interpreters = interpreter("def check(*_, **__): os._exit(3)\nworker.check_case = check")
    outcome = run(["numpy"], [L1], interpreters=interpreters, limits=Limits(deaths=2))
    assert set(statuses(outcome).values()) == {"crashed"}
    reasons = [result.reason for result in outcome.results]
    assert reasons[:2] == ["exit status 3"] * 2 and all("not tried" in reason for reason in reasons[2:])


@pytest.mark.parametrize(
    ("lines", "status", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGABRT)", "crashed", "SIGABRT"),
        ("raise ImportError('no such library')", "crashed", "no such library"),
        ("time.sleep(600)", "timeout", "more than 3 s"),
        (
            "from unified_loss.errors import BackendError\n"
            "def failing(name): raise BackendError('importing it failed')\n"
            "worker.get_backend = failing",
            "unusable",
            "importing it failed",
        ),
    ],
)
def test_a_backend_that_does_not_start_says_why(interpreter, lines, status, reason):
    limits = Limits(startup=3) if status == "timeout" else None
    outcome = run(["numpy"], [L1], interpreters=interpreter(lines), limits=limits)
    assert outcome.backends[0].status == status and reason in outcome.backends[0].reason
    assert outcome.cells[0].status == status and not outcome.holds and not outcome.results


def test_an_interpreter_that_is_not_there(tmp_path):
    outcome = run(["numpy"], [L1], interpreters={"numpy": str(tmp_path / "python")})
    assert outcome.backends[0].status == "unusable" and "cannot be run" in outcome.backends[0].reason


NOT_INSTALLED = """
import dataclasses
info = dataclasses.replace(worker.backends()[0], installed=False, reason="numpy is not installed")
worker.backends = lambda: [info]
def failing(name): raise worker.BackendError("not installed")
worker.get_backend = failing
"""


def test_a_missing_backend_fails_only_if_it_was_asked_for(interpreter, monkeypatch):
    interpreters = interpreter(NOT_INSTALLED)
    outcome = run(["numpy"], [L1], interpreters=interpreters)
    assert outcome.cells[0].status == "not installed" and not outcome.holds
    monkeypatch.setattr("unified_loss.conformance.chosen.ENTRIES", {"numpy": ENTRIES["numpy"]})
    outcome = run(None, [L1], interpreters=interpreters)
    assert outcome.backends[0].reason == "numpy is not installed"
    assert outcome.cells[0].status == "not installed" and outcome.holds


def test_without_autograd_numpy_checks_values_only(interpreter):
    outcome = run(["numpy"], [L1], interpreters=interpreter("sys.modules['autograd'] = None"))
    assert outcome.holds and outcome.cells[0].values_only
    assert "pip install" in outcome.backends[0].note


def test_what_a_framework_prints_does_not_disturb_the_events(interpreter):
    action = "os.write(1, b'{\"event\": \"noise\"}\\n'); print('noise')"
    interpreters = interpreter(ON_ONE_CASE.format(case=f"{L1}/made-2", action=action))
    assert run(["numpy"], [L1], interpreters=interpreters).holds


def test_progress_is_reported_for_every_case():
    seen = []
    outcome = run(["numpy"], [L1], progress=lambda *what: seen.append(what))
    total = len(outcome.results)
    assert seen[0] == ("numpy", 0, 0, "waiting") and seen[-1] == ("numpy", total, total, "done")
    assert {done for _, done, _, _ in seen} == set(range(total + 1))


# ------------------------------------------------------------------------------------ natives

TORCH_L1 = "torch.nn.L1Loss"

NATIVE = """
native_outcome = worker.live.native_outcome
def native(case, *args):
    if case.id == {case!r}:
        {action}
    return native_outcome(case, *args)
worker.live.native_outcome = native
"""


def test_a_native_loss_that_crashes_is_told_apart(interpreter):
    crash = "print('native words', file=sys.stderr, flush=True); os.kill(os.getpid(), signal.SIGSEGV)"
    live = f"{TORCH_L1}/drawn-1"
    python = interpreter(NATIVE.format(case=live, action=crash))["numpy"]
    outcome = run(["torch"], [TORCH_L1], interpreters={"torch": python})
    wrong = {result.case: result for result in outcome.failures}
    assert set(wrong) == {live} and wrong[live].status == "error"
    assert "native loss" in wrong[live].reason and "SIGSEGV" in wrong[live].reason
    assert not outcome.holds


def test_a_recorded_case_that_crashes_the_native_loss_is_drift(interpreter):
    stored = next(case for case in load_cases([TORCH_L1]) if case.kind == "golden")
    python = interpreter(NATIVE.format(case=stored.id, action="raise ValueError('removed')"))["numpy"]
    outcome = run(["torch"], [TORCH_L1], interpreters={"torch": python})
    assert not outcome.failures and not outcome.holds
    alarms = [drift for drift in outcome.drift if drift.is_alarm]
    assert [drift.case for drift in alarms] == [stored.id]
    assert alarms[0].status == "error" and "removed" in alarms[0].reason


def test_without_natives_only_stored_cases_are_run():
    outcome = run(["torch"], [TORCH_L1], native=False)
    assert outcome.holds and not outcome.natives
    assert {result.case for result in outcome.results} == {
        case.id for case in load_cases([TORCH_L1]) if case.kind != "live"
    }


def test_a_native_framework_that_does_not_start_fails_the_run(interpreter):
    lines = "if 'native' in sys.stdin.readline(): sys.exit(3)"
    python = interpreter(f"{lines}\nsys.stdin = type('', (), {{'readline': lambda: ''}})")["numpy"]
    outcome = run(["torch"], [TORCH_L1], interpreters={"torch": python})
    assert outcome.natives[0].status == "crashed" and not outcome.holds


# ---------------------------------------------------------------------------------- scheduling


@pytest.fixture
def scheduled(interpreter, tmp_path):
    """Runs the cases of a loss on NumPy, and says how many workers that took."""
    slow = "\ncheck_case = worker.check_case\ndef check(*a, **k): time.sleep(0.3); return check_case(*a, **k)"
    slow += "\nworker.check_case = check"
    python = interpreter(f"open({str(tmp_path / 'started')!r}, 'a').write('x'){slow}")["numpy"]

    def schedule(jobs=1, **options):
        items, got = [(case.id, "eager") for case in STORED], []
        subject = Subject(
            "numpy",
            python,
            {"role": "ours", "backend": "numpy", "folder": str(tmp_path)},
            prepare=lambda: items,
            record=lambda event: got.append(event["case"]),
            lost=lambda item, *_: got.append(("lost", item)),
            **options,
        )
        Scheduler([subject], Limits(jobs=jobs), None, str(tmp_path)).run()
        assert sorted(got) == sorted(identifier for identifier, _ in items)
        return len((tmp_path / "started").read_text())

    return schedule


def test_a_worker_is_replaced_after_so_many_cases(scheduled):
    assert scheduled(fresh_after=1) > 2


def test_one_worker_is_enough_for_little_work(scheduled):
    assert scheduled(jobs=4) == 1


def test_much_work_is_shared(scheduled, monkeypatch):
    monkeypatch.setattr(scheduling, "_HELP_FROM", 0.0)
    assert scheduled(jobs=4) > 1


@pytest.mark.parametrize(("memory", "jobs"), [(4e6, 1), (5.1e9, 2), (64e9, 8), (None, 8)])
def test_memory_limits_the_workers(monkeypatch, memory, jobs):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)
    monkeypatch.setattr(scheduling, "_available_memory", lambda: memory)
    assert Limits().jobs == jobs


@pytest.mark.skipif(not os.path.exists("/proc/meminfo"), reason="the system does not say how much there is")
def test_available_memory_is_a_part_of_all():
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 1e8 < scheduling._available_memory() < total


def test_the_configuration_names_interpreters(tmp_path, monkeypatch):
    (tmp_path / "unified_loss.toml").write_text(
        '[workers.mxnet]\npython = "old/bin/python"\n[workers.torch]\npython = "python3.12"\n'
    )
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert configured_interpreters() == {"mxnet": str(tmp_path / "old/bin/python"), "torch": "python3.12"}


def test_unknown_names_are_refused():
    with pytest.raises(ul.BackendError, match="unknown backend"):
        run(["numppy"])
    with pytest.raises(ul.ConfigError, match="no dialect"):
        run(["numpy"], ["nothing"])


def test_a_cell_without_results_does_not_hold():
    assert not Run(("a.Loss",), (BackendRun("numpy", "ok"),), ()).holds
    held = Result("a.Loss/1", "a.Loss", "numpy", "ok")
    assert Run(("a.Loss",), (BackendRun("numpy", "ok"),), (held,)).holds
