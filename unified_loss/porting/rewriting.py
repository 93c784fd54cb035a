"""A program with its losses ported, and every other character as it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import libcst as cst
import libcst.matchers as m

from . import known
from .decisions import Decision
from .imports import Fate, Statement, bound_by, dialect_import, edited, fates
from .names import Names, renamed, snake_case
from .sites import Survey

Edit = Callable[[Any], cst.BaseExpression]
"""Makes of a node, what is in it already edited, the node that stands in its place."""

_GONE = "__gone__"
_BLANK = cst.EmptyLine(indent=False)


def rewrite(found: Survey, decisions: Sequence[Decision]) -> str:
    """The text of a program in which the decisions are carried out.

    Parameters
    ----------
    found : the program, and its losses
    decisions : what becomes of them
    """
    fate = fates(found, decisions)
    if not decisions and "move" not in fate.values():
        return found.wrapper.module.code
    changes = _Changes(found, fate)
    for decision in decisions:
        changes.make(decision)
    module = found.wrapper.module.visit(_Rewriting(changes))
    assert isinstance(module, cst.Module)  # noqa: S101  it was one
    return module.code


class _Changes:
    """What is to be changed where, by the identity of the nodes.

    Parameters
    ----------
    found : the program
    fate : what becomes of its imports
    """

    def __init__(self, found: Survey, fate: dict[int, Fate]) -> None:
        self.found = found
        self.fate = fate
        self.edits: dict[int, Edit] = {}
        self.after: dict[int, list[str]] = {}
        self.setup: list[str] = []
        body = found.wrapper.module.body
        self.header = _header(body)
        self._top = {id(line) for line in body}
        self._kept = [b for b in found.bindings if self._is_top(b.statement) and fate[id(b.alias)] == "keep"]
        self._imported: dict[str, str] = {b.denotes: b.name for b in self._kept}
        self._defined: dict[str, dict[str, str]] = {}
        dropped = [b for b in found.bindings if fate[id(b.alias)] == "drop"]
        freed = {b.name for b in dropped if found.names[b.name] == len(b.uses) + 1}
        self.names = Names(set(found.names) - freed)

    def _is_top(self, statement: Statement) -> bool:
        return id(self.found.parent(statement)) in self._top

    def make(self, decision: Decision) -> None:
        """Carry out one decision."""
        if decision.port is None:
            self._to_dialect(decision)
        else:
            self._to_native(decision)

    # ------------------------------------------------------------------ the dialect's

    def _to_dialect(self, decision: Decision) -> None:
        site = decision.site
        bound = [b for b in self.found.bindings if site.root in b.uses]
        if any(self.fate[id(b.alias)] == "move" for b in bound):
            return
        module, last = known.place(site.name)
        name = self._imported.get(f"{known.DIALECTS}.{module}")
        if name is None:
            line, name = dialect_import(module, self.names)
            self._imported[f"{known.DIALECTS}.{module}"] = name
            place = next((self.found.parent(b.statement) for b in bound if self._is_top(b.statement)), None)
            self.after.setdefault(self.header if place is None else id(place), []).append(line)
        shown = cst.parse_expression(f"{name}.{last}")
        self.edits[id(site.node)] = lambda node: shown.with_changes(lpar=node.lpar, rpar=node.rpar)

    # ------------------------------------------------------------------ the target's own

    def _to_native(self, decision: Decision) -> None:
        port, site = decision.port, decision.site
        assert port is not None and site.call is not None  # noqa: S101  who is called
        called = port.source.kind == "function"
        expression, given = _unbound(port.expression) if called else (port.expression, ())
        needed = [line for line in port.imports if not given or line != "import functools"]
        names = dict(pair for line in needed for pair in self._import(line))
        if port.setup:
            value = cst.parse_expression(self._set_up(port.setup, expression, names, site.name))
        else:
            value = cst.parse_expression(renamed(cst.parse_module(expression), names).code)
        parent = self.found.parent(site.call)
        operand = isinstance(parent, cst.Call | cst.Attribute) and _leads(parent) is site.call
        if (called or operand) and not m.matches(value, m.Name() | m.Attribute() | m.Call()):
            value = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        if called:
            self.edits[id(site.call)] = lambda call: _called_with(call, value, decision.tensors, given)
        else:
            self.edits[id(site.call)] = lambda call: _in_place_of(call, value)

    def _import(self, line: str) -> list[tuple[str, str]]:
        """Import what a port needs, unless it is; gives its names there and here."""
        pairs = []
        for name, denotes, renaming in bound_by(line):
            if denotes not in self._imported:
                head, _, last = denotes.rpartition(".")
                other = f"{head.partition('.')[0] or 'the'}_{last}"
                here = name if self._always_denotes(name, denotes) else self.names.take(name, other)
                self._imported[denotes] = here
                added = line if here == name else renaming.format(here)
                self.after.setdefault(self.header, []).append(added)
            pairs.append((name, self._imported[denotes]))
        return pairs

    def _always_denotes(self, name: str, denotes: str) -> bool:
        """Whether a name is bound in the program, and by imports of the same thing alone."""
        bound = [b for b in self.found.bindings if b.name == name]
        same = all(b.denotes == denotes and self.fate[id(b.alias)] == "keep" for b in bound)
        return bool(bound) and same and self.found.names[name] == sum(len(b.uses) + 1 for b in bound)

    def _set_up(self, setup: str, expression: str, names: dict[str, str], source: str) -> str:
        """Define what a port needs before it, what is there already not again; gives what is the loss."""
        for statement in cst.parse_module(setup).body:
            program = renamed(cst.Module([statement]), names)
            text = program.code.strip()
            if text not in self._defined:
                wanted = {name: name for name in _defined(statement)}
                if "loss" in wanted:
                    wanted["loss"] = snake_case(source.rpartition(".")[2])
                self._defined[text] = {name: self.names.take(own) for name, own in wanted.items()}
                self.setup.append(renamed(program, self._defined[text]).code.strip())
            names |= self._defined[text]
        return renamed(cst.parse_module(expression), names).code


def _leads(parent: cst.Call | cst.Attribute) -> cst.BaseExpression:
    return parent.func if isinstance(parent, cst.Call) else parent.value


def _unbound(expression: str) -> tuple[str, tuple[cst.Arg, ...]]:
    """A function and the arguments that `functools.partial` binds to it, where that is what it is."""
    value = cst.parse_expression(expression)
    partial = m.Call(m.Attribute(m.Name("functools"), m.Name("partial")))
    if not isinstance(value, cst.Call) or not m.matches(value, partial):
        return expression, ()
    function, *given = value.args
    return cst.Module([]).code_for_node(function.value), tuple(given)


def _in_place_of(call: cst.Call, value: cst.BaseExpression) -> cst.BaseExpression:
    """A loss in place of the construction of another."""
    return value.with_changes(lpar=[*call.lpar, *value.lpar], rpar=[*value.rpar, *call.rpar])


def _called_with(
    call: cst.Call, value: cst.BaseExpression, tensors: tuple[int, ...], given: tuple[cst.Arg, ...]
) -> cst.Call:
    """The call of a loss in place of another's: with its tensors, and arguments of its own."""
    if tensors == tuple(range(len(tensors))) and not any(call.args[i].keyword for i in tensors):
        args = list(call.args[: len(tensors)])
        comma = args[-1].comma if given else call.args[-1].comma
        args[-1] = args[-1].with_changes(comma=comma)
    else:
        args = [cst.Arg(call.args[i].value) for i in tensors]
    return call.with_changes(func=value, args=[*args, *given])


def _defined(statement: cst.CSTNode) -> list[str]:
    """The names that a statement defines."""
    if isinstance(statement, cst.FunctionDef):
        return [statement.name.value]
    smalls = statement.body if isinstance(statement, cst.SimpleStatementLine) else ()
    targets = [target.target for small in smalls if isinstance(small, cst.Assign) for target in small.targets]
    return [target.value for target in targets if isinstance(target, cst.Name)]


def _header(body: Sequence[cst.BaseStatement | cst.CSTNode]) -> int:
    """The last of the imports that a program begins with; 0 where there is none."""
    last = 0
    for i, statement in enumerate(body):
        if isinstance(statement, cst.SimpleStatementLine):
            if all(isinstance(small, cst.Import | cst.ImportFrom) for small in statement.body):
                last = id(statement)
            elif i or not m.matches(
                statement, m.SimpleStatementLine([m.Expr(m.SimpleString() | m.ConcatenatedString())])
            ):
                break
            else:
                last = id(statement)
        elif isinstance(statement, cst.Try | cst.If) and m.findall(statement, m.Import() | m.ImportFrom()):
            last = id(statement)
        else:
            break
    return last


class _Rewriting(cst.CSTTransformer):
    def __init__(self, changes: _Changes) -> None:
        super().__init__()
        self._changes = changes
        self._setup = [s for text in changes.setup for s in cst.parse_module(text).body]

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        """Carry out what is to be changed at a node."""
        changes = self._changes
        node: Any = super().on_leave(original_node, updated_node)
        if edit := changes.edits.get(id(original_node)):
            node = edit(node)
        if isinstance(original_node, cst.SimpleStatementLine):
            node = self._line(original_node, node)
        added: list[Any] = [cst.parse_statement(line) for line in changes.after.get(id(original_node), ())]
        if id(original_node) == changes.header:
            added += self._setup
        if isinstance(original_node, cst.Module):
            added = [cst.parse_statement(line) for line in changes.after.get(0, ())]
            added += self._setup if changes.header == 0 else []
            return node.with_changes(body=_joined([*added, *node.body], self._setup))
        if isinstance(original_node, cst.IndentedBlock):
            return node.with_changes(body=_joined(node.body) or [cst.parse_statement("pass")])
        lines = [*node] if isinstance(node, cst.FlattenSentinel) else [node]
        return cst.FlattenSentinel([*lines, *added]) if added else node

    def _is_touched(self, statement: Statement) -> bool:
        aliases = () if isinstance(statement.names, cst.ImportStar) else statement.names
        return any(self._changes.fate.get(id(alias), "keep") != "keep" for alias in aliases)

    def _line(self, original: cst.SimpleStatementLine, updated: cst.SimpleStatementLine) -> Any:
        """A line with its imports edited; marked where nothing is left of it."""
        smalls: list[cst.BaseSmallStatement] = []
        changed = False
        for before, after in zip(original.body, updated.body, strict=True):
            if isinstance(before, Statement) and self._is_touched(before):
                smalls += edited(before, self._changes.fate)
                changed = True
            else:
                smalls.append(after)
        if not changed:
            return updated
        if not smalls:
            return updated.with_changes(body=[cst.Expr(cst.Name(_GONE))])
        if len(original.body) > 1 or len(smalls) == 1:
            return updated.with_changes(
                body=[s.with_changes(semicolon=cst.MaybeSentinel.DEFAULT) for s in smalls]
            )
        lines = [cst.SimpleStatementLine([small]) for small in smalls]
        lines[0] = updated.with_changes(body=[smalls[0]])
        return cst.FlattenSentinel(lines)


def _joined(body: Sequence[Any], setup: Sequence[Any] = ()) -> list[Any]:
    """Statements without those that are gone, whose comments stay.

    Parameters
    ----------
    body : the statements
    setup : those of them that stand apart
    """
    found: list[Any] = []
    above: list[cst.EmptyLine] = []
    apart = {id(statement) for statement in setup}
    before: Any = None
    for node in body:
        if m.matches(node, m.SimpleStatementLine([m.Expr(m.Name(_GONE))])):
            above = _over(above, node.leading_lines)
            continue
        lines = _over(above, node.leading_lines)
        if before is not None and (id(node) in apart or id(before) in apart):
            either = isinstance(before, cst.FunctionDef) or isinstance(node, cst.FunctionDef | cst.ClassDef)
            together = id(node) in apart and id(before) in apart
            lines = _over([_BLANK] * (2 if either else 0 if together else 1), lines)
        found.append(node.with_changes(leading_lines=lines))
        above, before = [], node
    return found


def _over(above: Sequence[cst.EmptyLine], lines: Sequence[cst.EmptyLine]) -> list[cst.EmptyLine]:
    """Lines with the comments, or at least as many empty lines, of others above."""
    if any(line.comment for line in above):
        return [*above, *lines]
    blank = next((i for i, line in enumerate(lines) if line.comment), len(lines))
    return [*above[blank:], *lines]
