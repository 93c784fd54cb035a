"""What a program does with the losses that it makes, as far as that shows where they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst
import libcst.matchers as m
from libcst.metadata import Scope, ScopeProvider

from .sites import Chain, Site, Survey


@dataclass(frozen=True, eq=False)
class Uses:
    """The uses of a loss that is kept under a name.

    Parameters
    ----------
    attributes : what is taken from it
    calls : its calls
    receivers : the calls that are given it, by itself or in a list or table
    """

    attributes: tuple[cst.Attribute, ...] = ()
    calls: tuple[cst.Call, ...] = ()
    receivers: tuple[cst.Call, ...] = ()

    @property
    def by_keyword(self) -> bool:
        """Whether a call names its arguments."""
        return any(argument.keyword is not None for call in self.calls for argument in call.args)


def uses_of(site: Site, found: Survey) -> Uses:
    """What is done with the loss that is constructed at a site.

    Parameters
    ----------
    site : a call of the class of a loss
    found : the program
    """
    if site.call is None:
        return Uses()
    attributes, calls, receivers = [], [], []
    for node in (site.call, *_kept(site.call, found)):
        parent = found.parent(node)
        if isinstance(parent, cst.Attribute) and parent.value is node:
            attributes.append(parent)
        elif isinstance(parent, cst.Call) and parent.func is node:
            calls.append(parent)
        elif (receiver := _receiver(node, found)) is not None:
            receivers.append(receiver)
    return Uses(tuple(attributes), tuple(calls), tuple(receivers))


def _receiver(node: cst.CSTNode, found: Survey) -> cst.Call | None:
    """The call that a value is an argument of, or in a list or table in one."""
    holder = found.parent(node)
    while isinstance(holder, cst.Element | cst.List | cst.Tuple | cst.DictElement | cst.Dict | cst.Arg):
        holder = found.parent(holder)
    return holder if isinstance(holder, cst.Call) and holder.func is not node else None


def _kept(made: cst.Call, found: Survey) -> Iterator[Chain]:
    """Where the program reads the name, or the attribute of its object, that a loss is kept under."""
    holder = found.parent(made)
    target: cst.BaseExpression
    if isinstance(holder, cst.Assign) and len(holder.targets) == 1:
        target = holder.targets[0].target
    elif isinstance(holder, cst.AnnAssign | cst.NamedExpr):
        target = holder.target
    else:
        return
    if isinstance(target, cst.Name):
        scope = found.wrapper.resolve(ScopeProvider).get(target)
        for assignment in scope[target.value] if isinstance(scope, Scope) else ():
            for access in assignment.references:
                if isinstance(access.node, cst.Name):
                    yield access.node
                elif isinstance(access.node, cst.Attribute) and isinstance(access.node.value, cst.Name):
                    yield access.node.value
    elif m.matches(target, m.Attribute(value=m.Name("self"))):
        owner: cst.CSTNode | None = made
        while owner is not None and not isinstance(owner, cst.ClassDef):
            owner = found.parent(owner)
        if owner is not None:
            same = m.Attribute(
                value=m.Name("self"), attr=m.Name(cst.ensure_type(target, cst.Attribute).attr.value)
            )
            yield from (cst.ensure_type(n, cst.Attribute) for n in m.findall(owner, same) if n is not target)
