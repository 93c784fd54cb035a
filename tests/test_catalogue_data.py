"""The divergence catalogue's data: that it is what the code, and the frameworks, give now."""

import itertools
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from unified_loss.conformance.beside import Ran
from unified_loss.conformance.cases import Case, Input, decode
from unified_loss.conformance.catalogue import (
    curves_of,
    differences,
    given_to,
    plain,
    port_to_json,
    refreshed,
    result,
)
from unified_loss.conformance.domains import domains
from unified_loss.conformance.live import native_outcome

import unified_loss as ul
from unified_loss.errors import ConfigError
from unified_loss.porting.catalogue import catalogued, page, pairs_of
from unified_loss.porting.pairs import pairs
from unified_loss.porting.sharing import as_taken, shared_inputs
from unified_loss.porting.source import FRAMEWORKS, parse
from unified_loss.spec import Spec

DATA = Path(__file__).parent.parent / "docs" / "catalogue" / "data"


def told(loss):
    return json.loads((DATA / f"{loss}.json").read_text(encoding="utf-8"))


def inputs_of(data):
    return {role: decode(x["values"], x["dtype"]) for role, x in data["inputs"].items()}


def in_json(value):
    return json.loads(json.dumps(plain(value)))


def test_each_loss_that_a_framework_has_has_a_page_and_no_other():
    assert sorted(file.stem for file in DATA.iterdir()) == list(catalogued())
    assert len(catalogued()) > 60 and set(catalogued()) <= set(Spec.registry)


@pytest.mark.parametrize("loss", catalogued())
def test_a_page_says_what_the_losses_mean_now(loss):
    data, found = told(loss), page(loss)
    for name, value in in_json(found.to_json()).items():
        assert data[name] == value, f"{loss}: {name}: run docs/catalogue/measure.py --recorded {loss}"
    plans = [variant.plan for variant in found.variants]
    assert all(a != b for a, b in itertools.combinations(plans, 2))
    # Each native call once, and with a result: numbers, or why there are none.
    calls = [(variant["id"], call["name"]) for variant in data["variants"] for call in variant["calls"]]
    assert [(row["variant"], row["name"]) for row in data["results"]] == calls
    for row in data["results"]:
        assert (row["value"] is None) == (row["error"] is not None), row["name"]
    ids = [variant["id"] for variant in data["variants"]]
    assert [(row["first"], row["second"]) for row in data["differences"]] == [("A", i) for i in ids[1:]]


def test_nearly_all_losses_have_a_result_of_their_framework():
    rows = [row for loss in catalogued() for row in told(loss)["results"]]
    assert sum(row["error"] is None for row in rows) > 0.85 * len(rows)
    assert {row["framework"] for row in rows if row["error"] is None} == {*FRAMEWORKS} - {"tf"}


def test_inputs_tell_variants_apart_whose_numbers_can_differ():
    huber = {row["name"]: row for row in told("huber")["results"]}
    assert np.ndim(huber["torch.nn.HuberLoss"]["value"]) == 0
    assert np.ndim(huber["optax.losses.huber_loss"]["value"]) == 2
    divergence = {row["name"]: row["value"] for row in told("kl_divergence")["results"]}
    mxnet = np.mean(divergence["mxnet.gluon.loss.KLDivLoss"])
    assert abs(mxnet - divergence["torch.nn.KLDivLoss"]) > 0.1


def test_the_ports_are_those_that_there_are_and_their_programs_are_as_now():
    listed = [(port["source"], port["to"], port) for loss in catalogued() for port in told(loss)["ports"]]
    wanted = [(str(call), to) for loss in catalogued() for call, to in pairs_of(page(loss))]
    assert [(source, to) for source, to, _ in listed] == wanted
    assert {(str(call), to) for call, to in pairs()} <= set(wanted)
    # Of all of them, those that a step of this size meets.
    for source, to, port in listed[::9]:
        now = port_to_json(ul.port(source, to, prove=False))
        # A formula that is written out moves with the code of the spec; `test_port_everywhere` runs it.
        written_out = "." not in (port["target"] or ".")
        for name in ("from", "target", "dialect", *(() if written_out else ("native",))):
            assert port[name] == now[name], f"{source} -> {to}: {name}: run docs/catalogue/measure.py"
    proved = [port for _, _, port in listed if port["native"] and port["proof"]["holds"]]
    assert len(proved) > 0.9 * len(listed)
    assert all(port["proof"]["kind"] in ("live", "golden", "none") for _, _, port in listed)


@pytest.mark.parametrize("loss", ["huber", "log_cosh", "margin_ranking", "nll", "softmax_cross_entropy"])
def test_inputs_differences_and_curves_are_as_now(loss):
    pytest.importorskip("autograd")
    data, found = told(loss), page(loss)
    now = shared_inputs([variant.calls for variant in found.variants])
    given = inputs_of(data)
    assert given.keys() == now.keys()
    for role, x in now.items():
        np.testing.assert_array_equal(given[role], x, role)
    close(data["differences"], in_json(differences(found, given)))
    close(data["curves"], in_json(curves_of(found, given)))


def test_a_page_can_be_made_anew_without_the_frameworks():
    pytest.importorskip("autograd")
    data = told("hinge_embedding")
    changed = {**data, "formula": "", "variants": [], "differences": [], "curves": None}
    close(data, in_json(refreshed(changed)))
    with pytest.raises(ConfigError, match="has other native losses now"):
        refreshed({**data, "results": data["results"][1:]})


def close(told, now):
    """That two trees have the same numbers but for rounding, and all else alike."""
    if isinstance(told, dict):
        assert told.keys() == now.keys()
        told, now = list(told.values()), list(now.values())
    if isinstance(told, list):
        assert len(told) == len(now)
        for a, b in zip(told, now, strict=True):
            close(a, b)
    elif isinstance(told, float):
        assert told == pytest.approx(now, rel=1e-5, abs=1e-6)
    else:
        assert told == now


@pytest.mark.backends("torch", "tensorflow", "paddle", "mindspore", "mxnet", "jax")
def test_the_frameworks_give_what_is_stored(backend):
    rows = [
        (loss, row)
        for loss in catalogued()
        for row in told(loss)["results"]
        if row["error"] is None
        and row["no_gradient"] is None
        and FRAMEWORKS[row["framework"]] == backend.name
    ]
    # Of each backend some others.
    number = list(FRAMEWORKS.values()).index(backend.name)
    chosen = rows[number % 5 :: 5]
    assert len(chosen) >= 2
    for loss, row in chosen:
        data, found = told(loss), page(loss)
        first = found.variants[0].calls[0]
        call = next(call for _, call in found.calls if call.name == row["name"])
        case = as_case(call, given_to(call, inputs_of(data), first))
        with warnings.catch_warnings():
            # What a framework deprecates is among what is catalogued.
            warnings.simplefilter("ignore")
            outcome = native_outcome(case, backend)
        now = in_json(result(found, call, Ran(outcome, "", None)))
        for name in ("value", "gradient"):
            stored, given = (None if x[name] is None else decode(x[name], "float64") for x in (row, now))
            np.testing.assert_allclose(given, stored, rtol=2e-5, atol=2e-6, err_msg=f"{row['name']}: {name}")


def as_case(call, given):
    domain = domains().get(call.row.native_name)
    by_name = call.kind == "function" or (domain is not None and domain.keywords)
    inputs = [Input(n, x, n if by_name else None) for n, x in given.tensors.items() if x is not None]
    names = [each.name for each in inputs]
    return Case(
        id=call.name,
        loss=call.row.native_name,
        kwargs=dict(call.parameters),
        inputs=tuple(inputs),
        kind="live",
        source="",
        framework="tensorflow" if call.name.startswith("tf.") else call.name.partition(".")[0],
        call=call.kind if domain is None else domain.call,
        gradient_of=None if given.gradient_of is None else names.index(given.gradient_of),
    )


def test_what_cannot_be_run_says_why():
    tree = {row["name"]: row for row in told("hierarchical_sigmoid")["results"]}
    assert (
        tree["paddle.nn.functional.hsigmoid_loss"]["no_gradient"]
        and "weights of its own" in tree["paddle.nn.HSigmoidLoss"]["error"]
    )
    adaptive = {row["name"]: row["error"] for row in told("adaptive_log_softmax")["results"]}
    assert "has weights of its own" in adaptive["torch.nn.AdaptiveLogSoftmaxWithLoss"]
    assert "GPUs only" in told("margin_cross_entropy")["results"][0]["error"]
    assert "at random" in told("nce")["results"][0]["error"]
    with pytest.raises(ConfigError, match=r"no loss of a framework means 'hubert'"):
        page("hubert")
    with pytest.raises(ConfigError, match=r"margin_ranking.*target is missing|target"):
        as_taken(
            parse("torch.nn.MarginRankingLoss"),
            {"first": np.ones(3), "second": np.ones(3)},
            parse("torch.nn.MarginRankingLoss"),
        )
