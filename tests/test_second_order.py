"""Second derivatives: the gradient of a gradient, of ours and of native losses, against the oracle."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from test_losses import REFERENCES
from unified_loss.conformance import tolerances
from unified_loss.conformance.calls import gradient_output, input_tensors, prepared_call
from unified_loss.conformance.domains import domains
from unified_loss.conformance.oracle.backend import oracle_backend
from unified_loss.conformance.oracle.probes import probe
from unified_loss.conformance.second_order import exact_product, native_gaps, native_product, product
from unified_loss.conformance.worker import load_state

import unified_loss as ul
from unified_loss.dispatch import use_backend
from unified_loss.naming import resolve

# What they hand back is no derivative, and is held fixed.
REPLACED = {"softmax_output", "regression_output", "svm_output"}
# FastEmit scales the gradient on its way, not the loss: the derivative of that is another.
SCALED = {"rnnt with lengths, of numbers that are no log-probabilities", "paddle.nn.RNNTLoss"}
CANONICAL = [name for name in REFERENCES if name not in SCALED]
ROWS = [name for name, domain in domains().items() if domain.gradient_of and name not in SCALED]


def canonical(name):
    inputs, parameters, _ = REFERENCES[name]
    loss = getattr(ul.losses, name.split()[0])
    return functools.partial(loss, **parameters, reduction="none"), inputs


@functools.cache
def exact(name):
    return exact_product(*canonical(name), 0)


@pytest.mark.backends("numpy", "torch", "tensorflow", "paddle")
@pytest.mark.parametrize("name", CANONICAL)
def test_canonical_losses_against_the_oracle(backend, name):
    check_canonical(backend, name)


@pytest.mark.backends("jax")
@pytest.mark.parametrize("name", CANONICAL[::9])
def test_some_canonical_losses_against_the_oracle(backend, name):
    # JAX compiles every operation of each.
    check_canonical(backend, name)


def check_canonical(backend, name):
    got = product(*canonical(name), 0, backend)
    expected = exact(name)
    if name.split()[0] in REPLACED:
        expected = 0 * expected
    largest = max(1.0, np.max(np.abs(expected)))
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-11 * largest)


def row(name, backend):
    """Our loss of a row as a function of its tensors, and its inputs."""
    case = probe(domains()[name], "ordinary", dtype_of(name))
    call = prepared_call(case, resolve(case.loss), backend.asarray, load_state, backend)
    chosen = gradient_output(case)
    return case, lambda *tensors: call(*tensors)[chosen], input_tensors(case, lambda x: x, backend)


def dtype_of(name):
    """The finest that the native loss takes."""
    return "float64" if "float64" in domains()[name].dtypes else "float32"


@functools.cache
def exact_of_row(name):
    case, call, inputs = row(name, oracle_backend())
    return exact_product(call, inputs, case.gradient_of)


def assert_agrees(case, got, expected):
    tolerance = tolerances.of_outcome(case, dtype_of(case.loss)).relative
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * max(1.0, np.max(np.abs(expected))))


@pytest.mark.filterwarnings("ignore")  # natives warn of what they deprecate
@pytest.mark.backends("torch", "tensorflow", "paddle", "jax")
def test_dialect_losses_and_native_ones_against_the_oracle(backend):
    wrong, gaps = [], {}
    for name in ROWS:
        case, call, inputs = row(name, backend)
        if case.native_backend != backend.name or (backend.name == "jax" and len(name) % 4):
            continue
        expected = exact_of_row(name)
        with use_backend(backend.name):
            assert_agrees(case, product(call, inputs, case.gradient_of, backend), expected)
        try:
            assert_agrees(case, native_product(case, backend), expected)
        except Exception as error:  # noqa: BLE001  frameworks raise whatever they like
            gaps[name] = "wrong" if isinstance(error, AssertionError) else "refused"
        known = native_gaps().get(name)
        if gaps.get(name) != (known and known["outcome"]):
            wrong.append((name, gaps.get(name), known))
    assert not wrong


@pytest.mark.backends("mindspore", "mxnet")
def test_where_there_are_no_second_derivatives_the_call_says_so(backend):
    loss, inputs = canonical("log_cosh")
    with pytest.raises(ul.UnsupportedOperation, match="second derivatives|wrong ones"):
        product(loss, inputs, 0, backend)
    # The gradient itself is not affected, not even of a function that was refused.
    value, _ = ul.value_and_grad(loss)(*map(backend.asarray, inputs))
    assert np.isfinite(backend.to_numpy(value)).all()


@pytest.mark.backends("mindspore")
def test_the_gap_of_mindspore_is_still_there(backend):
    ms = backend.framework

    def quartic(x):
        return ms.ops.square(ms.ops.reshape(ms.ops.square(x), (3,)))

    x = ms.Tensor([[1.0, 2.0, 3.0]], ms.float64)
    found = ms.grad(lambda x: ms.grad(quartic)(x).sum())(x).asnumpy()
    assert not np.allclose(found, 12 * x.asnumpy() ** 2)


@pytest.mark.backends("mxnet")
def test_the_gap_of_mxnet_is_still_there(backend):
    mx = backend.framework
    x = mx.np.array([1.0, 2.0])
    x.attach_grad()
    with pytest.raises(mx.MXNetError, match="non-differentiable"):
        with mx.autograd.record():
            (slope,) = mx.autograd.grad(x * x, [x], create_graph=True, retain_graph=True)
        slope.backward()


@pytest.mark.backends("numpy", "torch", "tensorflow", "paddle", "jax")
def test_a_gradient_penalty_by_what_the_inner_function_closes_over(backend):
    x, target = (backend.asarray(np.array(v)) for v in ([0.5, -1.0], [0.0, 0.25]))

    def penalty(scale):
        scaled = lambda x: ul.losses.squared_error(scale * x, target, reduction="sum")  # noqa: E731
        return ul.value_and_grad(scaled)(x)[1] ** 2

    # The gradient is 2 scale (scale x - target).
    _, found = ul.value_and_grad(penalty)(backend.asarray(np.array([2.0, 3.0])))
    s, x, y = np.array([2.0, 3.0]), np.array([0.5, -1.0]), np.array([0.0, 0.25])
    np.testing.assert_allclose(backend.to_numpy(found), 2 * (2 * s * (s * x - y)) * (4 * s * x - 2 * y))


@pytest.mark.backends("numpy", "torch", "tensorflow", "paddle", "jax")
def test_a_third_derivative(backend):
    def derivative(function):
        return lambda x: ul.value_and_grad(function)(x)[1]

    x = backend.asarray(np.array([0.5, -1.5, 2.0]))
    third = derivative(derivative(derivative(lambda x: ul.losses.poisson_nll(x, target, reduction="sum"))))
    target = backend.asarray(np.array([1.0, 0.0, 3.0]))
    np.testing.assert_allclose(backend.to_numpy(third(x)), np.exp([0.5, -1.5, 2.0]))


@pytest.mark.backends("torch", "paddle")
def test_without_an_outer_gradient_nothing_is_tracked(backend):
    x = backend.asarray(np.array([0.5, -1.5]))
    if backend.name == "torch":
        x.requires_grad_()
    else:
        x.stop_gradient = False
    value, gradient = ul.value_and_grad(ul.losses.log_cosh)(x, backend.asarray(np.zeros(2)))
    tracked = (lambda t: t.requires_grad) if backend.name == "torch" else (lambda t: not t.stop_gradient)
    assert not tracked(value) and not tracked(gradient) and x.grad is None
