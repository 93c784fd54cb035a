"""Value and gradient computed together in blocks: equal to the whole, once and again, and let go of."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from unified_loss.conformance.modes import in_blocks

import unified_loss as ul
from unified_loss.dialects.mxnet.gluon import loss as gloss
from unified_loss.dialects.torch import nn
from unified_loss.spec import Spec

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(2, 13, 5)).astype("float32")
SHARE = RNG.random((13, 5)).astype("float32")
LABELS = RNG.integers(0, 5, 13)
LABELS[[2, 7]] = -100

CASES = {
    "elementwise": (nn.KLDivLoss(reduction="batchmean"), (X, SHARE)),
    "a kernel of the framework": (nn.HuberLoss(delta=0.5), (X, Y)),
    "sum": (nn.PoissonNLLLoss(reduction="sum"), (X, SHARE)),
    "ignored labels": (nn.CrossEntropyLoss(label_smoothing=0.1), (X, LABELS)),
    "class weights": (nn.CrossEntropyLoss(weight=SHARE[0].tolist()), (X, LABELS)),
    "a vector": (gloss.HuberLoss(), (X, Y)),
    "a vector of weighted samples": (gloss.L1Loss(), (X, Y, SHARE[:, :1])),
    "two tensors": (nn.GaussianNLLLoss(), (X, Y, SHARE + 0.1)),
}


def loss_and_tensors(backend, name):
    loss, arrays = CASES[name]
    return loss, [backend.asarray(x) for x in arrays]


def graded(tensors, *positions):
    return [x.clone().requires_grad_(i in (positions or (0,))) for i, x in enumerate(tensors)]


@pytest.fixture
def counted(backend, monkeypatch):
    """How often something was evaluated in blocks."""
    calls = []
    plain = type(backend).with_gradients
    monkeypatch.setattr(
        type(backend), "with_gradients", lambda *args: calls.append(1) or plain(*args)
    )
    # What is compared with must not be what is tested.
    monkeypatch.setattr("unified_loss.backends.torch._FASTER_WHOLE", ())
    return calls


@pytest.mark.backends("torch")
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("elements", [1, 7, 20, 65])
def test_blocks_of_any_size_give_what_the_whole_gives(name, elements, backend, counted):
    torch = backend.framework
    loss, tensors = loss_and_tensors(backend, name)
    wanted = (0, 2) if name == "two tensors" else (0,)
    whole, cut = graded(tensors, *wanted), graded(tensors, *wanted)
    head = torch.linspace(0.5, 2.0, 13)
    expected = loss(*whole)
    (expected * (head if expected.ndim else 3.0)).sum().backward()
    assert not counted
    with in_blocks(backend, elements):
        value = loss(*cut)
        (value * (head if value.ndim else 3.0)).sum().backward()
    assert counted
    torch.testing.assert_close(value, expected)
    for i in wanted:
        torch.testing.assert_close(cut[i].grad, whole[i].grad)
    with in_blocks(backend, elements), torch.no_grad():
        torch.testing.assert_close(loss(*cut), expected)


@pytest.mark.backends("torch")
def test_a_graph_that_is_kept_can_be_passed_twice(backend, counted):
    loss, tensors = loss_and_tensors(backend, "ignored labels")
    x, label = graded(tensors)
    with in_blocks(backend):
        value = loss(x, label)
        value.backward(retain_graph=True)
        once = x.grad.clone()
        value.backward()
    backend.framework.testing.assert_close(x.grad, 2 * once)
    assert counted


@pytest.mark.backends("torch")
@pytest.mark.parametrize("name", CASES)
def test_the_gradient_can_itself_be_differentiated(name, backend, counted):
    torch = backend.framework
    loss, tensors = loss_and_tensors(backend, name)

    def twice():
        x, *others = graded(tensors)
        (gradient,) = torch.autograd.grad(loss(x, *others).sum(), x, create_graph=True)
        if not gradient.requires_grad:
            return gradient, torch.zeros_like(x)
        (second,) = torch.autograd.grad((gradient * torch.arange(65.0).reshape(13, 5)).sum(), x)
        return gradient, second

    expected = twice()
    with in_blocks(backend):
        actual = twice()
    assert counted
    torch.testing.assert_close(actual, expected)


@pytest.mark.backends("torch")
@pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated:DeprecationWarning")
def test_what_transforms_or_traces_sees_ordinary_operations(backend, counted):
    torch = backend.framework
    loss, (x, y) = loss_and_tensors(backend, "elementwise")
    expected = torch.func.grad(loss)(x, y)
    with in_blocks(backend):
        torch.testing.assert_close(torch.func.grad(loss)(x, y), expected)
        per_row = torch.vmap(torch.func.grad(loss))(x, y)
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
            tangent = torch.autograd.forward_ad.unpack_dual(loss(dual, y)).tangent
    assert per_row.shape == x.shape and not counted
    torch.testing.assert_close(tangent, expected.sum())


@pytest.mark.backends("torch")
def test_the_gradient_of_what_all_samples_share_is_added_up(backend, counted):
    torch = backend.framework
    features, weight, bias = torch.randn(13, 6), torch.randn(5, 6), torch.randn(5)
    label = torch.tensor(LABELS).clamp(min=0)

    def gradients():
        given = [x.clone().requires_grad_() for x in (features, weight, bias)]
        loss = ul.losses.linear_cross_entropy(given[0], given[1], label, given[2])
        return loss, torch.autograd.grad(loss, given)

    expected = gradients()
    with in_blocks(backend):
        torch.testing.assert_close(gradients(), expected)
    assert counted


@pytest.mark.backends("torch")
def test_nothing_is_left_to_the_garbage_collector(backend, counted, monkeypatch):
    loss, tensors = loss_and_tensors(backend, "class weights")
    x, label = graded(tensors)
    made = []

    def log_softmax(self, v, *, axis):
        made.append(weakref.ref(result := backend.framework.log_softmax(v, axis)))
        return result

    monkeypatch.setattr(type(backend.plain), "log_softmax", log_softmax)
    gc.disable()
    try:
        with in_blocks(backend):
            value = loss(x, label)
        assert made and not any(ref() is not None for ref in made)
    finally:
        gc.enable()
    value.backward()


@pytest.mark.backends("torch")
def test_large_inputs_are_evaluated_in_blocks_and_small_ones_are_not(backend, counted):
    torch = backend.framework
    loss = nn.PoissonNLLLoss()
    loss(torch.randn(100, 100, requires_grad=True), torch.rand(100, 100))
    assert not counted
    x, y = torch.randn(2000, 500, requires_grad=True), torch.rand(2000, 500)
    value = loss(x, y)
    value.backward()
    assert counted == [1]
    native = torch.nn.PoissonNLLLoss()(x, y)
    torch.testing.assert_close(value, native)
    torch.testing.assert_close(x.grad, torch.autograd.grad(native, x)[0])


@pytest.mark.backends("torch")
@pytest.mark.parametrize(
    ("loss", "told"),
    [
        (nn.PoissonNLLLoss(), "in blocks: inputs of 524288 elements or more, value and gradient together"),
        (nn.HuberLoss(), "by a kernel of torch: in and beside blocks"),
        (nn.HuberLoss(delta=np.inf), "by a kernel of torch: never; the kernel takes a positive, finite"),
        (nn.CrossEntropyLoss(), "in blocks: never; torch is as fast with the whole"),
        (nn.L1Loss(reduction="none"), "in blocks: never; it gives more than a number for each sample"),
        (gloss.SDMLLoss(), "in blocks: never; the loss of a sample depends on others"),
    ],
)
def test_a_plan_explains_how_it_is_evaluated(loss, told, backend):
    text = loss.plan.explain("torch")
    assert told in text
    assert text.splitlines()[-1].startswith("composed of the operations of torch: all else")


def test_losses_that_look_at_other_samples_are_evaluated_as_a_whole():
    coupled = {name for name, spec in Spec.registry.items() if not spec.in_blocks}
    assert {"nt_xent", "n_pair", "sdml", "circle", "dice", "in_batch_softmax"} <= coupled
    assert not {"huber", "cross_entropy", "triplet_margin", "linear_cross_entropy"} & coupled
