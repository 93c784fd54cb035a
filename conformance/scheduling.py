"""Shares the cases of several subjects among worker processes, as many at a time as the machine bears."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from .process import WorkerProcess
from .results import Status

Item = tuple[str, str]
"""A case by its id, and the mode in which it is checked."""

Progress = Callable[[str, int, int, str], None]
"""Called with a subject, how many of its items are done, how many there are, and what it does now."""

_MEMORY_OF_A_WORKER = 2.5e9
"""Bytes, of JAX's, which keeps what it has compiled."""
_HELP_FROM = 15.0
"""Seconds of work left from which on a further worker is worth its start."""
_CHUNK = 24


def default_jobs() -> int:
    """As many workers as this process may use cores, and as the memory that is available holds."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = _available_memory()
    return cores if memory is None else max(1, min(cores, int(memory // _MEMORY_OF_A_WORKER)))


def _available_memory() -> int | None:
    """Bytes that processes can still have; None where the system does not say."""
    # Not SC_AVPHYS_PAGES: on Linux it leaves out what only caches files, most of it after an installation.
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            kibibytes = next(line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return None
    return 1024 * int(kibibytes)


@dataclass(frozen=True)
class Limits:
    """When a worker is given up, and how many there are.

    Parameters
    ----------
    startup : seconds for importing the framework
    case : seconds for one case
    jobs : workers at a time; by default as many as there are cores, and memory for
    deaths : crashes and timeouts in a row after which the rest of a subject is not tried
    """

    startup: float = 300.0
    case: float = 120.0
    jobs: int = field(default_factory=default_jobs)
    deaths: int = 5


class Subject:
    """Whatever has its cases run in workers of its own: a backend, or a framework's own losses.

    Parameters
    ----------
    name : for the reader
    python : the interpreter of its workers
    request : the first line that these are given
    prepare : gives its items when all that it waits for is done
    record : called with each event that is a result
    lost : called with an item, a status and a reason where there is no result
    after : the subjects that must be done before
    finish : called when all is done
    fresh_after : the items after which a worker is replaced; None for never
    """

    def __init__(
        self,
        name: str,
        python: str,
        request: Mapping[str, Any],
        *,
        prepare: Callable[[], Iterable[Item]],
        record: Callable[[dict[str, Any]], None],
        lost: Callable[[Item, Status, str], None],
        after: Sequence[Subject] = (),
        finish: Callable[[], None] = lambda: None,
        fresh_after: int | None = None,
    ) -> None:
        self.name, self.python, self.request = name, python, request
        self.prepare, self.record, self.lost, self.finish = prepare, record, lost, finish
        self.after, self.fresh_after = after, fresh_after
        self.status: Status = "ok"
        self.reason = self.note = ""
        self.version: str | None = None
        self.pending: deque[Item] = deque()
        self.total = self.done = self.workers = self.deaths = 0
        self.prepared = self.finished = False
        self.killed: set[Item] = set()
        """Items during which a worker was killed from outside, and which are tried once more."""
        self.spent = 0.0
        """Seconds of all its workers on what is done."""

    @property
    def has_started(self) -> bool:
        """Whether a worker of its has ever been ready."""
        return self.version is not None

    def seconds_left(self) -> float:
        """What is left, as far as its pace so far says."""
        return len(self.pending) * self.spent / self.done if self.done else 0.0


class Scheduler:
    """Runs subjects until all are done.

    Parameters
    ----------
    subjects : in the order in which they are begun
    limits : as of `Limits`
    progress : called after every item, never from two threads at a time
    folder : where workers may write
    """

    def __init__(
        self, subjects: Sequence[Subject], limits: Limits, progress: Progress | None, folder: str
    ) -> None:
        self.subjects, self.limits, self.folder = subjects, limits, folder
        self._progress = progress
        self._changed = threading.Condition(threading.RLock())
        self._stopped = False

    def run(self) -> None:
        """Run all items; afterwards each is recorded or lost, or its subject has a reason."""
        for subject in self.subjects:
            self._say(subject, "waiting")
        with ThreadPoolExecutor(max_workers=self.limits.jobs) as pool:
            slots = [pool.submit(self._work) for _ in range(self.limits.jobs)]
            try:
                for slot in slots:
                    slot.result()
            finally:
                # On Ctrl-C, or an error of one, the others must not start the next worker.
                with self._changed:
                    self._stopped = True
                    self._changed.notify_all()

    def _work(self) -> None:
        try:
            while (subject := self._next_subject()) is not None:
                try:
                    self._attempt(subject)
                finally:
                    with self._changed:
                        subject.workers -= 1
                        self._finish_if_done(subject)
                        self._changed.notify_all()
        except BaseException:
            with self._changed:
                self._stopped = True
                self._changed.notify_all()
            raise

    def _next_subject(self) -> Subject | None:
        with self._changed:
            while not self._stopped:
                for subject in self.subjects:
                    if not subject.prepared and all(other.finished for other in subject.after):
                        subject.pending = deque(subject.prepare())
                        subject.total, subject.prepared = len(subject.pending), True
                        self._finish_if_done(subject)
                chosen = self._choose()
                if chosen is not None:
                    chosen.workers += 1
                    return chosen
                if all(subject.finished for subject in self.subjects):
                    return None
                self._changed.wait(timeout=1.0)
            return None

    def _choose(self) -> Subject | None:
        waiting = [s for s in self.subjects if s.pending]
        for subject in waiting:
            if not subject.workers:
                return subject
        most = max(waiting, key=Subject.seconds_left, default=None)
        # Help, shared by the workers that are at it already.
        if most is not None and most.seconds_left() / most.workers > _HELP_FROM:
            return most
        return None

    def _finish_if_done(self, subject: Subject) -> None:
        if subject.prepared and not subject.finished and not subject.pending and not subject.workers:
            subject.finish()
            subject.finished = True
            self._say(subject, "done" if subject.status == "ok" else subject.status)

    # ------------------------------------------------------------------------ one worker

    def _attempt(self, subject: Subject) -> None:
        """One worker, until there is nothing left for it or it dies."""
        self._say(subject, "starting")
        try:
            worker = WorkerProcess(subject.python, subject.request, self.folder)
        except OSError as error:
            self._not_started(subject, "unusable", f"the interpreter {subject.python} cannot be run: {error}")
            return
        with worker:
            if not self._started(subject, worker):
                return
            served = 0
            while not self._stopped and (chunk := self._take(subject)):
                worker.send({"items": chunk})
                if not self._follow(subject, worker, chunk):
                    return
                served += len(chunk)
                if subject.fresh_after is not None and served >= subject.fresh_after:
                    return

    def _started(self, subject: Subject, worker: WorkerProcess) -> bool:
        event = worker.next_event(self.limits.startup)
        if event is not None and event["event"] == "ready":
            with self._changed:
                subject.version, subject.note = event["version"], event["note"]
            return True
        if event is not None:
            self._not_started(subject, "unusable" if event["installed"] else "not installed", event["reason"])
        elif worker.hung:
            limit = f"importing the framework took more than {self.limits.startup:g} s"
            self._not_started(subject, "timeout", limit)
        else:
            words = worker.last_words()
            self._not_started(subject, "crashed", f"while the framework was imported: {words}")
        return False

    def _not_started(self, subject: Subject, status: Status, reason: str) -> None:
        with self._changed:
            if subject.workers > 1:
                return  # another one is at it, and goes on alone
            left, subject.pending = list(subject.pending), deque()
            if not subject.has_started:
                subject.status, subject.reason = status, reason
                return
        # It did start before: only what is left is lost.
        for item in left:
            self._lose(subject, item, "crashed", f"the worker did not start again: {reason}")

    def _take(self, subject: Subject) -> list[Item]:
        """The next items; the fewer, the fewer there are, so that several workers end together."""
        with self._changed:
            size = min(_CHUNK, 1 + len(subject.pending) // 4)
            return [subject.pending.popleft() for _ in range(min(size, len(subject.pending)))]

    def _follow(self, subject: Subject, worker: WorkerProcess, chunk: list[Item]) -> bool:
        """Record what a worker says of its items; whether it lives on."""
        left = list(chunk)
        running, began = False, time.monotonic()
        while True:
            event = worker.next_event(self.limits.case)
            if event is None or self._stopped:
                break
            if event["event"] == "idle":
                return True
            running = event["event"] == "start"
            if running:
                self._say(subject, left[0][0].partition("/")[0].rpartition(".")[2])
                continue
            left.pop(0)
            with self._changed:
                subject.deaths = 0
                subject.record({name: value for name, value in event.items() if name != "event"})
                self._count(subject, time.monotonic() - began)
            began = time.monotonic()
        if not self._stopped:
            self._mourn(subject, worker, left, running or len(left) == len(chunk))
        return False

    def _mourn(self, subject: Subject, worker: WorkerProcess, left: list[Item], guilty: bool) -> None:
        """Record the item that a worker died of, and leave the rest to the next one."""
        status: Status = "crashed"
        reason = ""
        # Killed from outside, by whoever needed the memory: the item is not to blame at once.
        forgiven = bool(left) and worker.was_killed() and left[0] not in subject.killed
        if forgiven:
            subject.killed.add(left[0])
        # Dead between two items: the next worker goes on, unless this one has done nothing at all.
        if guilty and left and not forgiven:
            item = left.pop(0)
            if worker.hung:
                status, reason = "timeout", f"no result within {self.limits.case:g} s"
            else:
                status, reason = "crashed", worker.last_words()
            self._lose(subject, item, status, reason)
            subject.deaths += 1
        with self._changed:
            subject.pending.extendleft(reversed(left))
            if subject.deaths < self.limits.deaths:
                return
            rest, subject.pending = list(subject.pending), deque()
        for other in rest:
            ended = f"not tried: {subject.deaths} cases in a row ended like the one before ({reason})"
            self._lose(subject, other, status, ended)

    def _lose(self, subject: Subject, item: Item, status: Status, reason: str) -> None:
        with self._changed:
            subject.lost(item, status, reason)
            self._count(subject, 0.0)

    def _count(self, subject: Subject, seconds: float) -> None:
        subject.done += 1
        subject.spent += seconds
        self._say(subject, "running")

    def _say(self, subject: Subject, doing: str) -> None:
        with self._changed:
            if self._progress:
                self._progress(subject.name, subject.done, subject.total, doing)
