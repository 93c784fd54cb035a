"""Every op on every backend, in every float dtype: values, gradients, and the edges that ops.py states."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from unified_loss.dispatch import backend_of
from unified_loss.errors import UnsupportedOperation
from unified_loss.ops import DTYPES, FLOAT_DTYPES, LARGEST_FINITE, Ops

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
LAST = np.array([[[3, 0], [1, 1], [2, 3]], [[0, 2], [3, 3], [1, 0]]])


@dataclass(frozen=True)
class Case:
    """A call of an op and the same in NumPy; what is not a float array stands in the call."""

    name: str
    call: Callable[..., Any]
    reference: Callable[..., Any]
    inputs: tuple[np.ndarray, ...] = (X,)


def logsumexp(x, **how):
    return np.log(np.sum(np.exp(x), **how))


def reductions():
    references = {
        "sum": np.sum,
        "mean": np.mean,
        "max": np.max,
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
    Case("log", lambda o, x: o.log(x), np.log, (POSITIVE,)),
    Case("log1p", lambda o, x: o.log1p(x), np.log1p, (POSITIVE,)),
    Case("sqrt", lambda o, x: o.sqrt(x), np.sqrt, (POSITIVE,)),
    Case("clip", lambda o, x: o.clip(x, -1, 1.5), lambda x: np.clip(x, -1, 1.5)),
    Case("clip(min)", lambda o, x: o.clip(x, min=-0.125), lambda x: np.maximum(x, -0.125)),
    Case("clip(max)", lambda o, x: o.clip(x, max=0.25), lambda x: np.minimum(x, 0.25)),
    Case("maximum", lambda o, x, y: o.maximum(x, y), np.maximum, (X, Y)),
    Case("where", lambda o, x, y: o.where(x > y, y, x * 2), lambda x, y: np.where(x > y, y, x * 2), (X, Y)),
    Case("where(number,)", lambda o, x: o.where(x > 0, 0.25, x), lambda x: np.where(x > 0, 0.25, x)),
    Case("where(, number)", lambda o, x: o.where(x > 0, x, -2), lambda x: np.where(x > 0, x, -2)),
    Case("where(row)", lambda o, x, r: o.where(r > 1, x, r), lambda x, r: np.where(r > 1, x, r), (X, ROW)),
    Case("arithmetic", lambda o, x, y: -x * y + x / y - 2.5 * y, lambda x, y: -x * y + x / y - 2.5 * y, (X, Y)),
    Case("numbers", lambda o, x: 1 - x + 2 / x - (x - 3) / 4, lambda x: 1 - x + 2 / x - (x - 3) / 4),
    Case("constant", lambda o, x: x * o.constant(np.pi, o.dtype(x)), lambda x: x * np.pi),
    Case("broadcasting", lambda o, x, r: x * r - r, lambda x, r: x * r - r, (X, ROW)),
    Case("reshape", lambda o, x: o.reshape(x, (4, 6)), lambda x: x.reshape(4, 6)),
    Case("reshape(-1)", lambda o, x: o.reshape(x, (-1, 3)), lambda x: x.reshape(-1, 3)),
    Case("reshape(())", lambda o, x: o.reshape(x, ()), lambda x: x.reshape(()), (X[:1, 0, :1],)),
    Case("expand_dims(1)", lambda o, x: o.expand_dims(x, axis=1), lambda x: x[:, None]),
    Case("expand_dims(-1)", lambda o, x: o.expand_dims(x, axis=-1), lambda x: x[..., None]),
    Case("squeeze(0)", lambda o, x: o.squeeze(x, 0), lambda x: x[0], (X[:1, :, :1],)),
    Case("squeeze(-1)", lambda o, x: o.squeeze(x, -1), lambda x: x[..., 0], (X[:1, :, :1],)),
    Case("permute_dims", lambda o, x: o.permute_dims(x, (2, 0, 1)), lambda x: x.transpose(2, 0, 1)),
    Case("broadcast_to", lambda o, x: o.broadcast_to(x, (2, 3, 4)), lambda x: np.zeros((2, 3, 4)) + x, (ROW,)),
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
    Case("multiply_no_nan", lambda o, x, y: o.multiply_no_nan(x, y), np.multiply, (X, Y)),
    *reductions(),
]

EXTREME = [[1e4, 1e4, 3], [-1e4, -2e4, -1e4], [-INF, 1, 1], [2, 2, 2], [-INF, 0, -INF]]
SOFTMAX = np.array([[0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5], [1 / 3] * 3, [0, 1, 0]])
LOG2, LOG3 = np.log(2), np.log(3)
LOG_SOFTMAX = [[-LOG2, -LOG2, 3 - 1e4 - LOG2], [-LOG2, -1e4 - LOG2, -LOG2], [-INF, -LOG2, -LOG2], [-LOG3] * 3]
EMPTY = np.zeros((0, 3))

# The op, inputs, what it must give, and the gradient of the sum of that by each input; None is unspecified.
EDGES = {
    "relu": (
        lambda o, x: o.relu(x),
        [[0.0, -0.0, -1, 2, INF, -INF, NAN]],
        [0, 0, 0, 2, INF, 0, NAN],
        [[0, 0, 0, 1, 1, 0, None]],
    ),
    "abs": (
        lambda o, x: o.abs(x),
        [[0.0, -0.0, -2, 3, INF, -INF, NAN]],
        [0, 0, 2, 3, INF, INF, NAN],
        [[0, 0, -1, 1, 1, -1, None]],
    ),
    "clip": (
        lambda o, x: o.clip(x, -1, 1),
        [[-1, 1, -2, 2, 0.5, INF, NAN]],
        [-1, 1, -1, 1, 0.5, 1, NAN],
        [[1, 1, 0, 0, 1, 0, None]],
    ),
    "clip(min)": (lambda o, x: o.clip(x, min=0.5), [[0.5, -1, INF]], [0.5, 0.5, INF], [[1, 0, 1]]),
    "clip(max)": (lambda o, x: o.clip(x, max=0.5), [[0.5, -INF, 2]], [0.5, -INF, 0.5], [[1, 1, 0]]),
    "max": (lambda o, x: o.max(x, axis=1), [[[-INF, -3], [5, 2]]], [-3, 5], [[[0, 1], [1, 0]]]),
    "softplus": (
        lambda o, x: o.softplus(x),
        [[0.0, -0.0, 1e4, -1e4, INF, -INF, NAN]],
        [LOG2, LOG2, 1e4, 0, INF, 0, NAN],
        [[0.5, 0.5, 1, 0, 1, 0, None]],
    ),
    "logsumexp": (
        lambda o, x: o.logsumexp(x, axis=1),
        [EXTREME],
        [1e4 + LOG2, -1e4 + LOG2, 1 + LOG2, 2 + LOG3, 0],
        [SOFTMAX],
    ),
    "logsumexp(infinite)": (
        lambda o, x: o.logsumexp(x, axis=1),
        [[[-INF, -INF], [INF, 0], [0, 0]]],
        [-INF, INF, LOG2],
        [[[None, None], [None, None], [0.5, 0.5]]],
    ),
    "log_softmax": (
        lambda o, x: o.log_softmax(x, axis=1),
        [EXTREME],
        [*LOG_SOFTMAX, [-INF, 0, -INF]],
        [1 - 3 * SOFTMAX],
    ),
    "multiply_no_nan": (
        lambda o, x, y: o.multiply_no_nan(x, y),
        [[INF, -INF, INF, 2, NAN, 3], [0.0, 0.0, 3, 0.0, 0.0, -0.0]],
        [0, 0, INF, 0, NAN, 0],
        [[0, 0, 3, 0, None, 0], [0, 0, INF, 2, None, 3]],
    ),
    "vector_norm": (
        lambda o, x: o.vector_norm(x, axis=1),
        [[[0, 0, 0], [3, 0, 4]]],
        [0, 5],
        [[[0, 0, 0], [0.6, 0, 0.8]]],
    ),
    "stop_gradient": (lambda o, x: o.stop_gradient(x) * x, [[2, -3]], [4, 9], [[2, -3]]),
    "mean(empty)": (lambda o, x: o.mean(x), [EMPTY], NAN, [EMPTY]),
    "mean(empty, 0)": (lambda o, x: o.mean(x, axis=0), [EMPTY], [NAN] * 3, [EMPTY]),
    "sum(empty)": (lambda o, x: o.sum(x, axis=0), [EMPTY], [0] * 3, [EMPTY]),
}


def tensor(backend, x, dtype):
    for gap in (dtype, f"{dtype} arithmetic"):
        if gap in backend.unsupported:
            pytest.skip(backend.unsupported[gap])
    return backend.asarray(np.asarray(x, "float64"), dtype=dtype)


def run(backend, call, *inputs):
    return backend.guard(lambda *xs: call(backend, *xs))(*inputs)


def differentiate(backend, call, *inputs, argnums=None):
    """The value of a call and the gradients of its sum, in NumPy."""

    def function(*xs):
        # autograd hands NumPy boxed, and boxes have a backend of their own.
        ops = next((b for b in map(backend_of, xs) if b is not None), backend)
        return run(ops, call, *xs)

    argnums = tuple(range(len(inputs))) if argnums is None else argnums
    value, grads = backend.value_and_grad(function, argnums, inputs)
    assert [backend.dtype(g) for g in grads] == [backend.dtype(inputs[i]) for i in argnums]
    return backend.to_numpy(value), [backend.to_numpy(g) for g in grads]


def assert_agrees(actual, expected, tolerance):
    expected = np.asarray(expected, dtype=object)
    assert actual.shape == expected.shape
    stated = np.not_equal(expected, None)
    a, e = (array[stated].astype("float64") for array in (actual, expected))
    np.testing.assert_allclose(a, e, tolerance, tolerance)


def check(backend, case, dtype):
    """Hold the value against NumPy's, and the gradients against central differences of NumPy's."""
    inputs = [tensor(backend, x, dtype) for x in case.inputs]
    rounded = [backend.to_numpy(x).astype("float64") for x in inputs]
    expected = np.asarray(case.reference(*rounded))
    result = run(backend, case.call, *inputs)
    assert (backend.dtype(result), tuple(backend.shape(result))) == (dtype, expected.shape)
    assert_agrees(backend.to_numpy(result), expected, TOLERANCE[dtype])

    # Unequal weights tell gradients in the wrong places from those in the right ones; eighths are exact.
    weights = np.arange(1, expected.size + 1).reshape(expected.shape) / 8
    weight = tensor(backend, weights, dtype)
    _, grads = differentiate(backend, lambda o, *xs: case.call(o, *xs) * weight, *inputs)
    for i, gradient in enumerate(grads):
        difference, step = np.zeros_like(rounded[i]), 1e-5
        for position in np.ndindex(difference.shape):
            nudge = np.zeros_like(difference)
            nudge[position] = step
            up, down = ([x + sign * nudge if j == i else x for j, x in enumerate(rounded)] for sign in (1, -1))
            slope = (case.reference(*up) - case.reference(*down)) / (2 * step)
            difference[position] = np.sum(slope * weights)
        assert_agrees(gradient, difference, max(TOLERANCE[dtype], 1e-7))


@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_value_and_gradient(backend, case, dtype):
    check(backend, case, dtype)


@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
@pytest.mark.parametrize("index_dtype", ["int32", "int64"])
@pytest.mark.parametrize(("indices", "axis"), [(FIRST, 0), (MIDDLE, 1), (LAST, 2), (LAST, -1)])
def test_take_along_axis(backend, indices, axis, index_dtype, dtype):
    labels = backend.asarray(indices.astype(index_dtype))
    call = lambda o, x: o.take_along_axis(x, labels, axis=axis)
    check(backend, Case("take", call, lambda x: np.take_along_axis(x, indices, axis)), dtype)


@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
@pytest.mark.parametrize("edge", EDGES)
def test_edge(backend, edge, dtype):
    call, inputs, expected, gradients = EDGES[edge]
    tensors = [tensor(backend, x, dtype) for x in inputs]
    assert_agrees(backend.to_numpy(run(backend, call, *tensors)), expected, TOLERANCE[dtype])
    value, grads = differentiate(backend, call, *tensors)
    for actual, stated in zip([value, *grads], [expected, *gradients], strict=True):
        assert_agrees(actual, stated, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softplus_keeps_relative_precision_in_its_tail(backend, dtype):
    x, eps = np.array([-20.0, -8.0, -0.5, 0.5, 4.0, 8.0, 14.0]), np.finfo(dtype).eps
    value, (gradient,) = differentiate(backend, lambda o, x: o.softplus(x), tensor(backend, x, dtype))
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
    result = run(backend, call, *map(backend.asarray, inputs))
    np.testing.assert_array_equal(backend.to_numpy(result), np.array(expected, bool), strict=True)


# --------------------------------------------------------------------------------- tensors


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d != "bfloat16"])
def test_numpy_arrays_round_trip(backend, dtype):
    # The limits of a dtype, which no detour through another keeps.
    if dtype == "bool":
        array = np.array([[True, False, True]])
    elif dtype in FLOAT_DTYPES:
        array = np.array([[0.5, -3, LARGEST_FINITE[dtype], -INF, NAN]], dtype)
    else:
        array = np.array([[np.iinfo(dtype).min, 7, np.iinfo(dtype).max]], dtype)
    if dtype in backend.unsupported:
        with pytest.raises(UnsupportedOperation):
            backend.asarray(array)
        return
    array.flags.writeable = False
    for x in (array, array.T, array[:, ::2], array[:, :0], array[0, 1], np.array(array[0, 2])):
        t = backend.asarray(x)
        assert backend.is_tensor(t)
        assert backend.is_concrete(t)
        assert (backend.dtype(t), tuple(backend.shape(t))) == (dtype, x.shape)
        np.testing.assert_array_equal(backend.to_numpy(t), np.asarray(x), strict=True)


@pytest.mark.parametrize(
    ("x", "dtype", "expected"),
    [
        ([[0.1, 2]], None, "float32"),
        (1.5, None, "float32"),
        ([1, 2], None, "int64"),
        (3, None, "int64"),
        ([[True], [False]], None, "bool"),
        ([], None, "float32"),
        ([1, 0, 3], "float32", "float32"),
        ([0.1, 2], "float64", "float64"),
        ([0.1, 2], "float16", "float16"),
        ([1, 2], "int32", "int32"),
        (np.float64(0.1), None, "float64"),
        (np.array([0.1]), "float32", "float32"),
    ],
)
def test_asarray(backend, x, dtype, expected):
    for like in (None, backend.asarray([True])):
        t = backend.asarray(x, dtype=dtype, like=like)
        assert backend.dtype(t) == expected
        np.testing.assert_array_equal(backend.to_numpy(t), np.array(x, expected), strict=True)


@pytest.mark.parametrize("x", [np.array([1j]), np.array(["a"]), ["a"], np.array([None])])
def test_asarray_refuses_what_is_not_numeric(backend, x):
    with pytest.raises(UnsupportedOperation):
        backend.asarray(x)


def test_bfloat16_widens_to_float32(backend):
    if "bfloat16" in backend.unsupported:
        with pytest.raises(UnsupportedOperation):
            backend.asarray([0.5], dtype="bfloat16")
        return
    # 257 = 2**8 + 1 is the first integer too precise for it.
    t = backend.asarray([257.0, -0.5, LARGEST_FINITE["bfloat16"]], dtype="bfloat16")
    expected = np.array([256, -0.5, LARGEST_FINITE["bfloat16"]], "float32")
    assert backend.dtype(t) == "bfloat16"
    np.testing.assert_array_equal(backend.to_numpy(t), expected, strict=True)


@pytest.mark.parametrize(
    ("source", "values", "target", "expected"),
    [
        ("float32", [-1.7, 1.7, -0.5, 2], "int32", [-1, 1, 0, 2]),
        ("float64", [-1.7, 1.7, -0.5, 2], "int64", [-1, 1, 0, 2]),
        ("int64", [3, -2], "float32", [3, -2]),
        ("int32", [3, -2], "int64", [3, -2]),
        ("bool", [True, False], "float64", [1, 0]),
        ("float64", [0.1], "float32", [0.1]),
        ("float32", [0.1], "float16", [0.1]),
        ("float16", [0.5], "float32", [0.5]),
    ],
)
def test_astype(backend, source, values, target, expected):
    result = backend.astype(backend.asarray(values, dtype=source), target)
    np.testing.assert_array_equal(backend.to_numpy(result), np.array(expected, target), strict=True)


@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
def test_gradient_passes_through_a_cast(backend, dtype):
    if dtype in backend.unsupported:
        pytest.skip(backend.unsupported[dtype])
    x = backend.asarray([0.5, 2.0], dtype=dtype)
    value, (gradient,) = differentiate(backend, lambda o, x: o.square(o.astype(x, "float32")), x)
    assert (value.tolist(), gradient.tolist()) == ([0.25, 4], [1, 4])


@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
def test_eye_takes_its_dtype_from_like(backend, dtype):
    result = backend.eye(3, like=tensor(backend, [[0.0]], dtype))
    assert backend.dtype(result) == dtype
    np.testing.assert_array_equal(backend.to_numpy(result), np.eye(3))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_where_keeps_integers(backend, dtype):
    labels = backend.asarray([3, -100, 7], dtype=dtype)
    result = run(backend, lambda o, x: o.where(x == -100, 0, x), labels)
    np.testing.assert_array_equal(backend.to_numpy(result), np.array([3, 0, 7], dtype), strict=True)


def test_is_tensor_of_its_own_framework_only(backend):
    assert not any(map(backend.is_tensor, ([1.0], 1.0, None, "float32")))
    assert backend.is_tensor(np.zeros(2)) == (backend.name == "numpy")


def test_from_dlpack(backend):
    # TensorFlow shares only memory that is aligned to 64 bytes, which NumPy does not promise.
    buffer = np.zeros(64, "float32")
    start = -buffer.ctypes.data % 64 // 4
    x = buffer[start : start + 6].reshape(2, 3)
    x[:] = [[1, 2, 3], [4, 5, 6]]
    if "dlpack" in backend.unsupported:
        with pytest.raises(UnsupportedOperation):
            backend.from_dlpack(x)
        return
    t = backend.from_dlpack(x)
    assert backend.is_tensor(t)
    np.testing.assert_array_equal(backend.to_numpy(t), x, strict=True)


# ------------------------------------------------------------------------------- gradients


def test_value_and_grad_follows_argnums(backend):
    x, y, z = (backend.asarray(v, dtype="float32") for v in ([1, 2], [[3], [4]], [5, 6]))
    labels = backend.asarray([0, 1])
    call = lambda o, x, y, z, labels: x * x * y + z * 0.5 * y + o.astype(labels, "float32")
    value, (by_z, by_x) = differentiate(backend, call, x, y, z, labels, argnums=(2, 0))
    assert value.tolist() == [[10.5, 22], [14, 29]]
    assert (by_z.tolist(), by_x.tolist()) == ([3.5, 3.5], [14, 28])
    _, (by_y,) = differentiate(backend, call, x, y, z, labels, argnums=(1,))
    assert by_y.tolist() == [[10.5], [10.5]]


def test_gradient_by_what_is_not_used_is_zero(backend):
    x, y = backend.asarray([[1.0, 2.0]]), backend.asarray([3.0])
    _, (by_x, by_y) = differentiate(backend, lambda o, x, y: y * 2, x, y)
    assert (by_x.tolist(), by_y.tolist()) == ([[0, 0]], [2])
    value, (by_x,) = differentiate(backend, lambda o, x, y: o.stop_gradient(x) * y, x, y, argnums=(0,))
    assert (value.tolist(), by_x.tolist()) == ([[3, 6]], [[0, 0]])


def test_value_and_grad_leaves_its_arguments_as_they_were(backend):
    x = backend.asarray([1.0, -2.0])
    first, second = (differentiate(backend, lambda o, x: o.square(x), x)[1][0].tolist() for _ in range(2))
    assert first == second == [2, -4]
    assert backend.to_numpy(x).tolist() == [1, -2]


@pytest.mark.backends("tensorflow", "jax")
def test_ops_in_a_traced_function(backend):
    concrete = []

    def program(*xs):
        concrete.append(any(map(backend.is_concrete, xs)))
        assert all(map(backend.is_tensor, xs))
        left, results = iter(xs), []
        for case in CASES:
            own = tuple(itertools.islice(left, len(case.inputs)))
            function = lambda *a, case=case: run(backend, case.call, *a)
            value, grads = backend.value_and_grad(function, tuple(range(len(own))), own)
            results += [value, *grads]
        return results

    inputs = [backend.asarray(x, dtype="float32") for case in CASES for x in case.inputs]
    eager = program(*inputs)
    if backend.name == "jax":
        compiled = [backend.framework.jit(program)]
    else:
        tf = backend.framework
        of_any_batch = [tf.TensorSpec([None, *x.shape[1:]], "float32") for x in inputs]
        compiled = [tf.function(program, input_signature=of_any_batch, jit_compile=xla) for xla in (False, True)]
    for function in compiled:
        for actual, expected in zip(function(*inputs), eager, strict=True):
            np.testing.assert_allclose(*map(backend.to_numpy, (actual, expected)), 1e-5, 1e-6)
    assert concrete == [True] + [False] * len(compiled)


# --------------------------------------------------------------------------- one framework


@pytest.mark.backends("tensorflow")
def test_shape_is_static_where_known(backend):
    tf, seen = backend.framework, []

    @tf.function(input_signature=[tf.TensorSpec([None, 3], "float32")])
    def program(x):
        seen.extend(backend.shape(x))
        return backend.reshape(x, (3, backend.shape(x)[0]))

    assert program(tf.zeros([5, 3])).shape == (3, 5)
    assert seen[1] == 3
    assert tf.is_symbolic_tensor(seen[0])


@pytest.mark.backends("tensorflow")
def test_a_variable_is_a_tensor(backend):
    x = backend.framework.Variable([[0.5, -2.0, 3.0]])
    labels = backend.asarray([[2]])
    call = lambda o, x: o.take_along_axis(o.where(x > 0, x, 0.0), labels, axis=1)
    assert backend.is_tensor(x)
    value, (gradient,) = differentiate(backend, call, x)
    assert (value.tolist(), gradient.tolist()) == ([[3]], [[0, 0, 1]])


@pytest.mark.backends("tensorflow")
def test_memory_that_would_crash_tensorflow_is_refused(backend):
    buffer = np.zeros(64, "float32")
    start = -buffer.ctypes.data % 64 // 4
    for x in (buffer[start + 1 : start + 9], buffer[start : start + 32].reshape(4, 8)[:, :3]):
        with pytest.raises(UnsupportedOperation):
            backend.from_dlpack(x)


@pytest.mark.backends("jax")
def test_jax_does_not_truncate_in_silence(backend):
    x, big = np.array([0.1]), np.array([2**31])
    calls = (
        lambda: backend.asarray([0.1], dtype="float64"),
        lambda: backend.asarray(x),
        lambda: backend.asarray(big),
        lambda: backend.from_dlpack(x),
        lambda: backend.astype(backend.asarray([0.1]), "float64"),
    )
    with backend.framework.experimental.disable_x64():
        for call in calls:
            with pytest.raises(UnsupportedOperation, match="jax_enable_x64.*JAX_ENABLE_X64=1"):
                call()
        labels = backend.asarray([3, -100, 2**31 - 1])
        assert (backend.dtype(labels), backend.to_numpy(labels).tolist()) == ("int32", [3, -100, 2**31 - 1])


# ------------------------------------------------------------------------------- interface

OPS = {name: f for name, f in vars(Ops).items() if inspect.isfunction(f) and not name.startswith("_")}
DERIVED = {"constant", "softplus", "logsumexp", "log_softmax", "multiply_no_nan", "vector_norm"}


def test_every_op_is_defined_once(backend):
    methods = {name for name in OPS if getattr(type(backend), name) is not OPS[name]}
    assert methods | set(backend.renames) | DERIVED == set(OPS)
    assert not methods & set(backend.renames)


def test_methods_have_the_signatures_of_the_interface(backend):
    def parameters(function):
        return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]

    for kind in type(backend).__mro__[: type(backend).__mro__.index(Ops)]:
        for name, method in vars(kind).items():
            if name in OPS and inspect.isfunction(method):
                assert parameters(method) == parameters(OPS[name]), f"{kind.__name__}.{name}"
