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
LAST = RNG.permuted(np.tile(np.arange(4), (2, 3, 1)), axis=2)[..., :2]
MIDDLE = np.array([[[0, 2, 1, 1]], [[2, 2, 0, 1]]])
TRUTH = np.array([False, False, True, True]), np.array([False, True, False, True])


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


def where_positive(condition: Any, o: Any, x1: Any, x2: Any) -> Any:
    return o.where(condition, x1, x2)


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


def taken(backend: Backend, indices: np.ndarray, dtype: str, axis: int) -> Case:
    tensor = backend.asarray(indices.astype(dtype))
    return Case(
        f"take_along_axis({axis})",
        lambda o, x: o.take_along_axis(x, tensor, axis=axis),
        lambda x: np.take_along_axis(x, indices, axis),
    )


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
@pytest.mark.parametrize(("indices", "axis"), [(LAST, 2), (LAST, -1), (MIDDLE, 1), (LAST[:1, :, :1] % 2, 0)])
def test_take_along_axis(
    backend: Backend, indices: np.ndarray, axis: int, index_dtype: str, dtype: str
) -> None:
    if axis == 0:
        indices = np.broadcast_to(indices, (1, 3, 4))
    check(backend, taken(backend, indices, index_dtype, axis), dtype)
