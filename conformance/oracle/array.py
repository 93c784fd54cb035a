"""Arrays of extended reals that remember how they were computed, for the gradient.

Floats are `Real` in NumPy arrays of objects, under the dtype that they stand for, to which nothing
is rounded; integers and booleans are NumPy's own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unified_loss.ops import FLOAT_DTYPES

from .real import NAN, ONE, VANISHING, ZERO, Real

if TYPE_CHECKING:
    from .backend import OracleBackend

Data = Any
"""A NumPy array, of `Real` objects or of integers or booleans."""

Pull = Callable[[Data], Data]
"""Makes the gradient by an operand of the gradient by the result."""

_orders = itertools.count()
_to_real = np.frompyfunc(lambda x: Real.of(x.item() if hasattr(x, "item") else x), 1, 1)


def _times(gradient: Real, slope: Real) -> Real:
    # What nothing depends on, such as a branch that was not selected, has gradient 0 however steep it is;
    # but of what does not count in the limit only, none can be told.
    if gradient.vanishes and slope.isinf:
        return NAN
    return ZERO if gradient.is_zero else gradient * slope


scaled = np.frompyfunc(_times, 2, 1)
in_the_limit = np.frompyfunc(lambda slope, x: VANISHING if slope.is_zero and x.isinf else slope, 2, 1)
"""The slope of a function at `x`, of which a 0 at an infinity is a limit."""

_one_or_nan = np.frompyfunc(lambda x: NAN if x.isnan else ONE, 1, 1)


class OracleArray:
    """An array, the dtype that it stands for, and what it was made of.

    Parameters
    ----------
    data : the values
    dtype : by its array-API name; nothing is rounded to it
    made_of : its operands that have a gradient, each with what pulls the gradient back to it
    is_input : whether the gradient by it is asked for
    """

    __slots__ = ("data", "dtype", "has_gradient", "made_of", "order")

    # NumPy's scalars leave arithmetic to this class.
    __array_ufunc__ = None

    def __init__(
        self,
        data: Data,
        dtype: str,
        made_of: Iterable[tuple[OracleArray, Pull]] = (),
        *,
        is_input: bool = False,
    ) -> None:
        self.data = as_array(data)
        self.dtype = dtype
        self.made_of = [(x, pull) for x, pull in made_of if x.has_gradient]
        self.has_gradient: bool = is_input or bool(self.made_of)
        self.order = next(_orders)

    @classmethod
    def of(cls, array: Any, dtype: str) -> OracleArray:
        """The array that a NumPy array is, exactly; of another kind of dtype it is cast."""
        if dtype not in FLOAT_DTYPES:
            return cls(array.astype(dtype), dtype)
        return cls(_to_real(array.astype("float64" if array.dtype.kind == "f" else object)), dtype)

    @staticmethod
    def __unified_loss_backend__() -> OracleBackend:
        from .backend import oracle_backend  # noqa: PLC0415  which is made of these arrays

        return oracle_backend()

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return tuple(self.data.shape)

    @property
    def is_float(self) -> bool:
        """Whether its elements are reals."""
        return self.dtype in FLOAT_DTYPES

    def __repr__(self) -> str:
        return f"OracleArray({self.data!r}, {self.dtype})"

    def __bool__(self) -> bool:
        return bool(self.data)

    def __getitem__(self, index: Any) -> OracleArray:
        def pull(gradient: Data) -> Data:
            whole = zeros(self.shape)
            whole[index] = gradient
            return whole

        return self.made(self.data[index], (self, pull))

    def made(self, data: Data, *made_of: tuple[OracleArray, Pull]) -> OracleArray:
        """An array of this one's dtype."""
        return OracleArray(data, self.dtype, made_of)

    # -------------------------------------------------------------------------- arithmetic

    def beside(self, other: Any) -> OracleArray:
        """The other operand as an array of the same dtype."""
        if isinstance(other, OracleArray):
            if other.dtype != self.dtype:
                raise TypeError(f"an array of {self.dtype} beside one of {other.dtype}")
            return other
        if self.is_float:
            return OracleArray(other if isinstance(other, Real) else Real.of(other), self.dtype)
        # As NumPy 2 has it: a Python number takes the dtype of the array.
        return OracleArray(np.asarray(other).astype(self.data.dtype), self.dtype)

    def __neg__(self) -> OracleArray:
        return self.made(-self.data, (self, lambda gradient: -gradient))

    def __add__(self, other: Any) -> OracleArray:
        y = self.beside(other)
        return self.made(self.data + y.data, (self, broadcast_from(self)), (y, broadcast_from(y)))

    __radd__ = __add__

    def __sub__(self, other: Any) -> OracleArray:
        y = self.beside(other)
        back = broadcast_from(y)
        return self.made(self.data - y.data, (self, broadcast_from(self)), (y, lambda g: back(-g)))

    def __rsub__(self, other: Any) -> OracleArray:
        return self.beside(other) - self

    def __mul__(self, other: Any) -> OracleArray:
        y = self.beside(other)
        to_x, to_y = broadcast_from(self), broadcast_from(y)
        return self.made(
            self.data * y.data,
            (self, lambda g: to_x(scaled(g, y.data))),
            (y, lambda g: to_y(scaled(g, self.data))),
        )

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> OracleArray:
        y = self.beside(other)
        quotient = self.data / y.data
        to_x, to_y = broadcast_from(self), broadcast_from(y)
        return self.made(
            quotient,
            (self, lambda g: to_x(scaled(g, in_the_limit(ONE / y.data, y.data)))),
            (y, lambda g: to_y(scaled(g, in_the_limit(-quotient / y.data, y.data)))),
        )

    def __rtruediv__(self, other: Any) -> OracleArray:
        return self.beside(other) / self

    # ------------------------------------------------------------------------- comparisons

    def _compared(self, other: Any, compare: Callable[[Data, Data], Data]) -> OracleArray:
        found = compare(self.data, self.beside(other).data)
        return OracleArray(np.asarray(found).astype(bool), "bool")

    def __lt__(self, other: Any) -> OracleArray:
        return self._compared(other, np.less)

    def __le__(self, other: Any) -> OracleArray:
        return self._compared(other, np.less_equal)

    def __gt__(self, other: Any) -> OracleArray:
        return self._compared(other, np.greater)

    def __ge__(self, other: Any) -> OracleArray:
        return self._compared(other, np.greater_equal)

    def __eq__(self, other: object) -> OracleArray:  # type: ignore[override]
        return self._compared(other, np.equal)

    def __ne__(self, other: object) -> OracleArray:  # type: ignore[override]
        return self._compared(other, np.not_equal)

    __hash__ = None  # type: ignore[assignment]


def as_array(data: Any) -> Data:
    """A NumPy array also of the single element that NumPy makes of an array without axes."""
    if isinstance(data, Real):
        array = np.empty((), dtype=object)
        array[()] = data
        return array
    return np.asarray(data)


def zeros(shape: tuple[int, ...]) -> Data:
    """An array of zeros."""
    return np.full(shape, ZERO, dtype=object)


def summed(data: Data, axis: Any, keepdims: bool) -> Data:
    """The sum over some axes, or all."""
    if axis == ():
        return data
    return as_array(np.add.reduce(data, axis=axis, keepdims=keepdims, initial=ZERO))


def broadcast_from(x: OracleArray) -> Pull:
    """What sums a gradient over the axes that an operand was broadcast along."""
    shape = x.shape

    def pull(gradient: Data) -> Data:
        gradient = as_array(gradient)
        if gradient.shape == shape:
            return gradient
        extra = tuple(range(gradient.ndim - len(shape)))
        if extra:
            gradient = summed(gradient, extra, keepdims=False)
        spread = tuple(i for i, n in enumerate(shape) if n == 1 and gradient.shape[i] != 1)
        return summed(gradient, spread, keepdims=True)

    return pull


def gradients(result: OracleArray, inputs: Sequence[OracleArray]) -> list[Data]:
    """The gradient of the sum of a result by some inputs; 0 by one that it does not depend on.

    NaN by all that makes a result NaN, which has no gradient.
    """
    wanted = {id(x) for x in inputs}
    arrived: dict[int, Data] = {id(result): as_array(_one_or_nan(result.data))}
    waiting = {result.order: result}
    while waiting:
        # What was made last is done first: all that is made of it has been done by then.
        x = waiting.pop(max(waiting))
        gradient = arrived[id(x)] if id(x) in wanted else arrived.pop(id(x))
        for operand, pull in x.made_of:
            pulled = as_array(pull(gradient))
            before = arrived.get(id(operand))
            arrived[id(operand)] = pulled if before is None else as_array(before + pulled)
            waiting[operand.order] = operand
    return [arrived.get(id(x), zeros(x.shape)) for x in inputs]
