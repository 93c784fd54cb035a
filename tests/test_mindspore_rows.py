"""What is particular to MindSpore's rows beside their values: arguments of a call, seeds, outputs, errors."""

from __future__ import annotations

import json

import numpy as np
import pytest

import unified_loss as ul
from unified_loss.dialects.mindspore import mint, nn, ops

RNG = np.random.default_rng(20261127)
SCORES = RNG.normal(size=(3, 4)).astype("float32")
LABELS = np.array([2, 0, 3])
WEIGHTS = np.array([0.5, 2.0, 3.0, 0.2], "float32")
POINTS = [RNG.normal(size=(3, 4)).astype("float32") for _ in range(3)]
SAMPLED = [np.array([0, 3]), np.full((3, 1), 0.4, "float32"), np.full(2, 0.3, "float32")]


def city(a, b):
    return abs(a - b).sum(-1)


def test_the_margin_of_a_call_counts_where_the_constructor_has_the_default():
    by_call = nn.TripletMarginLoss()(*POINTS, 3.0)
    np.testing.assert_array_equal(by_call, nn.TripletMarginLoss(margin=3.0)(*POINTS))
    np.testing.assert_array_equal(by_call, nn.TripletMarginLoss()(*POINTS, np.float32(3)))
    np.testing.assert_array_equal(by_call, ops.TripletMarginLoss()(*POINTS, np.array(3.0)))
    assert nn.TripletMarginLoss(margin=2.0)(*POINTS, 3.0) == nn.TripletMarginLoss(margin=2.0)(*POINTS)
    assert by_call != nn.TripletMarginLoss()(*POINTS)


def test_the_weight_of_the_constructor_comes_before_that_of_a_call():
    both = nn.MultiMarginLoss(weight=WEIGHTS)(SCORES, LABELS, 10 * WEIGHTS)
    assert both == nn.MultiMarginLoss()(SCORES, LABELS, WEIGHTS)
    assert both != nn.MultiMarginLoss()(SCORES, LABELS)


def test_the_same_seed_draws_the_same_candidates():
    layer = RNG.normal(size=(9, 4)).astype("float32"), RNG.normal(size=9).astype("float32")

    def drawn(seed):
        loss = nn.SampledSoftmaxLoss(4, 9, seed=seed)
        return [loss(*layer, LABELS, SCORES).tolist() for _ in range(3)]

    first = drawn(7)
    assert first == drawn(7)
    assert first != drawn(8)
    assert first[0] != first[1]


def test_focal_labels_are_indices_by_their_shape():
    indices, one_hot = LABELS[:, None], np.eye(4, dtype="float32")[LABELS]
    assert float(nn.FocalLoss()(SCORES, indices)) == pytest.approx(4 * float(nn.FocalLoss()(SCORES, one_hot)))
    assert nn.FocalLoss(reduction="none")(SCORES, indices.tolist()).shape == (3,)
    assert nn.FocalLoss(reduction="none")(SCORES, one_hot).shape == (3, 4)


def test_an_ignored_label_is_not_read_beside_probabilities():
    probabilities = np.full((3, 4), 0.25, "float32")
    loss = nn.CrossEntropyLoss(ignore_index=0)
    assert loss(SCORES, probabilities) == nn.CrossEntropyLoss()(SCORES, probabilities)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_mask_of_labels_holds_integers(backend, dtype):
    if dtype in backend.unsupported:
        pytest.skip(backend.unsupported[dtype])
    scores = backend.asarray(SCORES.astype(dtype))
    labels = backend.asarray(np.array([[1, -1, 0, 0], [3, 0, -1, 1], [-1, 0, 0, 0]]))
    loss, mask = ops.MultilabelMarginLoss()(scores, labels)
    assert (backend.dtype(loss), backend.dtype(mask)) == (dtype, "int32")
    assert backend.to_numpy(mask).tolist() == [[0, 1, 0, 0], [1, 0, 0, 1], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    "loss",
    [
        nn.SampledSoftmaxLoss(2, 4, sampled_values=SAMPLED),
        nn.MultiClassDiceLoss(weights=WEIGHTS[:, None], activation=None),
        ops.CTCLoss(ctc_merge_repeated=False),
        mint.nn.CrossEntropyLoss(WEIGHTS, label_smoothing=0.1),
    ],
)
def test_a_loss_survives_its_configuration(loss):
    again = ul.from_config(json.loads(json.dumps(loss.to_config())))
    assert again.plan == loss.plan
    assert repr(again) == repr(loss)


def test_a_function_is_shown_but_not_configured():
    loss = nn.TripletMarginWithDistanceLoss(city)
    assert "city" in repr(loss)
    with pytest.raises(ul.ConfigError, match="distance_function is a function"):
        loss.to_config()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.CosineEmbeddingLoss(2.0), "nn.CosineEmbeddingLoss: margin is 2.0"),
        (lambda: nn.HuberLoss(delta=0.0), "nn.HuberLoss: delta is 0.0"),
        (lambda: nn.L1Loss("average"), "nn.L1Loss: reduction"),
        (lambda: ops.CTCLossV2(reduction="mean"), "ops.CTCLossV2: reduction"),
        (lambda: nn.CTCLoss(blank=-1), "nn.CTCLoss: blank is -1"),
        (lambda: nn.MultiClassDiceLoss(activation="gelu"), "activation is 'gelu'"),
        (lambda: nn.SampledSoftmaxLoss(9, 6), "SampledSoftmaxLoss: expected .* 9"),
        (lambda: nn.SampledSoftmaxLoss(2, 6, sampled_values=SAMPLED[:2]), "sampled_values has 2"),
        (lambda: mint.nn.CrossEntropyLoss()(SCORES, np.array([0, -1, 1])), "-1, expected 0 to 3"),
        (lambda: nn.BCELoss()(np.array([1.5]), np.array([1.0])), "logits holds 1.5"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(make, words):
    with pytest.raises((ValueError, IndexError), match=words):
        make()
