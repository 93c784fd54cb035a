"""What the classes of `mindspore.nn` are called with."""

from __future__ import annotations

from typing import TypeVar

from unified_loss.dialects.row import DialectLoss

T = TypeVar("T")


class LossOfLabels(DialectLoss, namespace="mindspore.nn"):
    """The base of the losses that are called with `logits` and `labels`."""

    arguments = {"prediction": "logits", "target": "labels", "class_weight": "weight"}

    def __call__(self, logits: T, labels: T) -> T:
        """A scalar, or with ``reduction="none"`` one loss per element or sample."""
        return self.evaluate(logits, labels)


class LossOfLabel(DialectLoss, namespace="mindspore.nn"):
    """The base of the losses that are called with `logits` and `label`."""

    arguments = {"prediction": "logits", "target": "label", "class_weight": "weights"}

    def __call__(self, logits: T, label: T) -> T:
        """A scalar, or with ``reduction="none"`` one loss per element."""
        return self.evaluate(logits, label)


class LossOfTarget(DialectLoss, namespace="mindspore.nn"):
    """The base of the losses that are called with `x` and `target`."""

    arguments = {"prediction": "x", "target": "target", "class_weight": "weight"}

    def __call__(self, x: T, target: T) -> T:
        """A scalar, or with ``reduction="none"`` one loss per sample."""
        return self.evaluate(x, target)
