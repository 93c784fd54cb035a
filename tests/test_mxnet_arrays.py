"""MXNet's two kinds of arrays, its two shape modes, and the user's own record and backward."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading

import numpy as np
import pytest
from test_ops import CASES

from unified_loss.errors import UnsupportedOperation
from unified_loss.ops import LARGEST_FINITE

pytestmark = [pytest.mark.backends("mxnet"), pytest.mark.xdist_group("mxnet")]

KINDS = ("legacy", "np")
X = np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]])
W = np.array([[2.0], [3.0]])


@pytest.fixture(params=[False, True], ids=["legacy-shapes", "numpy-shapes"])
def shapes(request, backend):
    """The user's shape mode, which no call may change; and none may leave the leading axis on."""
    with backend.framework.util.np_shape(request.param):
        yield request.param
        assert backend.framework.util.is_np_shape() == request.param
        assert backend.shape(backend.asarray(X)) == (2, 3)


def array(backend, x, kind, dtype="float64"):
    like = backend.framework.nd.zeros((1,)) if kind == "legacy" else None
    return backend.asarray(np.asarray(x), dtype=dtype, like=like)


def kind_of(backend, x):
    assert backend.is_tensor(x)
    return "np" if isinstance(x, backend.framework.np.ndarray) else "legacy"


def train(backend, call, *inputs):
    """What a user's training step gets of a loss: its result, and the gradients of its sum."""
    for x in inputs:
        x.attach_grad()
    with backend.framework.autograd.record():
        result = backend.guard(lambda *xs: call(backend, *xs))(*inputs)
    result.backward()
    return result, [x.grad.asnumpy() for x in inputs]


# --------------------------------------------------------------------------------- import


def run(program):
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_import_leaves_numpy_and_logging_as_they_were(backend):
    program = """if True:
        import logging, numpy
        from unified_loss.loading import get_backend
        b = get_backend("mxnet")
        assert float(b.guard(b.mean)(b.asarray([1.0, 2.0]))) == 1.5
        print("bool" in vars(numpy), logging.getLogger().handlers)"""
    assert run(program) == "False []"


def test_the_import_keeps_what_the_user_restored(backend):
    program = "import numpy; numpy.bool = bool; import unified_loss.backends.mxnet; print(numpy.bool)"
    assert run(program) == "<class 'bool'>"


def test_numpy_2_is_refused(backend):
    program = """if True:
        import numpy
        numpy.__version__ = "2.1.0"
        try:
            import unified_loss.backends.mxnet
        except ImportError as error:
            print(error)"""
    assert run(program) == "mxnet 1.9.1 needs numpy<2, this is NumPy 2.1.0"


# -------------------------------------------------------------------- record and backward


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_ops_under_the_users_record(backend, shapes, case, kind):
    expected = np.asarray(case.reference(*case.inputs))
    weights = np.arange(1, expected.size + 1).reshape(expected.shape or (1,)) / 8
    inputs = [array(backend, x, kind) for x in (*case.inputs, weights)]

    def call(ops, *xs):
        return ops.reshape(case.call(ops, *xs[:-1]) * xs[-1], expected.shape)

    result, grads = train(backend, call, *inputs)
    assert kind_of(backend, result) == kind
    assert result.shape == (expected.shape or ((1,) if kind == "legacy" else ()))
    weighted = (expected * weights).reshape(result.shape)
    np.testing.assert_allclose(result.asnumpy(), weighted, 1e-12, 1e-12)
    # Those of value_and_grad, which test_ops.py holds against central differences.
    bound = backend.guard(lambda *xs: call(backend, *xs))
    _, known = backend.value_and_grad(bound, tuple(range(len(inputs))), inputs)
    for actual, gradient in zip(grads, known, strict=True):
        np.testing.assert_allclose(actual, gradient.asnumpy(), 1e-12, 1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("labels", "axis"), [([[1, 0, 1]], 0), ([[2], [0]], 1), ([[2], [0]], -1), ([[1, 1], [0, 2]], 1)]
)
def test_labels_under_the_users_record(backend, shapes, labels, axis, kind):
    take = backend.guard(lambda x, i: backend.take_along_axis(x, i, axis=axis))
    x = array(backend, X, kind)
    x.attach_grad()
    with backend.framework.autograd.record():
        taken = take(x, array(backend, labels, kind, "int32"))
    taken.backward()
    np.testing.assert_array_equal(taken.asnumpy(), np.take_along_axis(X, np.array(labels), axis))
    picked = np.zeros_like(X)
    for place, label in np.ndenumerate(labels):
        picked[(label, place[1]) if axis == 0 else (place[0], label)] += 1
    np.testing.assert_array_equal(x.grad.asnumpy(), picked)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_flows_on_both_sides_of_a_loss(backend, shapes, kind):
    x = array(backend, X, kind)
    x.attach_grad()
    # Scalars divided by scalars: `backward` through 0-d arrays is what crashes MXNet.
    ratio = backend.guard(lambda a: backend.expand_dims(backend.sum(a * a) / backend.mean(a), axis=0))
    with backend.framework.autograd.record():
        result = ratio(x * 2)
        halved = result * result * 0.5
    halved.backward()
    a = 2 * X
    value = (a * a).sum() / a.mean()
    slope = 2 * a / a.mean() - (a * a).sum() / a.mean() ** 2 / a.size
    assert result.shape == (1,)
    np.testing.assert_allclose(result.asnumpy(), [value], 1e-12)
    np.testing.assert_allclose(x.grad.asnumpy(), 2 * value * slope, 1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_missing_arguments_are_passed_on(backend, shapes, kind):
    seen = []

    def program(x, weight, target):
        seen.append((backend.shape(x), weight, backend.shape(target)))
        return x - target

    bound = backend.guard(program)
    x, target = array(backend, X, kind), array(backend, W, kind)
    for mode in (backend.framework.autograd.pause, backend.framework.autograd.record):
        with mode():
            assert bound(x, None, target).shape == (2, 3)
    assert seen == [((2, 3), None, (2, 1))] * 2


@pytest.mark.parametrize("mode", ["pause", "record"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_error_leaves_the_modes_as_they_were(backend, shapes, kind, mode):
    x, misfit = array(backend, X, kind), array(backend, np.ones((4, 3)), kind)
    bound = backend.guard(lambda a, b: a + b)
    # What does not broadcast is said in the call. The fixture checks the rest.
    with getattr(backend.framework.autograd, mode)(), pytest.raises(backend.framework.MXNetError):
        bound(x, misfit)


@pytest.mark.parametrize("kind", KINDS)
def test_a_guarded_program_may_call_another(backend, shapes, kind):
    inner = backend.guard(lambda x: backend.mean(x, axis=1))
    _, (gradient,) = train(backend, lambda o, x: o.square(inner(x)), array(backend, X, kind))
    np.testing.assert_allclose(gradient, np.broadcast_to(2 / 3 * X.mean(1, keepdims=True), X.shape), 1e-12)


def test_shape_modes_are_each_threads_own(backend):
    seen = []

    def work():
        seen.append(backend.framework.util.is_np_shape())
        seen.append(train(backend, lambda o, x: o.mean(x), array(backend, X, "legacy")))

    with backend.framework.util.np_shape(True):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen[0] is False
    result, (gradient,) = seen[1]
    assert result.shape == (1,)
    np.testing.assert_allclose(gradient, np.full_like(X, 1 / 6))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rank", [5, 6, 7])
def test_arrays_of_many_axes(backend, shapes, rank, kind):
    x = np.arange(2.0**rank).reshape((2,) * rank) - 7
    threshold = np.array([1.5, 9]).reshape(2, *[1] * (rank - 2))
    result, (by_x, by_threshold) = train(
        backend,
        lambda o, a, t: o.where(a > t, o.softplus(a) * t, o.sum(a, axis=(1, -1), keepdims=True)),
        array(backend, x, kind),
        array(backend, threshold, kind),
    )
    total, softplus = x.sum(axis=(1, -1), keepdims=True), np.logaddexp(0, x)
    above = x > threshold
    np.testing.assert_allclose(result.asnumpy(), np.where(above, softplus * threshold, total), 1e-12)
    below = (~above).sum(axis=(1, -1), keepdims=True)
    np.testing.assert_allclose(by_x, above * threshold / (1 + np.exp(-x)) + below, 1e-12)
    axes = tuple(i for i in range(rank) if i != 1)
    np.testing.assert_allclose(by_threshold.ravel(), (above * softplus).sum(axis=axes), 1e-12)


def test_a_training_step_equals_gluons_own(backend, shapes):
    from unified_loss.dialects.mxnet.gluon import loss as ours

    mx = backend.framework
    data, labels = array(backend, X, "legacy", "float32"), array(backend, [2, 0], "legacy", "float32")
    outcomes = []
    for module in (ours, mx.gluon.loss):
        net = mx.gluon.nn.Dense(4, in_units=3)
        net.initialize()
        net.weight.set_data(array(backend, np.linspace(-1, 1, 12).reshape(4, 3), "legacy", "float32"))
        trainer = mx.gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.5})
        with mx.autograd.record():
            loss = module.SoftmaxCrossEntropyLoss()(net(data), labels)
        loss.backward()
        trainer.step(2)
        outcomes.append((loss.asnumpy(), net.weight.data().asnumpy()))
    for actual, expected in zip(*outcomes, strict=True):
        np.testing.assert_allclose(actual, expected, 1e-5)


# -------------------------------------------------------------------------- value_and_grad


@pytest.mark.parametrize("kind", KINDS)
def test_value_and_grad_keeps_to_its_own_arrays(backend, shapes, kind):
    x, y, closed_over = (array(backend, X * k, kind) for k in (1, 2, 3))
    for t in (x, y, closed_over):
        t.attach_grad()
    with backend.framework.autograd.record():
        squared = x * x
        value, (gradient,) = backend.value_and_grad(lambda a, b: a * b * closed_over, (0,), (y, squared))
        tripled = squared * 3
    assert {kind_of(backend, t) for t in (value, gradient)} == {kind}
    np.testing.assert_allclose(gradient.asnumpy(), 3 * X**3, 1e-12)
    assert not any(t.grad.asnumpy().any() for t in (x, y, closed_over))
    # The user's own graph, part of which the function saw, is still whole.
    tripled.backward()
    np.testing.assert_allclose(x.grad.asnumpy(), 6 * X, 1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_value_and_grad_of_the_identity(backend, shapes, kind):
    value, (gradient,) = backend.value_and_grad(lambda x: x, (0,), (array(backend, X, kind),))
    np.testing.assert_array_equal(value.asnumpy(), X)
    np.testing.assert_array_equal(gradient.asnumpy(), np.ones_like(X))


OVER_NOTHING = {
    "sum": lambda o, x, axis: o.sum(x, axis=axis),
    "mean": lambda o, x, axis: o.mean(x, axis=axis, keepdims=True),
    "max": lambda o, x, axis: o.max(x, axis=axis) if x.shape[axis] else x,
    "where(number)": lambda o, x, axis: o.where(x > 0, 1.0, x),
    "where(any)": lambda o, x, axis: o.where(o.any(x > 0), x, 0.0),
}


@pytest.mark.parametrize("name", OVER_NOTHING)
@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0,), (3, 0, 2)])
def test_gradients_over_no_elements(backend, shape, name):
    # Most of these kill the process, or fail when they are read, with MXNet's own operator.
    x = backend.asarray(np.zeros(shape, "float32"))
    for axis in range(len(shape)):
        call = functools.partial(OVER_NOTHING[name], backend, axis=axis)
        value, (gradient,) = backend.value_and_grad(call, (0,), (x,))
        assert value.asnumpy().shape == value.shape
        assert gradient.asnumpy().shape == shape
    backend.framework.nd.waitall()


def test_nothing_gives_gradient_zero(backend):
    weight, nothing = backend.asarray([0.5, 2.0]), backend.asarray(np.zeros((0, 2), "float32"))
    labels = backend.asarray(np.zeros(0, "int32"))
    for call in (lambda w: backend.take_along_axis(w, labels, axis=0), lambda w: nothing * w):
        for _ in range(5):  # memory that happens to hold zeros would let this pass
            value, (gradient,) = backend.value_and_grad(call, (0,), (weight,))
            assert value.size == 0
            assert gradient.tolist() == [0, 0]


# ---------------------------------------------------------------- what MXNet itself gets wrong


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(4,), (3, 1000), (2, 1, 2, 1, 2, 1, 2)])
def test_where_with_a_number_sends_the_gradient_to_the_array(backend, shape, dtype):
    x = array(backend, np.linspace(-1, 1, int(np.prod(shape))).reshape(shape), "np", dtype)
    above = x.asnumpy() > 0.125
    _, (gradient,) = train(backend, lambda o, a: o.where(a > 0.125, a, 0.5), x)
    np.testing.assert_array_equal(gradient, above)
    _, (gradient,) = train(backend, lambda o, a: o.where(a > 0.125, 0.5, a), x)
    np.testing.assert_array_equal(gradient, ~above)


@pytest.mark.parametrize("size", [3, 5000])
def test_where_among_booleans(backend, size):
    p, q = (np.arange(size) % k == 0 for k in (2, 3))
    choose = backend.guard(lambda c, x: backend.where(c, x, True))
    np.testing.assert_array_equal(choose(*map(backend.asarray, (p, q))).asnumpy(), np.where(p, q, True))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_infinite_losses_sum_to_infinity(backend, dtype):
    x = backend.asarray([[np.inf, 1.0], [-np.inf, 1.0], [np.inf, np.inf]], dtype=dtype)
    for op in (backend.sum, backend.mean):
        assert backend.guard(lambda a: op(a, axis=1))(x).tolist() == [np.inf, -np.inf, np.inf]  # noqa: B023
    assert backend.guard(lambda a: backend.logsumexp(a, axis=1))(x).tolist() == [np.inf, 1, np.inf]


def test_what_clip_leaves_out_has_no_gradient_however_large(backend):
    ends = np.array([-2.0, -1.0, 0.5, 1.0, 3.0])
    _, (gradient,) = train(backend, lambda o, x: o.clip(x, -1, 1) * np.inf, array(backend, ends, "np"))
    assert gradient.tolist() == [0, np.inf, np.inf, np.inf, 0]


@pytest.mark.parametrize("number", [0.9189385332046727, LARGEST_FINITE["float64"], 5e-324, 1e-300, -0.0, 0.0])
def test_numbers_are_exact_in_float64(backend, number):
    below, above = (backend.asarray([x], dtype="float64") for x in (-np.inf, np.inf))
    for result in (
        backend.guard(lambda x: backend.clip(x, min=number))(below),
        backend.guard(lambda x: backend.clip(x, max=number))(above),
        backend.guard(lambda x: backend.where(x > 0, number, x))(above),
    ):
        assert repr(result.item()) == repr(number)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_labels_beyond_the_integers_of_float32(backend, dtype):
    label = 2**24 + 1
    scores = np.zeros((1, label + 2), "int8")
    scores[0, label - 1 :] = 5, 7, 3
    for labels in ([label], [label, label - 1]):
        indices = backend.asarray(np.array([labels], dtype))
        take = backend.guard(lambda t, i: backend.take_along_axis(t, i, axis=1))
        assert take(backend.asarray(scores), indices).tolist() == [[7, 5][: len(labels)]]
    kept = backend.guard(lambda i: backend.where(i == label, backend.clip(i, 0, label), 0))(indices)
    assert (backend.dtype(kept), kept.tolist()) == (dtype, [[label, 0]])


def test_labels_may_be_narrower_than_the_batch_is_long(backend):
    x = np.arange(900.0).reshape(300, 3)
    labels = np.stack([np.arange(300) % 3, np.arange(300) % 2], axis=1)
    take = backend.guard(lambda a, i: backend.take_along_axis(a, i, axis=1))
    taken = take(backend.asarray(x), backend.asarray(labels.astype("int8")))
    np.testing.assert_array_equal(taken.asnumpy(), np.take_along_axis(x, labels, 1))


# --------------------------------------------------------------------------------- tensors


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "x", [np.array(2.5), X, np.zeros((0, 3)), np.array([[True]]), np.array([7], "int32")]
)
def test_asarray_takes_the_kind_of_like(backend, shapes, kind, x):
    t = array(backend, x, kind, x.dtype.name)
    assert kind_of(backend, t) == kind
    assert (backend.dtype(t), backend.shape(t)) == (x.dtype.name, x.shape)
    assert backend.is_concrete(t)
    np.testing.assert_array_equal(backend.to_numpy(t), x, strict=True)


def test_bfloat16_is_named_and_refused(backend):
    cast = array(backend, [1.5], "legacy").astype(np.dtype([("bfloat16", np.uint16)]))
    assert backend.dtype(cast) == "bfloat16"
    for refused in (
        lambda: backend.asarray([1.5], dtype="bfloat16"),
        lambda: backend.astype(backend.asarray([1.5]), "bfloat16"),
    ):
        with pytest.raises(UnsupportedOperation, match="bfloat16"):
            refused()


def test_from_dlpack_shares_memory(backend):
    x = np.arange(6, dtype="float32").reshape(2, 3)
    t = backend.from_dlpack(x)
    x[0, 1] = 9
    assert kind_of(backend, t) == "np"
    assert t.tolist() == [[0, 9, 2], [3, 4, 5]]
