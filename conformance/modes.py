"""The modes in which a case is checked: as users call the loss, with composed operations, and compiled."""

from __future__ import annotations

import functools
import json
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from unified_loss.compilation import compile as compiled
from unified_loss.dispatch import backend_of
from unified_loss.errors import ConfigError, UnsupportedOperation
from unified_loss.gradients import value_and_grad
from unified_loss.ops import OPS, REQUIRED_OPS, Ops

from .cases import Case

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

EAGER, COMPOSED, BLOCKS, ALL = "eager", "composed", "blocks", "all"

_SPELLINGS = ("constant", "slice_along_axis")
"""Derived operations that say how a framework writes a number or a slice, and compute nothing."""
LOWERED = tuple(op for op in OPS if op not in (*REQUIRED_OPS, *_SPELLINGS))
"""The operations of which a backend may have the framework's own function."""

InMode = Callable[[Callable[..., Any]], Callable[..., Any]]
"""Makes a loss one that runs in a mode."""


def modes_of(backend: Backend) -> tuple[str, ...]:
    """The modes that a backend has."""
    return (EAGER, COMPOSED, *backend.further_modes)


def check_mode(mode: str, backend: Backend) -> None:
    """Refuse a mode that a backend has not."""
    if mode not in modes_of(backend):
        raise ConfigError(f"{backend.name} has no mode {mode!r}; it has: {', '.join(modes_of(backend))}")


@contextmanager
def entered(mode: str, backend: Backend) -> Iterator[InMode]:
    """What makes a loss one that runs in a mode, while the operations are those of that mode.

    Parameters
    ----------
    mode : ``eager``; ``composed``, each derived operation by its given implementation in `Ops`
        instead of the framework's function; ``blocks``, value and gradient together, a few elements at
        a time; or the name of one of the backend's compilers
    backend : on which the loss runs
    """
    if mode == COMPOSED:
        with composed(backend):
            yield lambda loss: loss
    elif mode == BLOCKS:
        with in_blocks(backend):
            yield lambda loss: loss
    elif mode == EAGER:
        yield lambda loss: loss
    else:
        yield lambda loss: compiled(loss, backend.name, mode)


@contextmanager
def composed(backend: Backend) -> Iterator[None]:
    """Derive every operation that can be, instead of taking the framework's own function for it."""
    with ExitStack() as stack:
        for one in {id(b): b for b in (backend, _differentiating(backend))}.values():
            stack.enter_context(_derived(one))
        yield


@contextmanager
def in_blocks(backend: Backend, elements: int = 4) -> Iterator[None]:
    """Evaluate in blocks what can be, however small it is."""
    with ExitStack() as stack:
        for one in backend.instances:
            stack.enter_context(_limited(one, elements))
        yield


@contextmanager
def _limited(backend: Backend, elements: int) -> Iterator[None]:
    before = backend.block_elements
    vars(backend)["block_elements"] = lambda x, spec: None if before(x, spec) is None else elements
    try:
        yield
    finally:
        del vars(backend)["block_elements"]


@contextmanager
def _derived(backend: Backend) -> Iterator[None]:
    # On the instance: losses that were bound before look their operations up there too.
    before = dict(vars(backend))
    for op in LOWERED:
        setattr(backend, op, types.MethodType(getattr(Ops, op), backend))
    vars(backend)["lowerings"] = {}
    try:
        yield
    finally:
        vars(backend).clear()
        vars(backend).update(before)


def _differentiating(backend: Backend) -> Backend:
    """The backend of arrays that are being differentiated, which for NumPy are boxes."""
    found = [backend]

    def look(x: Any) -> Any:
        found.append(backend_of(x) or backend)
        return x * 1.0

    # Without gradients there is no further backend.
    with suppress(UnsupportedOperation):
        value_and_grad(look, backend=backend.name)(backend.asarray([1.0]))
    return found[-1]


def known_gap(case: Case, backend: Backend, mode: str) -> str:
    """Why a case is known to fail in a mode, by what the framework does to it; empty if it is not."""
    for gap in _gaps():
        if backend.name == gap["backend"] and mode in gap["modes"] and case.id in gap["cases"]:
            return f"{gap['backend']} {gap['version']}: {gap['cause']}"
    return ""


@functools.cache
def _gaps() -> list[dict[str, Any]]:
    text = files("unified_loss.conformance").joinpath("data", "modes.json").read_text(encoding="utf-8")
    return list(json.loads(text))


def cases_for(mode: str, cases: Iterable[Case], *, slow: bool = False) -> Iterator[Case]:
    """The cases that are checked in a mode; of a slow one, two of each loss.

    Compiled, a loss cannot read values, so that it is not asked to refuse any.
    """
    suitable = [case for case in cases if mode in (EAGER, COMPOSED, BLOCKS) or not case.raises]
    return _few(suitable) if slow else iter(suitable)


def _few(cases: Iterable[Case]) -> Iterator[Case]:
    """Of each loss the first case with a gradient, and the one with the most parameters."""
    of_loss: dict[str, list[Case]] = {}
    for case in cases:
        of_loss.setdefault(case.loss, []).append(case)
    for same in of_loss.values():
        differentiable = [case for case in same if case.gradient_of is not None] or same
        richest = max(differentiable, key=lambda case: len(case.kwargs) + len(case.inputs))
        yield differentiable[0]
        if richest is not differentiable[0]:
            yield richest


def chosen_modes(asked: Iterable[str], compilers: Mapping[str, bool]) -> dict[str, bool]:
    """The modes asked for that a backend with these compilers has, each with whether it is slow."""
    has = {EAGER: False, COMPOSED: False, **compilers}
    return has if ALL in asked else {mode: has[mode] for mode in asked if mode in has}
