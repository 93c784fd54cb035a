"""Losses by name and configuration, as `compile` and saved models of Keras write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from unified_loss.dialects.functions import DialectFunction

from . import _margin, _probabilistic, _regression, _structure
from ._base import Loss, LossFunctionWrapper

_FUNCTION = {"module": "builtins", "class_name": "function", "registered_name": "function"}


def _is_row(value: object) -> bool:
    if isinstance(value, type):
        return issubclass(value, LossFunctionWrapper) and value is not LossFunctionWrapper
    return isinstance(value, DialectFunction)


_ROWS: dict[str, Any] = {
    name: value
    for module in (_margin, _probabilistic, _regression, _structure)
    for name, value in vars(module).items()
    if _is_row(value)
}
_ABBREVIATIONS = {
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
}
_ROWS |= {short: _ROWS[name] for short, name in _ABBREVIATIONS.items()}
_ROWS |= {short.upper(): _ROWS[name] for short, name in _ABBREVIATIONS.items()}


def get(identifier: Any) -> Any:
    """The loss of a name such as ``"mse"`` or ``"Huber"`` or of a configuration; a loss is itself."""
    found = deserialize(identifier) if isinstance(identifier, str | Mapping) else identifier
    if found is not None and not callable(found):
        raise ValueError(f"keras.losses.get: {identifier!r} is no loss, nor the name or configuration of one")
    return found() if isinstance(found, type) else found


def serialize(loss: Any) -> dict[str, Any]:
    """The configuration of a loss of this dialect, which `deserialize` and Keras read.

    Complete, where Keras's own leaves out some parameters, such as Huber's `delta`.
    """
    if isinstance(loss, DialectFunction):
        return {**_FUNCTION, "config": loss.__name__}
    if not isinstance(loss, Loss):
        raise ValueError(f"keras.losses.serialize: {loss!r} is no loss of this dialect")
    config = {f.name: getattr(loss, f.name) for f in fields(loss)}
    if config["dtype"] is None:
        del config["dtype"]
    name = type(loss).__name__
    return {"module": "keras.losses", "class_name": name, "config": config, "registered_name": None}


def deserialize(name: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The loss of a name or configuration; `custom_objects` are losses by name that come first."""
    rows = {**_ROWS, **(custom_objects or {})}
    config: Any = {}
    key: Any = name
    if isinstance(name, Mapping):
        key, config = name.get("class_name"), name.get("config", {})
        if key == _FUNCTION["class_name"]:
            key, config = config, {}
    if key not in rows:
        raise ValueError(f"keras.losses.deserialize: {name!r} is not the name or configuration of a loss")
    row = rows[key]
    return row(**config) if isinstance(row, type) else row
