"""`NativeCall`: the call of a framework's loss, as somebody wrote it; read, never run."""

from __future__ import annotations

import ast
import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from unified_loss.dialects.functions import REST, UNREAD, DialectFunction
from unified_loss.dialects.stateful import StatefulLoss
from unified_loss.dispatch import use_backend
from unified_loss.errors import ConfigError, UnsupportedOperation
from unified_loss.naming import Row, resolve
from unified_loss.plan import Plan

from .literals import OnlyKnownWhenRun, array, dotted, is_literal, value_of
from .written import WrittenFunction, arguments_of, as_function, known_meaning

FRAMEWORKS = {
    "mxnet": "mxnet",
    "torch": "torch",
    "tensorflow": "tensorflow",
    "tf": "tensorflow",
    "keras": "tensorflow",
    "paddle": "paddle",
    "mindspore": "mindspore",
    "optax": "jax",
}
"""The backend of the tensors that the losses take, by the first part of their native names."""


@dataclass(frozen=True, eq=False)
class NativeCall:
    """The call of a loss of a framework.

    Parameters
    ----------
    name : its native dotted name
    parameters : what is given to its constructor, or of a function what is no tensor; tensors among
        them are NumPy arrays
    tensors : the tensors of the call, by their native names, that are written down as numbers
    given : the native names of the tensors that the call names; None where it leaves that open
    functions : the parameters that were given a function; those of which it is known what they compute
        are said by `name` and `parameters`, the others are among them
    """

    name: str
    parameters: Mapping[str, Any]
    tensors: Mapping[str, Any]
    given: tuple[str, ...] | None = None
    functions: Mapping[str, WrittenFunction] = field(default_factory=dict)

    @cached_property
    def row(self) -> Row:
        """The dialect's class or function."""
        found: Row = resolve(self.name)
        return found

    @property
    def kind(self) -> Literal["class", "function"]:
        """Whether the loss is constructed first, or called at once."""
        return "function" if isinstance(self.row, DialectFunction) else "class"

    @property
    def backend(self) -> str:
        """The backend of the tensors that the native loss takes."""
        return FRAMEWORKS[self.name.partition(".")[0]]

    @cached_property
    def plan(self) -> Plan:
        """What it means."""
        if isinstance(self.row, DialectFunction):
            return self.row.plan(**self.parameters).with_constants(self.row.by_role(self.tensors))
        plan: Plan = self.loss.plan
        return plan

    @cached_property
    def loss(self) -> Any:
        """The dialect's loss, called with the tensors of `arguments` in their order."""
        if isinstance(self.row, DialectFunction):
            bound = self.row.bind(**self.parameters)
            fixed = dict(self.tensors)
            names = list(self.arguments)
            return lambda *tensors: bound(**{**fixed, **dict(zip(names, tensors, strict=False))})
        loss: Any = self.row(**self.parameters)
        if self.holds_weights:
            with use_backend("numpy"):
                loss.load_state(self.weights)
        return loss

    @property
    def holds_weights(self) -> bool:
        """Whether the loss has weights of its own, so that it is only the same as another with the same."""
        return isinstance(self.row, type) and issubclass(self.row, StatefulLoss)

    @cached_property
    def weights(self) -> dict[str, Any]:
        """Weights on which it can be tried, by their names in the state dictionary; always the same."""
        if not self.holds_weights:
            return {}
        generator = np.random.default_rng(0)
        loss: Any = self.row(**self.parameters)
        shapes = {name: x.shape for name, x in loss.initial_state().items()}
        return {name: generator.normal(0.1, 0.6, shape).astype("float32") for name, shape in shapes.items()}

    @cached_property
    def arguments(self) -> dict[str, bool]:
        """The native names of the tensors of the call, in order, each with whether it must be given."""
        return {
            name: required
            for name, required in tensor_arguments(self.row).items()
            if name not in self.tensors and (self.given is None or required or name in self.given)
        }

    @cached_property
    def roles(self) -> dict[str, str]:
        """The role of each of the arguments."""
        if isinstance(self.row, DialectFunction):
            return {n: r for n, r in self.row.roles.items() if n in self.arguments and isinstance(r, str)}
        by_name = {native: role for role, native in self.row.arguments.items()}
        roles = (*self.plan.inputs, "weight")
        return {n: by_name.get(n, n) for n in self.arguments if by_name.get(n, n) in roles}

    @property
    def signature(self) -> str:
        """The arguments as a function takes them, ``pred, label, sample_weight=None``."""
        # What need not be given comes last, as it must in Python.
        shown = [name for name, required in self.arguments.items() if required]
        shown += [f"{name}=None" for name, required in self.arguments.items() if not required]
        return ", ".join(shown)

    def __str__(self) -> str:
        shown = [f"{name}={spelled(value)}" for name, value in self.parameters.items()]
        return f"{self.name}({', '.join(shown)})"


def tensor_arguments(row: Row) -> dict[str, bool]:
    """The native names of the tensors that a loss is called with, each with whether it must be given."""
    if isinstance(row, DialectFunction):
        read = [name for name, role in row.roles.items() if role not in (UNREAD, REST)]
        signature = inspect.signature(row).parameters
        return {name: signature[name].default is inspect.Parameter.empty for name in read}
    parameters = list(inspect.signature(row.__call__).parameters.values())[1:]
    return {
        p.name: p.default is p.empty
        for p in parameters
        if p.name not in row.call_parameters and p.kind is not p.VAR_KEYWORD
    }


def spelled(value: Any) -> str:
    """A parameter as it is written in a call."""
    if isinstance(value, np.ndarray):
        return repr(value.tolist())
    if isinstance(value, float) and value - value != 0:
        return f'float("{value}")'
    return repr(value)


def parse(expression: str) -> NativeCall:
    """The call of a native loss out of the text of one.

    Parameters
    ----------
    expression
        A call by the native dotted name, of a class, ``mxnet.gluon.loss.HuberLoss(rho=0.5)``, or of a
        function, ``torch.nn.functional.cross_entropy(logits, labels, reduction="sum")``; or a name
        alone, for the defaults. Tensors are given as names, or as numbers in the constructor of a
        tensor. It is not run.

    Returns
    -------
    NativeCall

    Raises
    ------
    ConfigError
        If it is no such call, the name or a keyword is unknown, or a parameter is no literal.

    Examples
    --------
    >>> from unified_loss.porting.source import parse
    >>> call = parse("mxnet.gluon.loss.HuberLoss(rho=0.5)")
    >>> call.signature
    'pred, label, sample_weight=None'
    >>> call.plan
    Plan<smooth_l1(prediction, target, beta=0.5); target: any shape; reduction: mean, over all axes but 0>
    """
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError as error:
        raise ConfigError(f"{expression!r} is no Python expression: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ConfigError(f"this is no Python expression: {error}") from None
    return from_tree(tree)


def from_tree(tree: ast.expr, named: Callable[[ast.expr], str | None] | None = None) -> NativeCall:
    """The call of a native loss out of its syntax tree.

    Parameters
    ----------
    tree : of the call, or of the loss's name alone
    named : gives the full dotted name of a name in the source that the tree is of; by default it is
        taken as it is written

    Raises
    ------
    ConfigError
        As `parse`.
    """
    named = named or dotted
    construction, call = (tree, None) if not isinstance(tree, ast.Call) else (tree, tree)
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Call):
        construction = tree.func
    function = construction.func if isinstance(construction, ast.Call) else construction
    name = named(function)
    if name is None:
        raise ConfigError(f"{ast.unparse(tree)!r} is no call of a loss by its native name")
    row = resolve(name)
    positional = construction.args if isinstance(construction, ast.Call) else []
    keywords = construction.keywords if isinstance(construction, ast.Call) else []
    given = _arguments(row, positional, keywords)
    if isinstance(row, DialectFunction):
        tensors = {n: tree for n, tree in given.items() if n in row.roles}
        parameters = _parameters(row, {n: t for n, t in given.items() if n not in tensors}, named)
        present = tuple(n for n, tree in tensors.items() if not _is_none(tree))
        fixed = {n: array(tensors[n], f"{row.native_name}: {n}") for n in present if is_literal(tensors[n])}
        found = NativeCall(row.native_name, parameters, fixed, present if given and tensors else None)
        return _checked(_meant(found, given))
    known = _parameters(row, given, named)
    present_at_call = None
    if call is not construction and isinstance(call, ast.Call):
        present_at_call = tuple(_call_arguments(row, call))
    return _checked(_meant(NativeCall(row.native_name, known, {}, present_at_call), given))


def _parameters(
    row: Row, given: Mapping[str, ast.expr], named: Callable[[ast.expr], str | None]
) -> dict[str, Any]:
    """The values of parameters; functions as they are written."""
    found: dict[str, Any] = {}
    for name, tree in given.items():
        try:
            found[name] = value_of(tree, f"{row.native_name}: {name}")
        except OnlyKnownWhenRun:
            function = as_function(tree, row._hints.get(name), named)
            if function is None:
                raise
            found[name] = function
    return found


def _meant(call: NativeCall, given: Mapping[str, ast.expr]) -> NativeCall:
    """The call without the functions of which it is known what they compute."""
    functions = {n: x for n, x in call.parameters.items() if isinstance(x, WrittenFunction)}
    if not functions:
        return call
    call, (name, *_) = replace(call, functions=functions), functions
    if not any(isinstance(value, WrittenFunction) for _, value in _checked(call).plan.parameters):
        # As of Paddle's class of triplets, which does not pass it on.
        return replace(call, parameters={n: x for n, x in call.parameters.items() if n != name})
    arguments = arguments_of(given[name], functions[name].name)
    meaning = known_meaning(call.row.native_name, call.parameters, arguments)
    return call if meaning is None else replace(call, name=meaning[0], parameters=meaning[1])


def _checked(call: NativeCall) -> NativeCall:
    """The call, if its framework would take its parameters."""
    name = call.row.native_name
    if call.given and (
        missing := [n for n, required in call.arguments.items() if required and n not in call.given]
    ):
        raise ConfigError(f"{name}: argument {missing[0]!r} is missing; it takes: {call.signature}")
    try:
        _ = call.plan
    except (TypeError, ValueError, UnsupportedOperation) as error:
        told = str(error).removeprefix(f"{name.rpartition('.')[2]}.__init__() ")
        raise ConfigError(told if told.startswith(name) else f"{name}: {told}") from error
    return call


def _arguments(row: Row, args: list[ast.expr], keywords: list[ast.keyword]) -> dict[str, ast.expr]:
    parameters = inspect.signature(row).parameters
    ignored = () if isinstance(row, DialectFunction) else row.ignored_keywords
    positional = [p.name for p in parameters.values() if p.kind is not p.KEYWORD_ONLY]
    return _by_name(row.native_name, positional, list(parameters), args, keywords, ignored)


def _call_arguments(row: Row, call: ast.Call) -> dict[str, ast.expr]:
    names = list(tensor_arguments(row))
    found = _by_name(row.native_name, names, names, call.args, call.keywords, ())
    return {name: tree for name, tree in found.items() if not _is_none(tree)}


def _by_name(
    loss: str,
    positional: list[str],
    names: list[str],
    args: list[ast.expr],
    keywords: list[ast.keyword],
    ignored: tuple[str, ...],
) -> dict[str, ast.expr]:
    """The trees of arguments by name, as Python binds them."""
    for tree in (*args, *(k.value for k in keywords if k.arg is None)):
        if isinstance(tree, ast.Starred) or any(k.value is tree for k in keywords):
            raise OnlyKnownWhenRun(f"{loss}: {ast.unparse(tree)!r} is only known when the program runs")
    if len(args) > len(positional):
        raise ConfigError(f"{loss}: takes {len(positional)} positional arguments, {len(args)} were given")
    found = dict(zip(positional, args, strict=False))
    for keyword in keywords:
        key = str(keyword.arg)
        if key in ignored:
            continue
        if key not in names:
            close = difflib.get_close_matches(key, names, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ConfigError(f"{loss}: unknown argument {key!r}; it has: {', '.join(names)}{hint}")
        if key in found:
            raise ConfigError(f"{loss}: argument {key!r} was given twice")
        found[key] = keyword.value
    return found


def _is_none(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Constant) and tree.value is None
