"""Gradients that are computed with the value, as PyTorch's autograd takes them."""

from __future__ import annotations

from typing import Any

import torch

from unified_loss.ops import Array


class InBlocks(torch.autograd.Function):  # type: ignore[misc]
    """A value whose gradients come with it; `Backend.with_gradients` says what it is applied to."""

    @staticmethod
    def forward(ctx: Any, how: tuple[Any, ...], *tensors: Array | None) -> Array:
        ctx.evaluate, ctx.composed, ctx.scaled, ctx.needed = how
        # Not saved as torch saves tensors: of one that somebody else holds, it would make the leaf a copy.
        value, ctx.gradients = ctx.evaluate(tensors, ctx.needed)
        ctx.save_for_backward(*tensors)
        return value

    @staticmethod
    def backward(ctx: Any, head: Array) -> tuple[Array | None, ...]:
        tensors = ctx.saved_tensors
        if torch.is_grad_enabled():
            # A gradient that is itself to be differentiated has to be computed of what it depends on.
            wanted = [x for x, needed in zip(tensors, ctx.needed, strict=True) if needed]
            value = ctx.composed(*tensors)
            again = torch.autograd.grad(value, wanted, head, create_graph=True, materialize_grads=True)
            found = iter(again)
            return None, *(next(found) if needed else None for needed in ctx.needed)
        # Where the graph is kept, what was handed over is computed once more.
        gradients = ctx.gradients or ctx.evaluate(tensors, ctx.needed)[1]
        ctx.gradients = None
        return None, *(
            ctx.scaled(head, gradient) if needed else None
            for gradient, needed in zip(gradients, ctx.needed, strict=True)
        )
