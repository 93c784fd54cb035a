"""What bad input does: one documented behaviour each, the same on every backend."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import unified_loss as ul
from unified_loss.dialects.mindspore import nn as msnn
from unified_loss.dialects.mxnet.gluon import loss as gloss
from unified_loss.dialects.paddle import nn as pnn

LOGITS = [[0.5, -1.2, 2.0, 0.1], [1.5, 0.3, -0.7, 0.9], [-0.4, 0.8, 0.2, -1.1]]
PROBABILITIES = [[0.1, 0.2, 0.3, 0.4], [0.5, 0.7, 0.9, 0.25], [0.15, 0.35, 0.6, 0.8]]


@pytest.fixture
def tensor(backend):
    return lambda data, dtype="float32": backend.asarray(np.asarray(data, dtype=dtype))


def raises(error, *words):
    return pytest.raises(error, match="(?s)" + ".*".join(map(str, words)))


@pytest.mark.parametrize(
    ("loss", "arguments"),
    [
        (ul.losses.squared_error, ("squared_error", "target")),
        (ul.losses.huber, ("huber", "target")),
        (ul.losses.binary_cross_entropy, ("binary_cross_entropy", "target")),
        (ul.losses.softmax_cross_entropy, ("softmax_cross_entropy", "target")),
        (gloss.KLDivLoss(), ("mxnet.gluon.loss.KLDivLoss", "label")),
        (msnn.BCEWithLogitsLoss(), ("mindspore.nn.BCEWithLogitsLoss", "target")),
        (pnn.BCEWithLogitsLoss(), ("paddle.nn.BCEWithLogitsLoss", "label")),
    ],
)
def test_shapes_that_differ(tensor, loss, arguments):
    with raises(ul.ShapeError, *arguments, r"\(3, 5\)", r"\(3, 4\)"):
        loss(tensor(LOGITS), tensor(np.ones((3, 5))))


@pytest.mark.parametrize("loss", [ul.losses.squared_error, ul.losses.hinge, pnn.BCEWithLogitsLoss()])
def test_a_column_never_meets_a_row(tensor, loss):
    with raises(ul.ShapeError, r"\(3,\)", r"\(3, 1\)"):
        loss(tensor([[1.0], [2.0], [3.0]]), tensor([1.0, 2.0, 3.0]))


def test_gluon_reshapes_a_label_of_as_many_elements_and_refuses_another(backend, tensor):
    column, row = tensor([[1.0], [2.0], [4.0]]), tensor([1.0, 0.0, 1.0])
    np.testing.assert_allclose(backend.to_numpy(gloss.L2Loss()(column, row)), [0.0, 2.0, 4.5])
    with raises(ul.ShapeError, "mxnet.gluon.loss.L2Loss", "label", r"\(4,\)", r"\(3, 1\)"):
        gloss.L2Loss()(column, tensor([1.0, 0.0, 1.0, 1.0]))


@pytest.mark.parametrize("labels", [[[0, 1, 2]], [[0], [1], [2]], 1, [0, 1]])
def test_class_indices_of_the_wrong_rank_or_length(tensor, labels):
    with raises(ul.ShapeError, "sparse_softmax_cross_entropy", "target", r"\(3,\)"):
        ul.losses.sparse_softmax_cross_entropy(tensor(LOGITS), tensor(labels, "int64"))
    if np.size(labels) != 3:
        with raises(ul.ShapeError, "SoftmaxCrossEntropyLoss", "label"):
            gloss.SoftmaxCrossEntropyLoss()(tensor(LOGITS), tensor(labels, "int64"))


@pytest.mark.parametrize("wrong", [4, -1, -100, 2**32])
def test_a_label_out_of_range(backend, tensor, wrong):
    labels = tensor([2, 0, wrong], "int64")
    with raises(ul.LabelError, "sparse_softmax_cross_entropy", "target", wrong, "0 to 3"):
        ul.losses.sparse_softmax_cross_entropy(tensor(LOGITS), labels)
    # Gluon's `pick` clips.
    clipped = gloss.SoftmaxCrossEntropyLoss()(tensor(LOGITS), labels)
    nearest = gloss.SoftmaxCrossEntropyLoss()(tensor(LOGITS), tensor([2, 0, min(max(wrong, 0), 3)], "int64"))
    np.testing.assert_array_equal(backend.to_numpy(clipped), backend.to_numpy(nearest))


@pytest.mark.parametrize(("dtype", "label"), [("int8", 100), ("uint8", 200)])
def test_narrow_labels_among_more_classes_than_their_dtype_counts(backend, tensor, dtype, label):
    logits = np.zeros((1, 300), "float32")
    logits[0, label] = 1.0
    expected = math.log(299 + math.e) - 1
    for loss in (
        ul.losses.sparse_softmax_cross_entropy(tensor(logits), tensor([label], dtype)),
        gloss.SoftmaxCrossEntropyLoss()(tensor(logits), tensor([label], dtype)),
    ):
        assert float(backend.to_numpy(loss).item()) == pytest.approx(expected, rel=1e-5)
    with raises(ul.LabelError, "target", -3, "0 to 299"):
        ul.losses.sparse_softmax_cross_entropy(tensor(logits), tensor([-3], "int8"))


def test_float_labels_where_integers_are_needed(backend, tensor):
    with raises(ul.DtypeError, "sparse_softmax_cross_entropy", "target", "float32", "integers"):
        ul.losses.sparse_softmax_cross_entropy(tensor(LOGITS), tensor([2.0, 0.0, 3.0]))
    truncated = gloss.SoftmaxCrossEntropyLoss()(tensor(LOGITS), tensor([2.9, 0.2, 3.0]))
    whole = gloss.SoftmaxCrossEntropyLoss()(tensor(LOGITS), tensor([2, 0, 3], "int32"))
    np.testing.assert_array_equal(backend.to_numpy(truncated), backend.to_numpy(whole))


def test_a_nan_label(backend, tensor):
    losses = gloss.SoftmaxCrossEntropyLoss()(tensor(LOGITS), tensor([2.0, math.nan, 3.0]))
    assert np.isnan(backend.to_numpy(losses)).tolist() == [False, True, False]
    with raises(ul.LabelError, "CTCLoss", "label", "nan", "-1 to 2"):
        gloss.CTCLoss()(tensor(np.zeros((1, 4, 3))), tensor([[0.0, math.nan]]))


@pytest.mark.parametrize("dtype", ["int32", "int64", "bool"])
def test_a_prediction_that_is_not_floating(tensor, dtype):
    with raises(ul.DtypeError, "squared_error", "prediction", dtype):
        ul.losses.squared_error(tensor([[1, 0], [1, 1]], dtype), tensor([[1, 0], [0, 1]], dtype))


def test_integer_targets_are_cast_to_the_prediction(backend, tensor):
    loss = ul.losses.absolute_error(tensor([0.5, 2.0], "float64"), tensor([2, 0], "int64"))
    assert backend.dtype(loss) == "float64"
    assert float(backend.to_numpy(loss)) == 1.75


@pytest.mark.parametrize(
    "construct",
    [
        lambda kind: ul.losses.squared_error([1.0], [2.0], reduction=kind),
        lambda kind: msnn.BCELoss(reduction=kind),
        lambda kind: pnn.BCEWithLogitsLoss(reduction=kind),
        lambda kind: ul.from_config({"loss": "huber", "reduction": kind}),
    ],
)
@pytest.mark.parametrize("kind", ["average", "Mean", "", None, 3])
def test_an_unknown_reduction(construct, kind):
    with raises(ValueError, "reduction", repr(kind), "'none'", "'mean'", "'sum'"):
        construct(kind)


@pytest.mark.parametrize("batch_axis", [2, -3, 7])
def test_a_batch_axis_out_of_range(tensor, batch_axis):
    with raises(ul.ShapeError, "L1Loss", batch_axis, "2 axes"):
        gloss.L1Loss(batch_axis=batch_axis)(tensor(LOGITS), tensor(LOGITS))
    with raises(ul.ShapeError, "TripletLoss", batch_axis, "2 axes"):
        gloss.TripletLoss(batch_axis=batch_axis)(tensor(LOGITS), tensor(LOGITS), tensor(LOGITS))


@pytest.mark.parametrize("axis", [2, -3])
def test_a_class_axis_out_of_range(tensor, axis):
    with raises(ul.ShapeError, "SoftmaxCrossEntropyLoss", axis, "2 axes"):
        gloss.SoftmaxCrossEntropyLoss(axis=axis)(tensor(LOGITS), tensor([0, 1, 2], "int64"))


@pytest.mark.parametrize("name", ["squared_error", "hinge", "binary_cross_entropy_with_logits"])
def test_an_empty_batch(backend, tensor, name):
    loss, empty = getattr(ul.losses, name), tensor(np.zeros((0, 4)))
    assert math.isnan(backend.to_numpy(loss(empty, empty)))
    assert backend.to_numpy(loss(empty, empty, reduction="sum")) == 0
    assert backend.to_numpy(loss(empty, empty, reduction="none")).shape == (0, 4)
    assert backend.to_numpy(gloss.L2Loss()(empty, empty)).shape == (0,)


def test_an_empty_batch_of_classes(backend, tensor):
    empty, labels = tensor(np.zeros((0, 4))), tensor(np.zeros(0), "int64")
    assert math.isnan(backend.to_numpy(ul.losses.sparse_softmax_cross_entropy(empty, labels)))
    assert backend.to_numpy(gloss.SoftmaxCrossEntropyLoss()(empty, labels)).shape == (0,)


def test_a_nan_weight_gives_nan_where_it_weighs(backend, tensor):
    weight = tensor([[1.0], [math.nan], [2.0]])
    losses = backend.to_numpy(gloss.L2Loss()(tensor(LOGITS), tensor(PROBABILITIES), weight))
    assert np.isnan(losses).tolist() == [False, True, False]
    mean = ul.losses.squared_error(tensor(LOGITS), tensor(PROBABILITIES), weight=weight)
    assert math.isnan(backend.to_numpy(mean))


@pytest.mark.parametrize("shape", [(3,), (4,), (2, 1), (3, 4, 1), (1, 5)])
def test_a_weight_of_a_shape_that_does_not_fit(tensor, shape):
    with raises(ul.ShapeError, "squared_error", "weight", r"\(3, 4\)"):
        ul.losses.squared_error(tensor(LOGITS), tensor(LOGITS), weight=tensor(np.ones(shape)))
    with raises(ul.ShapeError, "L2Loss", "sample_weight", r"\(3, 4\)"):
        gloss.L2Loss()(tensor(LOGITS), tensor(LOGITS), tensor(np.ones(shape)))


def test_constructor_weights_of_a_shape_that_does_not_fit(tensor):
    with raises(ul.ShapeError, "mindspore.nn.BCELoss", "weight", "same shape"):
        msnn.BCELoss(weight=np.ones((3, 1), "float32"))(tensor(PROBABILITIES), tensor(PROBABILITIES))
    with raises(ul.ShapeError, "paddle.nn.BCEWithLogitsLoss", "pos_weight", r"\(3,\)"):
        pnn.BCEWithLogitsLoss(pos_weight=np.ones(3, "float32"))(tensor(LOGITS), tensor(PROBABILITIES))


def test_a_gluon_weight_must_be_a_number():
    with raises(TypeError, "L1Loss", "weight", "list"):
        gloss.L1Loss(weight=[1.0, 2.0])


def test_lengths_out_of_range(tensor):
    logits, labels = tensor(np.zeros((2, 5, 3))), tensor([[0, 1], [1, -1]], "int64")
    with raises(ul.LabelError, "CTCLoss", "pred_lengths", 6, "0 to 5"):
        gloss.CTCLoss()(logits, labels, tensor([5, 6], "int64"))
    with raises(ul.LabelError, "CTCLoss", "label_lengths", 3, "0 to 2"):
        gloss.CTCLoss()(logits, labels, None, tensor([2, 3], "int64"))
    with raises(ul.LabelError, "CTCLoss", "label", 3, "-1 to 2"):
        gloss.CTCLoss()(logits, tensor([[0, 3], [1, -1]], "int64"))


def test_ranks_that_a_layout_cannot_have(tensor):
    with raises(ul.ShapeError, "CTCLoss", "pred", "2 axes", "NTC"):
        gloss.CTCLoss()(tensor(LOGITS), tensor([[0]], "int64"))
    with raises(ul.ShapeError, "SDMLLoss", "x1", "3 axes", "expected 2"):
        gloss.SDMLLoss()(tensor(np.ones((2, 3, 4))), tensor(np.ones((2, 3, 4))))


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (lambda x: ul.losses.huber(x, x, delta=-1.0), ("huber", "delta", "-1.0")),
        (lambda x: ul.losses.huber(x, x, delta=math.nan), ("huber", "delta", "nan")),
        (lambda x: gloss.HuberLoss(rho=-1)(x, x), ("smooth_l1", "beta", "-1")),
        (lambda x: gloss.SDMLLoss(1.0)(x, x), ("sdml", "smoothing", "1.0")),
        (lambda x: gloss.SDMLLoss(-0.1)(x, x), ("sdml", "smoothing", "-0.1")),
    ],
)
def test_a_parameter_outside_its_domain(tensor, loss, words):
    with raises(ValueError, *words):
        loss(tensor(LOGITS))


@pytest.mark.parametrize(
    ("construct", "words"),
    [
        (lambda: ul.losses.huber([1.0], [1.0], delta="1"), ("huber", "delta", "'1'", "str", "float")),
        (lambda: ul.losses.huber([1.0], [1.0], delta=None), ("huber", "delta", "None", "float")),
        (lambda: ul.losses.softmax_cross_entropy([[1.0]], [[1.0]], axis=0.5), ("axis", "0.5", "int")),
        (lambda: ul.losses.kl_divergence([1.0], [1.0], from_logits=1), ("from_logits", "1", "bool")),
        (lambda: gloss.L2Loss(batch_axis=None), ("mxnet.gluon.loss.L2Loss", "batch_axis", "None", "int")),
        (lambda: gloss.SoftmaxCELoss(axis="1"), ("SoftmaxCrossEntropyLoss", "axis", "'1'", "int")),
        (lambda: gloss.SigmoidBCELoss("yes"), ("from_sigmoid", "'yes'", "bool")),
        (lambda: ul.from_config({"loss": "huber", "delta": "x"}), ("huber", "delta", "'x'")),
        (lambda: ul.from_config({"loss": "mxnet.gluon.loss.HuberLoss", "rho": "x"}), ("rho", "'x'")),
    ],
)
def test_a_parameter_of_the_wrong_type(construct, words):
    with raises((TypeError, ul.ConfigError), *words):
        construct()


def test_numpy_scalars_are_numbers():
    loss = gloss.HuberLoss(rho=np.float32(0.5), batch_axis=np.int64(1))
    assert loss.plan == gloss.HuberLoss(0.5, None, 1).plan
    assert json.loads(json.dumps(loss.to_config())) == {**loss.to_config(), "rho": 0.5, "batch_axis": 1}
    assert ul.Plan.from_json(json.loads(json.dumps(loss.plan.to_json()))) == loss.plan


@pytest.mark.parametrize("layout", ["NCT", "ntc", ""])
def test_an_unknown_layout(layout):
    with raises(ul.ConfigError, "CTCLoss", "layout", "NTC"):
        gloss.CTCLoss(layout=layout)


def test_an_unknown_label_format():
    with raises(ul.ConfigError, "LogisticLoss", "label_format", "'signed'"):
        gloss.LogisticLoss(label_format="onehot")


def test_inputs_that_are_no_arrays():
    with raises(TypeError, "squared_error", "target"):
        ul.losses.squared_error([1.0, 2.0], ["a", "b"])
    with raises(TypeError, "squared_error", "prediction"):
        ul.losses.squared_error([[1.0], [2.0, 3.0]], [1.0, 2.0])
    with raises(TypeError, "squared_error", "target", "missing"):
        ul.losses.squared_error([1.0])
    with raises(TypeError, "squared_error", "expected prediction, target"):
        ul.losses.squared_error([1.0], [1.0], [1.0])
    with raises(TypeError, "huber", "twice"):
        ul.losses.huber([1.0], [1.0], prediction=[2.0])
    with raises(TypeError, "huber", "'rho'", "delta"):
        ul.losses.huber([1.0], [1.0], rho=2.0)
