"""Losses of regions, and of what is hard to classify in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from unified_loss import losses
from unified_loss.dialects.mindspore import plans
from unified_loss.dialects.mindspore.plans import Choice
from unified_loss.dispatch import to_numpy
from unified_loss.errors import ConfigError
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction

from ._call import LossOfLabel, LossOfLabels

T = TypeVar("T")

_ACTIVATIONS = ("softmax", "logsoftmax", "relu", "relu6", "tanh", "sigmoid")


class DiceLoss(LossOfLabel):
    """`unified_loss.losses.dice` of everything, with squares in the denominator."""

    smooth: float = 1e-05

    def lower(self) -> Plan:
        """The plan."""
        smooth = plans.positive(self.smooth, "smooth", self.native_name)
        return Plan.of(losses.dice, squared=True, epsilon=smooth)


class MultiClassDiceLoss(LossOfLabel):
    """`unified_loss.losses.multiclass_dice` along axis 1; an ignored class still counts in the mean.

    `activation` is the name of a function, or a function of tensors.
    """

    weights: Any = None
    ignore_indiex: int | None = None
    activation: str | Callable[..., Any] | None = "softmax"

    def lower(self) -> Plan:
        """The plan; the weights have a row for each class."""
        if isinstance(self.activation, str) and self.activation not in _ACTIVATIONS:
            expected = ", ".join(map(repr, _ACTIVATIONS))
            raise ConfigError(
                f"{self.native_name}: activation is {self.activation!r}, expected one of {expected}"
            )
        return Plan.of(
            losses.multiclass_dice,
            reduction=Reduction("mean", axis=0),
            constants={"class_weight": self.weights},
            axis=1,
            activation=self.activation,
            ignored_class=self.ignore_indiex,
            epsilon=1e-5,
        )


class FocalLoss(LossOfLabels):
    """`unified_loss.losses.softmax_focal` along axis 1, averaged over all axes beyond.

    Labels with one entry along axis 1 are class indices, whose loss is one number for each sample;
    others are probabilities, which give one number for each class, so that their mean is less.
    """

    weight: Any = None
    gamma: float = 2.0
    reduction: Choice = "mean"

    call_parameters = {"indices": True}

    def lower(self, indices: bool = True) -> Plan:
        """The plan, for class indices or probabilities."""
        index = Layout("without_axis", index=True, any_dtype=True, out_of_range="wrap", drops_axis=True)
        return Plan.of(
            losses.softmax_focal,
            layouts={"target": index if indices else Layout()},
            inner=Reduction("mean", kept_axis=0 if indices else (0, 1)),
            reduction=Reduction.of(self.reduction, self.native_name),
            constants={"class_weight": self.weight},
            axis=1,
            gamma=self.gamma,
        )

    def __call__(self, logits: T, labels: T) -> T:
        """A scalar, or with ``reduction="none"`` losses of shape (N,) of indices and (N, C) else."""
        shape: Any = labels.shape if hasattr(labels, "shape") else to_numpy(labels).shape
        return self.at(indices=shape[1] == 1).evaluate(logits, labels)
