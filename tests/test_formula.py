"""Formulas written out in a framework's own array code, against the specs that they are made from."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import math
import sys
import types
import warnings

import numpy as np
import pytest
from test_losses import REFERENCES, X, Y
from unified_loss.conformance.calls import input_tensors, prepared_call
from unified_loss.conformance.comparison import close
from unified_loss.conformance.domains import domains
from unified_loss.conformance.tolerances import of_outcome
from unified_loss.conformance.worker import load_state

from unified_loss.dispatch import use_backend
from unified_loss.loading import get_backend
from unified_loss.naming import resolve
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

NUMBERS = itertools.count()

FRAMEWORKS = ("torch", "jax", "tensorflow", "paddle", "mindspore", "mxnet")


def written_out(name, framework, folder, optional=()):
    """The formula of a reference as a function of the framework's tensors."""
    parameters, spec = CASES[name][1], Spec.registry[name.split()[0]]
    roles = [role for role, x in zip(spec.inputs, read(name), strict=False) if x is not None]
    formula = native_formula(spec, parameters, framework, roles, optional=optional)
    return formula, loaded(formula, folder)


def loaded(formula, folder):
    """The function that a formula written out defines."""
    # A module of its own: MindSpore looks up where a function is from.
    module = f"written_out_{next(NUMBERS)}"
    path = folder / f"{module}.py"
    path.write_text("\n".join(formula.imports) + "\n\n\n" + formula.definitions)
    found = importlib.util.spec_from_file_location(module, path)
    sys.modules[module] = importlib.util.module_from_spec(found)
    found.loader.exec_module(sys.modules[module])
    return getattr(sys.modules[module], formula.name)


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
    # Of these two some are given together.
    if spec.rest or spec.name in ("circle", "hierarchical_sigmoid"):
        return ()
    given = [role for role, x in zip(spec.inputs, read(name), strict=True) if x is not None]
    return tuple(role for role in given if role in spec.optional)


WRITTEN_OUT = [name for name in CASES if name not in (*NOT_WRITTEN_OUT, *NO_LEGACY)]


@pytest.mark.backends("torch", "mxnet")
@pytest.mark.parametrize("name", list(filter(optional_roles, WRITTEN_OUT)))
def test_an_optional_input_may_be_given_or_not(backend, name, tmp_path):
    spec, optional = Spec.registry[name.split()[0]], optional_roles(name)
    _, function = written_out(name, backend.name, tmp_path, optional)
    settings = spec.complete(CASES[name][1])
    arrays = {role: x for role, x in zip(spec.inputs, read(name), strict=True) if x is not None}
    for left_out in (None, *optional):
        tensors = {role: backend.asarray(x) for role, x in arrays.items() if role != left_out}
        everything = (tensors.get(role) for role in spec.inputs)
        expected = backend.guard(lambda *xs: first(spec.formula(backend, *xs, **settings)))(*everything)
        if backend.name == "mxnet":
            legacy, given = (
                backend.framework.nd.array,
                ((role, np.atleast_1d(arrays[role])) for role in tensors),
            )
            tensors = {role: legacy(x, dtype=x.dtype) for role, x in given}
        assert_close("value", backend.to_numpy(first(function(**tensors))), backend.to_numpy(expected))


@functools.cache
def readings():
    """What the formulas are given by the losses of all frameworks: a loss, its spec, parameters, inputs."""
    numpy, found, own = get_backend("numpy"), {}, {s: s.formula for s in Spec.registry.values()}

    def recording(loss, spec, ops, *given, **settings):
        if ops is numpy:
            kinds = tuple(None if x is None else np.asarray(x).dtype.kind for x in given)
            key = spec.name, repr(settings), kinds
            found.setdefault(key, (loss, spec, settings, [x if x is None else np.asarray(x) for x in given]))
        return own[spec](ops, *given, **settings)

    try:
        for loss, domain in domains().items():
            for spec in own:
                spec.formula = functools.partial(recording, loss, spec)
            case = next(iter(domain.cases()))
            call = prepared_call(case, resolve(loss), numpy.asarray, load_state, numpy)
            with use_backend("numpy"), np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                call(*input_tensors(case, numpy.asarray, numpy))
    finally:
        for spec, formula in own.items():
            spec.formula = formula
    return list(found.values())


def plain(settings):
    return not any(callable(value) for value in settings.values())


@pytest.mark.backends("torch", "paddle", "tensorflow", "mxnet")
def test_the_formulas_of_all_losses(backend, tmp_path):
    wrong, tried = [], 0
    for loss, spec, settings, given in readings():
        legacy = backend.name == "mxnet"
        arrays = [x.astype("float32") if x.dtype.kind == "f" else x for x in given if x is not None]
        if not plain(settings) or (legacy and any(x.ndim == 0 for x in arrays)):
            continue
        roles = [role for role, x in zip(spec.inputs, given, strict=False) if x is not None]
        function = loaded(native_formula(spec, settings, backend.name, roles), tmp_path)
        tensors = [backend.asarray(x) for x in arrays]

        def composed(*xs, spec=spec, settings=settings, given=given):
            left = iter(xs)
            return first(
                spec.formula(backend, *(None if x is None else next(left) for x in given), **settings)
            )

        def own(*xs, function=function):
            return first(function(*xs))

        expected = outcome(backend, backend.guard(composed), tensors)
        if legacy and expected[0].ndim == 0:
            continue
        got = legacy_outcome(own, arrays) if legacy else outcome(backend, own, tensors)
        tried += 1
        try:
            assert_close("value", got[0], expected[0])
            assert_close("gradient", got[1], expected[1])
        except AssertionError as error:
            wrong.append((loss, spec.name, settings, str(error)))
    assert not wrong
    assert tried > 100
