"""What a conformance run has workers do: run a framework's own losses, and check ours on a backend."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from unified_loss.registry import ENTRIES

from . import modes
from .cases import Case
from .chosen import Chosen
from .drift import Drift, drift_of, is_recorded_from_native
from .exchange import outcome_from_json
from .results import BackendRun, Result, Status
from .scheduling import Item, Limits, Scheduler, Subject


class NativeRun:
    """A framework's own losses, in processes of their own.

    Parameters
    ----------
    name : the framework's, or that of a further version of it
    framework : whose losses these are; that of a backend stands for all the losses of its tensors
    cases : of which it runs those that are the framework's
    python : the interpreter
    folder : where what it gave is written for other workers
    others : of which the one of the same backend gives what its live cases are compared with
    files : in which there are further cases
    """

    def __init__(
        self,
        name: str,
        framework: str,
        cases: Sequence[Case],
        python: str,
        folder: str,
        others: Iterable[NativeRun] = (),
        files: Sequence[str] = (),
    ) -> None:
        self.name, self.framework = name, framework
        mine = [case for case in cases if framework in (case.framework, case.native_backend)]
        self.cases = {case.id: case for case in mine if case.kind == "live" or is_recorded_from_native(case)}
        self.backend = next((case.native_backend for case in self.cases.values()), framework)
        self.beside = next((other for other in others if other.name == self.backend), None)
        self.given: dict[str, dict[str, Any]] = {}
        """What it said of each case."""
        self.file = Path(folder, f"outcomes of {name}.jsonl")
        self.subject = Subject(
            f"{name}'s own" if name in ENTRIES else name,
            python,
            {"role": "native", "backend": self.backend, "folder": folder, "files": [*files]},
            prepare=lambda: [(identifier, "native") for identifier in self.cases],
            record=lambda event: self.given.update({event["case"]: event}),
            lost=self._lost,
            finish=self._write,
        )

    @property
    def outcomes(self) -> set[str]:
        """The cases of which it said something; not those of a package that is not installed."""
        return {identifier for identifier, line in self.given.items() if "absent" not in line}

    def backend_run(self) -> BackendRun:
        """How it fared as a whole."""
        s = self.subject
        return BackendRun(self.name, s.status, s.reason, s.version, s.note, requested=False)

    def drift(self) -> Iterator[Drift]:
        """How what it gave compares with what was recorded, or is given by the version beside it."""
        for identifier in self.outcomes:
            line, case = self.given[identifier], self.cases[identifier]
            before, of = self._earlier(case)
            if "failure" in line and (before is not None or self.beside is not None):
                what = case.id, case.loss, case.framework, self.name, self.subject.version, of
                yield Drift(*what, line.get("status", "error"), (), line["failure"])
            elif before is not None:
                now = outcome_from_json(line["outcome"])
                yield drift_of(case, self.name, line["version"], before, now, of)

    def _earlier(self, case: Case) -> tuple[Any, str]:
        """The outcome that a case is compared with, and of which version it is."""
        if case.recorded is not None:
            return case.recorded, case.version or ""
        line = {} if self.beside is None else self.beside.given.get(case.id, {})
        if self.beside is None or "outcome" not in line:
            return None, ""
        return outcome_from_json(line["outcome"]), line["version"]

    def _lost(self, item: Item, status: Status, reason: str) -> None:
        self.given[item[0]] = {"case": item[0], "status": status, "failure": reason}

    def _write(self) -> None:
        live = (identifier for identifier in self.outcomes if self.cases[identifier].kind == "live")
        lines = (json.dumps(self.given[identifier]) for identifier in live)
        self.file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


class OursRun:
    """Our losses on one backend, in processes of their own.

    Parameters
    ----------
    backend : which
    cases : all, of which it checks what can be
    folder : where its workers may write
    natives : what the frameworks' own losses give, of which the backend's own is used for live cases
    files : in which there are further cases
    in_modes : the modes in which the cases are checked, each with whether it is slow
    """

    def __init__(
        self,
        backend: Chosen,
        cases: Sequence[Case],
        folder: str,
        natives: Iterable[NativeRun],
        files: Sequence[str] = (),
        in_modes: Mapping[str, bool] = MappingProxyType({modes.EAGER: False}),
    ) -> None:
        self.backend = backend.name
        self.in_modes = in_modes
        self.cases = {case.id: case for case in cases}
        self.native = next((native for native in natives if native.name == backend.name), None)
        self.results: list[Result] = []
        needs = [] if self.native is None else [self.native]
        self.subject = Subject(
            backend.name,
            backend.python,
            {
                "role": "ours",
                **backend.request,
                "folder": folder,
                "files": [*files],
                "outcomes": [str(native.file) for native in needs],
            },
            prepare=self._items,
            record=lambda event: self.results.append(Result.from_json(event)),
            lost=self._lost,
            after=[native.subject for native in needs],
        )

    def _items(self) -> list[Item]:
        live = set() if self.native is None else self.native.outcomes
        known = [case for case in self.cases.values() if case.kind != "live" or case.id in live]
        return [
            (case.id, mode)
            for mode, slow in self.in_modes.items()
            for case in modes.cases_for(mode, known, slow=slow)
        ]

    def _lost(self, item: Item, status: Status, reason: str) -> None:
        identifier, mode = item
        loss = self.cases[identifier].loss
        self.results.append(Result(identifier, loss, self.backend, status, reason=reason, mode=mode))

    def backend_run(self, requested: bool) -> BackendRun:
        """How the backend fared as a whole."""
        s = self.subject
        return BackendRun(self.backend, s.status, s.reason, s.version, s.note, requested)


def compilers_of(backends: Sequence[Chosen], limits: Limits, folder: str) -> dict[str, dict[str, bool]]:
    """The compilers of each backend, each with whether it is slow; none of one that cannot be used."""
    found: dict[str, dict[str, bool]] = {backend.name: {} for backend in backends}
    subjects = [
        Subject(
            backend.name,
            backend.python,
            {"role": "compilers", **backend.request, "folder": folder},
            prepare=lambda: [("", "")],
            record=lambda event, name=backend.name: found[name].update(event["compilers"]),  # type: ignore[misc]
            lost=lambda *_: None,
        )
        for backend in backends
    ]
    Scheduler(subjects, limits, None, folder).run()
    return found
