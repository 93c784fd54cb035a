"""What a run found of the accuracy of a loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from .cases import encode

Subject = Literal["ours", "native"]
Quantity = Literal["value", "gradient"]


@dataclass(frozen=True)
class Accuracy:
    """How far a loss is from the oracle, over its probes of one dtype.

    Parameters
    ----------
    loss, backend : which, and on whose tensors
    subject : ``ours``, or the framework's own loss
    dtype : of the inputs
    quantity : ``value`` or ``gradient``
    elements : how many were compared
    median, worst : errors, in units in the last place of the result's dtype; infinite where only one
        side is finite
    case, where : of the worst element
    expected, got : there
    holds : for ours, whether it is nowhere worse than the native loss
    reason : where it is, and what the native loss gives there
    """

    loss: str
    backend: str
    subject: Subject
    dtype: str
    quantity: Quantity
    elements: int
    median: float
    worst: float
    case: str
    where: tuple[int, ...]
    expected: float
    got: float
    holds: bool = True
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields, NaN and infinities spelled out."""
        return {name: encode(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> Accuracy:
        """The inverse of `to_json`."""
        numbers = {name: float(table[name]) for name in ("median", "worst", "expected", "got")}
        return cls(**{**table, **numbers, "where": tuple(table["where"])})
