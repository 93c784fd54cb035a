"""`ul.compile`: every compiler, what it is called with, what it refuses; `test_compile.py` runs this."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import unified_loss as ul
from unified_loss.dialects.mindspore import nn as msnn
from unified_loss.dialects.mxnet import nd
from unified_loss.dialects.mxnet.gluon import loss as gloss
from unified_loss.dialects.torch import nn
from unified_loss.dispatch import backend_of
from unified_loss.errors import (
    ConfigError,
    LabelError,
    MixedTensorsError,
    ShapeError,
    UnsupportedOperation,
)

# What the tracers of the frameworks say of themselves.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Tensor do not have 'place' interface:UserWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"),
]

COMPILERS = {
    "numpy": (),
    "torch": ("inductor", "aot_eager"),
    "tensorflow": ("xla", "graph"),
    "jax": ("jit",),
    "paddle": ("to_static",),
    "mindspore": ("trace",),
    "mxnet": ("hybridize",),
}
EVERY = sorted({name for names in COMPILERS.values() for name in names})
WEIGHTS = [0.2, 0.5, 0.9]
RNG = np.random.default_rng(20261125)


def logits_and_labels(n):
    return RNG.normal(size=(n, 3)).astype("float32"), RNG.integers(0, 3, n)


def two_like(n):
    return tuple(RNG.normal(size=(2, n, 3)).astype("float32"))


def sequences(n):
    return RNG.normal(size=(4, n, 5)).astype("float32"), RNG.integers(0, 3, (n, 2)).astype("float32")


# A dialect's class, one with a constant, a canonical loss, a replaced gradient, a loop over an axis.
LOSSES = {
    "huber": (gloss.HuberLoss(rho=0.5), two_like),
    "weighted": (nn.CrossEntropyLoss(weight=WEIGHTS, label_smoothing=0.1), logits_and_labels),
    "canonical": (functools.partial(ul.losses.log_cosh, reduction="sum"), two_like),
    "output": (functools.partial(nd.SoftmaxOutput, grad_scale=0.5), logits_and_labels),
    "sequence": (gloss.CTCLoss(layout="TNC"), sequences),
}
SLOW = {
    "inductor": ("output",),
    "aot_eager": ("huber", "weighted", "output"),
    "xla": ("huber", "weighted", "output"),
    "trace": ("huber", "output"),
    "jit": ("huber", "weighted", "output"),
}


def test_each_backend_has_the_compilers_that_the_documentation_names(backend):
    assert tuple(backend.compilers) == COMPILERS[backend.name]
    assert all(name in ul.compile.__doc__ for name in backend.compilers)


def assert_same(backend, actual, expected):
    for one, other in zip(actual, expected, strict=True):
        assert backend.dtype(one) == backend.dtype(other)
        np.testing.assert_allclose(backend.to_numpy(one), backend.to_numpy(other), 2e-6, 1e-6)


def each_case():
    for backend, compilers in COMPILERS.items():
        for compiler in compilers:
            for loss in SLOW.get(compiler, LOSSES):
                yield pytest.param(backend, compiler, loss, id=f"backend={backend}-{compiler}-{loss}")


@pytest.mark.parametrize(("backend", "compiler", "name"), list(each_case()), indirect=["backend"])
def test_a_compiled_loss_is_the_same_on_any_batch(backend, compiler, name):
    loss, draw = LOSSES[name]
    compiled = ul.compile(loss, backend.name, compiler)
    for size in (4, 7, 2):
        tensors = [backend.asarray(x) for x in draw(size)]
        assert_same(backend, [compiled(*tensors)], [loss(*tensors)])
        assert_same(backend, ul.value_and_grad(compiled)(*tensors), ul.value_and_grad(loss)(*tensors))


def test_a_function_of_a_gradient(backend):
    def step(prediction, target):
        value, gradient = ul.value_and_grad(gloss.HuberLoss())(prediction, target)
        return value, prediction - 0.1 * gradient

    compiler = {"torch": "aot_eager"}.get(backend.name)
    compiled = ul.compile(step, backend.name, compiler)
    tensors = [backend.asarray(x) for x in two_like(4)]
    before = backend.to_numpy(tensors[0]).copy()
    if backend.name == "mxnet":
        with pytest.raises(UnsupportedOperation, match="take value_and_grad of the compiled function"):
            compiled(*tensors)
        return
    assert_same(backend, compiled(*tensors), step(*tensors))
    assert_same(backend, compiled(*tensors), step(*tensors))
    np.testing.assert_array_equal(backend.to_numpy(tensors[0]), before)


def cheap(backend, loss, **kwargs):
    """The loss compiled by whichever of the backend's compilers takes no seconds."""
    names = [name for name, compiler in backend.compilers.items() if not compiler.slow]
    return ul.compile(loss, backend.name, next(iter(names), None), **kwargs)


def test_the_arguments_of_a_loss(backend):
    prediction, target = two_like(4)
    x = backend.asarray(prediction)
    compiled = cheap(backend, ul.losses.huber)
    for delta, reduction in ((0.5, "none"), (2, "none"), (2.0, "sum")):
        call = {"target": target.tolist(), "delta": delta, "reduction": reduction}
        expected = ul.losses.huber(x, **call)
        assert_same(backend, [compiled(x, **call)], [expected])
    # Neutral inputs alone go to the backend that it is compiled for.
    assert backend_of(compiled(prediction, target)) in (backend, None)
    assert backend.is_tensor(compiled(prediction, target))


def test_the_backend_of_the_first_tensors_is_the_backend(backend):
    x, y = (backend.asarray(x) for x in two_like(4))
    compiled = ul.compile(lambda a, b: (a - b) * 2.0)
    assert (compiled.backend, compiled.compiler) == (None, None)
    with ul.use_backend(backend.name):
        compiled(x, y)
    assert (compiled.backend, compiled.compiler) == (backend.name, next(iter(backend.compilers), None))


def test_a_plan_stays(backend):
    loss = gloss.HuberLoss(rho=0.5)
    assert ul.compile(loss, backend.name).plan == loss.plan
    assert not hasattr(ul.compile(lambda x: x, backend.name), "plan")


def test_an_unknown_compiler_is_named(backend):
    with pytest.raises(ConfigError) as error:
        ul.compile(ul.losses.huber, backend.name, "turbo")
    has = "it has none" if backend.name == "numpy" else ", ".join(COMPILERS[backend.name])
    assert str(error.value).startswith(f"compile: {backend.name} has no compiler 'turbo'")
    assert has in str(error.value)
    later = ul.compile(ul.losses.huber, compiler="turbo")
    with pytest.raises(ConfigError, match="turbo"), ul.use_backend(backend.name):
        later([1.0], [2.0])


def test_an_unknown_backend_is_named():
    with pytest.raises(ul.BackendError, match="cafe"):
        ul.compile(ul.losses.huber, "cafe")


@pytest.mark.backends("torch", "jax", "mxnet", "paddle", "tensorflow", "mindspore")
def test_tensors_of_two_frameworks(backend):
    # Of the other frameworks' tensors, only autograd's boxes are at hand beside every backend.
    box = pytest.importorskip("autograd.tracer").new_box(np.ones((4, 3)), 0, None)
    compiled = cheap(backend, ul.losses.huber)
    x = backend.asarray(two_like(4)[0])
    with pytest.raises(MixedTensorsError, match=r"was compiled for .*, but a tensor of numpy was given"):
        compiled(x, box)


def test_what_is_neither_a_tensor_nor_plain(backend):
    if not backend.compilers:
        pytest.skip("NumPy runs the loss as it is")
    compiled = cheap(backend, lambda x, what: x)
    with pytest.raises(TypeError, match="an argument cannot be a set"):
        compiled(backend.asarray([1.0]), {1, 2})
    with pytest.raises(TypeError, match="no array of numbers"):
        compiled(backend.asarray([1.0]), [[1.0], [2.0, 3.0]])


def test_a_wrong_shape_is_the_error_of_the_loss(backend):
    compiled = cheap(backend, ul.losses.huber)
    x, y = (backend.asarray(x) for x in two_like(4))
    with pytest.raises(ShapeError, match=r"huber: target has shape \(3, 4\), expected \(4, 3\)"):
        compiled(x, backend.permute_dims(y, (1, 0)))
    # Whatever an error left behind in the framework, the next call is as ever.
    assert_same(backend, [compiled(x, y)], [ul.losses.huber(x, y)])


def test_an_invalid_label_is_nan_where_values_cannot_be_read(backend):
    compiled = cheap(backend, nn.CrossEntropyLoss(reduction="none"))
    prediction, _ = logits_and_labels(3)
    good, bad = (np.array(labels) for labels in ([0, 2, 1], [0, 7, 1]))
    compiled(backend.asarray(prediction), backend.asarray(good))
    if backend.name == "numpy":
        with pytest.raises(LabelError):
            compiled(backend.asarray(prediction), backend.asarray(bad))
        return
    losses = backend.to_numpy(compiled(backend.asarray(prediction), backend.asarray(bad)))
    assert np.isnan(losses).tolist() == [False, True, False]


def test_candidates_are_not_drawn_once_and_for_all(backend):
    loss = msnn.SampledSoftmaxLoss(num_sampled=3, num_classes=6, seed=1)
    arrays = [
        RNG.normal(size=(6, 4)),
        RNG.normal(size=6),
        RNG.integers(0, 6, (2, 1)),
        RNG.normal(size=(2, 4)),
    ]
    tensors = [backend.asarray(x.astype("float32") if x.dtype.kind == "f" else x) for x in arrays]
    if not backend.compilers:
        assert np.isfinite(ul.compile(loss, "numpy")(*tensors)).all()
        return
    with pytest.raises(Exception, match="draws candidates at each call"):
        cheap(backend, loss)(*tensors)
    candidates = [np.array(x) for x in ([0, 2, 5], [[0.5], [0.6]], [0.4, 0.5, 0.6])]
    given = tuple(backend.asarray(x.astype("float32") if x.dtype.kind == "f" else x) for x in candidates)
    loss = msnn.SampledSoftmaxLoss(num_sampled=3, num_classes=6, sampled_values=given)
    assert_same(backend, [cheap(backend, loss)(*tensors)], [loss(*tensors)])


def test_weights_that_are_loaded_later_are_used(backend):
    loss = nn.AdaptiveLogSoftmaxWithLoss(4, 6, [3])
    shapes = {name: tuple(x.shape) for name, x in loss.state.items()}
    compiled = cheap(backend, loss)
    x = backend.asarray(RNG.normal(size=(5, 4)).astype("float32"))
    y = backend.asarray(np.array([0, 1, 2, 4, 5]))
    found = []
    for _ in range(2):
        drawn = {name: RNG.normal(size=shape).astype("float32") for name, shape in shapes.items()}
        loss.load_state({name: backend.asarray(array) for name, array in drawn.items()})
        assert_same(backend, [compiled(x, y)[1]], [loss(x, y)[1]])
        found.append(backend.to_numpy(compiled(x, y)[1]))
    assert not np.allclose(*found)


@pytest.mark.backends("mxnet")
def test_mxnet_records_what_its_arrays_need(backend):
    mx = backend.framework
    loss = nn.MSELoss()
    compiled = ul.compile(loss, "mxnet")
    x, y = (mx.nd.array(x) for x in two_like(4))
    # Legacy arrays without NumPy shapes, recorded by the user; then the same without recording.
    for _ in range(2):
        grads = []
        for function in (compiled, loss):
            x.attach_grad()
            with mx.autograd.record():
                value = function(x, y)
            value.backward()
            grads.append(x.grad.asnumpy())
        np.testing.assert_allclose(*grads, 1e-6)
        assert value.shape == (1,) and type(compiled(x, y)) is mx.nd.NDArray
    outside = mx.nd.ones((3,))
    with pytest.raises(UnsupportedOperation, match="neither an argument nor given to a loss"):
        ul.compile(lambda a: a * outside, "mxnet")(x)


@pytest.mark.backends("tensorflow")
def test_the_graph_of_tensorflow_is_traced_twice_for_many_sizes(backend):
    traces = []

    def loss(x):
        traces.append(x.shape)
        return backend.sum(x * x)

    compiled = ul.compile(loss, "tensorflow", "graph")
    for size in (2, 3, 4, 5, 6):
        compiled(backend.asarray(np.ones((size, 3), "float32")))
    assert [list(shape) for shape in traces] == [[2, 3], [None, 3]]


@pytest.mark.backends("torch")
def test_what_torch_compiled_outlasts_other_calls_of_the_loss(backend):
    from torch._dynamo.utils import counters

    x, labels = (backend.asarray(x) for x in logits_and_labels(4))
    for loss, args, others in (
        (nd.SoftmaxOutput, (x, labels), lambda i: nd.SoftmaxOutput(x, labels, grad_scale=i + 2.0)),
        (ul.losses.huber, (x, x), lambda i: ul.losses.huber(x, x, delta=i + 2.0)),
    ):
        compiled = ul.compile(loss, "torch", "aot_eager")
        compiled(*args)
        before = counters["stats"]["unique_graphs"]
        # More than torch compiles one function anew.
        for i in range(10):
            others(i)
            compiled(*args)
        assert counters["stats"]["unique_graphs"] == before
