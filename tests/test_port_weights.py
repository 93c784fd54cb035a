"""Ports of losses with weights of their own, and of losses that are given functions."""

import numpy as np
import pytest

import unified_loss as ul
from unified_loss.porting.source import parse

TORCH = "torch.nn.AdaptiveLogSoftmaxWithLoss(8, 10, cutoffs=[3, 6], div_value=2.0, head_bias=True)"
PADDLE = "paddle.nn.AdaptiveLogSoftmaxWithLoss(12, 10, cutoffs=[3, 6], head_bias=True)"
TREE = "paddle.nn.HSigmoidLoss(4, 6)"
PROJECTED = "torch.nn.LinearCrossEntropyLoss(4, 6, bias=True)"


def test_weights_to_try_a_loss_on_are_always_the_same():
    first, again = parse(TORCH).weights, parse(TORCH).weights
    assert list(first) == ["head.weight", "head.bias", *(f"tail.{i}.{j}.weight" for i in "01" for j in "01")]
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert parse("torch.nn.MSELoss").weights == {}


@pytest.mark.parametrize(
    ("source", "to", "said"),
    [
        (TORCH, "paddle", 'loss.tail_weights[1][0].set_value(state["tail.1.0.weight"].T)'),
        (PADDLE, "torch", '"head.bias": torch.tensor(state["head_bias"])'),
    ],
)
def test_the_weights_of_one_are_moved_to_the_other(source, to, said):
    ported = ul.port(source, to=to)
    assert said in ported.native
    assert ported.proof.kind == "live"
    assert ported.proof.dialect.holds, str(ported.proof)
    # In extreme inputs Paddle has no log-probability below -64.
    assert ported.proof.native.holds_ordinarily and ported.proof.native.compared == 12, str(ported.proof)
    assert ported.verdict == ("approximate" if to == "paddle" else "adapted")
    assert "loss.load_state({" in ported.notes[0]
    assert "load_state(loss, state)" in ported.notes[1]
    assert ported.to_json()["notes"] == list(ported.notes)


@pytest.mark.parametrize(
    ("source", "to"),
    [
        (TREE, "torch"),
        ("paddle.nn.HSigmoidLoss(4, 6, bias_attr=False, is_custom=True)", "mxnet"),
        (PROJECTED, "optax"),
    ],
)
def test_where_no_loss_holds_such_weights_the_dialect_does(source, to):
    ported = ul.port(source, to=to)
    assert ported.native is None and ported.verdict == "exact"
    assert "has no loss that holds the weights of" in ported.reason
    assert ported.proof.kind == "live" and ported.proof.holds, str(ported.proof)
    assert "loss.load_state(" in ported.notes[0]


def test_the_dialects_loss_takes_the_weights_in_the_way_that_is_shown():
    ported = ul.port(PADDLE, to="torch", prove=False)
    program, names = ported.dialect, {}
    exec(program, names)
    weights = parse(PADDLE).weights
    names["loss"].load_state(weights)
    x, y = np.ones((3, 12), "float32"), np.array([0, 4, 9])
    with ul.use_backend("numpy"):
        output, loss = names["loss"](x, y)
    expected = parse(PADDLE).loss(x, y)
    assert np.allclose(output, expected[0]) and np.allclose(loss, expected[1])


def test_weights_that_are_made_some_other_way_are_refused():
    with pytest.raises(ul.ConfigError, match="weight_attr"):
        ul.port("paddle.nn.HSigmoidLoss(4, 6, weight_attr=3)", to="torch", prove=False)
