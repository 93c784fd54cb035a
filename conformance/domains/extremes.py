"""Draws of inputs at which digits are lost: as `Draw`, from the edges of what it draws from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .draw import Array, Draw

_SMALLEST = {"float16": 2.0**-24, "bfloat16": 2.0**-133, "float32": 2.0**-149, "float64": 2.0**-1074}
_LEAST_EXPONENT = {"float16": -14, "bfloat16": -126, "float32": -126, "float64": -1022}
_NEAR_ONE = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "float64": 2.0**-53}


class Probe(Draw):
    """Draws what is ordinary; unreduced losses wherever there are such, and few elements.

    Parameters
    ----------
    values : the generator of the tensors' values
    picks : that of parameters and sizes
    dtype : of the floating tensors, bfloat16 included, to which they are rounded
    """

    def __init__(self, values: np.random.Generator, picks: np.random.Generator, dtype: str) -> None:
        super().__init__(values, self._pick_unreduced, "float32" if dtype == "bfloat16" else dtype)
        self._picks, self.nominal = picks, dtype
        self._offered = 3

    def _pick_unreduced(self, options: Sequence[Any]) -> Any:
        if any(isinstance(option, str) and option == "none" for option in options):
            return "none"
        if sum(option is None for option in options) > 1:
            # The arguments that PyTorch once had for the reduction.
            return None
        return options[int(self._picks.integers(len(options)))]

    def _float(self, array: Array) -> Array:
        return to_grid(array, self.nominal)

    def among(self, numbers: Iterable[float], *shape: int) -> Array:
        """Some of these numbers."""
        return self._float(self._values.choice(np.array(list(numbers), dtype="float64"), shape))


class Large(Probe):
    """Logits and differences of up to 10000, far apart and far from 0; huge counts and variances."""

    def normal(self, *shape: int, scale: float = 1.6) -> Array:
        sizes = (1e4, 5e3, 1e3, 300.0, 104.0, 88.8, 60.0, 30.0, 17.0, 9.0)
        return self.among([s * size for size in sizes for s in (-1, 1)], *shape)

    def weights(self, *shape: int) -> Array:
        return self.among((1e-3, 0.37, 3.0, 70.0, 1.3e3, 2.9e4), *shape)

    def counts(self, *shape: int, least: int = 0) -> Array:
        return self.among((least, 2, 9, 170, 4096, 60000, 16777217), *shape)

    def log_distribution(self, *shape: int, axis: int = -1) -> Array:
        x = np.asarray(self.normal(*shape), dtype="float64")
        x = x - x.max(axis=axis, keepdims=True)
        return self._float(x - np.log(np.exp(x).sum(axis=axis, keepdims=True)))


class LargeSums(Large):
    """The same where logits are summed before they are exponentiated: sums of 10000 have few digits left."""

    def normal(self, *shape: int, scale: float = 1.6) -> Array:
        return self._float(np.asarray(super().normal(*shape, scale=scale), dtype="float64") / 100)


class Small(Probe):
    """Numbers close to 0, down to the smallest that there is."""

    def _tiny(self) -> list[float]:
        denormal, normal = 3 * _SMALLEST[self.nominal], 2.0 ** _LEAST_EXPONENT[self.nominal]
        return [denormal, 1.5 * normal, 1000 * normal, 3e-7, 1.7e-4, 0.013]

    def normal(self, *shape: int, scale: float = 1.6) -> Array:
        return self.among([s * x for x in self._tiny() for s in (-1, 1)], *shape)

    def weights(self, *shape: int) -> Array:
        # A smaller one is 0 where denormals are flushed, and a mean may count what is not 0.
        tiny = self._tiny()
        return self.among([max(x, tiny[1]) for x in tiny], *shape)

    def fractions(self, *shape: int) -> Array:
        return self.among(self._tiny(), *shape)

    def distribution(self, *shape: int, axis: int = -1) -> Array:
        return self._with_rest(np.asarray(self.fractions(*shape), dtype="float64"), axis)

    def _with_rest(self, x: Array, axis: int) -> Array:
        """Probabilities of which the last along an axis is what the others leave."""
        x = np.moveaxis(x, axis, -1)
        others = x[..., :-1] / max(1, x.shape[-1] - 1)
        rest = 1 - others.sum(axis=-1, keepdims=True)
        return self._float(np.moveaxis(np.concatenate([others, rest], axis=-1), -1, axis))


class Edges(Small):
    """Probabilities of 0 and 1 and their neighbours; logits where a sigmoid turns into them."""

    def _limits(self) -> list[float]:
        near = _NEAR_ONE[self.nominal]
        return [0.0, 1.0, 1 - near, 1 - 2 * near, near, _SMALLEST[self.nominal], 1e-7, 0.5]

    def normal(self, *shape: int, scale: float = 1.6) -> Array:
        return self.among(
            [s * x for x in (0.0, 6.2, 16.6, 17.4, 36.5, 87.0, 0.5, 1.0) for s in (-1, 1)], *shape
        )

    def fractions(self, *shape: int) -> Array:
        return self.among(self._limits(), *shape)

    def uniform(self, low: float, high: float, *shape: int) -> Array:
        return self.among([low, high, low + (high - low) * 1e-4, (low + high) / 2], *shape)

    def weights(self, *shape: int) -> Array:
        return self.among((1e-6, 1e-3, 0.4, 2.0), *shape)


class Equal(Probe):
    """Inputs that are equal, or so close that half of their digits cancel; distances of 0, and ties."""

    def normal(self, *shape: int, scale: float = 1.6) -> Array:
        x = np.resize(np.array([0.75, -1.25, 0.75, 2.5, 0.75]), shape)
        apart = self._values.choice(np.array([0.0, 0.0, 0.0, 1.0]), shape)
        return self._float(x * (1 + apart * 2 * _NEAR_ONE[self.nominal] ** 0.5))

    def fractions(self, *shape: int) -> Array:
        return self._float(np.resize(np.array([0.75, 0.25, 0.75, 0.5]), shape))

    def unit_vectors(self, *shape: int) -> Array:
        x = np.resize(np.array([0.6, -0.8, 0.6]), shape)
        return self._float(x / np.linalg.norm(x, axis=-1, keepdims=True))


class Infinite(Large):
    """Some logits are infinite."""

    def normal(self, *shape: int, scale: float = 1.6) -> Array:
        return self.among((np.inf, -np.inf, 1e4, -1e4, 3.0, -1.5, 0.25, 0.5), *shape)

    def log_distribution(self, *shape: int, axis: int = -1) -> Array:
        # Some classes are impossible, but never all.
        x = np.asarray(Draw.log_distribution(self, *shape, axis=axis))
        x[self._values.uniform(size=shape) < 0.3] = -np.inf
        return self._float(x)


PROBES: dict[str, type[Probe]] = {
    "ordinary": Probe,
    "large": Large,
    "large sums": LargeSums,
    "small": Small,
    "edges": Edges,
    "equal": Equal,
    "infinite": Infinite,
}
"""What draws a kind of input, by its name."""


def to_grid(array: Array, dtype: str) -> Array:
    """Numbers rounded to those that a dtype has; bfloat16 is held as float32."""
    with np.errstate(over="ignore"):
        x = np.asarray(array).astype("float32" if dtype == "bfloat16" else dtype)
    if dtype != "bfloat16":
        return x
    bits = x.view("uint32").astype("int64")
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    return np.where(np.isfinite(x), rounded.astype("uint32").view("float32"), x).astype("float32")
