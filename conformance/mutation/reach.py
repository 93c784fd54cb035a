"""Which cases run what, so that a mutant is tried on those alone that can notice it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .operations import OpMutant
from .plans import PlanMutant
from .sources import SourceMutant

Mutant = SourceMutant | PlanMutant | OpMutant


@dataclass
class Reach:
    """The cases by what they run on NumPy: the quickest of each loss first, then the next of each.

    Parameters
    ----------
    cases : their ids
    lines : the numbers of the cases that run a line, by module and line
    operations : those that call an operation with a sort of result
    losses : those of a loss
    hints : for a mutant the cases that have noticed it elsewhere
    """

    cases: list[str] = field(default_factory=list)
    lines: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    operations: dict[str, list[int]] = field(default_factory=dict)
    losses: dict[str, list[int]] = field(default_factory=dict)
    hints: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Mapping[str, Mapping[str, Any]], losses: Mapping[str, str]) -> Reach:
        """From what was found of each case, and its loss."""
        quickest: dict[str, list[str]] = {}
        for case in sorted(found, key=lambda case: float(found[case]["seconds"])):
            quickest.setdefault(losses[case], []).append(case)
        rounds = itertools.zip_longest(*quickest.values())
        reach = cls([case for one_of_each in rounds for case in one_of_each if case is not None])
        for number, case in enumerate(reach.cases):
            reach.losses.setdefault(losses[case], []).append(number)
            for operation in found[case]["operations"]:
                reach.operations.setdefault(operation, []).append(number)
            for module, lines in found[case]["lines"].items():
                of_module = reach.lines.setdefault(module, {})
                for line in lines:
                    of_module.setdefault(str(line), []).append(number)
        return reach

    def of_mutant(self, mutant: Mutant) -> list[str]:
        """The cases that may notice a mutant, those first that have done so elsewhere."""
        if isinstance(mutant, SourceMutant):
            first, last = mutant.edit.lines
            of_module = self.lines.get(mutant.module, {})
            numbers = _union(of_module.get(str(line), ()) for line in range(first, last + 1))
        elif isinstance(mutant, PlanMutant):
            numbers = self.losses.get(mutant.loss, [])
        else:
            numbers = _union(self.operations.get(f"{mutant.op} {sort}", ()) for sort in mutant.wrong.sorts)
        hints = self.hints.get(mutant.id, [])
        known = set(hints)
        return [*hints, *(case for number in numbers if (case := self.cases[number]) not in known)]

    def write(self, file: Path) -> None:
        """To a file, for the workers."""
        file.write_text(json.dumps(vars(self)), encoding="utf-8")

    @classmethod
    def read(cls, file: str) -> Reach:
        """The inverse of `write`."""
        return cls(**json.loads(Path(file).read_text(encoding="utf-8")))


def _union(numbers: Iterable[Iterable[int]]) -> list[int]:
    return sorted(set().union(*numbers))
