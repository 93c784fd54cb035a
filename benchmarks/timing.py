"""Times arms in turn, each gated on the value and gradient of the first."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from unified_loss.conformance.comparison import close
from unified_loss.conformance.tolerances import Tolerance, of_trial

Arm = Callable[[], Any]


def mismatch(expected: Any, got: Any, dtype: str = "float32") -> str:
    """What differs between two lists of arrays; empty where nothing does."""
    tolerance = Tolerance(of_trial(dtype), scaled=True)
    for what, a, b in zip(("value", "gradient"), expected, got, strict=False):
        check = close(what, a, b, tolerance)
        if not check.holds:
            return f"{what} differs: {check.expected_there} expected, {check.got_there} got {check.reason}"
    return ""


def time_in_turn(
    arms: Mapping[str, Arm], rounds: int, budget: float, seed: int = 0
) -> dict[str, list[float]]:
    """Seconds per call of each arm by round; the order of a round is shuffled."""
    shuffle, names = random.Random(seed), list(arms)
    calls = {name: _calls(arm) for name, arm in arms.items()}
    taken: dict[str, list[float]] = {name: [] for name in names}
    end = time.perf_counter() + budget
    for i in range(rounds):
        if i >= 3 and time.perf_counter() > end:
            break
        shuffle.shuffle(names)
        for name in names:
            arm, number = arms[name], calls[name]
            start = time.perf_counter()
            for _ in range(number):
                arm()
            taken[name].append((time.perf_counter() - start) / number)
    return taken


def _calls(arm: Arm) -> int:
    """How many calls make a measurable time; also warms up."""
    arm()
    start = time.perf_counter()
    arm()
    return max(1, min(200, int(0.005 / max(time.perf_counter() - start, 1e-7))))


def summary(times: list[float]) -> dict[str, Any]:
    """The median and quartiles of seconds."""
    low, middle, high = (
        statistics.quantiles(times, n=4, method="inclusive") if len(times) > 1 else [times[0]] * 3
    )
    return {"median": middle, "quartiles": [low, high], "rounds": len(times)}


def copy_seconds(arrays: list[Any], gradient: Any) -> float:
    """What it takes to move the bytes that must move: the inputs read once, the gradient written once."""
    bytes_moved = sum(x.nbytes for x in arrays) + gradient.nbytes
    # A copy reads and writes.
    source = np.ones(max(bytes_moved // 8, 1), "float32")
    target, best = np.empty_like(source), float("inf")
    for _ in range(7):
        start = time.perf_counter()
        np.copyto(target, source)
        best = min(best, time.perf_counter() - start)
    return best
