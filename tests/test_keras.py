"""What is particular about Keras's losses: shapes, masks, dtypes, names and configurations."""

from __future__ import annotations

import importlib
import json

import numpy as np
import pytest

import unified_loss as ul
from unified_loss.dialects import keras
from unified_loss.dialects.tensorflow import keras as tf_keras

LOSSES = keras.losses
RNG = np.random.default_rng(20261125)
PRED = RNG.normal(size=(4, 3)).astype("float32")
TRUE = RNG.normal(size=(4, 3)).astype("float32")
SQUARED = (PRED - TRUE) ** 2


def plain(backend, x):
    return backend.to_numpy(x).tolist()


@pytest.mark.parametrize(
    ("true", "pred"), [((4,), (4, 1)), ((4, 1), (4,)), ((4, 3, 1), (4, 3)), ((4, 3), (4, 3, 1))]
)
def test_an_axis_of_one_is_evened_out(backend, true, pred):
    y_true = backend.asarray(TRUE[:, : 3 if 3 in true else 1].reshape(true))
    y_pred = backend.asarray(PRED[:, : 3 if 3 in pred else 1].reshape(pred))
    got = LOSSES.MeanSquaredError(reduction="none")(y_true, y_pred)
    expected = SQUARED.mean(1) if 3 in true else SQUARED[:, 0]
    np.testing.assert_allclose(backend.to_numpy(got), expected, rtol=1e-5)


def test_one_loss_serves_shapes_of_both_kinds(backend):
    loss = LOSSES.MeanSquaredError(reduction="none")
    longer, wider = np.ones((2, 1), "float32"), np.ones((2, 3), "float32")
    vector = backend.asarray(np.zeros(2, "float32"))
    assert plain(backend, loss(vector, backend.asarray(longer))) == [1, 1]
    with pytest.warns(ul.BroadcastWarning):
        assert plain(backend, loss(backend.asarray(np.zeros(3, "float32")), backend.asarray(wider))) == [1, 1]


@pytest.mark.parametrize(
    ("weight", "shape", "total"),
    [((4,), (4,), 4), ((4, 1), (4, 1), 4), ((), (4,), 4), ((1, 4), (1, 4), 4), ((1,), (4,), 4)],
)
def test_weights_are_evened_out_and_broadcast(backend, weight, shape, total):
    w = RNG.uniform(0.5, 2, weight).astype("float32")
    weighted = SQUARED.mean(1).reshape(shape if len(weight) == 2 else (4,)) * w
    arrays = [backend.asarray(x) for x in (TRUE, PRED, w)]
    for reduction, expected in {
        "none": weighted,
        "sum": weighted.sum(),
        "sum_over_batch_size": weighted.sum() / total,
        "mean_with_sample_weight": weighted.sum() / w.sum(),
    }.items():
        got = backend.to_numpy(LOSSES.MeanSquaredError(reduction=reduction)(*arrays))
        assert got.shape == np.shape(expected), reduction
        np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_the_sum_of_weights_does_not_divide_a_single_loss(backend):
    arrays = [backend.asarray(abs(x)) for x in (TRUE, PRED)]
    weight = backend.asarray(np.float32(3.0).reshape(()))
    whole = LOSSES.Dice(reduction="mean_with_sample_weight")
    once, thrice = whole(*arrays), whole(*arrays, weight)
    np.testing.assert_allclose(backend.to_numpy(thrice), 3 * backend.to_numpy(once), rtol=1e-5)


def test_labels_become_signs_only_if_all_are_binary(backend):
    scores = backend.asarray(np.array([[0.5, -2.0], [0.25, 3.0]], "float32"))
    for labels, expected in {
        ((1, 0), (0, 1)): [0.25, 0.625],
        ((1, 0), (-1, 1)): [0.75, 0.625],
    }.items():
        got = LOSSES.hinge(backend.asarray(np.array(labels, "float32")), scores)
        assert plain(backend, got) == expected


def test_what_is_ignored_counts_in_nothing(backend):
    logits = backend.asarray(np.array([[0.0, 0.0], [np.nan, np.inf], [2.0, 2.0]], "float32"))
    labels = backend.asarray(np.array([[0], [-1], [1]]))
    loss = LOSSES.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    value, grad = ul.value_and_grad(loss, 1)(labels, logits)
    np.testing.assert_allclose(backend.to_numpy(value), np.log(2), rtol=1e-5)
    np.testing.assert_allclose(backend.to_numpy(grad), [[-0.25, 0.25], [0, 0], [0.25, -0.25]], rtol=1e-5)
    nothing = backend.asarray(np.array([-1, -1, -1]))
    assert plain(backend, loss(nothing, logits)) == 0


def test_circle_averages_over_positive_losses(backend):
    embeddings = backend.asarray(np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], "float32"))
    labels = backend.asarray(np.array([0, 0, 1]))
    each = backend.to_numpy(LOSSES.Circle(gamma=2.0, reduction="none")(labels, embeddings))
    assert each[2] == 0 and (each[:2] > 0).all()
    mean = backend.to_numpy(LOSSES.Circle(gamma=2.0)(labels, embeddings))
    np.testing.assert_allclose(mean, each[:2].mean(), rtol=1e-5)


def test_a_class_computes_in_its_own_dtype(backend):
    double = [backend.asarray(x.astype("float64")) for x in (TRUE, PRED)]
    assert backend.dtype(LOSSES.MeanSquaredError()(*double)) == "float32"
    assert backend.dtype(LOSSES.MeanSquaredError(dtype="float64")(*double)) == "float64"
    assert backend.dtype(LOSSES.mean_squared_error(*double)) == "float64"
    assert LOSSES.Huber(dtype="mixed_float16").plan.dtype == "float16"


def test_a_label_that_is_no_class_has_probability_zero(backend):
    pred = backend.asarray(np.array([[0.25, 0.75], [0.5, 0.5]], "float32"))
    got = LOSSES.categorical_generalized_cross_entropy(backend.asarray(np.array([0, 7])), pred, 0.5)
    assert plain(backend, got) == [1, 2]


def test_empty_batches(backend):
    empty = backend.asarray(np.zeros((0, 3), "float32"))
    assert plain(backend, LOSSES.MeanSquaredError()(empty, empty)) == 0
    assert LOSSES.MeanSquaredError(reduction="none")(empty, empty).shape[0] == 0


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        ({"reduction": "avg"}, ValueError, "reduction.*'avg'.*mean_with_sample_weight"),
        ({"dtype": "int32"}, ul.ConfigError, "dtype.*int32"),
        ({"delta": "one"}, TypeError, "delta.*'one'"),
    ],
)
def test_wrong_parameters_are_refused(wrong, kind, words):
    with pytest.raises(kind, match=f"keras.losses.Huber.*{words}"):
        LOSSES.Huber(**wrong)


def test_wrong_calls_are_refused():
    with pytest.raises(TypeError, match="huber.*'y_true' is missing"):
        LOSSES.huber(None, [[1.0]])
    with pytest.raises(ul.ShapeError, match=r"Dice.*axes \(0, 7\) is out of range.*2 axes"):
        LOSSES.Dice(axis=[0, 7])([[1.0]], [[1.0]])
    with pytest.raises(ValueError, match="q is 1.0"):
        LOSSES.CategoricalGeneralizedCrossEntropy(q=1.0)


# ------------------------------------------------------------------ names and configurations


def test_short_names():
    assert tf_keras.losses.MSE is tf_keras.losses.mse is LOSSES.mean_squared_error
    assert tf_keras.losses.kullback_leibler_divergence is tf_keras.metrics.KLD is LOSSES.kl_divergence
    assert LOSSES.get("bce") is LOSSES.binary_crossentropy
    assert ul.resolve("tf.keras.losses.Huber") is LOSSES.Huber


def test_get():
    assert LOSSES.get(None) is None
    assert LOSSES.get("Huber").plan == LOSSES.get(LOSSES.Huber).plan == LOSSES.Huber().plan
    assert LOSSES.get({"class_name": "Huber", "config": {"delta": 3.0}}).delta == 3
    mine = LOSSES.Huber(delta=2.0)
    assert LOSSES.get(mine) is mine
    assert LOSSES.deserialize("mine", custom_objects={"mine": mine}) is mine
    for wrong in ("nonsense", {"class_name": "Nonsense"}, 3):
        with pytest.raises(ValueError, match=r"keras\.losses\.\w+: "):
            LOSSES.get(wrong)
    with pytest.raises(ValueError, match="no loss of this dialect"):
        LOSSES.serialize("mse")


ROWS = [LOSSES.CategoricalFocalCrossentropy(alpha=[0.25, 0.5]), LOSSES.Dice(axis=(0, 1)), LOSSES.huber]


@pytest.mark.parametrize("loss", ROWS, ids=str)
def test_a_configuration_makes_an_equal_loss(loss):
    again = LOSSES.deserialize(json.loads(json.dumps(LOSSES.serialize(loss))))
    assert again is loss or again.plan == loss.plan


@pytest.mark.backends("tensorflow")
@pytest.mark.parametrize("loss", ROWS, ids=str)
def test_keras_reads_our_configuration_and_we_read_keras_s(backend, loss):
    theirs = importlib.import_module("keras").losses
    again = LOSSES.deserialize(theirs.serialize(theirs.deserialize(LOSSES.serialize(loss))))
    assert again is loss or again.plan == loss.plan
