"""What `torch.nn` does at the call, beyond the cases: broadcasting, lengths, weights of its own."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import unified_loss as ul
from unified_loss.dialects.torch import nn
from unified_loss.errors import BroadcastWarning

RNG = np.random.default_rng(20261126)
X = RNG.normal(size=(3, 4)).astype("float32")
LOG_P = np.log(RNG.dirichlet(np.ones(4), size=(5, 2))).astype("float32")


@pytest.mark.parametrize(
    ("size_average", "reduce", "expected"),
    [
        (None, None, "sum"),
        (True, None, "mean"),
        (False, None, "sum"),
        (None, True, "mean"),
        (None, False, "none"),
        (False, False, "none"),
        (False, True, "sum"),
    ],
)
def test_a_retired_argument_overrides_the_reduction(size_average, reduce, expected):
    loss = nn.L1Loss(size_average, reduce, "sum")
    assert loss.plan == nn.L1Loss(reduction=expected).plan
    plan = nn.functional.l1_loss.plan(size_average=size_average, reduce=reduce, reduction="sum")
    assert plan.reduction.kind == nn.functional.l1_loss.plan(reduction=expected).reduction.kind


def test_a_target_of_another_shape_is_broadcast_with_a_warning(backend):
    target = X[0]
    with pytest.warns(BroadcastWarning, match=r"MSELoss: target has shape \(4,\).*\(3, 4\)"):
        got = nn.MSELoss()(backend.asarray(X), backend.asarray(target))
    np.testing.assert_allclose(backend.to_numpy(got), np.mean((X - target) ** 2), rtol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.MSELoss()(backend.asarray(X), backend.asarray(X + 1))


def test_probabilities_are_not_refused_for_a_label_that_none_can_have(backend):
    soft = np.full((3, 4), 0.25, "float32")
    expected = np.mean(np.log(np.exp(X).sum(1)) - X.mean(1))
    got = nn.CrossEntropyLoss()(backend.asarray(X), backend.asarray(soft))
    np.testing.assert_allclose(backend.to_numpy(got), expected, rtol=1e-5)
    with pytest.raises(ul.errors.DtypeError, match="label 1 is to be ignored.*distributions"):
        nn.CrossEntropyLoss(ignore_index=1)(backend.asarray(X), backend.asarray(soft))


def ctc(backend, targets, lengths, log_p=LOG_P, frames=(5, 4), **kwargs):
    tensors = [backend.asarray(np.asarray(x)) for x in (log_p, targets, frames, lengths)]
    return backend.to_numpy(nn.CTCLoss(**{"reduction": "none", **kwargs})(*tensors))


def test_labels_behind_their_length_are_not_read(backend):
    expected = ctc(backend, [[1, 2, 0], [3, 0, 0]], [2, 1])
    np.testing.assert_array_equal(ctc(backend, [[1, 2, -100], [3, 99, -1]], [2, 1]), expected)
    with pytest.raises(IndexError, match="CTCLoss: targets holds 99"):
        ctc(backend, [[1, 2, -100], [3, 99, -1]], [2, 2])


def test_rows_of_labels_may_come_in_one_axis(backend):
    expected = ctc(backend, [[1, 2, 0], [3, 0, 0]], [2, 1])
    np.testing.assert_allclose(ctc(backend, [1, 2, 3], [2, 1]), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="CTCLoss: targets has 3 entries, expected 4"):
        ctc(backend, [1, 2, 3], [2, 2])


def test_one_sample_may_come_without_its_axis(backend):
    expected = ctc(backend, [[1, 2], [3, 1]], [2, 2])[0]
    one = ctc(backend, [1, 2], 2, log_p=LOG_P[:, 0], frames=5)
    assert one.shape == ()
    np.testing.assert_allclose(one, expected, rtol=1e-6)


def test_without_labels_all_frames_are_blank(backend):
    got = ctc(backend, np.zeros((2, 0), "int64"), [0, 0])
    np.testing.assert_allclose(got, [-LOG_P[:5, 0, 0].sum(), -LOG_P[:4, 1, 0].sum()], rtol=1e-5)


def test_weights_are_drawn_within_their_bounds_and_trained():
    loss = nn.LinearCrossEntropyLoss(9, 4, bias=True)
    state = loss.state
    assert {name: x.shape for name, x in state.items()} == {"linear.weight": (4, 9), "linear.bias": (4,)}
    assert all(0 < np.abs(x).max() <= 1 / 3 for x in state.values())
    x, y = RNG.normal(size=(3, 9)).astype("float32"), np.array([0, 3, 1])
    logits = x @ state["linear.weight"].T + state["linear.bias"]
    expected = np.log(np.exp(logits).sum(1)) - logits[np.arange(3), y]
    np.testing.assert_allclose(loss(x, y), expected.mean(), rtol=1e-5)


def test_the_state_is_what_the_loss_computes_with(backend):
    loss = nn.LinearCrossEntropyLoss(4, 5)
    loss.load_state({"linear.weight": backend.asarray(np.eye(5, 4, dtype="float32"))})

    def of_weight(weight):
        loss.load_state({"linear.weight": weight})
        return loss(backend.asarray(X), backend.asarray(np.array([0, 4, 2])))

    value, gradient = ul.value_and_grad(of_weight)(backend.asarray(np.eye(5, 4, dtype="float32")))
    logits = np.concatenate([X, np.zeros((3, 1), "float32")], axis=1)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(backend.to_numpy(value), -np.log(p[[0, 1, 2], [0, 4, 2]]).mean(), rtol=1e-5)
    slope = (p - np.eye(5)[[0, 4, 2]]).T @ X / 3
    np.testing.assert_allclose(backend.to_numpy(gradient), slope, atol=1e-6)


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [
        ({}, ul.ConfigError, "'linear.weight' is missing"),
        ({"linear.weight": np.ones((5, 4)), "other": 1}, ul.ConfigError, "'other' is unknown"),
        ({"linear.weight": np.ones((4, 5))}, ul.errors.ShapeError, r"\(4, 5\), expected \(5, 4\)"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(state, error, words):
    with pytest.raises(error, match=f"LinearCrossEntropyLoss: weight .*{words}"):
        nn.LinearCrossEntropyLoss(4, 5).load_state(state)


def test_the_outputs_of_the_adaptive_softmax_have_names(backend):
    loss = nn.AdaptiveLogSoftmaxWithLoss(4, 7, [2, 5], head_bias=True)
    result = loss(backend.asarray(X), backend.asarray(np.array([1, 6, 3])))
    output, mean = (backend.to_numpy(x) for x in (result.output, result.loss))
    assert output.shape == (3,) and mean.shape == ()
    np.testing.assert_allclose(mean, -output.mean(), rtol=1e-5)
    with pytest.raises(IndexError, match="AdaptiveLogSoftmaxWithLoss: target_ holds 7"):
        loss(backend.asarray(X), backend.asarray(np.array([1, 7, 3])))


@pytest.mark.parametrize("cutoffs", [[], [5, 2], [0, 2], [2, 7], [2, 2]])
def test_cutoffs_that_divide_no_classes_are_refused(cutoffs):
    with pytest.raises(ValueError, match="cutoffs is .*expected increasing numbers from 1 to 6"):
        nn.AdaptiveLogSoftmaxWithLoss(4, 7, cutoffs)


def test_names_of_modules_are_the_same_losses():
    assert ul.resolve("torch.nn.modules.loss.CTCLoss") is nn.CTCLoss
    assert ul.resolve("torch.nn.modules.AdaptiveLogSoftmaxWithLoss") is nn.AdaptiveLogSoftmaxWithLoss
    assert nn.functional.mse_loss is ul.resolve("torch.nn.functional.mse_loss")
