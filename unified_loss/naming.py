"""From native names and configurations to losses, and back."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeGuard

from . import losses
from .dialects import row
from .dialects.functions import BoundFunction, DialectFunction
from .dialects.row import DialectLoss
from .errors import ConfigError
from .loss import Loss, canonical_loss
from .plan import Plan
from .registry import entry_of
from .spec import Spec

_PACKAGE = "unified_loss.dialects"
_ABBREVIATIONS = {"tf": "tensorflow"}

Row = type[DialectLoss] | DialectFunction[Any]


def resolve(name: str) -> Any:
    """The dialect's class or function of a native dotted name.

    Parameters
    ----------
    name : e.g. ``"mxnet.gluon.loss.SoftmaxCrossEntropyLoss"``; ``tf`` stands for ``tensorflow``

    Returns
    -------
    type or function
        The class, whose instances are called as the framework's own, or the function.

    Raises
    ------
    ConfigError
        If no dialect has that name; the closest names that there are, are given.

    Examples
    --------
    >>> import unified_loss as ul
    >>> ul.resolve("mxnet.gluon.loss.HuberLoss")(rho=0.5).plan
    Plan<smooth_l1(prediction, target, beta=0.5); target: any shape; reduction: mean, over all axes but 0>
    """
    head, _, rest = str(name).partition(".")
    module_name, _, attribute = f"{_ABBREVIATIONS.get(head, head)}.{rest}".rpartition(".")
    if all(part.isidentifier() for part in module_name.split(".")) and attribute:
        found = getattr(_import(module_name), attribute, None)
        if is_row(found):
            return found
    close = difflib.get_close_matches(str(name), native_names(), n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    raise ConfigError(f"no dialect has a loss named {name!r}{hint}")


def is_row(value: object) -> TypeGuard[Row]:
    """Whether it is a loss of a dialect, and not one of their common bases."""
    if isinstance(value, type) and issubclass(value, DialectLoss):
        return value.function is not None or value.lower is not DialectLoss.lower
    return isinstance(value, DialectFunction)


def _import(module_name: str) -> object:
    try:
        return importlib.import_module(f"{_PACKAGE}.{module_name}")
    except ModuleNotFoundError:
        return None


def native_names() -> list[str]:
    """The dotted name of every loss of every dialect, aliases included."""
    package = importlib.import_module(_PACKAGE)
    names = []
    for info in pkgutil.walk_packages(package.__path__, f"{_PACKAGE}."):
        module = importlib.import_module(info.name)
        for attribute in getattr(module, "__all__", ()):
            if is_row(getattr(module, attribute)):
                names.append(f"{info.name.removeprefix(f'{_PACKAGE}.')}.{attribute}")
    return sorted(names)


def from_config(config: Mapping[str, Any]) -> Any:
    """The loss that a configuration describes.

    Parameters
    ----------
    config : a table with either ``loss``, a native dotted name or the name of a canonical loss,
        and its parameters beside it; or ``plan``, as `Plan.to_json` gives it. In both cases
        optionally ``backend``. An array is written ``{"data": [...], "dtype": "float32"}``.

    Returns
    -------
    Loss
        Called as the native loss is; a canonical loss with its inputs in order and ``weight=``.

    Raises
    ------
    ConfigError
        If a key, name, parameter or value is unknown or missing.

    Examples
    --------
    >>> import unified_loss as ul
    >>> loss = ul.from_config({"loss": "paddle.nn.BCEWithLogitsLoss", "reduction": "sum"})
    >>> loss.to_config()
    {'loss': 'paddle.nn.BCEWithLogitsLoss', 'reduction': 'sum'}
    """
    if not isinstance(config, Mapping):
        raise ConfigError(f"configuration: expected a table, not {config!r}")
    table = dict(config)
    backend = table.pop("backend", None)
    if backend is not None:
        entry_of(backend)
    if "plan" in table:
        plan = Plan.from_json(table.pop("plan"))
        if table:
            raise ConfigError(f"configuration: unknown key {next(iter(table))!r} beside 'plan'")
        return Loss(plan, backend=backend)
    name = table.pop("loss", None)
    if not isinstance(name, str):
        raise ConfigError(f"configuration: 'loss' must name a loss, not {name!r}")
    if name in losses.__all__:
        loss = _canonical(name, table)
        loss.run_on(backend)
        return loss
    return _dialect(name, table, backend)


def _canonical(name: str, parameters: dict[str, Any]) -> Loss:
    reduction = parameters.pop("reduction", "mean")
    try:
        return canonical_loss(Spec.registry[name], parameters, reduction)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"configuration: {error}") from error


def _parameters(found: Row) -> list[str]:
    if isinstance(found, DialectFunction):
        return list(found.parameters)
    return [f.name for f in fields(found)]  # type: ignore[arg-type]


def _dialect(name: str, parameters: dict[str, Any], backend: str | None) -> Loss | BoundFunction:
    found: Row = resolve(name)
    known = _parameters(found)
    for key in parameters:
        if key not in known:
            raise ConfigError(f"{name}: unknown parameter {key!r}; its parameters are: {', '.join(known)}")
    values = {key: row.constant_from_config(value, f"{name}: {key}") for key, value in parameters.items()}
    try:
        if isinstance(found, DialectFunction):
            return found.bind(backend, **values)
        loss = found(**values)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"configuration: {error}") from error
    loss.run_on(backend)
    return loss
