"""A port as a program: the call of the target's loss, and what is done before and after it."""

from __future__ import annotations

import inspect
import keyword
from dataclasses import dataclass, replace

import numpy as np

from unified_loss.dialects.functions import DialectFunction

from .arranging import lines_before
from .draft import CannotAdapt, Draft
from .phrases import PHRASEBOOKS, Phrasebook
from .reducing import lines_after, rows_last, unreduced
from .source import FRAMEWORKS, spelled


@dataclass(frozen=True)
class Program:
    """Python that defines a loss.

    Parameters
    ----------
    imports : the import statements
    setup : the definition of the function `loss`; empty where `expression` is a loss by itself
    expression : what is the loss
    """

    imports: tuple[str, ...]
    setup: str
    expression: str


def native_program(draft: Draft) -> Program:
    """The program in the target's framework."""
    if draft.target.row is None:
        return _of_formula(draft)
    name = draft.target.name
    head = name.partition(".")[0]
    book = PHRASEBOOKS[FRAMEWORKS[head]]
    imported = {"tf": "import tensorflow as tf", "mxnet": "import mxnet as mx"}.get(head, f"import {head}")
    called = "mx." + name.partition(".")[2] if head == "mxnet" else name
    program = _program(draft, book, called)
    return replace(program, imports=_imports(program.setup + program.expression, book, {imported}))


def _of_formula(draft: Draft) -> Program:
    """The program with the formula written out in the framework's own operations."""
    book = PHRASEBOOKS[FRAMEWORKS[draft.framework]]
    formula = draft.formula
    program = _program(draft, book, formula.name)
    definitions = f"{formula.definitions.rstrip()}\n\n\n"
    if not program.setup:
        return Program(formula.imports, definitions, program.expression)
    imports = _imports(program.setup, book, set(formula.imports))
    return Program(imports, definitions + program.setup, program.expression)


def neutral_program(draft: Draft) -> Program:
    """The same in terms of this library's ops and dialect, in which it can be tried anywhere."""
    if draft.target.row is None:
        given = dict(draft.target.parameters)
        called = f"formula({draft.target.name!r}, {given!r}, {draft.weighs})"
        return _program(draft, PHRASEBOOKS["ops"], called)
    return _program(draft, PHRASEBOOKS["ops"], f"resolve({draft.target.name!r})")


def _program(draft: Draft, book: Phrasebook, called: str) -> Program:
    row = draft.target.row
    parameters = {
        n: book.array(np.asarray(v).tolist()) if hasattr(v, "shape") else spelled(v)
        for n, v in draft.target.parameters.items()
        if row is not None
    }
    if draft.target.name == "paddle.nn.CTCLoss" and draft.target.parameters.get("blank", 0) < 0:
        raise CannotAdapt("paddle.nn.CTCLoss counts no classes from the end")
    if draft.target.name == "paddle.nn.functional.ctc_loss" and draft.target.parameters.get("blank", 0) < 0:
        blank, x = draft.target.parameters["blank"], draft.names["prediction"]
        parameters["blank"] = f"{book.say('size', x=x, axis=-1)} - {-blank}"
    given = ", ".join(f"{n}={v}" for n, v in parameters.items())
    constructed = row is not None and not isinstance(row, DialectFunction)
    trick, undo = unreduced(draft, book)
    before = [*lines_before(draft, book), *rows_last(draft, book)]
    after = lines_after(draft, book, bool(undo))
    if not (before or after or trick or draft.has_more) and _same_order(draft):
        if constructed:
            return Program((), "", f"{called}({given})")
        return Program((), "", f"functools.partial({called}, {given})" if given else called)
    made, setup = called, ""
    if row is not None and constructed:
        made = _variable(row.__name__, set(draft.names.values()))
        setup = f"{made} = {called}({given})\n\n\n"
    if row is None:
        constants = ((role, np.asarray(c.tensor).tolist()) for role, c in draft.target.plan.constants)
        setup += "".join(f"{role} = {book.array(values)}\n\n\n" for role, values in constants)
    if any("level_ranks(" in line for line in (*before, *after)):
        setup += _level_ranks(book)
    arguments = _arguments(draft, trick) + [f"{n}={v}" for n, v in parameters.items() if not constructed]
    call = f"{made}({', '.join(arguments)})" + ("[0]" if draft.has_more else "")
    if undo:
        after.insert(0, f"losses = {undo}")
    if not after:
        last = [f"return {call}{'[0]' if draft.weighs else ''}"]
    else:
        result = "losses, weights" if draft.weighs else "losses"
        value = after.pop().removeprefix("losses = ") if after[-1].startswith("losses = ") else "losses"
        last = [f"{result} = {call}", *after, f"return {value}"]
    body = "".join(f"    {line}\n" for line in (*before, *last))
    return Program((), f"{setup}def loss({draft.source.signature}):\n{body}", "loss")


def _arguments(draft: Draft, trick: dict[str, str]) -> list[str]:
    """The tensors of the call of the target's loss, by position as far as they come in its order."""
    shown: list[str] = []
    for position, (role, native) in enumerate(draft.taken.items()):
        name = draft.names.get(role, role if role in draft.needed else None)
        if name is None and draft.target.row is None and role in dict(draft.target.plan.constants):
            name = role
        if name is None or (role == "weight" and not draft.passes_weight):
            continue
        value = trick.get(role, name)
        shown.append(value if position == len(shown) else f"{native}={value}")
    return shown


def _same_order(draft: Draft) -> bool:
    """Whether the target's loss can stand for the source's: its tensors come in the same order."""
    mine = list(draft.source.roles.values())
    if draft.untold or not set(mine) <= set(draft.taken):
        return False
    row = draft.target.row
    if row is None or not isinstance(row, DialectFunction):
        return list(draft.taken)[: len(mine)] == mine
    return list(inspect.signature(row).parameters)[: len(mine)] == [draft.taken[role] for role in mine]


def _level_ranks(book: Phrasebook) -> str:
    """The definition of a function that gives two tensors as many axes, as Keras does."""
    x, y = book.say("shape", x="x"), book.say("shape", x="y")
    expanded, dropped = ({name: book.say(phrase, x=name) for name in "xy"} for phrase in ("expand", "drop"))
    return f"""\
def level_ranks(x, y):
    if len({x}) == len({y}) + 1 and {x}[-1] == 1:
        return (x, {expanded["y"]}) if len({y}) == 1 else ({dropped["x"]}, y)
    if len({y}) == len({x}) + 1 and {y}[-1] == 1:
        return ({expanded["x"]}, y) if len({x}) == 1 else (x, {dropped["y"]})
    return x, y


"""


def _imports(text: str, book: Phrasebook, others: set[str]) -> tuple[str, ...]:
    """The import statements that a program needs."""
    found = set(others)
    if f"{book.imports.rpartition(' ')[2]}." in text:
        found.add(book.imports)
    if "jax.nn." in text or "jax.lax." in text:
        found.add("import jax")
    if "functools." in text:
        found.add("import functools")
    return tuple(sorted(found))


def _variable(name: str, taken: set[str]) -> str:
    """A variable for a loss of a class of this name."""
    found = "".join(
        f"_{c.lower()}" if c.isupper() and i and not name[i - 1].isupper() else c.lower()
        for i, c in enumerate(name)
    )
    while found in taken or keyword.iskeyword(found) or found == "loss":
        found += "_"
    return found
