"""Partial evaluation of formulas: what is known beforehand is computed, the rest is left as syntax."""

from __future__ import annotations

import ast
import builtins
import copy
import functools
import inspect
import itertools
import math
import operator
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, TypeAlias

from unified_loss.ops import INTEGER_DTYPES, RESOLUTION
from unified_loss.spec import Weighted


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
    scope: Scope


_BINARY: Mapping[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
_UNARY: Mapping[type[ast.AST], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}
_PURE = (range, tuple, len, float, int, bool, min, max, abs, isinstance, callable, *vars(math).values())


@functools.cache
def function_node(function: Any) -> ast.FunctionDef | ast.Lambda:
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
    known = value.value
    if known is None or isinstance(known, bool | str | int):
        return ast.UnaryOp(ast.USub(), ast.Constant(-known)) if _negative(known) else ast.Constant(known)
    if isinstance(known, float):
        if not math.isfinite(known):
            return ast.Call(ast.Name("float", ast.Load()), [ast.Constant(str(known))], [])
        return ast.UnaryOp(ast.USub(), ast.Constant(-known)) if _negative(known) else ast.Constant(known)
    if getattr(builtins, getattr(known, "__name__", ""), None) is known:
        return _name(known.__name__)
    if isinstance(known, tuple):
        return ast.Tuple([lifted(Known(part)) for part in known], ast.Load())
    if isinstance(known, list):
        return ast.List([lifted(Known(part)) for part in known], ast.Load())
    if isinstance(known, range):
        given = (
            (known.stop,) if (known.start, known.step) == (0, 1) else (known.start, known.stop, known.step)
        )
        return ast.Call(ast.Name("range", ast.Load()), [lifted(Known(n)) for n in given], [])
    raise CannotTranslate(f"{getattr(known, '__name__', type(known).__name__)} is a function, not a number")


def _negative(known: Any) -> bool:
    return isinstance(known, int | float) and not isinstance(known, bool) and known < 0


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


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
        parent: Scope | None = None,
        name: str | None = None,
        outermost: bool = False,
    ) -> Definition:
        """The function specialized to those of its arguments that are known."""
        key = (node, parent, tuple((n, _identity(v)) for n, v in bound.items()), tuple((facts or {}).items()))
        if key in self.definitions:
            return self.definitions[key]
        scope = Scope(self, space, parent)
        scope.facts.update(facts or {})
        for argument, value in bound.items():
            scope.env[argument] = (
                value
                if isinstance(value, Known)
                else Code(_name(argument), isinstance(value, Code) and value.pair, _maybe_none(value))
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


def _maybe_none(value: Value) -> bool:
    return isinstance(value, Code) and value.maybe_none


def _identity(value: Value) -> Any:
    if isinstance(value, Known):
        plain = isinstance(value.value, int | float | str | tuple | None)
        return (type(value.value), repr(value.value)) if plain else value.value
    return (value.pair, value.maybe_none) if isinstance(value, Code) else "several"


class Scope:
    """One function while it is specialized."""

    def __init__(self, whole: Translation, space: Mapping[str, Any], parent: Scope | None) -> None:
        self.whole, self.space, self.parent = whole, space, parent
        self.env: dict[str, Value] = {}
        self.facts: dict[str, bool] = {}
        self.volatile: set[str] = set()
        self.captured: dict[str, None] = {}
        self.out: list[ast.stmt] = []
        self.returns: list[Value] = []
        self.weighted: list[ast.Return] = []

    # ------------------------------------------------------------------------ statements

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
                returned = ast.Return(lifted(value) if _liftable(value) else None)
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
        for name in _assigned([*statement.body, *statement.orelse]):
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
                before[name] = Code(_name(name), maybe_none=True)
        self.env, self.facts = before, kept_facts
        return branch, ended

    def _keep(self, name: str) -> None:
        """From here on a variable is one of the translation, whatever is assigned to it."""
        self.volatile.add(name)
        value = self.env.get(name)
        if isinstance(value, Known):
            self.out.append(ast.Assign([ast.Name(name, ast.Store())], lifted(value), lineno=0))
            self.env[name] = Code(_name(name), maybe_none=True)

    def _loop(self, statement: ast.For) -> None:
        values = lifted(self.visit(statement.iter))
        targets = {n.id for n in ast.walk(statement.target) if isinstance(n, ast.Name)}
        for name in _assigned(statement.body):
            if name not in targets:
                self._keep(name)
        self.volatile |= targets
        self.env.update({name: Code(_name(name)) for name in targets})
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
        parts = _parts(value)
        starred = any(isinstance(part, ast.Starred) for part in target.elts)
        if parts is not None and len(parts) == len(target.elts) and not starred:
            names = [part.id if isinstance(part, ast.Name) else "" for part in target.elts]
            later = [
                {n.id for n in ast.walk(lifted(p)) if isinstance(n, ast.Name)} if _liftable(p) else set()
                for p in parts
            ]
            if all(name and not any(name in used for used in later[i + 1 :]) for i, name in enumerate(names)):
                for name, part in zip(names, parts, strict=True):
                    self._assign_name(name, part)
                return
        self.out.append(ast.Assign([target], lifted(value), lineno=0))
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                self.env[node.id] = Code(_name(node.id))
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
        self.env[name] = Code(_name(name), code.pair, none, code.dtype_of)

    # ----------------------------------------------------------------------- expressions

    def visit(self, node: ast.expr) -> Value:
        """What an expression comes to."""
        method = getattr(self, f"_visit_{type(node).__name__.lower()}", None)
        if method is None:
            raise CannotTranslate(f"an expression of the formula: {ast.unparse(node)}")
        found: Value = method(node)
        return found

    def _visit_constant(self, node: ast.Constant) -> Value:
        return Known(node.value)

    def _visit_name(self, node: ast.Name) -> Value:
        name = node.id
        if name in self.env:
            return self.env[name]
        outer = self.parent
        while outer is not None:
            if name in outer.env:
                value = outer.env[name]
                if not isinstance(value, Known):
                    self.captured[name] = None
                    self.env[name] = value
                return value
            outer = outer.parent
        if name in self.space:
            return Known(self.space[name])
        if hasattr(builtins, name):
            return Known(getattr(builtins, name))
        return Code(_name(name))

    def _visit_tuple(self, node: ast.Tuple) -> Value:
        parts = self._elements(node.elts)
        if parts is None:
            return Code(ast.Tuple([self._lifted_element(part) for part in node.elts], ast.Load()))
        if all(isinstance(part, Known) for part in parts):
            return Known(tuple(part.value for part in parts if isinstance(part, Known)))
        return Several(tuple(parts))

    def _visit_list(self, node: ast.List) -> Value:
        parts = self._elements(node.elts)
        if parts is None:
            return Code(ast.List([self._lifted_element(part) for part in node.elts], ast.Load()))
        return Code(ast.List([lifted(part) for part in parts], ast.Load()))

    def _elements(self, nodes: Sequence[ast.expr]) -> list[Value] | None:
        """The elements of a display; None where how many there are is not known."""
        found: list[Value] = []
        for node in nodes:
            if not isinstance(node, ast.Starred):
                found.append(self.visit(node))
                continue
            parts = _parts(self.visit(node.value))
            if parts is None:
                return None
            found += parts
        return found

    def _lifted_element(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Starred):
            return ast.Starred(lifted(self.visit(node.value)), ast.Load())
        return lifted(self.visit(node))

    def _visit_binop(self, node: ast.BinOp) -> Value:
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(left, Known) and isinstance(right, Known):
            return Known(_BINARY[type(node.op)](left.value, right.value))
        for value, other in ((left, right), (right, left)):
            if _changes_nothing(node.op, other, other is left):
                return value
        spelled = lifted(right)
        if isinstance(node.op, ast.Add) and isinstance(spelled, ast.UnaryOp) and isinstance(right, Known):
            return Code(ast.BinOp(lifted(left), ast.Sub(), spelled.operand))
        return Code(ast.BinOp(lifted(left), node.op, spelled))

    def _visit_unaryop(self, node: ast.UnaryOp) -> Value:
        operand = self.visit(node.operand)
        if isinstance(operand, Known):
            return Known(_UNARY[type(node.op)](operand.value))
        return Code(ast.UnaryOp(node.op, lifted(operand)))

    def _visit_compare(self, node: ast.Compare) -> Value:
        operands = [self.visit(part) for part in (node.left, *node.comparators)]
        if all(isinstance(part, Known) for part in operands):
            values = [part.value for part in operands if isinstance(part, Known)]
            pairs = zip(node.ops, itertools.pairwise(values), strict=True)
            return Known(all(_BINARY[type(op)](a, b) for op, (a, b) in pairs))
        first, (op, second) = operands[0], (node.ops[0], operands[1])
        if isinstance(op, ast.Is | ast.IsNot) and second == Known(None) and not _maybe_none(first):
            return Known(isinstance(op, ast.IsNot))
        if isinstance(op, ast.In | ast.NotIn) and second == Known(INTEGER_DTYPES):
            return self._is_integer(first, isinstance(op, ast.In))
        return Code(ast.Compare(lifted(first), node.ops, [lifted(part) for part in operands[1:]]))

    def _is_integer(self, dtype: Value, positive: bool) -> Value:
        tensor = dtype.dtype_of if isinstance(dtype, Code) else None
        if not isinstance(tensor, ast.Name):
            raise CannotTranslate("a condition on the dtype of what is computed")
        if tensor.id in self.facts:
            return Known(self.facts[tensor.id] is positive)
        said = self.whole.say("is_integer", {"x": Code(tensor)})
        if not isinstance(said, ast.expr):
            raise CannotTranslate("a condition on the dtype of an input")
        condition = said if positive else ast.UnaryOp(ast.Not(), said)
        return Code(condition, integer=(tensor.id, positive))

    def _visit_boolop(self, node: ast.BoolOp) -> Value:
        decides = isinstance(node.op, ast.Or)
        left: list[Value] = []
        for part in node.values:
            value = self.visit(part)
            if isinstance(value, Known) and bool(value.value) is decides:
                return value if not left else Code(ast.BoolOp(node.op, [lifted(v) for v in (*left, value)]))
            if not isinstance(value, Known) or part is node.values[-1]:
                left.append(value)
        kept = [value for value in left if not isinstance(value, Known)] or left
        if len(kept) == 1:
            return kept[0]
        return Code(ast.BoolOp(node.op, [lifted(value) for value in kept]))

    def _visit_ifexp(self, node: ast.IfExp) -> Value:
        test = self.visit(node.test)
        if isinstance(test, Known):
            return self.visit(node.body if test.value else node.orelse)
        first, second = self.visit(node.body), self.visit(node.orelse)
        none = any(value == Known(None) or _maybe_none(value) for value in (first, second))
        return Code(ast.IfExp(lifted(test), lifted(first), lifted(second)), maybe_none=none)

    def _visit_attribute(self, node: ast.Attribute) -> Value:
        value = self.visit(node.value)
        if value == OPS:
            return Known(Operation(node.attr))
        if isinstance(value, Known):
            return Known(getattr(value.value, node.attr))
        return Code(ast.Attribute(lifted(value), node.attr, ast.Load()))

    def _visit_subscript(self, node: ast.Subscript) -> Value:
        value, index = self.visit(node.value), self.visit(node.slice)
        if isinstance(value, Known) and isinstance(index, Known):
            return Known(value.value[index.value])
        parts = _parts(value)
        if parts is not None and isinstance(index, Known) and isinstance(index.value, int):
            return parts[index.value]
        if value == Known(RESOLUTION) and isinstance(index, Code):
            said = self.whole.say("resolution", {"dtype": index})
            if isinstance(said, ast.expr):
                return Code(said)
        whole = lifted(value)
        if isinstance(index, Known) and isinstance(whole, ast.Call) and ast.unparse(whole.func) == "tuple":
            whole = whole.args[0]
        return Code(ast.Subscript(whole, lifted(index), ast.Load()))

    def _visit_slice(self, node: ast.Slice) -> Value:
        parts = [
            None if part is None else lifted(self.visit(part)) for part in (node.lower, node.upper, node.step)
        ]
        return Code(ast.Slice(*parts))  # type: ignore[arg-type]

    def _visit_lambda(self, node: ast.Lambda) -> Value:
        return Known(Closure(node, self))

    def _visit_generatorexp(self, node: ast.GeneratorExp) -> Value:
        return self._comprehension(node)

    def _visit_listcomp(self, node: ast.ListComp) -> Value:
        return self._comprehension(node)

    def _comprehension(self, node: ast.GeneratorExp | ast.ListComp) -> Value:
        (generator,) = node.generators
        values = self.visit(generator.iter)
        targets = {n.id for n in ast.walk(generator.target) if isinstance(n, ast.Name)}
        hidden = {name: self.env.get(name) for name in targets}
        parts, found = _parts(values), []
        try:
            for part in parts or ():
                self._bind(generator.target, part)
                tests = [self.visit(test) for test in generator.ifs]
                if not all(isinstance(test, Known) for test in tests):
                    parts = None
                    break
                if all(test.value for test in tests if isinstance(test, Known)):
                    found.append(self.visit(node.elt))
            if parts is not None:
                return Several(tuple(found))
            self.env.update({name: Code(_name(name)) for name in targets})
            inner = ast.comprehension(
                generator.target, lifted(values), [lifted(self.visit(test)) for test in generator.ifs], 0
            )
            return Code(type(node)(lifted(self.visit(node.elt)), [inner]))
        finally:
            for name, value in hidden.items():
                self.env.pop(name, None)
                if value is not None:
                    self.env[name] = value

    def _bind(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            self.env[target.id] = value
            return
        parts = _parts(value)
        if not isinstance(target, ast.Tuple) or parts is None:
            raise CannotTranslate(f"an assignment to {ast.unparse(target)}")
        for inner, part in zip(target.elts, parts, strict=True):
            self._bind(inner, part)

    # ----------------------------------------------------------------------------- calls

    def _visit_call(self, node: ast.Call) -> Value:
        function = self.visit(node.func)
        if any(isinstance(arg, ast.Starred) for arg in node.args):
            args = None
        else:
            args = [self.visit(arg) for arg in node.args]
        keywords = {k.arg: self.visit(k.value) for k in node.keywords if k.arg}
        if isinstance(function, Code) or args is None:
            spelled = [self._lifted_element(arg) for arg in node.args]
            given = [ast.keyword(name, lifted(value)) for name, value in keywords.items()]
            called = lifted(function) if isinstance(function, Code) else self._spelled(function)
            return Code(ast.Call(called, spelled, given))
        if isinstance(function, Several):
            raise CannotTranslate(f"a call of {ast.unparse(node.func)}")
        return self.call(function.value, args, keywords, ast.unparse(node.func))

    def call(
        self, function: Any, args: Sequence[Value], keywords: Mapping[str, Value], text: str = ""
    ) -> Value:
        """What a call of something known comes to."""
        if isinstance(function, Operation):
            return self._operation(function.name, args, keywords)
        if function is Weighted:
            return Code(ast.Tuple([lifted(arg) for arg in args], ast.Load()), pair=True)
        if function is isinstance and args[1] == Known(Weighted):
            return Known(isinstance(args[0], Code) and args[0].pair)
        if function is callable and not isinstance(args[0], Known):
            return Known(False)
        everything = [*args, *keywords.values()]
        own = isinstance(getattr(function, "__self__", None), int | float | str)
        pure = own or any(function is each for each in _PURE)
        if pure and all(isinstance(value, Known) for value in everything):
            given = {name: v.value for name, v in keywords.items() if isinstance(v, Known)}
            return Known(function(*(v.value for v in args if isinstance(v, Known)), **given))
        if function in (tuple, list) and len(args) == 1:
            parts = _parts(args[0])
            if parts is not None and function is tuple:
                known = all(isinstance(part, Known) for part in parts)
                return (
                    Known(tuple(p.value for p in parts if isinstance(p, Known)))
                    if known
                    else Several(tuple(parts))
                )
        if isinstance(function, Closure):
            inside = function.scope
            return self._specialized(function.node, inside.space, args, keywords, inside)
        if inspect.isfunction(function):
            if not (function.__module__ or "").startswith("unified_loss."):
                raise CannotTranslate(f"{function.__name__} is a function of the caller's")
            closed = inspect.getclosurevars(function).nonlocals
            space = {**function.__globals__, **closed}
            return self._specialized(function_node(function), space, args, keywords, None)
        called = self._spelled(Known(function))
        given = [lifted(arg) for arg in args]
        if function is len and isinstance(given[0], ast.Call) and ast.unparse(given[0].func) == "tuple":
            given = given[0].args
        return Code(ast.Call(called, given, [ast.keyword(n, lifted(v)) for n, v in keywords.items()]))

    def _spelled(self, function: Value) -> ast.expr:
        """How a function of Python's own is called."""
        known = function.value if isinstance(function, Known) else None
        name = getattr(known, "__name__", "")
        if getattr(builtins, name, None) is known and name:
            return _name(name)
        module = inspect.getmodule(known)
        if isinstance(module, ModuleType) and module.__name__ in ("math", "itertools"):
            self.whole.modules.add(module.__name__)
            return ast.Attribute(_name(module.__name__), name, ast.Load())
        raise CannotTranslate(f"{name or known!r} is a function of the caller's")

    def _specialized(
        self,
        node: ast.FunctionDef | ast.Lambda,
        space: Mapping[str, Any],
        args: Sequence[Value],
        keywords: Mapping[str, Value],
        parent: Scope | None,
    ) -> Value:
        bound = _bound(node, args, keywords, space)
        facts = {
            name: self.facts[value.node.id]
            for name, value in bound.items()
            if isinstance(value, Code) and isinstance(value.node, ast.Name) and value.node.id in self.facts
        }
        found = self.whole.define(node, space, bound, facts=facts, parent=parent)
        if parent is not None and found.captured and parent is not self:
            raise CannotTranslate("a function within the formula is called from another one")
        if isinstance(found.result, Known):
            return found.result
        given = {name: lifted(bound[name]) for name in found.parameters}
        if isinstance(found.result, Code):
            counts = _counts(found.result.node)
            if all(_short(value) or counts.get(name, 0) <= 1 for name, value in given.items()):
                node_ = _Substitution(given).visit(lifted(found.result))
                tensor = found.result.dtype_of
                tensor = None if tensor is None else _Substitution(given).visit(copy.deepcopy(tensor))
                return Code(node_, found.result.pair, found.result.maybe_none, tensor)
            found.name = found.name or self.whole.named(f"_{getattr(node, 'name', 'function').strip('_')}")
        captured = [_name(name) for name in found.captured]
        return Code(ast.Call(_name(found.name), [*given.values(), *captured], []), found.pair)

    def _operation(self, name: str, args: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
        from unified_loss.ops import Ops as Definitions  # noqa: PLC0415  apart from the marker above

        function = vars(Definitions).get(name)
        if function is None:
            raise CannotTranslate(f"there is no operation {name}")
        node = function_node(function)
        bound = dict(list(_bound(node, [OPS, *args], keywords, function.__globals__).items())[1:])
        if name == "constant" and isinstance(bound["dtype"], Code) and bound["dtype"].dtype_of is None:
            raise CannotTranslate("a constant of a dtype that is not known")
        if name == "gradient":
            bound["function"] = self._gradient_of(bound["function"])
        said = self.whole.say(name, bound)
        if isinstance(said, str):
            (snippet,) = _snippet(said)
            return self._specialized(snippet, {}, [OPS], bound, None)
        if said is None:
            if isinstance(node.body[-1], ast.Expr):
                raise CannotTranslate(f"the framework has no {name}")
            return self._specialized(node, function.__globals__, [OPS], bound, None)
        tensor = bound["x"].node if name == "dtype" and isinstance(bound["x"], Code) else None
        return Code(said, dtype_of=tensor)

    def _gradient_of(self, function: Value) -> Value:
        if not isinstance(function, Known) or not isinstance(function.value, Closure):
            raise CannotTranslate("the gradient of a function of the caller's")
        name = function.value.node.args.args[1].arg
        result = self.call(function.value, [OPS, Code(_name(name))], {})
        arguments = ast.arguments([], [ast.arg(name)], None, [], [], None, [])
        return Code(ast.Lambda(arguments, lifted(result)))


def _changes_nothing(op: ast.operator, operand: Value, is_left: bool) -> bool:
    """Whether an operand, a parameter most likely, leaves the other one as it is."""
    if not isinstance(operand, Known) or not isinstance(operand.value, float):
        return False
    if isinstance(op, ast.Mult) or (isinstance(op, ast.Div) and not is_left):
        return operand.value == 1
    return operand.value == 0 and (isinstance(op, ast.Add) or (isinstance(op, ast.Sub) and not is_left))


def _liftable(value: Value) -> bool:
    try:
        lifted(value)
    except CannotTranslate:
        return False
    return True


def _parts(value: Value) -> list[Value] | None:
    """The parts of a tuple, if they are told apart."""
    if isinstance(value, Several):
        return list(value.parts)
    if isinstance(value, Known) and isinstance(value.value, tuple | list | range):
        return [Known(part) for part in value.value]
    if isinstance(value, Code) and isinstance(value.node, ast.Tuple | ast.List):
        if not any(isinstance(part, ast.Starred) for part in value.node.elts):
            return [_of_constant(part) for part in value.node.elts]
    return None


def _of_constant(node: ast.expr) -> Value:
    return Known(node.value) if isinstance(node, ast.Constant) else Code(node)


@functools.cache
def _snippet(text: str) -> tuple[ast.FunctionDef]:
    (node,) = ast.parse(textwrap.dedent(text)).body
    if not isinstance(node, ast.FunctionDef):
        raise TypeError(text)
    return (node,)


def _bound(
    node: ast.FunctionDef | ast.Lambda,
    args: Sequence[Value],
    keywords: Mapping[str, Value],
    space: Mapping[str, Any],
) -> dict[str, Value]:
    """The arguments of a call by their names, with the defaults of those that are left out."""
    spec = node.args
    positional = [a.arg for a in (*spec.posonlyargs, *spec.args)]
    found: dict[str, Value] = {}
    firsts = positional[len(positional) - len(spec.defaults) :]
    defaults = dict(zip(firsts, spec.defaults, strict=True))
    defaults |= {a.arg: d for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d is not None}
    for position, name in enumerate((*positional, *(a.arg for a in spec.kwonlyargs))):
        if position < len(args) and position < len(positional):
            found[name] = args[position]
        elif name in keywords:
            found[name] = keywords[name]
        else:
            if name not in defaults:
                raise CannotTranslate(f"a call without {name}")
            found[name] = Known(eval(ast.unparse(defaults[name]), dict(space)))  # noqa: S307  our own text
    return found


def _assigned(statements: Iterable[ast.stmt]) -> list[str]:
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


def _counts(node: ast.AST) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            found[each.id] = found.get(each.id, 0) + 1
    return found


def _short(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _short(node.operand)
    return isinstance(node, ast.Name | ast.Constant) or (
        isinstance(node, ast.Tuple) and all(map(_short, node.elts))
    )


class _Weighing(ast.NodeTransformer):
    """Where some losses have weights, the others get those of 1."""

    def __init__(self, whole: Translation, weighted: Sequence[ast.Return]) -> None:
        self.whole, self.weighted = whole, weighted

    def visit_Return(self, node: ast.Return) -> ast.Return:  # noqa: N802  ast's own
        if any(node is each for each in self.weighted):
            return node
        if isinstance(node.value, ast.Name):
            ones = self.whole.say("ones_like", {"x": Code(node.value)})
            if isinstance(ones, ast.expr):
                return ast.Return(ast.Tuple([node.value, ones], ast.Load()))
        raise CannotTranslate("a formula gives weights sometimes")


class _Substitution(ast.NodeTransformer):
    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802  ast's own
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
        if isinstance(statement, ast.If):
            first, second = _pruned(statement.body, read), _pruned(statement.orelse, read)
            if not first and not second:
                continue
            test = statement.test
            if not first:
                first, second, test = second, [], ast.UnaryOp(ast.Not(), test)
            statement = ast.If(test, first, second)
        elif isinstance(statement, ast.For):
            statement = ast.For(statement.target, statement.iter, _pruned(statement.body, read), [], lineno=0)
            if not statement.body:
                continue
        if not isinstance(statement, ast.Pass):
            kept.append(statement)
    return kept
