"""What every backend shares: its table of renames, its gaps, and the calls that core makes."""

from __future__ import annotations

import importlib
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from unified_loss.errors import UnsupportedOperation
from unified_loss.ops import DTYPES, OPS, Array, Ops

__all__ = ["Backend", "Compiler", "UnsupportedOperation"]

_NO_MODULES = "this backend has no modules; a loss is called as it is"

Function = Callable[..., Any]
"""A function of tensors, given by position, that gives a tensor or a tuple of them."""


Evaluate = Callable[[Sequence[Array | None], Sequence[bool]], tuple[Array, list[Array | None]]]
"""Of tensors, and of which of them are differentiated by: a value, and its gradients."""


class Rows:
    """An array that is written in blocks of rows, for frameworks whose arrays cannot be written to.

    Parameters
    ----------
    ops : the backend
    """

    def __init__(self, ops: Backend) -> None:
        self._ops = ops
        self._parts: list[Array] = []

    def write(self, _: slice, part: Array, scale: float, /) -> None:
        """Write some rows, which come in order, times a number."""
        self._parts.append(part if scale == 1.0 else part * scale)

    def part(self, _: slice, /) -> Array | None:
        """Rows of the array to be written to; None where they cannot."""
        return None

    def result(self) -> Array:
        """The array."""
        return self._parts[0] if len(self._parts) == 1 else self._ops.concat(self._parts, axis=0)


class WrittenRows(Rows):
    """An array that is written in blocks of rows.

    Parameters
    ----------
    empty : the array, whatever is in it
    """

    def __init__(self, empty: Array) -> None:
        self._array = empty

    def write(self, rows: slice, part: Array, scale: float, /) -> None:
        self._array[rows] = part if scale == 1.0 else part * scale

    def part(self, rows: slice, /) -> Array | None:
        return self._array[rows]

    def result(self) -> Array:
        return self._array


@dataclass(frozen=True)
class Lowering:
    """A framework's own kernel for a formula, where it gives the same and is faster.

    Parameters
    ----------
    function : of the backend's ops and what the formula takes; gives the losses as the formula does, and
        the framework differentiates it
    gap : of the backend, the parameters and the dtypes of the inputs: why the kernel does not cover these;
        None where it does
    gradient : of what flows back into each loss, an array or one number; of an array to write the result
        to, or None; and of what `function` takes: the gradient by the first input. With it the kernel serves
        in blocks, too
    """

    function: Callable[..., Any]
    gap: Callable[[Backend, Mapping[str, Any], Sequence[str | None]], str | None]
    gradient: Callable[..., Array] | None = None


@dataclass(frozen=True)
class Compiler:
    """A way in which a framework compiles a function.

    Parameters
    ----------
    compile : called with the backend and a function of tensors, which are of one number, dtypes and
        ranks each time; gives the compiled function
    recompiles : what makes it compile anew, in words for the user
    slow : whether a function takes seconds, so that the conformance suite compiles a few of each loss
    per_process : how many functions the suite compiles in one process; None for any number
    """

    compile: Callable[[Any, Function], Function]
    recompiles: str
    slow: bool = False
    per_process: int | None = None


class Backend(Ops):
    """One framework's array operations, with the handling of its tensors and gradients.

    A subclass is mostly a table: `renames` maps an op to the dotted path, below the framework's
    module, of a function with the same meaning and argument order. An op is a method only where
    the framework differs, and `unsupported` names each gap with its reason.

    What others subclass to bring a framework that is not shipped here; ``docs/backends.md`` is the
    guide. A subclass declares `name`, `module` and `distribution`, and has, as a method or in
    `renames`, each op of the required half of `unified_loss.ops.Ops`, and `is_tensor`,
    `from_numpy`, `to_numpy` and `value_and_grad`. The constructor takes no arguments.

    Examples
    --------
    An entry point in the pyproject.toml of its distribution makes it known to all that take the
    name of a backend::

        [project.entry-points."unified_loss.backends"]
        my_framework = "my_package.my_module:MyBackend"
    """

    name: ClassVar[str]
    """What users call it, an identifier; the name of its entry point too."""
    module: ClassVar[str]
    """The module to import, which is `framework` afterwards."""
    distribution: ClassVar[str]
    """What `pip install` calls it."""
    types: ClassVar[tuple[str, ...]] = ()
    """The root modules of the types of its tensors, tracers included; by default that of `module`."""
    renames: ClassVar[dict[str, str]] = {}
    unsupported: ClassVar[dict[str, str]] = {}
    """What the framework lacks, and why: an op, a dtype, ``dlpack``, ``module``, or ``value_and_grad``.

    An op that is named here raises `UnsupportedOperation` with the reason, and the cases that come
    to it are reported as such gaps. Where it is ``value_and_grad``, there are no gradients at all:
    nothing about them is left to be defined, and only values are checked.
    """
    index_dtype: ClassVar[str] = "int32"
    """The integers that `take_along_axis` likes best."""
    dtypes: ClassVar[tuple[str, ...]] = ("float16", "bfloat16", "float32", "float64")
    """The floating-point dtypes that it computes in."""
    lowerings: ClassVar[Mapping[str, Lowering]] = {}
    """The kernels that take the place of a formula, by the name of the spec."""
    compilers: ClassVar[Mapping[str, Compiler]] = {}
    """What `unified_loss.compile` has to choose from, by name; the first is the default."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.types and hasattr(cls, "module"):
            cls.types = (cls.module.partition(".")[0],)
        for gap, reason in vars(cls).get("unsupported", {}).items():
            if gap in (*OPS, "value_and_grad"):
                setattr(cls, gap, _refusing(reason))
        if "value_and_grad" in vars(cls).get("unsupported", {}):
            # Nothing is ever differentiated, so that there is nothing to hold back.
            for op, function in (("stop_gradient", _itself), ("replace_gradient", _value)):
                if getattr(cls, op) is getattr(Ops, op):
                    setattr(cls, op, function)

    def __init__(self) -> None:
        self.framework: ModuleType = importlib.import_module(self.module)
        for op, path in self.renames.items():
            if not self._renames(op):
                continue
            target: Any = self.framework
            for part in path.split("."):
                target = getattr(target, part)
            setattr(self, op, target)

    @classmethod
    def _renames(cls, op: str) -> bool:
        """Whether the table has the say: a gap, or a method of a subclass of its class, comes before it."""
        kinds = cls.__mro__[: next(i for i, kind in enumerate(cls.__mro__) if "renames" in vars(kind))]
        return op not in cls.unsupported and not any(op in vars(kind) for kind in kinds)

    def __repr__(self) -> str:
        return f"<backend {self.name} {self.version}>"

    @property
    def version(self) -> str:
        """The version of the framework."""
        return str(self.framework.__version__)

    @property
    def instances(self) -> tuple[Backend, ...]:
        """Itself, and what computes in its place while it differentiates."""
        return (self,)

    # ------------------------------------------------------------------------- tensors

    @abstractmethod
    def is_tensor(self, x: object, /) -> bool:
        """Whether `x` is a tensor, a tracer or a gradient box of this framework."""

    def is_concrete(self, x: Array, /) -> bool:
        """Whether the values of `x` can be read now, i.e. `x` is not being traced."""
        return True

    def device(self, x: Array, /) -> Any:
        """What tells devices apart on which tensors are; None where `x` does not say it."""
        return getattr(x, "device", None)

    def asarray(self, x: Any, /, *, dtype: str | None = None, like: Array | None = None) -> Array:
        """A tensor from a NumPy array, a number or nested lists, on the device of `like`.

        Without `dtype`, Python floats become float32, Python integers int64, and a NumPy array
        keeps its dtype. A dtype that the framework lacks raises `UnsupportedOperation`.
        """
        array = np.asarray(x)
        if dtype is None:
            default = {} if hasattr(x, "dtype") else {"f": "float32", "i": "int64"}
            dtype = default.get(array.dtype.kind, array.dtype.name)
        if dtype in self.unsupported or dtype not in DTYPES:
            reason = self.unsupported.get(dtype, f"{self.name} has no numeric dtype {dtype!r}")
            raise UnsupportedOperation(reason)
        return self.from_numpy(array, dtype, like)

    @abstractmethod
    def from_numpy(self, array: Any, dtype: str, like: Array | None, /) -> Array:
        """A tensor of a dtype that the framework has, on the device of `like`."""

    @abstractmethod
    def to_numpy(self, x: Array, /) -> Any:
        """A NumPy array with the values of `x`, detached; bfloat16 widens to float32."""

    def from_dlpack(self, x: Any, /) -> Array:
        """A tensor that shares memory with `x` where both sides speak DLPack."""
        raise UnsupportedOperation(f"{self.name} has no DLPack import")

    # ----------------------------------------------------------------------- execution

    def guard(self, program: Callable[..., Array], /) -> Callable[..., Array]:
        """Wrap a bound loss in what the framework needs around it (error state, array mode)."""
        return program

    @abstractmethod
    def value_and_grad(
        self, function: Callable[..., Array], argnums: tuple[int, ...], args: Sequence[Array]
    ) -> tuple[Array, tuple[Array, ...]]:
        """The value of ``function(*args)`` and the gradient of its sum by the named arguments.

        The gradient of an argument that the value does not depend on is zero.
        """

    # -------------------------------------------------------------------- in blocks

    @property
    def further_modes(self) -> dict[str, bool]:
        """The modes of the conformance suite beside the usual ones, and whether they are slow."""
        slow = {name: compiler.slow for name, compiler in self.compilers.items()}
        return slow if type(self).block_elements is Backend.block_elements else {"blocks": False, **slow}

    def block_elements(self, x: Array, spec: str, /) -> int | None:
        """How many elements are best evaluated at once of a loss by a spec; None for any number.

        Where it is a number, so are `requires_gradient` and `with_gradients` given.
        """
        return None

    @property
    def plain(self) -> Backend:
        """The operations where nothing is recorded: their values, with no regard to their gradients."""
        return self

    def requires_gradient(self, x: Array, /) -> bool:
        """Whether what is computed of `x` now is recorded, to be differentiated."""
        raise NotImplementedError

    def with_gradients(
        self,
        evaluate: Evaluate,
        composed: Callable[..., Array],
        scaled: Callable[[Array, Array], Array],
        tensors: Sequence[Array | None],
        needed: Sequence[bool],
    ) -> Array:
        """What ``evaluate(tensors, needed)`` gives, with the gradients that it gives, to the framework.

        What flows back into it reaches the gradient of each tensor by ``scaled(head, gradient)``, once
        for each. The gradients of these are those of ``composed(*tensors)``, which gives the same.
        """
        raise NotImplementedError

    def new_rows(self, like: Array, /) -> Rows:
        """An array to be, like another, whose rows are written a block after the other."""
        return Rows(self)

    def is_one(self, x: Array, /) -> bool:
        """Whether all elements are known to be 1, without waiting for a device."""
        return False

    def multiply_into(self, x: Array, factor: Array, /) -> Array:
        """``x * factor``, where `x` may be overwritten."""
        return x * factor

    def sign(self, x: Array, /) -> Array:
        """-1, 0 or 1; NaN of NaN."""
        dtype = self.dtype(x)
        return self.astype(x > 0, dtype) - self.astype(x < 0, dtype) + 0 * x

    def put_along_axis(self, shape: tuple[int, ...], indices: Array, values: Array, /, *, axis: int) -> Array:
        """Zeros but for one value along the axis, at an index of the size 1 there."""
        places = self._places(shape, indices, values, axis)
        return self.where(places == indices, values, 0.0)

    def add_along_axis(self, x: Array, indices: Array, values: Array, /, *, axis: int) -> Array:
        """`x`, which may be overwritten, plus `put_along_axis`."""
        places = self._places(self.shape(x), indices, values, axis)
        return self.where(places == indices, x + values, x)

    def _places(self, shape: tuple[int, ...], indices: Array, like: Array, axis: int) -> Array:
        places = self.arange(shape[axis], dtype=self.dtype(indices), like=like)
        sizes = [1] * len(shape)
        sizes[axis] = shape[axis]
        return self.reshape(places, tuple(sizes))

    def as_module(self, loss: Any, /) -> Any:
        """A module of the framework that holds a loss, for `unified_loss.as_module`.

        What it is given is called as the loss is; `unified_loss.modules.ModuleLoss` says what else it has.
        """
        raise UnsupportedOperation(f"as_module: {self.unsupported.get('module', _NO_MODULES)}")

    def nested_value_and_grad(
        self, function: Callable[..., Array], argnums: tuple[int, ...], args: Sequence[Array]
    ) -> tuple[Array, tuple[Array, ...]]:
        """`value_and_grad` within a function that is differentiated: so can its results be.

        A backend with ``second derivatives`` among its gaps refuses; one whose results are cut off
        from the outer gradient overrides it.
        """
        if "second derivatives" in self.unsupported:
            raise UnsupportedOperation(self.unsupported["second derivatives"])
        return self.value_and_grad(function, argnums, args)

    def gradient(self, function: Callable[[Ops, Array], Array], x: Array, /) -> Array:
        fixed = self.stop_gradient(x)
        _, (gradient,) = self.value_and_grad(lambda y: function(self, y), (0,), (fixed,))
        return self.stop_gradient(gradient)


def _refusing(reason: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise UnsupportedOperation(reason)

    return refuse


def _itself(_: Backend, x: Array, /) -> Array:
    return x


def _value(_: Backend, value: Array, _x: Array, _gradient: Array, /) -> Array:
    return value
