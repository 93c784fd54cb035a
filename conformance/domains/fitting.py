"""`fitting_inputs`: inputs of one particular call, on which it is told apart from others."""

from __future__ import annotations

import functools
import inspect
import itertools
import warnings
import zlib
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from unified_loss.conformance.cases import Case
from unified_loss.conformance.stored import cases_by_loss

from unified_loss.dialects.functions import DialectFunction
from unified_loss.dispatch import use_backend
from unified_loss.errors import ConfigError
from unified_loss.porting.source import NativeCall, tensor_arguments

from .draw import Array, Draw
from .extremes import PROBES
from .registry import Domain, domains
from .weighed import weighed_tensors

_EXTREMES = ("large", "small", "edges", "equal")

_SUMS = {"ctc", "padded_ctc", "rnnt"}
"""The losses that sum logits over all frames."""

_ROUND, _ROUNDS = 80, 8
"""So many draws at a time, and so often, until enough of them fit."""

_CANDIDATES = 5
"""So many fitting draws for each input that is wanted, so that they can be chosen to differ."""


@dataclass(frozen=True, eq=False)
class FittingInput:
    """The tensors of one call.

    Parameters
    ----------
    tensors : by their native names, in the order of `NativeCall.arguments`; None where left out
    gradient_of : the name of the one to differentiate by; None where there is none
    note : what kind of input it is: ``drawn``, ``large``, ``small``, ``edges``, ``equal``, or the id of
        the case that it is from
    """

    tensors: Mapping[str, Array]
    gradient_of: str | None
    note: str


def fitting_inputs(
    call: NativeCall, count: int = 6, *, dtype: str | None = None, extreme: bool = False, seed: int = 0
) -> list[FittingInput]:
    """Inputs that a call takes, as unlike each other as there are, the same at every time.

    Parameters
    ----------
    call
        Its tensors that are written down stay as they are; those that it names are given, and those
        that it leaves open are given in some of the inputs.
    count
        At most so many.
    dtype
        Of the floating tensors; by default float32, or float64 of a loss that is only compared in that.
    extreme
        Whether they are large, close to 0, at the edges of what is allowed, or equal; all are finite.
    seed
        Another one gives other inputs.

    Returns
    -------
    list of FittingInput
        On each of them the dialect's loss has a value on NumPy. Of a loss that has no domain they are
        those of its stored cases; there may be none.

    Raises
    ------
    ConfigError
        If a parameter is a function.

    Examples
    --------
    >>> from unified_loss.conformance.domains.fitting import fitting_inputs
    >>> from unified_loss.porting.source import parse
    >>> inputs = fitting_inputs(parse("mxnet.gluon.loss.HuberLoss(rho=0.5)"), 2)
    >>> [list(each.tensors) for each in inputs]
    [['pred', 'label', 'sample_weight'], ['pred', 'label', 'sample_weight']]
    """
    for name, value in call.parameters.items():
        if callable(value):
            raise ConfigError(f"{call.name}: {name} is a function; no inputs are known that tell one apart")
    domain = domains().get(call.row.native_name)
    if dtype is None:
        dtype = "float32" if domain is None or "float32" in domain.dtypes else domain.dtypes[0]
    key = (identity(call), count, dtype, extreme, seed)
    return list(_inputs(_Request(key, call, count, dtype, extreme, seed)))


@dataclass(frozen=True)
class _Request:
    key: Hashable
    call: NativeCall = field(compare=False)
    count: int = field(compare=False)
    dtype: str = field(compare=False)
    extreme: bool = field(compare=False)
    seed: int = field(compare=False)


@functools.lru_cache(maxsize=1024)
def _inputs(request: _Request) -> tuple[FittingInput, ...]:
    call, domain = request.call, domains().get(request.call.row.native_name)
    found: tuple[FittingInput, ...] = ()
    if domain is not None and request.dtype in domain.dtypes:
        kinds = _EXTREMES if request.extreme else ("drawn",)
        share = -(-request.count // len(kinds))
        by_kind = [_chosen(call, _fitting_draws(request, domain, kind, share), share) for kind in kinds]
        # In turns, so that a small count has some of each kind.
        longest = max(map(len, by_kind))
        turns = (inputs[i] for i in range(longest) for inputs in by_kind if i < len(inputs))
        found = tuple(turns)[: request.count]
    if not found and not request.extreme:
        found = tuple(_chosen(call, list(_of_cases(call, request.dtype)), request.count))
    return found


# ---------------------------------------------------------------------------------- draws


def _fitting_draws(request: _Request, domain: Domain, kind: str, count: int) -> list[FittingInput]:
    """Draws of a domain that have the parameters of the call, as far as there are such."""
    call = request.call
    requirements, wanted, sizes = _requirements(call), _wanted(call), _wanted_sizes(call)
    fits, drawn = np.zeros((0, len(requirements)), dtype=bool), []
    for number in range(_ROUND * _ROUNDS):
        if number and number % _ROUND == 0:
            met = fits.any(axis=0)
            # What none of them meets by now, most likely none would.
            if fits[:, met].all(axis=1).sum() >= _CANDIDATES * count:
                break
        values = np.random.default_rng(zlib.crc32(f"{call.name}/{kind}/{request.seed}/{number}".encode()))
        draw = Draw(values, lambda options: options[0], request.dtype)
        if kind != "drawn":
            summed = kind == "large" and call.plan.spec in _SUMS
            draw = PROBES["large sums" if summed else kind](values, values, request.dtype)
        draw.steer(functools.partial(_pick, values, wanted), sizes)
        try:
            parameters, tensors = _draw(call, domain, draw)
        except (ValueError, IndexError):
            # More sizes, or others, than the domain reckons with.
            continue
        given = _drawn(call, parameters, tensors)
        fits = np.concatenate([fits, [[requirement(given) for requirement in requirements]]])
        drawn.append(given.tensors)
    kept = _strictest(fits)
    chosen = [tensors for tensors, fit in zip(drawn, kept, strict=True) if fit]
    return [_input(call, tensors, domain.gradient_of, kind) for tensors in chosen]


def _draw(call: NativeCall, domain: Domain, draw: Draw) -> tuple[Mapping[str, Any], Mapping[str, Array]]:
    """Parameters and tensors of a domain, or the tensors that the weights of the call allow."""
    if call.holds_weights:
        return call.parameters, weighed_tensors(call, draw)
    parameters, tensors, *_ = domain.draw(draw)
    return parameters, tensors


def _strictest(fits: Array) -> Array:
    """Which draws meet all requirements, but for those that none meets, the rarest left out first."""
    while len(fits) and not fits.all(axis=1).any():
        fits = np.delete(fits, int(np.argmin(fits.sum(axis=0))), axis=1)
    return fits.all(axis=1)


def _pick(values: np.random.Generator, wanted: Collection[Hashable], options: Sequence[Any]) -> Any:
    """One of the options, often one that the call has among its parameters."""
    own = [option for option in options if isinstance(option, int | str | None) and _plain(option) in wanted]
    if own and values.uniform() < 0.6:
        return own[int(values.integers(len(own)))]
    return options[int(values.integers(len(options)))]


def _plain(value: Any) -> Hashable:
    return type(value), value


def _wanted(call: NativeCall) -> set[Hashable]:
    values = _complete(call.row, call.parameters).values()
    # Not the truth values, which may stand for anything in a choice of two.
    return {_plain(v) for v in values if isinstance(v, int | str | None) and not isinstance(v, bool)}


def _wanted_sizes(call: NativeCall) -> list[int]:
    """The sizes of the tensors that are written down, and what may say one."""
    arrays = [x for x in (*call.parameters.values(), *call.tensors.values()) if isinstance(x, np.ndarray)]
    sizes = [size for x in arrays for size in x.shape]
    sizes += [v for v in call.parameters.values() if type(v) is int and 7 < v < 100]
    return list(dict.fromkeys(size for size in sizes if size > 1))


# --------------------------------------------------------------------------- requirements


@dataclass(frozen=True, eq=False)
class _Drawn:
    parameters: Mapping[str, Any]
    tensors: Mapping[str, Array]


_Requirement = Callable[[_Drawn], bool]


def _requirements(call: NativeCall) -> list[_Requirement]:
    """What a draw has to be like for its tensors to be the call's."""

    def parameter(name: str, value: Any) -> _Requirement:
        return lambda drawn: name not in drawn.parameters or _fits(value, drawn.parameters[name])

    def given(name: str, is_given: bool) -> _Requirement:
        return lambda drawn: (drawn.tensors.get(name) is not None) == is_given

    def written(name: str, value: Array) -> _Requirement:
        return lambda drawn: _fits(value, drawn.tensors.get(name))

    found = [parameter(name, value) for name, value in _complete(call.row, call.parameters).items()]
    for name, required in tensor_arguments(call.row).items():
        if name in call.tensors:
            found.append(written(name, call.tensors[name]))
        elif call.given is not None and not required:
            found.append(given(name, name in call.given))
    return found


def _fits(value: Any, drawn: Any) -> bool:
    """Whether a drawn parameter serves for the call's; of two numbers only whole ones must be equal."""
    if isinstance(drawn, np.ndarray):
        return value is not None and np.shape(value) == drawn.shape
    if isinstance(drawn, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return _same(value, drawn)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return isinstance(a, np.ndarray | list | tuple) and np.array_equal(np.asarray(a), np.asarray(b))
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def _complete(row: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, with the defaults of those that are left out."""
    tensors = row.roles if isinstance(row, DialectFunction) else ()
    defaults = {
        p.name: p.default
        for p in inspect.signature(row).parameters.values()
        if p.name not in tensors and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    }
    known = {name: parameters.get(name, default) for name, default in defaults.items()}
    return {name: value for name, value in known.items() if value is not inspect.Parameter.empty}


def _drawn(call: NativeCall, parameters: Mapping[str, Any], tensors: Mapping[str, Any]) -> _Drawn:
    """A draw by the call's own names: a domain gives the weights of functions as parameters."""
    names = tensor_arguments(call.row)
    everything = {**parameters, **tensors} if isinstance(call.row, DialectFunction) else tensors
    return _Drawn(_complete(call.row, parameters), {n: x for n, x in everything.items() if n in names})


# --------------------------------------------------------------------------------- choice


def _input(
    call: NativeCall, tensors: Mapping[str, Array], gradient_of: str | None, note: str
) -> FittingInput:
    own = {name: tensors.get(name) for name in call.arguments}
    return FittingInput(own, gradient_of if own.get(gradient_of or "") is not None else None, note)


def _chosen(call: NativeCall, inputs: Sequence[FittingInput], count: int) -> list[FittingInput]:
    """Some of the inputs that have a value: at each step the one with the most that is new."""
    left = [(each, _traits(call, each)) for each in inputs]
    found: list[FittingInput] = []
    seen: set[Hashable] = set()
    while left and len(found) < count:
        best = max(range(len(left)), key=lambda i: (len(left[i][1] - seen), -i))
        each, traits = left.pop(best)
        if _has_value(call, each):
            found.append(each)
            seen |= traits
    return found


def _traits(call: NativeCall, each: FittingInput) -> set[Hashable]:
    """What tells inputs apart: ranks, what is given, dtypes, which labels there are."""
    arrays = {name: x for name, x in each.tensors.items() if isinstance(x, np.ndarray)}
    found: set[Hashable] = {(name, x is None) for name, x in each.tensors.items()}
    found |= {(name, x.ndim) for name, x in arrays.items()} | {(name, x.dtype) for name, x in arrays.items()}
    found |= {(name, "negative") for name, x in arrays.items() if x.size and x.min() < 0}
    whole = [value for value in _complete(call.row, call.parameters).values() if type(value) is int]
    found |= {(n, "has", v) for n, x in arrays.items() if x.dtype.kind in "iu" for v in whole if v in x}
    shapes = [x.shape for x in arrays.values()]
    found |= {("alike", i, a == b) for i, (a, b) in enumerate(itertools.pairwise(shapes))}
    found.add(("given", tuple(name for name in arrays)))
    return found


def _has_value(call: NativeCall, each: FittingInput) -> bool:
    try:
        with use_backend("numpy"), np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = call.loss(*each.tensors.values())
    except Exception:  # noqa: BLE001  whatever is wrong with an input, another is taken
        return False
    return any(x.size and not np.isnan(x).all() for x in map(np.asarray, _flat(value)))


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple | list):
        for part in value:
            yield from _flat(part)
    else:
        yield value


def identity(call: NativeCall) -> Hashable:
    """What is equal of two calls that say the same."""
    parameters = tuple((name, _frozen(value)) for name, value in call.parameters.items())
    tensors = tuple((name, _frozen(value)) for name, value in call.tensors.items())
    return call.row.native_name, parameters, tensors, call.given


def _frozen(value: Any) -> Hashable:
    if isinstance(value, np.ndarray):
        return value.dtype.name, value.shape, value.tobytes()
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    return type(value).__name__, value


# ---------------------------------------------------------------------------------- cases


def matching_cases(call: NativeCall) -> list[tuple[Case, FittingInput]]:
    """The stored cases that are of the call: of its loss, with equal parameters, and their inputs."""
    found = []
    for case in cases_by_loss().get(call.row.native_name, ()):
        bound = None if case.state or case.raises else _bound(call, case)
        if bound is None:
            continue
        parameters, tensors = bound
        own, wanted = _complete(call.row, parameters), _complete(call.row, call.parameters)
        written = all(_same(x, tensors.get(name)) for name, x in call.tensors.items())
        surplus = {name for name, x in tensors.items() if x is not None} - {*call.arguments, *call.tensors}
        missing = {n for n, required in call.arguments.items() if required and tensors.get(n) is None}
        if (
            written
            and not surplus
            and not missing
            and own.keys() == wanted.keys()
            and all(_same(own[name], wanted[name]) for name in own)
        ):
            names = list(tensors)
            by = None if case.gradient_of is None else names[case.gradient_of]
            found.append((case, _input(call, tensors, by, case.id)))
    return found


def _bound(call: NativeCall, case: Case) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The parameters and the tensors of a case by their names; None where they are not plain."""
    names = list(tensor_arguments(call.row))
    order = list(inspect.signature(call.row).parameters) if isinstance(call.row, DialectFunction) else names
    parameters, tensors = dict(case.kwargs), {}
    for i, entry in enumerate(case.inputs):
        name = entry.keyword or (order[i] if i < len(order) else "")
        plain = isinstance(entry.value, np.ndarray) or entry.value is None
        if entry.prepare or name not in names or not plain:
            return None
        tensors[name] = entry.value
    for name in [n for n in parameters if n in names and isinstance(call.row, DialectFunction)]:
        tensors[name] = parameters.pop(name)
    return parameters, tensors


def _of_cases(call: NativeCall, dtype: str) -> Iterator[FittingInput]:
    for _, each in matching_cases(call):
        arrays = [x for x in each.tensors.values() if isinstance(x, np.ndarray)]
        if all(x.dtype == dtype for x in arrays if x.dtype.kind == "f"):
            yield each
