"""`prove`: runs a loss in its framework and its port in another, on the same inputs."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from unified_loss.errors import ConfigError
from unified_loss.naming import resolve
from unified_loss.porting.source import FRAMEWORKS, NativeCall

from . import conditioning
from .bench import Bench
from .cases import Case, Outcome
from .domains import domains
from .domains.defects import framework_of, known_defects
from .domains.fitting import FittingInput, fitting_inputs, identity, matching_cases
from .evidence import Evidence, Failure, Kind, Proof, Side, Trial
from .runner import configured_interpreters
from .scheduling import Limits, Progress
from .weighing import Compared, evidence

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
        bench = Bench(folder, pythons, limits or Limits(), progress)
        trials: dict[Hashable, tuple[Trial, ...]] = {}
        plans = []
        for claim in (Claim(*claim) for claim in claims):
            key = identity(claim.call)
            if key not in trials:
                trials[key] = _trials(claim.call, count)
            plans.append(_Plan.of(claim, trials[key]))
        for plan in plans:
            plan.ask(bench)
        bench.run()
        # Where a framework is not there, its values are: as they were recorded, or on NumPy.
        plans = [plan.instead(bench, count) for plan in plans]
        for plan in plans:
            plan.ask(bench)
        bench.run()
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
    def of(cls, claim: Claim, trials: tuple[Trial, ...]) -> _Plan:
        """That of a claim where both frameworks are there."""
        backend = FRAMEWORKS.get(claim.to, claim.to)
        if backend not in (*FRAMEWORKS.values(), "numpy"):
            raise ConfigError(
                f"prove: there is no framework {claim.to!r}; there are: {', '.join(FRAMEWORKS)}"
            )
        trials = tuple(trial for trial in trials if _is_taken(trial.input, backend))
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

    def ask(self, bench: Bench) -> None:
        """Have the bench run it."""
        call, to = self.claim.call, self.claim.to
        for trial in self.trials:
            for text in self.programs.values():
                bench.ask_text(text, to, self.backend, call, trial)
            if self.kind == "live":
                bench.ask_source(call, trial)
                if trial.wide is not None:
                    bench.ask_source(call, trial.wide)
                    bench.ask_text(self.claim.dialect, to, self.backend, call, trial.wide)

    def instead(self, bench: Bench, count: int) -> _Plan:
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
            if case.recorded is not None and _is_whole(case) and _is_taken(each, self.backend)
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

    def proof(self, bench: Bench) -> Proof:
        """What was found."""
        call = self.claim.call
        framework = framework_of(call.row.native_name)
        shown = str(call), self.kind, self.reason, framework
        if self.kind == "none":
            installed = not bench.missing(call.backend)
            return Proof(*shown, None, self.claim.to, 0, None, None, installed=installed)
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
            program = text, self.claim.to, self.backend, call
            compared = [
                Compared(
                    trial,
                    expected,
                    bench.of_text(*program, trial),
                    self._exact(bench, trial),
                    self._formula(bench, trial),
                    bench.ended(*program, trial),
                    functools.partial(self._spread, trial),
                )
                for trial, expected in zip(self.trials, given, strict=True)
                if isinstance(expected, Outcome)
            ]
            where = self.backend, bench.versions.get(self.backend)
            # MXNet's arrays have at least one axis.
            scalars = "mxnet" not in (self.backend, call.backend)
            found[side] = evidence(case, side, where, compared, scalars=scalars)
        return Proof(
            *shown,
            version,
            self.claim.to,
            len(self.trials),
            found.get("native"),
            found.get("dialect"),
            self.note,
            known_defects(call),
            tuple(failures),
        )

    def _formula(self, bench: Bench, trial: Trial) -> Outcome | None:
        """What the source's formula gives, where the source has a known defect."""
        if not known_defects(self.claim.call):
            return None
        text, to = self.claim.dialect, self.claim.to
        found = bench.of_text(text, to, self.backend, self.claim.call, trial)
        return found if isinstance(found, Outcome) else None

    def _exact(self, bench: Bench, trial: Trial) -> tuple[Outcome, ...]:
        """What the source, and its formula through this library, give in float64."""
        if trial.wide is None or self.kind != "live":
            return ()
        call, text = self.claim.call, self.claim.dialect
        sides: list[Outcome | str | None] = [
            bench.of_source(call, trial.wide),
            bench.of_text(text, self.claim.to, self.backend, call, trial.wide),
        ]
        if call.plan.dtype == "float32" or _as_case(call, None).single_precision:
            # What they give is then only as exact as float32 is.
            sides.insert(0, conditioning.exact(call, trial.wide))
        return tuple(outcome for outcome in sides if isinstance(outcome, Outcome))

    def _spread(self, trial: Trial) -> Outcome | None:
        """How far the loss moves where an extreme input does, by its last digit."""
        right = None if trial.wide is None else conditioning.exact(self.claim.call, trial.wide)
        return (
            None
            if right is None or trial.wide is None
            else conditioning.spread(self.claim.call, trial.wide, right)
        )


def _trials(call: NativeCall, count: int) -> tuple[Trial, ...]:
    domain = domains().get(call.row.native_name)
    dtypes = ("float32", "float64") if domain is None else domain.dtypes
    if call.holds_weights or any(
        isinstance(x, np.ndarray) for x in (*call.parameters.values(), *call.tensors.values())
    ):
        # The programs have them in one dtype.
        dtypes = dtypes[:1]
    found = []
    for dtype in dtypes:
        some = count if dtype == dtypes[0] else -(-count // 2)
        found += [Trial(each, dtype) for each in fitting_inputs(call, some, dtype=dtype)]
    extreme = fitting_inputs(call, count, dtype=dtypes[0], extreme=True)
    wide = [_wide(each) if dtypes[0] == "float32" else None for each in extreme]
    found += [Trial(each, dtypes[0], True, w) for each, w in zip(extreme, wide, strict=True)]
    return tuple(found)


def _wide(each: FittingInput) -> Trial:
    tensors = {name: _widened(x) for name, x in each.tensors.items()}
    return Trial(replace(each, tensors=tensors), "float64", extreme=True)


def _widened(x: Any) -> Any:
    if isinstance(x, tuple):
        return tuple(map(_widened, x))
    return x.astype("float64") if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x


def _is_taken(each: FittingInput, backend: str) -> bool:
    """Whether a backend has such tensors: MXNet's have at least one axis."""
    arrays = [x for x in each.tensors.values() if isinstance(x, np.ndarray)]
    return backend != "mxnet" or all(x.ndim for x in arrays)


def _dtype(each: Any) -> str:
    floats = [x.dtype.name for x in each.tensors.values() if x is not None and x.dtype.kind == "f"]
    return max(floats, default="float32")


def _is_whole(case: Case) -> bool:
    """Whether what was recorded of a case, or is documented of it, is all that its loss gives."""
    known = case.runs_natively or case.kind == "documented"
    return known and not case.summed and case.output is None and case.dtype is None


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
        framework=framework_of(call.row.native_name),
        single_precision=any(domain.single_precision for domain in known),
        single_precision_parameters=any(domain.single_precision_parameters for domain in known),
    )
