"""Records anew what the frameworks give, where it is no longer what was recorded."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unified_loss.errors import ConfigError
from unified_loss.registry import ENTRIES

from . import comparison, tolerances
from .cases import Case, Outcome, encode
from .collection import load_cases
from .drift import Drift
from .exchange import outcome_from_json
from .jobs import NativeRun
from .results import BackendRun
from .runner import configured_interpreters
from .scheduling import Limits, Progress, Scheduler
from .stored import FOLDERS
from .stored import files as data_files


@dataclass(frozen=True)
class Recording:
    """What the installed frameworks give for the stored cases.

    Parameters
    ----------
    natives : how the worker of each framework fared
    drift : of every stored case that could be run, against what is recorded
    outcomes : by case, what its framework gave, and of which version that is
    files : the files of cases that did not come with this library
    """

    natives: tuple[BackendRun, ...]
    drift: tuple[Drift, ...]
    outcomes: Mapping[str, tuple[Outcome, str]]
    files: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[Drift, ...]:
        """The cases of which something else is given than what is recorded."""
        return tuple(drift for drift in self.drift if drift.is_alarm)


def record(
    frameworks: Collection[str] | None = None,
    losses: Iterable[str] | None = None,
    *,
    files: Iterable[str] = (),
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> Recording:
    """Run the frameworks' own losses on the stored cases.

    Parameters
    ----------
    frameworks : names of backends, whose frameworks are run; by default all that are installed
    losses : native names; by default all
    files : of cases of one's own; then only theirs are run
    progress, limits : as of `unified_loss.conformance.run`

    Returns
    -------
    Recording
        Nothing is written; `update` does that.
    """
    own = tuple(os.path.abspath(file) for file in files)
    shipped = {case.id for case in load_cases()}
    cases = [
        case for case in load_cases(losses, own) if case.kind != "live" and not (own and case.id in shipped)
    ]
    names = [name for name in ENTRIES if name != "numpy" and (frameworks is None or name in frameworks)]
    pythons = configured_interpreters()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        jobs = [
            NativeRun(name, name, cases, pythons.get(name, sys.executable), folder, files=own)
            for name in names
        ]
        Scheduler([job.subject for job in jobs], limits or Limits(), progress, folder).run()
    return Recording(
        tuple(job.backend_run() for job in jobs),
        tuple(drift for job in jobs for drift in job.drift()),
        {
            identifier: (outcome_from_json(line["outcome"]), line["version"])
            for job in jobs
            for identifier, line in job.given.items()
            if "outcome" in line
        },
        own,
    )


def to_json(recording: Recording, written: Mapping[Path, int]) -> dict[str, Any]:
    """A recording ready for JSON, and how many lines of which files were written."""
    return {
        "natives": [vars(native) for native in recording.natives],
        "drift": [drift.to_json() for drift in recording.drift if drift.status != "same"],
        "same": sum(drift.status == "same" for drift in recording.drift),
        "written": {str(path): count for path, count in written.items()},
    }


def update(recording: Recording) -> dict[Path, int]:
    """Write what has changed into the files that the cases are in.

    What is the same keeps its digits, and is said to be of the version that was run. What failed is
    left as it is.

    Parameters
    ----------
    recording : as `record` gives it

    Returns
    -------
    dict
        By file, the number of lines that were written anew.

    Raises
    ------
    ConfigError
        If the files cannot be written; none is then.
    """
    drifted = {drift.case for drift in recording.changed}
    cases = {case.id: case for case in load_cases(files=recording.files)}
    written: dict[Path, tuple[str, int]] = {}
    for path in _paths(recording.files):
        lines, count = [], 0
        for text in path.read_text(encoding="utf-8").splitlines():
            line = json.loads(text) if text.strip() else {}
            anew = text
            if line.get("id") in recording.outcomes:
                outcome, version = recording.outcomes[line["id"]]
                line = {**line, "version": version}
                if line["id"] in drifted:
                    line = _recorded(line, cases[line["id"]], outcome)
                anew = json.dumps(line)
            count += anew != text
            lines.append(anew)
        if count:
            written[path] = ("".join(f"{text}\n" for text in lines), count)
    for path in written:
        if not os.access(path, os.W_OK):
            raise ConfigError(f"{path}: cannot be written")
    for path, (text, _) in written.items():
        # In one step, so that nothing is lost if this is interrupted.
        beside = path.with_suffix(".new")
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    return {path: count for path, (_, count) in written.items()}


def _paths(own: tuple[str, ...]) -> list[Path]:
    if own:
        return [Path(file) for file in own]
    shipped = [file for folder in FOLDERS for file in data_files(folder)]
    if not all(isinstance(file, Path) for file in shipped):
        raise ConfigError("the recorded values are inside an archive, and cannot be written")
    return [Path(str(file)) for file in shipped]


def _recorded(line: Mapping[str, Any], case: Case, outcome: Outcome) -> dict[str, Any]:
    """A line with what its framework gives now."""
    several = line.get("multi", False)
    values = [encode(value) for value in outcome.values]
    shapes = [list(value.shape) for value in outcome.values]
    new = {
        **line,
        "actual" if line["documented"] else "expected": values if several else values[0],
        "output_shape": shapes if several else shapes[0],
        "output_dtype" if case.native_dtypes is None else "native_dtype": (
            list(outcome.dtypes) if several else outcome.dtype
        ),
    }
    if outcome.gradient is not None:
        new["grad"] = encode(outcome.gradient)
    if case.printed is not None:
        tolerance = tolerances.of_printed(case.printed)
        if not comparison.close("value", case.printed.value, outcome.value, tolerance).holds:
            what = f"{case.framework} {line['version']}"
            new |= {"agrees": False, "note": f"what is documented is not what {what} gives"}
    return new
