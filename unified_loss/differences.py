"""What two plans differ in, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from .layout import Layout
from .plan import Plan


@dataclass(frozen=True)
class Difference:
    """A field that two plans have with different values.

    Parameters
    ----------
    field : where in the plan, e.g. ``reduction.kind`` or ``parameters.delta``
    first, second : what either plan says; None where it has no such field
    """

    field: str
    first: Any
    second: Any

    def __str__(self) -> str:
        return f"{self.field.replace('_', ' ')}: {self.first!r} against {self.second!r}"


def plan_differences(first: Plan, second: Plan) -> tuple[Difference, ...]:
    """Every field in which two plans differ; empty exactly where they are equivalent.

    Parameters
    ----------
    first, second : plans, of the same spec or not

    Returns
    -------
    tuple of Difference
        In the order of the plan's fields. Of plans of two specs, parameters and layouts are only
        compared where both have them.

    Examples
    --------
    >>> import unified_loss as ul
    >>> from unified_loss.differences import plan_differences
    >>> huber = ul.resolve("mxnet.gluon.loss.HuberLoss")
    >>> print(*plan_differences(huber().plan, huber(rho=2.0).plan))
    parameters.beta: 1 against 2.0
    """
    return tuple(_differences(first, second))


def _differences(first: Plan, second: Plan) -> Iterator[Difference]:
    same_spec = first.spec == second.spec
    if not same_spec:
        yield Difference("spec", first.spec, second.spec)
    ours, theirs = dict(first.parameters), dict(second.parameters)
    for name in [*ours, *(n for n in theirs if n not in ours)]:
        if same_spec or (name in ours and name in theirs):
            yield from _value(f"parameters.{name}", ours.get(name), theirs.get(name))
    layouts = dict(first.layouts), dict(second.layouts)
    for role in layouts[0]:
        if role in layouts[1]:
            yield from _fields(f"layouts.{role}", layouts[0][role], layouts[1][role])
        elif same_spec:
            yield from _fields(f"layouts.{role}", layouts[0][role], Layout())
    for name in ("inner", "weighting", "reduction"):
        yield from _fields(name, getattr(first, name), getattr(second, name))
    yield from _value("constants", first.constants, second.constants)
    yield from _value("unbatched", first.unbatched, second.unbatched)
    yield from _value("dtype", first.dtype, second.dtype)
    yield from _value("candidates", first.candidates, second.candidates)


def _fields(where: str, first: Any, second: Any) -> Iterator[Difference]:
    for f in (f for f in fields(first) if f.compare):
        yield from _value(f"{where}.{f.name}", getattr(first, f.name), getattr(second, f.name))


def _value(where: str, first: Any, second: Any) -> Iterator[Difference]:
    if first != second:
        yield Difference(where, first, second)
