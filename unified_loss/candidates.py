"""Candidates: sampled classes that stand for all, where a call does not bring its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Draw = Callable[[], tuple[Any, Any]]
"""Draws the candidates, and how often a sample is expected to hold each of all classes."""


@dataclass(frozen=True)
class Candidates:
    """How candidates are drawn, each class at most once.

    Parameters
    ----------
    number : how many are drawn
    classes : how many classes there are
    distribution : ``log_uniform``, in which class c, counted from the most frequent, has the
        probability log((c + 2) / (c + 1)) / log(classes + 1); or ``uniform``
    seed : where the sequence of draws starts; None starts it anywhere. The numbers are NumPy's, not
        the framework's
    """

    number: int
    classes: int
    distribution: Literal["log_uniform", "uniform"] = "log_uniform"
    seed: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.number <= self.classes:
            raise ValueError(
                f"candidates: {self.number} of {self.classes} classes cannot be drawn, each at most once"
            )

    def bind(self) -> Draw:
        """A new sequence of draws."""
        generator = np.random.default_rng(self.seed)
        index = np.arange(self.classes)
        if self.distribution == "uniform":
            probability = np.full(self.classes, 1 / self.classes)
        else:
            probability = np.log((index + 2.0) / (index + 1.0)) / np.log(self.classes + 1.0)

        cumulative = np.cumsum(probability)

        def draw() -> tuple[Any, Any]:
            found: dict[int, None] = {}
            tries = 0
            while len(found) < self.number:
                tries += 1
                drawn = int(np.searchsorted(cumulative, generator.random(), side="right"))
                found[min(drawn, self.classes - 1)] = None
            # Drawn until there are enough: the chance to be among them after so many tries. Without
            # a repetition, as often as that many independent draws hold it.
            if tries == self.number:
                expected = probability * tries
            else:
                expected = -np.expm1(tries * np.log1p(-np.minimum(probability, 1 - 1e-15)))
            return np.array(list(found), dtype="int64"), expected

        return draw
