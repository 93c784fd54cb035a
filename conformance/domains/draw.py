"""`Draw`: makes the parameters and tensors of a call, so that what could be confused is told apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
Array = Any

_SIZES = (2, 3, 4, 5, 6, 7)
_ORDERLY = (3, 4, 2, 5, 7, 6)
"""Sizes that are drawn in this order: few shapes, because some frameworks compile for each."""


class Draw:
    """Draws sizes, parameters and tensors.

    No two sizes drawn in one call are equal, weights are never 1, and floats come from a continuous
    distribution, so that no kink or tie is hit by chance.

    Parameters
    ----------
    values : the generator of the tensors' values
    pick : chooses one of several options; property-based tests put their own here
    dtype : of the floating tensors
    """

    def __init__(
        self, values: np.random.Generator, pick: Callable[[Sequence[Any]], Any], dtype: str = "float32"
    ) -> None:
        self._values, self._pick, self.dtype = values, pick, dtype
        self._sizes = list(_SIZES)
        self._offered: int | None = None
        """So many of the sizes that are left are chosen from; None for all."""

    def steer(self, pick: Callable[[Sequence[Any]], Any], sizes: Sequence[int] = ()) -> None:
        """Choose by `pick` from now on; of sizes, one of these, or the first of the others that is left."""
        others = [size for size in _ORDERLY if size not in sizes]
        self._pick, self._sizes, self._offered = pick, [*sizes, *others], len(sizes) + 1

    # ------------------------------------------------------------------------ parameters

    def choice(self, *options: T) -> T:
        """One of the options."""
        return self._pick(options)  # type: ignore[no-any-return]

    def optional(self, make: Callable[[], T]) -> T | None:
        """What `make` gives, or None."""
        return make() if self.choice(True, False) else None

    def size(self) -> int:
        """A size from 2 to 7 that this call has not drawn before."""
        size: int = self.choice(*self._sizes[: self._offered])
        self._sizes.remove(size)
        return size

    def sizes(self, least: int, most: int | None = None) -> tuple[int, ...]:
        """So many sizes, each different; with `most`, any number of them up to that."""
        count = least if most is None else self.choice(*range(least, most + 1))
        return tuple(self.size() for _ in range(count))

    # --------------------------------------------------------------------------- tensors

    def _float(self, array: Array) -> Array:
        return np.asarray(array).astype(self.dtype)

    def normal(self, *shape: int, scale: float = 1.6) -> Array:
        """Scores or logits, around 0.2."""
        return self._float(self._values.normal(0.2, scale, shape))

    def uniform(self, low: float, high: float, *shape: int) -> Array:
        """Numbers between two bounds."""
        return self._float(self._values.uniform(low, high, shape))

    def weights(self, *shape: int) -> Array:
        """Positive weights, none of them 1."""
        return self.uniform(0.2, 3.0, *shape)

    def fractions(self, *shape: int) -> Array:
        """Probabilities away from 0 and 1."""
        return self.uniform(0.03, 0.97, *shape)

    def distribution(self, *shape: int, axis: int = -1) -> Array:
        """Probabilities that sum to 1 along an axis."""
        x = self._values.uniform(0.05, 1.0, shape)
        return self._float(x / x.sum(axis=axis, keepdims=True))

    def log_distribution(self, *shape: int, axis: int = -1) -> Array:
        """The logarithms of probabilities that sum to 1 along an axis."""
        x = self._values.uniform(0.05, 1.0, shape)
        return self._float(np.log(x / x.sum(axis=axis, keepdims=True)))

    def unit_vectors(self, *shape: int) -> Array:
        """Vectors of length 1 along the last axis."""
        x = self._values.normal(0, 1, shape)
        return self._float(x / np.linalg.norm(x, axis=-1, keepdims=True))

    def signs(self, *shape: int) -> Array:
        """Labels -1 and 1, as floats, with both among them where there is room."""
        return self._float(2 * self.binary(*shape) - 1)

    def binary(self, *shape: int) -> Array:
        """Labels 0 and 1, as floats, with both among them where there is room."""
        x = self._values.integers(0, 2, shape).astype("float64")
        if x.size > 1:
            x.flat[0], x.flat[-1] = 1.0, 0.0
        return self._float(x)

    def counts(self, *shape: int, least: int = 0) -> Array:
        """Counts, as floats."""
        return self._float(self._values.integers(least, 7, shape))

    def labels(self, classes: int, *shape: int, dtype: str = "int64") -> Array:
        """Class indices."""
        return self._values.integers(0, classes, shape).astype(dtype)

    def integers(self, low: int, high: int, *shape: int, dtype: str = "int64") -> Array:
        """Integers from `low` to `high`, both included."""
        return self._values.integers(low, high + 1, shape).astype(dtype)

    def one_hot(self, classes: int, *shape: int, axis: int = -1) -> Array:
        """One-hot vectors along a new axis."""
        return self._float(np.moveaxis(np.eye(classes)[self.labels(classes, *shape)], -1, axis))


def seeded(seed: int, dtype: str) -> Draw:
    """The draw of a seed, always the same."""
    values = np.random.default_rng(seed)
    return Draw(values, lambda options: options[int(values.integers(len(options)))], dtype)
