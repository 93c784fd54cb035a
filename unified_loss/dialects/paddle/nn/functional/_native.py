"""What Paddle's functions have in common."""

from __future__ import annotations

from typing import Literal

from unified_loss.layout import Layout

NAMESPACE = "paddle.nn.functional"

ReduceMode = Literal["mean", "sum", "none"]

MUTUAL = Layout(shape="mutual")
INDEX = Layout(shape="without_axis", index=True)
# The losses then keep the class axis too.
INDEX_WITH_AXIS = Layout(shape="without_axis", index=True, keeps_axis=True)
