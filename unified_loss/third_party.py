"""Loads the backends of others, and says what is wrong with one that cannot be."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .errors import BackendError
from .ops import DTYPES, FLOAT_DTYPES, INTEGER_DTYPES, OPS, REQUIRED_OPS, Ops
from .registry import Entry, check_path, register

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

_OTHER_GAPS = ("value_and_grad", "second derivatives", "dlpack", "module")


def load(entry: Entry) -> Backend:
    """The backend of an entry, registered by its name and its tensors' types.

    Raises `BackendError` with the reason, without the name, where there is one.
    """
    kind = backend_class(entry.path)
    if entry.name not in (kind.name, entry.path):
        raise BackendError(
            f"its entry point is {entry.name!r}, but {entry.path} has the name {kind.name!r}: "
            "they must be the same"
        )
    unannounced = sorted({*kind.types} - {*entry.types})
    if entry.types and unannounced:
        raise BackendError(
            f"{entry.path} recognises its tensors by the module {unannounced[0]!r}, which no entry point "
            f"announces: add {unannounced[0]} = {entry.path!r} to the group unified_loss.types"
        )
    register(
        replace(
            entry,
            name=kind.name,
            module=kind.module,
            distributions=(kind.distribution,),
            types=kind.types,
        )
    )
    try:
        return kind()
    except Exception as error:  # a framework fails in every possible way
        raise BackendError(f"constructing {entry.path} failed: {type(error).__name__}: {error}") from error


def backend_class(path: str) -> type[Backend]:
    """The class that ``package.module:Class`` names, once all that it must declare is there."""
    from unified_loss.backends.base import Backend  # noqa: PLC0415  only where a backend is loaded

    module_name, _, attributes = check_path(path).partition(":")
    found: Any = _module(module_name)
    for attribute in attributes.split("."):
        if not hasattr(found, attribute):
            there = [n for n, x in vars(found).items() if isinstance(x, type) and issubclass(x, Backend)]
            classes = ", ".join(name for name in there if name != "Backend") or "none"
            raise BackendError(
                f"{module_name} has no class {attributes}; the backend classes in it are: {classes}"
            )
        found = getattr(found, attribute)
    if not (isinstance(found, type) and issubclass(found, Backend)) or found is Backend:
        raise BackendError(f"{path} is no subclass of unified_loss.backends.base.Backend, but {found!r}")
    _check_declarations(found, path)
    _check_methods(found, path)
    return found


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise BackendError(f"there is no module {error.name} to import") from error
        raise BackendError(f"importing {name} failed: there is no module {error.name}") from error
    except Exception as error:  # whatever its module does
        raise BackendError(f"importing {name} failed: {type(error).__name__}: {error}") from error


def _check_declarations(kind: type[Backend], path: str) -> None:
    for attribute in ("name", "module", "distribution"):
        value = getattr(kind, attribute, None)
        if not isinstance(value, str) or not value:
            raise BackendError(f"{path}.{attribute} must be a string, not {value!r}")
    if not kind.name.isidentifier():
        raise BackendError(f"{path}.name must be a Python identifier, not {kind.name!r}")
    _check_names(kind.types, f"{path}.types", None)
    _check_names(kind.dtypes, f"{path}.dtypes", FLOAT_DTYPES)
    _check_names((kind.index_dtype,), f"{path}.index_dtype", INTEGER_DTYPES)
    for attribute in ("renames", "unsupported"):
        table = getattr(kind, attribute)
        words = isinstance(table, Mapping) and all(isinstance(x, str) for pair in table.items() for x in pair)
        if not words:
            raise BackendError(f"{path}.{attribute} must map strings to strings, not {table!r}")
    for op in kind.renames:
        if op not in OPS:
            raise BackendError(f"{path}.renames: {op!r} is no operation; see unified_loss.ops.Ops")
        if op in vars(kind) and "renames" in vars(kind) and op not in kind.unsupported:
            raise BackendError(f"{path}: {op} is both a method and in renames; it can only be one")
    for gap in kind.unsupported:
        if gap not in (*OPS, *DTYPES, *(f"{dtype} arithmetic" for dtype in DTYPES), *_OTHER_GAPS):
            raise BackendError(
                f"{path}.unsupported: {gap!r} is no gap that is known: expected an operation, a dtype, "
                f"or one of {', '.join(_OTHER_GAPS)}"
            )


def _check_names(values: object, where: str, known: tuple[str, ...] | None) -> None:
    if not isinstance(values, tuple) or not values or not all(isinstance(x, str) and x for x in values):
        raise BackendError(f"{where} must be a tuple of strings that is not empty, not {values!r}")
    for value in values:
        if known is not None and value not in known:
            raise BackendError(f"{where}: unknown dtype {value!r}; expected some of {', '.join(known)}")


def _check_methods(kind: type[Backend], path: str) -> None:
    given = {*kind.renames, *kind.unsupported}
    missing = [op for op in REQUIRED_OPS if op not in given and getattr(kind, op) is getattr(Ops, op)]
    # What the table of renames gives is no method of the class.
    missing += sorted(name for name in kind.__abstractmethods__ if name not in given)
    if missing:
        raise BackendError(
            f"{path} lacks {', '.join(missing)}: each must be a method, or an entry in renames or unsupported"
        )
