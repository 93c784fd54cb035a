"""`native_formula`: the formula of a spec in a framework's own array code."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from unified_loss.spec import Spec

from .op_helpers import HELPERS
from .op_phrases import ALIASES, DTYPES, PHRASES
from .specializing import Definition, Translation
from .tidying import substituted
from .values import OPS, CannotTranslate, Code, Known, Value, function_node, lifted

__all__ = ["CannotTranslate", "NativeFormula", "native_formula"]

_LEFT_OUT = {"axis": None, "dim": None, "keepdim": False, "keepdims": False, "keep_dims": False}
_LEFT_OUT |= {"min": None, "max": None}
"""The keyword arguments that say nothing with these values."""

_KEPT = ("keepdim", "keepdims", "keep_dims")


@dataclass(frozen=True)
class NativeFormula:
    """A formula in a framework's own array code.

    Parameters
    ----------
    imports : the import statements that it needs
    definitions : Python that defines the function, after what it calls
    name : what the function is called
    returns_weight : whether it returns a pair: the losses, weighted already, and the weight of each
    """

    imports: tuple[str, ...]
    definitions: str
    name: str
    returns_weight: bool = False


def native_formula(
    spec: Spec,
    parameters: Mapping[str, Any],
    framework: str,
    roles_given: Collection[str],
    *,
    optional: Collection[str] = (),
) -> NativeFormula:
    """The formula of a spec as a function of tensors, in a framework's own array code.

    Parameters
    ----------
    spec : the canonical loss
    parameters : its parameters; those left out have their defaults
    framework : ``torch``, ``tensorflow``, ``paddle``, ``mindspore``, ``mxnet`` or ``jax``
    roles_given : the inputs that the function takes, in the order of the spec; the others are None
    optional : those of them that the function may be called without

    Returns
    -------
    NativeFormula
        Of a function that returns the losses before any reduction.

    Raises
    ------
    CannotTranslate
        If a parameter is a function, or the framework lacks an operation.

    Examples
    --------
    >>> import unified_loss as ul
    >>> print(native_formula(ul.losses.huber, {"delta": 0.5}, "torch", ["prediction", "target"]).definitions)
    def huber(prediction, target):
        distance = torch.abs(prediction - target)
        quadratic = torch.clamp(distance, max=0.5)
        return quadratic * (distance - 0.5 * quadratic)
    <BLANKLINE>
    """
    table, names = PHRASES[framework], DTYPES.get(framework, "{!r}")

    def say(operation: str, bound: Mapping[str, Value]) -> ast.expr | str | None:
        if operation == "slice_along_axis":
            return _slice(bound)
        if operation == "constant" and operation not in table:
            return lifted(bound["value"])
        phrase = table.get(operation)
        if phrase is None or phrase.lstrip().startswith("def "):
            return phrase
        spelled = {name: _spelled(name, value, names) for name, value in bound.items()}
        return substituted(ast.parse(phrase, mode="eval").body, spelled)

    translation = Translation(say)
    bound: dict[str, Value] = {"ops": OPS}
    for role in spec.inputs:
        given = Code(ast.Name(role, ast.Load()), maybe_none=role in optional)
        bound[role] = given if role in roles_given else Known(None)
    if spec.rest is not None:
        bound[spec.rest] = Code(ast.Name(spec.rest, ast.Load()))
    bound |= {name: Known(value) for name, value in spec.complete(parameters).items()}
    space = {**spec.formula.__globals__, **inspect.getclosurevars(spec.formula).nonlocals}
    translation.names |= {spec.name, *HELPERS[framework]}
    translation.names.discard(spec.name)
    last = translation.define(function_node(spec.formula), space, bound, name=spec.name, outermost=True)
    if framework == "mxnet":
        _take_both_kinds(last, spec.rest, optional)
    return _written(translation, last, framework, spec.rest, optional)


def _spelled(name: str, value: Value, dtypes: str) -> ast.expr:
    if name == "dtype" and isinstance(value, Known):
        return ast.parse(dtypes.format(value.value), mode="eval").body
    return lifted(value)


def _slice(bound: Mapping[str, Value]) -> ast.expr:
    axis, part = bound["axis"], ast.Slice(lifted(bound["start"]), lifted(bound["stop"]))
    if bound["start"] == Known(0):
        part = ast.Slice(None, lifted(bound["stop"]))
    if isinstance(axis, Known):
        whole: list[ast.expr] = [ast.Slice() for _ in range(axis.value)]
        index: ast.expr = ast.Tuple([*whole, part], ast.Load()) if whole else part
    else:
        text = "(slice(None),) * axis + (slice(start, stop),)"
        given = {name: lifted(value) for name, value in bound.items()}
        index = substituted(ast.parse(text, mode="eval").body, given)
    return ast.Subscript(lifted(bound["x"]), index, ast.Load())


class _Simplified(ast.NodeTransformer):
    """Without arguments that say nothing."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        kept = [k for k in node.keywords if not _says_nothing(k)]
        # Over all axes, a kept one is only known where that is said.
        node.keywords = node.keywords if any(k.arg in _KEPT for k in kept) else kept
        return node


def _says_nothing(keyword: ast.keyword) -> bool:
    if keyword.arg not in _LEFT_OUT or not isinstance(keyword.value, ast.Constant):
        return False
    return keyword.value.value is _LEFT_OUT[keyword.arg]


class _LegacyReturns(ast.NodeTransformer):
    """With arrays of the other kind returned."""

    def __init__(self, pair: bool) -> None:
        self.pair = pair

    def visit_Return(self, node: ast.Return) -> ast.Return:
        if self.pair and not isinstance(node.value, ast.Tuple):
            # What another function returns, or a variable.
            text = "tuple(x.as_nd_ndarray() for x in pair)"
            node.value = substituted(
                ast.parse(text, mode="eval").body, {"pair": node.value or ast.Constant(None)}
            )
            return node
        parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
        legacy = [
            ast.Call(ast.Attribute(p, "as_nd_ndarray", ast.Load()), [], []) for p in parts if p is not None
        ]
        node.value = ast.Tuple(list(legacy), ast.Load()) if len(legacy) > 1 else legacy[0]
        return node


def _take_both_kinds(last: Definition, rest: str | None, optional: Collection[str]) -> None:
    """MXNet's operations are those of ``mx.np``; its losses are given and give ``mx.nd`` arrays."""
    read = {n.id for s in last.body for n in ast.walk(s) if isinstance(n, ast.Name)}
    tensors = [name for name in last.parameters if name != rest and name in read]
    lines = [
        f"{name} = {f'None if {name} is None else ' if name in optional else ''}{name}.as_np_ndarray()"
        for name in tensors
    ]
    if rest is not None:
        lines.append(f"{rest} = [x.as_np_ndarray() for x in {rest}]")
    last.body[:] = [
        *ast.parse("\n".join(lines)).body,
        *(_LegacyReturns(last.pair).visit(s) for s in last.body),
    ]


def _written(
    translation: Translation, last: Definition, framework: str, rest: str | None, optional: Collection[str]
) -> NativeFormula:
    needed: dict[str, ast.stmt] = {}
    by_name = {d.name: d for d in translation.definitions.values() if d.name}
    texts = HELPERS[framework]

    def collect(node: ast.AST) -> None:
        for each in ast.walk(node):
            name = each.id if isinstance(each, ast.Name) else ""
            if name in needed or (name not in by_name and name not in texts):
                continue
            if name in by_name and by_name[name] is not last:
                inner = _function(by_name[name], None, ())
                collect(inner)
                needed.setdefault(name, inner)
            elif name in texts:
                for statement in ast.parse(texts[name]).body:
                    needed[f"{name}{len(needed)}" if name in needed else name] = statement

    outer = _function(last, rest, optional)
    collect(outer)
    texts_of: list[str] = []
    for statement in (*needed.values(), outer):
        whole = ast.fix_missing_locations(_Simplified().visit(statement))
        texts_of.append(ast.unparse(whole))
    definitions = "\n\n\n".join(texts_of) + "\n"
    used = {n.id for n in ast.walk(ast.parse(definitions)) if isinstance(n, ast.Name)}
    imports = tuple(sorted(ALIASES[name] for name in used & set(ALIASES)))
    return NativeFormula(imports, definitions, last.name, last.pair)


def _function(definition: Definition, rest: str | None, optional: Collection[str]) -> ast.FunctionDef:
    names = [name for name in (*definition.parameters, *definition.captured) if name != rest]
    last = next((i for i, name in enumerate(reversed(names)) if name not in optional), len(names))
    arguments = ast.arguments(
        posonlyargs=[],
        args=[ast.arg(name) for name in names],
        vararg=None if rest is None else ast.arg(rest),
        kwonlyargs=[],
        kw_defaults=[],
        kwarg=None,
        defaults=[] if rest is not None else [ast.Constant(None)] * last,
    )
    body = definition.body or [ast.Pass()]
    return ast.FunctionDef(definition.name, arguments, body, [], lineno=0)
