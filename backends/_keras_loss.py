"""A loss as a ``keras.losses.Loss``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import keras


@keras.saving.register_keras_serializable("unified_loss")
class KerasLoss(keras.losses.Loss):  # type: ignore[misc]
    """A loss that weighs and reduces as it does itself, and not once more as Keras does.

    Parameters
    ----------
    function : the loss, called as Keras calls one
    """

    def __init__(self, function: Any) -> None:
        super().__init__(name=function.name, reduction=None)
        self.function = function

    @property
    def loss(self) -> Any:
        """The loss that it computes."""
        return self.function.loss

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Evaluate the loss."""
        return self.function(y_true, y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Evaluate the loss."""
        return self.function(y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        """The loss's configuration."""
        return {"loss": self.function.to_config()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> KerasLoss:
        """The module of the loss that a configuration describes."""
        # By name, because a backend does not know what makes losses; Keras comes here with nothing but text.
        library = importlib.import_module("unified_loss")
        loss: KerasLoss = library.as_module(library.from_config(config["loss"]), "tensorflow")
        return loss

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.function!r})"
