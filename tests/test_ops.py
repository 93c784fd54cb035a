"""Every op on every backend, in every float dtype: values, gradients, and the edges that ops.py states."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unified_loss.dispatch import backend_of
from unified_loss.ops import FLOAT_DTYPES

# Relative and absolute; gradients are held against central differences, themselves good to 1e-8.
TOLERANCE = {"float16": 6e-3, "bfloat16": 5e-2, "float32": 5e-6, "float64": 1e-12}
INF, NAN = np.inf, np.nan

# No two axes of one size; distances from every kink (0, the ends of clip, a tie) beyond bfloat16's rounding.
RNG = np.random.default_rng(20261123)
X = RNG.permutation(np.linspace(-2.4, 2.4, 24)).reshape(2, 3, 4)
Y = X + RNG.uniform(0.2, 0.7, X.shape) * RNG.choice([-1, 1], X.shape)
POSITIVE = np.abs(X)
ROW = np.array([[0.6, 1.4, 1.9, 0.75]])
FIRST, MIDDLE = RNG.integers(0, 2, (1, 3, 4)), RNG.integers(0, 3, (2, 5, 4))
ROWS = np.array([[3.0, 0, 1, 1, 3], [1, 3, 0, 2, 3]])
LAST = np.array([[[3, 0], [1, 1], [2, 3]], [[0, 2], [3, 3], [1, 0]]])


def assert_agrees(actual, expected, tolerance):
    expected = np.asarray(expected, dtype=object)
    assert actual.shape == expected.shape
    stated = np.not_equal(expected, None)
    a, e = (array[stated].astype("float64") for array in (actual, expected))
    np.testing.assert_allclose(a, e, tolerance, tolerance)


@dataclass(frozen=True)
class Case:
    """A call of an op and the same in NumPy; what is not a float array stands in the call."""

    name: str
    call: Callable[..., Any]
    reference: Callable[..., Any]
    inputs: tuple[np.ndarray, ...] = (X,)

    @property
    def weights(self):
        # Unequal ones tell gradients in the wrong places from those in the right ones.
        value = np.asarray(self.reference(*self.inputs))
        return np.arange(1, value.size + 1).reshape(value.shape) / 8

    def check(self, inputs, value, gradients, tolerance):
        inputs = [x.astype("float64") for x in inputs]
        assert_agrees(value, self.reference(*inputs), tolerance)
        for i, gradient in enumerate(gradients):
            slopes, step = np.zeros_like(inputs[i]), 1e-5
            for position in np.ndindex(slopes.shape):
                nudge = np.zeros_like(slopes)
                nudge[position] = step
                up, down = (
                    [x + sign * nudge if j == i else x for j, x in enumerate(inputs)] for sign in (1, -1)
                )
                rise = self.reference(*up) - self.reference(*down)
                slopes[position] = np.sum(rise * self.weights) / (2 * step)
            assert_agrees(gradient, slopes, max(tolerance, 1e-7))


@dataclass(frozen=True)
class Edge:
    """A call of an op, what it must give, and the gradients of the sum of that; None is unspecified."""

    name: str
    call: Callable[..., Any]
    inputs: list[Any]
    value: Any
    gradients: list[Any]

    @property
    def weights(self):
        return np.ones(np.shape(self.value))

    def check(self, inputs, value, gradients, tolerance):
        for actual, stated in zip([value, *gradients], [self.value, *self.gradients], strict=True):
            assert_agrees(actual, stated, tolerance)


def logsumexp(x, **how):
    return np.log(np.sum(np.exp(x), **how))


def decayed(o, carry, x, constants):
    (total,), (entry, place) = carry, x
    after = constants[0] * total + entry
    return (after,), (after * o.astype(place, o.dtype(after)), total)


def scanned(o, x, start, factor):
    # Along the second axis, because the first may be of any size.
    places = o.arange(o.shape(x)[1], dtype="int32", like=x)
    x = o.permute_dims(x, (1, 0, 2))
    (last,), (scaled, before) = o.scan(decayed, (start,), (x, places), (factor,))
    return o.concat([scaled, before, o.expand_dims(last, axis=0)], axis=0)


def scanned_by_numpy(x, start, factor):
    totals = [start]
    for entry in x.swapaxes(0, 1):
        totals.append(factor * totals[-1] + entry)
    scaled = [total * i for i, total in enumerate(totals[1:])]
    return np.stack([*scaled, *totals])


def softmax(x, axis):
    return np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True)


def reductions():
    references = {
        "sum": np.sum,
        "mean": np.mean,
        "max": np.max,
        "min": np.min,
        "even_max": np.max,
        "logsumexp": logsumexp,
        "vector_norm": lambda x, **how: np.sqrt(np.sum(x * x, **how)),
    }
    for name, reference in references.items():
        for axis in (None, 0, 1, -1, (0, 2), (-1, 1), ()) if name in ("sum", "mean") else (0, 1, -1):
            for how in ({"axis": axis}, {"axis": axis, "keepdims": True}):
                yield Case(
                    f"{name}{tuple(how.values())}",
                    lambda o, x, name=name, how=how: getattr(o, name)(x, **how),
                    lambda x, reference=reference, how=how: reference(x, **how),
                )


CASES = [
    Case("exp", lambda o, x: o.exp(x), np.exp),
    Case("abs", lambda o, x: o.abs(x), np.abs),
    Case("square", lambda o, x: o.square(x), np.square),
    Case("relu", lambda o, x: o.relu(x), lambda x: np.maximum(x, 0)),
    Case("softplus", lambda o, x: o.softplus(x), lambda x: np.log(1 + np.exp(x))),
    Case("sigmoid", lambda o, x: o.sigmoid(x), lambda x: 1 / (1 + np.exp(-x))),
    Case("tanh", lambda o, x: o.tanh(x), np.tanh),
    Case("log_sigmoid", lambda o, x: o.log_sigmoid(x), lambda x: -np.log(1 + np.exp(-x))),
    Case("cos", lambda o, x: o.cos(x), np.cos),
    Case("acos", lambda o, x: o.acos(x), np.arccos, (X / 3,)),
    *(
        Case(f"pow({p})", lambda o, x, p=p: o.pow(x, p), lambda x, p=p: x**p, (POSITIVE,))
        for p in (-1.5, 0, 0.3, 1, 1.5, 2, 2.7)
    ),
    *(
        Case(
            f"positive_part({slope})",
            lambda o, x, slope=slope: o.positive_part(x, gradient_at_zero=slope),
            lambda x: np.maximum(x, 0),
        )
        for slope in (0, 0.5, 1.0)
    ),
    Case("log", lambda o, x: o.log(x), np.log, (POSITIVE,)),
    Case("log1p", lambda o, x: o.log1p(x), np.log1p, (POSITIVE,)),
    Case("sqrt", lambda o, x: o.sqrt(x), np.sqrt, (POSITIVE,)),
    Case("clip", lambda o, x: o.clip(x, -1, 1.5), lambda x: np.clip(x, -1, 1.5)),
    Case("clip(min)", lambda o, x: o.clip(x, min=-0.125), lambda x: np.maximum(x, -0.125)),
    Case("clip(max)", lambda o, x: o.clip(x, max=0.25), lambda x: np.minimum(x, 0.25)),
    Case("maximum", lambda o, x, y: o.maximum(x, y), np.maximum, (X, Y)),
    Case("minimum", lambda o, x, y: o.minimum(x, y), np.minimum, (X, Y)),
    Case("xlogy", lambda o, x, y: o.xlogy(x, y), lambda x, y: x * np.log(y), (X, POSITIVE + 0.2)),
    Case("xlogy(row)", lambda o, x, y: o.xlogy(x, y), lambda x, y: x * np.log(y), (X, ROW)),
    Case("where", lambda o, x, y: o.where(x > y, y, x * 2), lambda x, y: np.where(x > y, y, x * 2), (X, Y)),
    Case("where(number,)", lambda o, x: o.where(x > 0, 0.25, x), lambda x: np.where(x > 0, 0.25, x)),
    Case("where(, number)", lambda o, x: o.where(x > 0, x, -2), lambda x: np.where(x > 0, x, -2)),
    Case("where(row)", lambda o, x, r: o.where(r > 1, x, r), lambda x, r: np.where(r > 1, x, r), (X, ROW)),
    Case(
        "arithmetic", lambda o, x, y: -x * y + x / y - 2.5 * y, lambda x, y: -x * y + x / y - 2.5 * y, (X, Y)
    ),
    Case("numbers", lambda o, x: 1 - x + 2 / x - (x - 3) / 4, lambda x: 1 - x + 2 / x - (x - 3) / 4),
    Case("eye", lambda o, x: o.eye(3, like=x) * x, lambda x: np.eye(3) * x, (X[0, :, :1],)),
    Case("arange", lambda o, x: o.arange(4, dtype=o.dtype(x), like=x) * x, lambda x: np.arange(4) * x),
    *(
        Case(
            f"one_hot({dtype})",
            lambda o, x, i, dtype=dtype: (
                o.one_hot(o.astype(i, dtype), 4, dtype=o.dtype(x), like=x) * o.expand_dims(x, axis=-1)
            ),
            lambda x, i: np.eye(4)[np.rint(i).astype(int)] * x[..., None],
            (X.reshape(2, 12)[:, 3:8], ROWS),
        )
        for dtype in ("int32", "int64")
    ),
    Case("constant", lambda o, x: x * o.constant(np.pi, o.dtype(x)), lambda x: x * np.pi),
    Case("broadcasting", lambda o, x, r: x * r - r, lambda x, r: x * r - r, (X, ROW)),
    Case("reshape", lambda o, x: o.reshape(x, (4, 6)), lambda x: x.reshape(4, 6)),
    Case("reshape(-1)", lambda o, x: o.reshape(x, (-1, 3)), lambda x: x.reshape(-1, 3)),
    Case("reshape(())", lambda o, x: o.reshape(x, ()), lambda x: x.reshape(()), (X[:1, 0, :1],)),
    Case("expand_dims(1)", lambda o, x: o.expand_dims(x, axis=1), lambda x: x[:, None]),
    Case("expand_dims(-1)", lambda o, x: o.expand_dims(x, axis=-1), lambda x: x[..., None]),
    Case("slice(0)", lambda o, x: o.slice_along_axis(x, 0, 1, axis=0), lambda x: x[:1]),
    Case("slice(1)", lambda o, x: o.slice_along_axis(x, 1, 3, axis=1), lambda x: x[:, 1:3]),
    Case("slice(2)", lambda o, x: o.slice_along_axis(x, 2, 3, axis=2), lambda x: x[..., 2:3]),
    Case("squeeze(0)", lambda o, x: o.squeeze(x, 0), lambda x: x[0], (X[:1, :, :1],)),
    Case("squeeze(-1)", lambda o, x: o.squeeze(x, -1), lambda x: x[..., 0], (X[:1, :, :1],)),
    Case("permute_dims", lambda o, x: o.permute_dims(x, (2, 0, 1)), lambda x: x.transpose(2, 0, 1)),
    Case(
        "broadcast_to", lambda o, x: o.broadcast_to(x, (2, 3, 4)), lambda x: np.zeros((2, 3, 4)) + x, (ROW,)
    ),
    Case("concat", lambda o, *xs: o.concat(xs, axis=1), lambda *xs: np.concatenate(xs, 1), (X, Y[:, :2])),
    Case("stack(1)", lambda o, *xs: o.stack(xs, axis=1), lambda *xs: np.stack(xs, 1), (X, Y)),
    Case("stack(-1)", lambda o, *xs: o.stack(list(xs), axis=-1), lambda *xs: np.stack(xs, -1), (X, Y)),
    Case("unstack(1)", lambda o, x: o.stack(o.unstack(x, axis=1), axis=0), lambda x: np.moveaxis(x, 1, 0)),
    Case("unstack(-1)", lambda o, x: o.unstack(x, axis=-1)[2], lambda x: x[..., 2]),
    Case(
        "log_softmax(1)",
        lambda o, x: o.log_softmax(x, axis=1),
        lambda x: x - logsumexp(x, axis=1, keepdims=True),
    ),
    Case(
        "log_softmax(-1)",
        lambda o, x: o.log_softmax(x, axis=-1),
        lambda x: x - logsumexp(x, axis=-1, keepdims=True),
    ),
    *(
        Case(
            f"take_along_axis({axis}, {dtype})",
            lambda o, x, i, axis=axis, dtype=dtype: o.take_along_axis(x, o.astype(i, dtype), axis=axis),
            lambda x, i, axis=axis: np.take_along_axis(x, np.rint(i).astype(int), axis),
            (X, indices.astype("float64")),
        )
        for indices, axis in ((FIRST, 0), (MIDDLE, 1), (LAST, 2), (LAST, -1))
        for dtype in ("int32", "int64")
    ),
    Case("softmax(1)", lambda o, x: o.softmax(x, axis=1), lambda x: softmax(x, 1)),
    Case("softmax(-1)", lambda o, x: o.softmax(x, axis=-1), lambda x: softmax(x, -1)),
    *(
        Case(
            f"take({table.shape}, {shape}, {dtype})",
            # Without NumPy shapes MXNet has no 0-d inputs.
            lambda o, x, i, shape=shape, dtype=dtype: o.take(x, o.reshape(o.astype(i, dtype), shape)),
            lambda x, i, shape=shape: x[np.rint(i).astype(int).reshape(shape)],
            (table, indices),
        )
        for table, indices, shape in (
            (X.reshape(4, 6), ROWS, (2, 5)),
            (X.reshape(4, 3, 2), ROWS[1], (5,)),
            (X.reshape(24), ROWS, (5, 2)),
            (X.reshape(4, 6), ROWS[1, :1], ()),
        )
        for dtype in ("int32", "int64")
    ),
    *(
        Case(
            f"{name}({axis})",
            lambda o, x, name=name, axis=axis: o.astype(getattr(o, name)(x, axis=axis), o.dtype(x)),
            lambda x, reference=reference, axis=axis: reference(x, axis=axis),
        )
        for name, reference in (("cumulative_sum", np.cumsum), ("argsort", np.argsort), ("sort", np.sort))
        for axis in (0, 1, -1)
    ),
    Case("matmul", lambda o, x, y: o.matmul(x, y), np.matmul, (X, Y.reshape(2, 4, 3)[..., :2])),
    Case("matmul(2-D)", lambda o, x, y: o.matmul(x, y), np.matmul, (X[0], Y.reshape(4, 6)[:, :5])),
    Case("matmul(, 2-D)", lambda o, x, y: o.matmul(x, y), np.matmul, (X, Y.reshape(4, 6)[:, :5])),
    Case("matmul(1,)", lambda o, x, y: o.matmul(x, y), np.matmul, (Y[:1, :, :2], X.reshape(3, 2, 4))),
    *(
        Case(
            f"vector_norm(ord={p})",
            lambda o, x, p=p: o.vector_norm(x, axis=1, ord=p),
            lambda x, p=p: np.linalg.norm(x, p, 1),
            (Y,),
        )
        for p in (0.5, 1, 2.5, INF)
    ),
    Case("scan", scanned, scanned_by_numpy, (X, Y[:, 0], Y[:, 1])),
    Case("multiply_no_nan", lambda o, x, y: o.multiply_no_nan(x, y), np.multiply, (X, Y)),
    *reductions(),
]

EXTREME = [[1e4, 1e4, 3], [-1e4, -2e4, -1e4], [-INF, 1, 1], [2, 2, 2], [-INF, 0, -INF]]
SOFTMAX = np.array([[0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5], [1 / 3] * 3, [0, 1, 0]])
LOG2, LOG3 = np.log(2), np.log(3)
LOG_SOFTMAX = [[-LOG2, -LOG2, 3 - 1e4 - LOG2], [-LOG2, -1e4 - LOG2, -LOG2], [-INF, -LOG2, -LOG2], [-LOG3] * 3]
EMPTY = np.zeros((0, 3))
# Enough entries that an unstable sort shows itself.
TIES = RNG.integers(0, 5, 700).astype("float64")

EDGES = [
    Edge(
        "relu edge",
        lambda o, x: o.relu(x),
        [[0.0, -0.0, -1, 2, INF, -INF, NAN]],
        [0, 0, 0, 2, INF, 0, NAN],
        [[0, 0, 0, 1, 1, 0, None]],
    ),
    Edge(
        "abs edge",
        lambda o, x: o.abs(x),
        [[0.0, -0.0, -2, 3, INF, -INF, NAN]],
        [0, 0, 2, 3, INF, INF, NAN],
        [[0, 0, -1, 1, 1, -1, None]],
    ),
    Edge(
        "clip edge",
        lambda o, x: o.clip(x, -1, 1),
        [[-1, 1, -2, 2, 0.5, INF, NAN]],
        [-1, 1, -1, 1, 0.5, 1, NAN],
        [[1, 1, 0, 0, 1, 0, None]],
    ),
    Edge("clip(min) edge", lambda o, x: o.clip(x, min=0.5), [[0.5, -1, INF]], [0.5, 0.5, INF], [[1, 0, 1]]),
    Edge("clip(max) edge", lambda o, x: o.clip(x, max=0.5), [[0.5, -INF, 2]], [0.5, -INF, 0.5], [[1, 1, 0]]),
    *(
        Edge(
            f"positive_part({slope}) edge",
            lambda o, x, slope=slope: o.positive_part(x, gradient_at_zero=slope),
            [[0.0, -0.0, -1, 2, INF, -INF, NAN]],
            [0, 0, 0, 2, INF, 0, NAN],
            [[slope, slope, 0, 1, 1, 0, None]],
        )
        for slope in (0, 0.5, 1)
    ),
    *(
        Edge(f"pow({p}) edge", lambda o, x, p=p: o.pow(x, p), [[0, 0.25, 4]], value, [gradient])
        for p, value, gradient in (
            (0, [1, 1, 1], [0, 0, 0]),
            (0.5, [0, 0.5, 2], [None, 1, 0.25]),
            (1, [0, 0.25, 4], [1, 1, 1]),
            (1.5, [0, 0.125, 8], [0, 0.75, 3]),
            (2, [0, 0.0625, 16], [0, 0.5, 8]),
            (3.0, [0, 1 / 64, 64], [0, 3 / 16, 48]),
        )
    ),
    Edge(
        "sigmoid edge",
        lambda o, x: o.sigmoid(x),
        [[0.0, -0.0, 1e4, -1e4, INF, -INF, NAN]],
        [0.5, 0.5, 1, 0, 1, 0, NAN],
        [[0.25, 0.25, 0, 0, 0, 0, None]],
    ),
    Edge(
        "log_sigmoid edge",
        lambda o, x: o.log_sigmoid(x),
        [[0.0, -0.0, 1e4, -1e4, INF, -INF, NAN]],
        [-LOG2, -LOG2, 0, -1e4, 0, -INF, NAN],
        [[0.5, 0.5, 0, 1, 0, 1, None]],
    ),
    Edge(
        "softmax edge",
        lambda o, x: o.softmax(x, axis=1) * o.softmax(x, axis=1),
        [[[1e4, 1e4, 3], [-1e4, -2e4, -1e4], [-INF, 1, 1], [-INF, 0, -INF]]],
        [[0.25, 0.25, 0], [0.25, 0, 0.25], [0, 0.25, 0.25], [0, 1, 0]],
        [np.zeros((4, 3))],
    ),
    Edge(
        "xlogy edge",
        lambda o, x, y: o.xlogy(x, y),
        [[0.0, -0.0, 0, 0, 0, 2, -3, 0], [0.0, 0.0, -1, INF, 4, 0.0, 0.5, NAN]],
        [0, 0, 0, 0, 0, -INF, 3 * LOG2, NAN],
        [[0, 0, 0, 0, 2 * LOG2, -INF, -LOG2, None], [0, 0, 0, 0, 0, INF, -6, None]],
    ),
    Edge(
        "even_max edge",
        lambda o, x: o.even_max(x, axis=1),
        [
            [
                [3, 1, 3],
                [-INF, 2, -INF],
                [-0.7, -0.7, -0.7],
                [0.0, -0.0, -1],
                [INF, 5, INF],
                [-INF, -INF, -INF],
            ]
        ],
        [3, 2, -0.7, 0, INF, -INF],
        [[[0.5, 0, 0.5], [0, 1, 0], [1 / 3] * 3, [0.5, 0.5, 0], [0.5, 0, 0.5], [1 / 3] * 3]],
    ),
    Edge(
        "argsort edge",
        lambda o, x: o.astype(o.argsort(x, axis=0), o.dtype(x)),
        [TIES],
        np.argsort(TIES, kind="stable"),
        [TIES * 0],
    ),
    Edge("sort edge", lambda o, x: o.sort(x, axis=0), [[3, INF, 1, -INF]], [-INF, 1, 3, INF], [[1, 1, 1, 1]]),
    Edge(
        "replace_gradient edge",
        lambda o, value, x, gradient: o.sum(3 * o.replace_gradient(value * 1, x * 2, gradient * 1), axis=1),
        [[[2, INF], [4, 5]], [[6, -INF], [8, 9]], [[-2, 3], [0, 7]]],
        [INF, 27],
        [np.zeros((2, 2)), [[-4, 6], [0, 14]], np.zeros((2, 2))],
    ),
    Edge(
        "zero_with_derivative edge",
        lambda o, x, slope: 3 * o.zero_with_derivative(x * 2, slope * 1),
        [[2, -1, 0], [5, -7, 1e4]],
        [0, 0, 0],
        [[30, -42, 6e4], [0, 0, 0]],
    ),
    Edge(
        "gradient edge",
        lambda o, x: o.sum(o.gradient(lambda p, y: y * p.square(y), x * 2), axis=1),
        [[[2, -1], [0, 3]]],
        [60, 108],
        [np.zeros((2, 2))],
    ),
    Edge("max edge", lambda o, x: o.max(x, axis=1), [[[-INF, -3], [5, 2]]], [-3, 5], [[[0, 1], [1, 0]]]),
    Edge(
        "softplus edge",
        lambda o, x: o.softplus(x),
        [[0.0, -0.0, 1e4, -1e4, INF, -INF, NAN]],
        [LOG2, LOG2, 1e4, 0, INF, 0, NAN],
        [[0.5, 0.5, 1, 0, 1, 0, None]],
    ),
    Edge(
        "logsumexp edge",
        lambda o, x: o.logsumexp(x, axis=1),
        [EXTREME],
        [1e4 + LOG2, -1e4 + LOG2, 1 + LOG2, 2 + LOG3, 0],
        [SOFTMAX],
    ),
    Edge(
        "logsumexp(infinite) edge",
        lambda o, x: o.logsumexp(x, axis=1),
        [[[-INF, -INF], [INF, 0], [0, 0]]],
        [-INF, INF, LOG2],
        [[[None, None], [None, None], [0.5, 0.5]]],
    ),
    Edge(
        "log_softmax edge",
        lambda o, x: o.log_softmax(x, axis=1),
        [EXTREME],
        [*LOG_SOFTMAX, [-INF, 0, -INF]],
        [1 - 3 * SOFTMAX],
    ),
    Edge(
        "multiply_no_nan edge",
        lambda o, x, y: o.multiply_no_nan(x, y),
        [[INF, -INF, INF, 2, NAN, 3], [0.0, 0.0, 3, 0.0, 0.0, -0.0]],
        [0, 0, INF, 0, NAN, 0],
        [[0, 0, 3, 0, None, 0], [0, 0, INF, 2, None, 3]],
    ),
    Edge(
        "vector_norm edge",
        lambda o, x: o.vector_norm(x, axis=1),
        [[[0, 0, 0], [3, 0, 4]]],
        [0, 5],
        [[[0, 0, 0], [0.6, 0, 0.8]]],
    ),
    *(
        Edge(
            f"vector_norm(ord={p}) edge",
            lambda o, x, p=p: o.vector_norm(x, axis=1, ord=p),
            [[[0, 0, 0], [4, 0, -4]]],
            [0, value],
            [[[0, 0, 0], [slope, 0, -slope]]],
        )
        for p, value, slope in ((0.5, 16, 2), (1, 8, 1), (3, 4 * 2 ** (1 / 3), 2 ** (-2 / 3)), (INF, 4, 0.5))
    ),
    Edge("stop_gradient edge", lambda o, x: o.stop_gradient(x) * x, [[2, -3]], [4, 9], [[2, -3]]),
    Edge("mean(empty) edge", lambda o, x: o.mean(x), [EMPTY], NAN, [EMPTY]),
    Edge("mean(empty, 0) edge", lambda o, x: o.mean(x, axis=0), [EMPTY], [NAN] * 3, [EMPTY]),
    Edge("sum(empty) edge", lambda o, x: o.sum(x, axis=0), [EMPTY], [0] * 3, [EMPTY]),
]


def tensor(backend, x, dtype):
    for gap in (dtype, f"{dtype} arithmetic"):
        if gap in backend.unsupported:
            pytest.skip(backend.unsupported[gap])
    return backend.asarray(np.asarray(x, "float64"), dtype=dtype)


def run(backend, call, *inputs):
    return backend.guard(lambda *xs: call(backend, *xs))(*inputs)


def differentiate(backend, call, *inputs, argnums):
    """The value of a call and the gradients of its sum."""

    def function(*xs):
        # autograd hands NumPy boxes, which have a backend of their own.
        return run(next((b for b in map(backend_of, xs) if b is not None), backend), call, *xs)

    return backend.value_and_grad(function, argnums, inputs)


def attempt(backend, call, weights, *inputs):
    """The value of a call and the gradients of its weighted sum, or what went wrong."""

    def weighted(o, weights, *xs):
        return call(o, *xs) * weights

    try:
        value = run(backend, call, *inputs)
        argnums = tuple(range(1, len(inputs) + 1))
        return value, differentiate(backend, weighted, weights, *inputs, argnums=argnums)[1]
    except Exception as error:  # noqa: BLE001  the other cases are still of interest
        return error


def program_and_inputs(backend, dtype):
    """All cases and edges as one function of nested tensors, and the tensors."""
    inputs = [[tensor(backend, x, dtype) for x in (item.weights, *item.inputs)] for item in (*CASES, *EDGES)]

    def program(inputs):
        return [attempt(backend, item.call, *xs) for item, xs in zip((*CASES, *EDGES), inputs, strict=True)]

    return program, inputs


@functools.cache
def outcomes(backend, dtype):
    program, inputs = program_and_inputs(backend, dtype)
    # JAX compiles every op for every shape by itself, unless it gets them all at once.
    results = (backend.framework.jit(program) if backend.name == "jax" else program)(inputs)
    return {item.name: pair for item, *pair in zip((*CASES, *EDGES), inputs, results, strict=True)}


def check(backend, item, dtype, inputs, result):
    if isinstance(result, Exception):
        raise result
    value, gradients = result
    assert {backend.dtype(x) for x in (value, *gradients)} == {dtype}
    assert tuple(backend.shape(value)) == item.weights.shape
    inputs, gradients = ([backend.to_numpy(x) for x in xs] for xs in (inputs[1:], gradients))
    item.check(inputs, backend.to_numpy(value), gradients, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
@pytest.mark.parametrize("item", [*CASES, *EDGES], ids=lambda item: item.name)
def test_value_and_gradient(backend, item, dtype):
    tensor(backend, 0, dtype)
    check(backend, item, dtype, *outcomes(backend, dtype)[item.name])


@pytest.mark.backends("tensorflow")
@pytest.mark.parametrize("xla", [False, True])
def test_any_batch_size_in_a_traced_function(backend, xla):
    tf = backend.framework
    program, inputs = program_and_inputs(backend, "float32")
    of_any_batch = tf.nest.map_structure(
        lambda x: tf.TensorSpec([None, *x.shape[1:]] if x.shape.rank else [], x.dtype), inputs
    )
    results = tf.function(program, input_signature=[of_any_batch], jit_compile=xla)(inputs)
    for item, xs, result in zip((*CASES, *EDGES), inputs, results, strict=True):
        check(backend, item, "float32", xs, result)


def replaced_gradient(backend, trace):
    """The value, and the gradients by both inputs, of a traced function that replaces one of them."""

    def program(value, x, gradient):
        return backend.sum(3 * backend.replace_gradient(value, x * 2, gradient))

    arrays = ([[2, 3], [4, 5]], [[6, 7], [8, 9]], [[-2, 3], [0, 7]])
    inputs = [backend.asarray(np.array(x, "float32")) for x in arrays]
    value, gradients = backend.value_and_grad(trace(program), (0, 1), inputs)
    return float(backend.to_numpy(value)), [backend.to_numpy(g).tolist() for g in gradients]


REPLACED = (42.0, [[[0, 0], [0, 0]], [[-4, 6], [0, 14]]])


# What torch 2.13's and Paddle 3.3's tracers say of themselves.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Tensor do not have 'place' interface:UserWarning")
@pytest.mark.backends("torch", "paddle")
def test_a_replaced_gradient_survives_tracing(backend):
    # Paddle's own way to define a gradient loses it there, without a word.
    trace = {
        "torch": lambda f: backend.framework.compile(f, fullgraph=True, backend="aot_eager"),
        "paddle": lambda f: backend.framework.jit.to_static(f, full_graph=True),
    }[backend.name]
    assert replaced_gradient(backend, trace) == REPLACED


@pytest.mark.backends("mindspore")
def test_a_replaced_gradient_survives_tracing_in_mindspore(backend, tmp_path):
    # In a process of its own: after many other operations MindSpore 2.10.0 fails to trace, and what it
    # runs from then on in that process fails too, or crashes it.
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import test_ops, unified_loss as ul\n"
        "backend = ul.get_backend('mindspore')\n"
        "trace = lambda f: backend.framework.jit(f, capture_mode='trace')\n"
        "assert test_ops.replaced_gradient(backend, trace) == test_ops.REPLACED\n"
    )
    # MindSpore looks for the source of what it traces.
    file = tmp_path / "program.py"
    file.write_text(program)
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sigmoid_keeps_relative_precision_in_both_tails(backend, dtype):
    x, eps = np.array([-60.0, -20.3, -8.0, -0.5, 0.5, 4.0, 8.0, 25.0, 60.0]), np.finfo(dtype).eps
    results = differentiate(backend, lambda o, x: o.sigmoid(x), tensor(backend, x, dtype), argnums=(0,))
    value, gradient = map(backend.to_numpy, (results[0], *results[1]))
    x = x.astype(dtype).astype("float64")
    np.testing.assert_allclose(value, 1 / (1 + np.exp(-x)), rtol=4 * eps)
    np.testing.assert_allclose(gradient, 1 / (2 + np.exp(-x) + np.exp(x)), rtol=8 * eps)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softplus_keeps_relative_precision_in_its_tail(backend, dtype):
    x, eps = np.array([-20.0, -8.0, -0.5, 0.5, 4.0, 8.0, 14.0, 25.0]), np.finfo(dtype).eps
    results = differentiate(backend, lambda o, x: o.softplus(x), tensor(backend, x, dtype), argnums=(0,))
    value, gradient = map(backend.to_numpy, (results[0], *results[1]))
    np.testing.assert_allclose(value, np.logaddexp(0, x), rtol=4 * eps)
    np.testing.assert_allclose(gradient, 1 / (1 + np.exp(-x)), rtol=4 * eps)


A, B = np.array([1.0, 2.0, NAN, INF]), np.array([2.0, 2.0, 2.0, -INF])
P, Q = np.array([False, False, True, True]), np.array([False, True, False, True])


@pytest.mark.parametrize(
    ("call", "inputs", "expected"),
    [
        (lambda o, x: o.isinf(x), (np.array([INF, -INF, NAN, 0, 1e4]),), [1, 1, 0, 0, 0]),
        (lambda o, p, q: o.logical_and(p, q), (P, Q), [0, 0, 0, 1]),
        (lambda o, p, q: o.logical_or(p, q), (P, Q), [0, 1, 1, 1]),
        (lambda o, p: o.logical_not(p), (P,), [1, 1, 0, 0]),
        (lambda o, p: o.any(p), (P.reshape(2, 2),), True),
        (lambda o, p: o.any(p), (P[:2],), False),
        (lambda o, p: o.any(p), (P[:0],), False),
        (lambda o, p: o.all(p), (P.reshape(2, 2),), False),
        (lambda o, p: o.all(p), (P[2:],), True),
        (lambda o, p: o.all(p), (P[:0],), True),
        (lambda o, x: o.isnan(x), (np.array([INF, -INF, NAN, 0, 1e4]),), [0, 0, 1, 0, 0]),
        (lambda o, x, y: o.equal(x, y), (A, B), [0, 1, 0, 0]),
        (lambda o, x: o.equal(x, 1.0), (np.array([1 - 2.0**-53, 1, 1 + 2.0**-52, NAN]),), [0, 1, 0, 0]),
        (lambda o, x: o.equal(x, 0.0), (np.array([1e-16, -0.0, 1e-300]),), [0, 1, 0]),
        (lambda o, x, y: x < y, (A, B), [1, 0, 0, 0]),
        (lambda o, x, y: x <= y, (A, B), [1, 1, 0, 0]),
        (lambda o, x, y: x > y, (A, B), [0, 0, 0, 1]),
        (lambda o, x, y: x >= y, (A, B), [0, 1, 0, 1]),
        (lambda o, x, y: x == y, (A, B), [0, 1, 0, 0]),
        (lambda o, x, y: x != y, (A, B), [1, 0, 1, 1]),
        (lambda o, x: x > 1.5, (A,), [0, 1, 0, 1]),
        (lambda o, x: x == 2, (np.array([[1], [2]]),), [[0], [1]]),
    ],
)
def test_truth(backend, call, inputs, expected):
    def masked(o, *xs):
        mask = call(o, *xs)
        assert o.dtype(mask) == "bool"
        return mask

    # What runs as a loss has the dtype of its input.
    result = backend.to_numpy(run(backend, masked, *map(backend.asarray, inputs)))
    np.testing.assert_array_equal(result.astype(bool), np.array(expected, bool), strict=True)
