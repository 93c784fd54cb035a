"""Mutants of the source: of the formulas, and of what weights and reduces their losses."""

from __future__ import annotations
import __future__

import ast
import contextlib
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from unified_loss.conformance.mutant import MutantKind

from unified_loss import losses
from unified_loss.spec import Spec

from .edits import Edit, edits_of

_CORE: dict[str, MutantKind] = {
    "unified_loss.weighting": "weighting",
    "unified_loss.finishing": "weighting",
    "unified_loss.reduction": "reduction",
}
"""How inputs are laid out is in the plans, whose mutants say something else of it."""


@dataclass(frozen=True, eq=False)
class SourceMutant:
    """A function with one edit.

    Parameters
    ----------
    kind : of what
    module : where the function is
    function : its name there; of a method, with its class
    tree : the function
    edit : what is changed
    """

    kind: MutantKind
    module: str
    function: str
    tree: ast.FunctionDef
    edit: Edit

    @property
    def id(self) -> str:
        """What is changed, and in which file and line."""
        file, line = self.module.rpartition(".")[2], self.edit.lines[0]
        return f"{self.kind} {file}.py:{line} {self.function}: `{self.edit.statement}`: {self.edit.change}"

    @property
    def key(self) -> str:
        """The same without the line, for lists that outlast edits elsewhere in the file."""
        module = self.module.removeprefix("unified_loss.")
        return f"{module}.{self.function}: `{self.edit.statement}`: {self.edit.change}"

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Have the function compute something else, within a ``with`` block, for all who hold it."""
        function = _function(importlib.import_module(self.module), self.function)
        original = function.__code__
        with self.edit.applied():
            function.__code__ = _compiled(self.tree, original.co_filename)
        try:
            yield
        finally:
            function.__code__ = original


def source_mutants() -> tuple[SourceMutant, ...]:
    """All of them: of the formulas, then of the core."""
    return tuple(mutant for name in (*formula_modules(), *_CORE) for mutant in mutants_of_module(name))


def formula_modules() -> tuple[str, ...]:
    """The modules of the specs."""
    return tuple(info.name for info in pkgutil.iter_modules(losses.__path__, f"{losses.__name__}."))


def mutated_files() -> dict[str, str]:
    """The file of each module that has mutants, to the module's name."""
    return {str(importlib.import_module(name).__file__): name for name in (*formula_modules(), *_CORE)}


@functools.cache
def mutants_of_module(name: str) -> tuple[SourceMutant, ...]:
    """The mutants of one module; its tree is shared among them."""
    module = importlib.import_module(name)
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    kind: MutantKind = _CORE.get(name, "spec")
    return tuple(
        SourceMutant(kind, name, qualified, function, edit)
        for qualified, function in _functions(tree)
        if _can_be_replaced(_function(module, qualified))
        for edit in edits_of(function)
    )


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{x.name}", x) for x in node.body if isinstance(x, ast.FunctionDef))


def _function(module: ModuleType, qualified: str) -> FunctionType:
    """The function of a name, which for a spec is its formula."""
    holder, _, name = qualified.rpartition(".")
    found: Any = vars(getattr(module, holder))[name] if holder else getattr(module, name)
    if isinstance(found, Spec):
        found = found.formula
    found = getattr(found, "__func__", getattr(found, "fget", found))
    unwrapped: FunctionType = inspect.unwrap(found)
    return unwrapped


def _can_be_replaced(function: FunctionType) -> bool:
    """Whether it is computed by code alone; a method that calls `super` holds its class, too."""
    return not function.__code__.co_freevars


def _compiled(function: ast.FunctionDef, file: str) -> CodeType:
    bare = ast.FunctionDef(function.name, function.args, function.body, [], function.returns)
    bare = ast.fix_missing_locations(ast.copy_location(bare, function))
    module = ast.Module([bare], type_ignores=[])
    flags = __future__.annotations.compiler_flag
    code = compile(module, file, "exec", flags=flags, dont_inherit=True)
    return next(x for x in code.co_consts if isinstance(x, CodeType) and x.co_name == function.name)
