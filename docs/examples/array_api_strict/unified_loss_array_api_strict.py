"""array-api-strict as a backend of unified_loss.

The ops of unified_loss are named as in the Python array API standard, and array-api-strict is that
standard and nothing else: most of a backend of it is the table of the names that they share. What
is a method differs, in its arguments or in what it takes, and says how.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import array_api_strict as xp
import numpy as np
from unified_loss.backends.base import Backend

_SAME_NAME = (
    "abs", "acos", "all", "any", "argsort", "broadcast_to", "clip", "concat", "cos", "cumulative_sum",
    "exp", "expand_dims", "isinf", "isnan", "log", "log1p", "logical_and", "logical_not", "logical_or",
    "matmul", "max", "maximum", "mean", "min", "minimum", "permute_dims", "pow", "reshape", "sort",
    "sqrt", "square", "squeeze", "stack", "sum", "take_along_axis", "unstack", "where",
)  # fmt: skip
_NO_HALF = "the array API standard has neither float16 nor bfloat16"


class ArrayApiStrictBackend(Backend):
    """Arrays of array-api-strict."""

    name = "array_api_strict"
    module = "array_api_strict"
    distribution = "array-api-strict"
    renames = {op: op for op in _SAME_NAME}
    unsupported = {
        "float16": _NO_HALF,
        "bfloat16": _NO_HALF,
        "value_and_grad": "the array API standard has no automatic differentiation",
    }
    dtypes = ("float32", "float64")
    index_dtype = "int64"

    def __init__(self) -> None:
        super().__init__()
        self._array_type = type(xp.empty(0))  # it has no public name

    # ------------------------------------------------------------------------- arrays

    def is_tensor(self, x: object, /) -> bool:
        return isinstance(x, self._array_type)

    def from_numpy(self, array: Any, dtype: str, like: Any, /) -> Any:
        return xp.asarray(array.astype(dtype, copy=False))

    def to_numpy(self, x: Any, /) -> Any:
        return np.asarray(x)

    def from_dlpack(self, x: Any, /) -> Any:
        return xp.from_dlpack(x)

    def guard(self, program: Callable[..., Any], /) -> Callable[..., Any]:
        def quiet(*args: Any) -> Any:
            # NumPy computes, and warns of log(0), which is -inf here as everywhere.
            with np.errstate(all="ignore"):
                return program(*args)

        return quiet

    # ---------------------------------------------------------------------------- ops

    def shape(self, x: Any, /) -> tuple[int, ...]:
        return tuple(x.shape)  # an attribute in the standard

    def dtype(self, x: Any, /) -> str:
        return str(x.dtype).removeprefix("array_api_strict.")

    def astype(self, x: Any, dtype: str, /) -> Any:
        return xp.astype(x, getattr(xp, dtype))

    def eye(self, n: int, /, *, like: Any) -> Any:
        return xp.eye(n, dtype=like.dtype)

    def arange(self, n: int, /, *, dtype: str, like: Any) -> Any:
        return xp.arange(n, dtype=getattr(xp, dtype))

    def relu(self, x: Any, /) -> Any:
        return xp.where(x <= 0, 0.0, x)  # not in the standard; NaN stays NaN

    def take(self, x: Any, indices: Any, /) -> Any:
        # The standard picks by indices of one axis only.
        picked = xp.take(x, xp.reshape(indices, (-1,)), axis=0)
        return xp.reshape(picked, (*indices.shape, *x.shape[1:]))

    def slice_along_axis(self, x: Any, start: int, stop: int, /, *, axis: int) -> Any:
        # The standard wants an index for every axis, or the three dots for those at the end.
        return x[(*(slice(None),) * axis, slice(start, stop), ...)]
