"""PyTorch's operations where nothing is differentiated: only their values count, and how fast they come."""

from __future__ import annotations

import math
from typing import Any

import torch

from unified_loss.ops import Array

from .base import Rows, WrittenRows
from .torch import TorchBackend

_BITS = {torch.float32: torch.int32, torch.float64: torch.int64}


class PlainTorch(TorchBackend):
    """Operations on CPU tensors that are neither recorded nor traced."""

    def where(self, condition: Array, x1: Any, x2: Any, /) -> Array:
        # PyTorch 2.13 does not vectorise torch.where: choosing among bits takes a seventh of the time.
        array = x1 if isinstance(x1, torch.Tensor) else x2
        bits = _BITS.get(array.dtype)
        if bits is None or array.shape != condition.shape or array.numel() < _FEW:
            return torch.where(condition, x1, x2)
        chosen = condition.to(bits).neg_()
        if isinstance(x2, float | int) and x2 == 0:
            return _words(x1, bits).bitwise_and(chosen).view(array.dtype)
        if not isinstance(x1, torch.Tensor) or not isinstance(x2, torch.Tensor):
            x1, x2 = (
                x if isinstance(x, torch.Tensor) else torch.full((), x, dtype=array.dtype) for x in (x1, x2)
            )
        if x1.dtype != x2.dtype:
            return torch.where(condition, x1, x2)
        other = _words(x2, bits)
        return _words(x1, bits).bitwise_xor(other).bitwise_and_(chosen).bitwise_xor_(other).view(array.dtype)

    def multiply_no_nan(self, x: Array, y: Array, /) -> Array:
        product = x * y
        # No sum of NaN is finite.
        if math.isfinite(product.sum().item()):
            return product
        return super().multiply_no_nan(x, y)

    def xlogy(self, x: Array, y: Array, /) -> Array:
        product = torch.log(y).mul_(x) if x.shape == y.shape else x * torch.log(y)
        return product if math.isfinite(product.sum().item()) else super().xlogy(x, y)

    def isinf(self, x: Array, /) -> Array:
        return x.abs() == math.inf

    def sigmoid(self, x: Array, /) -> Array:
        return torch.sigmoid(x)

    def multiply_into(self, x: Array, factor: Array, /) -> Array:
        return x.mul_(factor)

    def sign(self, x: Array, /) -> Array:
        return torch.sign(x)

    def put_along_axis(self, shape: tuple[int, ...], indices: Array, values: Array, /, *, axis: int) -> Array:
        return values.new_zeros(shape).scatter_(axis, indices, values)

    def add_along_axis(self, x: Array, indices: Array, values: Array, /, *, axis: int) -> Array:
        return x.scatter_add_(axis, indices, values)

    def new_rows(self, like: Array, /) -> Rows:
        return _Rows(torch.empty_like(like))


_FEW = 1 << 12


def _words(x: Array, bits: torch.dtype) -> Array:
    return x.contiguous().view(bits)


class _Rows(WrittenRows):
    def write(self, rows: slice, part: Array, scale: float, /) -> None:
        torch.mul(part, scale, out=self.part(rows))
