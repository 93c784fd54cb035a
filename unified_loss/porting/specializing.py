"""Partial evaluation of formulas: what is known beforehand is computed, the rest is left as syntax."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .expressions import Expressions
from .tidying import assigned, without_dead_code
from .values import (
    CannotTranslate,
    Closure,
    Code,
    Known,
    Several,
    Value,
    identity,
    liftable,
    lifted,
    maybe_none,
    parts_of,
    variable,
)


@dataclass(eq=False)
class Definition:
    """A function of the translation, specialized to what it is always given."""

    name: str
    parameters: list[str]
    body: list[ast.stmt] = field(default_factory=list)
    captured: list[str] = field(default_factory=list)
    result: Value | None = None
    """What it returns, if that is all that it does."""
    pair: bool = False


class Translation:
    """All definitions that a formula comes to.

    Parameters
    ----------
    say : an operation with its arguments, by name, in the framework; None where it has no phrase, and
        otherwise syntax, or the source of a function of `ops` and the arguments
    """

    def __init__(self, say: Callable[[str, Mapping[str, Value]], ast.expr | str | None]) -> None:
        self.say = say
        self.definitions: dict[Any, Definition] = {}
        self.names: set[str] = set()
        self.modules: set[str] = set()

    def named(self, wanted: str) -> str:
        """A name for a definition that no other has."""
        found, number = wanted, 2
        while found in self.names:
            found, number = f"{wanted}_{number}", number + 1
        self.names.add(found)
        return found

    def define(
        self,
        node: ast.FunctionDef | ast.Lambda,
        space: Mapping[str, Any],
        bound: Mapping[str, Value],
        *,
        facts: Mapping[str, bool] | None = None,
        parent: Expressions | None = None,
        name: str | None = None,
        outermost: bool = False,
    ) -> Definition:
        """The function specialized to those of its arguments that are known."""
        key = (node, parent, tuple((n, identity(v)) for n, v in bound.items()), tuple((facts or {}).items()))
        if key in self.definitions:
            return self.definitions[key]
        scope = Scope(self, space, parent)
        scope.facts.update(facts or {})
        for argument, value in bound.items():
            scope.env[argument] = (
                value
                if isinstance(value, Known)
                else Code(variable(argument), isinstance(value, Code) and value.pair, maybe_none(value))
            )
        parameters = [n for n, v in bound.items() if not isinstance(v, Known)]
        if isinstance(node, ast.Lambda):
            scope.run([ast.Return(node.body)])
        else:
            scope.run(node.body)
        wanted = name or f"_{getattr(node, 'name', 'function').strip('_')}"
        found = Definition("", parameters, scope.out, list(scope.captured))
        kinds = {value.pair for value in scope.returns if isinstance(value, Code)}
        found.pair = True in kinds
        if len(kinds) > 1:
            found.body = [_Weighing(self, scope.weighted).visit(statement) for statement in found.body]
        found.body = without_dead_code(found.body)
        if len(scope.returns) == 1 and not outermost:
            (value,) = scope.returns
            if isinstance(value, Known):
                found.result = value
            elif len(found.body) == 1 and isinstance(found.body[0], ast.Return) and found.body[0].value:
                found.result = replace(value, node=found.body[0].value) if isinstance(value, Code) else None
        if found.result is None:
            found.name = self.named(wanted)
        self.definitions[key] = found
        return found


class _Weighing(ast.NodeTransformer):
    """Where some losses have weights, the others get those of 1."""

    def __init__(self, whole: Translation, weighted: Sequence[ast.Return]) -> None:
        self.whole, self.weighted = whole, weighted

    def visit_Return(self, node: ast.Return) -> ast.Return:
        """The same, with weights."""
        if any(node is each for each in self.weighted):
            return node
        if isinstance(node.value, ast.Name):
            ones = self.whole.say("ones_like", {"x": Code(node.value)})
            if isinstance(ones, ast.expr):
                return ast.Return(ast.Tuple([node.value, ones], ast.Load()))
        raise CannotTranslate("a formula gives weights sometimes")


class Scope(Expressions):
    """One function while it is specialized."""

    def __init__(self, whole: Translation, space: Mapping[str, Any], parent: Expressions | None) -> None:
        self.whole, self.space, self.parent = whole, space, parent
        self.env: dict[str, Value] = {}
        self.facts: dict[str, bool] = {}
        self.volatile: set[str] = set()
        self.captured: dict[str, None] = {}
        self.out: list[ast.stmt] = []
        self.returns: list[Value] = []
        self.weighted: list[ast.Return] = []

    def run(self, statements: Sequence[ast.stmt]) -> bool:
        """Specialize statements; whether they return."""
        for position, statement in enumerate(statements):
            rest = list(statements[position + 1 :])
            if isinstance(statement, ast.If):
                ended = self._branch(statement, rest)
                if ended is not None:
                    return ended
            elif isinstance(statement, ast.Return):
                value = self.visit(statement.value) if statement.value else Known(None)
                if isinstance(value, Several):
                    value = Code(lifted(value))
                self.returns.append(value)
                returned = ast.Return(lifted(value) if liftable(value) else None)
                if isinstance(value, Code) and value.pair:
                    self.weighted.append(returned)
                self.out.append(returned)
                return True
            elif isinstance(statement, ast.Raise):
                raise CannotTranslate("the formula refuses these parameters")
            else:
                self._simple(statement)
        return False

    def _simple(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=[target], value=value):
                self._assign(target, self.visit(value))
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, self.visit(value))
            case ast.AugAssign(target=ast.Name(id=name) as target, op=op, value=value):
                self._keep(name)
                self.out.append(ast.AugAssign(target, op, lifted(self.visit(value))))
            case ast.For():
                self._loop(statement)
            case ast.FunctionDef(name=name):
                self.env[name] = Known(Closure(statement, self))
            case ast.Expr(value=ast.Constant()):
                pass
            case ast.Expr(value=value):
                self.out.append(ast.Expr(lifted(self.visit(value))))
            case _:
                raise CannotTranslate(f"a statement of the formula: {ast.unparse(statement)}")

    def _branch(self, statement: ast.If, rest: list[ast.stmt]) -> bool | None:
        test = self.visit(statement.test)
        if isinstance(test, Known):
            return self.run([*(statement.body if test.value else statement.orelse), *rest])
        if all(isinstance(s, ast.Raise | ast.Assign) for s in statement.body) and isinstance(
            statement.body[-1], ast.Raise
        ):
            # Inputs that are refused; the code is for those that are not.
            return None
        condition = lifted(test)
        if isinstance(test, Code) and test.integer is not None:
            name, positive = test.integer
            first, first_ends = self._fork([*statement.body, *rest], {name: positive})
            second, _ = self._fork([*statement.orelse, *rest], {name: not positive})
            self.out.append(ast.If(condition, first, [] if first_ends else second))
            self.out += second if first_ends else []
            return True
        for name in assigned([*statement.body, *statement.orelse]):
            self._keep(name)
        first, first_ends = self._fork(statement.body, {})
        second, second_ends = self._fork(statement.orelse, {})
        self.out.append(ast.If(condition, first or [ast.Pass()], second))
        return True if first_ends and second_ends else None

    def _fork(self, statements: Sequence[ast.stmt], facts: Mapping[str, bool]) -> tuple[list[ast.stmt], bool]:
        """Specialize a branch by itself."""
        before, kept_facts, out = dict(self.env), dict(self.facts), self.out
        self.out = []
        self.facts.update(facts)
        ended = self.run(statements)
        branch, self.out = self.out, out
        for name in self.volatile:
            if name in self.env and not ended:
                before[name] = Code(variable(name), maybe_none=True)
        self.env, self.facts = before, kept_facts
        return branch, ended

    def _keep(self, name: str) -> None:
        """From here on a variable is one of the translation, whatever is assigned to it."""
        self.volatile.add(name)
        value = self.env.get(name)
        if isinstance(value, Known):
            self.out.append(ast.Assign([ast.Name(name, ast.Store())], lifted(value), lineno=0))
            self.env[name] = Code(variable(name), maybe_none=True)

    def _loop(self, statement: ast.For) -> None:
        values = lifted(self.visit(statement.iter))
        targets = {n.id for n in ast.walk(statement.target) if isinstance(n, ast.Name)}
        for name in assigned(statement.body):
            if name not in targets:
                self._keep(name)
        self.volatile |= targets
        self.env.update({name: Code(variable(name)) for name in targets})
        body, _ = self._fork(statement.body, {})
        self.out.append(ast.For(statement.target, values, body, [], lineno=0))

    def _assign(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            self._assign_name(target.id, value)
            return
        if isinstance(target, ast.Subscript):
            place = self.visit(ast.Subscript(target.value, target.slice, ast.Load()))
            self.out.append(ast.Assign([lifted(place)], lifted(value), lineno=0))
            return
        if not isinstance(target, ast.Tuple):
            raise CannotTranslate(f"an assignment to {ast.unparse(target)}")
        parts = parts_of(value)
        starred = any(isinstance(part, ast.Starred) for part in target.elts)
        if parts is not None and len(parts) == len(target.elts) and not starred:
            names = [part.id if isinstance(part, ast.Name) else "" for part in target.elts]
            later = [
                {n.id for n in ast.walk(lifted(p)) if isinstance(n, ast.Name)} if liftable(p) else set()
                for p in parts
            ]
            if all(name and not any(name in used for used in later[i + 1 :]) for i, name in enumerate(names)):
                for name, part in zip(names, parts, strict=True):
                    self._assign_name(name, part)
                return
        self.out.append(ast.Assign([target], lifted(value), lineno=0))
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                self.env[node.id] = Code(variable(node.id))
                self.facts.pop(node.id, None)

    def _assign_name(self, name: str, value: Value) -> None:
        self.facts.pop(name, None)
        if isinstance(value, Known) and name not in self.volatile:
            self.env[name] = value
            return
        node = lifted(value)
        if not (isinstance(node, ast.Name) and node.id == name):
            self.out.append(ast.Assign([ast.Name(name, ast.Store())], node, lineno=0))
        code = value if isinstance(value, Code) else Code(node)
        none = code.maybe_none or name in self.volatile
        self.env[name] = Code(variable(name), code.pair, none, code.dtype_of)
