"""The oracle: its arithmetic, its gradients against finite differences, its values in closed form."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from dataclasses import replace

import mpmath
import numpy as np
import pytest
from unified_loss.conformance.accuracy import Accuracy
from unified_loss.conformance.cases import Case, Input
from unified_loss.conformance.collection import load_cases
from unified_loss.conformance.domains.extremes import to_grid
from unified_loss.conformance.oracle import (
    Exact,
    OracleOutcome,
    functions,
    measure,
    outcome,
    probes,
    run_oracle,
    ulps,
)
from unified_loss.conformance.oracle.backend import oracle_backend
from unified_loss.conformance.oracle.judgement import Measured, summary
from unified_loss.conformance.oracle.real import Real, accurate, working_precision

import unified_loss as ul
import unified_loss.loss
from unified_loss.spec import Spec

INF, NAN = math.inf, math.nan


def R(number):  # noqa: N802  reads as the numbers that it makes
    return Real.of(number)


# --------------------------------------------------------------------------------- arithmetic


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda: R(1.0) / R(0), INF),
        (lambda: R(-1.0) / R(0), -INF),
        (lambda: R(-INF) / R(0), -INF),
        (lambda: R(0) / R(0), NAN),
        (lambda: R(INF) - R(INF), NAN),
        (lambda: R(INF) * R(0), NAN),
        (lambda: R(3) / R(INF), 0.0),
        (lambda: functions.log(R(0)), -INF),
        (lambda: functions.log(R(-1)), NAN),
        (lambda: functions.log(R(INF)), INF),
        (lambda: functions.log1p(R(-1)), -INF),
        (lambda: functions.exp(R(-INF)), 0.0),
        (lambda: functions.exp(R(INF)), INF),
        (lambda: functions.sqrt(R(-1)), NAN),
        (lambda: functions.sqrt(R(NAN)), NAN),
        (lambda: functions.power(R(0), -0.5), INF),
        (lambda: functions.power(R(NAN), 0), 1.0),
        (lambda: functions.power(R(INF), 1.5), INF),
        (lambda: functions.acos(R(2)), NAN),
        (lambda: functions.cos(R(INF)), NAN),
    ],
)
def test_what_is_not_finite_is_as_in_ieee_754(made, expected):
    result = made()
    assert not result.lost
    assert float(result) == expected or (math.isnan(expected) and result.isnan)


def test_nan_is_less_than_and_equal_to_nothing():
    nan, one = R(NAN), R(1)
    assert not (nan < one or nan > one or nan == one or nan <= one)
    assert nan != one and nan != nan  # noqa: PLR0124


def test_every_number_is_as_close_as_it_says():
    # The same calculation in far more digits, by mpmath's own numbers.
    mpmath.mp.prec = 3000
    rng = random.Random(4)
    kinds = {
        "exp": mpmath.exp, "log": mpmath.log, "log1p": mpmath.log1p, "sqrt": mpmath.sqrt,
        "cos": mpmath.cos, "sin": mpmath.sin, "acos": mpmath.acos,
    }  # fmt: skip
    compared = 0
    for _ in range(1200):
        x = rng.choice([rng.uniform(0, 1), rng.uniform(-3, 3), 2.0 ** rng.uniform(-90, 4)])
        exact, number = mpmath.mpf(x), R(x)
        for _ in range(rng.randrange(1, 6)):
            name = rng.choice([*kinds, "+", "-", "*", "/", "**"])
            other = rng.choice([1.0, rng.uniform(-2, 2)])
            if name in kinds:
                exact, number = kinds[name](exact), getattr(functions, name)(number)
                if mpmath.im(exact) or mpmath.isinf(exact):
                    break
            elif name == "**":
                if exact <= 0:
                    break
                exact, number = exact**other, functions.power(number, other)
            else:
                steps = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}
                step = steps.get(name, lambda a, b: a / b)
                exact, number = step(exact, mpmath.mpf(other)), step(number, R(other))
            if number.lost:
                break
            error = abs(exact - mpmath.mpf(number.value))
            allowed = mpmath.mpf(2) ** (mpmath.mpf(number.error) / 1024) if number.error != -INF else 0
            assert error <= allowed, (name, x, number)
            compared += 1
    assert compared > 1500


def test_what_cancels_is_noticed_and_found_in_more_digits():
    def complement():
        return R(1) - R(1) / (R(1) + functions.exp(R(-1e4)))

    assert not accurate(complement())
    with working_precision(16500):
        found = complement()
    assert accurate(found)
    assert float(functions.log(found)) == pytest.approx(-1e4)


# ----------------------------------------------------------------------------------- outcomes


def case(loss, *arrays, gradient_of=0, call="class", **kwargs):
    inputs = tuple(Input(str(i), np.asarray(x)) for i, x in enumerate(arrays))
    framework = loss.partition(".")[0]
    return Case("made", loss, kwargs, inputs, "oracle", "here", framework, call=call, gradient_of=gradient_of)


def exactly(exact):
    return [mpmath.mpf(h) + mpmath.mpf(low) for h, low in zip(exact.high.flat, exact.low.flat, strict=True)]


def assert_exact(exact, expected):
    mpmath.mp.prec = 300
    for got, wanted in zip(exactly(exact), expected, strict=True):
        assert abs(got - wanted) <= abs(wanted) * mpmath.mpf(2) ** -100, (got, wanted)


def test_closed_forms():
    mpmath.mp.prec = 20000
    x = np.array([3.0, -40.0, 1e4, -1e4, 1e-30])
    found = outcome(case("torch.nn.BCEWithLogitsLoss", x, np.zeros(5), reduction="none"))
    assert_exact(found.values[0], [mpmath.log1p(mpmath.exp(mpmath.mpf(v))) if v > -1e3 else 0 for v in x])
    assert_exact(found.gradient, [1 / (1 + mpmath.exp(-mpmath.mpf(v))) if v > -1e3 else 0 for v in x])

    logits = np.array([[1e4, -1e4, 0.25]])
    found = outcome(case("torch.nn.CrossEntropyLoss", logits, np.array([0]), reduction="none"))
    assert float(found.values[0].high[0]) == 0.0 and float(found.gradient.high[0, 0]) == 0.0

    # The logarithm of 2 has all its digits, so that nothing is left of it at 0.
    found = outcome(case("keras.losses.LogCosh", np.zeros((1, 1)), np.array([[1e-9]]), gradient_of=1))
    assert float(found.values[0].high) == pytest.approx(5e-19, rel=1e-12)

    settings = {"full": True, "reduction": "none", "eps": 0.0}
    found = outcome(case("torch.nn.GaussianNLLLoss", [1.0], [2.0], [0.5], **settings))
    half = mpmath.mpf("0.5")
    assert_exact(found.values[0], [half * (mpmath.log(half) + 2) + half * mpmath.log(2 * mpmath.pi)])

    vectors = np.array([[3.0, 4.0]]), np.array([[6.0, 8.0]])
    found = outcome(case("torch.nn.CosineEmbeddingLoss", *vectors, np.array([1.0]), reduction="none"))
    assert abs(float(found.values[0].high[0])) < 1e-12


def test_more_precision_changes_nothing():
    taken = [c for c in probes(dtypes=["float32"]) if hash_of(c) % 41 == 0]
    assert len(taken) > 30
    for c in taken:
        once = tried(c)
        if once is None:
            continue
        twice = outcome(c, (2 * once.precision,))
        for a, b in zip((*once.values, once.gradient), (*twice.values, twice.gradient), strict=True):
            if a is None:
                continue
            finite = np.isfinite(a.high) & a.known
            np.testing.assert_array_equal(a.high[~finite & a.known], b.high[~finite & a.known])
            # The same number may be split into its two parts in two ways.
            apart = np.abs((a.high[finite] - b.high[finite]) + (a.low[finite] - b.low[finite]))
            assert (apart <= np.maximum(np.abs(a.high[finite]) * 2.0**-104, 2.0**-1074)).all(), c.id


def hash_of(c):
    return sum(map(ord, c.id))


def tried(c):
    try:
        return outcome(c)
    except (ValueError, TypeError):
        return None


def test_an_outcome_survives_json():
    x = np.array([[1.0, -INF, 3e4]])
    found = outcome(case("torch.nn.CrossEntropyLoss", x, np.array([1]), reduction="none"))
    read = OracleOutcome.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))
    assert read.dtypes == found.dtypes and read.precision == found.precision
    for a, b in zip((*read.values, read.gradient), (*found.values, found.gradient), strict=True):
        np.testing.assert_array_equal(a.high, b.high)
        np.testing.assert_array_equal(a.low, b.low)


def test_a_number_that_no_precision_tells_is_unknown():
    x = np.array([[1e4, -1e4]])
    found = outcome(case("torch.nn.CrossEntropyLoss", x, np.array([0]), reduction="none"), (64,))
    assert not found.gradient.known[0, 0]
    assert outcome(case("torch.nn.CrossEntropyLoss", x, np.array([0]), reduction="none")).gradient.known.all()


# ----------------------------------------------------------------------------------- gradients

NO_SLOPE = {
    "in_batch_softmax": "is no framework's; see the test of canonical losses",
    "ctc_forward": "is returned beside the loss",
    "label_membership": "is returned beside the loss",
    "loss_output": "has a gradient of its own, as MXNet's output operators have",
    "regression_output": "has the gradient of a loss, and the value of its prediction",
    "rnnt_gradient": "is a gradient itself",
    "softmax_output": "has the gradient of a loss, and the value of its prediction",
    "softmax_residual": "is returned beside the loss",
    "svm_output": "has the gradient of a loss, and the value of its prediction",
}
"""Specs whose value has no gradient, or another one."""

NO_PROBE = (
    "keras.losses.CategoricalCrossentropy",
    "paddle.nn.functional.margin_cross_entropy",
    "paddle.nn.functional.softmax_with_cross_entropy",
)
"""Losses of specs that no probe with a gradient is of."""


@pytest.fixture()
def bound(monkeypatch):
    """The names of the specs that were bound."""
    names = []
    bind = unified_loss.loss.bind

    def noting(plan, *args):
        names.append(plan.spec)
        return bind(plan, *args)

    monkeypatch.setattr("unified_loss.loss.bind", noting)
    return names


def test_gradients_lie_between_the_differences_to_both_sides(bound):
    """By the oracle's own values, at one input element of every spec."""
    compared, wrong = set(), []
    ordinary = [c for c in probes(dtypes=["float64"]) if c.id.endswith("ordinary-float64")]
    for c in (*ordinary, *load_cases(NO_PROBE)):
        if c.gradient_of is None or c.raises:
            continue
        bound.clear()
        row = ul.resolve(c.loss)
        if not isinstance(row, type):
            row._losses.clear()  # or a call of another test has bound it already
        found = tried(c)
        x = c.inputs[c.gradient_of].value
        if found is None or not np.size(x) or set(bound) <= {*compared, *NO_SLOPE}:
            continue
        step = 2.0**-30
        place = np.unravel_index(hash_of(c) % x.size, x.shape)
        before, here, after = (total(outcome(moved(c, place, by))) for by in (-step, 0.0, step))
        slopes = sorted((float((here - before) / step), float((after - here) / step)))
        got = float(found.gradient.high[place])
        # The second derivative, by the step, is the room between the slopes.
        room = 1e-6 * max(1.0, abs(got))
        if slopes[0] - room <= got <= slopes[1] + room:
            compared |= set(bound)
        else:
            wrong.append(c.loss)
    assert set(Spec.registry) <= compared | set(NO_SLOPE)
    # Their frameworks pair a value with the gradient that it has for distributions and for losses.
    assert {loss.rpartition(".")[2] for loss in wrong} <= {
        "CategoricalCrossentropy", "categorical_crossentropy", "ctc_loss", "CTCLoss", "CTCLossV2",
        "SoftmaxCrossEntropyWithLogits",
    }  # fmt: skip


def test_a_canonical_loss_runs_on_it():
    make = oracle_backend().asarray
    passages = np.random.default_rng(3).normal(size=(4, 3))
    ul_loss = ul.losses.in_batch_softmax

    def at(by):
        queries = np.eye(4, 3)
        queries[1, 2] += by
        return ul.value_and_grad(ul_loss)(make(queries), make(passages))

    step = 2.0**-30
    (before, _), (_, gradient), (after, _) = map(at, (-step, 0.0, step))
    slope = (after.data.item() - before.data.item()) / (2 * step)
    assert float(slope) == pytest.approx(float(gradient.data[1, 2]), rel=1e-9)


def moved(c, place, by):
    given = c.inputs[c.gradient_of]
    x = np.array(given.value, dtype="float64")
    x[place] += by
    inputs = list(c.inputs)
    inputs[c.gradient_of] = replace(given, value=x)
    return replace(c, inputs=tuple(inputs))


def total(found):
    mpmath.mp.prec = 300
    return sum(exactly(found.values[0]), mpmath.mpf(0))


# ---------------------------------------------------------------------------------------- ulps


def exact(*numbers, low=0.0):
    return Exact(np.array(numbers, dtype="float64"), np.full(len(numbers), low))


@pytest.mark.parametrize(
    ("dtype", "right", "got", "error"),
    [
        ("float32", 1.0, 1.0, 0),
        ("float32", 1.0, 1 + 2.0**-23, 1),
        ("float32", 1.0, 1 - 2.0**-24, 0.5),
        ("float16", 2.0, 2 + 2.0**-9, 1),
        ("bfloat16", 1.0, 1 + 2.0**-7, 1),
        ("float64", 4.0, 4 + 2.0**-49, 2),
        ("float32", 0.0, 2.0**-149, 1),
        ("float32", 2.0**-149, 0.0, 1),
        ("float32", 1e-60, 0.0, 1e-60 / 2.0**-149),
        ("float32", 1e40, INF, 0),
        ("float16", 65520.0, INF, 0),
        ("float16", 65504.0, INF, 1),
        ("float32", 1.0, INF, INF),
        ("float32", INF, 3e38, INF),
        ("float32", -INF, INF, INF),
        ("float32", -INF, -INF, 0),
        ("float32", NAN, NAN, 0),
        ("float32", 1.0, NAN, INF),
        ("float32", NAN, 1.0, INF),
        ("int32", 3.0, 4.0, 1),
    ],
)
def test_ulps(dtype, right, got, error):
    assert ulps(exact(right), np.array([got]), dtype)[0] == pytest.approx(error)


def test_ulps_see_what_float64_does_not():
    assert ulps(exact(1.0, low=2.0**-54), np.array([1.0]), "float64")[0] == 0.25
    assert np.isnan(ulps(exact(1.0, low=NAN), np.array([1.0]), "float64")[0])
    with pytest.raises(ValueError, match="shape"):
        ulps(exact(1.0), np.zeros(2), "float32")


def test_bfloat16_is_a_grid_of_float32():
    rounded = to_grid(np.array([1.0, 1 + 2.0**-8, 1 + 3 * 2.0**-8, INF, NAN]), "bfloat16")
    np.testing.assert_array_equal(rounded, [1.0, 1.0, 1 + 2.0**-6, INF, NAN])
    assert to_grid(np.asarray(1e39), "bfloat16") == INF


def test_the_oracle_is_no_backend_to_select():
    assert "oracle" not in {info.name for info in ul.backends()}
    x = oracle_backend().asarray([0.5])
    result = ul.losses.huber(x, oracle_backend().asarray([0.0]))
    assert type(result).__name__ == "OracleArray" and len(Spec.registry) >= 80


# ----------------------------------------------------------------------------------- judgement


def measured(got, right, dtype="float32"):
    right = np.asarray(right, dtype="float64")
    known = Exact(right, np.zeros(right.shape))
    got = np.asarray(got, dtype="float64")
    return Measured("loss/kind-float32", ulps(known, got, dtype), known, got, dtype, dtype)


def holds(ours, native=None):
    pair = {"value": ours}, {"value": native} if native else {}
    found = list(summary("a.loss", "torch", "float32", [pair]))
    assert [a.subject for a in found] == ["ours", "native"][: len(found)]
    assert bool(found[0].reason) is not found[0].holds
    return found[0].holds


STEP = 2.0**-23


@pytest.mark.parametrize(
    ("right", "ours", "native", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], [1.0, 2.0], True),
        # A few roundings are chance; many are not, unless the native loss has them too.
        ([1.0, 2.0], [1 + 7 * STEP, 2.0], [1.0, 2.0], True),
        ([1.0, 2.0], [1 + 90 * STEP, 2.0], [1.0, 2.0], False),
        ([1.0, 2.0], [1 + 90 * STEP, 2.0], [1.0, 2 + 50 * STEP], True),
        # What is a number must not become NaN, whatever the native loss makes of it.
        ([1.0, 2.0], [NAN, 2.0], [NAN, 2.0], False),
        ([1.0, 2.0], [NAN, 2.0], None, False),
        ([NAN, 2.0], [NAN, 2.0], [1.0, 2.0], True),
        ([1.0, 2.0], [INF, 2.0], [1.0, 2.0], False),
        ([1.0, 2.0], [INF, 2.0], [INF, 2.0], True),
        # By itself a loss is only judged by whether its numbers are some.
        ([1.0, 2.0], [1.5, 2.0], None, True),
        # A native loss without a digit that is right has no better one.
        ([1e-12, 2.0], [3e-12, 2.0], [-5e-12, 2.0], True),
        # What cancels, and what is flushed to 0.
        ([0.0, 2.0], [1e-8, 2.0], [0.0, 2.0], True),
        ([0.0, 2.0], [1e-3, 2.0], [0.0, 2.0], False),
        ([1e-40, 2.0], [0.0, 2.0], [1e-40, 2.0], True),
        ([1e-30, 2.0], [0.0, 2.0], [1e-30, 2.0], False),
    ],
)
def test_ours_holds_unless_it_is_worse_than_the_native_loss(right, ours, native, expected):
    assert holds(measured(ours, right), None if native is None else measured(native, right)) is expected


def test_a_native_loss_of_a_wider_dtype_is_no_measure():
    right, off = [1.0, 1e-3], [1.0, 1.1e-3]
    native = measured(right, right)
    wider = replace(native, loss_dtype="float64")
    assert not holds(measured(off, right), native) and holds(measured(off, right), wider)
    assert not holds(measured([1.0, np.nan], right), wider)


def test_the_summary_names_the_worst_element():
    ours = measured([[1.0, 2.0], [3.0 + 20 * STEP, 4.0]], [[1.0, 2.0], [3.0, 4.0]])
    (found,) = summary("a.loss", "numpy", "float32", [({"gradient": ours}, {})])
    assert (found.worst, found.where, found.expected, found.elements) == (10.0, (1, 0), 3.0, 4)
    assert Accuracy.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_measuring_finds_where_ours_and_a_formula_made_wrong_differ(monkeypatch):
    good = list(measure(["torch.nn.BCEWithLogitsLoss"], "numpy", ["float32"]))
    assert {a.quantity for a in good} == {"value", "gradient"} and all(a.worst < 32 for a in good)
    numpy = ul.get_backend("numpy")
    monkeypatch.setattr(numpy, "log1p", lambda x: numpy.log(1 + x), raising=False)
    bad = next(iter(measure(["torch.nn.BCEWithLogitsLoss"], "numpy", ["float32"])))
    assert bad.quantity == "value" and bad.worst > 1e5


def test_workers_measure_and_a_backend_that_is_missing_is_told():
    losses, dtypes = ["optax.losses.huber_loss", "torch.nn.KLDivLoss"], ["float16", "float32"]
    found = run_oracle(["numpy"], losses, dtypes=dtypes)
    assert {(a.loss, a.dtype, a.quantity) for a in found} == {
        (loss, dtype, quantity) for loss in losses for dtype in dtypes for quantity in ("value", "gradient")
    }
    assert all(a.holds and a.worst < 8 for a in found)
    (missing,) = run_oracle(
        ["torch"], ["torch.nn.KLDivLoss"], dtypes=["float32"], interpreters={"torch": "no-such-python"}
    )
    assert not missing.holds and "no-such-python" in missing.reason


def test_without_mpmath_the_command_line_says_what_to_install():
    program = (
        "import sys; sys.modules['mpmath'] = None; sys.argv = ['unified-loss', 'conform', '--oracle'];"
        "from unified_loss.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2 and "pip install 'unified_loss[oracle]'" in done.stderr, done.stderr


def test_the_command_line_measures_and_reports(tmp_path):
    file = tmp_path / "report.json"
    command = ["-m", "unified_loss", "conform", "--oracle", "--backend", "numpy", "--no-live"]
    command += ["--loss", "optax.losses.huber_loss", "--json", str(file)]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ours are furthest off" in done.stdout
    found = [Accuracy.from_json(entry) for entry in json.loads(file.read_text())["accuracy"]]
    assert {a.dtype for a in found} == {"float16", "float32", "float64"}
    assert all(a.backend == "numpy" and a.subject == "ours" and a.worst < 8 for a in found)
