"""Losses as modules of the frameworks: called, trained, saved, and refused where there are none."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import unified_loss as ul
from unified_loss.dialects.keras import losses as klosses
from unified_loss.dialects.mxnet.gluon import loss as gloss
from unified_loss.dialects.paddle import nn as pnn
from unified_loss.dialects.torch import nn
from unified_loss.dialects.torch.nn import functional

MODULES = ("mindspore", "torch", "paddle", "mxnet")
LOGITS = np.array([[2.0, -1.0, 0.5], [0.1, 0.2, 3.0]], "float32")
LABELS = np.array([1, 2])
KINDS = {
    "torch": lambda t: t.nn.Module,
    "paddle": lambda p: p.nn.Layer,
    "mindspore": lambda m: m.nn.Cell,
    "mxnet": lambda m: m.gluon.HybridBlock,
    "tensorflow": lambda _: __import__("keras").losses.Loss,
}


@pytest.mark.backends(*MODULES)
def test_a_module_is_the_frameworks_own_and_gives_what_the_loss_gives(backend):
    loss = gloss.SoftmaxCrossEntropyLoss()
    module = ul.as_module(loss, backend.name)
    assert isinstance(module, KINDS[backend.name](backend.framework))
    assert "SoftmaxCrossEntropyLoss" in repr(module)
    assert module.loss.plan == loss.plan and module.loss is not loss
    tensors = backend.asarray(LOGITS), backend.asarray(LABELS)
    expected = loss(*tensors)
    np.testing.assert_array_equal(backend.to_numpy(module(*tensors)), backend.to_numpy(expected))
    # Neutral inputs run where the module is at home, keywords are the loss's own.
    neutral = module(LOGITS.tolist(), LABELS.tolist())
    assert backend.is_tensor(neutral)
    np.testing.assert_array_equal(backend.to_numpy(neutral), backend.to_numpy(expected))
    assert loss.backend is None


@pytest.mark.backends(*MODULES)
@pytest.mark.parametrize(
    "loss",
    [
        ul.losses.huber,
        functional.huber_loss,
        ul.from_config({"loss": "torch.nn.functional.huber_loss", "delta": 1.0}),
        ul.compile(nn.HuberLoss()),
    ],
    ids=["canonical", "function", "config", "compiled"],
)
@pytest.mark.filterwarnings("ignore")  # compiling warns of what the framework itself deprecates
def test_all_that_is_a_loss_can_be_a_module(loss, backend):
    module = ul.as_module(loss, backend.name)
    value = module(backend.asarray([3.0, 0.5]), backend.asarray([0.0, 0.0]))
    assert float(backend.to_numpy(value)) == pytest.approx((2.5 + 0.125) / 2)


@pytest.mark.backends("torch")
def test_a_torch_module_trains_its_weights(backend):
    torch = backend.framework
    torch.manual_seed(1)
    native = torch.nn.AdaptiveLogSoftmaxWithLoss(16, 20, [5, 10])
    module = ul.as_module(nn.AdaptiveLogSoftmaxWithLoss(16, 20, [5, 10]), "torch")
    module.load_state_dict(native.state_dict())
    assert [n for n, _ in module.named_parameters()] == [n for n, _ in native.named_parameters()]
    inputs, targets = torch.randn(6, 16), torch.tensor([0, 4, 7, 12, 19, 3])
    for each in (module, native):
        optimizer = torch.optim.SGD(each.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            each(inputs, targets).loss.backward()
            optimizer.step()
    for name, trained in native.state_dict().items():
        assert not torch.equal(trained, torch.zeros_like(trained))
        torch.testing.assert_close(module.state_dict()[name], trained)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        torch.testing.assert_close(other(inputs, targets).loss, native(inputs, targets).loss)
        assert other.state_dict()["head.weight"] is not module.state_dict()["head.weight"]
    zero = {name: torch.zeros_like(p) for name, p in module.named_parameters()}
    with torch.no_grad():
        without = torch.func.functional_call(module, zero, (inputs, targets))
        torch.testing.assert_close(module(inputs, targets).loss, native(inputs, targets).loss)
    assert not torch.allclose(without.loss, module(inputs, targets).loss)


@pytest.mark.backends("torch")
def test_a_torch_module_compiles_whole(backend):
    torch = backend.framework
    torch._dynamo.reset()
    module = ul.as_module(nn.CrossEntropyLoss(label_smoothing=0.1), "torch")
    compiled = torch.compile(module, fullgraph=True, backend="eager")
    tensors = torch.tensor(LOGITS), torch.tensor(LABELS)
    torch.testing.assert_close(compiled(*tensors), module(*tensors))


@pytest.mark.backends("paddle")
def test_a_paddle_layer_trains_its_weights(backend):
    paddle = backend.framework
    native = paddle.nn.HSigmoidLoss(4, 5)
    module = ul.as_module(pnn.HSigmoidLoss(4, 5), "paddle")
    module.set_state_dict(native.state_dict())
    assert list(module.state_dict()) == list(native.state_dict())
    # Paddle 3.3.1's own loss cannot be differentiated by its weights alone.
    inputs = paddle.to_tensor(np.ones((3, 4), "float32"), stop_gradient=False)
    labels = paddle.to_tensor([[0], [2], [4]])
    for each in (module, native):
        optimizer = paddle.optimizer.SGD(0.1, parameters=each.parameters())
        for _ in range(3):
            each(inputs, labels).mean().backward()
            optimizer.step()
            optimizer.clear_grad()
    for name, trained in native.state_dict().items():
        np.testing.assert_allclose(module.state_dict()[name].numpy(), trained.numpy(), 1e-5, 1e-6)


@pytest.mark.backends("mindspore", "mxnet")
def test_weights_become_the_frameworks_parameters(backend):
    loss = pnn.HSigmoidLoss(4, 5)
    loss.load_state({name: np.full(x.shape, 0.5, "float32") for name, x in loss._state.items()})
    module = ul.as_module(loss, backend.name)
    inputs, labels = np.ones((3, 4), "float32"), [[0], [2], [4]]
    expected = backend.to_numpy(loss(backend.asarray(inputs), backend.asarray(labels)))
    np.testing.assert_allclose(
        backend.to_numpy(module(backend.asarray(inputs), backend.asarray(labels))), expected
    )
    framework = backend.framework
    if backend.name == "mindspore":
        assert [p.name for p in module.trainable_params()] == ["weight", "bias"]
        step = framework.value_and_grad(
            lambda x, y: module(x, y).mean(), None, weights=module.trainable_params()
        )
        _, gradients = step(backend.asarray(inputs), backend.asarray(labels))
    else:
        assert list(module.collect_params()) == ["weight", "bias"]
        with framework.autograd.record():
            value = module(backend.asarray(inputs), backend.asarray(labels)).mean()
        value.backward()
        gradients = [p.grad() for p in module.collect_params().values()]
    assert all(np.abs(backend.to_numpy(g)).max() > 0 for g in gradients)


@pytest.mark.backends("mxnet")
def test_a_gluon_block_hybridizes(backend):
    module = ul.as_module(gloss.HuberLoss(), "mxnet")
    tensors = backend.asarray([[3.0, 0.5]]), backend.asarray([[0.0, 0.0]])
    expected = module(*tensors)
    module.hybridize()
    for weights in ((), (backend.asarray([[1.0, 1.0]]),)):
        np.testing.assert_allclose(module(*tensors, *weights).asnumpy(), expected.asnumpy())
    module.hybridize(active=False)
    assert module(*tensors).asnumpy() == expected.asnumpy()


@pytest.mark.backends("mindspore")
def test_a_mindspore_model_trains_with_a_cell(backend):
    mindspore = backend.framework
    net = mindspore.nn.Dense(3, 2)
    module = ul.as_module(nn.MSELoss(), "mindspore")
    step = mindspore.nn.TrainOneStepCell(
        mindspore.nn.WithLossCell(net, module), mindspore.nn.SGD(net.trainable_params(), 0.1)
    )
    x, y = backend.asarray(np.eye(3, dtype="float32")), backend.asarray(np.zeros((3, 2), "float32"))
    first = float(step(x, y).asnumpy())
    for _ in range(20):
        last = float(step(x, y).asnumpy())
    assert last < first / 2


# ---------------------------------------------------------------------------------- Keras


@pytest.mark.backends("tensorflow")
def test_keras_calls_it_labels_first_whatever_its_own_order(backend):
    import keras

    module = ul.as_module(nn.CrossEntropyLoss(), "tensorflow")
    assert isinstance(module, keras.losses.Loss) and module.name == "CrossEntropyLoss"
    expected = nn.CrossEntropyLoss()(backend.asarray(LOGITS), backend.asarray(LABELS))
    assert float(module(LABELS, LOGITS)) == float(module.call(LABELS, LOGITS)) == float(expected)
    with pytest.raises(TypeError, match="CrossEntropyLoss: sample_weight is given"):
        module(LABELS, LOGITS, sample_weight=[1.0, 2.0])
    weighted = ul.as_module(gloss.SoftmaxCrossEntropyLoss(), "tensorflow")
    np.testing.assert_allclose(
        weighted(LABELS, LOGITS, [[1.0], [2.0]]), weighted(LABELS, LOGITS) * np.array([1.0, 2.0])
    )
    own = ul.as_module(klosses.SparseCategoricalCrossentropy(from_logits=True), "tensorflow")
    native = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert float(own(LABELS, LOGITS, [1.0, 3.0])) == pytest.approx(float(native(LABELS, LOGITS, [1.0, 3.0])))


@pytest.mark.backends("tensorflow")
@pytest.mark.filterwarnings("ignore")  # Keras itself uses what is deprecated
def test_a_keras_model_trains_with_it_and_is_saved_with_it(backend, tmp_path):
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, kernel_initializer="zeros")])
    model.compile(optimizer=keras.optimizers.SGD(0.5), loss=ul.as_module(nn.CrossEntropyLoss(), "tensorflow"))
    history = model.fit(LOGITS, LABELS, epochs=5, verbose=0).history["loss"]
    assert history[0] == pytest.approx(np.log(3)) and history[-1] < 0.7
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.loss.loss.plan == nn.CrossEntropyLoss().plan
    assert loaded.evaluate(LOGITS, LABELS, verbose=0) == pytest.approx(
        model.evaluate(LOGITS, LABELS, verbose=0)
    )


@pytest.mark.backends("tensorflow")
def test_what_keras_cannot_call_is_refused(backend):
    with pytest.raises(ul.ConfigError, match="TripletMarginLoss.* takes anchor, positive, negative"):
        ul.as_module(nn.TripletMarginLoss(), "tensorflow")
    with pytest.raises(ul.UnsupportedOperation, match="HSigmoidLoss"):
        ul.as_module(pnn.HSigmoidLoss(4, 5), "tensorflow")


# -------------------------------------------------------------------------------- refused


@pytest.mark.backends("numpy", "jax")
def test_frameworks_without_modules_say_so(backend):
    with pytest.raises(ul.UnsupportedOperation, match="has no modules"):
        ul.as_module(nn.MSELoss(), backend.name)


def test_what_is_no_loss_is_refused():
    with pytest.raises(ul.ConfigError, match="as_module: 3 is no loss"):
        ul.as_module(3, "numpy")
    with pytest.raises(ul.UnsupportedOperation, match="NumPy has no modules"):
        ul.as_module(nn.MSELoss())


def test_losses_are_pickled_after_they_were_called():
    loss = nn.HuberLoss(delta=2.0)
    expected = loss(np.array([3.0, 0.5]), np.zeros(2))
    again = pickle.loads(pickle.dumps(loss))
    assert again.plan == loss.plan and again(np.array([3.0, 0.5]), np.zeros(2)) == expected
