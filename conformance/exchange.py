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
