"""What the expressions in a formula come to."""

from __future__ import annotations

import ast
import builtins
import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from unified_loss.ops import INTEGER_DTYPES, RESOLUTION

from .calling import Calling
from .values import (
    OPS,
    CannotTranslate,
    Closure,
    Code,
    Known,
    Operation,
    Several,
    Value,
    changes_nothing,
    lifted,
    maybe_none,
    parts_of,
    variable,
)

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


class Expressions(Calling):
    """A function while it is specialized: its expressions."""

    space: Mapping[str, Any]
    """The global variables."""
    parent: Expressions | None
    """The function that this one stands in."""
    env: dict[str, Value]
    """The local variables."""
    captured: dict[str, None]
    """The variables of the parent that are not known."""

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
        return Code(variable(name))

    def _visit_tuple(self, node: ast.Tuple) -> Value:
        parts = self._elements(node.elts)
        if parts is None:
            return Code(ast.Tuple([self.lifted_element(part) for part in node.elts], ast.Load()))
        if all(isinstance(part, Known) for part in parts):
            return Known(tuple(part.value for part in parts if isinstance(part, Known)))
        return Several(tuple(parts))

    def _visit_list(self, node: ast.List) -> Value:
        parts = self._elements(node.elts)
        if parts is None:
            return Code(ast.List([self.lifted_element(part) for part in node.elts], ast.Load()))
        return Code(ast.List([lifted(part) for part in parts], ast.Load()))

    def _elements(self, nodes: Sequence[ast.expr]) -> list[Value] | None:
        """The elements of a display; None where how many there are is not known."""
        found: list[Value] = []
        for node in nodes:
            if not isinstance(node, ast.Starred):
                found.append(self.visit(node))
                continue
            parts = parts_of(self.visit(node.value))
            if parts is None:
                return None
            found += parts
        return found

    def _visit_binop(self, node: ast.BinOp) -> Value:
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(left, Known) and isinstance(right, Known):
            try:
                return Known(_BINARY[type(node.op)](left.value, right.value))
            except TypeError as error:
                raise CannotTranslate(f"the formula needs what is not given: {ast.unparse(node)}") from error
        for value, other in ((left, right), (right, left)):
            if changes_nothing(node.op, other, other is left):
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
        if isinstance(op, ast.Is | ast.IsNot) and second == Known(None) and not maybe_none(first):
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
        none = any(value == Known(None) or maybe_none(value) for value in (first, second))
        pair = any(isinstance(value, Code) and value.pair for value in (first, second))
        if pair:
            first, second = self._with_weights(first), self._with_weights(second)
        return Code(ast.IfExp(lifted(test), lifted(first), lifted(second)), pair, none)

    def _with_weights(self, value: Value) -> Value:
        """Losses with weights, which are 1 unless they have others."""
        if isinstance(value, Code) and value.pair:
            return value
        ones = self.whole.say("ones_like", {"x": value})
        if isinstance(value, Code) and isinstance(value.node, ast.Name) and isinstance(ones, ast.expr):
            return Code(ast.Tuple([value.node, ones], ast.Load()), pair=True)
        raise CannotTranslate("a formula gives weights sometimes")

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
        parts = parts_of(value)
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
        lower, upper, step = (
            None if part is None else lifted(self.visit(part)) for part in (node.lower, node.upper, node.step)
        )
        return Code(ast.Slice(lower, upper, step))

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
        parts, found = parts_of(values), []
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
            self.env.update({name: Code(variable(name)) for name in targets})
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
        parts = parts_of(value)
        if not isinstance(target, ast.Tuple) or parts is None:
            raise CannotTranslate(f"an assignment to {ast.unparse(target)}")
        for inner, part in zip(target.elts, parts, strict=True):
            self._bind(inner, part)
