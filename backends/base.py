"""What every backend shares: its table of renames, its gaps, and the calls that core makes."""

from __future__ import annotations

import importlib
from abc import abstractmethod
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from unified_loss.errors import UnsupportedOperation
from unified_loss.ops import DTYPES, Array, Ops

__all__ = ["Backend", "UnsupportedOperation"]


class Backend(Ops):
    """One framework's array operations, with the handling of its tensors and gradients.

    A subclass is mostly a table: `renames` maps an op to the dotted path, below the framework's
    module, of a function with the same meaning and argument order. An op is a method only where
    the framework differs, and `unsupported` names each gap with its reason.
    """

    name: ClassVar[str]
    module: ClassVar[str]
    """The module to import, which is also the root of the framework's types."""
    distribution: ClassVar[str]
    """What `pip install` calls it."""
    renames: ClassVar[dict[str, str]] = {}
    unsupported: ClassVar[dict[str, str]] = {}
    index_dtype: ClassVar[str] = "int32"
    """The integers that `take_along_axis` likes best."""
    dtypes: ClassVar[tuple[str, ...]] = ("float16", "bfloat16", "float32", "float64")

    def __init__(self) -> None:
        self.framework: ModuleType = importlib.import_module(self.module)
        for op, path in self.renames.items():
            target: Any = self.framework
            for part in path.split("."):
                target = getattr(target, part)
            setattr(self, op, target)

    def __repr__(self) -> str:
        return f"<backend {self.name} {self.version}>"

    @property
    def version(self) -> str:
        """The version of the framework."""
        return str(self.framework.__version__)

    # ------------------------------------------------------------------------- tensors

    @abstractmethod
    def is_tensor(self, x: object, /) -> bool:
        """Whether `x` is a tensor, a tracer or a gradient box of this framework."""

    def is_concrete(self, x: Array, /) -> bool:
        """Whether the values of `x` can be read now, i.e. `x` is not being traced."""
        return True

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

    def gradient(self, function: Callable[[Ops, Array], Array], x: Array, /) -> Array:
        fixed = self.stop_gradient(x)
        _, (gradient,) = self.value_and_grad(lambda y: function(self, y), (0,), (fixed,))
        return self.stop_gradient(gradient)
