"""Compilation, with one interface on all backends."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from .annotations import as_plain
from .dispatch import backend_for, backend_of, first_tensor
from .errors import ConfigError, MixedTensorsError
from .loading import get_backend
from .loss import Loss

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

_LIMIT = 256
"""Functions kept per compiled loss; only calls with ever new plain arguments reach it."""


def compile(loss: Callable[..., Any], backend: str | None = None, compiler: str | None = None) -> Compiled:
    """A loss that its framework compiles, by `torch.compile`, `tf.function`, `jax.jit` and so on.

    Parameters
    ----------
    loss : a loss of this library, or any function of tensors that gives tensors
    backend : whose compiler is used; by default that of the tensors of the first call, or what is
        selected where these are neutral
    compiler : ``inductor`` or ``aot_eager`` (PyTorch), ``xla`` or ``graph`` (TensorFlow), ``jit`` (JAX),
        ``to_static`` (Paddle), ``trace`` (MindSpore), ``hybridize`` (MXNet); by default the first of
        the backend's

    Returns
    -------
    Compiled
        Called as `loss`, with the `plan` that it may have; gradients flow through it.

    Raises
    ------
    ConfigError
        If the backend has no such compiler, here or at the first call.
    BackendError
        As `get_backend`.
    MixedTensorsError
        As for every loss, and at a call with tensors of another framework than it was compiled for.
    UnsupportedOperation
        At a call, where the framework cannot compile what the loss does.

    Notes
    -----
    Tensors, NumPy arrays and lists of numbers are what the compiled function is called with, wherever
    they stand in the arguments. All else, such as a number, a tuple of numbers or a parameter of the
    loss, is compiled into it: another one compiles anew, and so do other dtypes and ranks. Other sizes,
    of a last batch for instance, always work: JAX, XLA, Paddle, MindSpore and MXNet compile anew for each
    shape, PyTorch and TensorFlow's graph for the second, and not for those after it.

    Compiled, a loss cannot read values. So it does not refuse an invalid label, but its loss is NaN, and
    it does not check that a probability is one.

    NumPy has no compiler, and runs the loss as it is.

    Examples
    --------
    >>> import unified_loss as ul
    >>> loss = ul.compile(ul.losses.huber, backend="numpy")
    >>> float(loss([3.0, 0.5], [0.0, 0.0], delta=2.0))
    2.0625
    """
    compiled = Compiled(loss, backend, compiler)
    chosen = backend or getattr(loss, "backend", None)
    if chosen is not None:
        compiled.compile_for(get_backend(chosen))
    return compiled


class Compiled:
    """A loss, or function of tensors, that a framework compiles when it is called; made by `compile`.

    Parameters
    ----------
    loss : what is compiled
    backend : whose compiler is used; None until the first call says
    compiler : its name; None for the backend's default, and on a backend that has none
    """

    # As of `unified_loss.Loss`: what calls the compiled function needs no rewriting.
    autograph_info__: ClassVar[None] = None

    def __init__(self, loss: Callable[..., Any], backend: str | None, compiler: str | None) -> None:
        functools.update_wrapper(self, loss, updated=())
        self.loss = loss
        self.backend = backend
        self.compiler = compiler
        if hasattr(loss, "plan"):
            self.plan = loss.plan
        self._name = getattr(loss, "__name__", type(loss).__name__)
        self._parameters = _parameters(loss)
        self._chosen: Backend | None = None
        self._functions: dict[Any, tuple[Callable[..., Any], tuple[Any, ...]]] = {}

    def __repr__(self) -> str:
        how = ", ".join(part for part in (self.backend, self.compiler) if part) or "for its first tensors"
        return f"<{self.loss!r} compiled: {how}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the loss; what it takes and gives is its own."""
        if self._parameters:
            args = tuple(as_plain(x) if i in self._parameters else x for i, x in enumerate(args))
            kwargs = {k: as_plain(x) if k in self._parameters else x for k, x in kwargs.items()}
        leaves: list[Any] = []
        template = _template((args, kwargs), leaves)
        backend = self._backend_of(leaves)
        if not backend.compilers:
            return self.loss(*args, **kwargs)
        tensors = _tensors(leaves, backend, self._name)
        # Some frameworks compile in what a function refers to, where it is no argument.
        own = self.loss.own_tensors if isinstance(self.loss, Loss) else ()
        key = template, tuple(map(id, own)), tuple((x.dtype, len(x.shape)) for x in tensors)
        try:
            function, _ = self._functions.get(key, (None, None))
        except TypeError:
            raise TypeError(f"{self._name}: {_unhashable(template)}") from None
        if function is None:
            function = self._compiled(backend, template)
            # Kept with the tensors, so that no other one comes to have the identity of one of these.
            self._functions[key] = function, own
        return function(*tensors)

    def compile_for(self, backend: Backend) -> None:
        """Settle on a backend, and on the compiler that was asked for or is its default."""
        names = tuple(backend.compilers)
        if self.compiler is not None and self.compiler not in names:
            has = f"its compilers are: {', '.join(names)}" if names else "it has none"
            raise ConfigError(f"compile: {backend.name} has no compiler {self.compiler!r}; {has}")
        self._chosen = backend
        self.backend = backend.name
        self.compiler = self.compiler or next(iter(names), None)

    def _backend_of(self, leaves: Sequence[Any]) -> Backend:
        if self._chosen is None:
            self.compile_for(backend_for(leaves, self.backend, self._name))
        chosen: Any = self._chosen
        for other in filter(None, map(backend_of, leaves)):
            if other.name != chosen.name:
                raise MixedTensorsError(
                    f"{self._name}: was compiled for {chosen.name}, but a tensor of {other.name} was given; "
                    f"use unified_loss.convert(tensor, {chosen.name!r}), or compile it again"
                )
        return chosen  # type: ignore[no-any-return]

    def _compiled(self, backend: Backend, template: Any) -> Callable[..., Any]:
        loss = self.loss

        def of_tensors(*tensors: Any) -> Any:
            args, kwargs = _filled(template, tensors)
            return loss(*args, **kwargs)

        if len(self._functions) >= _LIMIT:
            self._functions.clear()
        return backend.compilers[str(self.compiler)].compile(backend, of_tensors)


# ------------------------------------------------------------------------------ arguments


def _parameters(loss: Callable[..., Any]) -> frozenset[int | str]:
    """The positions and names of the arguments of a loss that are parameters, of which it has names."""
    found = getattr(loss, "parameters", ())
    if not isinstance(found, tuple):
        return frozenset()  # a method of a user's own
    names: set[Any] = {getattr(parameter, "name", parameter) for parameter in found}
    positions = (i for i, name in enumerate(inspect.signature(loss).parameters) if name in names)
    return frozenset({*names, *positions})


class _Position(NamedTuple):
    """Where a tensor stands among the tensors."""

    number: int


class _Plain(NamedTuple):
    """A plain value, which is compiled in; the type tells 1 from True and 1.0."""

    kind: type
    value: Any


class _Several(NamedTuple):
    """A list, a tuple or a dictionary that holds others."""

    kind: type
    keys: tuple[Any, ...]
    parts: tuple[Any, ...]


def _template(value: Any, leaves: list[Any]) -> Any:
    """An argument with positions in place of its tensors, which go to `leaves`."""
    if backend_of(value) is not None or isinstance(value, np.ndarray) or _is_numbers(value):
        leaves.append(value)
        return _Position(len(leaves) - 1)
    if type(value) in (list, tuple):
        return _Several(type(value), (), tuple(_template(part, leaves) for part in value))
    if type(value) is dict:
        return _Several(dict, tuple(value), tuple(_template(part, leaves) for part in value.values()))
    return _Plain(type(value), value)


def _is_numbers(value: Any) -> bool:
    """Whether a value is a list of numbers, or a list of such."""
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(part, int | float | np.generic) or _is_numbers(part) for part in value)


def _filled(template: Any, tensors: Sequence[Any]) -> Any:
    if isinstance(template, _Position):
        return tensors[template.number]
    if isinstance(template, _Plain):
        return template.value
    parts = [_filled(part, tensors) for part in template.parts]
    return dict(zip(template.keys, parts, strict=True)) if template.kind is dict else template.kind(parts)


def _tensors(leaves: Sequence[Any], backend: Backend, name: str) -> list[Any]:
    """Tensors of them all, as the loss itself would make them."""
    like = first_tensor(leaves, backend)
    exact = any(str(getattr(x, "dtype", None)).endswith("float64") for x in leaves)
    made = []
    for x in leaves:
        if backend_of(x) is None:
            try:
                array = np.asarray(x)
                # Plain numbers beside a float64 tensor keep their digits.
                plain = exact and isinstance(x, list) and array.dtype.kind == "f"
                made.append(backend.asarray(x, dtype="float64" if plain else None, like=like))
            except (TypeError, ValueError) as error:
                raise TypeError(f"{name}: an argument is no array of numbers: {error}") from error
        else:
            made.append(x)
    return made


def _unhashable(template: Any) -> str:
    if isinstance(template, _Several):
        return next(filter(None, map(_unhashable, template.parts)), "")
    try:
        hash(template)
    except TypeError:
        return (
            f"compiled, an argument cannot be a {template.kind.__name__}, expected tensors and plain values"
        )
    return ""
