"""Runs the conformance suite: each backend, and each framework's own losses, in processes of their own."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from unified_loss import config
from unified_loss.errors import ConfigError

from .cases import Case
from .chosen import Chosen, choose
from .collection import load_cases, loss_names
from .drift import documentation_drift
from .jobs import NativeRun, OursRun, compilers_of
from .modes import ALL, COMPOSED, EAGER, chosen_modes
from .results import Run
from .scheduling import Limits, Progress, Scheduler

__all__ = ["Limits", "Progress", "run"]


def run(
    backends: Iterable[str] | None = None,
    losses: Iterable[str] | None = None,
    *,
    native: bool = True,
    files: Iterable[str] = (),
    modes: Iterable[str] = (EAGER,),
    progress: Progress | None = None,
    interpreters: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> Run:
    """Check losses on backends, each backend in a process of its own.

    Parameters
    ----------
    backends : names, or paths of classes, ``package.module:Class``; by default all, of which those not
        installed are no failure
    losses : native names, aliases included; by default all
    native : whether the frameworks' own losses are run as well, in further processes: beside ours, and
        to see whether they still give what was recorded from them
    files : of cases of one's own, in the form of those in ``conformance/data``
    modes : in which the cases are checked: ``eager``, ``composed`` of the required operations, a
        compiler's name on each backend that has it, or ``all``; of a slow compiler, two cases of each loss
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
        If a name is that of no backend, loss or mode, a backend that is not shipped here cannot be loaded, or
        the configuration file or one of cases cannot be read.

    Examples
    --------
    >>> from unified_loss.conformance import run
    >>> run(["numpy"], ["mxnet.gluon.loss.L1Loss"]).holds
    True
    """
    began = time.perf_counter()
    requested = backends is not None
    own_files = tuple(os.path.abspath(file) for file in files)
    cases = load_cases(losses, own_files)
    pythons = configured_interpreters() if interpreters is None else interpreters
    chosen = choose(backends, pythons)
    limits = limits or Limits()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        names = [backend.name for backend in chosen]
        natives = _natives(names, cases, pythons, folder, own_files) if native else []
        in_modes = _modes(tuple(modes), chosen, limits, folder)
        ours = [
            OursRun(backend, cases, folder, natives, own_files, in_modes[backend.name]) for backend in chosen
        ]
        subjects = [*(job.subject for job in natives), *(job.subject for job in ours)]
        Scheduler(subjects, limits, progress, folder).run()
    checked = tuple(name for name in loss_names() if any(case.loss == name for case in cases))
    return Run(
        checked,
        tuple(job.backend_run(requested) for job in ours),
        tuple(result for job in ours for result in job.results),
        round(time.perf_counter() - began, 2),
        tuple(job.backend_run() for job in natives),
        (*documentation_drift(checked), *(drift for job in natives for drift in job.drift())),
        files=own_files,
    )


def _modes(
    asked: tuple[str, ...], backends: Sequence[Chosen], limits: Limits, folder: str
) -> dict[str, dict[str, bool]]:
    """The modes of each backend of those asked for; an error for one that none has."""
    compilers: dict[str, dict[str, bool]] = {backend.name: {} for backend in backends}
    if not {*asked} <= {EAGER, COMPOSED}:
        compilers = compilers_of(backends, limits, folder)
    there_are = dict.fromkeys([EAGER, COMPOSED, *(name for own in compilers.values() for name in own)])
    for mode in asked:
        if mode not in there_are and mode != ALL:
            raise ConfigError(f"unknown mode {mode!r}; of these backends there are: {', '.join(there_are)}")
    return {name: chosen_modes(asked, own) for name, own in compilers.items()}


def limits_of(jobs: int | None) -> Limits:
    """The usual limits, with so many workers at a time."""
    return Limits() if jobs is None else Limits(jobs=jobs)


def configured_interpreters() -> dict[str, str]:
    """The interpreters that the configuration file names; paths in it are relative to it."""
    settings = config.file_settings()
    return {name: _python(settings, python) for name, python in settings.workers}


def _python(settings: config.Settings, python: str) -> str:
    folder = Path.cwd() if settings.source is None else settings.source.parent
    return str(folder / Path(python).expanduser()) if os.sep in python else python


def _natives(
    backends: Sequence[str],
    cases: tuple[Case, ...],
    pythons: Mapping[str, str],
    folder: str,
    files: tuple[str, ...],
) -> list[NativeRun]:
    """The frameworks' own losses: of each backend that is checked, and what else is configured."""
    settings = config.file_settings()
    own = {
        name: NativeRun(name, name, cases, pythons.get(name, sys.executable), folder, files=files)
        for name in backends
        if any(case.native_backend == name for case in cases)
    }
    further = [
        NativeRun(n.name, n.framework, cases, _python(settings, n.python), folder, own.values(), files)
        for n in settings.natives
    ]
    return [*own.values(), *further]
