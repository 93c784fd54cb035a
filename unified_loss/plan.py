"""`Plan`: the canonical form of a loss, as a value that is compared, printed, stored and run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import Any, ClassVar, TypeVar, get_type_hints

from . import dispatch
from . import losses as _losses  # noqa: F401  registers the specs
from .annotations import in_words, is_a
from .candidates import Candidates
from .errors import ConfigError
from .layout import Layout
from .loading import get_backend
from .ops import FLOAT_DTYPES
from .reduction import Reduction
from .spec import Spec
from .weighting import Weighting

_RESULT_DTYPES = (*FLOAT_DTYPES, "int32")

FORMAT = 1
"""The version of the JSON form."""

_T = TypeVar("_T", bound=Layout | Weighting | Reduction | Candidates)


class Constant:
    """A tensor that is part of a plan, such as the weights given to a loss's constructor.

    Equal to another of the same dtype, shape and values, whichever frameworks they are in.
    """

    __slots__ = ("dtype", "tensor")

    def __init__(self, tensor: Any, dtype: str | None = None) -> None:
        backend = dispatch.backend_of(tensor)
        self.tensor = get_backend("numpy").asarray(tensor) if backend is None else tensor
        self.dtype = dtype or (self.tensor.dtype.name if backend is None else backend.dtype(tensor))

    @property
    def narrow(self) -> Any:
        """The tensor, but float32 where it is a NumPy array of float64."""
        neutral = dispatch.backend_of(self.tensor) is None
        return self.tensor.astype("float32") if neutral and self.dtype == "float64" else self.tensor

    def to_json(self) -> dict[str, Any]:
        """The values as nested lists, NaN and infinities as strings, and the dtype."""
        return {"data": _spell(dispatch.to_numpy(self.tensor).tolist()), "dtype": self.dtype}

    @classmethod
    def from_json(cls, data: Any, dtype: str) -> Constant:
        """The inverse of `to_json`; the values are held in NumPy until a backend runs them."""
        stored = "float32" if dtype == "bfloat16" else dtype
        return cls(get_backend("numpy").asarray(_unspell(data), dtype=stored), dtype)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(json.dumps(self.to_json()))

    def __repr__(self) -> str:
        value = self.to_json()
        return f"{value['dtype']}{value['data']}"


@dataclass(frozen=True, repr=False)
class Plan:
    """The canonical form of a loss: two native calls are equivalent when their plans are equal.

    Made by `Plan.of`; every field is complete, with defaults filled in.

    Parameters
    ----------
    spec : the name of the canonical loss
    parameters : the parameters of its formula, by name, in the formula's order
    layouts : how each input may come, by role
    inner : what is reduced within each sample, before the losses are weighted
    weighting, reduction : as the classes of these names
    constants : tensors bound to roles, e.g. a `weight` given to a constructor
    unbatched : the number of axes with which the first input is one sample, without a batch axis
    dtype : what everything is cast to, and the result is; an integer one is only the result's; None
        is the first input's
    candidates : how the inputs of that kind are drawn where they are not given
    """

    spec: str
    parameters: tuple[tuple[str, Any], ...] = ()
    layouts: tuple[tuple[str, Layout], ...] = ()
    inner: Reduction = field(default_factory=lambda: Reduction("none"))
    weighting: Weighting = field(default_factory=Weighting)
    reduction: Reduction = field(default_factory=Reduction)
    constants: tuple[tuple[str, Constant], ...] = ()
    unbatched: int | None = None
    dtype: str | None = None
    candidates: Candidates | None = None

    explained: ClassVar[Callable[[Plan, str | None, int], str]]
    """What `explain` says; set by the module that evaluates plans."""

    def explain(self, backend: str | None = None, rank: int = 2) -> str:
        """Which way a backend evaluates the plan, and why no other.

        Parameters
        ----------
        backend : its name; by default the one that is selected
        rank : the number of axes of the first input

        Returns
        -------
        str
            A line for each way, the first that applies being taken.

        Examples
        --------
        >>> from unified_loss.dialects.torch import nn
        >>> print(nn.CrossEntropyLoss().plan.explain("numpy"))
        in blocks: never; numpy has no way to take gradients that come with the value
        composed of the operations of numpy: all else, and where it traces or transforms
        """
        return type(self).explained(self, backend, rank)

    @classmethod
    def of(
        cls,
        spec: Spec,
        *,
        layouts: Mapping[str, Layout] | None = None,
        inner: Reduction | None = None,
        weighting: Weighting | None = None,
        reduction: Reduction | None = None,
        constants: Mapping[str, Any] | None = None,
        unbatched: int | None = None,
        dtype: str | None = None,
        candidates: Candidates | None = None,
        **parameters: Any,
    ) -> Plan:
        """The plan of a canonical loss with these parameters; None among constants are dropped."""
        return cls(
            spec.name,
            tuple(spec.complete(parameters).items()),
            tuple({**spec.layouts, **(layouts or {})}.items()),
            inner or Reduction("none"),
            weighting or Weighting(),
            reduction or Reduction(),
            _constants(constants or {}),
            unbatched,
            _checked_dtype(dtype),
            candidates,
        )

    def with_constants(self, constants: Mapping[str, Any]) -> Plan:
        """This plan with tensors bound to roles; None among them are dropped."""
        return replace(self, constants=self.constants + _constants(constants))

    @property
    def formula(self) -> Callable[..., Any]:
        """The formula of the spec, a function over ops."""
        return Spec.registry[self.spec].formula

    @property
    def inputs(self) -> tuple[str, ...]:
        """The roles of the inputs, in order; a `weight` comes beside them."""
        return Spec.registry[self.spec].inputs

    @property
    def rest(self) -> str | None:
        """The role of any number of further inputs, if the spec takes such."""
        return Spec.registry[self.spec].rest

    def __repr__(self) -> str:
        spec = Spec.registry[self.spec]
        shown = [*spec.inputs, *(f"{name}={value!r}" for name, value in self.parameters)]
        parts = [f"{self.spec}({', '.join(shown)})"]
        parts += [
            f"{role}: {_differences(layout)}"
            for role, layout in self.layouts
            if layout != spec.layouts[role]
        ]
        if self.inner.kind != "none":
            parts.append(f"each sample: {_reduction_in_words(self.inner)}")
        if self.weighting != Weighting():
            parts.append(f"weighting: {_differences(self.weighting)}")
        parts.append(f"reduction: {_reduction_in_words(self.reduction)}")
        parts += [f"{role} = {constant!r}" for role, constant in self.constants]
        if self.unbatched is not None:
            parts.append(f"unbatched with {self.unbatched} axes")
        if self.dtype is not None:
            parts.append(f"in {self.dtype}")
        if self.candidates is not None:
            parts.append(f"candidates: {_differences(self.candidates)}")
        return f"Plan<{'; '.join(parts)}>"

    # --------------------------------------------------------------------------- JSON

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary from which `from_json` makes an equal plan."""
        return {
            "format": FORMAT,
            "spec": self.spec,
            "parameters": {name: self._parameter_to_json(name, value) for name, value in self.parameters},
            "layouts": {role: _spell(asdict(layout)) for role, layout in self.layouts},
            "inner": _spell(asdict(self.inner)),
            "weighting": asdict(self.weighting),
            "reduction": _spell(asdict(self.reduction)),
            "constants": {role: constant.to_json() for role, constant in self.constants},
            "unbatched": self.unbatched,
            "dtype": self.dtype,
            "candidates": None if self.candidates is None else asdict(self.candidates),
        }

    def _parameter_to_json(self, name: str, value: Any) -> Any:
        if callable(value):
            raise ConfigError(f"{self.spec}: {name} is a function, which JSON cannot hold")
        return _spell(value)

    @classmethod
    def from_json(cls, value: object) -> Plan:
        """The plan of a dictionary as `to_json` makes it; `ConfigError` says what does not fit."""
        table = _table(value, "plan", ("format", *(f.name for f in fields(cls))))
        if table.get("format", FORMAT) != FORMAT:
            raise ConfigError(f"plan: format {table['format']!r} is not {FORMAT}, the one that is read here")
        name = table.get("spec")
        if name not in Spec.registry:
            raise ConfigError(f"plan: unknown spec {name!r}; there are: {', '.join(sorted(Spec.registry))}")
        spec = Spec.registry[str(name)]
        try:
            given_parameters = _unspell(_table(table.get("parameters", {}), "plan.parameters"))
            parameters = spec.complete(
                {name: tuple(v) if isinstance(v, list) else v for name, v in given_parameters.items()}
            )
        except TypeError as error:
            raise ConfigError(f"plan.parameters: {error}") from error
        roles = (*spec.inputs, "weight")
        layouts = _table(table.get("layouts", {}), "plan.layouts", spec.layouts)
        given = {role: _build(Layout, text, f"plan.layouts.{role}") for role, text in layouts.items()}
        constants = _table(table.get("constants", {}), "plan.constants", roles)
        drawn = table.get("candidates")
        return cls(
            spec.name,
            tuple(parameters.items()),
            tuple({**spec.layouts, **given}.items()),
            _build(Reduction, table.get("inner", {"kind": "none"}), "plan.inner"),
            _build(Weighting, table.get("weighting", {}), "plan.weighting"),
            _build(Reduction, table.get("reduction", {}), "plan.reduction"),
            tuple((role, _constant(x, f"plan.constants.{role}")) for role, x in constants.items()),
            _of_type(table.get("unbatched"), int, "plan.unbatched"),
            _checked_dtype(_of_type(table.get("dtype"), str, "plan.dtype")),
            None if drawn is None else _build(Candidates, drawn, "plan.candidates"),
        )


def _differences(value: Any) -> str:
    shown = []
    for f in fields(value):
        default = f.default_factory() if f.default_factory is not MISSING else f.default
        current = getattr(value, f.name)
        if f.compare and current != default:
            words = f.name.replace("_", " ")
            shown.append(words if current is True else f"{words} {current}")
    return ", ".join(shown)


def _reduction_in_words(reduction: Reduction) -> str:
    words: list[str] = [reduction.kind]
    if reduction.kept_axis is not None:
        words.append(f"over all axes but {reduction.kept_axis}")
    if reduction.axis is not None:
        words.append(f"over axis {reduction.axis}")
    if reduction.over_nothing != "nan":
        words.append(f"{reduction.over_nothing} over nothing")
    return ", ".join(words if reduction.shape is None else [*words, f"shaped {reduction.shape}"])


def _constants(tensors: Mapping[str, Any]) -> tuple[tuple[str, Constant], ...]:
    return tuple((role, Constant(x)) for role, x in tensors.items() if x is not None)


def _checked_dtype(dtype: str | None) -> str | None:
    if dtype is not None and dtype not in _RESULT_DTYPES:
        raise ConfigError(f"plan.dtype: {dtype!r} is not one of {', '.join(_RESULT_DTYPES)}")
    return dtype


def _of_type(value: object, kind: type, where: str) -> Any:
    if value is not None and not is_a(value, kind):
        raise ConfigError(f"{where}: {value!r} is not {in_words(kind)}")
    return value


def _build(kind: type[_T], value: object, where: str) -> _T:
    table: dict[str, Any] = _unspell(_table(value, where, tuple(f.name for f in fields(kind))))
    hints = get_type_hints(kind)
    for key, given in table.items():
        table[key] = tuple(given) if isinstance(given, list) else given
        if not is_a(table[key], hints[key]):
            raise ConfigError(f"{where}.{key}: {given!r} is not {in_words(hints[key])}")
    return kind(**table)


def _constant(value: object, where: str) -> Constant:
    table = _table(value, where, ("data", "dtype"))
    try:
        return Constant.from_json(table.get("data"), table.get("dtype", "float32"))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: not an array: {error}") from error


def _table(value: object, where: str, known: Any = None) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: expected a table, not {value!r}")
    for key in value:
        if known is not None and key not in known:
            raise ConfigError(f"{where}: unknown key {key!r}; the keys are: {', '.join(known)}")
    return dict(value)


# JSON has no NaN and no infinities: they are spelled out, as in JavaScript's Number.
_SPELLED = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def _spell(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _spell(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_spell(v) for v in value]
    if isinstance(value, float) and value - value != 0:
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124
    return value


def _unspell(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _unspell(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_unspell(v) for v in value]
    return _SPELLED.get(value, value) if isinstance(value, str) else value
