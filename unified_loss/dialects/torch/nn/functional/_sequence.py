"""Losses of sequences."""

from __future__ import annotations

from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.dialects.torch.reductions import reduction_of
from unified_loss.layout import Layout
from unified_loss.plan import Plan


def _lengths(limit: str) -> Layout:
    return Layout("batch", index=True, any_shape=True, required=True, limit=limit)


@function(
    "torch.nn.functional",
    log_probs="prediction",
    targets="target",
    input_lengths="prediction_lengths",
    target_lengths="target_lengths",
)
def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Plan:
    """`unified_loss.losses.ctc` of log-probabilities; the mean is one of losses per label."""
    chosen = reduction_of("ctc_loss", reduction)
    if blank < 0:
        raise ValueError(f"torch.nn.functional.ctc_loss: blank is {blank}, expected a class from 0")
    return Plan.of(
        losses.ctc,
        layouts={
            "prediction": Layout(axes="TNC"),
            "target": Layout("sequence", index=True, any_dtype=True, axes="NT", rows="target_lengths"),
            "prediction_lengths": _lengths("prediction"),
            "target_lengths": _lengths("target"),
        },
        reduction=chosen,
        unbatched=2,
        blank=blank,
        from_log_probabilities=True,
        gradient_of_softmax=True,
        per_label=chosen.kind == "mean",
        zero_infinity=zero_infinity,
    )
