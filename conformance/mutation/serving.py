"""What a worker does for the mutation score: finds out what cases run, and tries mutants on them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .equivalents import is_listed
from .operations import OpMutant, op_mutants
from .plans import PlanMutant, plan_mutants
from .probing import Prober
from .reach import Mutant, Reach
from .sources import SourceMutant, source_mutants

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

_MOST = 40
"""Cases that a mutant is tried on that is listed as equivalent, of as many losses as there are."""

_REMEMBERED = 8
"""The cases that have noticed a mutant of a function, which are tried first on the others."""


def reaching(backend: Backend) -> Callable[[str, str], dict[str, Any]]:
    """The function that says what a case runs."""
    prober = Prober(backend)
    return lambda case, _: {"case": case, "reach": prober.reach(case)}


def trying(backend: Backend, request: Mapping[str, Any]) -> Callable[[str, str], dict[str, Any]]:
    """The function that tries a mutant.

    The request says the file of the `Reach`, after how many cases that notice it is ``enough``, and for
    how many seconds to try.
    """
    prober, reach = Prober(backend), Reach.read(request["reach"])
    known: list[Mutant] = [*source_mutants(), *op_mutants()]
    mutants = {mutant.id: mutant for mutant in known}
    recent: dict[str, list[str]] = {}

    def run(identifier: str, _: str) -> dict[str, Any]:
        mutant = mutants.get(identifier) or _plan_mutant(identifier)
        if isinstance(mutant, OpMutant) and (moot := mutant.why_moot(backend, prober.no_gradients)):
            return {"mutant": identifier, "caught_by": [], "tried": 0, "late": False, "moot": moot}
        group = _group(mutant)
        first = recent.setdefault(group, [])
        caught_by, tried, began = [], 0, time.monotonic()
        late = False
        for case in _in_order(reach.of_mutant(mutant), first):
            noticed = _notices(prober, mutant, case)
            tried += noticed is not None
            if noticed:
                caught_by.append(case)
            if len(caught_by) >= request["enough"]:
                break
            late = time.monotonic() - began > request["seconds"]
            if late or (is_listed(mutant, backend.name) and tried >= _MOST):
                break
        if caught_by:
            recent[group] = [caught_by[0], *(case for case in first if case != caught_by[0])][:_REMEMBERED]
        return {"mutant": identifier, "caught_by": caught_by, "tried": tried, "late": late}

    return run


def _in_order(cases: list[str], first: list[str]) -> Iterator[str]:
    reached, ahead = set(cases), set(first)
    yield from (case for case in first if case in reached)
    yield from (case for case in cases if case not in ahead)


def _notices(prober: Prober, mutant: Mutant, identifier: str) -> bool | None:
    """Whether a case notices a mutant; None if it cannot, because it does not hold or does not call it."""
    case = prober.ready(identifier)
    if case is None or (isinstance(mutant, OpMutant) and not mutant.is_seen(prober.seen(case))):
        return None
    with _installed(mutant, prober.backend):
        return prober.notices(case)


def _installed(mutant: Mutant, backend: Backend) -> contextlib.AbstractContextManager[None]:
    return mutant.installed(backend) if isinstance(mutant, OpMutant) else mutant.installed()


def _group(mutant: Mutant) -> str:
    if isinstance(mutant, SourceMutant):
        return f"{mutant.module}.{mutant.function}"
    return mutant.loss if isinstance(mutant, PlanMutant) else mutant.op


def _plan_mutant(identifier: str) -> PlanMutant:
    loss = identifier.removeprefix("plan ").partition(": ")[0]
    return next(mutant for mutant in plan_mutants(loss) if mutant.id == identifier)
