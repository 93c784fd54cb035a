"""Cases that are stored as data: documented examples, values recorded from the frameworks, findings."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, get_args

import numpy as np

from unified_loss.errors import ConfigError
from unified_loss.naming import resolve

from .cases import Call, Case, Finding, Input, Kind, NamedFunction, Outcome, Printed, SparseRows, decode

FOLDERS = ("documented", "examples", "recorded", "traps")
"""The data in which cases are, documented ones first."""


def stored_cases() -> Iterator[Case]:
    """All that come with this library, documented ones first."""
    findings = {line["case"]: line for line in lines("findings")}
    for folder in FOLDERS:
        for line in lines(folder):
            if is_comparable(line, findings) and is_known(line["api"]):
                yield _stored(line, findings.get(line["id"]))


@functools.cache
def cases_by_loss() -> Mapping[str, list[Case]]:
    """The same by the native names of their losses."""
    found: dict[str, list[Case]] = {}
    for case in stored_cases():
        found.setdefault(case.loss, []).append(case)
    return found


def cases_of_file(path: str) -> Iterator[Case]:
    """The cases of a file of one's own, in the same form; `ConfigError` says which line is not."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            case = _stored(json.loads(line), None)
        except json.JSONDecodeError as error:
            raise ConfigError(f"{where}: is not JSON: {error}") from error
        except KeyError as error:
            raise ConfigError(f"{where}: has no field {error}") from error
        except (AttributeError, TypeError, ValueError) as error:
            raise ConfigError(f"{where}: is no case: {error}") from error
        if case.call not in get_args(Call):
            raise ConfigError(f"{where}: kind is {case.call!r}, expected one of {', '.join(get_args(Call))}")
        yield case


def is_comparable(line: Mapping[str, Any], findings: Mapping[str, Any]) -> bool:
    """Whether a line says what another implementation must give.

    Not where the native loss draws its own samples or reads undefined memory, nor where its
    defect has no finding yet; the tests list both.
    """
    return not line.get("random") and not (line.get("native_defect") and line["id"] not in findings)


def lines(name: str) -> Iterable[dict[str, Any]]:
    """The lines of a data file, or of all the files in the folder of that name."""
    for file in files(name):
        yield from map(json.loads, file.read_text(encoding="utf-8").splitlines())


def files(name: str) -> list[Traversable]:
    """The data file, or all the files in the folder of that name."""
    data = resources.files(__package__).joinpath("data")
    folder, single = data.joinpath(name), data.joinpath(f"{name}.jsonl")
    return sorted(folder.iterdir(), key=lambda f: f.name) if folder.is_dir() else [single]


@functools.cache
def is_known(api: str) -> bool:
    """Whether a dialect has the loss."""
    try:
        resolve(api)
    except ConfigError:
        return False
    return True


def _stored(line: Mapping[str, Any], finding: Mapping[str, Any] | None) -> Case:
    inputs = tuple(
        Input(entry["name"], argument(entry), entry.get("keyword"), entry.get("prepare"))
        for entry in line["inputs"]
    )
    names = [entry.name for entry in inputs]
    position = names.index(line["grad_of"]) if "grad_of" in line else None
    refused = finding is not None and bool(finding.get("refused"))
    raises = refused or ("raises" in line and finding is None)
    value = line.get("actual")
    recorded = None
    if not raises and "raises" not in line:
        value = line["expected"] if value is None else value
        recorded = _outcome(line, inputs, position, value, line.get("grad"))
    corrected = None
    if finding and not refused:
        outcome = _outcome(
            {**line, **finding}, inputs, position, finding["corrected"], finding.get("corrected_grad")
        )
        corrected = Finding(finding["cause"], finding["ours"], outcome, finding["corrected_by"])
    judged = corrected.corrected if corrected else recorded
    in_closed_form = "closed_form" in line or finding is not None
    kind: Kind = "documented" if line["documented"] else "oracle" if in_closed_form else "golden"
    closed_form = f"; in closed form: {line['closed_form']}" if "closed_form" in line else ""
    drifted = line.get("agrees") is False and line.get("actual") is not None
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
        runs_natively="raises" not in line
        and not line.get("native_fails")
        and not ("actual" in line and line["actual"] is None),
        native_dtypes=_dtypes(line["native_dtype"]) if "native_dtype" in line else None,
        gradient_of=None if judged is None or judged.gradient is None else position,
        gradient_output=line.get("grad_output", line.get("output_index", 0)),
        output=line.get("output_index"),
        summed=line.get("post") == "sum",
        single_precision=line.get("precision") == "float32",
        single_precision_parameters=line.get("precision") == "float32 parameters",
    )


def _printed(line: Mapping[str, Any]) -> Printed:
    tolerance = line.get("tolerance")
    own = (tolerance["atol"], tolerance["rtol"]) if tolerance else None
    expected = line["expected"][0] if line.get("multi") else line["expected"]
    return Printed(
        decode(expected, "float64"),
        line["digits"],
        own,
        magnitude=line.get("magnitude", 0.0),
        truncated=line.get("truncated", False),
    )


def _outcome(
    line: Mapping[str, Any], inputs: tuple[Input, ...], position: int | None, value: Any, gradient: Any
) -> Outcome:
    several = line.get("multi", False)
    # Lines without a dtype are documented ones of losses that could not be run.
    dtype = line.get("output_dtype") or ["float32"] * (len(value) if several else 1)
    dtypes = _dtypes(dtype)
    # Nor do these have shapes.
    shapes = line["output_shape"] or [None] * len(dtypes) if several else [line["output_shape"]]
    values = tuple(
        decode(data, dtype) if shape is None else decode(data, dtype).reshape(shape)
        for data, dtype, shape in zip(value if several else [value], dtypes, shapes, strict=True)
    )
    if position is None or gradient is None:
        return Outcome(values, dtypes)
    given = inputs[position].value
    return Outcome(values, dtypes, decode(gradient, given.dtype.name).reshape(given.shape))


def _dtypes(dtype: str | list[str]) -> tuple[str, ...]:
    return tuple(dtype) if isinstance(dtype, list) else (dtype,)


_SPELLED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def argument(entry: Any) -> Any:
    """The value of an argument: an array, a function's name, a plain value, or lists of these."""
    if isinstance(entry, list):
        # Native losses take tuples of axes; a list of numbers or tensors serves as well.
        return tuple(argument(x) for x in entry)
    if not isinstance(entry, Mapping):
        return _SPELLED.get(entry, entry) if isinstance(entry, str) else entry
    if "callable" in entry:
        return NamedFunction(entry["callable"])
    if "sparse" in entry:
        places = {name: decode(entry["sparse"][name], "int64") for name in ("indices", "dense_shape")}
        return SparseRows(values=decode(entry["sparse"]["values"], "int32"), **places)
    data = entry["data"]
    if data is None or entry.get("raw"):
        return data
    if entry.get("dtype") is None:
        return argument(data)
    array = decode(data, entry["dtype"])
    if "broadcast" in entry:
        return np.broadcast_to(array, entry["broadcast"]).copy()
    return array.reshape(entry["shape"]) if "shape" in entry else array
