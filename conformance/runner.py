"""Runs the conformance suite: a process for each backend, whose crash is only that backend's result."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from unified_loss import config
from unified_loss.registry import ENTRIES, entry_of

from .cases import Case
from .collection import load_cases, loss_names
from .results import BackendRun, Result, Run, Status

Progress = Callable[[str, int, int, str], None]
"""Called with a backend, how many of its cases are done, how many there are, and what it does now."""

_ENVIRONMENT = {
    "JAX_ENABLE_X64": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "GLOG_minloglevel": "3",
    # The inputs are tiny; threads that wait by spinning would only slow the other worker.
    "OMP_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class Limits:
    """When a worker is given up.

    Parameters
    ----------
    startup : seconds for importing the framework
    case : seconds for one case
    jobs : workers at a time
    deaths : crashes and timeouts in a row after which the rest of a backend is not tried
    """

    startup: float = 300.0
    case: float = 120.0
    jobs: int = 2
    deaths: int = 5


def run(
    backends: Iterable[str] | None = None,
    losses: Iterable[str] | None = None,
    *,
    progress: Progress | None = None,
    interpreters: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> Run:
    """Check losses on backends, each backend in a process of its own.

    Parameters
    ----------
    backends : names; by default all, of which those not installed are no failure
    losses : native names, aliases included; by default all
    progress : called after every case, never from two threads at a time
    interpreters : the Python to run a backend in; by default as the configuration file says, else
        this one
    limits : time limits and the number of processes

    Returns
    -------
    Run
        A result for each case, whatever happened to its backend.

    Raises
    ------
    BackendError, ConfigError
        If a name is that of no backend or loss, or the configuration file cannot be read.

    Examples
    --------
    >>> from unified_loss.conformance import run
    >>> run(["numpy"], ["mxnet.gluon.loss.L1Loss"]).holds
    True
    """
    began = time.perf_counter()
    requested = None if backends is None else [entry_of(name).name for name in backends]
    names = [name for name in ENTRIES if requested is None or name in requested]
    cases = load_cases(losses)
    pythons = configured_interpreters() if interpreters is None else interpreters
    lock, stop = threading.Lock(), threading.Event()

    def report(backend: str, done: int, total: int, doing: str) -> None:
        with lock:
            if progress:
                progress(backend, done, total, doing)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        jobs = [
            _Job(name, cases, pythons.get(name, sys.executable), limits or Limits(), report, stop, folder)
            for name in names
        ]
        with ThreadPoolExecutor(max_workers=(limits or Limits()).jobs) as pool:
            try:
                finished = list(pool.map(_Job.run, jobs))
            finally:
                # On Ctrl-C the others must not start the next worker.
                stop.set()
    return Run(
        tuple(name for name in loss_names() if any(case.loss == name for case in cases)),
        tuple(job.backend_run(requested is not None) for job in finished),
        tuple(result for job in finished for result in job.results),
        round(time.perf_counter() - began, 2),
    )


def configured_interpreters() -> dict[str, str]:
    """The interpreters that the configuration file names; paths in it are relative to it."""
    settings = config.file_settings()
    folder = Path.cwd() if settings.source is None else settings.source.parent
    return {
        name: str(folder / Path(python).expanduser()) if os.sep in python else python
        for name, python in settings.workers
    }


class _Job:
    """One backend's cases, through as many workers as it takes."""

    def __init__(
        self,
        backend: str,
        cases: Sequence[Case],
        python: str,
        limits: Limits,
        progress: Progress,
        stop: threading.Event,
        folder: str,
    ) -> None:
        self.backend = backend
        self.python = python
        self.limits = limits
        self.progress = progress
        self.stop = stop
        self.folder = folder
        self.results: list[Result] = []
        self.status: Status = "ok"
        self.reason = self.note = ""
        self.version: str | None = None
        self._remaining = [case for case in cases if case.kind != "live" or case.native_backend == backend]
        self._total = len(self._remaining)
        self._deaths = 0

    def backend_run(self, requested: bool) -> BackendRun:
        """How the backend fared as a whole."""
        return BackendRun(self.backend, self.status, self.reason, self.version, self.note, requested)

    def run(self) -> _Job:
        """Run all cases; afterwards each has a result, or the backend a reason."""
        self._say("starting")
        while self._remaining and self.status == "ok" and not self.stop.is_set():
            self._attempt()
            if self._deaths >= self.limits.deaths:
                self._give_up()
        self._say("done" if self.status == "ok" else self.status)
        return self

    def _attempt(self) -> None:
        try:
            worker = _Worker(self.python, self.backend, [case.id for case in self._remaining], self.folder)
        except OSError as error:
            self._not_started("unusable", f"the interpreter {self.python} cannot be run: {error}")
            return
        before = len(self._remaining)
        with worker:
            if self._started(worker):
                self._follow(worker, before)

    def _started(self, worker: _Worker) -> bool:
        event = worker.next_event(self.limits.startup)
        if event is not None and event["event"] == "ready":
            self.version, self.note = event["version"], event["note"]
            return True
        if event is not None:
            self._not_started("unusable" if event["installed"] else "not installed", event["reason"])
        elif worker.hung:
            self._not_started("timeout", f"importing the framework took more than {self.limits.startup:g} s")
        else:
            self._not_started("crashed", f"while the framework was imported: {worker.last_words()}")
        return False

    def _not_started(self, status: Status, reason: str) -> None:
        if not self.results:
            self.status, self.reason = status, reason
            return
        # It did start before: only what is left is lost.
        for case in self._remaining:
            self._record(_lost(case, self.backend, "crashed", f"the worker did not start again: {reason}"))

    def _follow(self, worker: _Worker, before: int) -> None:
        running = False
        while True:
            event = worker.next_event(self.limits.case)
            if event is None or event["event"] == "done" or self.stop.is_set():
                break
            running = event["event"] == "start"
            if event["event"] == "start":
                self._say(self._remaining[0].loss.rpartition(".")[2])
            else:
                self._deaths = 0
                self._record(Result.from_json({k: v for k, v in event.items() if k != "event"}))
        if self.stop.is_set() or not self._remaining:
            return
        # Dead between two cases: the next worker goes on, unless this one has done nothing at all.
        if running or len(self._remaining) == before:
            case = self._remaining[0]
            if worker.hung:
                lost = _lost(case, self.backend, "timeout", f"no result within {self.limits.case:g} s")
            else:
                lost = _lost(case, self.backend, "crashed", worker.last_words())
            self._deaths += 1
            self._record(lost)

    def _give_up(self) -> None:
        last = self.results[-1]
        reason = f"not tried: {self._deaths} cases in a row ended like the one before ({last.reason})"
        for case in list(self._remaining):
            self._record(_lost(case, self.backend, last.status, reason))

    def _record(self, result: Result) -> None:
        self.results.append(result)
        self._remaining = self._remaining[1:]
        self._say(result.loss.rpartition(".")[2])

    def _say(self, doing: str) -> None:
        self.progress(self.backend, self._total - len(self._remaining), self._total, doing)


def _lost(case: Case, backend: str, status: Status, reason: str) -> Result:
    return Result(case.id, case.loss, backend, status, reason=reason)


class _Worker:
    """A worker process, and the events that it writes."""

    def __init__(self, python: str, backend: str, cases: list[str], folder: str) -> None:
        self.hung = False
        self._errors = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  closed in __exit__
        # -P: whatever lies in the working directory must not shadow a framework of that name.
        command = [shutil.which(python) or python, "-P", "-m", "unified_loss.conformance.worker"]
        try:
            self._process = subprocess.Popen(  # noqa: S603  the interpreter that the user configured
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**_ENVIRONMENT, **os.environ, "JAX_ENABLE_X64": "1"},
                text=True,
                encoding="utf-8",
            )
        except OSError:
            self._errors.close()
            raise
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        request = {"backend": backend, "cases": cases, "folder": folder}
        stdin = self._process.stdin
        if stdin is not None:
            try:
                stdin.write(json.dumps(request))
                stdin.close()
            except BrokenPipeError:
                pass  # dead already, which the absence of events says

    def _read(self) -> None:
        for line in self._process.stdout or ():
            try:
                event = json.loads(line)
            except ValueError:
                continue  # cut off by a crash, or printed before the worker took the descriptor over
            self._events.put(event)
        self._events.put(None)

    def next_event(self, seconds: float) -> dict[str, Any] | None:
        """The next event; None if the worker died, or hung, which is then set."""
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            # A process that the worker started may hold its output open after it died.
            self.hung = self._process.poll() is None
            return None

    def last_words(self) -> str:
        """How the process ended, and the last lines that it wrote."""
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        ended = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()[-3:]
        return ": ".join([ended, " | ".join(lines)] if lines else [ended])

    def __enter__(self) -> _Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join(timeout=5)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()
        self._errors.close()
