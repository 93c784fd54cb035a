"""What becomes of the imports of a program whose losses are ported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import libcst as cst

from . import known
from .decisions import Decision
from .names import Names
from .sites import Binding, Survey, dotted

Fate = Literal["keep", "move", "drop"]

Statement = cst.Import | cst.ImportFrom


def fates(found: Survey, decisions: Sequence[Decision]) -> dict[int, Fate]:
    """What becomes of each import, by the identity of its alias.

    Parameters
    ----------
    found : the program
    decisions : what becomes of its losses

    Returns
    -------
    dict
        ``move`` where the same import from the dialect gives all that is used; ``drop`` where nothing is
        used any more; else ``keep``.
    """
    return {id(binding.alias): _fate(binding, found, decisions) for binding in found.bindings}


def _fate(binding: Binding, found: Survey, decisions: Sequence[Decision]) -> Fate:
    if not isinstance(found.parent(binding.statement), cst.SimpleStatementLine):
        return "keep"
    mine = [d for d in decisions if d.site.root in binding.uses]
    unused = not binding.uses and isinstance(binding.statement, cst.ImportFrom)
    if unused and binding.denotes.startswith(found.heads) and binding.denotes in known.losses():
        return "move"
    if not mine or {d.site.root for d in mine} != set(binding.uses):
        return "keep"
    through = [d for d in mine if d.port is None]
    renames = binding.alias.asname is not None or isinstance(binding.statement, cst.ImportFrom)
    if not through:
        return "drop" if renames or not _rooted(binding, found) else "keep"
    if (renames or "." not in dotted(binding.alias.name)) and all(_reaches(binding, d) for d in through):
        return "move"
    return "drop" if renames or not _rooted(binding, found) else "keep"


def _reaches(binding: Binding, decision: Decision) -> bool:
    _, _, rest = dotted(decision.site.node).partition(".")
    return not rest or known.reaches(binding.denotes, rest)


def _rooted(binding: Binding, found: Survey) -> bool:
    """Whether the package that `import a.b` binds is read elsewhere, through another import or none."""
    others = [b for b in found.bindings if b is not binding and b.name == binding.name]
    return any(set(other.uses) - set(binding.uses) for other in others)


def edited(statement: Statement, fate: Mapping[int, Fate]) -> list[cst.BaseSmallStatement]:
    """The statements that an import becomes."""
    assert not isinstance(statement.names, cst.ImportStar)  # noqa: S101  has no aliases
    kept = [alias for alias in statement.names if fate.get(id(alias), "keep") == "keep"]
    moved = [alias for alias in statement.names if fate.get(id(alias)) == "move"]
    if isinstance(statement, cst.ImportFrom):
        assert statement.module is not None  # noqa: S101  relative imports are no framework's
        module = cst.parse_expression(f"{known.DIALECTS}.{dotted(statement.module)}")
        return [*_only(statement, kept), *_only(statement.with_changes(module=module), moved)]
    renamed = [alias for alias in moved if alias.asname is not None]
    both = [
        _through_dialect(alias) if alias in renamed else alias
        for alias in statement.names
        if alias in kept or alias in renamed
    ]
    plain = [f"from {known.DIALECTS} import {dotted(alias.name)}" for alias in moved if alias not in renamed]
    return [*_only(statement, both), *_parsed(plain)]


def _only(statement: Statement, aliases: Sequence[cst.ImportAlias]) -> list[cst.BaseSmallStatement]:
    """The import with these aliases alone, each with its comment; the last ends as the last did before."""
    if not aliases:
        return []
    assert not isinstance(statement.names, cst.ImportStar)  # noqa: S101  has no aliases
    last, before = aliases[-1], statement.names[-1].comma
    after = last.comma.whitespace_after if isinstance(last.comma, cst.Comma) else None
    if isinstance(after, cst.ParenthesizedWhitespace) and after.first_line.comment:
        ends = before.whitespace_after if isinstance(before, cst.Comma) else None
        if isinstance(ends, cst.ParenthesizedWhitespace):
            after = ends.with_changes(first_line=after.first_line)
        last = last.with_changes(comma=cst.Comma(whitespace_after=after))
    else:
        last = last.with_changes(comma=before)
    return [statement.with_changes(names=[*aliases[:-1], last])]


def _through_dialect(alias: cst.ImportAlias) -> cst.ImportAlias:
    return alias.with_changes(name=cst.parse_expression(f"{known.DIALECTS}.{dotted(alias.name)}"))


def _parsed(lines: Iterable[str]) -> list[cst.BaseSmallStatement]:
    return [
        small
        for line in lines
        for small in cst.ensure_type(cst.parse_statement(line), cst.SimpleStatementLine).body
    ]


def dialect_import(module: str, names: Names) -> tuple[str, str]:
    """A new import of the dialect's module, and the name that it binds.

    Parameters
    ----------
    module : the native one
    names : those of the program
    """
    before, _, last = module.rpartition(".")
    wanted = f"{before.rpartition('.')[2]}_{last}" if last in ("loss", "losses") else f"{last}_losses"
    name = names.take(wanted)
    return f"from {known.DIALECTS}{'.' if before else ''}{before} import {last} as {name}", name


def bound_by(line: str) -> list[tuple[str, str, str]]:
    """What an import statement binds: the name, what it denotes, and the statement under a name ``{}``."""
    found = []
    for statement in cst.parse_module(line).body:
        small = cst.ensure_type(statement, cst.SimpleStatementLine).body[0]
        assert isinstance(small, Statement) and not isinstance(small.names, cst.ImportStar)  # noqa: S101
        base = "" if isinstance(small, cst.Import) or small.module is None else dotted(small.module)
        for alias in small.names:
            full = dotted(alias.name)
            name = (
                dotted(alias.asname.name) if alias.asname and isinstance(alias.asname.name, cst.Name) else ""
            )
            if base:
                found.append((name or full, f"{base}.{full}", f"from {base} import {full} as {{}}"))
            else:
                head = full.partition(".")[0]
                found.append((name or head, full if name else head, f"import {full} as {{}}"))
    return found
