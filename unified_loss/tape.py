"""`Recorder`: remembers what is computed of what, and passes a gradient back through it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import UnsupportedOperation
from .ops import Array

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

Sizes = tuple[int, ...]


class Picked(NamedTuple):
    """A cotangent that is 0 but at some indices along an axis, each of which occurs once."""

    indices: Array
    values: Array
    axis: int


Cotangent = Any
"""An array that broadcasts to the shape, a number for one that is the same everywhere, or `Picked`."""

Pull = Callable[[Cotangent], Cotangent]


class Variable:
    """What an array is while it is recorded; operators of it are recorded too.

    Parameters
    ----------
    tape : what records it
    value : the array; a number where it is the same everywhere
    shape : its shape
    parents : what it was computed from, and how its cotangent becomes one of theirs
    """

    __slots__ = ("cotangent", "parents", "shape", "takes_picked", "tape", "tracked", "value")
    __array_ufunc__ = None  # so that NumPy leaves its operators to this
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        tape: Recorder,
        value: Array,
        shape: Sizes,
        parents: Sequence[tuple[Variable, Pull]] = (),
        tracked: bool = False,
    ) -> None:
        self.tape, self.value, self.shape, self.parents = tape, value, shape, parents
        self.tracked = tracked
        self.takes_picked = False
        self.cotangent: Cotangent = None

    def __neg__(self) -> Variable:
        return self.tape.elementwise(-self.value, (self, lambda g: -g))

    def __add__(self, other: Any) -> Variable:
        return self.tape.sum_of(self, other, 1)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Variable:
        return self.tape.sum_of(self, other, -1)

    def __rsub__(self, other: Any) -> Variable:
        return self.tape.elementwise(other - self.value, (self, lambda g: -g))

    def __mul__(self, other: Any) -> Variable:
        a, b = self.value, value_of(other)
        return self.tape.elementwise(a * b, (self, lambda g: times(g, b)), (other, lambda g: times(g, a)))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Variable:
        a, b = self.value, value_of(other)
        out = a / b
        return self.tape.elementwise(out, (self, lambda g: g / b), (other, lambda g: -times(g, out) / b))

    def __rtruediv__(self, other: Any) -> Variable:
        x = self.value
        out = other / x
        return self.tape.elementwise(out, (self, lambda g: -times(g, out) / x))

    def __pow__(self, exponent: float) -> Variable:
        x = self.value
        return self.tape.elementwise(x**exponent, (self, lambda g: times(g, exponent * x ** (exponent - 1))))

    def __lt__(self, other: Any) -> Variable:
        return self.tape.constant_array(self.value < value_of(other))

    def __le__(self, other: Any) -> Variable:
        return self.tape.constant_array(self.value <= value_of(other))

    def __gt__(self, other: Any) -> Variable:
        return self.tape.constant_array(self.value > value_of(other))

    def __ge__(self, other: Any) -> Variable:
        return self.tape.constant_array(self.value >= value_of(other))

    def __eq__(self, other: object) -> Variable:  # type: ignore[override]
        return self.tape.constant_array(self.value == value_of(other))

    def __ne__(self, other: object) -> Variable:  # type: ignore[override]
        return self.tape.constant_array(self.value != value_of(other))


def value_of(x: Any) -> Any:
    """The array of a variable, or of each in a sequence; anything else is itself."""
    if isinstance(x, Variable):
        return x.tape.array(x)
    return type(x)(map(value_of, x)) if isinstance(x, list) else x


def times(g: Cotangent, x: Array) -> Cotangent:
    """A cotangent times an array, which it leaves as it is where that is 1."""
    return x if isinstance(g, float) and g == 1.0 else g * x


class Recorder:
    """The operations of a backend on variables, recorded for one pass back.

    Parameters
    ----------
    ops : what computes
    """

    def __init__(self, ops: Backend) -> None:
        self.ops = ops
        self._recorded: list[Variable] = []

    # ------------------------------------------------------------------------ recording

    def variable(self, value: Array | None, tracked: bool) -> Variable | None:
        """What stands for an array of the ops, if there is one; `tracked` if it is differentiated by."""
        return None if value is None else Variable(self, value, self.ops.shape(value), (), tracked)

    def constant_array(self, value: Array) -> Variable:
        """What stands for an array through which no gradient flows."""
        return Variable(self, value, self.ops.shape(value))

    def array(self, x: Variable) -> Array:
        """The array of a variable; one that is the same everywhere is made one."""
        if isinstance(x.value, float):
            raise UnsupportedOperation("a term that is 0 and has a derivative can only be added")
        return x.value

    def record(self, value: Array, shape: Sizes, *parents: tuple[Any, Pull]) -> Variable:
        """A result, and how its cotangent becomes one of what it was computed from."""
        tracked = [(x, pull) for x, pull in parents if isinstance(x, Variable) and x.tracked]
        result = Variable(self, value, shape, tracked, bool(tracked))
        if tracked:
            self._recorded.append(result)
        return result

    def elementwise(self, value: Array, *parents: tuple[Any, Pull]) -> Variable:
        """`record` of an operation whose operands broadcast."""
        shape = self.ops.shape(value)
        return self.record(value, shape, *((x, self._reduced(x, shape, pull)) for x, pull in parents))

    def _reduced(self, x: Any, shape: Sizes, pull: Pull) -> Pull:
        if not isinstance(x, Variable) or x.shape == shape:
            return pull
        return lambda g: self._summed_to(pull(g), shape, x.shape)

    def sum_of(self, x: Variable, other: Any, sign: int) -> Variable:
        """``x + sign * other``; nothing is computed where one of them is 0 and only has a derivative."""
        if isinstance(other, Variable) and isinstance(other.value, float):
            value = x.value
        elif isinstance(x.value, float):
            value = sign * value_of(other) if sign < 0 else value_of(other)
        else:
            value = x.value + value_of(other) if sign > 0 else x.value - value_of(other)
        return self.elementwise(value, (x, lambda g: g), (other, lambda g: g if sign > 0 else -g))

    # ------------------------------------------------------------------------ the pass back

    def cotangents(self, result: Variable, cotangent: Cotangent, sources: Sequence[Variable]) -> list[Any]:
        """The cotangents of the sources, given that of the result; None where it does not depend on them."""
        result.cotangent = cotangent
        for node in reversed(self._recorded):
            g, node.cotangent = node.cotangent, None
            if g is None:
                continue
            g = g if node.takes_picked else self.dense(g, node.shape)
            parents, node.parents = node.parents, ()
            for parent, pull in parents:
                pulled = pull(g)
                known = parent.cotangent
                parent.cotangent = pulled if known is None else self._added(known, pulled, parent.shape)
        # What was recorded refers to the tape, and so to all else: it is let go, not left to the collector.
        self._recorded.clear()
        return [self.dense(x.cotangent, x.shape) for x in sources]

    def _added(self, a: Cotangent, b: Cotangent, shape: Sizes) -> Cotangent:
        return self.dense(a, shape) + self.dense(b, shape)

    def dense(self, g: Cotangent, shape: Sizes) -> Cotangent:
        """A cotangent as an array or a number."""
        if not isinstance(g, Picked):
            return g
        return self.ops.put_along_axis(shape, g.indices, g.values, axis=g.axis)

    def full(self, g: Cotangent, x: Variable) -> Array:
        """A cotangent of a variable as an array of its shape."""
        return self.filled(g, x.shape, x.value)

    def filled(self, g: Cotangent, shape: Sizes, like: Array) -> Array:
        """A cotangent as an array of a shape, like one that has it."""
        g = self.dense(g, shape)
        if isinstance(g, float):
            g = self.ops.ones_like(like) * g
        return g if self.ops.shape(g) == shape else self.ops.broadcast_to(g, shape)

    def _summed_to(self, g: Cotangent, shape: Sizes, target: Sizes) -> Cotangent:
        """The cotangent of what was broadcast from `target` to `shape`."""
        g = self.dense(g, shape)
        if isinstance(g, float):
            return g * (math.prod(shape) / max(math.prod(target), 1))
        padded = (1,) * (len(shape) - len(target)) + target
        sizes = self.ops.shape(g)
        sizes = (1,) * (len(shape) - len(sizes)) + sizes
        if self.ops.shape(g) != sizes:
            g = self.ops.reshape(g, sizes)
        axes = tuple(i for i, (n, m) in enumerate(zip(padded, shape, strict=True)) if n == 1 and m != 1)
        # Where the cotangent is itself the same along an axis, adding up is multiplying.
        copies = math.prod(shape[i] for i in axes if sizes[i] == 1)
        axes = tuple(i for i in axes if sizes[i] != 1)
        if axes:
            g = self.ops.sum(g, axis=axes[0] if len(axes) == 1 else axes, keepdims=True)
        if copies != 1:
            g = g * float(copies)
        return self.ops.reshape(g, self.ops.shape(g)[len(shape) - len(target) :])
