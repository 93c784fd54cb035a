"""What the calls in a formula come to."""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import math
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from unified_loss import ops as operations
from unified_loss.spec import Weighted

from .tidying import counts_of, is_short, substituted
from .values import (
    OPS,
    CannotTranslate,
    Closure,
    Code,
    Known,
    Operation,
    Several,
    Value,
    function_node,
    lifted,
    parts_of,
    variable,
)

if TYPE_CHECKING:
    from .expressions import Expressions
    from .specializing import Translation

_PURE = (range, tuple, len, float, int, bool, min, max, abs, isinstance, callable, *vars(math).values())


class Calling(ABC):
    """A function while it is specialized: its calls."""

    whole: Translation
    """What it is part of."""
    facts: dict[str, bool]
    """Of which variables it is known whether they have an integer dtype."""

    @abstractmethod
    def visit(self, node: ast.expr) -> Value:
        """What an expression comes to."""

    def lifted_element(self, node: ast.expr) -> ast.expr:
        """The syntax that an argument, or an element of a display, comes to."""
        if isinstance(node, ast.Starred):
            return ast.Starred(lifted(self.visit(node.value)), ast.Load())
        return lifted(self.visit(node))

    def _visit_call(self, node: ast.Call) -> Value:
        function = self.visit(node.func)
        if any(isinstance(arg, ast.Starred) for arg in node.args):
            args = None
        else:
            args = [self.visit(arg) for arg in node.args]
        keywords = {k.arg: self.visit(k.value) for k in node.keywords if k.arg}
        if isinstance(function, Code) or args is None:
            spelled = [self.lifted_element(arg) for arg in node.args]
            given = [ast.keyword(name, lifted(value)) for name, value in keywords.items()]
            called = lifted(function) if isinstance(function, Code) else self._spelled(function)
            return Code(ast.Call(called, spelled, given))
        if isinstance(function, Several):
            raise CannotTranslate(f"a call of {ast.unparse(node.func)}")
        return self.call(function.value, args, keywords)

    def call(self, function: Any, args: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
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
            named = {name: v.value for name, v in keywords.items() if isinstance(v, Known)}
            return Known(function(*(v.value for v in args if isinstance(v, Known)), **named))
        if function is tuple:
            parts = parts_of(args[0])
            if parts is not None and all(isinstance(part, Known) for part in parts):
                return Known(tuple(part.value for part in parts if isinstance(part, Known)))
            if parts is not None:
                return Several(tuple(parts))
        if isinstance(function, Closure):
            inside = function.scope
            return self._specialized(function.node, inside.space, args, keywords, inside)
        if inspect.isfunction(function):
            if not (function.__module__ or "").startswith("unified_loss.losses."):
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
            return variable(name)
        module = inspect.getmodule(known)
        if isinstance(module, ModuleType) and module.__name__ in ("math", "itertools"):
            self.whole.modules.add(module.__name__)
            return ast.Attribute(variable(module.__name__), name, ast.Load())
        raise CannotTranslate(f"{name or known!r} is a function of the caller's")

    def _specialized(
        self,
        node: ast.FunctionDef | ast.Lambda,
        space: Mapping[str, Any],
        args: Sequence[Value],
        keywords: Mapping[str, Value],
        parent: Expressions | None,
    ) -> Value:
        bound = bound_arguments(node, args, keywords, space)
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
            counts = counts_of(found.result.node)
            if all(is_short(value) or counts.get(name, 0) <= 1 for name, value in given.items()):
                inlined = substituted(found.result.node, given)
                tensor = found.result.dtype_of
                tensor = None if tensor is None else substituted(tensor, given)
                return Code(inlined, found.result.pair, found.result.maybe_none, tensor)
            found.name = found.name or self.whole.named(f"_{getattr(node, 'name', 'function').strip('_')}")
        captured = [variable(name) for name in found.captured]
        return Code(ast.Call(variable(found.name), [*given.values(), *captured], []), found.pair)

    def _operation(self, name: str, args: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
        function = vars(operations.Ops).get(name)
        if function is None:
            raise CannotTranslate(f"there is no operation {name}")
        node = function_node(function)
        bound = dict(list(bound_arguments(node, [OPS, *args], keywords, function.__globals__).items())[1:])
        if name == "gradient":
            bound["function"] = self._gradient_of(bound["function"])
        said = self.whole.say(name, bound)
        if isinstance(said, str):
            return self._specialized(_snippet(said), {}, [OPS], bound, None)
        if said is None:
            if isinstance(node, ast.Lambda) or isinstance(node.body[-1], ast.Expr):
                raise CannotTranslate(f"the framework has no {name}")
            return self._specialized(node, function.__globals__, [OPS], bound, None)
        tensor = bound["x"].node if name == "dtype" and isinstance(bound["x"], Code) else None
        return Code(said, dtype_of=tensor)

    def _gradient_of(self, function: Value) -> Value:
        if not isinstance(function, Known) or not isinstance(function.value, Closure):
            raise CannotTranslate("the gradient of a function of the caller's")
        name = function.value.node.args.args[1].arg
        result = self.call(function.value, [OPS, Code(variable(name))], {})
        arguments = ast.arguments([], [ast.arg(name)], None, [], [], None, [])
        return Code(ast.Lambda(arguments, lifted(result)))


@functools.cache
def _snippet(text: str) -> ast.FunctionDef:
    (node,) = ast.parse(textwrap.dedent(text)).body
    if not isinstance(node, ast.FunctionDef):
        raise TypeError(text)
    return node


def bound_arguments(
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
