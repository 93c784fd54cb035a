"""`prove`: runs a loss in its framework and its port in another, on the same inputs."""

from __future__ import annotations

import inspect
import json
import sys
import tempfile
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from unified_loss.dialects.functions import DialectFunction
from unified_loss.errors import ConfigError
from unified_loss.naming import resolve
from unified_loss.porting.source import FRAMEWORKS, NativeCall, tensor_arguments

from .cases import Case, Outcome
from .domains import domains
from .domains.fitting import fitting_inputs, identity, matching_cases
from .evidence import Evidence, Failure, Kind, Proof, Side, Trial, evidence
from .exchange import outcome_from_json, tree_to_json
from .results import Status
from .runner import configured_interpreters
from .scheduling import Item, Limits, Progress, Scheduler, Subject

__all__ = ["Claim", "Evidence", "Proof", "prove", "prove_all"]


class Claim(NamedTuple):
    """That two programs are what a call is.

    Parameters
    ----------
    call : of the source's loss
    native : the program in the target's own terms; None where there is none
    dialect : the program through this library. Both define `loss`, which is called with the source's
        tensors in the order of `call.arguments`
    to : the framework whose tensors they take, as `unified_loss.port` names it, or the backend
    target : the native name of the loss that `native` calls, for what is known of its precision
    """

    call: NativeCall
    native: str | None
    dialect: str
    to: str
    target: str | None = None


def prove(
    call: NativeCall,
    native: str | None,
    dialect: str,
    to_backend: str,
    *,
    target: str | None = None,
    count: int = 6,
    limits: Limits | None = None,
    interpreters: Mapping[str, str] | None = None,
) -> Proof:
    """Run a loss in its framework and its port in another, each in a process of its own.

    Parameters
    ----------
    call, native, dialect, to_backend, target
        As of `Claim`.
    count
        The ordinary float32 inputs; there are half as many float64 ones, and as many extreme ones.
    limits
        Time limits and the number of processes.
    interpreters
        The Python to run a backend in; by default as the configuration file says, else this one.

    Returns
    -------
    Proof
        Whatever a framework raises, or a process dies of, is in it.

    Raises
    ------
    ConfigError
        If there is no such framework, or no inputs can be made for such a loss.

    Examples
    --------
    >>> from unified_loss.conformance.proof import prove
    >>> from unified_loss.porting.source import parse
    >>> call = parse("mxnet.gluon.loss.L1Loss()")
    >>> dialect = "from unified_loss.dialects.mxnet.gluon.loss import L1Loss; loss = L1Loss()"
    >>> proof = prove(call, None, dialect, "numpy")
    >>> proof.native is None
    True
    """
    claim = Claim(call, native, dialect, to_backend, target)
    (found,) = prove_all([claim], count=count, limits=limits, interpreters=interpreters)
    return found


def prove_all(
    claims: Iterable[Claim | tuple[Any, ...]],
    *,
    count: int = 6,
    limits: Limits | None = None,
    progress: Progress | None = None,
    interpreters: Mapping[str, str] | None = None,
) -> list[Proof]:
    """The proofs of many ports; each framework is started once, and each source run once.

    Parameters
    ----------
    claims
        What `prove` takes, in this order.
    count, limits, interpreters
        As of `prove`.
    progress
        Called after every input.

    Returns
    -------
    list of Proof
        In the order of the claims.

    Raises
    ------
    ConfigError
        As `prove`.
    """
    pythons = configured_interpreters() if interpreters is None else interpreters
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        bench = _Bench(folder, pythons, limits or Limits(), progress)
        plans = [_Plan.of(Claim(*claim), count) for claim in claims]
        bench.run(plans)
        # Where a framework is not there, its values are: as they were recorded, or on NumPy.
        plans = [plan.instead(bench, count) for plan in plans]
        bench.run(plans)
        return [plan.proof(bench) for plan in plans]


# ------------------------------------------------------------------------------ what is run


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is run for a claim: the source, unless its values were recorded, and the programs."""

    claim: Claim
    kind: Kind
    trials: tuple[Trial, ...]
    recorded: tuple[Outcome, ...] = ()
    versions: tuple[str, ...] = ()
    reason: str = ""
    backend: str = ""
    note: str = ""

    @classmethod
    def of(cls, claim: Claim, count: int) -> _Plan:
        """That of a claim where both frameworks are there."""
        backend = FRAMEWORKS.get(claim.to, claim.to)
        if backend not in (*FRAMEWORKS.values(), "numpy"):
            raise ConfigError(
                f"prove: there is no framework {claim.to!r}; there are: {', '.join(FRAMEWORKS)}"
            )
        trials = _trials(claim.call, count)
        if not trials:
            return cls(claim, "none", (), reason="no inputs are known that it takes", backend=backend)
        return cls(claim, "live", trials, backend=backend)

    @property
    def programs(self) -> dict[Side, str]:
        """The programs that are run, by what they are."""
        found: dict[Side, str] = {"dialect": self.claim.dialect}
        if self.claim.native is not None and not self.note:
            found["native"] = self.claim.native
        return found

    def instead(self, bench: _Bench, count: int) -> _Plan:
        """This, or what can be run where a framework is not there."""
        plan = self
        if self.kind == "live" and not any(
            isinstance(bench.of_source(self.claim.call, trial), Outcome) for trial in self.trials
        ):
            plan = plan._golden(str(bench.of_source(self.claim.call, self.trials[0])), count)
        missing = bench.missing(self.backend)
        if missing and plan.kind != "none":
            note = f"run on NumPy, because {missing}; the native program was not run"
            plan = replace(plan, backend="numpy", note=note)
        return plan

    def _golden(self, reason: str, count: int) -> _Plan:
        found = [
            (Trial(each, _dtype(each)), case)
            for case, each in matching_cases(self.claim.call)
            if case.recorded is not None and _is_whole(case)
        ][: 3 * count]
        if not found:
            reason = f"{reason}; and no values of it with these parameters were recorded"
            return replace(self, kind="none", trials=(), reason=reason)
        return replace(
            self,
            kind="golden",
            trials=tuple(trial for trial, _ in found),
            recorded=tuple(case.recorded for _, case in found if case.recorded is not None),
            versions=tuple(case.version or "" for _, case in found),
            reason=reason,
        )

    def proof(self, bench: _Bench) -> Proof:
        """What was found."""
        call = self.claim.call
        framework = _framework(call)
        shown = str(call), self.kind, self.reason, framework
        if self.kind == "none":
            return Proof(*shown, None, self.claim.to, 0, None, None)
        given: Sequence[Outcome | str] = self.recorded
        version: str | None = ", ".join(sorted({*self.versions}))
        if self.kind == "live":
            given = [bench.of_source(call, trial) for trial in self.trials]
            version = bench.version_of_source(call)
        failures = [
            Failure("source", o, t) for t, o in zip(self.trials, given, strict=True) if isinstance(o, str)
        ]
        found: dict[Side, Evidence] = {}
        for side, text in self.programs.items():
            case = _as_case(call, self.claim.target if side == "native" else None)
            compared = [
                (trial, expected, bench.of_text(text, self.claim.to, self.backend, call, trial))
                for trial, expected in zip(self.trials, given, strict=True)
                if isinstance(expected, Outcome)
            ]
            found[side] = evidence(case, side, (self.backend, bench.versions.get(self.backend)), compared)
        return Proof(
            *shown,
            version,
            self.claim.to,
            len(self.trials),
            found.get("native"),
            found.get("dialect"),
            self.note,
            tuple(failures),
        )


def _trials(call: NativeCall, count: int) -> tuple[Trial, ...]:
    domain = domains().get(call.row.native_name)
    dtypes = ("float32", "float64") if domain is None else domain.dtypes
    found = []
    for dtype in dtypes:
        some = count if dtype == dtypes[0] else -(-count // 2)
        found += [Trial(each, dtype) for each in fitting_inputs(call, some, dtype=dtype)]
    extreme = fitting_inputs(call, count, dtype=dtypes[0], extreme=True)
    return (*found, *(Trial(each, dtypes[0], extreme=True) for each in extreme))


def _dtype(each: Any) -> str:
    floats = [x.dtype.name for x in each.tensors.values() if x is not None and x.dtype.kind == "f"]
    return max(floats, default="float32")


def _is_whole(case: Case) -> bool:
    """Whether what was recorded of a case is all that its loss gives."""
    return case.runs_natively and not case.summed and case.output is None and case.dtype is None


def _framework(call: NativeCall) -> str:
    return call.row.native_name.partition(".")[0].replace("tf", "tensorflow")


def _as_case(call: NativeCall, target: str | None) -> Case:
    """A case of the call, as far as the tolerances ask: of the precision of either side's kernel."""
    names = [call.row.native_name, *([] if target is None else [resolve(target).native_name])]
    known = [domains()[name] for name in names if name in domains()]
    return Case(
        id="",
        loss=call.row.native_name,
        kwargs={},
        inputs=(),
        kind="live",
        source="",
        framework=_framework(call),
        single_precision=any(domain.single_precision for domain in known),
        single_precision_parameters=any(domain.single_precision_parameters for domain in known),
    )


# -------------------------------------------------------------------------------- workers


class _Bench:
    """The workers of the frameworks, and what they gave."""

    def __init__(
        self, folder: str, pythons: Mapping[str, str], limits: Limits, progress: Progress | None
    ) -> None:
        self._folder, self._pythons, self._limits, self._progress = folder, pythons, limits, progress
        self._programs: dict[Hashable, tuple[int, dict[str, Any]]] = {}
        self._inputs: dict[int, tuple[int, dict[str, Any]]] = {}
        self._kept: list[Trial] = []
        self._given: dict[tuple[str, str], dict[str, Any]] = {}
        self._missing: dict[str, str] = {}
        self.versions: dict[str, str | None] = {}

    def run(self, plans: Sequence[_Plan]) -> None:
        """Run what is not known yet."""
        asked: dict[str, dict[str, None]] = {}
        for plan in plans:
            call = plan.claim.call
            for trial in plan.trials:
                if plan.kind == "live":
                    asked.setdefault(call.backend, {})[self._item(self._native(call), trial, call)] = None
                for text in plan.programs.values():
                    number = self._text(text, plan.claim.to)
                    asked.setdefault(plan.backend, {})[self._item(number, trial, call)] = None
        wanted = {
            backend: [item for item in items if (backend, item) not in self._given]
            for backend, items in asked.items()
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
        def lost(item: Item, _: Status, reason: str) -> None:
            self._given[backend, item[0]] = {"failure": reason}

        return Subject(
            backend,
            self._pythons.get(backend, sys.executable),
            {"role": "snippet", "backend": backend, "folder": self._folder, "work": str(self._file)},
            prepare=lambda: [(item, "") for item in items],
            record=lambda event: self._given.update({(backend, event["case"]): event}),
            lost=lost,
        )

    def missing(self, backend: str) -> str:
        """Why a backend cannot be used; empty if it can."""
        return self._missing.get(backend, "")

    def of_source(self, call: NativeCall, trial: Trial) -> Outcome | str:
        """What the native loss gave, or why it gave nothing."""
        return self._result(call.backend, self._item(self._native(call), trial, call))

    def of_text(
        self, text: str, framework: str, backend: str, call: NativeCall, trial: Trial
    ) -> Outcome | str:
        """What a program gave, or why it gave nothing."""
        return self._result(backend, self._item(self._text(text, framework), trial, call))

    def version_of_source(self, call: NativeCall) -> str | None:
        """That of the package which the native loss is in."""
        number = self._native(call)
        for (backend, item), line in self._given.items():
            if backend == call.backend and item.startswith(f"{number}/") and "version" in line:
                return str(line["version"])
        return None

    def _result(self, backend: str, item: str) -> Outcome | str:
        if backend in self._missing:
            return self._missing[backend]
        line = self._given[backend, item]
        if "outcome" in line:
            return outcome_from_json(line["outcome"])
        return str(line.get("failure") or line.get("absent"))

    def _native(self, call: NativeCall) -> int:
        key: Hashable = identity(call)
        if key not in self._programs:
            self._programs[key] = (len(self._programs), _native_program(call))
        return self._programs[key][0]

    def _text(self, text: str, framework: str) -> int:
        key = (text, framework)
        if key not in self._programs:
            package = {"jax": "optax", "tf": "tensorflow"}.get(framework, framework)
            self._programs[key] = (len(self._programs), {"text": text, "framework": package})
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
            }
            self._kept.append(trial)
            self._inputs[key] = (len(self._inputs), table)
        return f"{program}/{self._inputs[key][0]}"


def _native_program(call: NativeCall) -> dict[str, Any]:
    """The call as a worker makes it in the framework itself: which tensors are given by keyword."""
    row = call.row
    domain = domains().get(row.native_name)
    names = list(tensor_arguments(row))
    signature = list(inspect.signature(row).parameters.values()) if isinstance(row, DialectFunction) else []
    arguments: list[tuple[str, str | None]] = []
    for i, name in enumerate(call.arguments):
        if isinstance(row, DialectFunction):
            leading = i < len(signature) and signature[i].name == name
            positional = leading and signature[i].kind is not inspect.Parameter.KEYWORD_ONLY
        else:
            positional = names[i] == name
        by_keyword = not positional or (domain is not None and domain.keywords)
        arguments.append((name, name if by_keyword else None))
    return {
        "loss": row.native_name,
        "parameters": tree_to_json({**call.parameters, **call.tensors}),
        "call": call.kind if domain is None else domain.call,
        "framework": _framework(call),
        "arguments": arguments,
    }
