"""Connectionist temporal classification."""

from __future__ import annotations

from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.plan import Plan

from ._plans import NAMESPACE, UNREDUCED

_ROLES: dict[str, Any] = {
    "logits": "prediction",
    "logit_paddings": "prediction_padding",
    "labels": "target",
    "label_paddings": "target_padding",
}


def _plan(blank_id: int, log_epsilon: float, output: str) -> Plan:
    return Plan.of(
        losses.padded_ctc, reduction=UNREDUCED, blank=blank_id, log_zero=log_epsilon, output=output
    )


@function(NAMESPACE, **_ROLES)
def ctc_loss(
    logits: Any,
    logit_paddings: Any,
    labels: Any,
    label_paddings: Any,
    *,
    blank_id: int = 0,
    log_epsilon: float = -1e5,
) -> Plan:
    """`unified_loss.losses.padded_ctc`."""
    return _plan(blank_id, log_epsilon, "loss")


@function(NAMESPACE, **_ROLES)
def ctc_loss_with_forward_probs(
    logits: Any,
    logit_paddings: Any,
    labels: Any,
    label_paddings: Any,
    *,
    blank_id: int = 0,
    log_epsilon: float = -1e5,
) -> tuple[Plan, Plan, Plan]:
    """`unified_loss.losses.padded_ctc`: the loss, and the forward probabilities of blank and label."""
    loss, blank, label = (_plan(blank_id, log_epsilon, output) for output in ("loss", "blank", "label"))
    return loss, blank, label
