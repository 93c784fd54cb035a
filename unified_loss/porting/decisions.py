"""What becomes of each loss that was found in a program."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Literal

import libcst as cst
from libcst import matchers

from unified_loss.errors import ConfigError
from unified_loss.naming import resolve

from . import known
from .instances import uses_of
from .literals import OnlyKnownWhenRun
from .result import Port
from .sites import Left, Site, Survey
from .source import NativeCall, from_tree

Style = Literal["dialect", "native"]

Porter = Callable[..., Port]
"""Ports a native call to a framework, as `port` does."""

_WANT_THEIR_OWN = ("mxnet", "torch", "paddle", "mindspore")
"""The frameworks whose containers and trainers take blocks of their own kind only."""


@dataclass(frozen=True, eq=False)
class Decision:
    """What a loss becomes.

    Parameters
    ----------
    site : where it is
    port : the native loss that it becomes; None where it becomes the dialect's
    note : why it is not what was asked for, or how it differs
    tensors : of the call of a function, which of the arguments the native loss is given, in its order
    """

    site: Site
    port: Port | None = None
    note: str = ""
    tensors: tuple[int, ...] = ()

    @property
    def style(self) -> Style:
        """The form that it takes."""
        return "dialect" if self.port is None else "native"


def decide(
    found: Survey, to: str, style: Style, prove: bool, porter: Porter | None = None
) -> tuple[list[Decision], list[Left]]:
    """Say what becomes of each loss.

    Parameters
    ----------
    found : the losses
    to : the framework that they are ported to
    style : ``dialect``, or ``native`` where the framework has an equal loss
    prove : whether native equivalents are run and compared
    porter : finds them; by default `port`

    Returns
    -------
    decisions, left
        And what is left alone after all.
    """
    native = None if style == "dialect" else _Native(found, to, prove, porter)
    decisions, left = [], []
    for site in found.sites:
        try:
            if reason := _lost(site, found):
                raise ConfigError(reason)
            decisions.append(_decision(site, found, native))
        except ConfigError as error:
            left.append(Left(site.call or site.node, str(error)))
    return decisions, left


def _lost(site: Site, found: Survey) -> str:
    """What the program takes from the loss that only the native one has, if it does."""
    row = resolve(site.name) if site.name in known.losses() else None
    if not isinstance(row, type):
        return ""
    head = site.name.partition(".")[0]
    uses = uses_of(site, found)
    own = {*dir(row), *(f.name for f in fields(row))}
    for node in uses.attributes:
        if node.attr.value not in own:
            taken = f"takes {node.attr.value} from it, which only {head}'s own loss has"
            return f"line {found.line(node)[0]} {taken}"
    for call in uses.receivers if head in _WANT_THEIR_OWN else ():
        receiver = found.imported(call.func)
        if receiver.startswith(f"{head}."):
            return f"line {found.line(call)[0]} gives it to {receiver}, which takes only {head}'s own"
    return ""


def _decision(site: Site, found: Survey, native: _Native | None) -> Decision:
    if site.name not in known.losses():
        why = "is no loss itself"
    elif site.call is None:
        why = "is not called here"
    else:
        tree = _tree(site.call, found)
        try:
            call = from_tree(_called_at_once(site.call, found) or tree, _named(site, site.call, found))
            tensors = _tensors(call, tree, site.name)
        except OnlyKnownWhenRun as error:
            # The dialect takes what the native loss takes, whatever that will be.
            why = str(error)
        else:
            if call.holds_weights:
                # A native loss would start from others, without a word in the program.
                return Decision(site, note="it draws weights anew; its load_state takes those of the old one")
            decision = Decision(site) if native is None else native.decision(site, call, tensors)
            return decision if decision.style == "native" else _with_functions(decision, call)
    return Decision(site, note="" if native is None else why)


def _named(site: Site, call: cst.Call, found: Survey) -> Callable[[ast.expr], str | None]:
    """Gives the full names of the loss, and of what it is given."""
    loss = ast.unparse(_tree(call, found).func)
    nodes = [
        node
        for arg in call.args
        for node in matchers.findall(arg.value, matchers.OneOf(matchers.Name(), matchers.Attribute()))
    ]
    names = {found.code(node): found.imported(node) for node in nodes if isinstance(node, cst.BaseExpression)}

    def named(tree: ast.expr) -> str | None:
        text = ast.unparse(tree)
        return site.name if text == loss else names.get(text) or None

    return named


def _with_functions(decision: Decision, call: NativeCall) -> Decision:
    """The decision, noting the functions that the dialect's loss calls as they are."""
    told = [f"{n}={x} stays, and is called with the target's tensors" for n, x in call.functions.items()]
    return replace(decision, note="; ".join(filter(None, [decision.note, *told])))


class _Native:
    """Makes losses those of the target, where they are equal.

    Parameters
    ----------
    found, to, prove, porter : as of `decide`
    """

    def __init__(self, found: Survey, to: str, prove: bool, porter: Porter | None) -> None:
        if porter is None:
            from .port import port  # noqa: PLC0415  loads the cases

            porter = port
        self._found = found
        self._to = to
        self._prove = prove
        self._porter = porter
        self._ports: dict[str, Port] = {}

    def decision(self, site: Site, call: NativeCall, tensors: tuple[int, ...]) -> Decision:
        """Native, or the dialect's and why."""
        key = repr((str(call), call.given, call.tensors))
        try:
            if key not in self._ports:
                self._ports[key] = self._porter(call, self._to, prove=self._prove)
        except ConfigError as error:
            return Decision(site, note=str(error))
        port = self._ports[key]
        if port.native is None:
            return Decision(site, note=port.reason or f"{self._to} has no equal loss")
        if port.verdict == "approximate":
            differs = "; ".join(map(str, port.differences))
            return Decision(site, note=f"{port.target} is not equal{f': {differs}' if differs else ''}")
        if port.proof is not None and port.proof.kind != "none" and not port.proof.holds:
            return Decision(site, note=f"{port.target} was run beside it and is not equal")
        if uses_of(site, self._found).by_keyword and not port.setup:
            return Decision(site, note=f"it is called by keywords, which {port.target} may not have")
        if not port.expression.endswith(")") and _is_attribute_of_class(site, self._found):
            return Decision(site, note="as an attribute of a class, a function would be a method")
        return Decision(site, port, "" if port.verdict == "exact" else "after the adaptation shown", tensors)


def _is_attribute_of_class(site: Site, found: Survey) -> bool:
    """Whether the loss that is made is kept as an attribute of a class."""
    parents = [found.parent(site.call or site.node)]
    while parents[-1] is not None and len(parents) < 4:
        parents.append(found.parent(parents[-1]))
    kinds = (cst.Assign | cst.AnnAssign, cst.SimpleStatementLine, cst.IndentedBlock, cst.ClassDef)
    return len(parents) == 4 and all(map(isinstance, parents, kinds))


def _called_at_once(made: cst.Call, found: Survey) -> ast.Call | None:
    """The call of a loss where it is made, which tells what it is given."""
    call = found.parent(made)
    if not isinstance(call, cst.Call) or call.func is not made or any(arg.star for arg in call.args):
        return None
    return _tree(call, found)


def _tree(call: cst.Call, found: Survey) -> ast.Call:
    tree = ast.parse(f"({found.code(call)})", mode="eval").body
    assert isinstance(tree, ast.Call)  # noqa: S101  it was one
    return tree


def _tensors(call: NativeCall, tree: ast.Call, name: str) -> tuple[int, ...]:
    """Which of the arguments of the call of a function are its tensors, in the order of `arguments`."""
    if call.kind == "class":
        return ()
    keywords = [str(keyword.arg) for keyword in tree.keywords]
    count = len(tree.args)
    try:
        bound = inspect.signature(resolve(name)).bind(
            *range(count), **{k: count + i for i, k in enumerate(keywords)}
        )
    except TypeError as error:
        raise ConfigError(f"{call.name}: {error}") from None
    return tuple(bound.arguments[name] for name in call.arguments if name in bound.arguments)
