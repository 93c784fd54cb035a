"""The values that are written down in a call; it is not run."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from unified_loss.errors import ConfigError

_MAKERS = {"array", "asarray", "as_tensor", "constant", "convert_to_tensor", "tensor", "to_tensor", "Tensor"}
"""What makes a tensor of a list in one of the frameworks, by the last part of its name."""

_OPERATORS: dict[type, Callable[..., Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


class OnlyKnownWhenRun(ConfigError):
    """An argument that is no literal, and so unknown to those who only read the call."""


def dotted(tree: ast.expr) -> str | None:
    """A dotted name as it is written; None of what is none."""
    if isinstance(tree, ast.Name):
        return tree.id
    if isinstance(tree, ast.Attribute):
        head = dotted(tree.value)
        return None if head is None else f"{head}.{tree.attr}"
    return None


def is_literal(tree: ast.expr) -> bool:
    """Whether a tensor is written down as numbers."""
    return not any(isinstance(node, ast.Name) for node in ast.walk(_unwrapped(tree)))


def _unwrapped(tree: ast.expr) -> ast.expr:
    """The list in the constructor of a tensor."""
    name = dotted(tree.func) if isinstance(tree, ast.Call) else None
    if isinstance(tree, ast.Call) and name and name.rpartition(".")[2] in _MAKERS and tree.args:
        return tree.args[0]
    return tree


def array(tree: ast.expr, where: str) -> Any:
    """The float32 array of numbers that are written down; `where` is for errors."""
    value = _literal(_unwrapped(tree), where)
    try:
        return np.asarray(value, dtype="float32")
    except (TypeError, ValueError):
        raise ConfigError(f"{where} is {ast.unparse(tree)!r}, expected an array of numbers") from None


def value_of(tree: ast.expr, where: str) -> Any:
    """The value of a parameter that is written down; `where` is for errors."""
    inner = _unwrapped(tree)
    return _literal(tree, where) if inner is tree else array(tree, where)


def _literal(tree: ast.expr, where: str) -> Any:
    """The value of a literal, or of arithmetic of numbers."""
    if isinstance(tree, ast.Constant):
        return tree.value
    if isinstance(tree, ast.Tuple | ast.List):
        entries = [_literal(entry, where) for entry in tree.elts]
        return tuple(entries) if isinstance(tree, ast.Tuple) else entries
    if isinstance(tree, ast.UnaryOp | ast.BinOp) and type(tree.op) in _OPERATORS:
        operands = [tree.operand] if isinstance(tree, ast.UnaryOp) else [tree.left, tree.right]
        values = [_literal(operand, where) for operand in operands]
        # Powers of powers would take for ever.
        small = 100 if isinstance(tree.op, ast.Pow) else 1e9
        if all(isinstance(v, int | float) and abs(v) < small for v in values):
            try:
                return _OPERATORS[type(tree.op)](*values)
            except ArithmeticError as error:
                raise ConfigError(f"{where}: {ast.unparse(tree)!r} has no value: {error}") from None
    if isinstance(tree, ast.Call) and dotted(tree.func) == "float" and len(tree.args) == 1:
        text = _literal(tree.args[0], where)
        try:
            return float(text)
        except (TypeError, ValueError):
            pass
    raise OnlyKnownWhenRun(
        f"{where} is {ast.unparse(tree)!r}, which is only known when the program runs; expected a literal"
    )
