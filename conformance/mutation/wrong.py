"""A call of an operation, and a way for it to be wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unified_loss.ops import FLOAT_DTYPES

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

GRADIENT_OFF = 1e-2
"""Relative; the least error of a gradient that counts."""


@dataclass(frozen=True, eq=False)
class Call:
    """A call of an operation.

    Parameters
    ----------
    ops : the operations to be wrong with; the one that is called is right among them
    op : its name
    correct : the operation
    args, keywords : of the call
    """

    ops: Backend
    op: str
    correct: Callable[..., Any]
    args: tuple[Any, ...]
    keywords: Mapping[str, Any]

    def value(self) -> Any:
        """What the operation gives."""
        return self.correct(*self.args, **self.keywords)

    def dtype(self, x: Any) -> str:
        """The dtype of an array; empty for what is none."""
        if isinstance(x, bool | int | float | str | type(None)):
            return ""
        try:
            return self.ops.dtype(x)
        except (AttributeError, KeyError, TypeError):
            return ""

    def is_float(self, x: Any) -> bool:
        """Whether it is an array of floats."""
        return self.dtype(x) in FLOAT_DTYPES

    def cast(self, x: Any, like: Any) -> Any:
        """In the dtype of another: a framework may widen a number that meets a Python number."""
        dtype = self.ops.dtype(like)
        return x if self.ops.dtype(x) == dtype else self.ops.astype(x, dtype)

    def without_gradient(self, x: Any) -> Any:
        """The same values, through which no gradient flows."""
        return self.ops.stop_gradient(x)

    def only_gradient(self, x: Any) -> Any:
        """Zeros that have the gradient of `x`, where that is finite."""
        fixed = self.without_gradient(x)
        odd = self.ops.logical_or(self.ops.isinf(fixed), fixed != fixed)  # noqa: PLR0124
        return self.ops.where(odd, 0.0, x) - self.ops.where(odd, 0.0, fixed)


Result = Callable[[Call], Any]


@dataclass(frozen=True, eq=False)
class Wrong:
    """One way to be wrong.

    Parameters
    ----------
    name : what is wrong
    result : gives the wrong result of a call
    sorts : the sorts of results that are then wrong
    of_gradient : whether its values are right, and only their gradient is not
    """

    name: str
    result: Result
    sorts: tuple[str, ...] = ("float",)
    of_gradient: bool = False


def wrong_gradient(name: str, result: Result) -> Wrong:
    """One way for a gradient to be wrong, where the values are right."""
    return Wrong(name, result, of_gradient=True)
