"""Each row has the installed framework's own signature, and no loss of the framework is missing."""

from __future__ import annotations

import inspect
import math

import pytest
from unified_loss.conformance.natives import NAMESPACES, native, native_apis
from unified_loss.conformance.stored import lines

from unified_loss.description import default_plan
from unified_loss.dialects.functions import DialectFunction
from unified_loss.errors import ConfigError
from unified_loss.naming import native_names, resolve
from unified_loss.registry import ENTRIES

BACKENDS = {"keras": "tensorflow", "tf": "tensorflow", "optax": "jax"}
CALLS = ("forward", "construct", "hybrid_forward", "__call__")

# Where the native signature cannot be read, or says less than the documentation: what differs, and why.
# Each entry must be needed.
DIFFERENCES: dict[str, str] = {
    "torch.nn.NLLLoss2d": "takes anything, and hands it to NLLLoss",
}


def rows():
    for name in sorted({resolve(name).native_name for name in native_names()}):
        root = name.partition(".")[0]
        backend = BACKENDS.get(root, root)
        yield pytest.param(backend, name, id=f"backend={backend}-{name}")


def parameters(function, skip=()):
    found = []
    for p in inspect.signature(function).parameters.values():
        if p.kind is p.VAR_KEYWORD or p.name in skip:
            continue
        found.append((p.name, p.kind, p.default))
    return found


def same_default(ours, theirs):
    # MXNet's operators say only that the default is the operator's own.
    if type(theirs).__name__ == "_NullType":
        return ours is not inspect.Parameter.empty
    if callable(ours) or callable(theirs):
        return callable(ours) and callable(theirs)
    both_nan = all(isinstance(x, float) and math.isnan(x) for x in (ours, theirs))
    return both_nan or ours == theirs


def difference(ours, theirs):
    """What two lists of parameters differ in; empty if in nothing."""
    if [p[:2] for p in ours] != [p[:2] for p in theirs]:
        return f"ours {ours}, native {theirs}"
    pairs = [(o[0], o[2], t[2]) for o, t in zip(ours, theirs, strict=True)]
    wrong = [f"{name}={o!r}, native {t!r}" for name, o, t in pairs if not same_default(o, t)]
    return "; ".join(wrong)


def native_call(kind):
    """The method that the users of a native class call, with the arguments that they give."""
    if inspect.isfunction(kind):
        return None  # it returns the function that they call
    for name in CALLS:
        method = getattr(kind, name, None)
        if method is not None and name in {n for base in kind.__mro__[:-1] for n in vars(base)}:
            names = inspect.signature(method).parameters.values()
            if not any(p.kind is p.VAR_POSITIONAL for p in names):
                return method
    return None


def differences(name, backend):
    row, theirs = resolve(name), native(name, backend)
    if isinstance(row, DialectFunction):
        return difference(parameters(row), parameters(theirs))
    constructed = difference(parameters(row), parameters(theirs))
    call = native_call(theirs)
    if call is None:
        return constructed
    return constructed or difference(parameters(row.__call__, {"self"}), parameters(call, {"self", "F"}))


@pytest.mark.parametrize(("backend", "name"), list(rows()), indirect=["backend"])
def test_signature(backend, name):
    try:
        found = differences(name, backend)
    except ValueError as error:  # a function in C without a signature
        found = str(error)
    if name in DIFFERENCES:
        assert found, f"{name}: the entry in DIFFERENCES is stale"
    else:
        assert not found, f"{name}: {found}"


def same_loss(alias, row):
    """Whether an alias names the row itself, or one of the same signature and default plan."""
    if alias is row:
        return True
    plans = default_plan(alias.native_name), default_plan(row.native_name)
    return plans[0] == plans[1] and parameters(alias) == parameters(row)


@pytest.mark.parametrize("api", list(lines("apis")), ids=lambda api: api["api"])
def test_every_known_loss_resolves_by_all_its_names(api):
    row = resolve(api["api"])
    assert isinstance(row, DialectFunction) == (api["kind"] == "function")
    for alias in api["aliases"]:
        assert same_loss(resolve(alias), row), alias


@pytest.mark.backends(*(name for name in ENTRIES if name != "numpy"))
def test_no_loss_of_the_framework_is_missing(backend):
    missing = []
    for name in native_apis(backend):
        try:
            resolve(name)
        except ConfigError:
            missing.append(name)
    assert not missing


@pytest.mark.backends(*(name for name in ENTRIES if name != "numpy"))
def test_what_is_said_to_be_no_loss_is_there(backend):
    for namespace in NAMESPACES:
        if namespace.backend == backend.name:
            module = native(namespace.name, backend)
            stale = [name for name in namespace.others if not hasattr(module, name)]
            assert not stale, (namespace.name, stale)
