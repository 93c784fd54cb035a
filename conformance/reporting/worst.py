"""Which case of a cell is its worst."""

from __future__ import annotations

from collections.abc import Iterable

from unified_loss.conformance.comparison import Check
from unified_loss.conformance.results import GRAVITY, Result

Worst = tuple[Result, Check | None]


def worst_of_cells(results: Iterable[Result]) -> dict[tuple[str, str], Worst]:
    """The worst result of each loss on each backend, with its worst check.

    The gravest status is worst; among equals the largest error in steps of its precision, so that
    float16 and float64 compare; digits that a documentation left out count only where nothing else
    was compared.
    """
    worst: dict[tuple[str, str], tuple[tuple[float, ...], Worst]] = {}
    for result in results:
        cell = result.loss, result.backend
        for check in result.checks or (None,):
            rank = (float(GRAVITY.index(result.status)), *_rank(check))
            if cell not in worst or rank > worst[cell][0]:
                worst[cell] = rank, (result, check)
    return {cell: found for cell, (_, found) in worst.items()}


def _rank(check: Check | None) -> tuple[float, ...]:
    if check is None:
        return (-1.0,)
    error = -1.0 if check.error is None else check.error
    steps = check.ulps
    fell_short = not check.holds
    # A dtype or a shape that is wrong has no error, and is worse than any.
    without_number = fell_short and check.error is None
    return (float(fell_short), float(without_number), -1.0 if steps is None else steps, error)
