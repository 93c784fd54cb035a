"""Losses over sequences, and of choices down a tree or at an angle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import REST, Plans, function
from unified_loss.errors import UnsupportedOperation
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction
from unified_loss.weighting import Weighting

from ._native import INDEX_WITH_AXIS, NAMESPACE, ReduceMode


@function(
    NAMESPACE,
    log_probs="prediction",
    labels="target",
    input_lengths="prediction_lengths",
    label_lengths="target_lengths",
)
def ctc_loss(
    log_probs: Any,
    labels: Any,
    input_lengths: Any,
    label_lengths: Any,
    blank: int = 0,
    reduction: ReduceMode = "mean",
    norm_by_times: bool = False,
    zero_infinity: bool = False,
) -> Plan:
    """`unified_loss.losses.ctc` of logits, despite the name; labels that do not fit their frames give 0.

    The mean is of the losses per label; `norm_by_times` divides the gradient only.
    """
    return Plan.of(
        losses.ctc,
        layouts={"prediction": Layout(axes="TNC")},
        reduction=Reduction.of(reduction, f"{NAMESPACE}.ctc_loss"),
        blank=blank,
        per_label=reduction == "mean",
        least_labels=0,
        zero_infinity=True,
        gradient_per_frame=norm_by_times,
    )


@function(
    NAMESPACE,
    input="prediction",
    label="target",
    input_lengths="prediction_lengths",
    label_lengths="target_lengths",
)
def rnnt_loss(
    input: Any,
    label: Any,
    input_lengths: Any,
    label_lengths: Any,
    blank: int = 0,
    fastemit_lambda: float = 0.001,
    reduction: ReduceMode = "mean",
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.rnnt` of log-probabilities, as on the CPU; on a GPU Paddle normalises them."""
    return Plan.of(
        losses.rnnt,
        reduction=Reduction.of(reduction, f"{NAMESPACE}.rnnt_loss"),
        blank=blank,
        from_log_probabilities=True,
        fast_emission=fastemit_lambda,
    )


@function(NAMESPACE, anchor="anchor", positive="positive", labels="target")
def npair_loss(anchor: Any, positive: Any, labels: Any, l2_reg: float = 0.002) -> Plan:
    """The mean of `unified_loss.losses.n_pair`."""
    return Plan.of(losses.n_pair, regularization=l2_reg)


@function(
    NAMESPACE,
    input="prediction",
    label="target",
    weight="node_weights",
    bias="node_biases",
    path_table="path_table",
    path_code="path_code",
)
def hsigmoid_loss(
    input: Any,
    label: Any,
    num_classes: int,
    weight: Any,
    bias: Any = None,
    path_table: Any = None,
    path_code: Any = None,
    is_sparse: bool = False,
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.hierarchical_sigmoid` of shape (N, 1), each missing node adding log 2."""
    if num_classes < 2:
        raise ValueError(f"{NAMESPACE}.hsigmoid_loss: num_classes is {num_classes}, expected at least 2")
    return Plan.of(
        losses.hierarchical_sigmoid,
        layouts={"target": replace(losses.hierarchical_sigmoid.layouts["target"], squeezes=True)},
        reduction=Reduction("none"),
        classes=num_classes,
        count_missing_nodes=True,
    )


@function(NAMESPACE, logits="prediction", label="target")
def margin_cross_entropy(
    logits: Any,
    label: Any,
    margin1: float = 1.0,
    margin2: float = 0.5,
    margin3: float = 0.0,
    scale: float = 64.0,
    group: Any = None,
    return_softmax: bool = False,
    reduction: ReduceMode | None = "mean",
) -> Plans:
    """`unified_loss.losses.margin_cross_entropy`, and if asked for the softmax, within one process."""
    name = f"{NAMESPACE}.margin_cross_entropy"
    if group is not None and group is not False and not hasattr(group, "is_member"):
        raise ValueError(f"{name}: group is {group!r}, expected None, False or a group of processes")
    if getattr(group, "nranks", 1) != 1:
        raise UnsupportedOperation(f"{name}: classes that are split among processes are not supported")
    layouts = {"target": INDEX_WITH_AXIS}
    margins: dict[str, Any] = {
        "angle_factor": margin1,
        "angle_margin": margin2,
        "cosine_margin": margin3,
        "scale": scale,
    }
    loss = Plan.of(
        losses.margin_cross_entropy,
        layouts=layouts,
        reduction=Reduction.of("none" if reduction is None else reduction, name),
        keepdims=True,
        **margins,
    )
    if not return_softmax:
        return loss
    softmax = Plan.of(
        losses.margin_cross_entropy,
        layouts=layouts,
        reduction=Reduction("none"),
        probabilities=True,
        **margins,
    )
    return loss, softmax


@function(
    NAMESPACE,
    input="prediction",
    label="target",
    head_weight="head_weight",
    tail_weights=REST,
    head_bias="head_bias",
)
def adaptive_log_softmax_with_loss(
    input: Any,
    label: Any,
    head_weight: Any,
    tail_weights: Any,
    cutoffs: tuple[int, ...],
    head_bias: Any = None,
    name: str | None = None,
) -> Plans:
    """`unified_loss.losses.adaptive_log_softmax`: the log-probabilities of the labels, and the mean loss.

    The last of the `cutoffs` is the number of classes.
    """
    if not cutoffs:
        raise ValueError(f"{NAMESPACE}.adaptive_log_softmax_with_loss: cutoffs is empty")

    def plan(weighting: Weighting, reduction: Reduction) -> Plan:
        return Plan.of(
            losses.adaptive_log_softmax,
            weighting=weighting,
            reduction=reduction,
            unbatched=1,
            classes=cutoffs[-1],
            cutoffs=cutoffs[:-1],
            inputs_first=True,
        )

    return plan(Weighting(scale=-1.0), Reduction("none")), plan(Weighting(), Reduction())
