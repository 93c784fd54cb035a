"""`@spec`: makes a formula over ops a canonical loss."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, get_type_hints

from .annotations import as_plain, in_words, is_a
from .layout import Layout

Formula = Callable[..., Any]


class Weighted(NamedTuple):
    """What a formula returns that has weighted its losses itself, by class weights for instance."""

    losses: Any
    weight: Any
    """The weight of each loss, by whose sum a weighted mean divides."""


@dataclass(frozen=True)
class Parameter:
    """A keyword-only parameter of a formula: its name, and its default where it has one."""

    name: str
    default: Any = inspect.Parameter.empty

    @property
    def required(self) -> bool:
        """Whether the formula gives no default."""
        return self.default is inspect.Parameter.empty


class Spec:
    """A canonical loss: calling it evaluates the formula, weighted and reduced, on any backend.

    Made by the decorator `spec`; not constructed directly.
    """

    evaluate: ClassVar[Callable[..., Any]]
    """Runs a spec on tensors; set by the module that binds plans, which specs know nothing of."""

    registry: ClassVar[dict[str, Spec]] = {}
    # No formula branches on values: without this, AutoGraph would rewrite the source of all it calls.
    autograph_info__: ClassVar[None] = None

    def __init__(self, formula: Formula, layouts: Mapping[str, Layout], in_blocks: bool = True) -> None:
        functools.update_wrapper(self, formula, updated=())
        self.in_blocks = in_blocks
        """Whether the losses of a sample depend on no other, so that some can be evaluated before others."""
        self.name = formula.__name__
        self.formula = formula
        self._hints = get_type_hints(formula)
        arguments = list(inspect.signature(formula).parameters.values())[1:]
        positional = [a for a in arguments if a.kind is a.POSITIONAL_ONLY]
        self.inputs = tuple(a.name for a in positional)
        rest = [a.name for a in arguments if a.kind is a.VAR_POSITIONAL]
        self.rest = rest[0] if rest else None
        self.optional = frozenset(a.name for a in positional if a.default is None)
        self.parameters = tuple(Parameter(a.name, a.default) for a in arguments if a.kind is a.KEYWORD_ONLY)
        self.layouts = {role: layouts.get(role, Layout()) for role in self.inputs}
        self.__signature__ = self._public_signature(arguments)
        type(self).registry[self.name] = self

    def _public_signature(self, arguments: list[inspect.Parameter]) -> inspect.Signature:
        kinds = inspect.Parameter
        kind = kinds.POSITIONAL_OR_KEYWORD if self.rest is None else kinds.POSITIONAL_ONLY
        own = [a.replace(kind=kind) for a in arguments if a.name in self.inputs]
        own += [a for a in arguments if a.name == self.rest]
        keywords = [a for a in arguments if a.kind is a.KEYWORD_ONLY]
        shared = [("weight", None), ("reduction", "mean"), ("backend", None)]
        keywords += [kinds(name, kinds.KEYWORD_ONLY, default=default) for name, default in shared]
        return inspect.Signature([*own, *keywords])

    def __call__(
        self,
        *inputs: Any,
        weight: Any = None,
        reduction: str = "mean",
        backend: str | None = None,
        **parameters: Any,
    ) -> Any:
        """Evaluate the loss; the docstring of the formula says what of."""
        return type(self).evaluate(self, inputs, parameters, weight, reduction, backend)

    def __repr__(self) -> str:
        return f"<loss {self.name}{self.__signature__}>"

    def complete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters of the formula in its own order, with defaults filled in."""
        known = [p.name for p in self.parameters]
        for name in given:
            if name not in known:
                expected = ", ".join(known) or "none"
                raise TypeError(f"{self.name}: unknown parameter {name!r}; its parameters are: {expected}")
        missing = [p.name for p in self.parameters if p.required and p.name not in given]
        if missing:
            raise TypeError(f"{self.name}: missing parameter {missing[0]!r}")
        complete = {p.name: as_plain(given.get(p.name, p.default)) for p in self.parameters}
        for name, value in complete.items():
            if not is_a(value, self._hints[name]):
                given_type, expected = type(value).__name__, in_words(self._hints[name])
                raise TypeError(f"{self.name}: {name} is {value!r} ({given_type}), expected {expected}")
        return complete


def spec(*, in_blocks: bool = True, **layouts: Layout) -> Callable[[Formula], Spec]:
    """Make a formula ``f(ops, first, ..., /, *, parameters)`` a canonical loss.

    Parameters
    ----------
    in_blocks
        Whether the losses of a sample depend on no other, and take no loop over frames: some samples
        are then evaluated before others.
    **layouts
        The layout of each input that is not simply of the first input's shape.
    """
    return lambda formula: Spec(formula, layouts, in_blocks)
