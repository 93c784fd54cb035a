"""What a backend does beside the ops: its tensors, its gradients, and its fit to the interface."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from unified_loss.errors import UnsupportedOperation
from unified_loss.ops import DTYPES, FLOAT_DTYPES, LARGEST_FINITE, Ops


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d != "bfloat16"])
def test_numpy_arrays_round_trip(backend, dtype):
    # The limits of a dtype, which no detour through another keeps.
    if dtype == "bool":
        array = np.array([[True, False, True]])
    elif dtype in FLOAT_DTYPES:
        array = np.array([[0.5, -3, LARGEST_FINITE[dtype], -np.inf, np.nan]], dtype)
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

    def square(x):
        wide = backend.astype(x, "float32")
        return wide * wide

    value, (gradient,) = differentiate(backend, square, (0,), backend.asarray([0.5, 2.0], dtype=dtype))
    assert (value.tolist(), gradient.tolist()) == ([0.25, 4], [1, 4])


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_where_keeps_integers(backend, dtype):
    labels = backend.asarray([3, -100, 7], dtype=dtype)
    result = backend.guard(lambda x: backend.where(x == -100, 0, x))(labels)
    np.testing.assert_array_equal(backend.to_numpy(result), np.array([3, 0, 7], dtype), strict=True)


def test_is_tensor_of_its_own_framework_only(backend):
    assert not any(map(backend.is_tensor, ([1.0], 1.0, None, "float32")))
    assert backend.is_tensor(np.zeros(2)) == (backend.name == "numpy")


def aligned(size):
    """Zeros that start at a multiple of 64 bytes, which NumPy does not promise."""
    buffer = np.zeros(size + 16, "float32")
    start = -buffer.ctypes.data % 64 // 4
    return buffer[start : start + size]


def test_from_dlpack(backend):
    x = aligned(6).reshape(2, 1, 3)
    x[:] = [[[1, 2, 3]], [[4, 5, 6]]]
    if "dlpack" in backend.unsupported:
        with pytest.raises(UnsupportedOperation):
            backend.from_dlpack(x)
        return
    for array in (x, x[:0], x[0, 0, 0:1].reshape(())):
        t = backend.from_dlpack(array)
        assert backend.is_tensor(t)
        np.testing.assert_array_equal(backend.to_numpy(t), array, strict=True)


# ------------------------------------------------------------------------------- gradients


def differentiate(backend, function, argnums, *inputs):
    """The value and the gradients in NumPy, after a look at their dtypes."""
    value, grads = backend.value_and_grad(function, argnums, inputs)
    assert [backend.dtype(g) for g in grads] == [backend.dtype(inputs[i]) for i in argnums]
    return backend.to_numpy(value), [backend.to_numpy(g) for g in grads]


def test_value_and_grad_follows_argnums(backend):
    def function(x, y, z, labels):
        return x * x * y + z * 0.5 * y + backend.astype(labels, "float32")

    inputs = [backend.asarray(v, dtype="float32") for v in ([1, 2], [[3], [4]], [5, 6])]
    inputs.append(backend.asarray([0, 1]))
    value, (by_z, by_x) = differentiate(backend, function, (2, 0), *inputs)
    assert value.tolist() == [[10.5, 22], [14, 29]]
    assert (by_z.tolist(), by_x.tolist()) == ([3.5, 3.5], [14, 28])
    _, (by_y,) = differentiate(backend, function, (1,), *inputs)
    assert by_y.tolist() == [[10.5], [10.5]]


def test_gradient_by_what_is_not_used_is_zero(backend):
    x, y = backend.asarray([[1.0, 2.0]]), backend.asarray([3.0])
    _, (by_x, by_y) = differentiate(backend, lambda x, y: y * 2, (0, 1), x, y)
    assert (by_x.tolist(), by_y.tolist()) == ([[0, 0]], [2])
    value, (by_x,) = differentiate(backend, lambda x, y: y * 2, (0,), x, y)
    assert (value.tolist(), by_x.tolist()) == ([6], [[0, 0]])


def test_value_and_grad_leaves_its_arguments_as_they_were(backend):
    x = backend.asarray([1.0, -2.0])
    first, second = (differentiate(backend, lambda x: x * x, (0,), x)[1][0].tolist() for _ in range(2))
    assert first == second == [2, -4]
    assert backend.to_numpy(x).tolist() == [1, -2]


@pytest.mark.backends("tensorflow", "jax")
def test_a_traced_tensor_is_not_concrete(backend):
    seen = []

    def program(x):
        seen.append((backend.is_tensor(x), backend.is_concrete(x)))
        return x

    framework = backend.framework
    (framework.jit if backend.name == "jax" else framework.function)(program)(backend.asarray([1.0]))
    assert seen == [(True, False)]


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
    assert backend.is_tensor(x)
    value, (gradient,) = differentiate(
        backend, lambda x: backend.take_along_axis(backend.where(x > 0, x, 0.0), labels, axis=1), (0,), x
    )
    assert (value.tolist(), gradient.tolist()) == ([[3]], [[0, 0, 1]])


@pytest.mark.backends("tensorflow", "jax")
@pytest.mark.parametrize(
    "view", [lambda x: x[1:, 0], lambda x: x[:, :3], lambda x: x.T, lambda x: x[:, 0], lambda x: x[::2]]
)
def test_memory_that_the_framework_would_misread_is_refused(backend, view):
    # Unaligned, it crashes TensorFlow 2.21; transposed, it has JAX 0.7.1 mix up the elements.
    with pytest.raises(UnsupportedOperation, match="shares only memory"):
        backend.from_dlpack(view(aligned(40).reshape(5, 8)))


@pytest.mark.backends("jax")
def test_jax_does_not_truncate_in_silence(backend):
    x, big = np.array([0.1]), np.array([2**31])
    calls = (
        lambda: backend.asarray([0.1], dtype="float64"),
        lambda: backend.asarray(x),
        lambda: backend.asarray(big),
        lambda: backend.from_dlpack(aligned(2).view("float64")),
        lambda: backend.astype(backend.asarray([0.1]), "float64"),
    )
    config = backend.framework.config
    config.update("jax_enable_x64", False)
    try:
        for call in calls:
            with pytest.raises(UnsupportedOperation, match="jax_enable_x64.*JAX_ENABLE_X64=1"):
                call()
        labels = backend.asarray([3, -100, 2**31 - 1])
        assert (backend.dtype(labels), backend.to_numpy(labels).tolist()) == ("int32", [3, -100, 2**31 - 1])
    finally:
        config.update("jax_enable_x64", True)


# ------------------------------------------------------------------------------- interface

OPS = {name: f for name, f in vars(Ops).items() if inspect.isfunction(f) and not name.startswith("_")}
DERIVED = {
    "all",
    "constant",
    "equal",
    "even_max",
    "isnan",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "min",
    "minimum",
    "multiply_no_nan",
    "one_hot",
    "ones_like",
    "positive_part",
    "scan",
    "sigmoid",
    "slice_along_axis",
    "softmax",
    "softplus",
    "sort",
    "tanh",
    "vector_norm",
    "xlogy",
    "zero_with_derivative",
}


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
