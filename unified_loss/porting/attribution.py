"""Which field causes how much of the difference of two plans, in value and in gradient."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .hybrids import Failure, Hybrids, Outcome

Array = Any
Move = tuple[str, ...]
Method = Literal["none", "average", "path"]

_AVERAGED = 6
"""So many moves at most are averaged over all orders, which takes two to that power hybrids."""


@dataclass(frozen=True)
class Effect:
    """How much of a difference a field causes.

    Parameters
    ----------
    amount : its part of the difference; over all fields they add up to the whole, and a negative one
        works against it
    share : the same as a fraction of the whole; None where the whole is 0
    alone : the largest difference that there is if only this field is changed in the first loss; None
        where such a loss cannot be run on the inputs
    undone : the largest change that there is if only this field of the second loss is as the first has it;
        likewise
    not_finite : how many elements become finite, or cease to be, if only this field is changed
    """

    amount: float
    share: float | None
    alone: float | None
    undone: float | None
    not_finite: int


@dataclass(frozen=True)
class Gap:
    """The difference of two losses in a quantity.

    Parameters
    ----------
    first, second : of the value the sum, of the gradient the root of the mean square, over the elements of
        all inputs that are finite in both and between
    size : the root of the mean square of the difference of an element; of a single number, what it is
    largest : the largest difference of an element
    interaction : the size of what fields cause only together, which `Effect.amount` shares out equally
        among them; None where not each field could be changed alone
    not_finite : in how many elements only one of the two is finite, or both are not and differ
    """

    first: float
    second: float
    size: float
    largest: float
    interaction: float | None
    not_finite: int

    def __str__(self) -> str:
        told = f"{self.first:.6g} against {self.second:.6g}, {self.size:.3g} apart"
        if self.interaction:
            told += f", {self.interaction:.3g} of it by fields together"
        return f"{told}; {self.not_finite} not finite in one of them" if self.not_finite else told


@dataclass(frozen=True, eq=False)
class Attribution:
    """What was found of the moves.

    Parameters
    ----------
    method : ``average``, over all orders in which the fields could be changed, one after the other
        (Shapley values); ``path``, in one order; ``none``, where nothing differs
    moves : the fields that were changed together, in the order in which they were
    value, gradient : the difference; None where there is none to be had
    value_effects, gradient_effects : of each move
    summed : whether values of different shapes were summed before they were compared
    """

    method: Method
    moves: tuple[Move, ...]
    value: Gap | None
    gradient: Gap | None
    value_effects: tuple[Effect, ...]
    gradient_effects: tuple[Effect, ...]
    summed: bool


class _Between:
    """The losses between two, as far as there are numbers wherever both of the two have some."""

    def __init__(self, hybrids: Hybrids, first: Outcome, second: Outcome) -> None:
        self.hybrids, self.first, self.second = hybrids, first, second
        self.fields = frozenset(hybrids.fields)
        self.moves = hybrids.moves

    def run(self, switched: Iterable[str]) -> Outcome | None:
        found = self.hybrids.run(switched)
        if isinstance(found, Failure) or (found.gradients is None) != (self.first.gradients is None):
            return None
        for quantity in ("values", "gradients"):
            sides = [getattr(outcome, quantity) or () for outcome in (self.first, self.second, found)]
            for a, b, between in zip(*sides, strict=True):
                if np.isfinite(a).all() and np.isfinite(b).all() and not np.isfinite(between).all():
                    return None
        return found

    def only(self, move: Move) -> Outcome | None:
        return self.run(move)

    def all_but(self, move: Move) -> Outcome | None:
        return self.run(self.fields - frozenset(move))


def attribute(hybrids: Hybrids) -> Attribution | Failure:
    """Which moves cause how much of the difference; a failure where one of the two losses does not run."""
    first, second = hybrids.run(()), hybrids.run(hybrids.fields)
    if isinstance(first, Failure):
        return first
    if isinstance(second, Failure):
        return second
    between = _Between(hybrids, first, second)
    method, steps = _steps(between)
    ran = [found for found in map(between.run, [*_runs(steps), *_ends(between)]) if found is not None]
    summed = any(len({outcome.values[i].shape for outcome in ran}) > 1 for i in range(len(hybrids.inputs)))

    def values(outcome: Outcome) -> Array:
        return _flat([np.sum(x) for x in outcome.values] if summed else outcome.values)

    def gradients(outcome: Outcome) -> Array:
        return _flat(outcome.gradients or ())

    value, value_effects = _quantity(between, steps, values, _sum)
    gradient, gradient_effects = None, tuple[Effect, ...]()
    if first.gradients is not None and second.gradients is not None:
        gradient, gradient_effects = _quantity(between, steps, gradients, _root_mean_square)
    moves = tuple(step.move for step in steps)
    return Attribution(method, moves, value, gradient, value_effects, gradient_effects, summed)


# ---------------------------------------------------------------------------------- steps


@dataclass(frozen=True)
class _Step:
    """A move, and the changes whose mean it is: each from some fields to these and its own, weighted."""

    move: Move
    changes: tuple[tuple[float, frozenset[str]], ...]


_Steps = tuple[_Step, ...]


def _runs(steps: _Steps) -> Iterator[frozenset[str]]:
    """What amounts are made of."""
    for step in steps:
        for _, before in step.changes:
            yield before
            yield before | frozenset(step.move)


def _ends(between: _Between) -> Iterator[frozenset[str]]:
    """One move away from either of the two."""
    yield frozenset()
    yield between.fields
    for move in between.moves:
        yield frozenset(move)
        yield between.fields - frozenset(move)


def _steps(between: _Between) -> tuple[Method, _Steps]:
    active = [m for m in between.moves if not _is_silent(between, m)]
    silent = tuple(_Step(m, ()) for m in between.moves if m not in active)
    if not active and between.first.same(between.second):
        return "none", silent
    reached = between.run(field for m in active for field in m)
    # Moves that have no effect at either end may still have one between, or together.
    if reached is not None and reached.same(between.second) and len(active) <= _AVERAGED:
        steps = tuple(_averaged(m, active) for m in active)
        if all(between.run(switched) is not None for switched in _runs(steps)):
            return "average", (*steps, *silent)
    return "path", tuple(_path(between))


def _is_silent(between: _Between, move: Move) -> bool:
    """Whether a move changes nothing, neither in the first loss nor in the second."""
    alone, others = between.only(move), between.all_but(move)
    if alone is None or others is None:
        return False
    return alone.same(between.first) and others.same(between.second)


def _averaged(move: Move, active: Sequence[Move]) -> _Step:
    """The move's Shapley value: over all orders, the mean of what it changes where its turn comes."""
    others = [m for m in active if m is not move]
    n, changes = len(active), []
    for size in range(n):
        weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
        for before in itertools.combinations(others, size):
            changes.append((weight, frozenset(field for m in before for field in m)))
    return _Step(move, tuple(changes))


def _path(between: _Between) -> Iterator[_Step]:
    """One move after the other; one that cannot be run waits for those that make it possible."""
    done: frozenset[str] = frozenset()
    waiting = list(between.moves)
    while waiting:
        able = (m for m in waiting if between.run(done | frozenset(m)) is not None)
        move = next(able, None)
        # Those that no order makes possible are one step.
        fields = tuple(field for m in waiting for field in m) if move is None else move
        yield _Step(fields, ((1.0, done),))
        done |= frozenset(fields)
        waiting = [] if move is None else [m for m in waiting if m is not move]


# -------------------------------------------------------------------------------- amounts


def _quantity(
    between: _Between,
    steps: _Steps,
    numbers: Callable[[Outcome], Array],
    total: Callable[[Array], float],
) -> tuple[Gap, tuple[Effect, ...]]:
    def of(outcome: Outcome | None) -> Array | None:
        return None if outcome is None else numbers(outcome)

    first, second = numbers(between.first), numbers(between.second)
    made = [of(between.run(switched)) for switched in _runs(steps)]
    finite = np.isfinite([first, second, *(x for x in made if x is not None)]).all(axis=0)
    scale = math.sqrt(max(int(finite.sum()), 1))
    whole = (second - first)[finite]
    size = _norm(whole) / scale

    def change(step: _Step) -> Array:
        total = np.zeros_like(whole)
        for weight, before in step.changes:
            start, after = of(between.run(before)), of(between.run(before | frozenset(step.move)))
            if start is not None and after is not None:
                total += weight * (after - start)[finite]
        return total

    effects = []
    for step in steps:
        # Along the whole difference, so that what works against it counts against it.
        share = float(change(step) @ whole / (whole @ whole)) if size else None
        alone, others = of(between.only(step.move)), of(between.all_but(step.move))
        effects.append(
            Effect(
                0.0 if share is None else share * size,
                share,
                None if alone is None else _largest(alone - first),
                None if others is None else _largest(second - others),
                0 if alone is None else int((np.isfinite(alone) != np.isfinite(first)).sum()),
            )
        )
    changed = [of(between.only(move)) for move in between.moves]
    interaction = None
    if all(x is not None and np.isfinite(x[finite]).all() for x in changed):
        together = sum(((x - first)[finite] for x in changed if x is not None), np.zeros_like(whole))
        interaction = _norm(whole - together) / scale
    apart = (
        (np.isfinite(first) & np.isfinite(second)) | (first == second) | (np.isnan(first) & np.isnan(second))
    )
    gap = Gap(
        total(first[finite]),
        total(second[finite]),
        size,
        _largest(second - first),
        interaction,
        int((~apart).sum()),
    )
    return gap, tuple(effects)


def _sum(x: Array) -> float:
    return float(x.sum())


def _root_mean_square(x: Array) -> float:
    return _norm(x) / math.sqrt(max(x.size, 1))


def _norm(x: Array) -> float:
    return float(np.linalg.norm(x))


def _largest(x: Array) -> float:
    return float(np.abs(x[np.isfinite(x)]).max(initial=0.0))


def _flat(arrays: Iterable[Array]) -> Array:
    return np.concatenate([np.zeros(0), *(np.ravel(x) for x in arrays)])
