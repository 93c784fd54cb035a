"""The losses of `tf.nn` as of TensorFlow 2.21, on any backend: unreduced, as there.

`name` is accepted and changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from unified_loss import losses
from unified_loss.candidates import Candidates
from unified_loss.dialects.functions import UNREAD, function
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction
from unified_loss.weighting import Weighting

__all__ = [
    "compute_average_loss",
    "ctc_loss",
    "l2_loss",
    "log_poisson_loss",
    "nce_loss",
    "sampled_softmax_loss",
    "scale_regularization_loss",
    "sigmoid_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits",
    "sparse_softmax_cross_entropy_with_logits",
    "weighted_cross_entropy_with_logits",
]

_NONE = Reduction("none")
_LENGTHS = {
    "prediction_lengths": Layout("batch", index=True, limit="prediction", required=True),
    "target_lengths": Layout("batch", index=True, limit="target", required=True),
}
_PER_EXAMPLE = Weighting(broadcast="trailing", squeezes=True, expands=True)
_DRAWN = ("candidates", "target_counts", "candidate_counts")


@function("tf.nn", labels="target", logits="prediction")
def sigmoid_cross_entropy_with_logits(
    labels: Any = None, logits: Any = None, name: str | None = None
) -> Plan:
    """`unified_loss.losses.binary_cross_entropy_with_logits`."""
    return Plan.of(losses.binary_cross_entropy_with_logits, reduction=_NONE)


@function("tf.nn", labels="target", logits="prediction", pos_weight="positive_weight")
def weighted_cross_entropy_with_logits(
    labels: Any, logits: Any, pos_weight: Any, name: str | None = None
) -> Plan:
    """`unified_loss.losses.binary_cross_entropy_with_logits` with a weight of the positive term."""
    return Plan.of(losses.binary_cross_entropy_with_logits, reduction=_NONE)


@function("tf.nn", labels="target", logits="prediction")
def softmax_cross_entropy_with_logits(
    labels: Any, logits: Any, axis: int = -1, name: str | None = None
) -> Plan:
    """`unified_loss.losses.softmax_cross_entropy`, with the gradient of labels that sum to 1."""
    return Plan.of(losses.softmax_cross_entropy, reduction=_NONE, axis=axis, gradient_of_distribution=True)


@function("tf.nn", labels="target", logits="prediction")
def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any, name: str | None = None) -> Plan:
    """`unified_loss.losses.sparse_softmax_cross_entropy` along the last axis."""
    return Plan.of(losses.sparse_softmax_cross_entropy, reduction=_NONE)


@function(
    "tf.nn",
    labels="target",
    logits="prediction",
    label_length="target_lengths",
    logit_length="prediction_lengths",
    unique=UNREAD,
)
def ctc_loss(
    labels: Any,
    logits: Any,
    label_length: Any,
    logit_length: Any,
    logits_time_major: bool = True,
    unique: Any = None,
    blank_index: int | None = None,
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.ctc` of dense labels; `unique` only makes TensorFlow's own faster."""
    return Plan.of(
        losses.ctc,
        layouts={
            **_LENGTHS,
            "prediction": Layout(axes="TNC" if logits_time_major else "NTC"),
            "target": Layout("sequence", index=True, lowest_index=-1, axes="NT"),
        },
        reduction=_NONE,
        blank=0 if blank_index is None else blank_index,
        # What TensorFlow has for the logarithm of 0, in which a path may end anywhere.
        log_unfinished=math.log(1e-307),
    )


@function(
    "tf.nn",
    weights="class_vectors",
    biases="class_biases",
    labels="target",
    inputs="prediction",
    sampled_values=_DRAWN,
)
def nce_loss(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = False,
    name: str | None = "nce_loss",
) -> Plan:
    """`unified_loss.losses.nce`; without `sampled_values`, candidates are drawn log-uniformly."""
    return Plan.of(
        losses.nce,
        reduction=_NONE,
        candidates=Candidates(num_sampled, num_classes),
        num_true=num_true,
        remove_accidental_hits=remove_accidental_hits,
    )


@function(
    "tf.nn",
    weights="class_vectors",
    biases="class_biases",
    labels="target",
    inputs="prediction",
    sampled_values=_DRAWN,
)
def sampled_softmax_loss(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = True,
    seed: int | None = None,
    name: str | None = "sampled_softmax_loss",
) -> Plan:
    """`unified_loss.losses.sampled_softmax`; without `sampled_values`, candidates are drawn log-uniformly.

    The draws of one `seed` are always the same sequence, though not TensorFlow's.
    """
    return Plan.of(
        losses.sampled_softmax,
        reduction=_NONE,
        candidates=Candidates(num_sampled, num_classes, seed=seed),
        num_true=num_true,
        remove_accidental_hits=remove_accidental_hits,
    )


@function("tf.nn", t="prediction")
def l2_loss(t: Any, name: str | None = None) -> Plan:
    """Half the sum of `unified_loss.losses.squared_error` from 0."""
    return Plan.of(
        losses.squared_error,
        layouts={"target": Layout(required=False)},
        weighting=Weighting(0.5),
        reduction=Reduction("sum"),
    )


@function("tf.nn", targets="target", log_input="prediction")
def log_poisson_loss(
    targets: Any, log_input: Any, compute_full_loss: bool = False, name: str | None = None
) -> Plan:
    """`unified_loss.losses.poisson_nll` of a log-rate."""
    return Plan.of(losses.poisson_nll, reduction=_NONE, full=compute_full_loss)


@function("tf.nn", per_example_loss="prediction", sample_weight="weight")
def compute_average_loss(
    per_example_loss: Any, sample_weight: Any = None, global_batch_size: int | None = None
) -> Plan:
    """`unified_loss.losses.given`, summed and divided by the batch size, as in a single replica."""
    if global_batch_size is None:
        weighting, reduction = _PER_EXAMPLE, Reduction("batch_mean", over_nothing="zero")
        return Plan.of(losses.given, weighting=weighting, reduction=reduction)
    if global_batch_size < 0:
        raise ValueError(f"global_batch_size is {global_batch_size}, expected at least 0")
    share = 1 / global_batch_size if global_batch_size else 0.0
    return Plan.of(losses.given, weighting=replace(_PER_EXAMPLE, scale=share), reduction=Reduction("sum"))


@function("tf.nn", regularization_loss="prediction")
def scale_regularization_loss(regularization_loss: Any) -> Plan:
    """The sum of `unified_loss.losses.given`, as in a single replica."""
    return Plan.of(losses.given, reduction=Reduction("sum"))
