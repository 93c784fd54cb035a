"""Formulas written out in a framework's own array code, against the specs that they are made from."""

from __future__ import annotations

import functools
import importlib.util
import math
import sys
import types
import warnings

import numpy as np
import pytest
from test_losses import REFERENCES, X, Y
from unified_loss.conformance.comparison import close
from unified_loss.conformance.tolerances import of_outcome

from unified_loss.porting.formula import CannotTranslate, native_formula
from unified_loss.spec import Spec

CASES = {**{name: case[:2] for name, case in REFERENCES.items()}, "sdml": ((X, Y), {"smoothing": 0.2})}
"""Inputs and parameters, of each spec at least once."""

FUNCTION = "is a function of the caller's"
NOT_WRITTEN_OUT = {
    "fenchel_young": f"square_length {FUNCTION}",
    "fenchel_young of one vector at a time": f"square_length {FUNCTION}",
    "multiclass_dice by a function": f"<lambda> {FUNCTION}",
    "ranking_softmax reduced by a function": f"square_length {FUNCTION}",
    "triplet_margin_with_distance": f"<lambda> {FUNCTION}",
}
"""The references that no framework's formula is written out for, and why."""

# It tells a number from one weight for each sample, which a legacy array cannot say.
NO_LEGACY = {"mean_pairwise_squared_error counting the batch"}

FRAMEWORKS = ("torch", "jax", "tensorflow", "paddle", "mindspore", "mxnet")


def written_out(name, framework, folder, optional=()):
    """The formula of a reference as a function of the framework's tensors."""
    parameters, spec = CASES[name][1], Spec.registry[name.split()[0]]
    roles = [role for role, x in zip(spec.inputs, read(name), strict=False) if x is not None]
    formula = native_formula(spec, parameters, framework, roles, optional=optional)
    # A module of its own: MindSpore looks up where a function is from.
    module = f"written_out_{abs(hash((name, framework, optional)))}"
    path = folder / f"{module}.py"
    path.write_text("\n".join(formula.imports) + "\n\n\n" + formula.definitions)
    found = importlib.util.spec_from_file_location(module, path)
    sys.modules[module] = importlib.util.module_from_spec(found)
    found.loader.exec_module(sys.modules[module])
    return formula, getattr(sys.modules[module], formula.name)


@functools.cache
def read(name):
    """What the formula of a reference is given: its inputs in float32, arranged."""
    inputs, parameters = CASES[name]
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
    """The value, and the gradient by the first tensor of a sum with unlike shares, as NumPy arrays."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = backend.to_numpy(loss(*tensors))
        shares = backend.asarray(shares_of(value.shape))
        _, (gradient,) = backend.value_and_grad(lambda *xs: loss(*xs) * shares, (0,), tensors)
    return value, backend.to_numpy(gradient)


def shares_of(shape):
    return np.linspace(0.5, 2.0, math.prod(shape), dtype="float32").reshape(shape)


def legacy_outcome(loss, arrays):
    """The same of MXNet's legacy arrays, as its users have it: without NumPy's shapes, none of them 0-d."""
    import mxnet as mx

    first, *others = (mx.nd.array(np.atleast_1d(x), dtype=x.dtype) for x in arrays)
    first.attach_grad()
    with mx.autograd.record():
        value = loss(first, *others)
        total = (value * mx.nd.array(shares_of(value.shape), dtype="float32")).sum()
        # What returns a gradient does not depend on its input.
        total = total + 0 * first.sum()
    total.backward()
    return value.asnumpy(), first.grad.asnumpy()


def assert_close(quantity, got, expected):
    exact = types.SimpleNamespace(single_precision=False, single_precision_parameters=False)
    check = close(quantity, expected, got, of_outcome(exact, expected.dtype.name))
    assert check.holds, (quantity, got, expected)


@pytest.mark.backends(*FRAMEWORKS)
@pytest.mark.parametrize("name", [name for name in CASES if name not in NOT_WRITTEN_OUT])
def test_the_written_out_formula_computes_what_the_spec_does(backend, name, tmp_path):
    if backend.name == "mxnet" and name in NO_LEGACY:
        pytest.skip("a legacy array cannot be a number")
    formula, function = written_out(name, backend.name, tmp_path)
    spec, parameters = Spec.registry[name.split()[0]], CASES[name][1]
    given = read(name)
    tensors = [backend.asarray(x) for x in given if x is not None]

    def composed(*xs):
        left = iter(xs)
        full = [None if x is None else next(left) for x in given]
        return first(spec.formula(backend, *full, **spec.complete(parameters)))

    expected = outcome(backend, backend.guard(composed), tensors)

    def own(*xs):
        result = function(*xs)
        assert formula.returns_weight == isinstance(result, tuple)
        return first(result)

    if backend.name == "mxnet":
        got = legacy_outcome(own, [x for x in given if x is not None])
    else:
        got = outcome(backend, own, tensors)
    assert_close("value", got[0], expected[0])
    assert_close("gradient", got[1], expected[1])


def first(result):
    return result[0] if isinstance(result, tuple) else result


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("name", NOT_WRITTEN_OUT)
def test_what_cannot_be_written_out(framework, name, tmp_path):
    with pytest.raises(CannotTranslate) as refused:
        written_out(name, framework, tmp_path)
    assert str(refused.value) == NOT_WRITTEN_OUT[name]


def test_every_spec_is_tried():
    assert {name.split()[0] for name in CASES} == set(Spec.registry)


def optional_roles(name):
    """The roles that a function may be called without, each by itself."""
    spec = Spec.registry[name.split()[0]]
    if spec.rest or spec.name == "hierarchical_sigmoid":
        return ()
    given = [role for role, x in zip(spec.inputs, read(name), strict=True) if x is not None]
    return tuple(role for role in given if role in spec.optional)


WITH_OPTIONAL = [
    name for name in CASES if name not in (*NOT_WRITTEN_OUT, *NO_LEGACY) and optional_roles(name)
]


@pytest.mark.backends("torch", "mxnet")
@pytest.mark.parametrize("name", WITH_OPTIONAL)
def test_an_optional_input_may_be_given_or_not(backend, name, tmp_path):
    spec, optional = Spec.registry[name.split()[0]], optional_roles(name)
    _, function = written_out(name, backend.name, tmp_path, optional)
    settings = spec.complete(CASES[name][1])
    for left_out in ((), *((role,) for role in optional)):
        given = {
            role: None if role in left_out else x for role, x in zip(spec.inputs, read(name), strict=True)
        }
        tensors = {role: x if x is None else backend.asarray(x) for role, x in given.items()}
        expected = backend.guard(lambda *xs: first(spec.formula(backend, *xs, **settings)))(*tensors.values())
        if backend.name == "mxnet":
            arrays = {role: x for role, x in given.items() if x is not None}
            tensors |= {
                role: backend.framework.nd.array(np.atleast_1d(x), dtype=x.dtype)
                for role, x in arrays.items()
            }
        own = {role: x for role, x in tensors.items() if read(name)[spec.inputs.index(role)] is not None}
        assert_close("value", backend.to_numpy(first(function(**own))), backend.to_numpy(expected))
