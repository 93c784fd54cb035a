"""Which backend runs a call: recognition of tensors, selection for everything else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import config
from .errors import BackendError, MixedTensorsError, UnsupportedOperation
from .loading import get_backend
from .registry import ENTRIES, entry_of, recognised, third_party_of

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

_in_context: ContextVar[str | None] = ContextVar("unified_loss_backend", default=None)

_ENTRY_OF_ROOT = {root: entry for entry in ENTRIES.values() if entry.name != "numpy" for root in entry.types}


def backend_of(x: object) -> Backend | None:
    """The backend whose framework `x` is a tensor of; None for lists, numbers, NumPy arrays."""
    kind = type(x)
    try:
        return recognised[kind]
    except KeyError:
        found = recognised[kind] = _recognise(x)
        return found


def _recognise(x: object) -> Backend | None:
    # A framework can only have made `x` if it is imported already, so nothing is imported here
    # that is not; only the framework that a base class of `x` comes from is asked.
    own: Callable[[], Backend] | None = getattr(type(x), "__unified_loss_backend__", None)
    if own is not None:
        return own()
    for base in type(x).__mro__:
        backend = _imported(base.__module__.partition(".")[0])
        if backend is not None and backend.is_tensor(x):
            return backend
    return None


def _imported(root: str) -> Backend | None:
    """The backend of the framework whose modules begin with `root`, if it is imported."""
    if root == "autograd" and "autograd" in sys.modules:
        from unified_loss.backends.numpy import boxed_backend  # noqa: PLC0415  only for boxes

        return boxed_backend()
    if root in _ENTRY_OF_ROOT and _ENTRY_OF_ROOT[root].module in sys.modules:
        return get_backend(_ENTRY_OF_ROOT[root].name)
    other = None if root in _ENTRY_OF_ROOT else third_party_of(root)
    return None if other is None else get_backend(other.name)


def backend_for(arrays: Iterable[object], explicit: str | None = None, loss: str = "") -> Backend:
    """The backend that runs a call with these arrays, None among them being no array.

    Raises `MixedTensorsError` where the arrays are tensors of two frameworks, or of another
    framework than the one asked for explicitly.
    """
    found: Backend | None = None
    for x in arrays:
        backend = None if x is None else backend_of(x)
        if backend is None or backend is found:
            continue
        if found is not None:
            raise MixedTensorsError(
                f"{loss or 'this call'}: tensors of {found.name} and {backend.name} in one call; "
                f"bring them together with unified_loss.convert(tensor, {found.name!r})"
            )
        found = backend
    if found is None:
        return get_backend(_selected(explicit))
    if explicit is not None and entry_of(explicit).name != found.name:
        raise MixedTensorsError(
            f"{loss or 'this call'}: backend={explicit!r} was asked for, but a tensor of {found.name} was "
            f"given; use unified_loss.convert(tensor, {explicit!r}), or leave backend out"
        )
    return found


def first_tensor(arrays: Iterable[object], backend: Backend) -> Any:
    """The first of the arrays that is a tensor of the backend's framework; None if none is."""
    return next((x for x in arrays if x is not None and backend_of(x) is backend), None)


def check_recognised(backend: Backend) -> None:
    """Refuse a backend whose tensors are not taken for its own, so that it would never run."""
    x = backend.asarray([1.0])
    found = backend_of(x)
    if found is backend:
        return
    kind, root = type(x), type(x).__module__.partition(".")[0]
    if found is not None or root not in type(backend).types:
        owner = "of no backend" if found is None else f"of {found.name}"
        raise BackendError(
            f"its tensors, {kind.__module__}.{kind.__qualname__}, are recognised as {owner}: its types are "
            f"{type(backend).types}, expected {root!r} among them"
        )
    raise BackendError(f"its is_tensor does not say of {kind.__module__}.{kind.__qualname__} that it is one")


# ------------------------------------------------------------------------------ selection


@dataclass(frozen=True)
class Rule:
    """A rule of selection: which one, what it says (None if it is silent), and from where."""

    rule: str
    backend: str | None
    source: str


@dataclass(frozen=True)
class Selection:
    """Which backend runs neutral inputs, by which rule, and what the other rules say."""

    backend: str
    rule: str
    rules: tuple[Rule, ...]

    def __str__(self) -> str:
        lines = [f"neutral inputs run on {self.backend}, by {self.rule}"]
        decided = False
        for rule in self.rules:
            if rule.backend is None:
                note = "is not set"
            else:
                note = f"says {rule.backend}" + (", passed over" if decided else ", decides")
                decided = True
            lines.append(f"  {rule.rule:<18} {note} ({rule.source})")
        return "\n".join(lines)


@dataclass
class _ProcessWide:
    """What `set_backend` was last called with."""

    name: str | None = None


_process_wide = _ProcessWide()


def _selected(explicit: str | None) -> str:
    # The same order as _rules, without building the explanation.
    name = explicit or _in_context.get() or _process_wide.name or config.environment_backend()
    return name or config.file_settings().backend or "numpy"


def _rules(explicit: str | None) -> tuple[Rule, ...]:
    settings = config.file_settings()
    return (
        Rule("backend argument", explicit, "backend= of the call"),
        Rule("use_backend", _in_context.get(), "with unified_loss.use_backend(...)"),
        Rule("set_backend", _process_wide.name, "unified_loss.set_backend(...)"),
        Rule("environment", config.environment_backend(), config.ENVIRONMENT_VARIABLE),
        Rule("configuration file", settings.backend, str(settings.source or "none found")),
        Rule("default", "numpy", "the embedded backend"),
    )


def explain_selection(backend: str | None = None) -> Selection:
    """Which backend runs neutral inputs now, and which rules said otherwise.

    Parameters
    ----------
    backend : the `backend` argument of the call to explain, if it has one

    Returns
    -------
    Selection
        The backend, the rule that decided, and every rule, strongest first; its `str` is the
        explanation in words. A framework's tensor runs on its own framework whatever is selected.

    Raises
    ------
    ConfigError
        If the environment or a configuration file names no backend that there is.

    Examples
    --------
    >>> import unified_loss as ul
    >>> with ul.use_backend("numpy"):
    ...     ul.explain_selection().rule
    'use_backend'
    """
    if backend is not None:
        entry_of(backend)
    rules = _rules(backend)
    decisive = next(rule for rule in rules if rule.backend is not None)
    return Selection(str(decisive.backend), decisive.rule, rules)


@contextmanager
def use_backend(name: str) -> Iterator[Backend]:
    """Run neutral inputs on a backend within a ``with`` block; safe across threads and tasks.

    Parameters
    ----------
    name : a backend name; its framework is imported now

    Raises
    ------
    BackendError
        As `get_backend`.

    Examples
    --------
    >>> import unified_loss as ul
    >>> with ul.use_backend("numpy"):
    ...     float(ul.losses.absolute_error([1.0], [3.0]))
    2.0
    """
    backend = get_backend(name)
    token = _in_context.set(name)
    try:
        yield backend
    finally:
        _in_context.reset(token)


def set_backend(name: str | None) -> None:
    """Run neutral inputs on a backend from now on, in every thread; None undoes it.

    Parameters
    ----------
    name : a backend name, whose framework is imported now, or None

    Raises
    ------
    BackendError
        As `get_backend`.

    Examples
    --------
    >>> import unified_loss as ul
    >>> ul.set_backend("numpy")
    >>> ul.set_backend(None)
    """
    if name is not None:
        get_backend(name)
    _process_wide.name = name


# ------------------------------------------------------------------------------ conversion


def asarray(x: Any, dtype: str | None = None, backend: str | None = None) -> Any:
    """A tensor of the selected backend from a list, a number or a NumPy array.

    Parameters
    ----------
    x : nested lists, a number, or a NumPy array; a tensor of the same framework is cast
    dtype : an array-API dtype name or "bfloat16"; by default floats become float32, integers
        int64, and a NumPy array keeps its own
    backend : by default as `explain_selection` says

    Returns
    -------
    tensor
        Of the backend's framework, on its default device.

    Raises
    ------
    UnsupportedOperation
        If the framework lacks the dtype (JAX: float64 unless x64 is enabled).
    MixedTensorsError
        If `x` is a tensor of another framework; see `convert`.

    Examples
    --------
    >>> import unified_loss as ul
    >>> ul.asarray([[0.1, 0.9]], dtype="float64").dtype
    dtype('float64')
    """
    chosen = backend_for((x,), backend)
    if backend_of(x) is not None:
        return x if dtype is None else chosen.astype(x, dtype)
    return chosen.asarray(x, dtype=dtype)


def to_numpy(x: Any) -> Any:
    """A NumPy array with the values of a tensor, without its gradient; bfloat16 widens to float32.

    Parameters
    ----------
    x : a tensor of any backend, or anything that NumPy takes

    Returns
    -------
    numpy.ndarray
        May share memory with `x`.

    Raises
    ------
    UnsupportedOperation
        If the framework is tracing `x`, to compile or differentiate, so that it has no values.

    Examples
    --------
    >>> import unified_loss as ul
    >>> ul.to_numpy([1.5, 2.0])
    array([1.5, 2. ], dtype=float32)
    """
    backend = backend_of(x)
    if backend is None:
        return get_backend("numpy").asarray(x)
    if not backend.is_concrete(x):
        raise UnsupportedOperation(f"the values of a tensor that {backend.name} traces cannot be read")
    return backend.to_numpy(x)


def convert(x: Any, backend: str) -> Any:
    """The tensor in another framework, without its gradient; without a copy where DLPack allows.

    Parameters
    ----------
    x : a tensor of any backend, a NumPy array, or nested lists
    backend : the name of the backend whose tensor is wanted

    Returns
    -------
    tensor
        Of the same dtype; may share memory with `x`.

    Raises
    ------
    BackendError
        As `get_backend`.
    UnsupportedOperation
        If the framework lacks the dtype.

    Examples
    --------
    >>> import unified_loss as ul
    >>> ul.convert([1.0], "numpy")
    array([1.], dtype=float32)
    """
    target, source = get_backend(backend), backend_of(x)
    if source is None:
        return target.asarray(x)
    detached = source.stop_gradient(x)
    if source is target:
        return detached
    if hasattr(detached, "__dlpack__") and "dlpack" not in {*source.unsupported, *target.unsupported}:
        try:
            return target.from_dlpack(detached)
        except (BufferError, RuntimeError, TypeError, ValueError):
            pass  # a device, dtype or layout that one side cannot share: the copy below always can
    return target.asarray(source.to_numpy(detached), dtype=source.dtype(x))
