"""Ports of calls: what they say, between all dialects, and that the frameworks agree."""

import re

import pytest

import unified_loss as ul
from unified_loss.errors import ConfigError


def test_a_loss_that_the_target_has():
    ported = ul.port("paddle.nn.SmoothL1Loss(delta=0.5)", to="torch", prove=False)
    assert ported.verdict == "exact"
    assert ported.native == "import torch\n\nloss = torch.nn.HuberLoss(delta=0.5)\n"
    assert ported.dialect == (
        "from unified_loss.dialects.paddle.nn import SmoothL1Loss\n\nloss = SmoothL1Loss(delta=0.5)\n"
    )
    assert all(
        residual.cause in ("dtype", "input shape", "refused inputs") for residual in ported.differences
    )


def test_a_loss_that_the_target_has_under_another_name_and_reduced_otherwise():
    ported = ul.port("mxnet.gluon.loss.HuberLoss(rho=0.5)", to="torch", prove=False)
    assert ported.verdict == "adapted"
    assert ported.target == "torch.nn.functional.smooth_l1_loss"
    assert (
        ported.native
        == """\
import torch


def loss(pred, label, sample_weight=None):
    label = label.reshape(pred.shape)
    losses = torch.nn.functional.smooth_l1_loss(pred, label, reduction='none', beta=0.5)
    if sample_weight is not None:
        losses = losses * sample_weight
    return losses.reshape(losses.shape[0], -1).mean(1)
"""
    )


def test_a_loss_that_the_target_does_not_have():
    ported = ul.port("keras.losses.Tversky(alpha=0.3)", to="torch", prove=False)
    assert ported.verdict == "adapted"
    assert ported.target == "tversky"
    assert "unified_loss" not in ported.native
    assert "0.3" in ported.native


@pytest.mark.parametrize(
    ("source", "to", "said"),
    [
        ("keras.losses.Huber(delta=2.0)", "torch", "def loss(y_true, y_pred, sample_weight=None):"),
        ("mindspore.nn.CTCLoss()", "mxnet", "ctc"),
        ("mxnet.gluon.loss.LogisticLoss()", "optax", "(label + 1) / 2"),
        ("torch.nn.functional.cross_entropy(scores, labels)", "optax", "!= -100"),
        ("mxnet.gluon.loss.SoftmaxCrossEntropyLoss(axis=1)", "optax", "axis=1"),
        ("mxnet.gluon.loss.SoftmaxCrossEntropyLoss()", "torch", "label.clamp(0, pred.shape[-1] - 1)"),
        ("optax.losses.safe_softmax_cross_entropy", "torch", "cross_entropy"),
    ],
)
def test_argument_order_encodings_and_layouts_are_part_of_it(source, to, said):
    ported = ul.port(source, to=to, prove=False)
    assert ported.verdict in ("exact", "adapted")
    assert said in ported.native


def test_scores_of_any_rank_are_the_rows_of_a_loss_with_the_classes_at_axis_1():
    source = "tf.compat.v1.nn.sparse_softmax_cross_entropy_with_logits()"
    ported = ul.port(source, to="paddle", prove=False)
    # Paddle's cross entropy clips logits.
    assert ported.target == "paddle.nn.functional.nll_loss"
    assert 'labels.astype("int64")' in ported.native
    # A sample alone is among what it is tried on.
    assert ported.verdict == "adapted" and not ported.differences


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "mxnet.gluon.loss.HuberLoss(rh=0.5)",
            "unknown argument 'rh'; it has: rho, weight, batch_axis; did you",
        ),
        ("mxnet.gluon.loss.HuberLoss(rho=config.rho)", "rho is 'config.rho', which is only known when"),
        ("mxnet.gluon.loss.HuberLoss(**config)", "'config' is only known when the program runs"),
        ("mxnet.gluon.loss.HuberLoss(*config)", "'*config' is only known when the program runs"),
        ("mxnet.gluon.loss.HuberLoss(rho='a')", "rho is 'a' (str), expected"),
        ("mxnet.gluon.loss.HuberLoss(1, 2, 3, 4)", "takes 3 positional arguments, 4 were given"),
        ("mxnet.gluon.loss.HuberLoss(1, rho=2)", "argument 'rho' was given twice"),
        ("mxnet.gluon.loss.Huber()", "did you mean mxnet.gluon.loss.HuberLoss"),
        ("torch.nn.L1Loss(reduction='avg')", "reduction"),
        ("torch.nn.HuberLoss(delta=9**9**9)", "is only known when the program runs"),
        ("torch.nn.HuberLoss(delta=1/0)", "'1 / 0' has no value"),
        ("torch.nn.CrossEntropyLoss(weight=torch.tensor([[1], 2]))", "expected an array of numbers"),
        (
            "torch.nn.CrossEntropyLoss(weight=torch.tensor('a'))",
            "weight is \"torch.tensor('a')\", expected an array",
        ),
        ("torch.nn.functional.l1_loss(a)", "torch.nn.functional.l1_loss: argument 'target' is missing"),
        ("torch.nn.L1Loss()(a)", "torch.nn.L1Loss: argument 'target' is missing; it takes: input, target"),
        ("torch.nn.AdaptiveLogSoftmaxWithLoss(4)", "torch.nn.AdaptiveLogSoftmaxWithLoss: missing 2 required"),
        ("torch.nn.HuberLoss(", "is no Python expression"),
        ("", "is no Python expression"),
        ("lambda x: x", "is no call of a loss by its native name"),
        ("(" * 5000, "is no Python expression"),
    ],
)
def test_what_cannot_be_read_is_refused(source, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        ul.port(source, to="torch", prove=False)


def test_an_unknown_target_is_refused():
    with pytest.raises(
        ConfigError, match="there is no framework 'caffe' to port to; there are: mxnet, torch"
    ):
        ul.port("torch.nn.L1Loss", to="caffe", prove=False)


def test_both_sides_are_run_in_their_frameworks():
    ported = ul.port("mxnet.gluon.loss.HuberLoss(rho=0.5)", to="torch")
    assert ported.proof.kind == "live"
    assert ported.proof.holds
    assert ported.proof.native.agree == ported.proof.native.compared > 10
    assert ported.to_json()["proof"]["holds"]


def test_what_a_framework_makes_of_equal_plans_outweighs_the_trial():
    tried = ul.port("mindspore.nn.CTCLoss()", to="paddle", prove=False)
    assert tried.verdict == "adapted"
    ported = ul.port("mindspore.nn.CTCLoss()", to="paddle")
    # With log-probabilities as low as -1300, Paddle's kernel gives something else.
    assert ported.verdict == "approximate"
    assert [residual.source for residual in ported.differences if residual.cause == "kernel"] == [None]
