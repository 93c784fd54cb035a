"""The array-op interface that every loss is written against.

Names and keywords are those of the Python array API standard (2023.12) where it has the
operation. The interface comes in two halves: a *required* half, which each backend provides,
and a *derived* half, given here in terms of the required one, which a backend overrides with
its framework's fused function where conformance holds.

Beyond these methods an array supports Python's arithmetic and comparison operators (with
another array of the same dtype or with a Python number) and nothing else: no indexing, no
``&``, no methods. Comparisons give boolean arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

Array: TypeAlias = Any
"""A tensor of whichever framework the backend implements."""

Axis: TypeAlias = int | tuple[int, ...] | None

FLOAT_DTYPES = ("float16", "bfloat16", "float32", "float64")
INTEGER_DTYPES = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
DTYPES = (*FLOAT_DTYPES, *INTEGER_DTYPES, "bool")

LARGEST_FINITE = {
    "float16": 65504.0,
    "bfloat16": 3.3895313892515355e38,
    "float32": 3.4028234663852886e38,
    "float64": 1.7976931348623157e308,
}


RESOLUTION = {
    "float16": 2.0**-10,
    "bfloat16": 2.0**-7,
    "float32": 2.0**-23,
    "float64": 2.0**-52,
}
"""The distance from 1 to the next number."""


class Ops(Protocol):
    """Array operations, one implementation per framework."""

    # ------------------------------------------------------------------ required half

    def shape(self, x: Array, /) -> tuple[int, ...]:
        """The sizes of the axes; inside a traced function some may be symbolic scalars."""
        ...

    def dtype(self, x: Array, /) -> str:
        """The element type by its array-API name, e.g. ``"float32"``."""
        ...

    def astype(self, x: Array, dtype: str, /) -> Array:
        """Cast; floats become integers by truncation toward zero."""
        ...

    def eye(self, n: int, /, *, like: Array) -> Array:
        """The n by n identity in the dtype and on the device of `like`."""
        ...

    def abs(self, x: Array, /) -> Array:
        """Absolute value; its gradient at 0 is 0."""
        ...

    def arange(self, n: int, /, *, dtype: str, like: Array) -> Array:
        """The numbers from 0 to n - 1, on the device of `like`."""
        ...

    def exp(self, x: Array, /) -> Array: ...

    def log(self, x: Array, /) -> Array: ...

    def log1p(self, x: Array, /) -> Array: ...

    def sqrt(self, x: Array, /) -> Array: ...

    def square(self, x: Array, /) -> Array: ...

    def pow(self, x: Array, exponent: float, /) -> Array:
        """A non-negative `x` to a power that is a Python number.

        The gradient is ``exponent * x**(exponent - 1)``, and 0 everywhere for an exponent of 0.
        """
        ...

    def cos(self, x: Array, /) -> Array: ...

    def acos(self, x: Array, /) -> Array: ...

    def relu(self, x: Array, /) -> Array:
        """``max(x, 0)`` with gradient 0 at 0; NaN stays NaN."""
        ...

    def clip(self, x: Array, /, min: float | None = None, max: float | None = None) -> Array:
        """Clamp to [min, max], both Python numbers; inside, ends included, the gradient is 1."""
        ...

    def isinf(self, x: Array, /) -> Array: ...

    def maximum(self, x1: Array, x2: Array, /) -> Array:
        """Elementwise maximum of two arrays; the gradient at a tie is unspecified."""
        ...

    def where(self, condition: Array, x1: Array | float, x2: Array | float, /) -> Array:
        """Select, all three broadcast; at least one of `x1` and `x2` is an array and sets the dtype."""
        ...

    def logical_and(self, x1: Array, x2: Array, /) -> Array: ...

    def logical_or(self, x1: Array, x2: Array, /) -> Array: ...

    def logical_not(self, x: Array, /) -> Array: ...

    def any(self, x: Array, /) -> Array:
        """Whether any element of a boolean array is true, as a 0-d array."""
        ...

    def sum(self, x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array: ...

    def mean(self, x: Array, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
        """Arithmetic mean; NaN over no elements. An empty tuple as axis returns `x`."""
        ...

    def max(self, x: Array, /, *, axis: int, keepdims: bool = False) -> Array: ...

    def cumulative_sum(self, x: Array, /, *, axis: int) -> Array:
        """The sums of the entries up to each one, itself included, along an axis."""
        ...

    def argsort(self, x: Array, /, *, axis: int) -> Array:
        """Where the entries in ascending order stand along an axis; equal ones keep their order."""
        ...

    def matmul(self, x1: Array, x2: Array, /) -> Array:
        """Products of the matrices in the last two axes; the axes before them broadcast."""
        ...

    def reshape(self, x: Array, /, shape: tuple[int, ...]) -> Array: ...

    def expand_dims(self, x: Array, /, *, axis: int) -> Array: ...

    def squeeze(self, x: Array, /, axis: int) -> Array: ...

    def permute_dims(self, x: Array, /, axes: tuple[int, ...]) -> Array: ...

    def concat(self, arrays: Sequence[Array], /, *, axis: int) -> Array: ...

    def stack(self, arrays: Sequence[Array], /, *, axis: int) -> Array: ...

    def unstack(self, x: Array, /, *, axis: int) -> tuple[Array, ...]:
        """Split into the slices along an axis of known size, without that axis."""
        ...

    def broadcast_to(self, x: Array, /, shape: tuple[int, ...]) -> Array: ...

    def take_along_axis(self, x: Array, indices: Array, /, *, axis: int) -> Array:
        """Pick by index along an axis; `indices` are integers in range, of the rank of `x`."""
        ...

    def take(self, x: Array, indices: Array, /) -> Array:
        """The entries along the first axis of `x`, picked by integers in range, of any shape."""
        ...

    def stop_gradient(self, x: Array, /) -> Array:
        """The same values, through which no gradient flows."""
        ...

    def replace_gradient(self, value: Array, x: Array, gradient: Array, /) -> Array:
        """`value`, whose gradient by `x` is `gradient` whatever is computed from it afterwards.

        All three have one shape. What flows back into the result is ignored: no factor reaches
        `gradient`, and nothing reaches the inputs but `x`.
        """
        ...

    def gradient(self, function: Callable[[Ops, Array], Array], x: Array, /) -> Array:
        """The gradient of the sum of ``function(ops, x)`` by `x`, through which no gradient flows.

        For losses that return it; `function` is given the operations with which to compute.
        """
        ...

    # ------------------------------------------------------------------- derived half

    def constant(self, value: float, dtype: str, /) -> Array | float:
        """A number that stays exact beside arrays of this dtype; specs say it of irrational ones."""
        # A framework that rounds Python numbers to float32 overrides it.
        return value

    def ones_like(self, x: Array, /) -> Array:
        # Made of comparisons, so that it needs no shape, and whatever is in x.
        return self.astype(self.logical_or(x == x, x != x), self.dtype(x))  # noqa: PLR0124

    def zero_with_derivative(self, x: Array, derivative: Array, /) -> Array:
        """0 for each entry of a finite `x`, whose derivative by `x` is `derivative`, of the same shape.

        For losses whose gradient is to be computed in another way than through their value. The
        second derivative is that of `derivative`.
        """
        # Half of the factor is held fixed, because the second derivative of a product with what is 0
        # is twice the derivative of the factor.
        factor = 0.5 * (self.stop_gradient(derivative) + derivative)
        return factor * (x - self.stop_gradient(x))

    def slice_along_axis(self, x: Array, start: int, stop: int, /, *, axis: int) -> Array:
        """The entries from `start` to before `stop`, both known, along an axis counted from the first."""
        return x[(*(slice(None),) * axis, slice(start, stop))]

    def equal(self, x1: Array, x2: Array | float, /) -> Array:
        """Where `x1` is exactly `x2`; specs compare floats with it."""
        # A framework whose own comparison lets floats be almost equal overrides it.
        return x1 == x2

    def isnan(self, x: Array, /) -> Array:
        return x != x  # noqa: PLR0124  only NaN differs from itself

    def all(self, x: Array, /) -> Array:
        """Whether no element of a boolean array is false, as a 0-d array."""
        return self.logical_not(self.any(self.logical_not(x)))

    def minimum(self, x1: Array, x2: Array, /) -> Array:
        """Elementwise minimum of two arrays; the gradient at a tie is unspecified."""
        return -self.maximum(-x1, -x2)

    def min(self, x: Array, /, *, axis: int, keepdims: bool = False) -> Array:
        return -self.max(-x, axis=axis, keepdims=keepdims)

    def sort(self, x: Array, /, *, axis: int) -> Array:
        """The entries in ascending order along an axis."""
        return self.take_along_axis(x, self.argsort(x, axis=axis), axis=axis)

    def one_hot(self, indices: Array, n: int, /, *, dtype: str, like: Array) -> Array:
        """1 at each index and 0 elsewhere along a new last axis of size n; all 0 for an index beyond it."""
        classes = self.arange(n, dtype=self.dtype(indices), like=like)
        return self.astype(self.expand_dims(indices, axis=-1) == classes, dtype)

    def positive_part(self, x: Array, /, *, gradient_at_zero: float = 0.0) -> Array:
        """``max(x, 0)`` with the given gradient at 0, on which frameworks disagree: 0, 0.5 or 1."""
        if gradient_at_zero == 0:
            return self.relu(x)
        if gradient_at_zero == 1:
            return self.clip(x, min=0.0)
        return gradient_at_zero * self.clip(x, min=0.0) + (1 - gradient_at_zero) * self.relu(x)

    def even_max(self, x: Array, /, *, axis: int, keepdims: bool = False) -> Array:
        """The maximum along an axis, whose gradient is shared equally among ties."""
        largest = self.stop_gradient(self.max(x, axis=axis, keepdims=True))
        at_top = self.equal(x, largest)
        ties = self.astype(at_top, self.dtype(x))
        share = ties / self.sum(ties, axis=axis, keepdims=True)
        result = self.sum(self.where(at_top, x, 0.0) * share, axis=axis, keepdims=True)
        # Adding up the shares rounds, which is made good, but for an infinity: that came out right,
        # and its difference to itself is NaN.
        error = self.where(self.isinf(largest), 0.0, largest - result)
        result = result + self.stop_gradient(error)
        return result if keepdims else self.squeeze(result, axis)

    def sigmoid(self, x: Array, /) -> Array:
        """``1 / (1 + exp(-x))`` without overflow, to relative precision in both tails of the gradient."""
        # 1 / (1 + exp(-x))       if x >= 0
        # exp(x) / (1 + exp(x))   if x < 0
        non_negative = x >= 0
        decay = self.exp(-self.where(non_negative, x, -x))
        return self.where(non_negative, 1.0, decay) / (1.0 + decay)

    def tanh(self, x: Array, /) -> Array:
        # Near 0 it has the digits that 1 has, in both tails the gradient has all.
        return 2 * self.sigmoid(2 * x) - 1

    def log_sigmoid(self, x: Array, /) -> Array:
        return -self.softplus(-x)

    def softplus(self, x: Array, /) -> Array:
        """``log(1 + exp(x))`` without overflow, with gradient sigmoid(x) everywhere."""
        # max(x, 0) + log1p(exp(-|x|)), whose two kinks at 0 must cancel in the gradient:
        # the sign is taken with x >= 0 on both sides, so that they do.
        non_negative = x >= 0
        magnitude = self.where(non_negative, x, -x)
        return self.where(non_negative, x, 0.0) + self.log1p(self.exp(-magnitude))

    def logsumexp(self, x: Array, /, *, axis: int, keepdims: bool = False) -> Array:
        """``log(sum(exp(x)))`` along an axis without overflow."""
        # An infinite maximum would give inf - inf; shifting by 0 instead gives the right infinity.
        largest = self.stop_gradient(self.max(x, axis=axis, keepdims=True))
        shift = self.where(self.isinf(largest), 0.0, largest)
        result = shift + self.log(self.sum(self.exp(x - shift), axis=axis, keepdims=True))
        return result if keepdims else self.squeeze(result, axis)

    def log_softmax(self, x: Array, /, *, axis: int) -> Array:
        """``x - logsumexp(x)`` along an axis, kept exact for a dominant entry."""
        # Shifting first keeps the digits of small differences between large logits.
        shifted = x - self.stop_gradient(self.max(x, axis=axis, keepdims=True))
        return shifted - self.log(self.sum(self.exp(shifted), axis=axis, keepdims=True))

    def softmax(self, x: Array, /, *, axis: int) -> Array:
        """``exp(x) / sum(exp(x))`` along an axis without overflow; 0 for an entry of -inf."""
        powers = self.exp(x - self.stop_gradient(self.max(x, axis=axis, keepdims=True)))
        return powers / self.sum(powers, axis=axis, keepdims=True)

    def xlogy(self, x: Array, y: Array, /) -> Array:
        """``x * log(y)``, but 0, with finite gradients, where `x` is 0 and the logarithm infinite or NaN."""
        # Replacing y itself, rather than the logarithm, keeps 0 * (1 / 0) out of its gradient.
        indefinite = self.logical_and(self.equal(x, 0.0), self.logical_or(y <= 0, self.isinf(y)))
        return x * self.log(self.where(indefinite, 1.0, y))

    def multiply_no_nan(self, x: Array, y: Array, /) -> Array:
        """``x * y``, but 0 where `y` is 0 and `x` infinite."""
        # Replacing the infinite factor, rather than the product, leaves both gradients alone
        # wherever the product is ordinary.
        indefinite = self.logical_and(self.isinf(x), self.equal(y, 0.0))
        return self.where(indefinite, 0.0, x) * y

    def vector_norm(self, x: Array, /, *, axis: int, keepdims: bool = False, ord: float = 2.0) -> Array:
        """``sum(|x|**ord)**(1 / ord)`` along an axis, with gradient 0, not NaN, at the zero vector.

        An infinite `ord` means the largest magnitude, and shares the gradient among ties.
        """
        if ord == math.inf:
            return self.even_max(self.abs(x), axis=axis, keepdims=keepdims)
        total = self.sum(self._magnitude_to_power(x, ord), axis=axis, keepdims=keepdims)
        if ord == 1:
            return total
        at_zero = self.equal(total, 0.0)
        # The derivative of the root at 0 is infinite and would turn the selected 0 into NaN.
        total = self.where(at_zero, 1.0, total)
        return self.where(at_zero, 0.0, self.sqrt(total) if ord == 2 else self.pow(total, 1 / ord))

    def scan(
        self,
        function: Callable[..., tuple[tuple[Array, ...], tuple[Array, ...]]],
        init: tuple[Array, ...],
        xs: tuple[Array, ...],
        constants: tuple[Array, ...],
        /,
    ) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """What ``function(ops, carry, x, constants)`` carries in the end, and what it gave out, stacked.

        It is called once for each entry along the first axis of `xs`, all of one known size, with these
        entries and with what it carried before, first `init`; it returns what it carries on, of the same
        shapes, and what it gives out. It is a function of its arguments alone, and must be the same object
        at each call, so that a framework can keep it compiled. Of no entries nothing is stacked.
        """
        carry = init
        outputs = []
        for x in zip(*[self.unstack(part, axis=0) for part in xs], strict=True):
            carry, output = function(self, carry, x, constants)
            outputs.append(output)
        return carry, tuple([self.stack(part, axis=0) for part in zip(*outputs, strict=True)])

    def _magnitude_to_power(self, x: Array, exponent: float, /) -> Array:
        if exponent == 2:
            return self.square(x)
        magnitude = self.abs(x)
        if exponent >= 1:
            return magnitude if exponent == 1 else self.pow(magnitude, exponent)
        # As with the root, an infinite derivative at 0.
        at_zero = self.equal(magnitude, 0.0)
        return self.where(at_zero, 0.0, self.pow(self.where(at_zero, 1.0, magnitude), exponent))


OPS = tuple(name for name, op in vars(Ops).items() if callable(op) and not name.startswith("_"))
REQUIRED_OPS = OPS[: OPS.index("constant")]
"""The names of the required half, which ends where the derived half begins, with `constant`."""


def requires_float32_accumulation(dtype: str) -> bool:
    """Whether sums over this dtype lose digits fast enough to be carried in float32."""
    return dtype in ("float16", "bfloat16")
