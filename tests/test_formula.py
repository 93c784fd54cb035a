"""Formulas written out in a framework's own array code, against the specs that they are made from."""

from __future__ import annotations

import functools
import types
import warnings

import numpy as np
import pytest
from test_losses import REFERENCES
from unified_loss.conformance.comparison import close
from unified_loss.conformance.tolerances import of_outcome

from unified_loss.porting.formula import CannotTranslate, native_formula
from unified_loss.spec import Spec

FRAMEWORKS = ("torch", "jax", "tensorflow", "paddle", "mindspore", "mxnet")


def written_out(name, framework):
    """The inputs, and the formula of a reference as a function of the framework's tensors."""
    parameters, spec = REFERENCES[name][1], Spec.registry[name.split()[0]]
    roles = [role for role, x in zip(spec.inputs, read(name), strict=False) if x is not None]
    formula = native_formula(spec, parameters, framework, roles)
    space = {}
    exec("\n".join(formula.imports), space)
    exec(formula.definitions, space)
    return formula, space[formula.name]


@functools.cache
def read(name):
    """What the formula of a reference is given: its inputs in float32, arranged."""
    inputs, parameters, _ = REFERENCES[name]
    spec, seen = Spec.registry[name.split()[0]], []

    def recording(ops, *given, **settings):
        seen[:] = given
        return formula(ops, *given, **settings)

    formula, spec.formula = spec.formula, recording
    try:
        narrow = [x if x is None or np.asarray(x).dtype.kind != "f" else np.float32(x) for x in inputs]
        spec(*narrow, **parameters, reduction="none", backend="numpy")
    finally:
        spec.formula = formula
    return seen


def outcome(backend, loss, tensors):
    """The value and the gradient by the first tensor, as NumPy arrays."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value, (gradient,) = backend.value_and_grad(loss, (0,), tensors)
    return backend.to_numpy(value), backend.to_numpy(gradient)


def assert_close(quantity, got, expected):
    exact = types.SimpleNamespace(single_precision=False, single_precision_parameters=False)
    check = close(quantity, expected, got, of_outcome(exact, expected.dtype.name))
    assert check.holds, (quantity, got, expected)


@pytest.mark.backends(*FRAMEWORKS)
@pytest.mark.parametrize("name", REFERENCES)
def test_the_written_out_formula_computes_what_the_spec_does(backend, name):
    try:
        formula, function = written_out(name, backend.name)
    except CannotTranslate:
        raise
    spec, parameters = Spec.registry[name.split()[0]], REFERENCES[name][1]
    given = read(name)
    tensors = [backend.asarray(x) for x in given if x is not None]

    def composed(*xs):
        left = iter(xs)
        full = [None if x is None else next(left) for x in given]
        return first(spec.formula(backend, *full, **spec.complete(parameters)))

    expected = outcome(backend, backend.guard(composed), tensors)
    if backend.name == "mxnet":
        tensors = [x.as_nd_ndarray() for x in tensors]
    got = outcome(backend, lambda *xs: first(function(*xs)), tensors)
    assert formula.returns_weight == isinstance(function(*tensors), tuple)
    assert_close("value", got[0], expected[0])
    assert_close("gradient", got[1], expected[1])


def first(result):
    return result[0] if isinstance(result, tuple) else result
