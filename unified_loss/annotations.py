"""Whether plain values are of the types that parameters and fields are annotated with."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin


def is_a(value: object, hint: Any) -> bool:
    """Whether a value is of an annotated type: a number, string, choice, tuple or option of these."""
    if hint is Any:
        return True
    if get_origin(hint) is Literal:
        return any(value == choice and type(value) is type(choice) for choice in get_args(hint))
    if get_origin(hint) is Callable:
        return callable(value)
    if get_origin(hint) in (UnionType, Union):
        return any(is_a(value, option) for option in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(is_a(v, get_args(hint)[0]) for v in value)
    if isinstance(value, bool):
        return hint is bool
    # NumPy's scalars count as the numbers that they are.
    return isinstance(value, {float: Real, int: Integral}.get(hint, hint))


def as_plain(value: Any) -> Any:
    """A NumPy scalar as the Python number that it is, a list as a tuple; anything else as it is."""
    if isinstance(value, list):
        return tuple(map(as_plain, value))
    return value.item() if isinstance(value, Real) and hasattr(value, "item") else value


def in_words(hint: Any) -> str:
    """A type as an error message names it."""
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(repr, get_args(hint)))
    if get_origin(hint) in (UnionType, Union):
        return " or ".join(map(in_words, get_args(hint)))
    if get_origin(hint) is tuple:
        return f"a list of {in_words(get_args(hint)[0])}"
    if get_origin(hint) is Callable:
        return "a function"
    return "None" if hint is NoneType else str(hint.__name__)
