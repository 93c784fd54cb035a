"""A worker process, and the events that it writes."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any

_ENVIRONMENT = {
    "JAX_ENABLE_X64": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "GLOG_minloglevel": "3",
    # The inputs are tiny; threads that wait by spinning would only slow the other worker.
    "OMP_NUM_THREADS": "1",
    # So do those that MindSpore hands every operation on to, which take five times as long as it does.
    "MS_DEV_LAUNCH_BLOCKING": "1",
    # JAX compiles every operation for every shape: what one worker has compiled, the others only load.
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


class WorkerProcess:
    """A process of `unified_loss.conformance.worker`, killed when the ``with`` block ends.

    Parameters
    ----------
    python : the interpreter
    request : what the worker is for; the first line that it reads
    folder : where its files go
    """

    def __init__(self, python: str, request: Mapping[str, Any], folder: str) -> None:
        self.hung = False
        self._errors = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  closed in __exit__
        # -P: whatever lies in the working directory must not shadow a framework of that name.
        command = [shutil.which(python) or python, "-P", "-m", "unified_loss.conformance.worker"]
        environment = {"JAX_COMPILATION_CACHE_DIR": os.path.join(folder, "jax"), **_ENVIRONMENT, **os.environ}
        try:
            self._process = subprocess.Popen(  # noqa: S603  the interpreter that the user configured
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**environment, "JAX_ENABLE_X64": "1"},
                text=True,
                encoding="utf-8",
            )
        except OSError:
            self._errors.close()
            raise
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.send(request)

    def send(self, message: Mapping[str, Any]) -> None:
        """Give the worker a line to read."""
        stdin = self._process.stdin
        if stdin is not None:
            try:
                stdin.write(json.dumps(message) + "\n")
                stdin.flush()
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

    def was_killed(self) -> bool:
        """Whether the process was ended by a signal that only another can send, and not for hanging."""
        code = self._ended()
        return code == -signal.SIGKILL and not self.hung

    def last_words(self) -> str:
        """How the process ended, and the last lines that it wrote."""
        code = self._ended()
        ended = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()[-3:]
        return ": ".join([ended, " | ".join(lines)] if lines else [ended])

    def _ended(self) -> int:
        """The exit status, which a process that has closed its output is given a while to reach."""
        if not self.hung:
            try:
                return self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.hung = True
        self._process.kill()
        return self._process.wait()

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join(timeout=5)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and not (stream is self._process.stdout and self._reader.is_alive()):
                # What it was to read may still lie in the buffer.
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._errors.close()
