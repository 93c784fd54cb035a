"""The loss of a sample of the classes."""

from __future__ import annotations

from typing import Any, TypeVar

from unified_loss import losses
from unified_loss.candidates import Candidates
from unified_loss.dialects.mindspore.plans import Choice
from unified_loss.dialects.row import DialectLoss
from unified_loss.errors import ConfigError
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction

T = TypeVar("T")

_ROLES = ("candidates", "target_counts", "candidate_counts")


class SampledSoftmaxLoss(DialectLoss, namespace="mindspore.nn"):
    """`unified_loss.losses.sampled_softmax`, with 1e-20 added to the probabilities.

    `reduction` is accepted and, as in MindSpore, not read. Where `sampled_values` are not given,
    candidates are drawn evenly, the same at every construction with the same `seed` unless that is
    0; one that is a true class of a sample is left out of that sample.
    """

    num_sampled: int
    num_classes: int
    num_true: int = 1
    sampled_values: Any = None
    remove_accidental_hits: bool = True
    seed: int = 0
    reduction: Choice = "none"

    arguments = {
        "prediction": "logits",
        "class_vectors": "weights",
        "class_biases": "biases",
        "target": "labels",
        **dict.fromkeys(_ROLES, "sampled_values"),
    }

    def lower(self) -> Plan:
        """The plan; hits among given candidates stay."""
        Reduction.of(self.reduction, self.native_name)
        if self.num_true < 1 or self.seed < 0 or max(self.num_sampled, self.num_true) > self.num_classes:
            raise ConfigError(
                f"{self.native_name}: expected num_true from 1 to num_classes, num_sampled at most "
                f"num_classes and seed at least 0, not {self.num_true}, {self.num_sampled} and "
                f"{self.seed} with {self.num_classes} classes"
            )
        drawn = self.sampled_values is None
        if not drawn and len(self.sampled_values) != len(_ROLES):
            raise ConfigError(
                f"{self.native_name}: sampled_values has {len(self.sampled_values)} entries, expected 3"
            )
        return Plan.of(
            losses.sampled_softmax,
            reduction=Reduction("none"),
            constants={} if drawn else dict(zip(_ROLES, self.sampled_values, strict=True)),
            candidates=Candidates(self.num_sampled, self.num_classes, "uniform", self.seed or None)
            if drawn
            else None,
            num_true=self.num_true,
            remove_accidental_hits=drawn and self.remove_accidental_hits,
            log_epsilon=1e-20,
        )

    def __call__(self, weights: T, biases: T, labels: T, logits: T) -> T:
        """Losses of shape (N,)."""
        return self.evaluate(logits, weights, biases, labels)
