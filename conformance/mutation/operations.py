"""Mutants of a backend: each of its operations, made wrong in a way."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from unified_loss.conformance.mutant import MutantKind

from unified_loss.ops import FLOAT_DTYPES, INTEGER_DTYPES, Ops

from .errors_of_operations import errors_of
from .wrong import Call, Wrong

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

OPERATIONS = tuple(name for name, value in vars(Ops).items() if not name.startswith("_") and callable(value))
"""Every operation, required and derived."""

Seen = set[tuple[str, str]]
"""Operations, and of what sort their results were: ``float``, ``integer``, ``bool`` or ``other``."""


@dataclass(frozen=True, eq=False)
class OpMutant:
    """An operation that is wrong.

    Parameters
    ----------
    op : its name
    wrong : in which way
    """

    op: str
    wrong: Wrong

    kind: ClassVar[MutantKind] = "op"

    @property
    def id(self) -> str:
        """Which operation, and what is wrong with it; the same on each backend."""
        return f"op {self.key}"

    @property
    def key(self) -> str:
        """The same, as it is listed."""
        return f"{self.op}: {self.wrong.name}"

    def why_moot(self, backend: Backend, no_gradients: str) -> str:
        """Why it makes no difference on a backend: what is wrong is a gap that the backend declares."""
        if self.op in backend.unsupported:
            return f"{backend.name} declares {self.op} a gap: {backend.unsupported[self.op]}"
        if no_gradients and (self.wrong.of_gradient or self.op == "gradient"):
            return f"{backend.name} has no gradients: {no_gradients}"
        return ""

    def is_seen(self, seen: Seen) -> bool:
        """Whether a case that calls these operations could notice."""
        return any((self.op, sort) in seen for sort in self.wrong.sorts)

    @contextlib.contextmanager
    def installed(self, backend: Backend) -> Iterator[None]:
        """Have the operation be wrong on a backend, within a ``with`` block."""
        with contextlib.ExitStack() as stack:
            for instance in backend.instances:
                correct = getattr(instance, self.op)
                stack.enter_context(_replaced(instance, self.op, self._wrong(instance, correct)))
            yield

    def _wrong(self, backend: Backend, correct: Callable[..., Any]) -> Callable[..., Any]:
        inside = False

        def operation(*args: Any, **keywords: Any) -> Any:
            # What is wrong is itself made of operations, which must be right.
            nonlocal inside
            if inside:
                return correct(*args, **keywords)
            inside = True
            try:
                return self.wrong.result(Call(backend, self.op, correct, args, keywords))
            finally:
                inside = False

        return operation


def op_mutants() -> tuple[OpMutant, ...]:
    """All of them; those of operations that a backend leaves to others are no different there."""
    return tuple(OpMutant(op, wrong) for op in OPERATIONS for wrong in errors_of(op))


@contextlib.contextmanager
def recorded(backend: Backend) -> Iterator[Seen]:
    """The operations that are called on a backend within a ``with`` block."""
    seen: Seen = set()

    def recording(instance: Backend, op: str, correct: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(correct)
        def operation(*args: Any, **keywords: Any) -> Any:
            result = correct(*args, **keywords)
            seen.add((op, sort_of(instance, result)))
            return result

        return operation

    with contextlib.ExitStack() as stack:
        for instance in backend.instances:
            originals = {op: getattr(instance, op) for op in OPERATIONS}
            for op, correct in originals.items():
                if op not in ("dtype", "shape"):
                    stack.enter_context(_replaced(instance, op, recording(instance, op, correct)))
        # Every loss asks these of every input.
        seen |= {("dtype", "other"), ("shape", "other")}
        yield seen


@contextlib.contextmanager
def _replaced(instance: Any, name: str, value: Any) -> Iterator[None]:
    own = vars(instance).get(name)
    setattr(instance, name, value)
    try:
        yield
    finally:
        if own is None:
            delattr(instance, name)
        else:
            setattr(instance, name, own)


def sort_of(backend: Backend, x: Any) -> str:
    """Of what sort a result is."""
    if isinstance(x, tuple | list) and x:
        return sort_of(backend, x[0])
    if isinstance(x, float):
        return "float"
    try:
        dtype = type(backend).dtype(backend, x)
    except (AttributeError, KeyError, TypeError):
        return "other"
    if dtype in FLOAT_DTYPES:
        return "float"
    return "integer" if dtype in INTEGER_DTYPES else "bool" if dtype == "bool" else "other"
