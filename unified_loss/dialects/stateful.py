"""`StatefulLoss`: the rows that are losses with weights of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from unified_loss.dispatch import asarray, backend_of
from unified_loss.errors import ConfigError, ShapeError

from .row import DialectLoss

Array = Any

_GENERATOR = np.random.default_rng()


class StatefulLoss(DialectLoss):
    """A loss class of a framework that holds weights, drawn at random until others are loaded.

    A row adds `initial_state`, and hands over what `weights` gives at the call.
    """

    loads_in_parts: ClassVar[bool] = False
    """Whether weights that are not loaded stay as they are, and are not missing."""

    def __post_init__(self) -> None:
        super().__post_init__()
        # An object of the frozen loss that is not itself frozen.
        object.__setattr__(self, "_state", self.initial_state())

    _state: ClassVar[dict[str, Array]]

    def initial_state(self) -> dict[str, Array]:
        """Random weights as NumPy arrays, by their names in the framework's state dictionary."""
        raise NotImplementedError

    @property
    def own_tensors(self) -> tuple[Any, ...]:  # type: ignore[override]
        """The weights, as they are now."""
        return tuple(self._state.values())

    @property
    def state(self) -> dict[str, Any]:
        """The weights by their names in the framework's state dictionary.

        They are the tensors that the loss computes with, so that they can be trained: on the backend
        that is selected when they are first asked for, unless `load_state` brought those of another.
        """
        for name, tensor in self._state.items():
            if backend_of(tensor) is None:
                self._state[name] = asarray(tensor, backend=self.backend)
        return dict(self._state)

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take the weights from tensors, or lists, by their names in the framework's state dictionary."""
        names, given = set(self._state), set(state)
        wrongs = given - names if self.loads_in_parts else given ^ names
        if wrongs:
            wrong = sorted(wrongs)[0]
            problem = "is missing" if wrong in names else "is unknown"
            raise ConfigError(f"{self.native_name}: weight {wrong!r} {problem}; there are: {sorted(names)}")
        loaded = {
            name: asarray(x, backend=self.backend) if backend_of(x) is None else x
            for name, x in ((name, state[name]) for name in self._state if name in state)
        }
        for name, x in loaded.items():
            shape, expected = tuple(x.shape), tuple(self._state[name].shape)
            if shape != expected:
                raise ShapeError(
                    f"{self.native_name}: weight {name!r} has shape {shape}, expected {expected}"
                )
        self._state.update(loaded)

    def weights(self, shapes: Mapping[str, tuple[int, ...]] | None = None) -> dict[str, Any]:
        """The weights for a call, in the shapes in which the plan reads them."""
        shapes = shapes or {}
        return {
            name: _shaped(x, shapes[name]) if name in shapes else x for name, x in self._state.items()
        }


def _shaped(x: Array, shape: tuple[int, ...]) -> Array:
    backend = backend_of(x)
    return x.reshape(shape) if backend is None else backend.reshape(x, shape)


def uniform(bound: float, *shape: int) -> Array:
    """Random numbers between minus and plus a bound."""
    return _GENERATOR.uniform(-bound, bound, shape).astype("float32")


def linear_map(outputs: int, inputs: int) -> Array:
    """The weights that PyTorch gives a new linear layer, uniform up to the inverse root of the inputs."""
    return uniform(1 / math.sqrt(inputs) if inputs else 0.0, outputs, inputs)
