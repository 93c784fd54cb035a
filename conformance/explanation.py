"""Why a case fell short: where its expectation is from, both sides, and how to see it again."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from unified_loss.registry import spelled

from .cases import Case, NamedFunction, SparseRows, encode
from .results import Result

_SPELLED_OUT = 1000
"""How many elements of an array are spelled out; what has more comes from the case itself."""


def explain(case: Case, result: Result) -> dict[str, Any]:
    """All that is to be said about a result, ready for JSON.

    Parameters
    ----------
    case : what was checked
    result : how it went, with the checks that do not hold

    Returns
    -------
    dict
        The fields of the result and of the case, and `reproduce`, a program to paste.
    """
    explained: dict[str, Any] = {
        **result.to_json(),
        "error": encode(result.error),
        "kind": case.kind,
        "source": case.source,
        "version": case.version,
        "kwargs": {name: _described(value) for name, value in case.kwargs.items()},
        "inputs": [{"name": entry.name, **_described(entry.value)} for entry in case.inputs],
        "reproduce": reproduce(case, result.backend, gradient=_has_gradient(result)),
    }
    if case.finding:
        explained["finding"] = case.finding.cause
        explained["corrected_by"] = case.finding.corrected_by
    return explained


def _described(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        if value.size > _SPELLED_OUT:
            return {"shape": list(value.shape), "dtype": value.dtype.name}
        return {"data": encode(value), "dtype": value.dtype.name}
    if isinstance(value, NamedFunction):
        return {"callable": value.name}
    if isinstance(value, SparseRows):
        return {"sparse": {name: encode(part) for name, part in vars(value).items()}}
    return {"data": encode(value)}


def _has_gradient(result: Result) -> bool:
    """Whether the gradient was compared, or could have been had the case come so far."""
    return not result.checks or any("gradient" in check.quantity for check in result.checks)


def reproduce(case: Case, backend: str, *, gradient: bool = True) -> str:
    """A program that evaluates a case on a backend.

    Parameters
    ----------
    case : one of `load_cases`
    backend : a backend name
    gradient : whether it also evaluates the gradient, of a case that has one

    Returns
    -------
    str
        Python, imports included.
    """
    backend = spelled(backend)
    kwargs = ", ".join(f"{name}={_argument(value, backend)}" for name, value in case.kwargs.items())
    arrays = [entry for entry in case.inputs if isinstance(entry.value, np.ndarray)]
    call = ", ".join(e.name if e in arrays else _argument(e.value, backend) for e in case.inputs)
    lines = [
        *_loss(case, kwargs, backend),
        *_loading(case, backend),
        *_arrays(case, backend),
        f"print(ul.to_numpy(loss({call})).sum())" if case.summed else f"print(loss({call}))",
    ]
    if gradient and case.gradient_of is not None:
        lines.append(f"print(ul.value_and_grad(loss, {case.gradient_of})({call})[1])")
    body = "\n".join(lines)
    head = ["import unified_loss as ul", ""]
    if "load_cases(" in body:
        head = ["from unified_loss.conformance import load_cases", *head]
    names = sorted(set(re.findall(r"\b(?:inf|nan)\b", body)))
    if names:
        head = [f"from math import {', '.join(names)}", "", *head]
    if "SimpleNamespace(" in body:
        head = ["from types import SimpleNamespace", *head]
    if backend == "jax" and "float64" in body:
        head = ["import os", 'os.environ["JAX_ENABLE_X64"] = "1"', *head]
    return "\n".join([*head, body])


def _loss(case: Case, kwargs: str, backend: str) -> list[str]:
    """Lines that define `loss`, a function of the inputs in their order."""
    native = f"ul.resolve({case.loss!r})"
    plain = all(entry.keyword is None and entry.prepare is None for entry in case.inputs)
    if case.call != "function":
        native = f"{native}({kwargs})"
        if plain:
            return [f"loss = {native}"]
    lines = [f"native = {native}"]
    if any(entry.prepare for entry in case.inputs):
        lines.append(f"ops = ul.get_backend({backend!r})")
    names = [f"x{i}" for i in range(len(case.inputs))]
    given = [
        (f"{entry.keyword}=" if entry.keyword else "")
        + (f"ops.{entry.prepare}({name}, axis=-1)" if entry.prepare else name)
        for name, entry in zip(names, case.inputs, strict=True)
    ]
    if case.call == "function" and kwargs:
        given.append(kwargs)
    return [*lines, f"loss = lambda {', '.join(names)}: native({', '.join(given)})"]


def _loading(case: Case, backend: str) -> list[str]:
    weights = ", ".join(f"{name!r}: {_argument(value, backend)}" for name, value in case.state.items())
    return [f"loss.load_state({{{weights}}})"] if weights else []


def _arrays(case: Case, backend: str) -> list[str]:
    """Lines that define the inputs which are arrays; a large one is taken from the case."""
    lines: list[str] = []
    for i, entry in enumerate(case.inputs):
        if isinstance(entry.value, np.ndarray):
            if entry.value.size > _SPELLED_OUT:
                if not lines or "load_cases(" not in lines[0]:
                    chosen = f"c for c in load_cases([{case.loss!r}]) if c.id == {case.id!r}"
                    lines.insert(0, f"case = next({chosen})")
                taken = f"case.inputs[{i}].value, {entry.value.dtype.name!r}, {backend!r}"
                lines.append(f"{entry.name} = ul.asarray({taken})")
            else:
                lines.append(f"{entry.name} = {_argument(entry.value, backend)}")
    return lines


def _argument(value: Any, backend: str) -> str:
    if isinstance(value, SparseRows):
        parts = [f"{name}={_argument(part, backend)}" for name, part in vars(value).items()]
        return f"SimpleNamespace({', '.join(parts)})"
    if not isinstance(value, np.ndarray):
        return repr(value)
    return f"ul.asarray({_literal(encode(value))}, {value.dtype.name!r}, {backend!r})"


def _literal(data: Any) -> str:
    if isinstance(data, list):
        return f"[{', '.join(map(_literal, data))}]"
    if isinstance(data, str):
        number = float(data)
        return "nan" if math.isnan(number) else "inf" if number > 0 else "-inf"
    return repr(data)
