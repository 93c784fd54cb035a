"""What is made wrong on purpose is noticed by a case, or listed with the reason why none can."""

from __future__ import annotations

import ast
import inspect
import textwrap

import pytest
from unified_loss.conformance import load_cases
from unified_loss.conformance.mutation import equivalents, run_mutants
from unified_loss.conformance.mutation.edits import edits_of
from unified_loss.conformance.mutation.operations import OPERATIONS, op_mutants
from unified_loss.conformance.mutation.probing import Prober
from unified_loss.conformance.mutation.sources import mutants_of_module, source_mutants

import unified_loss as ul
from unified_loss.losses import regression


def edits(source):
    """What is changed to what in a function, in order."""
    function = ast.parse(textwrap.dedent(source)).body[0]
    return [(edit.before, edit.after) for edit in edits_of(function)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return 2 * x", [("2 * x", "2 / x"), ("2 * x", "2"), ("2 * x", "x"), ("2", "3")]),
        ("return x - y", [("x - y", "x + y"), ("x - y", "y - x"), ("x - y", "x")]),
        ("return ops.square(x - y)", [
            ("ops.square(x - y)", "ops.abs(x - y)"), ("ops.square(x - y)", "x - y"), ("x - y", "x + y"),
            ("x - y", "x"),
        ]),
        ("return x < 0.5", [("x < 0.5", "x <= 0.5"), ("x < 0.5", "x > 0.5"), ("0.5", "0.505")]),
        ("return ops.sum(x, axis=-1)", [
            ("ops.sum(x, axis=-1)", "ops.mean(x, axis=-1)"), ("ops.sum(x, axis=-1)", "ops.sum(x)"),
            ("-1", "0"), ("-1", "1"),
        ]),
        ("return ops.where(c, x, y)", [("ops.where(c, x, y)", "ops.where(c, y, x)")]),
        ("if not x > 0:\n        raise ValueError(f'{x + 1}')", []),
    ],
)  # fmt: skip
def test_the_edits_of_a_function(body, expected):
    assert edits(f"def f(ops, c, x, y):\n    {body}") == expected


def test_a_function_that_only_refuses_has_no_mutants():
    assert edits("def check(x) -> None:\n    y = x + 1\n    if y > 0:\n        raise ValueError") == []


def test_mutants_are_many_and_each_has_a_name_of_its_own():
    mutants = [*source_mutants(), *op_mutants()]
    assert len(mutants) > 4000
    assert len({mutant.id for mutant in mutants}) == len({(m.kind, m.key) for m in mutants}) == len(mutants)


def test_a_mutant_computes_something_else_and_leaves_nothing_behind():
    source = inspect.getsource(regression.huber.formula)
    mutant = next(m for m in mutants_of_module(regression.__name__) if m.edit.change == "0.5 -> 0.505")
    assert mutant.function == "huber" and "0.5 * quadratic" in source
    call = ul.losses.huber.formula
    numpy = ul.get_backend("numpy")
    x, y = numpy.asarray([3.0]), numpy.asarray([0.0])
    with mutant.installed():
        assert call(numpy, x, y, delta=1.0).tolist() == pytest.approx([2.495])
    assert call(numpy, x, y, delta=1.0).tolist() == [2.5]


def test_every_operation_is_made_wrong_in_some_way():
    assert {mutant.op for mutant in op_mutants()} == set(OPERATIONS)


def test_a_wrong_operation_is_right_again_afterwards():
    numpy = ul.get_backend("numpy")
    before = {instance: dict(vars(instance)) for instance in numpy.instances}
    for mutant in op_mutants():
        with mutant.installed(numpy):
            pass
    assert all(vars(instance) == names for instance, names in before.items())


def test_cases_that_do_not_hold_are_not_tried():
    prober = Prober(ul.get_backend("numpy"))
    case = next(case for case in load_cases() if case.kind == "golden")
    assert prober.ready(case.id) is case
    mutants = {mutant.id: mutant for mutant in op_mutants()}
    with mutants["op shape: the last two sizes exchanged"].installed(prober.backend):
        assert prober.notices(case) or len(case.inputs[0].value.shape) < 2


def test_an_entry_of_the_list_that_is_not_needed_is_told(monkeypatch):
    loss = "mxnet.gluon.loss.L1Loss"
    entry = equivalents.Entry("plan", f"{loss}: reduction", "made up")
    monkeypatch.setattr(equivalents, "entries", lambda: {("plan", entry.mutant): (entry,)})
    results = {result.mutant: result for result in run_mutants(["numpy"], [loss], kinds=["plan"])}
    assert results[f"plan {loss}: reduction"].status == "error"
    assert results[f"plan {loss}: scale"].status == "caught"


@pytest.mark.timeout(900)
def test_the_cases_notice_the_mutants_on_numpy():
    # All of them is what `unified-loss conform --mutants` is for.
    results = run_mutants(["numpy"], step=7)
    assert len(results) > 800
    assert [result for result in results if not result.holds] == []
