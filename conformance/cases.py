"""What is checked: a native loss, its inputs, and what they must give, with where that is from."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal

import numpy as np

from unified_loss.errors import ConfigError
from unified_loss.naming import native_names, resolve

from .live_inputs import LiveInputs, live_inputs

Kind = Literal["documented", "golden", "live", "oracle"]
Call = Literal["class", "function", "two_step"]
_BACKENDS = {"keras": "tensorflow", "optax": "jax"}
"""The backend that a framework's own losses run on, where it is not of the same name."""


@dataclass(frozen=True, eq=False)
class Input:
    """An argument of the call: an array, a plain Python value, or None where it is left out.

    Parameters
    ----------
    name : of the argument, for the reader
    value : an array; None; a plain value; or nested lists of arrays
    keyword : its native name, if it is given by keyword
    prepare : the function that is applied to it first, such as ``log_softmax`` over the last axis,
        and through which its gradient goes
    """

    name: str
    value: Any
    keyword: str | None = None
    prepare: str | None = None


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
    """The whole result of a loss: its outputs, their dtypes, and the gradient of the sum of one of them."""

    values: tuple[Any, ...]
    dtypes: tuple[str, ...]
    gradient: Any = None

    @classmethod
    def of(cls, value: Any, dtype: str, gradient: Any = None) -> Outcome:
        """The outcome of a loss with a single output."""
        return cls((value,), (dtype,), gradient)

    @property
    def value(self) -> Any:
        """The first output, which most losses have alone."""
        return self.values[0]

    @property
    def dtype(self) -> str:
        """The dtype of the first output."""
        return self.dtypes[0]


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
    call : ``class``: ``loss(**kwargs)(*inputs)``; ``function``: ``loss(*inputs, **kwargs)``;
        ``two_step``: ``loss(**kwargs)`` gives the function that takes the inputs
    state : the weights of a loss that has such, by their names in the framework's state dictionary
    printed : what the documentation says, if it does
    recorded : what the framework returned, or what is right in closed form; None for a live case,
        whose outcome the framework gives in the same run
    raises : whether the call must be refused; there is no outcome then
    finding : set where what was recorded is a known defect
    runs_natively : whether the framework itself can run it here, on the CPU
    gradient_of : the position of the argument to differentiate by; None for no gradient
    gradient_output : the output whose sum is differentiated
    output : the only output of several that is compared; None compares all
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
    call: Call = "class"
    state: Mapping[str, Any] = field(default_factory=dict)
    printed: Printed | None = None
    recorded: Outcome | None = None
    raises: bool = False
    finding: Finding | None = None
    runs_natively: bool = True
    gradient_of: int | None = None
    gradient_output: int = 0
    output: int | None = None
    summed: bool = False
    single_precision: bool = False

    @property
    def expected(self) -> Outcome | None:
        """What the case is judged against; None where only the live framework can say."""
        return self.finding.corrected if self.finding else self.recorded

    @property
    def native_backend(self) -> str:
        """The backend whose tensors the framework's own loss takes."""
        return _BACKENDS.get(self.framework, self.framework)


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
    findings = {line["case"]: line for line in lines("findings")}
    stored = [
        _stored(line, findings.get(line["id"]))
        for folder in ("documented", "examples", "recorded", "traps")
        for line in lines(folder)
        if is_comparable(line, findings) and is_known(line["api"])
    ]
    return (*stored, *map(_live, live_inputs()))


def is_comparable(line: Mapping[str, Any], findings: Mapping[str, Any]) -> bool:
    """Whether a line says what another implementation must give.

    Not where the native loss draws its own samples or reads undefined memory, nor where its
    defect has no finding yet; the tests list both.
    """
    return not line.get("random") and not (line.get("native_defect") and line["id"] not in findings)


def lines(name: str) -> Iterable[dict[str, Any]]:
    """The lines of a data file, or of all the files in the folder of that name."""
    data = resources.files(__package__).joinpath("data")
    folder, single = data.joinpath(name), data.joinpath(f"{name}.jsonl")
    files = sorted(folder.iterdir(), key=lambda f: f.name) if folder.is_dir() else [single]
    for file in files:
        yield from map(json.loads, file.read_text(encoding="utf-8").splitlines())


@functools.cache
def is_known(api: str) -> bool:
    """Whether a dialect has the loss."""
    try:
        resolve(api)
    except ConfigError:
        return False
    return True


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
    inputs = tuple(
        Input(entry["name"], argument(entry), entry.get("keyword"), entry.get("prepare"))
        for entry in line["inputs"]
    )
    names = [entry.name for entry in inputs]
    position = names.index(line["grad_of"]) if "grad_of" in line else None
    raises = "raises" in line and finding is None
    value = line.get("actual")
    recorded = None
    if not raises and "raises" not in line:
        value = line["expected"] if value is None else value
        recorded = _outcome(line, inputs, position, value, line.get("grad"))
    corrected = None
    if finding:
        outcome = _outcome(
            {**line, **finding}, inputs, position, finding["corrected"], finding.get("corrected_grad")
        )
        corrected = Finding(finding["cause"], finding["ours"], outcome, finding["corrected_by"])
    judged = corrected.corrected if corrected else recorded
    in_closed_form = "closed_form" in line or finding is not None
    kind: Kind = "documented" if line["documented"] else "oracle" if in_closed_form else "golden"
    closed_form = f"; in closed form: {line['closed_form']}" if "closed_form" in line else ""
    drifted = line.get("agrees") is False
    return Case(
        id=line["id"],
        loss=resolve(line["api"]).native_name,
        kwargs={name: argument(value) for name, value in line["kwargs"].items()},
        inputs=inputs,
        kind=kind,
        source=line["source"] + closed_form,
        framework=line["framework"],
        version=line["version"],
        call=line["kind"],
        state={name: argument(value) for name, value in line.get("state", {}).items()},
        printed=_printed(line) if line["documented"] and not finding and not drifted else None,
        recorded=recorded,
        raises=raises,
        finding=corrected,
        # Documented lines whose loss has no kernel on the CPU have no actual value.
        runs_natively="raises" not in line and not ("actual" in line and line["actual"] is None),
        gradient_of=None if judged is None or judged.gradient is None else position,
        gradient_output=line.get("grad_output", line.get("output_index", 0)),
        output=line.get("output_index"),
        summed=line.get("post") == "sum",
        single_precision=line.get("precision") == "float32",
    )


def _printed(line: Mapping[str, Any]) -> Printed:
    tolerance = line.get("tolerance")
    own = (tolerance["atol"], tolerance["rtol"]) if tolerance else None
    expected = line["expected"][0] if line.get("multi") else line["expected"]
    return Printed(decode(expected, "float64"), line["digits"], own)


def _outcome(
    line: Mapping[str, Any], inputs: tuple[Input, ...], position: int | None, value: Any, gradient: Any
) -> Outcome:
    several = line.get("multi", False)
    # Lines without a dtype are documented ones of losses that could not be run.
    dtype = line.get("output_dtype") or ["float32"] * (len(value) if several else 1)
    dtypes = tuple(dtype) if isinstance(dtype, list) else (dtype,)
    shapes = line["output_shape"] if several else [line["output_shape"]]
    values = tuple(
        decode(data, dtype) if shape is None else decode(data, dtype).reshape(shape)
        for data, dtype, shape in zip(value if several else [value], dtypes, shapes, strict=True)
    )
    if position is None or gradient is None:
        return Outcome(values, dtypes)
    return Outcome(values, dtypes, decode(gradient, inputs[position].value.dtype.name))


def argument(entry: Any) -> Any:
    """The value of an argument: an array, a function's name, a plain value, or lists of these."""
    if isinstance(entry, list):
        # Native losses take tuples of axes; a list of numbers or tensors serves as well.
        return tuple(argument(x) for x in entry)
    if not isinstance(entry, Mapping):
        return _SPELLED.get(entry, entry) if isinstance(entry, str) else entry
    if "callable" in entry:
        return NamedFunction(entry["callable"])
    data = entry["data"]
    if data is None or entry.get("raw"):
        return data
    if entry.get("dtype") is None:
        return argument(data)
    array = decode(data, entry["dtype"])
    if "broadcast" in entry:
        return np.broadcast_to(array, entry["broadcast"]).copy()
    return array.reshape(entry["shape"]) if "shape" in entry else array


@dataclass(frozen=True)
class NamedFunction:
    """A function that a case gives as an argument, by name; `functions` has what it computes."""

    name: str


_SPELLED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


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
