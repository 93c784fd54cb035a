"""The function of `mindspore.mint` that `mindspore.ops` has under another name."""

from __future__ import annotations

from typing import Any

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.dialects.mindspore import plans
from unified_loss.dialects.mindspore.plans import Choice
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction


@function("mindspore.mint.nn.functional", input="prediction", target="target")
def mse_loss(input: Any, target: Any, reduction: Choice = "mean") -> Plan:
    """`unified_loss.losses.squared_error`, which MindSpore has no CPU kernel for; the two broadcast."""
    loss = "mindspore.mint.nn.functional.mse_loss"
    return plans.of_difference(losses.squared_error, Reduction.of(reduction, loss))


mse_loss_ext = mse_loss
