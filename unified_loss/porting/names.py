"""The names of a program, and those that are still free in it."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable, Mapping

import libcst as cst


class Names:
    """Which names are taken.

    Parameters
    ----------
    taken : the names of the program
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = {*taken, *dir(builtins), *keyword.kwlist, *keyword.softkwlist}

    def __contains__(self, name: str) -> bool:
        return name in self._taken

    def take(self, *wanted: str) -> str:
        """The first of these names that is free, or the last with a number; it is taken from then on."""
        numbered = (f"{wanted[-1]}_{number}" for number in range(2, len(self._taken) + 3))
        name = next(name for name in (*wanted, *numbered) if name not in self._taken)
        self._taken.add(name)
        return name


def snake_case(name: str) -> str:
    """The name of a class as that of a function, ``SigmoidBCELoss`` as ``sigmoid_bce_loss``."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return apart.lower()


def renamed(module: cst.Module, names: Mapping[str, str]) -> cst.Module:
    """A program with other names for what its names stand for; attributes and keywords stay."""
    found = module.visit(_Renaming(names))
    assert isinstance(found, cst.Module)  # noqa: S101  it was one
    return found


class _Renaming(cst.CSTTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__()
        self._names = names

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.Attribute:
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        return updated_node.with_changes(keyword=original_node.keyword)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        return updated_node.with_changes(value=self._names.get(original_node.value, original_node.value))
