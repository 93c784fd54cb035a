"""No gradient is NaN or infinite where the true one is finite: of no loss, at no extreme, on no backend."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from unified_loss.conformance.calls import gradient_output, input_tensors, prepared_call
from unified_loss.conformance.domains import domains
from unified_loss.conformance.oracle import outcome
from unified_loss.conformance.oracle.probes import probe
from unified_loss.conformance.worker import load_state

import unified_loss as ul
from unified_loss.dispatch import use_backend
from unified_loss.naming import resolve
from unified_loss.ops import LARGEST_FINITE

# Each kind of extreme in a dtype: logits of 1e4 and huge counts, denormals, probabilities of 0 and 1 and
# scores of 0, equal inputs and ties.
EXTREMES = [("large", "float32"), ("small", "float64"), ("edges", "float32"), ("equal", "float64")]
# In order, so that a share is the same whatever was imported first.
LOSSES = sorted(name for name, domain in domains().items() if domain.gradient_of)
SHARE = {"mindspore": 5, "jax": 40}  # slow for each operation, or for the first of each shape
SQUARED = "the framework divides by the square of a divisor that is as small as the smallest number"
FLUSHED = "the framework takes the smallest numbers for 0"
KNOWN = {
    ("numpy", "keras.losses.categorical_focal_crossentropy/small-float64"): SQUARED,
    ("numpy", "keras.losses.CategoricalFocalCrossentropy/small-float64"): SQUARED,
    ("mxnet", "keras.losses.categorical_focal_crossentropy/small-float64"): SQUARED,
    ("mxnet", "keras.losses.CategoricalFocalCrossentropy/small-float64"): SQUARED,
    ("tensorflow", "keras.losses.categorical_generalized_cross_entropy/small-float64"): FLUSHED,
    ("tensorflow", "keras.losses.CategoricalGeneralizedCrossEntropy/small-float64"): FLUSHED,
    ("mindspore", "keras.losses.categorical_generalized_cross_entropy/small-float64"): FLUSHED,
    ("mindspore", "keras.losses.CategoricalGeneralizedCrossEntropy/small-float64"): FLUSHED,
    ("jax", "keras.losses.categorical_generalized_cross_entropy/small-float64"): FLUSHED,
    ("jax", "keras.losses.CategoricalGeneralizedCrossEntropy/small-float64"): FLUSHED,
}


def gradient(case, backend):
    with use_backend(backend.name):
        call = prepared_call(case, resolve(case.loss), backend.asarray, load_state, backend)
        inputs, chosen = input_tensors(case, backend.asarray, backend), gradient_output(case)
        _, found = ul.value_and_grad(lambda *xs: call(*xs)[chosen], case.gradient_of)(*inputs)
    return backend.to_numpy(found)


@functools.cache
def true_gradient(case_id, kind, dtype):
    exact = outcome(probe(domains()[case_id.partition("/")[0]], kind, dtype)).gradient.high
    # Next to the largest number the rounding before it may already be too much.
    return np.where(np.abs(exact) < LARGEST_FINITE[dtype] / 16, exact, math.nan)


@pytest.mark.filterwarnings("ignore::unified_loss.errors.BroadcastWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize(("kind", "dtype"), EXTREMES)
def test_where_the_true_gradient_is_finite_ours_is(backend, kind, dtype):
    wrong, tried = set(), LOSSES[:: SHARE.get(backend.name, 1)]
    for loss in tried:
        case = probe(domains()[loss], kind, dtype)
        try:
            found = gradient(case, backend)
        except (ValueError, TypeError):
            continue  # inputs that the loss refuses, such as shares whose sum is no longer 1
        if not np.isfinite(found).all():
            exact = true_gradient(case.id, kind, dtype)
            if (np.isfinite(exact) & ~np.isfinite(found)).any():
                wrong.add((backend.name, case.id))
    known = [(name, f"{loss}/{kind}-{dtype}") for name in (backend.name,) for loss in tried]
    assert wrong == {key for key in known if key in KNOWN}


@pytest.mark.parametrize("value", [1e4, -1e4, 1e30, -1e30, 1e-30])
@pytest.mark.parametrize("target", [0.0, 1.0])
@pytest.mark.parametrize(
    "name", ["binary_cross_entropy_with_logits", "sigmoid_focal", "log_cosh", "huber", "soft_margin", "hinge"]
)
def test_extreme_scores_have_finite_gradients(backend, name, value, target):
    x, y = (backend.asarray(np.array(v, "float32")) for v in ([value, 0.0], [target, target]))
    _, found = ul.value_and_grad(getattr(ul.losses, name))(x, y)
    assert np.isfinite(backend.to_numpy(found)).all()


def test_an_ignored_label_of_an_impossible_class_has_no_gradient(backend):
    from unified_loss.dialects.paddle.nn import functional

    p, y = backend.asarray(np.array([[0.0, 0.25, 0.75], [0.5, 0.0, 0.5]])), backend.asarray(np.array([-1, 2]))
    loss = functools.partial(functional.cross_entropy, use_softmax=False, ignore_index=-1, reduction="sum")
    _, found = ul.value_and_grad(loss)(p, y)
    np.testing.assert_allclose(backend.to_numpy(found), [[0, 0, 0], [0, 0, -2]])


@pytest.mark.parametrize("scores", [[math.inf, 1.0, -1.0], [-math.inf, 1.0, 2.0], [math.inf, -math.inf, 0.0]])
def test_an_infinite_score_of_the_right_class_has_no_part_in_a_margin_loss(backend, scores):
    x, y = backend.asarray(np.array([scores, [0.5, 0.0, 2.0]])), backend.asarray(np.array([0, 2]))
    _, found = ul.value_and_grad(functools.partial(ul.losses.multi_margin, reduction="sum"))(x, y)
    found = backend.to_numpy(found)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 0, atol=1e-12)
