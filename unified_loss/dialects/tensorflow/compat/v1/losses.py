"""`tf.compat.v1.losses` as of TensorFlow 2.21, on any backend.

Weighted and reduced in float32, most losses computed in it. `weights` is a number, or has the rank of
the losses and in each axis their size or 1; by default the sum is divided by the number of losses
whose weight is not 0. `scope` and `loss_collection` are accepted and change nothing: there is no graph
that would collect the losses, nor does TensorFlow collect them when it runs eagerly.
"""

from __future__ import annotations

from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction as _Reduction
from unified_loss.reduction import check_reduction
from unified_loss.weighting import Weighting

__all__ = [
    "Reduction",
    "absolute_difference",
    "compute_weighted_loss",
    "cosine_distance",
    "hinge_loss",
    "huber_loss",
    "log_loss",
    "mean_pairwise_squared_error",
    "mean_squared_error",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
]

_NAMESPACE = "tf.compat.v1.losses"
_given = losses.given
"""By another name, because one function has an argument `losses`, as its native one."""


class Reduction:
    """The names of the reductions."""

    NONE = "none"
    SUM = "weighted_sum"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    MEAN = "weighted_mean"
    SUM_BY_NONZERO_WEIGHTS = "weighted_sum_by_nonzero_weights"
    SUM_OVER_NONZERO_WEIGHTS = SUM_BY_NONZERO_WEIGHTS

    @classmethod
    def all(cls) -> tuple[str, ...]:
        """All the names."""
        return tuple(_REDUCTIONS)

    @classmethod
    def validate(cls, key: str) -> None:
        """Refuse what is no such name."""
        check_reduction(key, _NAMESPACE, cls.all())


_REDUCTIONS = {
    Reduction.NONE: _Reduction("none"),
    Reduction.SUM: _Reduction("sum"),
    Reduction.MEAN: _Reduction("weighted_mean", over_nothing="zero"),
    Reduction.SUM_OVER_BATCH_SIZE: _Reduction("mean", over_nothing="zero"),
    Reduction.SUM_BY_NONZERO_WEIGHTS: _Reduction("nonzero_mean", over_nothing="zero"),
}


def _reduction(kind: str) -> _Reduction:
    Reduction.validate(kind)
    return _REDUCTIONS[kind]


@function(_NAMESPACE, labels="target", predictions="prediction", weights="weight")
def absolute_difference(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = "losses",
    reduction: str = "weighted_sum_by_nonzero_weights",
) -> Plan:
    """`unified_loss.losses.absolute_error`."""
    return Plan.of(losses.absolute_error, reduction=_reduction(reduction), dtype="float32")


@function(_NAMESPACE, losses="prediction", weights="weight")
def compute_weighted_loss(
    losses: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = "losses",
    reduction: str = "weighted_sum_by_nonzero_weights",
) -> Plan:
    """`unified_loss.losses.given`."""
    return Plan.of(_given, reduction=_reduction(reduction))


@function(_NAMESPACE, labels="target", predictions="prediction", weights="weight")
def cosine_distance(
    labels: Any,
    predictions: Any,
    axis: int | None = None,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = "losses",
    reduction: str = "weighted_sum_by_nonzero_weights",
    dim: int | None = None,
) -> Plan:
    """`unified_loss.losses.inner_product_distance`, along a required `axis`, which stays with size 1."""
    if (axis is None) == (dim is None):
        raise ValueError(f"{_NAMESPACE}.cosine_distance: expected one of axis, {axis!r}, and dim, {dim!r}")
    return Plan.of(
        losses.inner_product_distance,
        reduction=_reduction(reduction),
        dtype="float32",
        axis=dim if axis is None else axis,
        keepdims=True,
    )


@function(_NAMESPACE, labels="target", logits="prediction", weights="weight")
def hinge_loss(
    labels: Any,
    logits: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = "losses",
    reduction: str = "weighted_sum_by_nonzero_weights",
) -> Plan:
    """`unified_loss.losses.hinge` of labels 0 and 1."""
    return Plan.of(
        losses.hinge,
        layouts={"target": Layout(binary=True)},
        reduction=_reduction(reduction),
        dtype="float32",
    )


@function(_NAMESPACE, labels="target", predictions="prediction", weights="weight")
def huber_loss(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    delta: float = 1.0,
    scope: str | None = None,
    loss_collection: str | None = "losses",
    reduction: str = "weighted_sum_by_nonzero_weights",
) -> Plan:
    """`unified_loss.losses.huber`."""
    return Plan.of(losses.huber, reduction=_reduction(reduction), dtype="float32", delta=delta)


@function(_NAMESPACE, labels="target", predictions="prediction", weights="weight")
def log_loss(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    epsilon: float = 1e-7,
    scope: str | None = None,
    loss_collection: str | None = "losses",
    reduction: str = "weighted_sum_by_nonzero_weights",
) -> Plan:
    """`unified_loss.losses.binary_cross_entropy`, with `epsilon` added inside both logarithms."""
    return Plan.of(
        losses.binary_cross_entropy,
        reduction=_reduction(reduction),
        dtype="float32",
        log_floor=None,
        log_epsilon=epsilon,
        gradient_floor=None,
    )


@function(_NAMESPACE, labels="target", predictions="prediction", weights="entry_weight")
def mean_pairwise_squared_error(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = "losses",
) -> Plan:
    """The sum of `unified_loss.losses.mean_pairwise_squared_error`, as it is when TensorFlow runs eagerly.

    With one weight for all, TensorFlow then divides by the number of entries of the whole batch;
    inside a graph, and with any other weights, by that of each sample.
    """
    return Plan.of(
        losses.mean_pairwise_squared_error,
        reduction=_Reduction("sum"),
        dtype="float32",
        counts_batch=True,
    )


@function(_NAMESPACE, labels="target", predictions="prediction", weights="weight")
def mean_squared_error(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = "losses",
    reduction: str = "weighted_sum_by_nonzero_weights",
) -> Plan:
    """`unified_loss.losses.squared_error`."""
    return Plan.of(losses.squared_error, reduction=_reduction(reduction), dtype="float32")


@function(_NAMESPACE, multi_class_labels="target", logits="prediction", weights="weight")
def sigmoid_cross_entropy(
    multi_class_labels: Any,
    logits: Any,
    weights: Any = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
    loss_collection: str | None = "losses",
    reduction: str = "weighted_sum_by_nonzero_weights",
) -> Plan:
    """`unified_loss.losses.binary_cross_entropy_with_logits`."""
    return Plan.of(
        losses.binary_cross_entropy_with_logits,
        reduction=_reduction(reduction),
        label_smoothing=float(max(label_smoothing, 0)),
    )


@function(_NAMESPACE, onehot_labels="target", logits="prediction", weights="weight")
def softmax_cross_entropy(
    onehot_labels: Any,
    logits: Any,
    weights: Any = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
    loss_collection: str | None = "losses",
    reduction: str = "weighted_sum_by_nonzero_weights",
) -> Plan:
    """`unified_loss.losses.softmax_cross_entropy`, without a gradient by the labels."""
    return Plan.of(
        losses.softmax_cross_entropy,
        layouts={"target": Layout(detached=True)},
        reduction=_reduction(reduction),
        label_smoothing=float(max(label_smoothing, 0)),
        gradient_of_distribution=True,
    )


@function(_NAMESPACE, labels="target", logits="prediction", weights="weight")
def sparse_softmax_cross_entropy(
    labels: Any,
    logits: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = "losses",
    reduction: str = "weighted_sum_by_nonzero_weights",
) -> Plan:
    """`unified_loss.losses.sparse_softmax_cross_entropy`; labels and weights may have a last axis of 1."""
    return Plan.of(
        losses.sparse_softmax_cross_entropy,
        layouts={"target": Layout("without_axis", index=True, squeezes=True)},
        weighting=Weighting(squeezes=True),
        reduction=_reduction(reduction),
    )
