"""The one form that every row of every dialect has: a native signature, and the plan that it means.

A function of a framework is a lowering, ``@function(...)`` over a function of the native signature
that returns the plan. A class is a `DialectLoss` whose fields are the constructor's parameters; where
the framework has the function too, ``function=`` names it, and the class only says what is given when.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Literal, dataclass_transform, get_origin, get_type_hints

from unified_loss.annotations import as_plain, in_words, is_a
from unified_loss.errors import ConfigError
from unified_loss.loss import Loss
from unified_loss.plan import Constant, Plan

from .functions import DialectFunction, Plans, as_tuple


@dataclass_transform(frozen_default=True, eq_default=False)
class DialectLoss(Loss):
    """A loss class of a framework: its fields are the native parameters, in order, with defaults.

    A row adds `lower`, the plan that the parameters mean, or names the function that has the same
    parameters; and `__call__`, whose arguments are the native ones and which hands them over in the
    order of the plan's inputs, then the weight.
    """

    native_name: ClassVar[str]
    """The dotted name in its framework."""
    function: ClassVar[DialectFunction[Any] | None] = None
    """The function of the same framework, through which the class is lowered."""
    arguments: ClassVar[dict[str, str]] = {}
    """What the native call names each role."""
    call_parameters: ClassVar[dict[str, Any]] = {}
    """Parameters that the framework takes at the call, with the defaults that `lower` gives them."""
    ignored_keywords: ClassVar[tuple[str, ...]] = ()
    """Native constructor keywords that do not change the loss, such as the name of a block."""
    result: ClassVar[Callable[..., Any]] = as_tuple
    """Makes the result of several outputs."""

    def __init_subclass__(
        cls, namespace: str = "", function: DialectFunction[Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        if namespace:
            cls._namespace = namespace
        if function is not None:
            cls.function = function
            cls.arguments = {**function.arguments, **cls.arguments}
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
            original, hint = getattr(self, f.name), self._hints[f.name]
            value = as_plain(original)
            if get_origin(hint) is not Literal and not is_a(value, hint):
                given = f"{original!r} ({type(original).__name__})"
                raise TypeError(f"{self.native_name}: {f.name} is {given}, expected {in_words(hint)}")
            object.__setattr__(self, f.name, value)
        first, *others = self._plans()
        super().__init__(first, self.native_name, self.arguments)
        object.__setattr__(self, "_variants", {tuple(self.call_parameters.items()): self})
        object.__setattr__(
            self, "_others", tuple(Loss(plan, self.native_name, self.arguments) for plan in others)
        )

    _variants: ClassVar[dict[tuple[tuple[str, Any], ...], Loss]]
    _others: ClassVar[tuple[Loss, ...]]

    def _plans(self, **call_parameters: Any) -> tuple[Plan, ...]:
        plans = self.lower(**call_parameters)
        return tuple(map(self._with_tensors, plans if isinstance(plans, tuple) else (plans,)))

    def _with_tensors(self, plan: Plan) -> Plan:
        """The plan with the tensors that the constructor took."""
        if self.function is None:
            return plan
        given = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return plan.with_constants(self.function.by_role(given))

    def at(self, **call_parameters: Any) -> Loss:
        """This loss with the parameters that its framework takes at the call, not at construction."""
        key = tuple(call_parameters.items())
        variant = self._variants.get(key)
        if variant is None:
            plan = self._plans(**call_parameters)[0]
            variant = Loss(plan, self.native_name, self.arguments, self.backend)
            self._variants[key] = variant
        return variant

    # Of any signature, so that a row may name the parameters that its framework takes at the call.
    def lower(self, *_: Any, **call_parameters: Any) -> Plans:
        """The plan, or plans, that this loss means."""
        if self.function is None:
            raise TypeError(f"{type(self).__name__} is the base of a dialect's losses, not a loss")
        names = [f.name for f in fields(self) if f.name in self.function.parameters]  # type: ignore[arg-type]
        given = {name: getattr(self, name) for name in names}
        try:
            return self.function.lower(**{**self.function._plain_defaults(), **given, **call_parameters})
        except (TypeError, ValueError) as error:
            # The function speaks for itself, but it is the class that was called.
            told = str(error).removeprefix(self.function.native_name)
            if told == str(error):
                raise
            raise type(error)(self.native_name + told) from None

    def run_on(self, backend: str | None) -> None:
        """As of `Loss`, for all outputs, and whatever is given at the call."""
        for loss in (self, *self._others, *self._variants.values()):
            Loss.run_on(loss, backend)

    def outputs(self, *tensors: Any) -> Any:
        """Evaluate each of several outputs, with the tensors as `evaluate` takes them."""
        return type(self).result(*(loss.evaluate(*tensors) for loss in (self, *self._others)))

    def __repr__(self) -> str:
        shown = [f"{f.name}={_shown(getattr(self, f.name))}" for f in fields(self)]  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(shown)})"

    def to_config(self) -> dict[str, Any]:
        """The native name, the parameters that differ from their defaults, and the backend if set."""
        config: dict[str, Any] = {"loss": self.native_name}
        for f in fields(self):  # type: ignore[arg-type]
            value = getattr(self, f.name)
            if f.default is MISSING or not _same(value, f.default):
                config[f.name] = _to_config(value, f"{self.native_name}: {f.name}")
        return config if self.backend is None else {**config, "backend": self.backend}


def _accept_ignored_keywords(cls: type[DialectLoss]) -> None:
    construct: Callable[..., None] = cls.__init__
    ignored = cls.ignored_keywords

    def __init__(self: DialectLoss, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        construct(self, *args, **{k: v for k, v in kwargs.items() if k not in ignored})

    __init__.__wrapped__ = construct  # type: ignore[attr-defined]  # keeps the signature
    cls.__init__ = __init__  # type: ignore[method-assign, assignment]


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _same(value: object, default: object) -> bool:
    return _is_plain(value) and type(value) is type(default) and value == default


def _shown(value: object) -> str:
    if _is_plain(value) or callable(value):
        return repr(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_shown, value))}]"
    return repr(Constant(value))


def _to_config(value: object, where: str) -> Any:
    if _is_plain(value):
        return value
    if callable(value):
        raise ConfigError(f"{where} is a function, which a configuration cannot hold")
    if isinstance(value, tuple | list):
        return [_to_config(entry, where) for entry in value]
    return Constant(value).to_json()


def constant_from_config(value: object, where: str) -> Any:
    """A constructor tensor, or a list of such, out of its JSON form; anything else as it is."""
    if isinstance(value, list):
        return [constant_from_config(entry, where) for entry in value]
    if isinstance(value, dict):
        if set(value) != {"data", "dtype"}:
            raise ConfigError(f"{where}: expected a value, or an array as {{'data': ..., 'dtype': ...}}")
        return Constant.from_json(value["data"], value["dtype"]).tensor
    return value
