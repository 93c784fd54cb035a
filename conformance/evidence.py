"""`Proof`: what was found when a loss and its port were run beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .cases import encode
from .comparison import Check
from .domains.fitting import FittingInput

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
    wide : of an extreme one, the same in float64
    """

    input: FittingInput
    dtype: str
    extreme: bool = False
    wide: Trial | None = None

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
    refused : whether it raised an error, and its process did not end
    """

    side: Side
    reason: str
    trial: Trial
    refused: bool = True

    def to_json(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "side": self.side,
            "reason": self.reason,
            "refused": self.refused,
            "input": self.trial.to_json(),
        }


@dataclass(frozen=True, eq=False)
class Evidence:
    """How one program compares with the source.

    Parameters
    ----------
    backend, version : where it ran
    compared : the inputs on which the source gave something
    agree : those of them on which the program gave the same, within the tolerance
    extreme, extreme_agree : how many of both are extreme
    lost : the extreme inputs on which it does not agree because digits are lost there: the program is as
        near to what the source gives in float64, or where that is not finite, to what the formula does, as
        the source is, which may overflow, or as that moves where the input moves by its last digit
    defects : the extreme inputs on which it does not agree because the source has a known defect there:
        what it gives is what the source's formula does
    value, gradient : the largest difference of each on the other inputs; None where there was nothing to
        compare
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
    lost: tuple[tuple[Trial, tuple[Check, ...]], ...]
    defects: tuple[tuple[Trial, tuple[Check, ...]], ...]
    value: Difference | None
    gradient: Difference | None
    shapes_equal: bool
    dtypes_equal: bool
    failures: tuple[Failure, ...] = ()
    disagreements: tuple[tuple[Trial, tuple[Check, ...]], ...] = ()

    @property
    def holds(self) -> bool:
        """Whether it agrees on every input that both take, but for those where the source is wrong.

        There must be some that it agrees on, and ordinary ones where such were tried.
        """
        excused = len(self.lost) + len(self.defects) + len(self.refused)
        if self.agree + excused != self.compared:
            return False
        return self.agree > self.extreme_agree or (self.compared == self.extreme and self.agree > 0)

    @property
    def holds_ordinarily(self) -> bool:
        """The same of the ordinary inputs alone."""
        refused = sum(not failure.trial.extreme for failure in self.refused)
        agree = self.agree - self.extreme_agree
        return agree > 0 and agree + refused == self.compared - self.extreme

    @property
    def refused(self) -> tuple[Failure, ...]:
        """The inputs that the program raises an error on, where the source has a value."""
        return tuple(failure for failure in self.failures if failure.refused)

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
            "refused": len(self.refused),
            "failures": [failure.to_json() for failure in self.failures],
            "disagreements": _to_json(self.disagreements),
            "lost": _to_json(self.lost),
            "defects": _to_json(self.defects),
        }

    def __str__(self) -> str:
        said = [f"agrees on {self.agree} of {self.compared} inputs"]
        if self.extreme:
            said[0] += f", {self.extreme_agree} of {self.extreme} extreme ones among them"
        if self.lost:
            said.append(f"on {len(self.lost)} digits are lost, or the source overflows")
        if self.defects:
            said.append(f"on {len(self.defects)} the source has a known defect")
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
    known : the defects of the source that are known, and that this library does not have
    failures : the inputs on which the source gave nothing
    installed : whether the source's framework can be used here
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
    known: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    installed: bool = True

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
            "known": list(self.known),
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
        lines += [f"  {self.note}"] if self.note else []
        if not (self.holds and self.dialect is not None and not self.dialect.defects):
            lines += [f"  a known defect of {self.framework}: {cause}" for cause in self.known]
        return "\n".join(lines)


def _to_json(found: Sequence[tuple[Trial, tuple[Check, ...]]]) -> list[dict[str, Any]]:
    return [
        {"input": trial.to_json(), "checks": [check.to_json() for check in checks]} for trial, checks in found
    ]
