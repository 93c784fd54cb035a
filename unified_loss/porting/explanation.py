"""`Explanation`: in what two losses differ, field by field, and how much each field does."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from .attribution import Effect, Gap, Method
from .result import Cause


@dataclass(frozen=True)
class FieldDifference:
    """A field in which two losses differ.

    Parameters
    ----------
    field : where in the plan, e.g. ``reduction.kind``; ``arguments`` for the order in which the calls take
        their tensors, ``inputs.target`` for what had to be done to one
    cause : which kind of difference it is
    first, second : what either loss has
    words : the same in a sentence
    value_effect, gradient_effect : how much it does; None where that is not known, or told at `together`
    together : the fields that only make sense when they are changed with this one, or without which no
        loss between the two could be run; the effect of all stands at the first of them
    note : what else is to be said of it
    """

    field: str
    cause: Cause
    first: Any
    second: Any
    words: str
    value_effect: Effect | None = None
    gradient_effect: Effect | None = None
    together: tuple[str, ...] = ()
    note: str = ""

    def __str__(self) -> str:
        parts = [f"{self.cause}: {self.field}: {self.words}"]
        if self.value_effect is not None:
            parts.append(f"value {_told(self.value_effect)}")
        if self.gradient_effect is not None:
            parts.append(f"gradient {_told(self.gradient_effect)}")
        return "; ".join([*parts, self.note] if self.note else parts)


@dataclass(frozen=True)
class Explanation:
    """In what two losses differ.

    Parameters
    ----------
    first, second : the two calls
    equal : whether they have the same plan, and so give the same on all inputs that both take
    fields : in what they differ; first what does most
    method : how the difference is shared out: ``average`` over all orders in which the fields could be
        changed one after the other (Shapley values); ``path``, one after the other in the order of the
        plan, but for those that can only be run after later ones; ``none``, where nothing was run or
        nothing differs
    value, gradient : the difference on the inputs; None where there was nothing to compare
    backend : where both were run
    note : what was compared, and what was not
    """

    first: str
    second: str
    equal: bool
    fields: tuple[FieldDifference, ...]
    method: Method = "none"
    value: Gap | None = None
    gradient: Gap | None = None
    backend: str = ""
    note: str = ""

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.first} {'means the same as' if self.equal else 'against'} {self.second}"
        for name in ("value", "gradient"):
            gap: Gap | None = getattr(self, name)
            if gap is not None:
                yield f"{name}: {gap}"
        yield from (f"  {field}" for field in self.fields)
        yield from self.note.splitlines()

    def to_json(self) -> dict[str, Any]:
        """The fields of the same names, ready for JSON; what a plan says is as Python writes it."""
        rows = [
            {**asdict(f), "first": repr(f.first), "second": repr(f.second), "together": list(f.together)}
            for f in self.fields
        ]
        whole: dict[str, Any] = _without_infinities({**asdict(self), "fields": rows})
        return whole


def _told(effect: Effect) -> str:
    if effect.share is None:
        return f"{effect.alone:.3g} alone" if effect.alone else "0"
    return f"{effect.amount:.3g} ({percent(effect.share)})"


def percent(share: float) -> str:
    """A share in percent."""
    return f"{share:.0%}".replace("-0%", "0%")


def _without_infinities(value: Any) -> Any:
    """JSON has no infinities and no NaN: they are spelled out, as in JavaScript's Number."""
    if isinstance(value, dict):
        return {name: _without_infinities(x) for name, x in value.items()}
    if isinstance(value, list | tuple):
        return [_without_infinities(x) for x in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
