"""PyTorch's kernels for losses of a difference: one each for the value and for the gradient."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from unified_loss.ops import Array, Ops

from .base import Backend, Lowering

_aten = torch.ops.aten
_NONE = 0
"""The reduction "none", as the kernels know it."""


def _gap(_: Backend, parameters: Mapping[str, Any], dtypes: Sequence[str | None]) -> str | None:
    given = [dtype for dtype in dtypes if dtype is not None]
    if len(given) != 2:
        return "the kernel takes a prediction and a target, and no weight"
    if given[0] != given[1] or given[0] not in ("float32", "float64"):
        return "the kernel takes two tensors of one dtype, float32 or float64"
    if any(not 0 < value < math.inf for value in parameters.values()):
        return "the kernel takes a positive, finite threshold"
    return None


def _lowering(forward: Any, backward: Any) -> Lowering:
    def losses(_: Ops, prediction: Array, target: Array, **parameters: float) -> Array:
        # The kernel stretches one to the other as well, but not its gradient.
        return forward(*torch.broadcast_tensors(prediction, target), _NONE, *parameters.values())

    def gradient(
        head: Array | float, out: Array | None, _: Ops, prediction: Array, target: Array, **parameters: float
    ) -> Array:
        if isinstance(head, float):
            head = torch.full((), head, dtype=prediction.dtype)
        out = torch.empty_like(prediction) if out is None else out
        given = head.expand_as(prediction), prediction, target, _NONE, *parameters.values()
        return backward(*given, grad_input=out)

    return Lowering(losses, _gap, gradient)


POINTWISE: Mapping[str, Lowering] = {
    "squared_error": _lowering(_aten.mse_loss, _aten.mse_loss_backward.grad_input),
    "huber": _lowering(_aten.huber_loss, _aten.huber_loss_backward.out),
    "smooth_l1": _lowering(_aten.smooth_l1_loss, _aten.smooth_l1_loss_backward.grad_input),
}
