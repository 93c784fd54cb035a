"""What is checked: a native loss, its inputs, and what they must give, with where that is from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from unified_loss.porting.source import FRAMEWORKS

Kind = Literal["documented", "golden", "live", "oracle"]
Call = Literal["class", "function", "two_step"]


@dataclass(frozen=True, eq=False)
class Input:
    """An argument of the call: an array, a plain Python value, or None where it is left out.

    Parameters
    ----------
    name : of the argument, for the reader
    value : an array; None; a plain value; or nested lists of arrays
    keyword : its native name, if it is given by keyword
    prepare : the function that is applied to it first, such as ``log_softmax`` over the last axis,
        and through which its gradient goes
    """

    name: str
    value: Any
    keyword: str | None = None
    prepare: str | None = None


@dataclass(frozen=True)
class NamedFunction:
    """A function that a case gives as an argument, by name; the module `calls` has what it computes."""

    name: str


@dataclass(frozen=True, eq=False)
class SparseRows:
    """Rows of several lengths, as `tf.SparseTensor` holds them."""

    indices: Any
    values: Any
    dense_shape: Any


@dataclass(frozen=True, eq=False)
class Printed:
    """What a documentation prints or a framework's unit test asserts."""

    value: Any
    digits: int
    """The significant digits printed."""
    tolerance: tuple[float, float] | None = None
    """The unit test's own, (absolute, relative)."""
    magnitude: float = 0.0
    """Of the float32 numbers that the result is a difference of, where they are larger than it."""
    truncated: bool = False
    """Whether further digits were left out, and not rounded off."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """The whole result of a loss: its outputs, their dtypes, and the gradient of the sum of one of them."""

    values: tuple[Any, ...]
    dtypes: tuple[str, ...]
    gradient: Any = None

    @classmethod
    def of(cls, value: Any, dtype: str, gradient: Any = None) -> Outcome:
        """The outcome of a loss with a single output."""
        return cls((value,), (dtype,), gradient)

    @property
    def value(self) -> Any:
        """The first output, which most losses have alone."""
        return self.values[0]

    @property
    def dtype(self) -> str:
        """The dtype of the first output."""
        return self.dtypes[0]


@dataclass(frozen=True, eq=False)
class Finding:
    """A known defect of a framework, and the right outcome that the case is judged against instead."""

    cause: str
    ours: str
    corrected: Outcome
    corrected_by: str


@dataclass(frozen=True, eq=False)
class Case:
    """One check of one loss.

    Parameters
    ----------
    id : unique
    loss : the native dotted name
    kwargs : the native parameters; tensors among them as NumPy arrays
    inputs : the arguments of the call, in order
    kind : where the expectation comes from
    source : the same in words
    framework, version : whose loss it is
    call : ``class``: ``loss(**kwargs)(*inputs)``; ``function``: ``loss(*inputs, **kwargs)``;
        ``two_step``: ``loss(**kwargs)`` gives the function that takes the inputs
    state : the weights of a loss that has such, by their names in the framework's state dictionary
    printed : what the documentation says, if it does
    recorded : what the framework returned, or what is right in closed form; None for a live case,
        whose outcome the framework gives in the same run
    raises : whether the call must be refused; there is no outcome then
    finding : set where what was recorded is a known defect
    runs_natively : whether the framework itself can run it here, on the CPU
    native_dtypes : what the framework's own outputs are here, where not of the dtypes recorded: optax widens
        some float32 ones where JAX has 64-bit numbers at all, which the workers ask for
    gradient_of : the position of the argument to differentiate by; None for no gradient
    gradient_output : the output whose sum is differentiated
    output : the only output of several that is compared; None compares all
    summed : whether the expectation is of the sum of the result
    single_precision : whether a float64 case is computed in float32 inside by its framework
    single_precision_parameters : whether only its parameters are kept in float32
    dtype : what the floats are cast to on the framework, where NumPy has no such dtype: bfloat16
    """

    id: str
    loss: str
    kwargs: Mapping[str, Any]
    inputs: tuple[Input, ...]
    kind: Kind
    source: str
    framework: str
    version: str | None = None
    call: Call = "class"
    state: Mapping[str, Any] = field(default_factory=dict)
    printed: Printed | None = None
    recorded: Outcome | None = None
    raises: bool = False
    finding: Finding | None = None
    runs_natively: bool = True
    native_dtypes: tuple[str, ...] | None = None
    gradient_of: int | None = None
    gradient_output: int = 0
    output: int | None = None
    summed: bool = False
    single_precision: bool = False
    single_precision_parameters: bool = False
    dtype: str | None = None

    @property
    def expected(self) -> Outcome | None:
        """What the case is judged against; None where only the live framework can say."""
        return self.finding.corrected if self.finding else self.recorded

    @property
    def native_backend(self) -> str:
        """The backend whose tensors the framework's own loss takes."""
        return FRAMEWORKS.get(self.framework, self.framework)


def decode(data: Any, dtype: str) -> np.ndarray[Any, Any]:
    """The array that nested lists of numbers stand for, NaN and infinities written as strings."""
    return np.array(_numbers(data), dtype=dtype)


def _numbers(data: Any) -> Any:
    if isinstance(data, list):
        return [_numbers(x) for x in data]
    return float(data) if isinstance(data, str) else data


def encode(array: Any) -> Any:
    """The inverse of `decode`: nested lists, of the shortest decimals that give the array back."""
    if isinstance(array, np.ndarray):
        if array.dtype.kind == "f":
            # Through text, because float32 0.1 is 0.10000000149011612 as a Python float.
            shortest = np.array([float(str(x)) for x in array.reshape(-1)], dtype="float64")
            array = shortest.reshape(array.shape)
        return encode(array.tolist())
    if isinstance(array, list | tuple):
        return [encode(x) for x in array]
    if isinstance(array, float) and not math.isfinite(array):
        return "NaN" if math.isnan(array) else "Infinity" if array > 0 else "-Infinity"
    return array
