"""`DialectLoss`: the one form that every row of every dialect has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Literal, dataclass_transform, get_origin, get_type_hints

from unified_loss.annotations import as_plain, in_words, is_a
from unified_loss.errors import ConfigError
from unified_loss.loss import Loss
from unified_loss.plan import Constant, Plan


@dataclass_transform(frozen_default=True, eq_default=False)
class DialectLoss(Loss):
    """A loss class of a framework: its fields are the native parameters, in order, with defaults.

    A row adds `lower`, the plan that the parameters mean, and `__call__`, whose arguments are the
    native ones and which hands them over in the order of the plan's inputs, then the weight.
    """

    native_name: ClassVar[str]
    """The dotted name in its framework."""
    arguments: ClassVar[dict[str, str]] = {}
    """What the native call names each role."""
    call_parameters: ClassVar[dict[str, Any]] = {}
    """Parameters that the framework takes at the call, with the defaults that `lower` gives them."""
    ignored_keywords: ClassVar[tuple[str, ...]] = ()
    """Native constructor keywords that do not change the loss, such as the name of a block."""

    def __init_subclass__(cls, namespace: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if namespace:
            cls._namespace = namespace
        cls.native_name = f"{cls._namespace}.{cls.__name__}"
        dataclass(frozen=True, eq=False, repr=False)(cls)
        cls._hints = get_type_hints(cls)
        if cls.ignored_keywords:
            _accept_ignored_keywords(cls)

    _namespace: ClassVar[str] = ""
    _hints: ClassVar[dict[str, Any]]

    def __post_init__(self) -> None:
        for f in fields(self):  # type: ignore[arg-type]
            # What is wrong with a choice, the plan says with the framework's own kind of error.
            value, hint = as_plain(getattr(self, f.name)), self._hints[f.name]
            if get_origin(hint) is not Literal and not is_a(value, hint):
                given = f"{value!r} ({type(value).__name__})"
                raise TypeError(f"{self.native_name}: {f.name} is {given}, expected {in_words(hint)}")
            object.__setattr__(self, f.name, value)
        super().__init__(self.lower(), self.native_name, self.arguments)
        object.__setattr__(self, "_variants", {tuple(self.call_parameters.items()): self})

    _variants: ClassVar[dict[tuple[tuple[str, Any], ...], Loss]]

    def at(self, **call_parameters: Any) -> Loss:
        """This loss with the parameters that its framework takes at the call, not at construction."""
        key = tuple(call_parameters.items())
        variant = self._variants.get(key)
        if variant is None:
            plan = self.lower(**call_parameters)
            variant = Loss(plan, self.native_name, self.arguments, self.backend)
            self._variants[key] = variant
        return variant

    def lower(self) -> Plan:
        """The plan that this loss means."""
        raise TypeError(f"{type(self).__name__} is the base of a dialect's losses, not a loss")

    def __repr__(self) -> str:
        shown = [f"{f.name}={_shown(getattr(self, f.name))}" for f in fields(self)]  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(shown)})"

    def to_config(self) -> dict[str, Any]:
        """The native name, the parameters that differ from their defaults, and the backend if set."""
        config: dict[str, Any] = {"loss": self.native_name}
        for f in fields(self):  # type: ignore[arg-type]
            value = getattr(self, f.name)
            if f.default is MISSING or not _same(value, f.default):
                config[f.name] = value if _is_plain(value) else Constant(value).to_json()
        return config if self.backend is None else {**config, "backend": self.backend}


def _accept_ignored_keywords(cls: type[DialectLoss]) -> None:
    construct: Callable[..., None] = cls.__init__
    ignored = cls.ignored_keywords

    def __init__(self: DialectLoss, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        construct(self, *args, **{k: v for k, v in kwargs.items() if k not in ignored})

    __init__.__wrapped__ = construct  # type: ignore[attr-defined]  # keeps the signature
    cls.__init__ = __init__  # type: ignore[method-assign, assignment]


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _same(value: object, default: object) -> bool:
    return _is_plain(value) and type(value) is type(default) and value == default


def _shown(value: object) -> str:
    return repr(value) if _is_plain(value) else repr(Constant(value))


def constant_from_config(value: object, where: str) -> Any:
    """A constructor tensor out of its JSON form; anything else as it is."""
    if isinstance(value, dict):
        if set(value) != {"data", "dtype"}:
            raise ConfigError(f"{where}: expected a value, or an array as {{'data': ..., 'dtype': ...}}")
        return Constant.from_json(value["data"], value["dtype"]).tensor
    return value
