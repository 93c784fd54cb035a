"""Ports of losses with weights of their own, and of losses that are given functions."""

import functools
import importlib

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


# ------------------------------------------------------------------------------- functions

TRIPLET = "torch.nn.TripletMarginWithDistanceLoss"


def test_a_known_distance_is_what_the_loss_computes_with_by_itself():
    ported = ul.port(f"{TRIPLET}(distance_function=torch.nn.PairwiseDistance(), margin=0.5)", to="paddle")
    assert "paddle.nn.functional.triplet_margin_loss" in ported.native
    assert ported.proof.kind == "live" and ported.proof.holds, str(ported.proof)
    assert "distance_function=torch.nn.PairwiseDistance() says nothing that" in ported.notes[0]


@pytest.mark.parametrize(
    ("source", "meant"),
    [
        (
            f"{TRIPLET}(distance_function=torch.nn.PairwiseDistance(1))",
            "torch.nn.TripletMarginLoss(p=1.0, eps=1e-06)",
        ),
        (
            "torch.nn.functional.triplet_margin_with_distance_loss(a, p, n, "
            "distance_function=torch.nn.functional.pairwise_distance, swap=True)",
            "torch.nn.functional.triplet_margin_with_distance_loss(swap=True)",
        ),
        (
            "paddle.nn.functional.triplet_margin_with_distance_loss(a, p, n, paddle.nn.PairwiseDistance(3))",
            "paddle.nn.functional.triplet_margin_loss(p=3.0, epsilon=1e-06)",
        ),
        (
            # The class does not pass it on.
            "paddle.nn.TripletMarginWithDistanceLoss(lambda x, y: mine.distance(x, y), swap=True)",
            "paddle.nn.TripletMarginWithDistanceLoss(swap=True)",
        ),
        (
            "optax.losses.ranking_softmax_loss(s, t, reduce_fn=jnp.mean)",
            "optax.losses.ranking_softmax_loss()",
        ),
    ],
)
def test_the_same_loss_without_the_function(source, meant):
    call = parse(source)
    assert str(call) == meant
    assert list(call.functions) in (["distance_function"], ["reduce_fn"])


@pytest.mark.backends("torch", "paddle")
@pytest.mark.parametrize("distance", ["2, 1e-06", "1", "3, 0.1"])
@pytest.mark.parametrize("kind", ["class", "function"])
def test_the_framework_itself_says_that_they_are_the_same(backend, distance, kind):
    native = importlib.import_module(f"{backend.name}.nn")
    given = f"margin=0.7, swap=True, distance_function={backend.name}.nn.PairwiseDistance({distance})"
    function = native.PairwiseDistance(*map(float, distance.split(",")))
    options = {"margin": 0.7, "swap": True, "distance_function": function}
    if kind == "class":
        call = parse(f"{backend.name}.nn.TripletMarginWithDistanceLoss({given})")
        loss = native.TripletMarginWithDistanceLoss(**options)
        meant = getattr(native, call.name.rpartition(".")[2])(**call.parameters)
    else:
        written = f"{backend.name}.nn.functional.triplet_margin_with_distance_loss"
        call = parse(f"{written}(a, p, n, {given})")
        loss = functools.partial(native.functional.triplet_margin_with_distance_loss, **options)
        meant = functools.partial(getattr(native.functional, call.name.rpartition(".")[2]), **call.parameters)
    assert "distance_function" not in call.parameters
    values = np.random.default_rng(0).normal(size=(3, 6, 4)).astype("float32")
    tensors = [backend.asarray(x) for x in values]
    assert np.allclose(*(backend.to_numpy(each(*tensors)) for each in (loss, meant)), rtol=1e-6)
    gradients = [backend.to_numpy(ul.value_and_grad(each)(*tensors)[1]) for each in (loss, meant)]
    assert np.allclose(*gradients, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("function", "unknown"),
    [
        ("lambda x, y: ((x - y) ** 2).sum(-1)", None),
        ("torch.nn.CosineSimilarity(dim=1)", None),
        ("torch.nn.PairwiseDistance(keepdim=True)", None),
        ("torch.nn.PairwiseDistance(p='a')", None),
        ("torch.nn.PairwiseDistance", None),
        ("paddle.nn.PairwiseDistance(3)", None),
        ("mine.distance", "mine must be defined"),
    ],
)
def test_a_function_that_is_not_known_is_taken_as_it_is(function, unknown):
    ported = ul.port(f"{TRIPLET}(distance_function={function})", to="paddle")
    assert ported.native is None and ported.proof is None and ported.verdict == "exact"
    assert f"what distance_function={function} computes is not known" in ported.reason
    assert f"loss = TripletMarginWithDistanceLoss(distance_function={function})" in ported.dialect
    assert "write it with paddle's operations" in ported.notes[0]
    assert ported.notes[0].endswith(unknown or "operations")
    compile(ported.dialect, "the port", "exec")
    assert ("import torch\n" in ported.dialect) == function.startswith("torch.")


def test_the_dialect_calls_the_function_with_the_targets_tensors():
    ported = ul.port(f"{TRIPLET}(distance_function=lambda x, y: abs(x - y).sum(-1))", "mxnet", prove=False)
    names = {}
    exec(ported.dialect, names)
    with ul.use_backend("numpy"):
        value = names["loss"](np.zeros((2, 3)), np.ones((2, 3)), 2 * np.ones((2, 3)))
        assert float(value) == 0.0
        assert float(names["loss"](np.zeros((2, 3)), 2 * np.ones((2, 3)), np.ones((2, 3)))) == 4.0


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (f"{TRIPLET}(distance_function=5)", "distance_function is 5 (int), expected a function or None"),
        (f"{TRIPLET}(distance_function='l1')", "distance_function is 'l1' (str), expected a function"),
        (f"{TRIPLET}(margin=lambda x: x)", "margin is 'lambda x: x', which is only known when"),
        ("mindspore.nn.MultiClassDiceLoss(activation=act)", "activation is 'act', which is only known when"),
    ],
)
def test_what_is_no_function_is_refused(source, said):
    with pytest.raises(ul.ConfigError) as refused:
        ul.port(source, to="paddle", prove=False)
    assert said in str(refused.value)
