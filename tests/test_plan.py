"""Plans: equality, repr, the JSON form and what it refuses; configurations of losses."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import unified_loss as ul
from unified_loss.dialects.mindspore import nn as msnn
from unified_loss.dialects.mxnet.gluon import loss as gloss
from unified_loss.dialects.paddle import nn as pnn
from unified_loss.naming import native_names

W = np.array([[1.0, 2.0, 3.0], [4.0, 3.3, 2.2]], dtype="float32")
LOSSES = [
    gloss.L2Loss(),
    gloss.L1Loss(weight=0.5, batch_axis=1),
    gloss.SigmoidBCELoss(from_sigmoid=True),
    gloss.SoftmaxCELoss(axis=1, sparse_label=False, from_logits=True),
    gloss.KLDivLoss(False, 0),
    gloss.CTCLoss("TNC", "TN", weight=2.0),
    gloss.HuberLoss(rho=math.inf),
    gloss.LogisticLoss(label_format="binary"),
    gloss.PoissonNLLLoss(compute_full=True),
    gloss.CosineEmbeddingLoss(margin=-0.25),
    gloss.SDMLLoss(0.2),
    msnn.BCELoss(weight=W, reduction="sum"),
    pnn.BCEWithLogitsLoss(pos_weight=np.array([math.inf, 2.0], "float64")),
]


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_a_plan_survives_json(loss):
    restored = ul.Plan.from_json(json.loads(json.dumps(loss.plan.to_json(), allow_nan=False)))
    assert restored == loss.plan
    assert hash(restored) == hash(loss.plan)
    assert repr(restored) == repr(loss.plan)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_a_configuration_survives_json(loss):
    config = json.loads(json.dumps(loss.to_config()))
    restored = ul.from_config({**config, "backend": "numpy"})
    assert type(restored) is type(loss)
    assert restored.plan == loss.plan
    assert restored.to_config() == {**config, "backend": "numpy"}
    assert loss.backend is None


def test_plans_are_equal_exactly_when_they_mean_the_same():
    assert gloss.SigmoidBCELoss is gloss.SigmoidBinaryCrossEntropyLoss
    assert gloss.LogisticLoss(label_format="binary").plan == gloss.SigmoidBCELoss().plan
    assert gloss.LogisticLoss().plan != gloss.SigmoidBCELoss().plan
    assert gloss.HuberLoss(rho=1).plan == gloss.HuberLoss(rho=1.0).plan
    assert gloss.HuberLoss(rho=1).plan != gloss.HuberLoss(rho=2).plan
    assert gloss.L2Loss(weight=1.0).plan != gloss.L2Loss(weight=2.0).plan
    assert gloss.L1Loss().plan != gloss.L1Loss(batch_axis=1).plan
    weights = [W, W.astype("float64"), W + 1, W.reshape(3, 2), W.tolist()]
    same = [msnn.BCELoss(weight=W).plan == msnn.BCELoss(weight=w).plan for w in weights]
    assert same == [True, False, False, False, True]


def test_a_plan_reads_as_what_it_does():
    assert repr(gloss.SoftmaxCELoss(axis=1, weight=2).plan) == (
        "Plan<sparse_softmax_cross_entropy(prediction, target, mask, axis=1, from_log_probabilities=False, "
        "keepdims=True, nan_if_absent=False, probability_floor=0.0); target: shape without_axis, any shape, "
        "index, any dtype, out of range clip; weighting: scale 2.0; reduction: mean, over all axes but 0>"
    )
    assert repr(msnn.BCELoss(weight=[1.0, 2.0]).plan) == (
        "Plan<binary_cross_entropy(prediction, target, positive_weight, log_floor=None, log_epsilon=1e-12, "
        "gradient_floor=1e-12, clip=None, label_smoothing=0.0); prediction: within (0.0, 1.0); "
        "weighting: broadcast equal; reduction: mean; weight = float32[1.0, 2.0]>"
    )


PLAN = gloss.HuberLoss().plan.to_json()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, ["format", "2"]),
        ({"spec": "hubert"}, ["unknown spec", "hubert", "huber"]),
        ({"spec": None}, ["unknown spec"]),
        ({"losses": 1}, ["unknown key", "losses"]),
        ({"parameters": {"delta": 1}}, ["delta", "beta"]),
        ({"parameters": [1]}, ["parameters", "table"]),
        ({"reduction": {"kind": "average"}}, ["reduction.kind", "average", "'mean'"]),
        ({"reduction": {"kept_axis": "0"}}, ["reduction.kept_axis", "'0'"]),
        ({"reduction": {"kept_axis": True}}, ["reduction.kept_axis", "True"]),
        ({"reduction": {"shape": [1.5]}}, ["reduction.shape", "1.5"]),
        ({"weighting": {"scale": "2"}}, ["weighting.scale"]),
        ({"weighting": {"broadcast": "any"}}, ["weighting.broadcast", "same_rank"]),
        ({"layouts": {"label": {}}}, ["layouts", "label", "target"]),
        ({"layouts": {"target": {"index": 1}}}, ["layouts.target.index", "1"]),
        ({"layouts": {"target": {"size": 1}}}, ["layouts.target", "size"]),
        ({"constants": {"weight": [1.0]}}, ["constants.weight", "table"]),
        ({"constants": {"weight": {"data": ["x"], "dtype": "float32"}}}, ["constants.weight", "array"]),
        ({"constants": {"weight": {"data": [[1], [2, 3]]}}}, ["constants.weight", "array"]),
    ],
)
def test_a_malformed_plan_is_refused(change, words):
    with pytest.raises(ul.ConfigError, match="(?s)" + ".*".join(words)):
        ul.Plan.from_json({**PLAN, **change})
    with pytest.raises(ul.ConfigError):
        ul.from_config({"plan": {**PLAN, **change}})


@pytest.mark.parametrize("value", [None, [], "huber", 3])
def test_a_plan_or_configuration_that_is_no_table(value):
    with pytest.raises(ul.ConfigError, match="expected a table"):
        ul.Plan.from_json(value)
    with pytest.raises(ul.ConfigError, match="expected a table"):
        ul.from_config(value)


def test_configurations_of_canonical_losses_and_plans():
    huber = ul.from_config({"loss": "huber", "delta": 2.0, "reduction": "sum"})
    assert float(huber([3.0], [0.0])) == 4.0
    assert float(huber([3.0, 3.0], [0.0, 0.0], weight=[1.0, 0.5])) == 6.0
    assert float(huber(target=[0.0], prediction=[3.0])) == 4.0
    again = ul.from_config(huber.to_config())
    assert again.plan == huber.plan
    assert float(again([3.0], [0.0])) == 4.0
    with pytest.raises(TypeError, match="'label'"):
        huber([3.0], label=[0.0])


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, ["'loss'"]),
        ({"loss": 3}, ["'loss'", "3"]),
        ({"loss": "mxnet.gluon.loss.HuberLos"}, ["HuberLos", "did you mean mxnet.gluon.loss.HuberLoss"]),
        ({"loss": "mxnet.gluon.loss.Loss"}, ["no dialect"]),
        ({"loss": "mxnet.gluon.loss.T"}, ["no dialect"]),
        ({"loss": "os.path.join"}, ["no dialect"]),
        ({"loss": ".."}, ["no dialect"]),
        ({"loss": "mxnet.gluon.loss.HuberLoss", "delta": 1}, ["HuberLoss", "'delta'", "rho"]),
        ({"loss": "huber", "rho": 1}, ["huber", "'rho'", "delta"]),
        ({"loss": "mindspore.nn.BCELoss", "reduction": "all"}, ["reduction", "'all'"]),
        ({"loss": "mindspore.nn.BCELoss", "weight": {"data": [1]}}, ["weight", "dtype"]),
        ({"plan": PLAN, "delta": 1}, ["'delta'", "'plan'"]),
    ],
)
def test_a_malformed_configuration_is_refused(config, words):
    with pytest.raises(ul.ConfigError, match="(?s)" + ".*".join(words)):
        ul.from_config(config)


def test_a_configured_backend_must_exist():
    with pytest.raises(ul.BackendError, match="caffe.*numpy"):
        ul.from_config({"loss": "huber", "backend": "caffe"})


def test_every_native_name_resolves_to_its_row():
    names = native_names()
    assert len(names) > 300
    for name in names:
        row = ul.resolve(name)
        assert ul.resolve(row.native_name) is row


def test_a_plan_runs_alike_from_either_side(backend):
    logits = backend.asarray(np.array([[0.1, 0.2, 0.3], [0.5, 0.7, 0.9]], "float32"))
    labels = backend.asarray(np.array([[0, 1, 0], [0, 0, 1]], "float32"))
    loss = msnn.BCELoss(weight=W)
    from_json = ul.from_config({"plan": loss.plan.to_json()})
    for value in (loss(logits, labels), from_json(logits, labels)):
        assert backend.to_numpy(value) == pytest.approx(1.8952923, abs=5e-8)


def test_a_constructor_tensor_of_the_same_framework_keeps_its_gradient(backend):
    logits, labels = (backend.asarray(np.array([[0.2, 0.7]], "float32")) for _ in range(2))
    weight = backend.asarray(np.array([[2.0, 4.0]], "float32"))

    def by_weight(w):
        return msnn.BCELoss(weight=w)(logits, labels)

    _, grad = ul.value_and_grad(by_weight)(weight)
    p = np.array([[0.2, 0.7]])
    entropy = -(p * np.log(p) + (1 - p) * np.log(1 - p))
    np.testing.assert_allclose(backend.to_numpy(grad), entropy / 2, rtol=1e-5)
