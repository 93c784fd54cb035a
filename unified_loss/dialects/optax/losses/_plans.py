"""What optax's losses have in common: nothing is reduced but classes, and much is broadcast."""

from __future__ import annotations

from typing import Literal

from unified_loss.layout import Layout
from unified_loss.reduction import Reduction

NAMESPACE = "optax.losses"

Axes = int | tuple[int, ...] | None
"""The axis, or several, that a loss takes together; None is all of them."""

Merged = tuple[int, ...] | Literal["all"] | None

UNREDUCED = Reduction("none")
BROADCAST = Layout(shape="mutual")
OPTIONAL = Layout(required="either")
OPTIONAL_BROADCAST = Layout(shape="mutual", required="either")


def axes_of(axis: Axes) -> tuple[int, Merged]:
    """The axis that the spec reads, and the axes that are made one for it."""
    if isinstance(axis, int):
        return axis, None
    return -1, "all" if axis is None else axis
