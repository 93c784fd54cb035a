"""Candidates that a plan draws itself, and arguments that hold several tensors or are of one role."""

from __future__ import annotations

import numpy as np
import pytest

import unified_loss as ul
from unified_loss.candidates import Candidates
from unified_loss.dialects.tensorflow import nn
from unified_loss.dialects.tensorflow.compat.v1 import losses as losses_v1
from unified_loss.dialects.tensorflow.compat.v1 import nn as nn_v1

RNG = np.random.default_rng(11)
LAYER = RNG.normal(size=(50, 4)).astype("float32"), RNG.normal(size=50).astype("float32")
LABELS = np.array([[1], [7], [30]])
HIDDEN = RNG.normal(size=(3, 4)).astype("float32")


@pytest.mark.parametrize("distribution", ["log_uniform", "uniform"])
def test_candidates_differ_and_are_expected_as_often_as_they_come(distribution):
    draw = Candidates(5, 20, distribution, seed=3).bind()
    found, expected = np.zeros(20), np.zeros(20)
    for _ in range(4000):
        candidates, counts = draw()
        assert len(set(candidates.tolist())) == len(candidates) == 5
        found[candidates] += 1 / 4000
        expected += counts / 4000
    # Given the number of tries, as TensorFlow has it, the most frequent are expected somewhat too often.
    np.testing.assert_allclose(found[2:], expected[2:], atol=0.03)
    np.testing.assert_allclose(found[:2], expected[:2], atol=0.2)
    assert found.argmax() == 0 or distribution == "uniform"


def test_a_seed_starts_the_same_sequence():
    draws = [Candidates(3, 50, seed=seed).bind() for seed in (4, 4, 5)]
    first = [[draw()[0].tolist() for _ in range(3)] for draw in draws]
    assert first[0] == first[1] != first[2]
    assert first[0][0] != first[0][1]


def test_all_classes_are_drawn_when_as_many_are_wanted():
    candidates, counts = Candidates(4, 4, seed=0).bind()()
    assert sorted(candidates) == [0, 1, 2, 3]
    assert (counts > 0).all() and (counts <= 2).all()
    with pytest.raises(ValueError, match="5 of 4"):
        Candidates(5, 4)


def test_a_loss_draws_what_it_is_not_given(backend):
    tensors = [backend.asarray(x) for x in (*LAYER, LABELS, HIDDEN)]
    losses = [nn.sampled_softmax_loss.bind(num_sampled=8, num_classes=50, seed=2) for _ in range(2)]
    values = [[backend.to_numpy(loss(*tensors)) for _ in range(2)] for loss in losses]
    np.testing.assert_array_equal(values[0], values[1])
    assert not np.array_equal(values[0][0], values[0][1])
    candidates, counts = Candidates(8, 50, seed=2).bind()()
    given = candidates, counts[LABELS].astype("float32"), counts[candidates].astype("float32")
    again = nn.sampled_softmax_loss(*tensors, 8, 50, sampled_values=tuple(map(backend.asarray, given)))
    np.testing.assert_allclose(values[0][0], backend.to_numpy(again), rtol=2e-5)


def test_a_plan_that_draws_survives_json():
    plan = nn.nce_loss.plan(num_sampled=3, num_classes=9)
    assert ul.Plan.from_json(plan.to_json()) == plan
    assert "candidates: number 3, classes 9" in repr(plan)
    with pytest.raises(ul.ConfigError, match=r"plan\.candidates"):
        ul.Plan.from_json({**plan.to_json(), "candidates": {"number": "3", "classes": 9}})


def test_an_argument_of_several_tensors_must_hold_as_many():
    with pytest.raises(TypeError, match="sampled_values is no tuple of 3 tensors"):
        nn.nce_loss(*LAYER, LABELS, HIDDEN, 2, 50, sampled_values=([1, 2], [0.5, 0.5]))
    with pytest.raises(ul.LabelError, match="labels holds 50, expected 0 to 49"):
        nn.nce_loss(*LAYER, LABELS + 20, HIDDEN, 2, 50)
    with pytest.raises(ul.ShapeError, match="expected 2 true classes"):
        nn.nce_loss(*LAYER, LABELS, HIDDEN, 2, 50, num_true=2)


def test_an_older_name_of_an_argument():
    logits, labels = np.array([1.0, -2.0]), np.array([0.0, 1.0])
    new = nn_v1.weighted_cross_entropy_with_logits(labels, logits, 2.0)
    old = nn_v1.weighted_cross_entropy_with_logits(targets=labels, logits=logits, pos_weight=2.0)
    assert new.tolist() == old.tolist()
    with pytest.raises(TypeError, match="'labels' and 'targets' are the same"):
        nn_v1.weighted_cross_entropy_with_logits(labels, logits, 2.0, targets=labels)
    with pytest.raises(TypeError, match="'pos_weight' is missing"):
        nn_v1.weighted_cross_entropy_with_logits(labels, logits)


def test_reductions_have_their_native_names():
    names = losses_v1.Reduction
    assert names.SUM_OVER_NONZERO_WEIGHTS == names.SUM_BY_NONZERO_WEIGHTS in names.all()
    with pytest.raises(ValueError, match="unknown reduction 'mean'"):
        losses_v1.mean_squared_error([1.0], [2.0], reduction="mean")
