"""The losses of `tf.compat.v1.nn` as of TensorFlow 2.21, on any backend.

Those that do not differ from `tf.nn` are the same. `name` is accepted and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.dialects.tensorflow import nn
from unified_loss.dialects.tensorflow.nn import (
    compute_average_loss,
    l2_loss,
    log_poisson_loss,
    scale_regularization_loss,
    sigmoid_cross_entropy_with_logits,
)
from unified_loss.dialects.tensorflow.sparse import PADDING, dense_rows
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction

__all__ = [
    "compute_average_loss",
    "ctc_loss",
    "ctc_loss_v2",
    "l2_loss",
    "log_poisson_loss",
    "nce_loss",
    "sampled_softmax_loss",
    "scale_regularization_loss",
    "sigmoid_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits_v2",
    "sparse_softmax_cross_entropy_with_logits",
    "weighted_cross_entropy_with_logits",
]

_NAMESPACE = "tf.compat.v1.nn"
_NONE = Reduction("none")
_DRAWN = ("candidates", "target_counts", "candidate_counts")

ctc_loss_v2 = nn.ctc_loss


def _dense(labels: Any, parameters: Mapping[str, Any]) -> Any:
    return dense_rows(labels, collapse_repeated=parameters["preprocess_collapse_repeated"])


@function(
    _NAMESPACE,
    convert={"labels": _dense},
    labels="target",
    inputs="prediction",
    sequence_length="prediction_lengths",
    logits="prediction",
)
def ctc_loss(
    labels: Any,
    inputs: Any = None,
    sequence_length: Any = None,
    preprocess_collapse_repeated: bool = False,
    ctc_merge_repeated: bool = True,
    ignore_longer_outputs_than_inputs: bool = False,
    time_major: bool = True,
    logits: Any = None,
) -> Plan:
    """`unified_loss.losses.ctc` of sparse labels, the blank being the last class.

    Labels that do not fit their frames have an infinite loss, where TensorFlow refuses those that are
    longer; with `ignore_longer_outputs_than_inputs` a loss of 0. `logits` is another name of `inputs`.
    """
    return Plan.of(
        losses.ctc,
        layouts={
            "prediction": Layout(axes="TNC" if time_major else "NTC"),
            "target": Layout("sequence", index=True, lowest_index=PADDING, axes="NT"),
            "prediction_lengths": Layout("batch", index=True, limit="prediction", required=True),
        },
        reduction=_NONE,
        blank=-1,
        padding=PADDING,
        merge_repeated=ctc_merge_repeated,
        zero_infinity=ignore_longer_outputs_than_inputs,
    )


@function(_NAMESPACE, labels="target", logits="prediction", pos_weight="positive_weight", targets="target")
def weighted_cross_entropy_with_logits(
    labels: Any = None,
    logits: Any = None,
    pos_weight: Any = None,
    name: str | None = None,
    targets: Any = None,
) -> Plan:
    """`tf.nn.weighted_cross_entropy_with_logits`; `targets` is the older name of `labels`."""
    return Plan.of(
        losses.binary_cross_entropy_with_logits,
        layouts={"positive_weight": Layout("broadcast", required=True)},
        reduction=_NONE,
    )


def _axis(function: str, axis: int | None, dim: int | None) -> int:
    if axis is not None and dim is not None:
        raise ValueError(f"{_NAMESPACE}.{function}: axis and dim are the same, one must be None")
    given = dim if axis is None else axis
    return -1 if given is None else given


@function(_NAMESPACE, labels="target", logits="prediction")
def softmax_cross_entropy_with_logits(
    labels: Any = None,
    logits: Any = None,
    dim: int | None = -1,
    name: str | None = None,
    axis: int | None = None,
) -> Plan:
    """`tf.nn.softmax_cross_entropy_with_logits`, without a gradient by the labels.

    As `dim` is -1 by default, an `axis` can only be given with ``dim=None``.
    """
    return Plan.of(
        losses.softmax_cross_entropy,
        layouts={"target": Layout(detached=True)},
        reduction=_NONE,
        axis=_axis("softmax_cross_entropy_with_logits", axis, dim),
        gradient_of_distribution=True,
    )


@function(_NAMESPACE, labels="target", logits="prediction")
def softmax_cross_entropy_with_logits_v2(
    labels: Any,
    logits: Any,
    axis: int | None = None,
    name: str | None = None,
    dim: int | None = None,
) -> Plan:
    """`tf.nn.softmax_cross_entropy_with_logits`; `dim` is the older name of `axis`."""
    return nn.softmax_cross_entropy_with_logits.plan(
        axis=_axis("softmax_cross_entropy_with_logits_v2", axis, dim)
    )


@function(_NAMESPACE, labels="target", logits="prediction")
def sparse_softmax_cross_entropy_with_logits(
    labels: Any = None, logits: Any = None, name: str | None = None
) -> Plan:
    """`tf.nn.sparse_softmax_cross_entropy_with_logits`."""
    return nn.sparse_softmax_cross_entropy_with_logits.plan()


@function(
    _NAMESPACE,
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
    partition_strategy: Literal["mod", "div"] = "mod",
    name: str | None = "nce_loss",
) -> Plan:
    """`tf.nn.nce_loss`; `partition_strategy` is of `weights` in several parts, which ours are not."""
    return nn.nce_loss.plan(
        num_sampled=num_sampled,
        num_classes=num_classes,
        num_true=num_true,
        remove_accidental_hits=remove_accidental_hits,
    )


@function(
    _NAMESPACE,
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
    partition_strategy: Literal["mod", "div"] = "mod",
    name: str | None = "sampled_softmax_loss",
    seed: int | None = None,
) -> Plan:
    """`tf.nn.sampled_softmax_loss`; `partition_strategy` is of `weights` in parts, which ours are not."""
    return nn.sampled_softmax_loss.plan(
        num_sampled=num_sampled,
        num_classes=num_classes,
        num_true=num_true,
        remove_accidental_hits=remove_accidental_hits,
        seed=seed,
    )
