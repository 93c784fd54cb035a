"""How arrays travel between processes: as JSON, never as pickles, which could run code."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from .cases import Outcome


def array_to_json(array: Any) -> dict[str, Any]:
    """An array's dtype, shape and bytes."""
    x = np.asarray(array)
    # Little-endian, so that it means the same on every machine.
    data = x.astype(x.dtype.newbyteorder("<"), copy=False).tobytes()
    return {"dtype": x.dtype.name, "shape": list(x.shape), "data": base64.b64encode(data).decode("ascii")}


def array_from_json(table: Mapping[str, Any]) -> Any:
    """The inverse of `array_to_json`."""
    dtype = np.dtype(table["dtype"]).newbyteorder("<")
    array = np.frombuffer(base64.b64decode(table["data"]), dtype).reshape(table["shape"])
    return array.astype(array.dtype.newbyteorder("="))


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome, ready for JSON."""
    return {
        "values": [array_to_json(value) for value in outcome.values],
        "dtypes": list(outcome.dtypes),
        "gradient": None if outcome.gradient is None else array_to_json(outcome.gradient),
    }


def outcome_from_json(table: Mapping[str, Any]) -> Outcome:
    """The inverse of `outcome_to_json`."""
    gradient = table["gradient"]
    return Outcome(
        tuple(array_from_json(value) for value in table["values"]),
        tuple(table["dtypes"]),
        None if gradient is None else array_from_json(gradient),
    )


def tree_to_json(value: Any) -> Any:
    """A plain value, or lists, tuples and tables of such and of arrays, ready for JSON."""
    if isinstance(value, np.ndarray):
        return {"array": array_to_json(value)}
    if isinstance(value, tuple):
        return {"tuple": [tree_to_json(x) for x in value]}
    if isinstance(value, list):
        return [tree_to_json(x) for x in value]
    if isinstance(value, Mapping):
        return {"table": {name: tree_to_json(x) for name, x in value.items()}}
    return value


def tree_from_json(value: Any) -> Any:
    """The inverse of `tree_to_json`."""
    if isinstance(value, list):
        return [tree_from_json(x) for x in value]
    if not isinstance(value, dict):
        return value
    ((kind, held),) = value.items()
    if kind == "array":
        return array_from_json(held)
    if kind == "tuple":
        return tuple(tree_from_json(x) for x in held)
    return {name: tree_from_json(x) for name, x in held.items()}
