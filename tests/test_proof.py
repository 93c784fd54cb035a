"""That a port is proved, and a wrong one found, in the real frameworks; and on which inputs."""

from __future__ import annotations

import json
import stat
import sys

import numpy as np
import pytest
from unified_loss.conformance import conditioning, scheduling
from unified_loss.conformance.domains import domains
from unified_loss.conformance.domains.fitting import FittingInput, fitting_inputs, matching_cases
from unified_loss.conformance.evidence import Trial
from unified_loss.conformance.proof import Claim, prove, prove_all

import unified_loss as ul
from unified_loss.errors import ConfigError
from unified_loss.porting.source import NativeCall, parse

HUBER = "mxnet.gluon.loss.HuberLoss(rho=0.5)"
HUBER_DIALECT = "from unified_loss.dialects.mxnet.gluon.loss import HuberLoss\n\nloss = HuberLoss(rho=0.5)\n"
HUBER_IN_TORCH = """
import torch


def loss(pred, label, sample_weight=None):
    value = torch.nn.functional.smooth_l1_loss(pred, label.reshape(pred.shape), beta=0.5, reduction="none")
    value = value if sample_weight is None else value * sample_weight
    return value.flatten(1).mean(1) if value.ndim > 1 else value
"""


# ---------------------------------------------------------------------------------- inputs


def called(name):
    """The call of a loss with its defaults; None of one that has none."""
    try:
        return parse(name)
    except ConfigError:
        return None


@pytest.mark.filterwarnings("ignore::unified_loss.errors.BroadcastWarning")
@pytest.mark.parametrize("extreme", [False, True])
@pytest.mark.parametrize("framework", ["mxnet", "torch", "tf", "keras", "paddle", "mindspore", "optax"])
def test_every_domain_has_inputs_of_the_default_call(framework, extreme):
    few = set()
    for name, domain in domains().items():
        call = called(name) if name.partition(".")[0] == framework else None
        if call is None:
            continue
        inputs = fitting_inputs(call, 4, extreme=extreme)
        if len(inputs) < 3:
            few.add(name)
        for each in inputs:
            assert list(each.tensors) == list(call.arguments)
            arrays = [x for x in each.tensors.values() if x is not None]
            assert all(np.isfinite(x).all() for x in arrays)
            # A ragged result is that of several outputs.
            with ul.use_backend("numpy"), np.errstate(all="ignore"):
                value = call.loss(*each.tensors.values())
            first = value[0] if isinstance(value, tuple) else value
            assert not np.isnan(np.asarray(first)).all()
            assert each.gradient_of in (domain.gradient_of, None)
    # Extreme scores are only given where there is float32.
    assert not few


def test_inputs_are_the_same_at_every_time_and_others_for_another_seed():
    def bytes_of(**given):
        inputs = fitting_inputs(parse("torch.nn.MSELoss"), **given)
        return [x.tobytes() for each in inputs for x in each.tensors.values()]

    first = bytes_of()
    fitting_inputs(parse("torch.nn.MSELoss"), seed=1)
    assert bytes_of() == first != bytes_of(seed=1)


def test_inputs_have_the_parameters_of_the_call():
    probabilities = fitting_inputs(parse("keras.losses.BinaryCrossentropy()"))
    assert all((x.tensors["y_pred"] >= 0).all() and (x.tensors["y_pred"] <= 1).all() for x in probabilities)
    logits = fitting_inputs(parse("keras.losses.BinaryCrossentropy(from_logits=True)"))
    assert any((x.tensors["y_pred"] < 0).any() for x in logits)
    last = fitting_inputs(parse("mxnet.gluon.loss.SoftmaxCELoss(axis=1)"))
    for each in last:
        pred, label = each.tensors["pred"].shape, each.tensors["label"].shape
        assert label == (pred[0], *pred[2:])


def test_inputs_fit_the_tensors_that_are_written_down():
    call = parse("torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2, 3, 4, 5, 6, 7, 8, 9]))")
    inputs = fitting_inputs(call)
    assert inputs and all(9 in x.tensors["input"].shape[:2] for x in inputs)
    call = parse("torch.nn.functional.cross_entropy(x, y, weight=torch.tensor([1.0, 2.0, 3.0]))")
    inputs = fitting_inputs(call)
    assert inputs and all(list(x.tensors) == ["input", "target"] for x in inputs)
    assert all(3 in x.tensors["input"].shape[:2] for x in inputs)


def test_inputs_give_the_tensors_that_the_call_names_and_vary_the_others():
    name = "mxnet.gluon.loss.L1Loss"
    assert all("sample_weight" not in x.tensors for x in fitting_inputs(parse(f"{name}()(a, b)")))
    given = fitting_inputs(parse(f"{name}()(a, b, w)"))
    assert given and all(x.tensors["sample_weight"] is not None for x in given)
    left_open = fitting_inputs(parse(name))
    assert {x.tensors["sample_weight"] is None for x in left_open} == {True, False}


def test_inputs_have_labels_that_are_ignored():
    inputs = fitting_inputs(parse("torch.nn.CrossEntropyLoss(ignore_index=1)"))
    assert any((x.tensors["target"] == 1).any() for x in inputs if x.tensors["target"].dtype == "int64")


def test_inputs_in_other_dtypes():
    for dtype in ("float32", "float64"):
        inputs = fitting_inputs(parse("torch.nn.L1Loss"), dtype=dtype)
        assert inputs and all(x.dtype == dtype for each in inputs for x in each.tensors.values())
    assert not fitting_inputs(parse("mindspore.nn.BCELoss"), dtype="float64")
    (first, *_) = fitting_inputs(parse("optax.losses.ctc_loss"))
    assert first.tensors["logits"].dtype == "float64"


def test_what_has_no_domain_has_the_inputs_of_its_cases():
    call = parse("paddle.nn.NLLLoss")
    assert call.row.native_name not in domains()
    inputs = fitting_inputs(call)
    assert inputs and {x.note for x in inputs} <= {case.id for case, _ in matching_cases(call)}


def test_inputs_are_refused_where_none_tell_the_call_apart():
    call = NativeCall("torch.nn.TripletMarginWithDistanceLoss", {"distance_function": max}, {})
    with pytest.raises(ConfigError, match=r"distance_function is a function"):
        fitting_inputs(call)


# ---------------------------------------------------------------------------------- proofs


@pytest.fixture
def interpreter(tmp_path):
    """Makes a stand-in for Python that runs some lines and then a real worker."""

    def make(backend, lines):
        file = tmp_path / f"python for {backend}"
        body = "import os, sys\nfrom unified_loss.conformance import worker\n" + lines
        launcher = tmp_path / f"launch_{backend}.py"
        launcher.write_text(f"{body}\nworker.main()\n")
        file.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P "{launcher}"\n')
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return {backend: str(file)}

    return make


def test_an_exact_port_is_proved_and_a_wrong_one_found():
    call = parse(HUBER)
    renamed = (
        "import torch\n\nhuber = torch.nn.HuberLoss(delta=0.5)\nloss = lambda a, b, _=None: huber(a, b)\n"
    )
    scaled = HUBER_IN_TORCH.replace("beta=0.5", "beta=0.50005")
    detached = HUBER_IN_TORCH.replace("return ", "value = value.detach() + 0 * pred\n    return ")
    programs = [HUBER_IN_TORCH, renamed, scaled, detached]
    proofs = prove_all([(call, program, HUBER_DIALECT, "torch") for program in programs])
    exact, renamed, scaled, detached = proofs

    assert exact.holds and exact.kind == "live" and exact.framework == "mxnet" and exact.version == "1.9.1"
    assert exact.inputs == exact.native.compared == exact.native.agree == 15
    assert exact.native.extreme == exact.native.extreme_agree == 6
    assert exact.native.backend == "torch" and exact.native.version
    assert exact.native.value.of_tolerance <= 1 and exact.native.gradient.of_tolerance <= 1
    assert {trial.dtype for trial, _ in renamed.native.disagreements} == {"float32", "float64"}

    assert not renamed.holds and not renamed.native.shapes_equal and renamed.dialect.holds
    assert not scaled.holds and scaled.native.shapes_equal and scaled.native.dtypes_equal
    worst = scaled.native.value
    assert worst.of_tolerance > 1 and 0 < worst.absolute < 1
    # The input that it is said to be at does give that difference.
    arrays = list(worst.trial.input.tensors.values())
    with ul.use_backend("numpy"):
        mine = np.asarray(call.loss(*arrays))[worst.where]
        other = np.asarray(parse("mxnet.gluon.loss.HuberLoss(rho=0.50005)").loss(*arrays))[worst.where]
    assert abs(mine - other) == pytest.approx(worst.absolute, rel=1e-2)
    assert (
        not detached.holds and detached.native.value.of_tolerance <= 1 < detached.native.gradient.of_tolerance
    )

    for proof in proofs:
        table = json.loads(json.dumps(proof.to_json(), allow_nan=False))
        assert table["holds"] is proof.holds and table["native"]["compared"] == 15
        assert "agrees on" in str(proof) and "mxnet 1.9.1" in str(proof)
    assert "of what is allowed" in str(scaled) and "pred=" in str(scaled) and "pred=" not in str(exact)


SOURCES = {
    "torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0]))": "paddle",
    "keras.losses.BinaryCrossentropy(from_logits=True)": "optax",
    "tf.nn.sigmoid_cross_entropy_with_logits": "torch",
    "paddle.nn.SmoothL1Loss(delta=0.5)": "tensorflow",
    "mindspore.nn.BCELoss(reduction='sum')": "mxnet",
    "optax.losses.huber_loss": "keras",
    "mxnet.gluon.loss.SoftmaxCELoss()(pred, label)": "mindspore",
    "torch.nn.L1Loss": "mxnet",
    # Of these some tensors can only be given by name.
    "torch.nn.functional.binary_cross_entropy_with_logits": "tf",
    "optax.losses.softmax_cross_entropy": "torch",
}


def dialect_of(call):
    """The program through this library."""
    module, _, name = call.row.native_name.replace("tf.", "tensorflow.").rpartition(".")
    values = {
        name: f"numpy.array({value.tolist()}, 'float32')" if isinstance(value, np.ndarray) else repr(value)
        for name, value in call.parameters.items()
    }
    shown = ", ".join(f"{parameter}={value}" for parameter, value in values.items())
    made = f"dialect.{name}({shown})" if call.kind == "class" else f"dialect.{name}"
    return f"import numpy\nimport unified_loss.dialects.{module} as dialect\n\nloss = {made}\n"


def test_many_are_proved_with_each_framework_started_once(monkeypatch):
    started = []
    init = scheduling.WorkerProcess.__init__

    def counting(self, python, request, folder):
        started.append(request["backend"])
        init(self, python, request, folder)

    monkeypatch.setattr("unified_loss.conformance.scheduling.WorkerProcess.__init__", counting)
    calls = [(parse(text), to) for text, to in SOURCES.items()]
    proofs = prove_all([Claim(call, None, dialect_of(call), to) for call, to in calls], count=2)
    assert len(started) == len(set(started)) == 6
    for proof, (call, to) in zip(proofs, calls, strict=True):
        assert proof.source == str(call) and proof.to == to and proof.native is None
        assert proof.kind == "live" and proof.version and not proof.failures, str(proof)
        assert proof.holds and proof.dialect.gradient is not None, str(proof)


def test_what_a_program_raises_or_dies_of_is_its_own_result():
    call = parse("torch.nn.L1Loss()(a, b)")
    raising = "def loss(a, b):\n    raise ValueError('not of this shape')\n"
    dying = "import os\n\n\ndef loss(a, b):\n    os.abort()\n"
    broken = "loss = undefined\n"
    dialect = dialect_of(call)
    claims = [(call, program, dialect, "paddle") for program in (raising, dying, broken)]
    proofs = prove_all(claims, count=2, limits=scheduling.Limits(deaths=50, jobs=2))
    for proof, words in zip(proofs, ("not of this shape", "SIGABRT", "NameError"), strict=True):
        assert not proof.holds and proof.dialect.holds and proof.kind == "live"
        assert len(proof.native.failures) == proof.native.compared == proof.inputs
        failure = proof.native.failures[0]
        assert failure.side == "native" and words in failure.reason
        assert failure.trial.input.tensors["input"] is not None
        assert words in str(proof)


def test_what_a_kernel_refuses_is_told_from_another_result():
    call = parse("torch.nn.L1Loss()(a, b)")
    refusing = """
import paddle


def loss(a, b):
    if a.dtype == paddle.float64:
        raise TypeError("no float64")
    return (a - b).abs().mean()
"""
    wrong = refusing.replace(".mean()", ".mean() * 1.01")
    ending = refusing.replace('raise TypeError("no float64")', "import os; os.abort()")
    dialect = dialect_of(call)
    proofs = prove_all([(call, p, dialect, "paddle") for p in (refusing, wrong, ending)], count=4)
    refusing, wrong, ending = proofs
    assert refusing.holds and refusing.native.holds_ordinarily, str(refusing)
    assert len(refusing.native.refused) == 2 and refusing.to_json()["native"]["refused"] == 2
    assert all("no float64" in failure.reason for failure in refusing.native.refused)
    assert "gives nothing on 2" in str(refusing)
    assert wrong.native.refused and not wrong.native.holds
    assert not ending.native.holds and not ending.native.refused and len(ending.native.failures) == 2


def test_digits_that_no_float32_has_are_told_from_a_wrong_port():
    # The gradient is the exponential of a difference from logits of 10000, whose last digit is 0.001.
    call = parse("torch.nn.CrossEntropyLoss()(a, b)")
    composed = """
import paddle


def loss(a, b):
    return paddle.nn.functional.nll_loss(a - a.logsumexp(1, keepdim=True), b)
"""
    clipped = composed.replace("b)\n", "b).clip(max=64.0)\n")
    claims = [(call, program, dialect_of(call), "paddle") for program in (composed, clipped)]
    right, wrong = prove_all(claims, count=2)
    assert right.holds and right.native.lost, str(right)
    assert right.native.value.of_tolerance <= 1 and right.native.gradient.of_tolerance <= 1
    assert wrong.dialect.holds and wrong.native.disagreements, str(wrong)


def test_what_is_exact_is_computed_where_the_source_makes_float32_of_all():
    call = parse("keras.losses.LogCosh(reduction='none')")
    tensors = {"y_true": np.zeros((1, 1)), "y_pred": np.full((1, 1), 1e-3), "sample_weight": None}
    trial = Trial(FittingInput(tensors, "y_pred", "small"), "float64", extreme=True)
    found = conditioning.exact(call, trial)
    assert found.value == pytest.approx(np.log(np.cosh(1e-3)), rel=1e-9)
    with ul.use_backend("numpy"):
        assert call.loss(*tensors.values())[0] != pytest.approx(found.value[0], rel=1e-9)
    moved, digit = conditioning.spread(call, trial, found), 1e-3 * 2.0**-23
    assert moved.gradient[0, 0] == pytest.approx(digit, rel=0.01)
    assert moved.value[0] == pytest.approx(1e-3 * digit, rel=0.01)


NOT_INSTALLED = """
import dataclasses
infos = worker.backends()
missing = [dataclasses.replace(i, installed=False, reason=f"{i.name} is not installed") for i in infos]
worker.backends = lambda: missing
def failing(name): raise worker.BackendError("not installed")
worker.get_backend = failing
"""


def test_without_the_sources_framework_its_recorded_values_are_compared(interpreter):
    call = parse("mxnet.gluon.loss.L1Loss()")
    wrong = """
def loss(pred, label, sample_weight=None):
    value = (pred - label.reshape(pred.shape)).abs()
    return value.flatten(1).mean(1) if value.ndim > 1 else value
"""
    right = wrong.replace(
        "()\n", "()\n    value = value if sample_weight is None else value * sample_weight\n"
    )
    dialect = dialect_of(call)
    unknown = parse("mxnet.gluon.loss.HuberLoss(rho=0.123)")
    proofs = prove_all(
        [(call, right, dialect, "torch"), (call, wrong, dialect, "torch"), (unknown, None, dialect, "torch")],
        interpreters=interpreter("mxnet", NOT_INSTALLED),
    )
    right, wrong, unknown = proofs
    assert right.kind == wrong.kind == "golden" and "mxnet is not installed" in right.reason
    assert right.holds and right.version == "1.9.1" and right.inputs == right.native.compared > 3
    assert not wrong.native.holds and wrong.dialect.holds
    assert "as recorded, because mxnet is not installed" in str(right)
    assert unknown.kind == "none" and not unknown.holds and unknown.native is unknown.dialect is None
    assert "no values of it with these parameters were recorded" in unknown.reason
    assert json.dumps(unknown.to_json()) and "not proved" in str(unknown)


def test_without_the_targets_framework_the_dialect_is_run_on_numpy(interpreter):
    call = parse("torch.nn.MSELoss()")
    native = "import paddle\n\nloss = paddle.nn.MSELoss()\n"
    proof = prove(call, native, dialect_of(call), "paddle", interpreters=interpreter("paddle", NOT_INSTALLED))
    assert proof.kind == "live" and proof.native is None and proof.dialect.backend == "numpy"
    assert proof.holds and "paddle is not installed" in proof.note and proof.note in str(proof)


def test_an_unknown_framework_is_refused():
    call = parse("torch.nn.MSELoss()")
    with pytest.raises(ConfigError, match=r"no framework 'caffe'; there are: mxnet, torch"):
        prove(call, None, dialect_of(call), "caffe")


def test_a_source_that_overflows_is_told_from_a_wrong_port():
    call = parse("torch.nn.SoftMarginLoss()(a, b)")
    clipped = (
        "import paddle\n\n\ndef loss(a, b):\n"
        "    return paddle.nn.functional.softplus(paddle.clip(-b * a, max=50.0)).mean()\n"
    )
    stable = clipped.replace("paddle.clip(-b * a, max=50.0)", "-b * a")
    proofs = prove_all(
        [(call, program, dialect_of(call), "paddle") for program in (stable, clipped)], count=8
    )
    assert proofs[0].dialect.holds and proofs[0].dialect.lost and proofs[0].holds, str(proofs[0])
    assert not proofs[1].holds and proofs[1].dialect.holds and not proofs[1].native.holds


def test_a_known_defect_of_the_source_is_told_from_a_wrong_port():
    # The gradient at a logit of exactly 0.
    call = parse("mxnet.gluon.loss.LogisticLoss()(pred, label)")
    right = """
import torch


def loss(pred, label):
    value = torch.nn.functional.softplus(-label.reshape(pred.shape) * pred)
    return value.flatten(1).mean(1) if value.ndim > 1 else value
"""
    wrong = right.replace("softplus(", "relu(")
    proofs = prove_all([(call, program, dialect_of(call), "torch") for program in (right, wrong)], count=8)
    assert proofs[0].holds and proofs[0].native.defects and proofs[0].dialect.defects, str(proofs[0])
    assert any("exactly 0" in cause for cause in proofs[0].known)
    assert "known defect of mxnet" in str(proofs[0])
    assert not proofs[1].native.holds_ordinarily and proofs[1].dialect.holds
