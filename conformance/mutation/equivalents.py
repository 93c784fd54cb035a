"""The mutants that no case can notice, each with the reason."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from unified_loss.conformance.mutant import MutantKind, MutantResult
from unified_loss.conformance.stored import lines

from .plans import PlanMutant, rule_of, unread_rules
from .reach import Mutant


@dataclass(frozen=True)
class Entry:
    """A line of the list.

    Parameters
    ----------
    kind, mutant : which; without line numbers, so that it outlasts edits elsewhere in the file
    reason : why nothing that is computed differs, or nothing says what it should be
    backends : those on which it is so; none stands for all
    """

    kind: MutantKind
    mutant: str
    reason: str
    backends: tuple[str, ...] = ()

    def is_of(self, mutant: Mutant, backend: str) -> bool:
        """Whether it speaks of a mutant on a backend."""
        return (self.kind, self.mutant) == (mutant.kind, mutant.key) and (
            not self.backends or backend in self.backends
        )


@functools.cache
def entries() -> Mapping[tuple[str, str], tuple[Entry, ...]]:
    """The list, by kind and mutant."""
    found: dict[tuple[str, str], tuple[Entry, ...]] = {}
    for line in lines("equivalent_mutants"):
        entry = Entry(**{**line, "backends": tuple(line.get("backends", ()))})
        key = entry.kind, entry.mutant
        found[key] = (*found.get(key, ()), entry)
    return found


def _entry_of(mutant: Mutant, backend: str) -> Entry | None:
    found = entries().get((mutant.kind, mutant.key), ())
    return next((entry for entry in found if entry.is_of(mutant, backend)), None)


def is_listed(mutant: Mutant, backend: str) -> bool:
    """Whether a mutant is listed as equivalent on a backend."""
    return _entry_of(mutant, backend) is not None


def judged(mutant: Mutant, backend: str, caught_by: tuple[str, ...], note: str, caught: bool) -> MutantResult:
    """The result of a mutant, in the light of the list."""
    entry = _entry_of(mutant, backend)
    if caught and entry is not None:
        reason = f"is listed as equivalent ({entry.reason}), but is caught"
        return MutantResult(mutant.id, mutant.kind, backend, "error", caught_by, reason)
    if caught:
        return MutantResult(mutant.id, mutant.kind, backend, "caught", caught_by, note)
    if entry is not None:
        return MutantResult(mutant.id, mutant.kind, backend, "equivalent", (), entry.reason)
    rule = rule_of(mutant) if isinstance(mutant, PlanMutant) else None
    if rule is not None:
        reason = f"{rule[0]} does not read it, given its other parameters"
        return MutantResult(mutant.id, mutant.kind, backend, "equivalent", (), reason)
    return MutantResult(mutant.id, mutant.kind, backend, "survived", (), note)


def stale_entries(
    tried: Collection[tuple[Mutant, str]], results: Collection[MutantResult], everything: bool
) -> Iterator[MutantResult]:
    """What is listed in vain: entries without a mutant, and rules that nothing needs.

    `everything` says whether all that there is was tried, on the backends among the results.
    """
    if not everything:
        return
    backends = {backend for _, backend in tried}
    known = {(mutant.kind, mutant.key) for mutant, _ in tried}
    for (kind, key), found in entries().items():
        of_others = all(e.backends and not backends & set(e.backends) for e in found)
        if (kind, key) not in known and not of_others:
            reason = "is listed as equivalent, but there is no such mutant"
            yield MutantResult(f"{kind} {key}", found[0].kind, "numpy", "error", (), reason)
    surviving = {result.mutant for result in results if result.status == "equivalent"}
    needed = {rule_of(m) for m, _ in tried if isinstance(m, PlanMutant) and m.id in surviving}
    for rule in unread_rules():
        if rule not in needed:
            name = f"plan {rule[0]}: {rule[1]}"
            reason = "the rule that it is not read is needed by none"
            yield MutantResult(name, "plan", "numpy", "error", (), reason)
