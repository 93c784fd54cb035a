"""What becomes of each loss that was found in a program."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass, fields
from typing import Literal

import libcst as cst

from unified_loss.errors import ConfigError
from unified_loss.naming import resolve

from . import known
from .instances import uses_of
from .result import Port
from .sites import Left, Site, Survey
from .source import NativeCall, from_tree

Style = Literal["dialect", "native"]

_DYNAMIC = "only known when the program runs"


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


def decide(found: Survey, to: str, style: Style, prove: bool) -> tuple[list[Decision], list[Left]]:
    """Say what becomes of each loss.

    Parameters
    ----------
    found : the losses
    to : the framework that they are ported to
    style : ``dialect``, or ``native`` where the framework has an equal loss
    prove : whether native equivalents are run and compared

    Returns
    -------
    decisions, left
        And what is left alone after all.
    """
    decisions, left = [], []
    for site in found.sites:
        if reason := _lost(site, found):
            left.append(Left(site.call or site.node, reason))
            continue
        try:
            decisions.append(_decision(site, found, to, style, prove))
        except ConfigError as error:
            left.append(Left(site.call or site.node, str(error)))
    return decisions, left


def _lost(site: Site, found: Survey) -> str:
    """What the program takes from the loss that only the native one has, if it does."""
    row = resolve(site.name) if site.name in known.losses() else None
    if not isinstance(row, type):
        return ""
    own = {*dir(row), *(f.name for f in fields(row))}
    taken = next((node for node in uses_of(site, found).attributes if node.attr.value not in own), None)
    if taken is None:
        return ""
    head = site.name.partition(".")[0]
    return f"line {found.line(taken)[0]} takes {taken.attr.value} from it, which only {head}'s own loss has"


def _decision(site: Site, found: Survey, to: str, style: Style, prove: bool) -> Decision:
    if site.name not in known.losses():
        return Decision(site, note=_unless(style == "dialect", "is no loss itself"))
    if site.call is None:
        return Decision(site, note=_unless(style == "dialect", "is not called here"))
    tree = _tree(site.call, found)
    try:
        call = from_tree(tree, lambda _: site.name)
    except ConfigError as error:
        if _DYNAMIC not in str(error):
            raise
        return Decision(site, note=_unless(style == "dialect", str(error)))
    tensors = _tensors(call, tree)
    if style == "dialect":
        return Decision(site)
    uses = uses_of(site, found)
    from .port import port  # noqa: PLC0415  loads what only native equivalents need

    try:
        ported = port(call, to, prove=prove)
    except ConfigError as error:
        return Decision(site, note=str(error))
    if ported.native is None:
        return Decision(site, note=ported.reason or f"{to} has no equal loss")
    differs = "; ".join(map(str, ported.differences))
    if ported.verdict == "approximate":
        return Decision(site, note=f"{ported.target} is not equal: {differs}")
    if uses.by_keyword and not ported.setup:
        return Decision(site, note=f"it is called by keywords, which {ported.target} may not have")
    return Decision(site, ported, "" if ported.verdict == "exact" else "after the adaptation shown", tensors)


def _unless(fits: bool, note: str) -> str:
    return "" if fits else note


def _tree(call: cst.Call, found: Survey) -> ast.Call:
    tree = ast.parse(f"({found.code(call)})", mode="eval").body
    assert isinstance(tree, ast.Call)  # noqa: S101  it was one
    return tree


def _tensors(call: NativeCall, tree: ast.Call) -> tuple[int, ...]:
    """Which of the arguments of the call of a function are its tensors, in the order of `arguments`."""
    if call.kind == "class":
        return ()
    keywords = [str(keyword.arg) for keyword in tree.keywords]
    count = len(tree.args)
    try:
        bound = inspect.signature(call.row).bind(
            *range(count), **{k: count + i for i, k in enumerate(keywords)}
        )
    except TypeError as error:
        raise ConfigError(f"{call.name}: {error}") from None
    return tuple(bound.arguments[name] for name in call.arguments if name in bound.arguments)
