"""What a loss is said to be: plans compared, descriptions, the support table, and the command."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner
from unified_loss.conformance import loss_names
from unified_loss.conformance.support import SupportTable, recorded_support

import unified_loss as ul
from unified_loss.cli import app
from unified_loss.description import default_plan, describe
from unified_loss.differences import plan_differences
from unified_loss.registry import ENTRIES

GLUON = "mxnet.gluon.loss"


def plan(name, **parameters):
    return ul.resolve(name)(**parameters).plan


def invoke(*arguments):
    return CliRunner().invoke(app, ["show", *arguments])


# ------------------------------------------------------------------------------ differences


def test_equal_plans_differ_in_nothing():
    assert plan_differences(plan(f"{GLUON}.HuberLoss"), plan(f"{GLUON}.HuberLoss", rho=1.0)) == ()


@pytest.mark.parametrize(
    ("first", "second", "fields"),
    [
        (plan(f"{GLUON}.L1Loss"), plan(f"{GLUON}.L1Loss", weight=0.5), {"weighting.scale"}),
        (plan(f"{GLUON}.L1Loss"), plan(f"{GLUON}.L1Loss", batch_axis=1), {"reduction.kept_axis"}),
        (plan(f"{GLUON}.HuberLoss"), plan(f"{GLUON}.HuberLoss", rho=2), {"parameters.beta"}),
        (plan(f"{GLUON}.L1Loss"), plan(f"{GLUON}.L2Loss"), {"spec", "weighting.scale"}),
        (plan(f"{GLUON}.CTCLoss"), plan(f"{GLUON}.CTCLoss", layout="TNC"), {"layouts.prediction.axes"}),
        (
            plan("paddle.nn.BCEWithLogitsLoss"),
            plan("paddle.nn.BCEWithLogitsLoss", pos_weight=[2.0]),
            {"constants"},
        ),
    ],
)
def test_each_field_that_differs_is_named(first, second, fields):
    assert {d.field for d in plan_differences(first, second)} == fields
    assert {d.field for d in plan_differences(second, first)} == fields
    assert all(d.first != d.second for d in plan_differences(first, second))


# ------------------------------------------------------------------------------ description


@pytest.mark.parametrize("name", loss_names())
def test_every_loss_is_described(name):
    found = describe(name)
    assert found.name == name and found.signature.startswith(name) and found.summary
    assert (found.plan is None) == (default_plan(name) is None)
    if found.plan is not None:
        assert found.formula and found.spec == found.plan.spec
    json.dumps(found.to_json(), allow_nan=False)


def test_relatives_are_of_other_frameworks_closest_first():
    found = describe(f"{GLUON}.HuberLoss")
    names = [relative.name for relative in found.relatives]
    assert names and not any(name.startswith("mxnet") for name in names)
    counts = [len(relative.differences) for relative in found.relatives]
    assert counts == sorted(counts)


# ---------------------------------------------------------------------------------- support


def test_the_recorded_table_is_that_of_the_losses_there_are():
    support = recorded_support()
    assert sorted(support.cells) == list(loss_names())
    assert set(support.versions) == set(ENTRIES)
    for loss, row in support.cells.items():
        assert set(row) == set(ENTRIES), loss
        for backend, cell in row.items():
            assert cell.cases or cell.support != "holds", (loss, backend)
            assert (cell.support == "holds") == (not cell.reason), (loss, backend)


def test_the_table_survives_json():
    support = recorded_support()
    assert SupportTable.from_json(json.loads(json.dumps(support.to_json()))) == support


# ---------------------------------------------------------------------------------- command


def test_show_says_formula_plan_parameters_backends_and_differences():
    done = invoke(f"{GLUON}.HuberLoss")
    assert done.exit_code == 0
    for said in ("smooth_l1", "Plan<", "rho=1", "holds", "in other frameworks"):
        assert said in done.output


def test_show_json_has_the_same():
    done = invoke(f"{GLUON}.HuberLoss", "--json", "-")
    told = json.loads(done.output)
    assert told["spec"] == "smooth_l1" and told["parameters"]["rho"] == "1"
    assert set(told["backends"]) == set(ENTRIES)


def test_show_table():
    done = invoke("--table", "--json", "-")
    assert done.exit_code == 0 and sorted(json.loads(done.output)["cells"]) == list(loss_names())
    assert "holds" in invoke("--table").output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "either the name of a loss, or --table"),
        (("torch.nn.L1Loss", "--table"), "either the name of a loss, or --table"),
        (("torch.nn.Nothing",), "unknown loss 'torch.nn.Nothing'"),
    ],
)
def test_wrong_use(arguments, said):
    done = invoke(*arguments)
    assert done.exit_code == 2 and said in done.output
