"""Every op on every backend, in every float dtype: values, gradients, and the edges ops.py states."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from unified_loss.backends.base import Backend, UnsupportedOperation
from unified_loss.dispatch import backend_of
from unified_loss.ops import DTYPES, FLOAT_DTYPES, LARGEST_FINITE, Ops

RNG = np.random.default_rng(20261123)
INF, NAN = np.inf, np.nan
# (relative and absolute) of values; gradients, which in float64 meet central differences, of 1e-7 at best.
TOLERANCE = {"float16": 6e-3, "bfloat16": 4e-2, "float32": 5e-6, "float64": 1e-12}

# No two axes of one size; magnitudes well away from the kinks at 0 and from the clip's ends at ±1.
X = RNG.uniform(0.3, 0.8, (2, 3, 4)) * RNG.choice([-1, 1, 2, -2, 3], (2, 3, 4))
Y = X + RNG.uniform(0.2, 0.7, (2, 3, 4)) * RNG.choice([-1, 1], (2, 3, 4))
POSITIVE = np.abs(X)
ROW = RNG.uniform(0.5, 2, (1, 4))
FIRST = RNG.integers(0, 2, (1, 3, 4))
LAST = RNG.permuted(np.tile(np.arange(4), (2, 3, 1)), axis=2)[..., :2]
MIDDLE = np.array([[[0, 2, 1, 1]], [[2, 2, 0, 1]]])


@dataclass(frozen=True)
class Case:
    """An op call, the same in NumPy, and float inputs; arguments of other kinds are in the call."""

    name: str
    call: Callable[..., Any]
    reference: Callable[..., Any]
    inputs: tuple[np.ndarray, ...] = (X,)

    def __str__(self) -> str:
        return self.name


def softplus(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def logsumexp(x: np.ndarray, axis: int, keepdims: bool = False) -> np.ndarray:
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


def reductions() -> list[Case]:
    cases = []
    for keepdims in (False, True):
        for axis in (None, 0, 1, -1, (0, 2), (-1, 1), ()):
            for name in ("sum", "mean"):
                arguments = {"axis": axis, "keepdims": keepdims}
                cases.append(reduction(name, getattr(np, name), arguments))
        for axis in (0, 1, -1):
            arguments = {"axis": axis, "keepdims": keepdims}
            for name, reference in (("max", np.max), ("logsumexp", logsumexp), ("vector_norm", np.linalg.norm)):
                cases.append(reduction(name, reference, arguments))
    return cases


def reduction(name: str, reference: Callable[..., Any], arguments: dict[str, Any]) -> Case:
    label = f"{name}({', '.join(map(str, arguments.values()))})"
    return Case(label, lambda o, x: getattr(o, name)(x, **arguments), lambda x: reference(x, **arguments))


CASES = [
    Case("exp", lambda o, x: o.exp(x), np.exp),
    Case("abs", lambda o, x: o.abs(x), np.abs),
    Case("square", lambda o, x: o.square(x), np.square),
    Case("relu", lambda o, x: o.relu(x), lambda x: np.maximum(x, 0)),
    Case("softplus", lambda o, x: o.softplus(x * 4), lambda x: softplus(x * 4)),
    Case("log", lambda o, x: o.log(x), np.log, (POSITIVE,)),
    Case("log1p", lambda o, x: o.log1p(x), np.log1p, (POSITIVE / 2,)),
    Case("sqrt", lambda o, x: o.sqrt(x), np.sqrt, (POSITIVE,)),
    Case("clip", lambda o, x: o.clip(x, -1, 1.5), lambda x: np.clip(x, -1, 1.5)),
    Case("clip(min)", lambda o, x: o.clip(x, min=-0.1), lambda x: np.maximum(x, -0.1)),
    Case("clip(max)", lambda o, x: o.clip(x, max=0.1), lambda x: np.minimum(x, 0.1)),
    Case("maximum", lambda o, x, y: o.maximum(x, y), np.maximum, (X, Y)),
    Case("where", lambda o, x, y: o.where(x > y, y, x * 2), lambda x, y: np.where(x > y, y, x * 2), (X, Y)),
    Case("where(number,)", lambda o, x: o.where(x > 0, 0.25, x), lambda x: np.where(x > 0, 0.25, x)),
    Case("where(, number)", lambda o, x: o.where(x > 0, x, -2), lambda x: np.where(x > 0, x, -2)),
    Case(
        "where(broadcast)",
        lambda o, x, r: o.where(r > 1, x, r),
        lambda x, r: np.where(r > 1, x, np.broadcast_to(r, x.shape)),
        (X, ROW),
    ),
    Case("arithmetic", lambda o, x, y: -x * y + x / y - 2.5 * y, lambda x, y: -x * y + x / y - 2.5 * y, (X, Y)),
    Case("numbers", lambda o, x: 1 - x + 2 / x - (x - 3) / 4, lambda x: 1 - x + 2 / x - (x - 3) / 4),
    Case("broadcasting", lambda o, x, r: x * r, lambda x, r: x * r, (X, ROW)),
    Case("reshape", lambda o, x: o.reshape(x, (4, 6)), lambda x: x.reshape(4, 6)),
    Case("reshape(-1)", lambda o, x: o.reshape(x, (-1, 3)), lambda x: x.reshape(-1, 3)),
    Case("reshape(())", lambda o, x: o.reshape(x, ()), lambda x: x.reshape(()), (np.array([[0.7]]),)),
    Case("expand_dims(1)", lambda o, x: o.expand_dims(x, axis=1), lambda x: x[:, None]),
    Case("expand_dims(-1)", lambda o, x: o.expand_dims(x, axis=-1), lambda x: x[..., None]),
    Case("squeeze(0)", lambda o, x: o.squeeze(x, 0), lambda x: x[0], (X[:1, :, :1],)),
    Case("squeeze(-1)", lambda o, x: o.squeeze(x, -1), lambda x: x[..., 0], (X[:1, :, :1],)),
    Case("permute_dims", lambda o, x: o.permute_dims(x, (2, 0, 1)), lambda x: x.transpose(2, 0, 1)),
    Case("broadcast_to", lambda o, x: o.broadcast_to(x, (2, 3, 4)), lambda x: np.zeros((2, 3, 4)) + x, (ROW,)),
    Case(
        "concat",
        lambda o, x, r: o.concat([x, r], axis=1),
        lambda x, r: np.concatenate([x, r], 1),
        (X, X[:, :1] + 1),
    ),
    Case("stack", lambda o, x, y: o.stack([x, y], axis=1), lambda x, y: np.stack([x, y], 1), (X, Y)),
    Case("stack(-1)", lambda o, x, y: o.stack((x, y), axis=-1), lambda x, y: np.stack([x, y], -1), (X, Y)),
    Case(
        "unstack",
        lambda o, x: o.unstack(x, axis=1)[0] * 2 + o.unstack(x, axis=1)[2],
        lambda x: x[:, 0] * 2 + x[:, 2],
    ),
    Case("unstack(-1)", lambda o, x: o.unstack(x, axis=-1)[3], lambda x: x[..., 3]),
    Case("log_softmax(1)", lambda o, x: o.log_softmax(x, axis=1), lambda x: x - logsumexp(x, 1, True)),
    Case("log_softmax(-1)", lambda o, x: o.log_softmax(x, axis=-1), lambda x: x - logsumexp(x, -1, True)),
    Case("multiply_no_nan", lambda o, x, y: o.multiply_no_nan(x, y), np.multiply, (X, Y)),
    *reductions(),
]


def evaluate(backend: Backend, call: Callable[..., Any], *inputs: Any) -> np.ndarray:
    """The value of a call, outside any differentiation."""
    return backend.to_numpy(backend.guard(lambda *xs: call(backend, *xs))(*inputs))


def differentiate(
    backend: Backend, call: Callable[..., Any], *inputs: Any, argnums: tuple[int, ...] | None = None
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The value of a call, and the gradients of its sum."""

    def function(*xs: Any) -> Any:
        # NumPy's tensors arrive boxed, and boxes have a backend of their own.
        return call(next((b for b in map(backend_of, xs) if b), backend), *xs)

    positions = tuple(range(len(inputs))) if argnums is None else argnums
    value, grads = backend.value_and_grad(backend.guard(function), positions, inputs)
    assert [backend.dtype(g) for g in grads] == [backend.dtype(inputs[i]) for i in positions]
    return backend.to_numpy(value), [backend.to_numpy(g) for g in grads]


def tensor(backend: Backend, x: Any, dtype: str) -> Any:
    if dtype in backend.unsupported:
        pytest.skip(f"{backend.name}: {backend.unsupported[dtype]}")
    return backend.asarray(np.asarray(x, dtype="float64"), dtype=dtype)


def exact(backend: Backend, x: Any) -> np.ndarray:
    """What a tensor holds after its dtype has rounded it, in float64."""
    return backend.to_numpy(x).astype("float64")


def central_differences(function: Callable[..., np.ndarray], inputs: list[np.ndarray], i: int) -> np.ndarray:
    gradient, step = np.zeros_like(inputs[i]), 1e-6
    for where in np.ndindex(inputs[i].shape):
        nudge = np.zeros_like(inputs[i])
        nudge[where] = step
        up, down = ([*inputs[:i], inputs[i] + s * nudge, *inputs[i + 1 :]] for s in (1, -1))
        gradient[where] = (np.sum(function(*up)) - np.sum(function(*down))) / (2 * step)
    return gradient


def check(backend: Backend, case: Case, dtype: str) -> None:
    inputs = [tensor(backend, x, dtype) for x in case.inputs]
    rounded = [exact(backend, x) for x in inputs]
    expected = case.reference(*rounded)
    # Unequal weights tell apart gradients that land in the wrong place but have the right sum.
    weights = np.linspace(0.5, 1.5, expected.size).reshape(expected.shape)
    tolerance = TOLERANCE[dtype]

    plain = backend.guard(lambda *xs: case.call(backend, *xs))(*inputs)
    assert backend.dtype(plain) == dtype
    assert tuple(backend.shape(plain)) == expected.shape
    np.testing.assert_allclose(backend.to_numpy(plain), expected, tolerance, tolerance)

    weight = tensor(backend, weights, dtype)
    weights = exact(backend, weight)
    value, grads = differentiate(backend, lambda o, *xs: case.call(o, *xs) * weight, *inputs)
    np.testing.assert_allclose(value, expected * weights, tolerance, tolerance)
    for i, gradient in enumerate(grads):
        difference = central_differences(lambda *xs: case.reference(*xs) * weights, rounded, i)
        np.testing.assert_allclose(gradient, difference, max(tolerance, 1e-7), max(tolerance, 1e-7))


@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_value_and_gradient(backend: Backend, case: Case, dtype: str) -> None:
    check(backend, case, dtype)


@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
@pytest.mark.parametrize("index_dtype", ["int32", "int64"])
@pytest.mark.parametrize(("indices", "axis"), [(LAST, 2), (LAST, -1), (MIDDLE, 1), (FIRST, 0)])
def test_take_along_axis(
    backend: Backend, indices: np.ndarray, axis: int, index_dtype: str, dtype: str
) -> None:
    labels = backend.asarray(indices.astype(index_dtype))
    call = lambda o, x: o.take_along_axis(x, labels, axis=axis)
    check(backend, Case("take", call, lambda x: np.take_along_axis(x, indices, axis)), dtype)


# ---------------------------------------------------------------------------------- edges


@dataclass(frozen=True)
class Edge:
    """What an op must give for given inputs, and the gradient of its sum; None is anything."""

    name: str
    call: Callable[..., Any]
    inputs: tuple[Any, ...]
    value: Any
    gradients: tuple[Any, ...]

    def __str__(self) -> str:
        return self.name


EXTREME = [[1e4, 1e4, 3], [-1e4, -2e4, -1e4], [-INF, 1, 1], [2, 2, 2], [-INF, 0, -INF]]
SOFTMAX = [[0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5], [1 / 3] * 3, [0, 1, 0]]
LOG2, LOG3 = np.log(2), np.log(3)
EDGES = [
    Edge(
        "relu",
        lambda o, x: o.relu(x),
        ([0.0, -0.0, -1, 2, INF, -INF, NAN],),
        [0, 0, 0, 2, INF, 0, NAN],
        ([0, 0, 0, 1, 1, 0, None],),
    ),
    Edge(
        "abs",
        lambda o, x: o.abs(x),
        ([0.0, -0.0, -2, 3, -INF, NAN],),
        [0, 0, 2, 3, INF, NAN],
        ([0, 0, -1, 1, -1, None],),
    ),
    Edge(
        "clip",
        lambda o, x: o.clip(x, -1, 1),
        ([-1, 1, -2, 2, 0.5, INF, NAN],),
        [-1, 1, -1, 1, 0.5, 1, NAN],
        ([1, 1, 0, 0, 1, 0, None],),
    ),
    Edge("clip(min)", lambda o, x: o.clip(x, min=0.5), ([0.5, -1, 2],), [0.5, 0.5, 2], ([1, 0, 1],)),
    Edge("clip(max)", lambda o, x: o.clip(x, max=0.5), ([0.5, -1, 2],), [0.5, -1, 0.5], ([1, 1, 0],)),
    Edge("max", lambda o, x: o.max(x, axis=1), ([[-INF, -3], [5, 2]],), [-3, 5], ([[0, 1], [1, 0]],)),
    Edge(
        "softplus",
        lambda o, x: o.softplus(x),
        ([0.0, -0.0, 1e4, -1e4, INF, -INF, NAN],),
        [LOG2, LOG2, 1e4, 0, INF, 0, NAN],
        ([0.5, 0.5, 1, 0, 1, 0, None],),
    ),
    Edge(
        "logsumexp",
        lambda o, x: o.logsumexp(x, axis=1),
        (EXTREME,),
        [1e4 + LOG2, -1e4 + LOG2, 1 + LOG2, 2 + LOG3, 0],
        (SOFTMAX,),
    ),
    Edge(
        "logsumexp(infinite)",
        lambda o, x: o.logsumexp(x, axis=1),
        ([[-INF, -INF], [INF, 0], [0, 0]],),
        [-INF, INF, LOG2],
        ([[None, None], [None, None], [0.5, 0.5]],),
    ),
    Edge(
        "log_softmax",
        lambda o, x: o.log_softmax(x, axis=1),
        (EXTREME,),
        [[-LOG2, -LOG2, 3 - 1e4], [-LOG2, -1e4, -LOG2], [-INF, -LOG2, -LOG2], [-LOG3] * 3, [-INF, 0, -INF]],
        ([[1 - 3 * p for p in row] for row in SOFTMAX],),
    ),
    Edge(
        "multiply_no_nan",
        lambda o, x, y: o.multiply_no_nan(x, y),
        ([INF, -INF, INF, 2, NAN, 3], [0.0, 0.0, 3, 0.0, 0.0, -0.0]),
        [0, 0, INF, 0, NAN, 0],
        ([0, 0, 3, 0, None, 0], [0, 0, INF, 2, None, 3]),
    ),
    Edge(
        "vector_norm",
        lambda o, x: o.vector_norm(x, axis=1),
        ([[0, 0, 0], [3, 0, 4]],),
        [0, 5],
        ([[0, 0, 0], [0.6, 0, 0.8]],),
    ),
    Edge("stop_gradient", lambda o, x: o.stop_gradient(x) * x, ([2, -3],), [4, 9], ([2, -3],)),
    Edge("mean(empty)", lambda o, x: o.mean(x), (np.zeros((0, 3)),), NAN, (np.zeros((0, 3)),)),
    Edge("mean(empty, 0)", lambda o, x: o.mean(x, axis=0), (np.zeros((0, 3)),), [NAN] * 3, (np.zeros((0, 3)),)),
    Edge("sum(empty)", lambda o, x: o.sum(x), (np.zeros((0, 3)),), 0, (np.zeros((0, 3)),)),
]


def assert_agrees(actual: np.ndarray, expected: Any, tolerance: float) -> None:
    expected = np.asarray(expected, dtype=object)
    stated = np.not_equal(expected, None)
    assert actual.shape == expected.shape
    np.testing.assert_allclose(
        actual[stated].astype("float64"), expected[stated].astype("float64"), tolerance, tolerance
    )


@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
@pytest.mark.parametrize("edge", EDGES, ids=str)
def test_edges(backend: Backend, edge: Edge, dtype: str) -> None:
    inputs = [tensor(backend, x, dtype) for x in edge.inputs]
    value, grads = differentiate(backend, edge.call, *inputs)
    assert_agrees(evaluate(backend, edge.call, *inputs), edge.value, TOLERANCE[dtype])
    assert_agrees(value, edge.value, TOLERANCE[dtype])
    for actual, expected in zip(grads, edge.gradients, strict=True):
        assert_agrees(actual, expected, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softplus_keeps_its_relative_precision_in_the_tail(backend: Backend, dtype: str) -> None:
    x = np.array([-20.0, -8.0, -0.5, 0.5, 4.0, 8.0, 14.0])
    value, (gradient,) = differentiate(backend, lambda o, x: o.softplus(x), tensor(backend, x, dtype))
    np.testing.assert_allclose(value, np.logaddexp(0, x), rtol=8 * np.finfo(dtype).eps)
    np.testing.assert_allclose(gradient, 1 / (1 + np.exp(-x)), rtol=4 * np.finfo(dtype).eps)


LEFT, RIGHT = np.array([1.0, 2.0, NAN, INF]), np.array([2.0, 2.0, 2.0, -INF])
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
        (lambda o, x, y: x < y, (LEFT, RIGHT), [1, 0, 0, 0]),
        (lambda o, x, y: x <= y, (LEFT, RIGHT), [1, 1, 0, 0]),
        (lambda o, x, y: x > y, (LEFT, RIGHT), [0, 0, 0, 1]),
        (lambda o, x, y: x >= y, (LEFT, RIGHT), [0, 1, 0, 1]),
        (lambda o, x, y: x == y, (LEFT, RIGHT), [0, 1, 0, 0]),
        (lambda o, x, y: x != y, (LEFT, RIGHT), [1, 0, 1, 1]),
        (lambda o, x: x == 2, (LEFT,), [0, 1, 0, 0]),
        (lambda o, x: x > 1.5, (LEFT,), [0, 1, 0, 1]),
        (lambda o, x: x == 2, (np.array([[1], [2]]),), [[0], [1]]),
    ],
)
def test_truth(backend: Backend, call: Callable[..., Any], inputs: tuple[Any, ...], expected: Any) -> None:
    tensors = [backend.asarray(x) for x in inputs]
    result = backend.guard(lambda *xs: call(backend, *xs))(*tensors)
    assert backend.dtype(result) == "bool"
    np.testing.assert_array_equal(backend.to_numpy(result), np.array(expected, dtype=bool), strict=True)


# --------------------------------------------------------------------------------- dtypes


def sample(dtype: str) -> np.ndarray:
    """Values at the limits of a dtype, which no detour through another keeps."""
    if dtype == "bool":
        return np.array([[True, False, True]])
    if dtype in FLOAT_DTYPES:
        return np.array([[0.5, -3, LARGEST_FINITE[dtype], -INF, NAN]], dtype)
    return np.array([[np.iinfo(dtype).min, 7, np.iinfo(dtype).max]], dtype)


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d != "bfloat16"])
def test_numpy_arrays_round_trip(backend: Backend, dtype: str) -> None:
    array = sample(dtype)
    array.flags.writeable = False
    if dtype in backend.unsupported:
        with pytest.raises(UnsupportedOperation):
            backend.asarray(array)
        return
    for x in (array, array.T, array[:, ::2], array[0, 1], array[:, :0], np.array(array[0, 1])):
        t = backend.asarray(x)
        assert backend.is_tensor(t)
        assert backend.is_concrete(t)
        assert (backend.dtype(t), tuple(backend.shape(t))) == (dtype, x.shape)
        np.testing.assert_array_equal(backend.to_numpy(t), x, strict=True)


@pytest.mark.parametrize(
    ("x", "dtype", "expected"),
    [
        ([[0.5, 2]], None, "float32"),
        (1.5, None, "float32"),
        ([1, 2], None, "int64"),
        (3, None, "int64"),
        ([[True], [False]], None, "bool"),
        ([], None, "float32"),
        ([1, 0, 3], "float32", "float32"),
        ([0.1, 2], "float64", "float64"),
        ([1, 2], "int32", "int32"),
        ([0.1, 2], "float16", "float16"),
        (np.float64(0.1), None, "float64"),
        (np.array([0.1]), "float32", "float32"),
    ],
)
def test_asarray(backend: Backend, x: Any, dtype: str | None, expected: str) -> None:
    like = backend.asarray([True])
    for t in (backend.asarray(x, dtype=dtype), backend.asarray(x, dtype=dtype, like=like)):
        assert backend.dtype(t) == expected
        np.testing.assert_array_equal(backend.to_numpy(t), np.array(x, expected), strict=True)


@pytest.mark.parametrize("x", [np.array([1j]), np.array(["a"]), ["a"], np.array([None])])
def test_asarray_refuses(backend: Backend, x: Any) -> None:
    with pytest.raises(UnsupportedOperation):
        backend.asarray(x)


def test_bfloat16_widens_to_float32(backend: Backend) -> None:
    # 257 = 2**8 + 1 is the first integer that its 8 bits of precision cannot hold.
    t = tensor(backend, [257.0, -0.5, LARGEST_FINITE["bfloat16"]], "bfloat16")
    expected = np.array([256, -0.5, LARGEST_FINITE["bfloat16"]], "float32")
    np.testing.assert_array_equal(backend.to_numpy(t), expected, strict=True)


@pytest.mark.parametrize(
    ("source", "values", "target", "expected"),
    [
        ("float32", [-1.7, 1.7, -0.5, 2], "int32", [-1, 1, 0, 2]),
        ("float64", [-1.7, 1.7, -0.5, 2], "int64", [-1, 1, 0, 2]),
        ("int64", [3, -2], "float32", [3, -2]),
        ("int32", [3, -2], "int64", [3, -2]),
        ("bool", [True, False], "float32", [1, 0]),
        ("bool", [True, False], "float64", [1, 0]),
        ("float64", [0.1], "float32", [np.float32(0.1)]),
        ("float32", [0.1], "float16", [np.float16(0.1)]),
    ],
)
def test_astype(backend: Backend, source: str, values: Any, target: str, expected: Any) -> None:
    result = backend.astype(backend.asarray(values, dtype=source), target)
    assert backend.dtype(result) == target
    np.testing.assert_array_equal(backend.to_numpy(result), np.array(expected, target), strict=True)


@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
def test_gradient_passes_through_a_cast(backend: Backend, dtype: str) -> None:
    x = tensor(backend, [0.5, 2.0], dtype)
    value, (gradient,) = differentiate(backend, lambda o, x: o.square(o.astype(x, "float32")), x)
    assert (value.tolist(), gradient.tolist()) == ([0.25, 4], [1, 4])


@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
def test_eye_takes_its_dtype_from_like(backend: Backend, dtype: str) -> None:
    result = backend.eye(3, like=tensor(backend, [[0.0]], dtype))
    assert backend.dtype(result) == dtype
    np.testing.assert_array_equal(backend.to_numpy(result), np.eye(3))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_where_keeps_integers(backend: Backend, dtype: str) -> None:
    labels = backend.asarray([3, -100, 7], dtype=dtype)
    result = backend.guard(lambda x: backend.where(x == -100, 0, x))(labels)
    np.testing.assert_array_equal(backend.to_numpy(result), np.array([3, 0, 7], dtype), strict=True)


def test_is_tensor_of_its_own_framework_only(backend: Backend) -> None:
    assert not any(map(backend.is_tensor, ([1.0], 1.0, None, "float32")))
    assert backend.is_tensor(np.zeros(2)) == (backend.name == "numpy")


def test_from_dlpack(backend: Backend) -> None:
    # TensorFlow shares only what is aligned to 64 bytes, which NumPy does not promise.
    buffer = np.zeros(64, "float32")
    start = -buffer.ctypes.data % 64 // 4
    x = buffer[start : start + 6].reshape(2, 3)
    x[:] = np.arange(6).reshape(2, 3)
    if "dlpack" in backend.unsupported:
        with pytest.raises(UnsupportedOperation):
            backend.from_dlpack(x)
        return
    t = backend.from_dlpack(x)
    assert backend.is_tensor(t)
    np.testing.assert_array_equal(backend.to_numpy(t), x, strict=True)


# ------------------------------------------------------------------------------ gradients


def test_value_and_grad_follows_argnums(backend: Backend) -> None:
    x, y, z = (backend.asarray(v, dtype="float32") for v in ([1, 2], [[3], [4]], [5, 6]))
    labels = backend.asarray([0, 1])
    call = lambda o, x, y, z, labels: x * x * y + z * 0.5 * y + o.astype(labels, "float32")
    value, (by_z, by_x) = differentiate(backend, call, x, y, z, labels, argnums=(2, 0))
    assert value.tolist() == [[10.5, 22], [14, 29]]
    assert (by_z.tolist(), by_x.tolist()) == ([3.5, 3.5], [14, 28])
    _, (by_y,) = differentiate(backend, call, x, y, z, labels, argnums=(1,))
    assert by_y.tolist() == [[1 + 4 + 5.5], [1 + 4 + 5.5]]


def test_gradient_of_what_is_not_used_is_zero(backend: Backend) -> None:
    x, y = backend.asarray([[1.0, 2.0]]), backend.asarray([3.0])
    for call in (lambda o, x, y: y * 2, lambda o, x, y: o.stop_gradient(x) * y):
        _, (by_x, by_y) = differentiate(backend, call, x, y)
        assert by_x.tolist() == [[0, 0]]
        assert by_y.tolist() in ([2], [3])
    value, (gradient,) = differentiate(backend, lambda o, x, y: o.stop_gradient(y), x, y, argnums=(0,))
    assert (value.tolist(), gradient.tolist()) == ([3], [[0, 0]])


def test_value_and_grad_leaves_its_arguments_as_they_were(backend: Backend) -> None:
    x = backend.asarray([1.0, -2.0])
    first, second = (differentiate(backend, lambda o, x: o.square(x), x)[1][0].tolist() for _ in range(2))
    assert first == second == [2, -4]
    assert backend.to_numpy(x).tolist() == [1, -2]


# ------------------------------------------------------------------------------- tracing


@pytest.mark.backends("tensorflow", "jax")
def test_ops_in_a_traced_function(backend: Backend) -> None:
    def traced(case: Case, **options: Any) -> Any:
        def program(*xs: Any) -> Any:
            assert all(map(backend.is_tensor, xs))
            assert not any(map(backend.is_concrete, xs))
            return backend.value_and_grad(lambda *ys: case.call(backend, *ys), tuple(range(len(xs))), xs)

        return compile_for(backend, program, case, **options)

    for case in CASES:
        for options in ({}, {"jit_compile": True}):
            inputs = [tensor(backend, x, "float32") for x in case.inputs]
