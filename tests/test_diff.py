"""`explain_diff` and the command `diff`: what differs, how much each field does, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import unified_loss as ul
from unified_loss import cli
from unified_loss.description import default_plan, row_names
from unified_loss.differences import plan_differences
from unified_loss.errors import ConfigError
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.porting import causes
from unified_loss.porting.causes import cause_of
from unified_loss.porting.meanings import meaning_of
from unified_loss.porting.source import parse
from unified_loss.reduction import Reduction
from unified_loss.spec import Spec
from unified_loss.weighting import Weighting

LOGITS = [[2.0, 0.5, -1.0], [0.1, 0.2, 0.3], [1.0, -1.0, 0.0]]


def by_field(found):
    return {field.field: field for field in found.fields}


def amounts(found, quantity):
    effects = [getattr(field, f"{quantity}_effect") for field in found.fields]
    return {f.field: e.amount for f, e in zip(found.fields, effects, strict=True) if e is not None}


def check_adds_up(found):
    for quantity in ("value", "gradient"):
        gap = getattr(found, quantity)
        if gap is None or gap.size == 0:
            continue
        assert sum(amounts(found, quantity).values()) == pytest.approx(gap.size, rel=1e-9)
        effects = [getattr(field, f"{quantity}_effect") for field in found.fields]
        assert sum(e.share for e in effects if e is not None) == pytest.approx(1, rel=1e-9)


# ------------------------------------------------------------------------ causes and words


def test_every_field_of_a_plan_has_a_cause_of_its_own():
    parameters = {p.name for spec in Spec.registry.values() for p in spec.parameters}
    assert set(causes.PARAMETERS) == parameters
    for table, kind in (
        (causes.LAYOUT, Layout),
        (causes.WEIGHTING, Weighting),
        (causes.REDUCTION, Reduction),
    ):
        assert set(table) == {f.name for f in fields(kind) if f.compare}
    parts = {"parameters", "layouts", "inner", "weighting", "reduction"}
    assert set(causes.PLAN) == {f.name for f in fields(Plan)} - parts
    tables = (causes.PARAMETERS, causes.LAYOUT, causes.WEIGHTING, causes.REDUCTION, causes.PLAN)
    assert {cause for table in tables for cause in table.values()} <= set(causes.CAUSES)


def test_every_field_of_a_plan_is_said_in_words():
    for spec in Spec.registry.values():
        for parameter in spec.parameters:
            assert meaning_of(f"parameters.{parameter.name}", spec.name), (spec.name, parameter.name)
    for head, table in (
        ("layouts.target.", causes.LAYOUT),
        ("weighting.", causes.WEIGHTING),
        ("reduction.", causes.REDUCTION),
        ("inner.", causes.REDUCTION),
        ("", causes.PLAN),
    ):
        assert all(meaning_of(head + name) for name in table)


def test_whatever_two_losses_differ_in_has_a_cause():
    plans = [plan for name in row_names() if (plan := default_plan(name)) is not None]
    seen = set()
    # Each beside its neighbours, which are often of one loss, and beside some of all others.
    for i, first in enumerate(plans):
        for second in (*plans[i + 1 : i + 6], *plans[i % 40 :: 40]):
            for difference in plan_differences(first, second):
                seen.add(cause_of(difference.field, difference.first, difference.second))
    assert {"formula", "clamp", "denominator", "axis", "reduction", "label encoding", "dtype"} <= seen


@pytest.mark.parametrize("field", ["parameters.nothing", "nothing", "layouts.target.nothing", "spec.nothing"])
def test_a_field_that_plans_do_not_have_has_no_cause(field):
    with pytest.raises(KeyError):
        cause_of(field)


# --------------------------------------------------------------------------- real examples


def test_torch_and_paddle_count_ignored_labels_differently():
    labels = np.array([0, -100, 2])
    found = ul.explain_diff("torch.nn.CrossEntropyLoss", "paddle.nn.CrossEntropyLoss", LOGITS, labels)
    values = [parse(f"{name}.nn.CrossEntropyLoss").loss(LOGITS, labels) for name in ("torch", "paddle")]
    assert (found.value.first, found.value.second) == tuple(map(float, values))
    counted = by_field(found)["reduction.counts_ignored"]
    assert counted.cause == "denominator" and counted.value_effect.share == pytest.approx(1)
    assert counted.gradient_effect.share == pytest.approx(1)
    assert found.fields[0] == counted and not found.equal
    assert by_field(found)["parameters.axis"].value_effect.amount == 0
    check_adds_up(found)


def test_gluon_keeps_a_loss_per_sample_where_torch_takes_the_mean():
    found = ul.explain_diff(
        "mxnet.gluon.loss.HuberLoss", "torch.nn.HuberLoss", [[0.0, 2.0], [3.0, 1.0]], [[0.0, 0.0], [0.0, 0.5]]
    )
    # Per sample 0.75 and 1.3125, against their mean.
    assert found.value.first == pytest.approx(2.0625) and found.value.second == pytest.approx(1.03125)
    assert "their sums are compared" in found.note
    assert by_field(found)["reduction.kept_axis"].value_effect.share == pytest.approx(1)
    # The two formulas are one where both parameters are 1.
    assert by_field(found)["spec"].value_effect.amount == 0
    check_adds_up(found)


def test_keras_and_torch_clamp_a_certain_error_differently():
    found = ul.explain_diff(
        "keras.losses.BinaryCrossentropy", "torch.nn.BCELoss", target=[1.0, 1.0], prediction=[0.0, 0.5]
    )
    log_half = float(np.log(2))
    assert found.value.first == pytest.approx((-np.log(1e-7) + log_half) / 2, rel=1e-6)
    assert found.value.second == pytest.approx((100 + log_half) / 2, rel=1e-6)
    effects = {f.field: f.value_effect for f in found.fields if f.cause == "clamp"}
    assert set(effects) == {"parameters.clip", "parameters.log_floor"}
    assert sum(effect.share for effect in effects.values()) == pytest.approx(1, abs=1e-6)
    # Without the clip alone, the loss would be infinite.
    assert by_field(found)["arguments"].first == ("target", "prediction")
    check_adds_up(found)


def test_drawn_inputs_tell_losses_apart_and_extremes_are_told_beside():
    found = ul.explain_diff("keras.losses.BinaryCrossentropy", "torch.nn.BCELoss")
    assert found.value.size < 1e-5
    assert any("on extreme inputs" in field.note for field in found.fields)
    check_adds_up(found)


def test_axes_in_another_order_are_brought_into_it():
    found = ul.explain_diff("mxnet.gluon.loss.CTCLoss", "torch.nn.CTCLoss")
    axes = by_field(found)["layouts.prediction.axes"]
    assert (axes.first, axes.second) == ("NTC", "TNC") and axes.value_effect.amount == 0
    assert by_field(found)["parameters.blank"].cause == "label encoding"
    check_adds_up(found)


def test_fields_that_act_only_together_are_told_to():
    # Less than 1 of a squared error in a sum, and a scale: neither change alone gives both.
    found = ul.explain_diff(
        "torch.nn.SmoothL1Loss(beta=0.5)",
        "torch.nn.SmoothL1Loss(beta=2.0, reduction='sum')",
        [3.0, 1.0],
        [0.0, 0.0],
    )
    alone = [f.value_effect.alone for f in found.fields if f.value_effect and f.value_effect.alone]
    assert len(alone) == 2 and found.method == "average"
    # (2.75 + 0.75) / 2 against 2 + 0.25; with beta alone 1.125, with the sum alone 3.5.
    assert found.value.size == pytest.approx(0.5)
    assert found.value.interaction == pytest.approx(abs(0.5 - (1.125 - 1.75) - (3.5 - 1.75)))
    check_adds_up(found)


def test_what_cannot_be_changed_alone_is_said_and_changed_together():
    # Of one sample without a batch axis, axis 1 is only meant where that is allowed.
    found = ul.explain_diff("paddle.nn.CrossEntropyLoss", "torch.nn.CrossEntropyLoss", [0.1, 0.9, 0.3], 2)
    axis = by_field(found)["parameters.axis"]
    assert "cannot be changed alone" in axis.note and axis.value_effect.alone is None
    assert found.value.size == pytest.approx(0, abs=1e-7)


def test_a_second_loss_that_refuses_the_inputs_is_a_difference_not_an_error():
    found = ul.explain_diff(
        "torch.nn.CrossEntropyLoss",
        "paddle.nn.CrossEntropyLoss",
        np.zeros((2, 3, 4), "float32"),
        np.zeros((2, 4), int),
    )
    assert found.value is None and "does not take these inputs: ShapeError" in found.note
    assert by_field(found)["parameters.axis"].value_effect is None


@pytest.mark.parametrize(
    "pair",
    [
        ("torch.nn.MSELoss", "torch.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5])"),
        ("keras.losses.CTC", "torch.nn.CosineEmbeddingLoss"),
    ],
)
def test_losses_that_have_no_inputs_in_common_are_compared_by_their_plans(pair):
    found = ul.explain_diff(*pair)
    assert by_field(found)["spec"].value_effect is None
    assert found.value is None and found.note.startswith("not run: ")


def test_equal_plans_do_not_differ():
    found = ul.explain_diff("torch.nn.L1Loss", "torch.nn.functional.l1_loss")
    assert found.equal and found.fields == () and found.value.size == 0 and found.method == "none"
    assert "means the same as" in str(found)


def test_a_weight_that_the_second_does_not_take_is_a_difference():
    inputs = [[1.0], [3.0]], [[0.0], [0.0]], [[0.5], [1.0]]
    found = ul.explain_diff("mxnet.gluon.loss.L1Loss", "mxnet.gluon.loss.L1Loss", *inputs)
    assert found.equal and found.value.first == pytest.approx(3.5)
    found = ul.explain_diff("mxnet.gluon.loss.L1Loss", "torch.nn.L1Loss", *inputs)
    assert by_field(found)["inputs.weight"].cause == "weights"
    assert found.value.first == pytest.approx(3.5) and found.value.second == pytest.approx(2)
    assert by_field(found)["inputs.weight"].value_effect.alone == pytest.approx(0.5)
    check_adds_up(found)


# -------------------------------------------------------------------------- label encodings


def test_class_indices_become_one_hot_vectors():
    found = ul.explain_diff(
        "keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
        "keras.losses.CategoricalCrossentropy(from_logits=True)",
        y_true=[0, 1, 2],
        y_pred=LOGITS,
    )
    assert found.value.size == pytest.approx(0, abs=1e-6)
    assert "converted" in by_field(found)["inputs.target"].note


def test_one_hot_vectors_become_class_indices_and_others_are_refused():
    pair = (
        "keras.losses.CategoricalCrossentropy(from_logits=True)",
        "keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
    )
    assert ul.explain_diff(*pair, np.eye(3, dtype="float32"), LOGITS).value.size == pytest.approx(0, abs=1e-6)
    with pytest.raises(ConfigError, match="not one-hot"):
        ul.explain_diff(*pair, np.full((3, 3), 1 / 3), LOGITS)


def test_signs_become_binary_labels():
    found = ul.explain_diff("torch.nn.SoftMarginLoss", "torch.nn.BCEWithLogitsLoss", [0.5, -2.0], [1.0, -1.0])
    assert found.value.size == pytest.approx(0, abs=1e-7) and found.value.first > 0
    assert by_field(found)["inputs.target"].first == "-1 and 1"


def test_labels_that_are_floats_are_read_as_indices():
    found = ul.explain_diff(
        "mxnet.gluon.loss.SoftmaxCrossEntropyLoss",
        "torch.nn.CrossEntropyLoss",
        LOGITS,
        np.array([0.0, 1.0, 2.0]),
    )
    assert found.value.first == pytest.approx(3 * found.value.second, rel=1e-6)


# --------------------------------------------------------------------------------- adding up

PAIRS = [
    ("torch.nn.SmoothL1Loss(beta=0.3)", "mxnet.gluon.loss.HuberLoss(rho=2.0, weight=3.0)"),
    ("torch.nn.MSELoss(reduction='sum')", "keras.losses.MeanSquaredError"),
    ("optax.losses.l2_loss", "paddle.nn.MSELoss"),
    ("torch.nn.HuberLoss(delta=0.2)", "tf.keras.losses.Huber(delta=2.0)"),
    ("torch.nn.PoissonNLLLoss", "mxnet.gluon.loss.PoissonNLLLoss"),
]


@pytest.mark.parametrize("pair", PAIRS)
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_amounts_add_up_and_both_sides_are_the_losses_themselves(pair, data):
    numbers = st.lists(st.floats(0.0625, 8, width=32), min_size=6, max_size=6)
    prediction, target = (np.reshape(data.draw(numbers), (3, 2)).astype("float64") for _ in "pt")
    found = ul.explain_diff(*pair, prediction=prediction, target=target)
    for side, gap in zip(pair, (found.value.first, found.value.second), strict=True):
        call = parse(side)
        roles = {"prediction": prediction, "target": target}
        own = call.loss(*(roles.get(call.roles.get(name)) for name in call.arguments))
        assert gap == pytest.approx(float(np.sum(np.asarray(own))), rel=1e-6, abs=1e-9)
    check_adds_up(found)


def test_values_that_are_not_finite_are_counted_and_told():
    infeasible = np.log(np.full((1, 1, 3), 1 / 3, dtype="float32")), [[1, 2]], [1], [2]
    found = ul.explain_diff("torch.nn.CTCLoss", "torch.nn.CTCLoss(zero_infinity=True)", *infeasible)
    assert found.value.not_finite == 1 and found.value.size == 0
    assert by_field(found)["parameters.zero_infinity"].value_effect.not_finite == 1
    json.dumps(found.to_json(), allow_nan=False)


# ------------------------------------------------------------------------ backends and sides


@pytest.mark.backends("torch")
def test_it_runs_on_another_backend_and_on_its_tensors(backend):
    torch = backend
    tensors = torch.asarray(np.float32(LOGITS)), torch.asarray(np.array([0, 1, -100]))
    pair = "torch.nn.CrossEntropyLoss", "paddle.nn.CrossEntropyLoss"
    found, asked = (
        ul.explain_diff(*pair, *tensors),
        ul.explain_diff(*pair, LOGITS, [0, 1, -100], backend="torch"),
    )
    assert found.backend == asked.backend == "torch"
    assert found.value == asked.value and found.gradient.size > 0
    with pytest.raises(ul.MixedTensorsError):
        ul.explain_diff(*pair, *tensors, backend="numpy")


@pytest.mark.backends("jax")
def test_inputs_are_drawn_for_a_backend_without_float64(backend):
    found = ul.explain_diff("torch.nn.L1Loss", "torch.nn.MSELoss", backend=backend.name)
    assert found.value.size > 0 and found.gradient.size > 0
    check_adds_up(found)


def test_without_autograd_there_are_values_and_a_note():
    program = """
import sys
sys.modules["autograd"] = None
import unified_loss as ul
found = ul.explain_diff("torch.nn.L1Loss", "torch.nn.MSELoss", [1.0, 3.0], [0.0, 0.0])
print(found.value.size, found.gradient, found.note)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("3.0 None")
    assert "no gradients: gradients of NumPy arrays need HIPS autograd" in done.stdout


def test_losses_of_dialects_serve_as_texts_do():
    huber = ul.resolve("torch.nn.HuberLoss")
    text = ul.explain_diff("torch.nn.HuberLoss(delta=0.5)", "torch.nn.HuberLoss", [1.0], [0.0])
    loss = ul.explain_diff(huber(delta=0.5), huber, [1.0], [0.0])
    assert loss.to_json() == text.to_json()
    bound = ul.from_config({"loss": "torch.nn.functional.huber_loss", "delta": 0.5})
    assert ul.explain_diff(bound, huber(delta=0.5), [1.0], [0.0]).equal
    assert ul.explain_diff(ul.resolve("torch.nn.functional.huber_loss"), huber()).equal


# ------------------------------------------------------------------------------------ errors

CE = ("torch.nn.CrossEntropyLoss", "paddle.nn.CrossEntropyLoss")


@pytest.mark.parametrize(
    ("losses", "inputs", "by_name", "says"),
    [
        (("torch.nn.L1Los", CE[1]), (), {}, "did you mean torch.nn.L1Loss"),
        (("torch.nn.L1Loss(reduction='men')", CE[1]), (), {}, "unknown reduction 'men'|men"),
        ((3, CE[1]), (), {}, "neither the text of a native call nor a loss of a dialect"),
        ((ul.losses.huber, CE[1]), (), {}, "plan_differences"),
        (CE, (LOGITS,), {}, "'target' is missing"),
        (CE, (LOGITS, [0, 1, 2], 1.0), {}, "3 inputs were given, it takes 2: input, target"),
        (CE, (LOGITS,), {"targt": [0, 1, 2]}, "unknown input 'targt'.*did you mean 'target'"),
        (CE, (LOGITS, [0, 1, 2]), {"label": [0, 1, 2]}, "'label' was given twice"),
        (CE, (LOGITS, [0, 1]), {}, "does not take these inputs"),
        (CE, (LOGITS, [[0, 1], [2]]), {}, "target is no array of numbers"),
        (CE, (LOGITS, ["a", "b", "c"]), {}, "target is no array of numbers"),
        (("torch.nn.MSELoss", "torch.nn.CTCLoss"), ([1.0], [1.0]), {}, "'input_lengths' is missing"),
    ],
)
def test_wrong_use_is_told(losses, inputs, by_name, says):
    with pytest.raises(ConfigError, match=says):
        ul.explain_diff(*losses, *inputs, **by_name)


# --------------------------------------------------------------------------------------- CLI


def invoke(*arguments):
    return CliRunner().invoke(cli.app, ["diff", *arguments])


@pytest.fixture
def inputs_file(tmp_path):
    def write(value):
        file = tmp_path / "inputs.json"
        file.write_text(value if isinstance(value, str) else json.dumps(value))
        return str(file)

    return write


def test_the_command_tells_what_differs_and_exits_with_1(inputs_file):
    file = inputs_file({"input": LOGITS, "label": [0, -100, 2]})
    done = invoke(*CE, "--inputs", file)
    assert done.exit_code == 1
    assert "denominator" in done.output and "100%" in done.output


def test_the_command_exits_with_0_where_nothing_differs():
    done = invoke("torch.nn.L1Loss", "torch.nn.L1Loss(reduction='mean')")
    assert done.exit_code == 0 and "means the same as" in done.output


def test_the_command_writes_json(inputs_file, tmp_path):
    file, out = inputs_file({"prediction": LOGITS, "target": [0, -100, 2]}), tmp_path / "out.json"
    assert invoke(*CE, "--inputs", file, "--json", str(out), "--backend", "numpy").exit_code == 1
    done = invoke(*CE, "--inputs", file, "--json", "-")
    found = json.loads(done.stdout)
    assert found == json.loads(out.read_text())
    assert found == ul.explain_diff(*CE, LOGITS, [0, -100, 2]).to_json()
    assert {"field", "cause", "first", "second", "words", "value_effect"} <= set(found["fields"][0])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("torch.nn.L1Los", "torch.nn.L1Loss"), "torch.nn.L1Loss"),
        (("torch.nn.L1Loss(", "torch.nn.L1Loss"), "no Python expression"),
        (("torch.nn.L1Loss(reduction=x)", "torch.nn.L1Loss"), "only known when the program runs"),
        (("torch.nn.L1Loss(nothing=1)", "torch.nn.L1Loss"), "unknown argument 'nothing'"),
        (("torch.nn.L1Loss", "torch.nn.MSELoss", "--backend", "nothing"), "nothing"),
        (("torch.nn.L1Loss", "torch.nn.MSELoss", "--inputs", "/nowhere/inputs.json"), "No such file"),
        (("torch.nn.L1Loss", "torch.nn.MSELoss", "--json", "/nowhere/out.json"), "no directory"),
    ],
)
def test_wrong_use_exits_with_2(arguments, says):
    done = invoke(*arguments)
    assert done.exit_code == 2 and says in done.stderr and "Traceback" not in done.output


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not JSON"),
        ("[1, 2]", "expected an object"),
        ("{}", "expected an object"),
        ({"input": LOGITS}, "'target' is missing"),
        ({"input": LOGITS, "target": {"a": 1}}, "no array of numbers"),
        ({"input": LOGITS, "target": [0, 1, 7]}, "does not take these inputs"),
        ({"input": LOGITS, "nothing": [0, 1, 2]}, "unknown input 'nothing'"),
        ({"input": LOGITS, "target": [0, 1, 2], "backend": "numpy"}, "--backend"),
        ({"input": LOGITS, "target": [0, 1, 2], "first": [0]}, "unknown input 'first'"),
    ],
)
def test_malformed_inputs_exit_with_2(inputs_file, content, says):
    done = invoke(*CE, "--inputs", inputs_file(content))
    assert done.exit_code == 2 and says in done.stderr
