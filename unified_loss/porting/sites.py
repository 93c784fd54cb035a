"""Where a program uses the losses of a framework: found in its syntax, never by running it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import libcst as cst
from libcst.metadata import (
    ImportAssignment,
    MetadataWrapper,
    ParentNodeProvider,
    PositionProvider,
    QualifiedName,
    QualifiedNameProvider,
    QualifiedNameSource,
    Scope,
    ScopeProvider,
)

from . import known

Chain = cst.Name | cst.Attribute
"""A name, or a name and its attributes, as in ``gluon.loss.HuberLoss``."""


_LOOKING_UP = ("getattr", "setattr", "hasattr", "vars", "dir")


@dataclass(frozen=True, eq=False)
class Site:
    """A use of a loss.

    Parameters
    ----------
    node : its name, as it is written
    name : its native dotted name
    root : the first name in `node`
    call : the call of it, where it is called
    """

    node: Chain
    name: str
    root: cst.Name
    call: cst.Call | None


@dataclass(frozen=True, eq=False)
class Left:
    """Something that may be a loss and is left alone.

    Parameters
    ----------
    node : what it is
    reason : why
    """

    node: cst.CSTNode
    reason: str


@dataclass(frozen=True, eq=False)
class Binding:
    """A name that an import binds.

    Parameters
    ----------
    statement, alias : the import
    name : what is bound in the program
    denotes : the dotted name of what it is bound to
    uses : the names that stand for it
    """

    statement: cst.Import | cst.ImportFrom
    alias: cst.ImportAlias
    name: str
    denotes: str
    uses: tuple[cst.Name, ...]


@dataclass(eq=False)
class Survey:
    """What was found in a program.

    Parameters
    ----------
    wrapper : its syntax
    heads : how the dotted names of the losses begin that were sought
    sites : the uses of losses, in order
    left : what is left alone
    bindings : the names that its imports bind
    names : every name in it, and how often; attributes apart
    """

    wrapper: MetadataWrapper
    heads: tuple[str, ...]
    sites: list[Site] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """What a node is part of."""
        found = self.wrapper.resolve(ParentNodeProvider).get(node)
        return found if isinstance(found, cst.CSTNode) else None

    def line(self, node: cst.CSTNode) -> tuple[int, int]:
        """The line and column of a node."""
        start = self.wrapper.resolve(PositionProvider)[node].start
        return start.line, start.column

    def imported(self, node: cst.CSTNode) -> str:
        """The dotted name of what a name was imported as; empty where it was not."""
        found = self.wrapper.resolve(QualifiedNameProvider).get(node, ())
        names = found() if callable(found) else found or ()
        return next((q.name for q in names if q.source is QualifiedNameSource.IMPORT), "")

    def code(self, node: cst.CSTNode) -> str:
        """A node as it is written."""
        return self.wrapper.module.code_for_node(node)


def survey(module: cst.Module, heads: Sequence[str]) -> Survey:
    """Find the losses in a program.

    Parameters
    ----------
    module : the program
    heads : how the dotted names of the losses begin that are sought
    """
    found = Survey(MetadataWrapper(module), tuple(heads))
    found.wrapper.visit(_Finder(found))
    _bindings(found)
    return found


def root(node: cst.CSTNode) -> cst.Name | None:
    """The first name of a chain of attributes."""
    while isinstance(node, cst.Attribute):
        node = node.value
    return node if isinstance(node, cst.Name) else None


def dotted(node: cst.CSTNode) -> str:
    """A chain as a dotted name."""
    return (
        f"{dotted(node.value)}.{node.attr.value}"
        if isinstance(node, cst.Attribute)
        else cst.ensure_type(node, cst.Name).value
    )


class _Finder(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (QualifiedNameProvider, ScopeProvider, ParentNodeProvider)

    def __init__(self, found: Survey) -> None:
        super().__init__()
        self._found = found
        self._heads = found.heads
        self._aliases: set[str] = set()

    # ------------------------------------------------------------------ names

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        if not self._chain(node):
            return True
        self._found.names[cst.ensure_type(root(node), cst.Name).value] += 1
        return False

    def visit_Name(self, node: cst.Name) -> None:
        parent = self._parent(node)
        if not isinstance(parent, cst.Attribute) or parent.value is node:
            self._found.names[node.value] += 1
            self._chain(node)

    def _chain(self, node: Chain) -> bool:
        """Note what a chain is; whether it was a loss, or may be one."""
        first = root(node)
        if first is None:
            return False
        found = self._qualified(node)
        imported = {q.name for q in found if q.source is QualifiedNameSource.IMPORT}
        losses = {name for name in imported if self._wanted(name) and known.has(name)}
        if losses:
            self._loss(node, first, losses, found)
            return True
        missing = [name for name in imported if self._wanted(name) and known.is_missing_loss(name)]
        if missing:
            self._leave(node, f"no dialect has a loss named {missing[0]}")
            return True
        module = next((name for name in imported if self._is_module(name)), None)
        if module is not None:
            self._module(node, module)
        elif not imported and isinstance(node, cst.Attribute):
            self._hidden(node, first)
        return False

    def _loss(self, node: Chain, first: cst.Name, losses: set[str], found: Collection[QualifiedName]) -> None:
        if len(found) > 1:
            names = {q.name for q in found if q.source is QualifiedNameSource.IMPORT}
            own = (
                ["the program's own"]
                if any(q.source is not QualifiedNameSource.IMPORT for q in found)
                else []
            )
            meant = " or ".join([*sorted(names), *own])
            self._leave(node, f"{first.value} is bound more than once; this may be {meant}")
            return
        parent = self._parent(node)
        if isinstance(parent, cst.AssignTarget | cst.AnnAssign | cst.AugAssign | cst.Del) and self._is_target(
            node
        ):
            self._leave(node, "something else is assigned to it")
            return
        if isinstance(parent, cst.Arg) and isinstance(owner := self._parent(parent), cst.ClassDef):
            self._leave(node, f"class {owner.name.value} is derived from it, and may rely on how it is made")
            return
        call = parent if isinstance(parent, cst.Call) and parent.func is node else None
        self._found.sites.append(Site(node, losses.pop(), first, call))

    def _is_target(self, node: Chain) -> bool:
        parent = self._parent(node)
        return not isinstance(parent, cst.AnnAssign) or parent.target is node

    def _hidden(self, node: cst.Attribute, first: cst.Name) -> None:
        """A loss by its last name, of what stands where a module was imported, or is bound to one."""
        last = node.attr.value
        like = any(name.startswith(self._heads) and name.endswith(f".{last}") for name in known.losses())
        if like and (first.value in self._aliases or self._shadows(first)):
            what = "is an argument or a variable here"
            self._leave(node, f"{first.value} {what}; what it is, is only known when the program runs")

    def _shadows(self, first: cst.Name) -> bool:
        scope = self.get_metadata(ScopeProvider, first, None)
        outermost = scope.globals if isinstance(scope, Scope) else None
        if outermost is None:
            return False
        names = {
            q.name
            for q in outermost.get_qualified_names_for(first.value)
            if q.source is QualifiedNameSource.IMPORT
        }
        return any(self._is_module(name) for name in names)

    # ------------------------------------------------------------------ modules

    def _is_module(self, name: str) -> bool:
        """Whether losses are in this module, or below."""
        return f"{name}.".startswith(self._heads) and any(
            f"{m}.".startswith(f"{name}.") for m in known.modules()
        )

    def _module(self, node: Chain, name: str) -> None:
        """A module with losses in it, on its own."""
        parent = self._parent(node)
        if isinstance(parent, cst.Attribute) and parent.value is node:
            if parent.attr.value == "__dict__":
                self._leave(parent, "a loss may be looked up in it when the program runs")
            return
        if isinstance(parent, cst.Assign | cst.AnnAssign | cst.NamedExpr) and parent.value is node:
            targets = (
                [t.target for t in parent.targets] if isinstance(parent, cst.Assign) else [parent.target]
            )
            self._aliases.update(t.value for t in targets if isinstance(t, cst.Name))
            self._leave(parent, f"{name} is given another name")
        elif isinstance(parent, cst.Arg) and isinstance(call := self._parent(parent), cst.Call):
            self._passed(call, name)
        elif known.only_losses(name):
            self._leave(node, "what is taken from it is only known when the program runs")

    def _passed(self, call: cst.Call, name: str) -> None:
        looks = isinstance(call.func, cst.Name) and call.func.value in _LOOKING_UP
        if looks and len(call.args) > 1 and isinstance(text := call.args[1].value, cst.SimpleString):
            looks = f"{name}.{text.raw_value}" in known.losses()
        if (looks and name in known.modules()) or known.only_losses(name):
            self._leave(call, f"what is taken from {name} is only known when the program runs")

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        module = "" if node.module is None or node.relative else dotted(node.module)
        if isinstance(node.names, cst.ImportStar) and module and self._is_module(module):
            self._leave(node, "which names a star import binds is only known when the program runs")
        for alias in () if isinstance(node.names, cst.ImportStar) else node.names:
            self._import(alias)
        return False

    def visit_Import(self, node: cst.Import) -> bool:
        for alias in node.names:
            self._import(alias)
        return False

    def _import(self, alias: cst.ImportAlias) -> None:
        bound = alias.asname.name if alias.asname else alias.name
        self._found.names.update(dotted(bound).split(".") if isinstance(bound, Chain) else ())

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        # MXNet gives its operations, of arrays or of symbols, as an argument.
        if node.name.value == "hybrid_forward" and "mxnet." in self._heads and len(node.params.params) > 1:
            self._aliases.add(node.params.params[1].name.value)

    # ------------------------------------------------------------------ names given as text

    def visit_Call(self, node: cst.Call) -> None:
        compiles = isinstance(node.func, cst.Attribute) and node.func.attr.value == "compile"
        if not compiles or not any(head in self._heads for head in ("keras.", "tensorflow.")):
            return
        for argument in node.args:
            if argument.keyword is not None and argument.keyword.value == "loss":
                for text in _texts(argument.value):
                    self._leave(text, "a loss by its name, which keras looks up when the program runs")

    def visit_SimpleString(self, node: cst.SimpleString) -> None:
        value = node.evaluated_value
        if not isinstance(value, str) or not self._wanted(value):
            return
        if known.only_losses(value) or value in known.losses():
            self._leave(node, "a loss by its name, which is looked up when the program runs")

    # ------------------------------------------------------------------ beside

    def _qualified(self, node: Chain) -> Collection[QualifiedName]:
        found = self.get_metadata(QualifiedNameProvider, node, ())
        return found() if callable(found) else found or ()

    def _wanted(self, name: str) -> bool:
        return name.startswith(self._heads)

    def _parent(self, node: cst.CSTNode) -> cst.CSTNode:
        found: cst.CSTNode = self.get_metadata(ParentNodeProvider, node)
        return found

    def _leave(self, node: cst.CSTNode, reason: str) -> None:
        self._found.left.append(Left(node, reason))


def _texts(node: cst.BaseExpression) -> list[cst.BaseExpression]:
    """The texts in the argument for the losses of a model: one, a list, or a table."""
    if isinstance(node, cst.SimpleString):
        return [node]
    if isinstance(node, cst.List | cst.Tuple | cst.Dict):
        values = [e.value for e in node.elements if isinstance(e, cst.Element | cst.DictElement)]
        return [text for value in values for text in _texts(value)]
    return []


def _bindings(found: Survey) -> None:
    """Note the names that the imports bind, each with where it is used."""
    scopes = {scope for scope in found.wrapper.resolve(ScopeProvider).values() if isinstance(scope, Scope)}
    uses: dict[tuple[int, int], set[cst.Name]] = {}
    aliases: dict[tuple[int, int], tuple[cst.Import | cst.ImportFrom, cst.ImportAlias]] = {}
    for assignment in (a for scope in scopes for a in scope.assignments if isinstance(a, ImportAssignment)):
        statement = assignment.node
        if not isinstance(statement, cst.Import | cst.ImportFrom) or isinstance(
            statement.names, cst.ImportStar
        ):
            continue
        for alias in statement.names:
            if (alias.asname.name if alias.asname else alias.name) is not assignment.as_name:
                continue
            key = (id(statement), id(alias))
            aliases[key] = (statement, alias)
            firsts = (root(access.node) for access in assignment.references)
            uses.setdefault(key, set()).update(first for first in firsts if first is not None)
    for key, (statement, alias) in aliases.items():
        base = ""
        if isinstance(statement, cst.ImportFrom):
            if statement.relative or statement.module is None:
                continue
            base = f"{dotted(statement.module)}."
        full = f"{base}{dotted(alias.name)}"
        asname = alias.asname.name if alias.asname else None
        name = asname.value if isinstance(asname, cst.Name) else full.removeprefix(base).partition(".")[0]
        denotes = full if asname is not None or base else name
        found.bindings.append(Binding(statement, alias, name, denotes, tuple(uses[key])))
    found.bindings.sort(key=lambda binding: found.line(binding.alias))
