"""Every loss on every backend, and that the suite notices what is wrong, crashes, hangs or is missing."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from unified_loss.backends.numpy import boxed_backend
from unified_loss.conformance import comparison, live, load_cases, loss_names, tolerances
from unified_loss.conformance.cases import Input, Outcome, Printed, decode, encode
from unified_loss.conformance.drift import Drift, documentation_drift, drift_of, is_recorded_from_native
from unified_loss.conformance.exchange import outcome_from_json, outcome_to_json
from unified_loss.conformance.explanation import explain, reproduce
from unified_loss.conformance.stored import is_known, lines
from unified_loss.conformance.worker import check_case

import unified_loss as ul

pytestmark = pytest.mark.filterwarnings("ignore::unified_loss.BroadcastWarning")

L1 = "mxnet.gluon.loss.L1Loss"
CASES = {case.id: case for case in load_cases()}
STORED = [case for case in CASES.values() if case.kind != "live"]
FOLDERS = ("documented", "examples", "recorded", "traps")


@pytest.mark.parametrize("loss", loss_names())
@pytest.mark.filterwarnings("ignore")  # the native losses run beside ours, and may warn
def test_every_cell(loss, backend):
    wrong = []
    for case in load_cases([loss]):
        if case.kind == "live" and case.native_backend != backend.name:
            continue
        result = check_case(case, backend)
        if result.status != "ok":
            wrong.append(explain(case, result))
        if case.native_backend == backend.name and is_recorded_from_native(case):
            now = live.native_outcome(case, backend)
            drift = drift_of(case, backend.name, backend.version, case.recorded, now, case.version)
            if drift.is_alarm:
                wrong.append(drift.to_json())
    assert not wrong, json.dumps(wrong, indent=1)


# ------------------------------------------------------------------------------------ data


def test_every_recorded_line_is_of_a_loss_there_is():
    unknown = {line["api"] for folder in FOLDERS for line in lines(folder) if not is_known(line["api"])}
    assert not unknown


@pytest.mark.parametrize("loss", loss_names())
def test_every_loss_has_cases(loss):
    assert {case.kind for case in load_cases([loss])} & {"documented", "golden", "oracle"}


def test_case_names_are_unique():
    assert len(CASES) == len(load_cases())


def test_only_what_cannot_be_repeated_is_left_out():
    random = {line["id"] for folder in FOLDERS for line in lines(folder) if line.get("random")}
    assert random == {"paddle.nn.functional.hsigmoid_loss/1", "mindspore.nn.SampledSoftmaxLoss/1"}


def test_the_documented_examples_are_there():
    assert float(CASES["mindspore.nn.BCELoss/documentation"].printed.value) == 1.8952923
    assert float(CASES["paddle.nn.BCEWithLogitsLoss/documentation"].printed.value) == 0.45618808
    labels = CASES["mxnet.gluon.loss.CTCLoss/documentation"].inputs[1].value
    assert labels.tolist() == [[1, 0, -1, -1], [2, 1, 1, -1], [0, 1, 0, 2]]


def test_the_uniform_ctc_case_is_the_number_of_alignments():
    expected = CASES["mxnet.gluon.loss.CTCLoss/documentation-uniform-f64"].recorded.value
    alignments = [math.comb(6 + labels - repeats, 2 * labels) for labels, repeats in ((2, 0), (3, 1), (4, 0))]
    assert np.allclose(expected, [6 * math.log(4) - math.log(n) for n in alignments], rtol=1e-15)


def test_every_defect_is_a_finding_and_every_finding_has_a_case():
    found = {line["case"] for line in lines("findings")}
    defects = {line["id"] for folder in FOLDERS for line in lines(folder) if line.get("native_defect")}
    assert not defects - found
    assert not found - {line["id"] for folder in FOLDERS for line in lines(folder)}


@pytest.mark.parametrize("case", [case for case in STORED if case.finding], ids=lambda case: case.id)
def test_a_finding_corrects_what_was_recorded(case):
    finding, recorded, right = case.finding, case.recorded, case.expected
    assert finding.cause and finding.ours and finding.corrected_by
    if recorded is None:
        return  # the native loss raises
    tolerance = tolerances.of_outcome(case, right.dtype)
    values = zip(recorded.values, right.values, strict=True)
    same = [comparison.close("value", now, was, tolerance).holds for was, now in values]
    if right.gradient is not None and recorded.gradient is not None:
        same.append(comparison.close("gradient", right.gradient, recorded.gradient, tolerance).holds)
    assert not all(same) or (recorded.gradient is None) != (right.gradient is None)


def test_aliases_name_the_same_cases():
    cases = load_cases(["mxnet.gluon.loss.SoftmaxCELoss"])
    assert cases and cases == load_cases(["mxnet.gluon.loss.SoftmaxCrossEntropyLoss"])
    with pytest.raises(ul.ConfigError, match="no dialect"):
        load_cases(["mxnet.gluon.loss.Nothing"])


def test_arrays_survive_their_spelling():
    for dtype in ("float32", "float64", "int32"):
        array = np.array([[0.1, -2.5], [3e-7, 1e8]]).astype(dtype)
        assert decode(json.loads(json.dumps(encode(array))), dtype).tolist() == array.tolist()
    array = np.array([np.nan, np.inf, -np.inf, 0.1], "float32")
    assert encode(array) == ["NaN", "Infinity", "-Infinity", 0.1]


def test_live_cases_tell_axes_and_weights_apart():
    for case in CASES.values():
        if case.kind != "live":
            continue
        for entry in case.inputs:
            array = entry.value
            # Of a few entries, all may happen to be the same label; a mask may leave out nothing.
            if isinstance(array, np.ndarray) and array.dtype.kind == "f" and array.size > 4 and array.any():
                assert len(set(array.reshape(-1))) > 1, (case.id, entry.name)


# ------------------------------------------------------------------------------ comparison

RELATIVE = tolerances.Tolerance(1e-5, scaled=True, reason="test")


@pytest.mark.parametrize(
    ("expected", "got", "holds"),
    [
        ([1.0, np.nan], [1.0, np.nan], True),
        ([1.0, np.nan], [1.0, 2.0], False),
        ([1.0, 2.0], [1.0, np.nan], False),
        ([np.inf, -np.inf], [np.inf, -np.inf], True),
        ([np.inf], [-np.inf], False),
        ([np.inf, 1.0], [1e30, 1.0], False),
        ([1.0], [np.inf], False),
        ([0.0], [5e-6], True),
        ([0.0], [5e-5], False),
        ([1e12, 0.5], [1e12, 0.5001], False),
        ([1e12, 0.5], [1e12 + 1e6, 0.5], True),
        ([1e-3, 1e-7], [1e-3, 1.05e-7], True),
        ([1e-3], [1.0001e-3], False),
        ([1.0], [[1.0]], False),
        ([], [], True),
    ],
)
def test_close(expected, got, holds):
    check = comparison.close("value", np.array(expected), np.array(got), RELATIVE)
    assert check.holds is holds
    assert (check.expected is None) is holds
    assert comparison.Check.from_json(json.loads(json.dumps(check.to_json(), allow_nan=False))) == check


def test_close_says_where_the_error_is():
    check = comparison.close(
        "value", np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1, 2], [3.3, 4]]), RELATIVE
    )
    assert check.where == (1, 0)
    assert check.error == pytest.approx(0.1) and check.tolerance == pytest.approx(1e-5)


@pytest.mark.parametrize(("got", "holds"), [(0.123446, True), (0.123454, True), (0.123456, False)])
def test_printed_values_hold_to_half_a_unit_of_their_last_digit(got, holds):
    tolerance = tolerances.of_printed(Printed(np.array(0.12345), 5))
    assert comparison.close("value", np.array(0.12345), np.array(got), tolerance).holds is holds


def test_unit_tests_bring_their_own_tolerance():
    tolerance = tolerances.of_printed(Printed(np.array([2.0]), 3, (0.0, 0.0)))
    assert comparison.close("value", np.array([2.0]), np.array([2.0]), tolerance).holds
    assert not comparison.close("value", np.array([2.0]), np.array([2.0000001]), tolerance).holds


# ------------------------------------------------------------- the suite must be able to fail


def wrong_value(case):
    factor = Outcome.of(case.recorded.value * 1.001 + 0.001, case.recorded.dtype, case.recorded.gradient)
    return dataclasses.replace(case, recorded=factor)


def test_a_wrong_expectation_fails_and_is_explained(capsys):
    case = wrong_value(CASES[f"{L1}/made-2"])
    result = check_case(case, ul.get_backend("numpy"))
    assert result.status == "failed" and result.error > 5e-4
    told = explain(case, result)
    check = next(check for check in told["checks"] if check["quantity"] == "value")
    assert check["expected"] == encode(case.recorded.value) and check["got"] != check["expected"]
    assert told["source"] == case.source and told["version"] == "1.9.1"
    assert told["kwargs"] == {"weight": {"data": 0.5}}
    assert [entry["name"] for entry in told["inputs"]] == ["pred", "label"]
    assert told["inputs"][0] == {"name": "pred", "data": encode(case.inputs[0].value), "dtype": "float32"}
    json.dumps(told, allow_nan=False)
    exec(told["reproduce"], {})
    printed = capsys.readouterr().out.split("\n")[0]
    assert np.allclose(np.array(printed.strip("[]").split(), dtype=float), check["got"])


@pytest.mark.parametrize("change", ["gradient", "dtype", "shape"])
def test_a_wrong_gradient_dtype_or_shape_fails(change):
    case = CASES[f"{L1}/made-2"]
    right = case.recorded
    wrong = {
        "gradient": dataclasses.replace(right, gradient=right.gradient * 1.001),
        "dtype": dataclasses.replace(right, dtypes=("float64",)),
        "shape": dataclasses.replace(right, values=(right.value[:, None],)),
    }[change]
    result = check_case(dataclasses.replace(case, recorded=wrong), ul.get_backend("numpy"))
    assert result.status == "failed"
    assert any(change in c.quantity or change in c.reason for c in result.checks if not c.holds)


def test_an_exception_and_a_gap_are_results(monkeypatch):
    numpy, case = ul.get_backend("numpy"), CASES[f"{L1}/made-2"]

    def broken(*_, **__):
        raise OverflowError("too much")

    def gap(*_, **__):
        raise ul.UnsupportedOperation("numpy cannot")

    monkeypatch.setattr(numpy, "abs", broken)
    result = check_case(case, numpy)
    assert result.status == "error" and "OverflowError: too much" in result.reason
    monkeypatch.setattr(numpy, "abs", gap)
    result = check_case(case, numpy)
    assert result.status == "unsupported" and result.reason == "numpy cannot"


def test_a_framework_that_gives_something_else_than_was_recorded_is_noticed():
    case = CASES[f"{L1}/made-2"]
    right = case.recorded
    for value, gradient, wrong in (
        (right.value, right.gradient, []),
        (right.value * 1.00001, right.gradient, ["native value, recorded from mxnet 1.9.1"]),
        (right.value, right.gradient * 1.00001, ["native gradient, recorded from mxnet 1.9.1"]),
        (right.value[:1], right.gradient, ["native value, recorded from mxnet 1.9.1"]),
    ):
        now = Outcome.of(value, right.dtype, gradient)
        drift = drift_of(case, "mxnet", "1.9.2", right, now, case.version)
        assert [check.quantity for check in drift.checks] == wrong
        assert drift.is_alarm is bool(wrong) and drift.version == "1.9.2"
        assert Drift.from_json(json.loads(json.dumps(drift.to_json(), allow_nan=False))) == drift


def test_documentation_that_lags_behind_is_listed():
    drift = {drift.case: drift for drift in documentation_drift(loss_names())}
    focal = drift["mindspore.nn.FocalLoss/1"]
    assert focal.status == "documented" and not focal.is_alarm
    assert focal.checks[0].expected == 0.12516622 and focal.checks[0].got == 0.12516484
    lagging = {line["id"] for folder in FOLDERS for line in lines(folder) if line.get("agrees") is False}
    assert set(drift) == lagging
    assert all(d.reason and d.version for d in drift.values())


def test_outcomes_survive_their_way_between_processes():
    for dtype in ("float16", "float32", "float64", "int32", "int64", "bool"):
        array = np.array([[0.1, -2.5, 0.0], [3e-7, 1e3, 1.0]]).astype(dtype)
        sent = json.loads(json.dumps(outcome_to_json(Outcome((array, array[0]), (dtype, dtype), array))))
        got = outcome_from_json(sent)
        assert got.dtypes == (dtype, dtype) and got.gradient.tobytes() == array.tobytes()
        assert got.values[1].dtype == array.dtype and got.values[1].shape == (3,)


def test_a_live_loss_that_differs_is_noticed(monkeypatch):
    rng = np.random.default_rng(4)
    pred, label = (rng.normal(size=(5, 3, 4)).astype("float32") for _ in range(2))
    weight = rng.uniform(0.2, 3.0, size=(5, 1, 4)).astype("float32")
    inputs = (Input("pred", pred), Input("label", label.reshape(15, 4)), Input("sample_weight", weight))
    kwargs = {"weight": 0.7, "batch_axis": 1}
    case = dataclasses.replace(
        CASES[f"{L1}/drawn-1"], framework="numpy", kwargs=kwargs, inputs=inputs, gradient_of=0
    )
    losses = np.abs(pred - label) * weight * np.float32(0.7)
    gradient = np.sign(pred - label) * weight * np.float32(0.7 / 20)
    monkeypatch.setattr(live, "tensor", lambda _, array: array)
    for axes, wrong in (((0, 2), set()), ((1, 2), {"value", "value beside the gradient"})):
        now = Outcome.of(losses.mean(axis=axes), "float32", gradient)
        monkeypatch.setattr(live, "native_outcome", lambda *_, now=now: now)
        checks = check_case(case, ul.get_backend("numpy")).checks
        assert {check.quantity for check in checks if not check.holds} == wrong


OPS = (
    "abs", "exp", "log", "log1p", "sqrt", "square", "relu", "clip", "where", "sum", "mean", "reshape",
    "expand_dims", "squeeze", "permute_dims", "concat", "stack", "unstack", "take_along_axis",
    "logsumexp", "log_softmax", "multiply_no_nan", "vector_norm",
)  # fmt: skip
# These only ever see indices, constants, or what no gradient may flow through.
WITHOUT_GRADIENT = ("broadcast_to", "eye", "max")


def first_failing(cases):
    numpy = ul.get_backend("numpy")
    return next((case.id for case in cases if check_case(case, numpy).status != "ok"), None)


def first_failing_with(monkeypatch, op, mutate):
    """The first recorded case that fails on NumPy with an op changed."""
    with monkeypatch.context() as patch:
        for numpy in (ul.get_backend("numpy"), boxed_backend()):
            original = getattr(numpy, op)

            def mutant(*args, original=original, **kwargs):
                result = original(*args, **kwargs)
                return tuple(map(mutate, result)) if isinstance(result, tuple) else mutate(result)

            patch.setattr(numpy, op, mutant)
        return first_failing(STORED)


@pytest.mark.parametrize("op", OPS + WITHOUT_GRADIENT)
def test_an_op_of_a_slightly_wrong_value_is_caught(monkeypatch, op):
    assert first_failing_with(monkeypatch, op, lambda x: x * 1.001) is not None


@pytest.mark.parametrize("op", OPS)
def test_an_op_that_loses_its_gradient_is_caught(monkeypatch, op):
    assert first_failing_with(monkeypatch, op, boxed_backend().stop_gradient) is not None


def test_a_gradient_that_should_be_stopped_is_caught(monkeypatch):
    monkeypatch.setattr(boxed_backend(), "stop_gradient", lambda x: x)
    assert first_failing(load_cases(["mindspore.nn.BCELoss"])) is not None


def test_an_op_that_is_not_changed_is_not_caught(monkeypatch):
    assert first_failing_with(monkeypatch, "abs", lambda x: x) is None


def test_the_program_to_reproduce_a_case_runs(capsys):
    for case in load_cases(["mxnet.gluon.loss.CTCLoss", "mindspore.nn.BCELoss"]):
        if case.raises:
            with pytest.raises(ul.UnifiedLossError):
                exec(reproduce(case, "numpy"), {})
            continue
        exec(reproduce(case, "numpy"), {})
    assert "nan" not in capsys.readouterr().out


def test_the_program_to_reproduce_a_case_imports_what_it_needs():
    case = dataclasses.replace(CASES[f"{L1}/made-2-f64"], kwargs={"weight": math.inf})
    assert "from math import inf" in reproduce(case, "torch")
    assert "JAX_ENABLE_X64" in reproduce(case, "jax")
