"""What is known of the values in a formula before there are tensors."""

from __future__ import annotations

import ast
import builtins
import copy
import functools
import inspect
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from .expressions import Expressions


class CannotTranslate(Exception):
    """A formula has no form in plain code of a framework; the message says why."""


@dataclass(frozen=True)
class Known:
    """A value that is known before there are tensors."""

    value: Any


@dataclass(frozen=True)
class Code:
    """What is computed of tensors, as syntax.

    Parameters
    ----------
    node : the expression
    pair : whether it gives losses with their weights
    maybe_none : whether it may be None
    dtype_of : the tensor whose dtype it is
    integer : of a condition: the variable of whose dtype it is true if that is one of integers, or, with
        False, of floats
    """

    node: ast.expr
    pair: bool = False
    maybe_none: bool = False
    dtype_of: ast.expr | None = None
    integer: tuple[str, bool] | None = None


@dataclass(frozen=True)
class Several:
    """A tuple whose parts are told apart."""

    parts: tuple[Value, ...]


Value: TypeAlias = Known | Code | Several


class Ops:
    """What a formula is given as its operations."""


OPS = Known(Ops())


@dataclass(frozen=True)
class Operation:
    """One of the operations."""

    name: str


@dataclass(frozen=True, eq=False)
class Closure:
    """A function defined within a formula."""

    node: ast.FunctionDef | ast.Lambda
    scope: Expressions


@functools.cache
def function_node(function: Any) -> ast.FunctionDef | ast.Lambda:
    """The syntax of a function that stands in a module."""
    for node in ast.walk(_tree(inspect.getmodule(function))):
        if isinstance(node, ast.FunctionDef) and node.name == function.__name__:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if function.__code__.co_firstlineno in (first, node.lineno):
                return node
        if isinstance(node, ast.Lambda) and node.lineno == function.__code__.co_firstlineno:
            return node
    raise CannotTranslate(f"{function.__name__} has no source to be read")


@functools.cache
def _tree(module: Any) -> ast.Module:
    return ast.parse(inspect.getsource(module))


def lifted(value: Value) -> ast.expr:
    """The syntax of a value."""
    if isinstance(value, Code):
        return copy.deepcopy(value.node)
    if isinstance(value, Several):
        return ast.Tuple([lifted(part) for part in value.parts], ast.Load())
    known: Any = value.value
    if isinstance(known, float) and not math.isfinite(known):
        return ast.Call(variable("float"), [ast.Constant(str(known))], [])
    if _negative(known):
        return ast.UnaryOp(ast.USub(), ast.Constant(-known))
    if known is None or isinstance(known, bool | str | int | float):
        return ast.Constant(known)
    name = getattr(known, "__name__", type(known).__name__)
    if getattr(builtins, name, None) is known:
        return variable(name)
    if isinstance(known, tuple):
        return ast.Tuple([lifted(Known(part)) for part in known], ast.Load())
    if isinstance(known, list):
        return ast.List([lifted(Known(part)) for part in known], ast.Load())
    if isinstance(known, range):
        ends = [known.stop] if not known.start else [known.start, known.stop]
        given = ends if known.step == 1 else [known.start, known.stop, known.step]
        return ast.Call(variable("range"), [lifted(Known(n)) for n in given], [])
    raise CannotTranslate(f"{name} is no plain value")


def _negative(known: Any) -> bool:
    return isinstance(known, int | float) and not isinstance(known, bool) and known < 0


def variable(name: str) -> ast.Name:
    """The syntax of a variable that is read."""
    return ast.Name(name, ast.Load())


def maybe_none(value: Value) -> bool:
    """Whether it is not known if a value is None."""
    return isinstance(value, Code) and value.maybe_none


def identity(value: Value) -> Any:
    """What is equal of arguments for which a function comes to the same."""
    if isinstance(value, Known):
        plain = isinstance(value.value, int | float | str | tuple | list | None)
        return (type(value.value), repr(value.value)) if plain else value.value
    return (value.pair, value.maybe_none) if isinstance(value, Code) else "several"


def changes_nothing(op: ast.operator, operand: Value, is_left: bool) -> bool:
    """Whether an operand, a parameter most likely, leaves the other one as it is."""
    if not isinstance(operand, Known) or not isinstance(operand.value, float):
        return False
    if isinstance(op, ast.Mult) or (isinstance(op, ast.Div) and not is_left):
        return operand.value == 1
    return operand.value == 0 and (isinstance(op, ast.Add) or (isinstance(op, ast.Sub) and not is_left))


def liftable(value: Value) -> bool:
    """Whether a value has a syntax."""
    try:
        lifted(value)
    except CannotTranslate:
        return False
    return True


def parts_of(value: Value) -> list[Value] | None:
    """The parts of a tuple, if they are told apart."""
    if isinstance(value, Several):
        return list(value.parts)
    if isinstance(value, Known) and isinstance(value.value, tuple | list | range):
        return [Known(part) for part in value.value]
    if not isinstance(value, Code) or not isinstance(value.node, ast.Tuple | ast.List):
        return None
    if any(isinstance(part, ast.Starred) for part in value.node.elts):
        return None
    return [_of_constant(part) for part in value.node.elts]


def _of_constant(node: ast.expr) -> Value:
    return Known(node.value) if isinstance(node, ast.Constant) else Code(node)
