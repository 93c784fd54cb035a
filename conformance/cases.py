"""What is checked: a native loss, its inputs, and what they must give, with where that is from."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

import numpy as np

from unified_loss.naming import native_names, resolve

from .live_inputs import LiveInputs, live_inputs

Kind = Literal["documented", "golden", "live", "oracle"]
_FILES = ("documented.jsonl", "examples.jsonl", "recorded.jsonl", "traps.jsonl")


@dataclass(frozen=True, eq=False)
class Input:
    """An argument of the call: an array, a plain Python number, or None where it is left out."""

    name: str
    value: Any


@dataclass(frozen=True, eq=False)
class Printed:
    """What a documentation prints or a framework's unit test asserts."""

    value: Any
    digits: int
    """The significant digits printed."""
    tolerance: tuple[float, float] | None = None
    """The unit test's own, (absolute, relative)."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """The whole result of a loss: value, its dtype, and the gradient of its sum where there is one."""

    value: Any
    dtype: str
    gradient: Any = None


@dataclass(frozen=True, eq=False)
class Finding:
    """A known defect of a framework, and the right outcome that the case is judged against instead."""

    cause: str
    ours: str
    corrected: Outcome
    corrected_by: str


@dataclass(frozen=True, eq=False)
class Case:
    """One check of one loss.

    Parameters
    ----------
    id : unique
    loss : the native dotted name
    kwargs : the native parameters; tensors among them as NumPy arrays
    inputs : the arguments of the call, in order
    kind : where the expectation comes from
    source : the same in words
    framework, version : whose loss it is
    printed : what the documentation says, if it does
    recorded : what the framework returned, or what is right in closed form; None for a live case,
        whose outcome the framework gives in the same run
    finding : set where what was recorded is a known defect
    gradient_of : the position of the argument to differentiate by; None for no gradient
    summed : whether the expectation is of the sum of the result
    single_precision : whether a float64 case is computed in float32 inside by its framework
    """

    id: str
    loss: str
    kwargs: Mapping[str, Any]
    inputs: tuple[Input, ...]
    kind: Kind
    source: str
    framework: str
    version: str | None = None
    printed: Printed | None = None
    recorded: Outcome | None = None
    finding: Finding | None = None
    gradient_of: int | None = None
    summed: bool = False
    single_precision: bool = False

    @property
    def expected(self) -> Outcome | None:
        """What the case is judged against; None where only the live framework can say."""
        return self.finding.corrected if self.finding else self.recorded


def loss_names() -> tuple[str, ...]:
    """The native name of every loss that has cases, without aliases."""
    return tuple(sorted({resolve(name).native_name for name in native_names()}))


def load_cases(losses: Iterable[str] | None = None) -> tuple[Case, ...]:
    """The cases of some losses, documented ones first, then golden, then live ones.

    Parameters
    ----------
    losses : native names, aliases included; by default all that there are

    Returns
    -------
    tuple of Case
        Live ones among them; these only run where their framework is the backend's.

    Raises
    ------
    ConfigError
        If a name is that of no loss.

    Examples
    --------
    >>> from unified_loss.conformance import load_cases
    >>> {case.loss for case in load_cases(["mxnet.gluon.loss.SigmoidBCELoss"])}
    {'mxnet.gluon.loss.SigmoidBinaryCrossEntropyLoss'}
    """
    wanted = None if losses is None else {resolve(name).native_name for name in losses}
    return tuple(case for case in _all_cases() if wanted is None or case.loss in wanted)


@functools.cache
def _all_cases() -> tuple[Case, ...]:
    findings = {line["case"]: line for line in _lines("findings.jsonl")}
    stored = [_stored(line, findings.get(line["id"])) for name in _FILES for line in _lines(name)]
    return (*stored, *map(_live, live_inputs()))


def _lines(name: str) -> Iterable[dict[str, Any]]:
    text = resources.files(__package__).joinpath("data", name).read_text(encoding="utf-8")
    return map(json.loads, text.splitlines())


def _live(given: LiveInputs) -> Case:
    return Case(
        id=given.id,
        loss=given.loss,
        kwargs=given.kwargs,
        inputs=tuple(Input(name, value) for name, value in given.inputs.items()),
        kind="live",
        source=f"{given.loss} itself, run beside ours on the same tensors",
        framework=given.framework,
        gradient_of=0 if given.gradient else None,
    )


def _stored(line: Mapping[str, Any], finding: Mapping[str, Any] | None) -> Case:
    inputs = tuple(Input(entry["name"], _array(entry)) for entry in line["inputs"])
    names = [entry.name for entry in inputs]
    position = names.index(line["grad_of"]) if "grad_of" in line else None
    recorded = _outcome(line, inputs, position, line.get("actual", line["expected"]), line.get("grad"))
    corrected = None
    if finding:
        outcome = _outcome(line, inputs, position, finding["corrected"], finding["corrected_grad"])
        corrected = Finding(finding["cause"], finding["ours"], outcome, finding["corrected_by"])
    judged = corrected.corrected if corrected else recorded
    in_closed_form = "closed_form" in line or finding is not None
    kind: Kind = "documented" if line["documented"] else "oracle" if in_closed_form else "golden"
    closed_form = f"; in closed form: {line['closed_form']}" if "closed_form" in line else ""
    return Case(
        id=line["id"],
        loss=resolve(line["api"]).native_name,
        kwargs={name: _array(value) for name, value in line["kwargs"].items()},
        inputs=inputs,
        kind=kind,
        source=line["source"] + closed_form,
        framework=line["framework"],
        version=line["version"],
        printed=_printed(line) if line["documented"] else None,
        recorded=recorded,
        finding=corrected,
        gradient_of=None if judged.gradient is None else position,
        summed=line.get("post") == "sum",
        single_precision=line.get("precision") == "float32",
    )


def _printed(line: Mapping[str, Any]) -> Printed:
    tolerance = line.get("tolerance")
    own = (tolerance["atol"], tolerance["rtol"]) if tolerance else None
    return Printed(decode(line["expected"], "float64"), line["digits"], own)


def _outcome(
    line: Mapping[str, Any], inputs: tuple[Input, ...], position: int | None, value: Any, gradient: Any
) -> Outcome:
    dtype = line["output_dtype"]
    decoded = decode(value, dtype).reshape(line["output_shape"])
    if position is None or gradient is None:
        return Outcome(decoded, dtype)
    return Outcome(decoded, dtype, decode(gradient, inputs[position].value.dtype.name))


def _array(entry: Any) -> Any:
    if not isinstance(entry, Mapping) or entry["data"] is None:
        return None if isinstance(entry, Mapping) else entry
    return decode(entry["data"], entry["dtype"])


def decode(data: Any, dtype: str) -> np.ndarray[Any, Any]:
    """The array that nested lists of numbers stand for, NaN and infinities written as strings."""
    return np.array(_numbers(data), dtype=dtype)


def _numbers(data: Any) -> Any:
    if isinstance(data, list):
        return [_numbers(x) for x in data]
    return float(data) if isinstance(data, str) else data


def encode(array: Any) -> Any:
    """The inverse of `decode`: nested lists, of the shortest decimals that give the array back."""
    if isinstance(array, np.ndarray):
        if array.dtype.kind == "f":
            # Through text, because float32 0.1 is 0.10000000149011612 as a Python float.
            shortest = np.array([float(str(x)) for x in array.reshape(-1)], dtype="float64")
            array = shortest.reshape(array.shape)
        return encode(array.tolist())
    if isinstance(array, list | tuple):
        return [encode(x) for x in array]
    if isinstance(array, float) and not math.isfinite(array):
        return "NaN" if math.isnan(array) else "Infinity" if array > 0 else "-Infinity"
    return array
