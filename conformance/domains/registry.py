"""The domains of all losses, by native name."""

from __future__ import annotations

import importlib
import pkgutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from unified_loss.conformance.cases import Call, Case, Input

from unified_loss.naming import resolve

from .draw import Draw, seeded

Drawn = tuple[Mapping[str, Any], Mapping[str, Any]]
"""The plain parameters, and the tensors by their native names in the order of the call."""

DrawnWithState = tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]
"""The same, and the weights of a loss that has such."""

_Drawing = TypeVar("_Drawing", bound=Callable[[Draw], Drawn | DrawnWithState])


@dataclass(frozen=True, eq=False)
class Domain:
    """What a native loss can be called with.

    Parameters
    ----------
    loss : the native dotted name
    draw : makes the parameters and tensors of one call
    call : as of a `Case`
    gradient_of : the name of the tensor to differentiate by; None where the native loss has no
        gradient, or none that is to be compared
    dtypes : the float dtypes that the native loss takes
    keywords : whether the tensors are given by keyword
    single_precision : whether the native loss computes float64 in float32 inside
    single_precision_parameters : whether it only keeps its parameters in float32
    fixed : why a parameter only ever has one value, by its name
    seeds : how many live cases are made of it for each dtype
    """

    loss: str
    draw: Callable[[Draw], Drawn | DrawnWithState]
    call: Call
    gradient_of: str | None
    dtypes: tuple[str, ...]
    keywords: bool
    single_precision: bool
    single_precision_parameters: bool
    fixed: Mapping[str, str]
    seeds: int

    def case(self, draw: Draw, name: str) -> Case:
        """The live case that a draw gives."""
        kwargs, tensors, *state = self.draw(draw)
        names = list(tensors)
        return Case(
            id=name,
            loss=self.loss,
            kwargs=dict(kwargs),
            inputs=tuple(
                Input(name, value, keyword=name if self.keywords else None) for name, value in tensors.items()
            ),
            kind="live",
            source=f"{self.loss} itself, run beside ours on the same tensors",
            framework=self.loss.partition(".")[0].replace("tf", "tensorflow"),
            call=self.call,
            state=dict(*state),
            gradient_of=None if self.gradient_of is None else names.index(self.gradient_of),
            single_precision=self.single_precision,
            single_precision_parameters=self.single_precision_parameters,
        )

    def cases(self) -> Iterator[Case]:
        """The live cases of its seeds, the same at every call."""
        for number in range(1, self.seeds + 1):
            for dtype in self.dtypes:
                draw = seeded(zlib.crc32(f"{self.loss}/{number}".encode()), dtype)
                yield self.case(draw, f"{self.loss}/drawn-{number}" + ("-f64" if dtype == "float64" else ""))


_DOMAINS: dict[str, Domain] = {}


def domain(
    *losses: str,
    gradient_of: str | None,
    call: Call | None = None,
    dtypes: tuple[str, ...] = ("float32", "float64"),
    keywords: bool = False,
    single_precision: bool = False,
    single_precision_parameters: bool = False,
    fixed: Mapping[str, str] | None = None,
    seeds: int = 2,
) -> Callable[[_Drawing], _Drawing]:
    """Say what some native losses can be called with; the arguments are those of `Domain`.

    `call` is by default that of the row: ``class`` for a class, ``function`` for a function.
    """

    def register(draw: _Drawing) -> _Drawing:
        for loss in losses:
            row: Call = "class" if isinstance(resolve(loss), type) else "function"
            _DOMAINS[loss] = Domain(
                loss,
                draw,
                call or row,
                gradient_of,
                dtypes,
                keywords,
                single_precision,
                single_precision_parameters,
                fixed or {},
                seeds,
            )
        return draw

    return register


def domains() -> Mapping[str, Domain]:
    """The domain of every loss that has one, by native name."""
    package = importlib.import_module(__package__)
    for info in pkgutil.iter_modules(package.__path__, f"{__package__}."):
        importlib.import_module(info.name)
    return _DOMAINS
