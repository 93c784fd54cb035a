"""What the dialects know of the names in a program: which are losses, and where losses are."""

from __future__ import annotations

import functools
import importlib
import re
from types import ModuleType

from unified_loss.errors import ConfigError
from unified_loss.naming import native_names, resolve

DIALECTS = "unified_loss.dialects"

_OWN_HEADS = {
    "mxnet": ("mxnet.",),
    "torch": ("torch.",),
    "tensorflow": ("tensorflow.",),
    "keras": ("keras.", "tensorflow.keras."),
    "paddle": ("paddle.",),
    "mindspore": ("mindspore.",),
    "optax": ("optax.",),
}

TARGETS = tuple(_OWN_HEADS)
"""The frameworks that losses are ported to, by the first of their names."""

OTHER_NAMES = {"tf": "tensorflow", "jax": "optax", "gluon": "mxnet", "pytorch": "torch"}
"""What else they are called."""

HEADS = {**_OWN_HEADS, **{other: _OWN_HEADS[name] for other, name in OTHER_NAMES.items()}}
"""How the dotted names of a framework's losses begin, by what the framework is called."""

_LOOKS_LIKE_A_LOSS = re.compile(r"loss|entropy", re.IGNORECASE)


def framework(option: str, name: str) -> str:
    """The name of a framework, if it is one.

    Raises
    ------
    ConfigError
        Naming the option, and the frameworks that there are.
    """
    if name not in HEADS:
        raise ConfigError(f"{option}: unknown framework {name!r}; there are: {', '.join(HEADS)}")
    return name


def sources(to: str, chosen: str | None) -> tuple[str, ...]:
    """How the names of the losses to port begin: of the framework chosen, or of all but the target.

    Raises
    ------
    ConfigError
        If one of them is unknown, or they are the same.
    """
    target = HEADS[framework("--to", to)]
    if chosen is None:
        every = dict.fromkeys(head for heads in HEADS.values() for head in heads)
        return tuple(head for head in every if not head.startswith(target))
    heads = HEADS[framework("--from", chosen)]
    if set(heads) & set(target):
        raise ConfigError(f"--from {chosen} --to {to}: the same framework")
    return heads


@functools.cache
def losses() -> frozenset[str]:
    """The dotted names of all losses."""
    return frozenset(native_names())


@functools.cache
def modules() -> frozenset[str]:
    """The native modules that have losses."""
    return frozenset(name.rpartition(".")[0] for name in losses())


def only_losses(module: str) -> bool:
    """Whether a native module holds nothing but losses."""
    return module in modules() and module.rpartition(".")[2] in ("loss", "losses")


def has(name: str) -> bool:
    """Whether a dialect has this, a loss or what a module of losses has beside them."""
    module, _, attribute = name.rpartition(".")
    return name in losses() or (only_losses(module) and attribute in exported(module))


def place(name: str) -> tuple[str, str]:
    """The module to import a loss from, and its name there: of two below each other, the one below."""
    module, _, last = name.rpartition(".")
    native = resolve(name).native_name if name in losses() else name
    below, _, same = native.rpartition(".")
    return (below if same == last and below.startswith(f"{module}.") else module), last


@functools.cache
def exported(module: str) -> frozenset[str]:
    """What the dialect's module has under the public names of the native one."""
    try:
        found: ModuleType = importlib.import_module(f"{DIALECTS}.{module}")
    except ModuleNotFoundError:
        return frozenset()
    return frozenset(getattr(found, "__all__", ()))


def reaches(module: str, path: str) -> bool:
    """Whether a dotted path leads from a dialect's module to a loss by nothing but its own attributes."""
    for part in path.split("."):
        if part not in exported(module):
            return False
        module = f"{module}.{part}"
    return True


@functools.cache
def is_missing_loss(name: str) -> bool:
    """Whether this is a loss, by its name and place, that no dialect has under this name."""
    module, _, last = name.rpartition(".")
    if has(name) or name in modules() or last.startswith("_"):
        return False
    if only_losses(module):
        return True
    head = name.partition(".")[0]
    alike = any(known.startswith(f"{head}.") and known.endswith(f".{last}") for known in losses())
    return alike and bool(_LOOKS_LIKE_A_LOSS.search(last))
