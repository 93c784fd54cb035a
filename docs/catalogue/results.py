"""What native losses gave, beside each other: how far they are apart, in words."""

from __future__ import annotations

import math
from typing import Any

from naming import MUCH, apart, elements, number, percent, shape_of

from unified_loss.porting.source import parse

ROUNDING = 2e-5
"""What frameworks may differ by, as a part of the largest element, and still be the same in float32."""


def untaken(page: dict[str, Any], call: str) -> str:
    """Which of the inputs a native loss has no argument for."""
    taken = parse(call).roles.values()
    missing = [role for role in page["inputs"] if role not in taken]
    return f"takes no {', no '.join(missing)}" if missing else ""


def steepest(gradient: Any) -> float:
    """The element that is furthest from 0; of elements that are not finite, one of those."""
    return max(
        elements(gradient), key=lambda element: math.inf if math.isnan(element) else abs(element), default=0.0
    )


def beside(result: dict[str, Any], reference: dict[str, Any] | None) -> str:
    """A mark, and how far a result is from the one that the others are compared with."""
    if result["value"] is None:
        return f"⚪ {refusal(result['error'])}"
    if reference is None or result is reference:
        return ""
    value, gradient = gaps(result, reference)
    if value < ROUNDING and gradient < ROUNDING:
        same = shape_of(result["value"]) == shape_of(reference["value"])
        return "🟢 the same" if same else "🟡 the same sum, another shape"
    first, second = (sum(elements(one["value"])) for one in (reference, result))
    parts = [f"value {apart(first, second)}"] if value >= ROUNDING else ["value the same"]
    if gradient >= ROUNDING:
        parts.append(f"gradient {slopes(reference['gradient'], result['gradient'])}")
    elif result["gradient"] is not None and reference["gradient"] is not None:
        parts.append("gradient the same")
    return "🔴 " + ", ".join(parts)


def slopes(first: Any, second: Any) -> str:
    """How far two gradients are apart: a factor where they have one, else the largest gap as a part."""
    pairs = [(a, b) for a, b in zip(elements(first), elements(second), strict=False)]
    scale = max((abs(a) for a, _ in pairs), default=0.0)
    if len(elements(first)) != len(elements(second)):
        return "of another shape"
    if not math.isfinite(scale) or not all(math.isfinite(b) for _, b in pairs):
        return "not finite"
    if scale == 0:
        return f"up to {number(steepest(second), 3)} against 0"
    steep = max(pairs, key=lambda pair: abs(pair[0]))
    factor = steep[1] / steep[0]
    if all(abs(b - factor * a) <= 1e-4 * max(abs(factor), 1e-9) * scale for a, b in pairs):
        return apart(1.0, factor)
    gap = max(abs(b - a) for a, b in pairs) / scale
    return f"up to {f'{gap:.3g} times' if gap >= MUCH else f'{percent(gap)} of'} the steepest apart"


def gaps(result: dict[str, Any], reference: dict[str, Any]) -> tuple[float, float]:
    """How far the sum of the value and the elements of the gradient are apart, as parts."""
    first, second = (sum(elements(one["value"])) for one in (reference, result))
    value = part(abs(second - first), abs(first))
    if result["gradient"] is None or reference["gradient"] is None:
        return value, 0.0
    one, other = elements(reference["gradient"]), elements(result["gradient"])
    if len(one) != len(other):
        return value, math.inf
    gap = max((0.0 if a == b else abs(a - b) for a, b in zip(one, other, strict=True)), default=0.0)
    return value, part(gap, max(map(abs, one), default=0.0))


def part(gap: float, whole: float) -> float:
    """A gap as a part; infinite where something is not finite, or nothing was there."""
    if gap <= 1e-9:
        return 0.0
    return gap / whole if whole > 0 and math.isfinite(gap) and math.isfinite(whole) else math.inf


def refusal(error: str) -> str:
    """Why a framework gave nothing, in a line."""
    reason = " ".join(error.split()).partition(" (in ")[0]
    kind, _, said = reason.partition(": ")
    if kind == "not run":
        return f"not run: {said.partition(': ')[2] or said}"
    said = said.strip(" -:")
    if not said or said.startswith(("Traceback", "---")):
        return f"raises {kind.rstrip(':')}"
    return f"raises {kind}: {said[:90]}{'…' if len(said) > 90 else ''}"
