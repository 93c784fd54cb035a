"""`Bench`: runs native losses and programs on given inputs, each framework in a process of its own."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unified_loss.dialects.functions import DialectFunction
from unified_loss.porting.source import NativeCall, tensor_arguments

from .cases import Outcome
from .domains import domains
from .domains.defects import framework_of
from .domains.fitting import identity
from .evidence import Trial
from .exchange import outcome_from_json, tree_to_json
from .results import Status
from .scheduling import Item, Limits, Progress, Scheduler, Subject


class Bench:
    """The workers of the frameworks, what they are asked, and what they gave.

    Parameters
    ----------
    folder : where they may write
    pythons : the interpreters of backends that have one of their own
    limits, progress : as of `unified_loss.conformance.run`
    """

    def __init__(
        self, folder: str, pythons: Mapping[str, str], limits: Limits, progress: Progress | None
    ) -> None:
        self._folder, self._pythons, self._limits, self._progress = folder, pythons, limits, progress
        self._programs: dict[Hashable, tuple[int, dict[str, Any]]] = {}
        self._inputs: dict[int, tuple[int, dict[str, Any]]] = {}
        self._kept: list[Trial] = []
        self._asked: dict[str, dict[str, None]] = {}
        self._given: dict[tuple[str, str], dict[str, Any]] = {}
        self._missing: dict[str, str] = {}
        self._frameworks: list[str] = []
        self._versions_of_sources: dict[str, str] = {}
        self.versions: dict[str, str | None] = {}

    def ask_source(self, call: NativeCall, trial: Trial) -> None:
        """Have `run` run the native loss itself."""
        self._ask(call.backend, self._native(call, trial), trial, call)

    def ask_text(self, text: str, framework: str, backend: str, call: NativeCall, trial: Trial) -> None:
        """Have `run` run a program, made of a framework's losses, on the tensors of a backend."""
        self._ask(backend, self._text(text, framework, call, trial), trial, call)

    def _ask(self, backend: str, program: int, trial: Trial, call: NativeCall) -> None:
        self._asked.setdefault(backend, {})[self._item(program, trial, call)] = None

    def run(self) -> None:
        """Run what was asked and is not known yet."""
        wanted = {
            backend: [item for item in items if (backend, item) not in self._given]
            for backend, items in self._asked.items()
            if backend not in self._missing
        }
        subjects = [self._subject(backend, items) for backend, items in wanted.items() if items]
        if not subjects:
            return
        table = {
            "programs": [program for _, program in self._programs.values()],
            "inputs": [given for _, given in self._inputs.values()],
        }
        self._file.write_text(json.dumps(table), encoding="utf-8")
        Scheduler(subjects, self._limits, self._progress, self._folder).run()
        for subject in subjects:
            if subject.status == "ok":
                self.versions[subject.name] = subject.version
            else:
                self._missing[subject.name] = subject.reason

    @property
    def _file(self) -> Path:
        return Path(self._folder, "programs and inputs.json")

    def _subject(self, backend: str, items: Sequence[str]) -> Subject:
        def record(event: dict[str, Any]) -> None:
            self._given[backend, event["case"]] = event
            if "version" in event:
                framework = self._frameworks[int(event["case"].partition("/")[0])]
                self._versions_of_sources[framework] = event["version"]

        def lost(item: Item, _: Status, reason: str) -> None:
            self._given[backend, item[0]] = {"failure": reason, "ended": True}

        return Subject(
            backend,
            self._pythons.get(backend, sys.executable),
            {"role": "snippet", "backend": backend, "folder": self._folder, "work": str(self._file)},
            prepare=lambda: [(item, "") for item in items],
            record=record,
            lost=lost,
        )

    def missing(self, backend: str) -> str:
        """Why a backend cannot be used; empty if it can."""
        return self._missing.get(backend, "")

    def of_source(self, call: NativeCall, trial: Trial) -> Outcome | str:
        """What the native loss gave, or why it gave nothing."""
        return self._result(call.backend, self._item(self._native(call, trial), trial, call))

    def of_text(
        self, text: str, framework: str, backend: str, call: NativeCall, trial: Trial
    ) -> Outcome | str:
        """What a program gave, or why it gave nothing."""
        return self._result(backend, self._item(self._text(text, framework, call, trial), trial, call))

    def ended(self, text: str, framework: str, backend: str, call: NativeCall, trial: Trial) -> bool:
        """Whether a process ended on a program, which raised no error."""
        item = self._item(self._text(text, framework, call, trial), trial, call)
        return "ended" in self._given.get((backend, item), {})

    def version_of_source(self, call: NativeCall) -> str | None:
        """That of the package which the native loss is in."""
        return self._versions_of_sources.get(framework_of(call.row.native_name))

    def _result(self, backend: str, item: str) -> Outcome | str:
        # What it gave before it could no longer be used stands.
        line = self._given.get((backend, item), {"failure": self._missing.get(backend, "was not run")})
        if "outcome" in line:
            return outcome_from_json(line["outcome"])
        return str(line.get("failure") or line.get("absent"))

    def _native(self, call: NativeCall, trial: Trial) -> int:
        return self._program((identity(call), trial.dtype), lambda: _native_program(call, trial.dtype))

    def _text(self, text: str, framework: str, call: NativeCall, trial: Trial) -> int:
        package = {"jax": "optax", "tf": "tensorflow"}.get(framework, framework)
        key: Hashable = (text, package, (identity(call), trial.dtype) if call.holds_weights else None)
        return self._program(
            key, lambda: {"text": text, "framework": package, "state": _weights(call, trial.dtype)}
        )

    def _program(self, key: Hashable, make: Callable[[], dict[str, Any]]) -> int:
        if key not in self._programs:
            self._programs[key] = (len(self._programs), make())
            self._frameworks.append(self._programs[key][1]["framework"])
        return self._programs[key][0]

    def _item(self, program: int, trial: Trial, call: NativeCall) -> str:
        # By identity: the inputs of a call are made once, and kept.
        key = id(trial.input)
        if key not in self._inputs:
            names = list(call.arguments)
            by = trial.input.gradient_of
            table = {
                "tensors": [tree_to_json(x) for x in trial.input.tensors.values()],
                "gradient_of": None if by is None else names.index(by),
                "keywords": [name if named else None for name, named in _named_only(call).items()],
            }
            self._kept.append(trial)
            self._inputs[key] = (len(self._inputs), table)
        return f"{program}/{self._inputs[key][0]}"


def _named_only(call: NativeCall) -> dict[str, bool]:
    """The arguments, each with whether it can only be given by its name, because others are left out."""
    row, names = call.row, list(tensor_arguments(call.row))
    if isinstance(row, DialectFunction):
        parameters = inspect.signature(row).parameters.values()
        names = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    return {name: names[i : i + 1] != [name] for i, name in enumerate(call.arguments)}


def _weights(call: NativeCall, dtype: str) -> Any:
    return tree_to_json({name: x.astype(dtype) for name, x in call.weights.items()})


def _native_program(call: NativeCall, dtype: str) -> dict[str, Any]:
    """The call as a worker makes it in the framework itself: which tensors are given by keyword."""
    domain = domains().get(call.row.native_name)
    by_name = domain is not None and domain.keywords
    arguments = [(name, name if by_name or named else None) for name, named in _named_only(call).items()]
    return {
        "loss": call.row.native_name,
        "parameters": tree_to_json(
            {
                name: x.astype(dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x
                for name, x in (*call.parameters.items(), *call.tensors.items())
            }
        ),
        "call": call.kind if domain is None else domain.call,
        "framework": framework_of(call.row.native_name),
        "arguments": arguments,
        "state": _weights(call, dtype),
    }
