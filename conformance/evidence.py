"""`Proof`: what was found when a loss and its port were run beside each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from . import comparison, tolerances
from .cases import Case, Outcome, encode
from .comparison import Check
from .domains.fitting import FittingInput
from .tolerances import Tolerance

Side = Literal["source", "native", "dialect"]
Kind = Literal["live", "golden", "none"]


@dataclass(frozen=True, eq=False)
class Trial:
    """An input on which a loss and its port are run.

    Parameters
    ----------
    input : the tensors
    dtype : of those that are floats
    extreme : whether it is one at which digits are lost
    """

    input: FittingInput
    dtype: str
    extreme: bool = False

    def to_json(self) -> dict[str, Any]:
        """The tensors by their native names, with what kind of input it is."""
        tensors = {
            name: None if x is None else {"data": encode(np.asarray(x)), "dtype": np.asarray(x).dtype.name}
            for name, x in self.input.tensors.items()
        }
        return {
            "kind": self.input.note,
            "dtype": self.dtype,
            "gradient_of": self.input.gradient_of,
            "tensors": tensors,
        }

    def __str__(self) -> str:
        shown = [f"{name}={encode(np.asarray(x))}" for name, x in self.input.tensors.items() if x is not None]
        return f"{', '.join(shown)} ({self.input.note}, {self.dtype})"


@dataclass(frozen=True, eq=False)
class Difference:
    """The largest difference that was found.

    Parameters
    ----------
    absolute : of the element that is furthest off; infinite where only one side is finite
    of_tolerance : the same in terms of what is allowed there; the source and the port agree up to 1
    source, port : what the two sides give there
    where : the index of that element
    trial : the input that gave it
    """

    absolute: float
    of_tolerance: float
    source: Any
    port: Any
    where: tuple[int, ...]
    trial: Trial

    def to_json(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "absolute": encode(self.absolute),
            "of_tolerance": encode(self.of_tolerance),
            "source": self.source,
            "port": self.port,
            "where": list(self.where),
            "input": self.trial.to_json(),
        }

    def __str__(self) -> str:
        return f"{self.absolute:.2g} ({self.of_tolerance:.2g} of what is allowed)"


@dataclass(frozen=True, eq=False)
class Failure:
    """An input on which one side gave nothing.

    Parameters
    ----------
    side : which
    reason : its error, or how its process ended
    trial : the input
    """

    side: Side
    reason: str
    trial: Trial

    def to_json(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {"side": self.side, "reason": self.reason, "input": self.trial.to_json()}


@dataclass(frozen=True, eq=False)
class Evidence:
    """How one program compares with the source.

    Parameters
    ----------
    backend, version : where it ran
    compared : the inputs on which the source gave something
    agree : those of them on which the program gave the same, within the tolerance
    extreme, extreme_agree : how many of both are extreme
    value, gradient : the largest difference of each; None where there was nothing to compare
    shapes_equal, dtypes_equal : of all outputs and gradients
    failures : the inputs on which the program gave nothing
    disagreements : the others on which it does not agree, each with the comparisons that do not hold
    """

    backend: str
    version: str | None
    compared: int
    agree: int
    extreme: int
    extreme_agree: int
    value: Difference | None
    gradient: Difference | None
    shapes_equal: bool
    dtypes_equal: bool
    failures: tuple[Failure, ...] = ()
    disagreements: tuple[tuple[Trial, tuple[Check, ...]], ...] = ()

    @property
    def holds(self) -> bool:
        """Whether it agrees on every input that the source takes, of which there is at least one."""
        return self.compared > 0 and self.agree == self.compared

    def to_json(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "backend": self.backend,
            "version": self.version,
            "holds": self.holds,
            "compared": self.compared,
            "agree": self.agree,
            "extreme": self.extreme,
            "extreme_agree": self.extreme_agree,
            "value": None if self.value is None else self.value.to_json(),
            "gradient": None if self.gradient is None else self.gradient.to_json(),
            "shapes_equal": self.shapes_equal,
            "dtypes_equal": self.dtypes_equal,
            "failures": [failure.to_json() for failure in self.failures],
            "disagreements": [
                {"input": trial.to_json(), "checks": [check.to_json() for check in checks]}
                for trial, checks in self.disagreements
            ],
        }

    def __str__(self) -> str:
        said = [f"agrees on {self.agree} of {self.compared} inputs"]
        if self.extreme:
            said[0] += f", {self.extreme_agree} of {self.extreme} extreme ones among them"
        for name, found in (("value", self.value), ("gradient", self.gradient)):
            if found is not None:
                said.append(f"largest difference of the {name} {found}")
        worst = max(
            (d for d in (self.value, self.gradient) if d is not None and d.of_tolerance > 1),
            key=lambda d: d.of_tolerance,
            default=None,
        )
        if worst is not None:
            said.append(f"at {worst.trial}")
        said += [] if self.shapes_equal else ["shapes differ"]
        said += [] if self.dtypes_equal else ["dtypes differ"]
        if self.failures:
            said.append(f"gives nothing on {len(self.failures)}: {self.failures[0].reason}")
        return "; ".join(said)


@dataclass(frozen=True, eq=False)
class Proof:
    """What was found when a loss and its port were run beside each other.

    Parameters
    ----------
    source : the call that was ported
    kind : ``live``, the source's framework ran beside; ``golden``, the port is compared with what was
        recorded from it; ``none``, there was nothing to compare with
    reason : why it is not live
    framework, version : whose loss the source is; of golden values, the versions that gave them
    to : the framework that it was ported to
    inputs : on how many it was tried
    native : how the program in the target's own terms compares; None where there is none, or nowhere
        to run it
    dialect : the same of the program through this library; None if there was nothing to compare with
    note : where the dialect's program was not run in the target's framework, why
    failures : the inputs on which the source gave nothing
    """

    source: str
    kind: Kind
    reason: str
    framework: str
    version: str | None
    to: str
    inputs: int
    native: Evidence | None
    dialect: Evidence | None
    note: str = ""
    failures: tuple[Failure, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether all that was run agrees with the source, and something was."""
        found = [evidence for evidence in (self.native, self.dialect) if evidence is not None]
        return bool(found) and all(evidence.holds for evidence in found)

    def to_json(self) -> dict[str, Any]:
        """The fields, and whether it holds, ready for JSON."""
        return {
            "source": self.source,
            "kind": self.kind,
            "reason": self.reason,
            "framework": self.framework,
            "version": self.version,
            "to": self.to,
            "inputs": self.inputs,
            "holds": self.holds,
            "native": None if self.native is None else self.native.to_json(),
            "dialect": None if self.dialect is None else self.dialect.to_json(),
            "note": self.note,
            "failures": [failure.to_json() for failure in self.failures],
        }

    def __str__(self) -> str:
        if self.kind == "none":
            return f"{self.source}: not proved: {self.reason}"
        version = "" if self.version is None else f" {self.version}"
        beside = "itself" if self.kind == "live" else f"as recorded, because {self.reason}"
        lines = [f"{self.source}, {self.framework}{version} {beside}, on {self.inputs} inputs"]
        if self.failures:
            lines.append(
                f"  {self.framework} gives nothing on {len(self.failures)}: {self.failures[0].reason}"
            )
        for name, found in (("native", self.native), ("dialect", self.dialect)):
            if found is not None:
                lines.append(f"  {name}, {found.backend} {found.version or ''}: {found}")
        return "\n".join([*lines, f"  {self.note}"] if self.note else lines)


# ------------------------------------------------------------------------------- comparing


def evidence(
    case: Case,
    side: Side,
    where: tuple[str, str | None],
    trials: Sequence[tuple[Trial, Outcome, Outcome | str]],
) -> Evidence:
    """Compare what a program gave with what the source did.

    Parameters
    ----------
    case : of the source, as far as the tolerances ask
    side : which program it is
    where : the backend and its version
    trials : the inputs on which the source gave something, with that, and what the program gave, or why
        it gave nothing
    """
    checked = [
        (trial, None if isinstance(got, str) else tuple(_checks(case, expected, got)), expected, got)
        for trial, expected, got in trials
    ]
    agree = [trial for trial, checks, *_ in checked if checks is not None and all(c.holds for c in checks)]
    every = [check for _, checks, *_ in checked for check in checks or ()]
    return Evidence(
        *where,
        len(trials),
        len(agree),
        sum(trial.extreme for trial, *_ in trials),
        sum(trial.extreme for trial in agree),
        _largest("value", checked),
        _largest("gradient", checked),
        all(check.holds for check in every if check.quantity.startswith("shape")),
        all(check.holds for check in every if check.quantity.startswith("dtype")),
        tuple(Failure(side, got, trial) for trial, _, got in trials if isinstance(got, str)),
        tuple(
            (trial, tuple(check for check in checks if not check.holds))
            for trial, checks, *_ in checked
            if checks is not None and not all(check.holds for check in checks)
        ),
    )


def _checks(case: Case, expected: Outcome, got: Outcome) -> Iterator[Check]:
    count = len(expected.values)
    yield comparison.same("number of outputs", count, len(got.values))
    names = ["value"] if count == 1 else [f"value of output {i}" for i in range(count)]
    sides = zip(names, expected.values, expected.dtypes, got.values, got.dtypes, strict=False)
    for name, wanted, dtype, value, own in sides:
        yield comparison.same(f"dtype of the {name}", dtype, own)
        yield from _close(name, wanted, value, _tolerance(case, dtype, own))
    if expected.gradient is not None and got.gradient is not None:
        dtypes = str(expected.gradient.dtype), str(got.gradient.dtype)
        yield comparison.same("dtype of the gradient", *dtypes)
        yield from _close("gradient", expected.gradient, got.gradient, _tolerance(case, *dtypes))


def _close(name: str, wanted: Any, got: Any, tolerance: Tolerance) -> Iterator[Check]:
    shapes = comparison.same(f"shape of the {name}", list(np.shape(wanted)), list(np.shape(got)))
    yield shapes
    if shapes.holds:
        yield comparison.close(name, wanted, got, tolerance)


def _tolerance(case: Case, *dtypes: str) -> Tolerance:
    """That of the least precise of the dtypes; that they are not the same is a difference of its own."""
    least = max(dtypes, key=lambda dtype: tolerances.EPSILON.get(dtype, 0.0))
    # Of all kinds of integers, and truth values.
    return tolerances.of_outcome(case, least if least in tolerances.EPSILON else "int32")


def _largest(quantity: str, checked: Sequence[tuple[Any, ...]]) -> Difference | None:
    found = [
        _difference(check, trial)
        for trial, checks, *_ in checked
        for check in checks or ()
        if check.quantity.startswith(quantity) and check.error is not None
    ]
    return max(found, key=lambda d: (d.of_tolerance, d.absolute), default=None)


def _difference(check: Check, trial: Trial) -> Difference:
    sides = [np.asarray(x, dtype="float64") for x in (check.expected_there, check.got_there)]
    with np.errstate(all="ignore"):
        absolute = 0.0 if check.error == 0 else float(abs(sides[0] - sides[1]))
    absolute = float("inf") if math.isnan(absolute) else absolute
    error, allowed = check.error or 0.0, check.tolerance or 0.0
    ratio = 0.0 if error == 0 else error / allowed if allowed else float("inf")
    return Difference(absolute, ratio, check.expected_there, check.got_there, check.where, trial)
