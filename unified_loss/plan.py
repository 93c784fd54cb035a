"""`Plan`: the canonical form of a loss, as a value that is compared, printed, stored and run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, TypeVar, get_type_hints

from . import dispatch
from . import losses as _losses  # noqa: F401  registers the specs
from .annotations import in_words, is_a
from .errors import ConfigError
from .layout import Layout
from .loading import get_backend
from .reduction import Reduction
from .spec import Spec
from .weighting import Weighting

FORMAT = 1
"""The version of the JSON form."""

_T = TypeVar("_T", bound=Layout | Weighting | Reduction)


class Constant:
    """A tensor that is part of a plan, such as the weights given to a loss's constructor.

    Equal to another of the same dtype, shape and values, whichever frameworks they are in.
    """

    __slots__ = ("dtype", "tensor")

    def __init__(self, tensor: Any, dtype: str | None = None) -> None:
        backend = dispatch.backend_of(tensor)
        self.tensor = get_backend("numpy").asarray(tensor) if backend is None else tensor
        self.dtype = dtype or (self.tensor.dtype.name if backend is None else backend.dtype(tensor))

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
    weighting, reduction : as the classes of these names
    constants : tensors bound to roles, e.g. a `weight` given to a constructor
    """

    spec: str
    parameters: tuple[tuple[str, Any], ...] = ()
    layouts: tuple[tuple[str, Layout], ...] = ()
    weighting: Weighting = field(default_factory=Weighting)
    reduction: Reduction = field(default_factory=Reduction)
    constants: tuple[tuple[str, Constant], ...] = ()

    @classmethod
    def of(
        cls,
        spec: Spec,
        *,
        layouts: Mapping[str, Layout] | None = None,
        weighting: Weighting | None = None,
        reduction: Reduction | None = None,
        constants: Mapping[str, Any] | None = None,
        **parameters: Any,
    ) -> Plan:
        """The plan of a canonical loss with these parameters; None among constants are dropped."""
        return cls(
            spec.name,
            tuple(spec.complete(parameters).items()),
            tuple({**spec.layouts, **(layouts or {})}.items()),
            weighting or Weighting(),
            reduction or Reduction(),
            tuple((role, Constant(x)) for role, x in (constants or {}).items() if x is not None),
        )

    @property
    def formula(self) -> Callable[..., Any]:
        """The formula of the spec, a function over ops."""
        return Spec.registry[self.spec].formula

    @property
    def inputs(self) -> tuple[str, ...]:
        """The roles of the inputs, in order; a `weight` comes beside them."""
        return Spec.registry[self.spec].inputs

    def __repr__(self) -> str:
        spec = Spec.registry[self.spec]
        shown = [*spec.inputs, *(f"{name}={value!r}" for name, value in self.parameters)]
        parts = [f"{self.spec}({', '.join(shown)})"]
        parts += [
            f"{role}: {_differences(layout)}"
            for role, layout in self.layouts
            if layout != Layout()
        ]
        for name, value in (("weighting", self.weighting), ("reduction", self.reduction)):
            parts.append(f"{name}: {_differences(value) or 'none'}")
        parts[-1] = f"reduction: {', '.join([self.reduction.kind, *_reduction_details(self.reduction)])}"
        parts += [f"{role} = {constant!r}" for role, constant in self.constants]
        return f"Plan<{'; '.join(part for part in parts if part != 'weighting: none')}>"

    # --------------------------------------------------------------------------- JSON

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary from which `from_json` makes an equal plan."""
        return {
            "format": FORMAT,
            "spec": self.spec,
            "parameters": {name: _spell(value) for name, value in self.parameters},
            "layouts": {role: asdict(layout) for role, layout in self.layouts},
            "weighting": asdict(self.weighting),
            "reduction": _spell(asdict(self.reduction)),
            "constants": {role: constant.to_json() for role, constant in self.constants},
        }

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
            parameters = spec.complete(_unspell(_table(table.get("parameters", {}), "plan.parameters")))
        except TypeError as error:
            raise ConfigError(f"plan.parameters: {error}") from error
        roles = (*spec.inputs, "weight")
        layouts = _table(table.get("layouts", {}), "plan.layouts", spec.layouts)
        given = {role: _build(Layout, text, f"plan.layouts.{role}") for role, text in layouts.items()}
        constants = _table(table.get("constants", {}), "plan.constants", roles)
        return cls(
            spec.name,
            tuple(parameters.items()),
            tuple({**spec.layouts, **given}.items()),
            _build(Weighting, table.get("weighting", {}), "plan.weighting"),
            _build(Reduction, table.get("reduction", {}), "plan.reduction"),
            tuple((role, _constant(x, f"plan.constants.{role}")) for role, x in constants.items()),
        )


def _differences(value: Any) -> str:
    shown = []
    for f in fields(value):
        default = f.default_factory() if f.default_factory is not MISSING else f.default
        current = getattr(value, f.name)
        if current != default:
            words = f.name.replace("_", " ")
            shown.append(words if current is True else f"{words} {current}")
    return ", ".join(shown)


def _reduction_details(reduction: Reduction) -> list[str]:
    details = [] if reduction.kept_axis is None else [f"over all axes but {reduction.kept_axis}"]
    return details if reduction.shape is None else [*details, f"shaped {reduction.shape}"]


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
