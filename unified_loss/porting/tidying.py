"""Syntax trees made shorter: dead code, variables that are read once, and what asks about them."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Mapping, Sequence


def assigned(statements: Iterable[ast.stmt]) -> list[str]:
    """The variables that statements assign to, in order."""
    nodes = (node for statement in statements for node in ast.walk(statement))
    comprehended = set()
    names = []
    for node in nodes:
        if isinstance(node, ast.comprehension):
            comprehended |= {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.append(node.id)
    return [name for name in dict.fromkeys(names) if name not in comprehended]


def counts_of(node: ast.AST) -> dict[str, int]:
    """How often each variable stands in an expression."""
    found: dict[str, int] = {}
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            found[each.id] = found.get(each.id, 0) + 1
    return found


def is_short(node: ast.expr) -> bool:
    """Whether an expression may stand in several places."""
    if isinstance(node, ast.UnaryOp):
        return is_short(node.operand)
    return isinstance(node, ast.Name | ast.Constant) or (
        isinstance(node, ast.Tuple) and all(map(is_short, node.elts))
    )


class _Substitution(ast.NodeTransformer):
    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return copy.deepcopy(self.values[node.id]) if node.id in self.values else node


def substituted(node: ast.expr, values: Mapping[str, ast.expr]) -> ast.expr:
    """An expression with others for its variables."""
    found: ast.expr = _Substitution(values).visit(copy.deepcopy(node))
    return found


def without_dead_code(statements: list[ast.stmt]) -> list[ast.stmt]:
    """The statements without assignments that nothing reads."""
    while True:
        read = {
            node.id
            for statement in statements
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }
        read |= {
            n.target.id
            for s in statements
            for n in ast.walk(s)
            if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)
        }
        kept = _pruned(statements, read)
        if ast.dump(ast.Module(kept, [])) == ast.dump(ast.Module(statements, [])):
            return _returning_at_once(kept)
        statements = kept


def _returning_at_once(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Without the variable that is returned as soon as it is assigned."""
    match statements:
        case [
            *before,
            ast.Assign(targets=[ast.Name(id=name)], value=value),
            ast.Return(value=ast.Name(id=read)) as last,
        ]:
            if name == read:
                last.value = value
                return _returning_at_once([*before, last])
    return statements


def _pruned(statements: Sequence[ast.stmt], read: set[str]) -> list[ast.stmt]:
    kept: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.Assign):
            names = {n.id for t in statement.targets for n in ast.walk(t) if isinstance(n, ast.Name)}
            if not names & read:
                continue
        shorter: ast.stmt = statement
        if isinstance(statement, ast.If):
            first, second = _pruned(statement.body, read), _pruned(statement.orelse, read)
            if not first and not second:
                continue
            test = statement.test
            if not first:
                first, second, test = second, [], ast.UnaryOp(ast.Not(), test)
            shorter = ast.If(test, first, second)
        elif isinstance(statement, ast.For):
            body = _pruned(statement.body, read)
            if not body:
                continue
            shorter = ast.For(statement.target, statement.iter, body, [], lineno=0)
        if not isinstance(shorter, ast.Pass):
            kept.append(shorter)
    return kept
