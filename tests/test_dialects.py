"""Dialects: native signatures, native names, and autograd as users of each framework write it."""

from __future__ import annotations

import dataclasses
import importlib
import inspect

import numpy as np
import pytest

import unified_loss as ul
from unified_loss.dialects.mindspore import nn as msnn
from unified_loss.dialects.mxnet.gluon import loss as gloss
from unified_loss.dialects.paddle import nn as pnn
from unified_loss.naming import native_names

X = np.array([[0.5, -1.2, 2.0], [1.5, 0.3, -0.7]], dtype="float32")
Y = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], dtype="float32")


def parameters(function, drop=("self",)):
    return [
        (p.name, p.default)
        for p in inspect.signature(function).parameters.values()
        if p.name not in drop and p.kind is not p.VAR_KEYWORD
    ]


def constructor(kind):
    return [(f.name, f.default) for f in dataclasses.fields(kind)]


def native(name):
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


@pytest.mark.backends("mxnet")
@pytest.mark.parametrize("name", [n for n in native_names() if n.startswith("mxnet.gluon.")])
def test_gluon_signatures(backend, name):
    ours, theirs = ul.resolve(name), native(name)
    assert constructor(ours) == parameters(theirs.__init__)
    # A HybridBlock's call takes anything; what it means stands in hybrid_forward.
    assert parameters(ours.__call__) == parameters(theirs.hybrid_forward, drop=("self", "F"))
    assert ours(prefix="loss0_", params=None).plan == ours().plan
    with pytest.raises(TypeError, match="reduction"):
        ours(reduction="mean")


@pytest.mark.backends("mxnet")
def test_gluon_is_complete(backend):
    theirs = importlib.import_module("mxnet.gluon.loss").__all__
    assert set(theirs) == set(gloss.__all__)


@pytest.mark.backends("mindspore")
def test_mindspore_signatures(backend):
    theirs = native("mindspore.nn.BCELoss")
    assert constructor(msnn.BCELoss) == parameters(theirs.__init__)
    assert parameters(msnn.BCELoss.__call__) == parameters(theirs.construct)


@pytest.mark.backends("paddle")
def test_paddle_signatures(backend):
    theirs = native("paddle.nn.BCEWithLogitsLoss")
    assert constructor(pnn.BCEWithLogitsLoss) == parameters(theirs.__init__)
    assert parameters(pnn.BCEWithLogitsLoss.__call__) == parameters(theirs.forward)


def test_arguments_by_position_and_by_name():
    loss = gloss.SigmoidBCELoss(True, 0.5, 1)
    assert (loss.from_sigmoid, loss.weight, loss.batch_axis) == (True, 0.5, 1)
    weight, positive = np.array([[2.0], [3.0]], "float32"), np.array([[1.0, 2.0, 0.5]], "float32")
    by_position = gloss.SigmoidBCELoss()(X, Y, weight, positive)
    by_name = gloss.SigmoidBCELoss()(pos_weight=positive, label=Y, sample_weight=weight, pred=X)
    np.testing.assert_array_equal(by_position, by_name)
    assert repr(loss) == "SigmoidBinaryCrossEntropyLoss(from_sigmoid=True, weight=0.5, batch_axis=1)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        loss.weight = 2.0


def test_the_epsilon_of_a_call():
    loss = gloss.PoissonNLLLoss(from_logits=False)
    rate, count = np.array([[0.5, 0.0]]), np.array([[1.0, 0.0]])
    assert loss(rate, count, None, 0.5).shape == (1,)
    assert float(loss(rate, count, epsilon=0.5)[0]) == 0.25
    assert float(loss(rate, count)[0]) == pytest.approx((0.5 - np.log(0.5 + 1e-8)) / 2)


def sigmoid_gradient():
    return (1 / (1 + np.exp(-X)) - Y) / X.shape[1]


LOSS = gloss.SigmoidBCELoss()


@pytest.mark.backends("torch")
def test_autograd_of_torch(backend):
    x = backend.asarray(X).requires_grad_()
    LOSS(x, backend.asarray(Y)).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), sigmoid_gradient(), rtol=1e-5)


@pytest.mark.backends("tensorflow")
def test_autograd_of_tensorflow(backend):
    tf = backend.framework
    x = tf.Variable(X)
    with tf.GradientTape() as tape:
        value = LOSS(x, tf.constant(Y))
    np.testing.assert_allclose(tape.gradient(value, x).numpy(), sigmoid_gradient(), rtol=1e-5)


@pytest.mark.backends("jax")
def test_autograd_of_jax(backend):
    jax = backend.framework

    def summed(x, y):
        return LOSS(x, y).sum()

    for gradient in (jax.grad(summed), jax.jit(jax.grad(summed))):
        got = gradient(backend.asarray(X), backend.asarray(Y))
        np.testing.assert_allclose(got, sigmoid_gradient(), rtol=1e-5)
    per_sample = jax.vmap(ul.losses.squared_error)(backend.asarray(X), backend.asarray(Y))
    np.testing.assert_allclose(per_sample, np.mean((X - Y) ** 2, axis=1), rtol=1e-6)


@pytest.mark.backends("paddle")
def test_autograd_of_paddle(backend):
    x = backend.asarray(X)
    x.stop_gradient = False
    LOSS(x, backend.asarray(Y)).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), sigmoid_gradient(), rtol=1e-5)


@pytest.mark.backends("mindspore")
def test_autograd_of_mindspore(backend):
    ms = backend.framework
    labels = backend.asarray(Y)
    gradient = ms.grad(lambda x: LOSS(x, labels).sum())(backend.asarray(X))
    np.testing.assert_allclose(gradient.asnumpy(), sigmoid_gradient(), rtol=1e-5)


SIGNS = np.where(Y > 0, 1.0, -1.0).astype("float32")
SEQUENCES = np.sin(np.arange(60.0)).reshape(2, 6, 5).astype("float32")
ROWS = np.array([2.0, 0.0], "float32")
GLUON = {
    "L2Loss": (X, Y),
    "L1Loss": (X, Y, np.array([[0.5], [2.0]], "float32")),
    "SigmoidBCELoss": (X, Y, None, np.array([[2.0, 0.5, 3.0]], "float32")),
    "SoftmaxCELoss": (X, ROWS),
    "KLDivLoss": (X, Y + 0.25),
    "CTCLoss": (SEQUENCES, np.array([[0, 1, 1], [2, -1, -1]], "float32")),
    "HuberLoss": (X, Y),
    "HingeLoss": (X, SIGNS),
    "SquaredHingeLoss": (X, SIGNS),
    "LogisticLoss": (X, SIGNS),
    "TripletLoss": (X, Y, SIGNS),
    "PoissonNLLLoss": (X, Y),
    "CosineEmbeddingLoss": (X, Y, np.array([1.0, -1.0], "float32")),
    "SDMLLoss": (X, Y),
}


@pytest.mark.backends("mxnet")
@pytest.mark.parametrize("numpy_shapes", [False, True])
@pytest.mark.parametrize("name", GLUON)
def test_autograd_of_mxnet(backend, name, numpy_shapes):
    """The user's own record and backward, on ours and on the native loss, in both of MXNet's shape modes."""
    mx = backend.framework
    outcomes = []
    for loss in (getattr(gloss, name)(), getattr(mx.gluon.loss, name)()):
        tensors = [None if x is None else mx.nd.array(x) for x in GLUON[name]]
        tensors[0].attach_grad()
        with mx.util.np_shape(numpy_shapes):
            with mx.autograd.record():
                value = loss(*tensors)
                # A power of two, so that the head gradient is not all ones.
                total = (value * 4).sum()
            total.backward()
        outcomes.append((type(value), value.asnumpy(), tensors[0].grad.asnumpy()))
    (ours, value, gradient), (theirs, native_value, native_gradient) = outcomes
    assert ours is theirs
    np.testing.assert_allclose(value, native_value, rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(gradient, native_gradient, rtol=2e-5, atol=2e-5)


def traced(backend, function, tensors):
    framework = backend.framework
    if backend.name == "torch":
        framework._dynamo.reset()
        return framework.compile(function, fullgraph=True, backend="eager")
    if backend.name == "tensorflow":
        of_any_batch = [framework.TensorSpec([None, *x.shape[1:]], x.dtype) for x in tensors]
        return framework.function(function, input_signature=of_any_batch)
    return framework.jit(function)


@pytest.mark.backends("torch", "tensorflow", "jax")
@pytest.mark.parametrize("name", GLUON)
def test_a_loss_inside_a_traced_function(backend, name):
    tensors = [backend.asarray(x) for x in GLUON[name] if x is not None]
    eager = getattr(gloss, name)()(*tensors)
    loss = getattr(gloss, name)()
    got = traced(backend, loss.__call__, tensors)(*tensors)
    np.testing.assert_allclose(backend.to_numpy(got), backend.to_numpy(eager), rtol=1e-5, atol=1e-6)


@pytest.mark.backends("numpy")
def test_autograd_of_hips(backend):
    autograd = pytest.importorskip("autograd")
    gradient = autograd.elementwise_grad(lambda x: LOSS(x, Y))(X)
    np.testing.assert_allclose(gradient, sigmoid_gradient(), rtol=1e-5)


@pytest.mark.backends("jax")
def test_an_invalid_label_is_nan_where_values_cannot_be_read(backend):
    jax = backend.framework

    @jax.jit
    def losses(x, y):
        return ul.losses.sparse_softmax_cross_entropy(x, y, reduction="none")

    got = np.asarray(losses(backend.asarray(X), backend.asarray(np.array([2, 3]))))
    assert np.isnan(got).tolist() == [False, True]
