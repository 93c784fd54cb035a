"""Checks one case after the other in a worker, and starts a new one where that died."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence

from .cases import Case
from .chosen import Chosen
from .process import WorkerProcess
from .results import Result, Status
from .scheduling import Limits


class WorkerUnavailable(Exception):
    """The backend cannot be used, for the reason that this says."""


class CaseChecker:
    """A backend's worker that is asked for one case at a time.

    Parameters
    ----------
    backend : which
    limits : as of `Limits`
    files : in which there are further cases
    """

    def __init__(self, backend: Chosen, limits: Limits, files: Sequence[str] = ()) -> None:
        self.backend, self.limits, self.files = backend, limits, files
        self._worker: WorkerProcess | None = None
        self._folder = tempfile.mkdtemp(prefix="unified_loss-")
        self._note = self._last = ""
        self._deaths = 0

    def note(self) -> str:
        """What cannot be checked: why there are no gradients; empty where all can be."""
        self._ready()
        return self._note

    def check(self, case: Case, mode: str = "eager") -> Result:
        """The result of a case, whatever the worker does.

        Raises `WorkerUnavailable` if none can be started.
        """
        if self._deaths >= self.limits.deaths:
            reason = f"not tried: {self._deaths} cases in a row ended like the one before ({self._last})"
            return self._lost(case, mode, "crashed", reason)
        answer = self._asked(case, mode)
        # Killed from outside, by whoever needed the memory, it is not to blame at once.
        return answer or self._asked(case, mode) or self._given_up(case, mode)

    def close(self) -> None:
        """End the worker, and remove what it wrote."""
        self._drop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ready(self) -> WorkerProcess:
        if self._worker is not None:
            return self._worker
        request = {"role": "ours", "folder": self._folder, "files": [*self.files], **self.backend.request}
        try:
            self._worker = WorkerProcess(self.backend.python, request, self._folder)
            event = self._worker.next_event(self.limits.startup)
        except OSError as error:
            reason = f"the interpreter {self.backend.python} cannot be run: {error}"
            raise WorkerUnavailable(reason) from error
        except BaseException:
            self._drop()
            raise
        if event is None or event["event"] != "ready":
            reason = self._ending(self._worker, self.limits.startup) if event is None else event["reason"]
            self._drop()
            raise WorkerUnavailable(reason)
        self._note = event["note"]
        return self._worker

    def _asked(self, case: Case, mode: str) -> Result | None:
        """What a worker says of a case, or that it died of it; None if it was killed from outside."""
        worker = self._ready()
        try:
            worker.send({"items": [[case.id, mode]]})
            result = None
            while (event := worker.next_event(self.limits.case)) is not None:
                if event["event"] == "result":
                    result = Result.from_json({name: x for name, x in event.items() if name != "event"})
                if event["event"] == "idle" and result is not None:
                    self._deaths = 0
                    return result
            killed = worker.was_killed()
            self._last = self._ending(worker, self.limits.case)
        except BaseException:
            # Interrupted: what it still says would be taken for the answer to the next question.
            self._drop()
            raise
        status: Status = "timeout" if worker.hung else "crashed"
        self._drop()
        if result is None and killed:
            return None
        self._deaths += 1
        return result or self._lost(case, mode, status, self._last)

    def _given_up(self, case: Case, mode: str) -> Result:
        self._deaths += 1
        return self._lost(case, mode, "crashed", f"killed twice: {self._last}")

    def _ending(self, worker: WorkerProcess, seconds: float) -> str:
        return f"no answer within {seconds:g} s" if worker.hung else worker.last_words()

    def _lost(self, case: Case, mode: str, status: Status, reason: str) -> Result:
        return Result(case.id, case.loss, self.backend.name, status, reason=reason, mode=mode)

    def _drop(self) -> None:
        if self._worker is not None:
            worker, self._worker = self._worker, None
            worker.__exit__(None, None, None)
