"""The modes of the suite: composed of the required operations, and by each compiler."""

from __future__ import annotations

import pytest
from unified_loss.conformance import load_cases, modes, run
from unified_loss.conformance.worker import check_case

from unified_loss.errors import ConfigError
from unified_loss.ops import Ops

pytestmark = [
    pytest.mark.filterwarnings("ignore::unified_loss.BroadcastWarning"),
    # What the tracers of the frameworks say of themselves.
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Tensor do not have 'place' interface:UserWarning"),
]

CASES = {case.id: case for case in load_cases() if case.kind != "live"}
FEW = {case.loss: [] for case in CASES.values()}
for _case in modes.cases_for(modes.COMPOSED, CASES.values(), slow=True):
    FEW[_case.loss].append(_case)


def check_each(cases, backend, mode):
    for case in cases:
        result = check_case(case, backend, mode=mode)
        assert (result.status, result.mode) == ("ok", mode), (case.id, result.reason, result.checks)


@pytest.mark.backends("numpy", "torch")
@pytest.mark.parametrize("loss", sorted(FEW))
def test_the_operations_of_a_loss_are_what_they_are_composed_of(loss, backend):
    check_each(FEW[loss], backend, "composed")


@pytest.mark.backends("torch")
@pytest.mark.parametrize("loss", sorted(FEW))
def test_in_blocks_a_loss_is_what_it_is_as_a_whole(loss, backend):
    check_each(FEW[loss], backend, "blocks")


def test_what_is_composed_is_the_derived_half_and_only_for_that_time(backend):
    before = {op: getattr(backend, op) for op in modes.LOWERED}
    with modes.composed(backend):
        for op in modes.LOWERED:
            assert getattr(backend, op).__func__ is getattr(Ops, op)
    assert {op: getattr(backend, op) for op in modes.LOWERED} == before


@pytest.mark.backends("torch")
def test_a_wrong_function_of_the_framework_is_caught_eagerly_only(backend, monkeypatch):
    case = next(c for c in CASES.values() if c.loss == "torch.nn.CrossEntropyLoss" and not c.raises)
    fused = backend.log_softmax
    monkeypatch.setattr(backend, "log_softmax", lambda x, *, axis: fused(x, axis=axis) * 1.001)
    statuses = {mode: check_case(case, backend, mode=mode).status for mode in ("eager", "composed")}
    assert statuses == {"eager": "failed", "composed": "ok"}


@pytest.mark.backends("torch")
def test_a_wrong_derivation_is_caught_composed_only(backend, monkeypatch):
    case = next(c for c in CASES.values() if c.loss == "torch.nn.CrossEntropyLoss" and not c.raises)
    derived = Ops.log_softmax
    monkeypatch.setattr(Ops, "log_softmax", lambda ops, x, *, axis: derived(ops, x, axis=axis) * 1.001)
    statuses = {mode: check_case(case, backend, mode=mode).status for mode in ("eager", "composed")}
    assert statuses == {"eager": "ok", "composed": "failed"}


SAMPLE = ("mxnet.gluon.loss.HuberLoss", "torch.nn.CrossEntropyLoss", "mxnet.nd.SoftmaxOutput")


@pytest.mark.backends("tensorflow", "paddle", "mxnet", "jax", "torch", "mindspore")
def test_a_case_by_each_compiler(backend):
    for mode, compiler in backend.compilers.items():
        if mode == "inductor":
            continue  # of its own, test_compile has as much as it has time for
        for loss in SAMPLE[:1] if compiler.slow else SAMPLE:
            check_each(FEW[loss][:1], backend, mode)


def test_a_mode_that_a_backend_has_not(backend):
    with pytest.raises(ConfigError, match=f"{backend.name} has no mode 'turbo'; it has: eager, composed"):
        check_case(next(iter(CASES.values())), backend, mode="turbo")


def test_a_mode_that_no_backend_has():
    with pytest.raises(ConfigError, match="unknown mode 'xla'; of these backends there are: eager, composed"):
        run(["numpy"], ["mxnet.gluon.loss.L1Loss"], modes=["xla"], native=False)


def test_a_run_in_several_modes():
    result = run(["numpy"], ["mxnet.gluon.loss.L1Loss"], modes=["all"], native=False)
    eager, composed = ([r.case for r in result.results if r.mode == m] for m in ("eager", "composed"))
    assert result.holds and eager and eager == composed


def test_a_slow_compiler_has_two_cases_of_each_loss_and_none_asks_for_a_refusal():
    cases = load_cases(["torch.nn.CrossEntropyLoss", "torch.nn.NLLLoss"])
    assert any(case.raises for case in cases)
    few = list(modes.cases_for("inductor", cases, slow=True))
    assert [case.loss for case in few] == ["torch.nn.CrossEntropyLoss"] * 2 + ["torch.nn.NLLLoss"] * 2
    assert not any(case.raises for case in modes.cases_for("jit", cases))
    assert list(modes.cases_for("composed", cases)) == list(cases)


@pytest.mark.backends("tensorflow", "jax")
def test_what_a_compiler_is_known_to_get_wrong_is_still_wrong(backend):
    for mode in backend.compilers:
        result = check_case(CASES["tf1.log_loss"], backend, mode=mode)
        assert result.status == "unsupported" and "adds constants up first" in result.reason
