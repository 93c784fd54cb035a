"""`DialectFunction`: the rows of a dialect that are functions."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING
from typing import Any, ClassVar, Generic, Literal, ParamSpec, get_origin, get_type_hints

from unified_loss.annotations import as_plain, in_words, is_a
from unified_loss.loss import Loss
from unified_loss.plan import Plan

P = ParamSpec("P")
Plans = Plan | tuple[Plan, ...]
"""What a row lowers to: one plan, or one for each of several outputs."""

Role = str | tuple[str, ...]
"""The role of an argument that is a tensor, or the roles of the tensors in a list of them."""

Convert = Callable[[Any, Mapping[str, Any]], Any]
"""Makes a tensor of an argument that is none, given the plain ones."""

REST = "*"
"""The role of an argument that holds a list of tensors, for specs that take any number of inputs."""

UNREAD = ""
"""The role of an argument that is accepted and changes nothing."""


class DialectFunction(Generic[P]):
    """A loss function of a framework, called with its native signature on the tensors of any framework.

    Made by the decorator `function`; not constructed directly.
    """

    # As of `Loss`.
    autograph_info__: ClassVar[None] = None

    def __init__(
        self,
        lowering: Callable[P, Plans],
        namespace: str,
        roles: Mapping[str, Role],
        result: Callable[..., Any],
        convert: Mapping[str, Convert],
    ) -> None:
        self.__wrapped__ = lowering
        self.__doc__ = lowering.__doc__
        self.__name__ = self.__qualname__ = lowering.__name__
        self.__module__ = lowering.__module__
        self.__signature__ = inspect.signature(lowering)
        self.native_name = f"{namespace}.{lowering.__name__}"
        self.roles = dict(roles)
        """The role of each argument that is a tensor, by its native name."""
        self.arguments = _names(roles)
        self._result = result
        self._convert = convert
        self._hints = get_type_hints(lowering)
        self._losses: dict[tuple[Any, ...], _Outputs] = {}
        arguments = list(self.__signature__.parameters.values())
        self._names = [a.name for a in arguments]
        self._positions = {name: i for i, name in enumerate(self._names)}
        self._positional = sum(a.kind is not a.KEYWORD_ONLY for a in arguments)
        self._defaults = [MISSING if a.default is a.empty else a.default for a in arguments]
        # A tensor that is left out is absent; a number as its default, such as a weight of 1, says the same.
        for native in roles:
            if self._defaults[self._positions[native]] is not MISSING:
                self._defaults[self._positions[native]] = None
        self._tensors = [self._positions[native] for native in roles]
        self._plain = [i for i, name in enumerate(self._names) if name not in roles]
        self.parameters = tuple(self._names[i] for i in self._plain)
        """The names of the arguments that are no tensors."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Evaluate the loss; the docstring of the row says what of."""
        values = self._bound(args, kwargs)
        key = tuple([values[i] for i in self._plain])
        try:
            outputs = self._losses.get(key)
        except TypeError:
            key = tuple(map(as_plain, key))
            try:
                outputs = self._losses.get(key)
            except TypeError:
                raise self._not_plain(key) from None
        if outputs is None:
            outputs = self._losses[key] = self._outputs(dict(zip(self.parameters, key, strict=True)))
        return outputs([values[i] for i in self._tensors])

    def lower(self, **parameters: Any) -> Plans:
        """The plan, or plans, that these parameters mean; tensors are given at the call."""
        for name, value in parameters.items():
            hint = self._hints[name]
            # What is wrong with a choice, the plan says with the framework's own kind of error.
            if get_origin(hint) is not Literal and not is_a(as_plain(value), hint):
                shown = f"{value!r} ({type(value).__name__})"
                raise TypeError(f"{self.native_name}: {name} is {shown}, expected {in_words(hint)}")
        given = {name: as_plain(value) for name, value in parameters.items()}
        for native in self.roles:
            given.setdefault(native, None)
        return self.__wrapped__(**given)  # type: ignore[call-arg]

    def by_role(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The tensors among arguments, by their roles."""
        found: dict[str, Any] = {}
        for native, value in values.items():
            if native in self.roles:
                roles = _each(self.roles[native])
                found |= zip(roles, self._spread(native, value), strict=True)
        return found

    def _spread(self, native: str, value: Any) -> tuple[Any, ...]:
        """The tensors in an argument, as many as it has roles."""
        held = self.roles[native]
        if isinstance(held, str):
            return (value,)
        if value is None:
            return (None,) * len(held)
        if not isinstance(value, tuple | list) or len(value) != len(held):
            raise TypeError(f"{self.native_name}: {native} is no tuple of {len(held)} tensors")
        return tuple(value)

    def bind(self, backend: str | None = None, **parameters: Any) -> BoundFunction:
        """This function with parameters given, to be called with the tensors."""
        return BoundFunction(self, parameters, backend)

    def plan(self, **parameters: Any) -> Plan:
        """The plan of the first output that these parameters, and the defaults of the others, mean."""
        plans = self.lower(**{**self._plain_defaults(), **parameters})
        return plans[0] if isinstance(plans, tuple) else plans

    def __repr__(self) -> str:
        return f"<loss {self.native_name}{self.__signature__}>"

    def _bound(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        given = len(args)
        if given > self._positional:
            raise TypeError(
                f"{self.native_name}: takes {self._positional} positional arguments, {given} were given"
            )
        values = [*args, *self._defaults[given:]]
        for name, value in kwargs.items():
            position = self._positions.get(name)
            if position is None:
                known = ", ".join(self._names)
                raise TypeError(f"{self.native_name}: unknown argument {name!r}; its arguments are: {known}")
            if position < given:
                raise TypeError(f"{self.native_name}: argument {name!r} was given twice")
            values[position] = value
        for name, value in zip(self._names, values, strict=True):
            if value is MISSING:
                raise TypeError(f"{self.native_name}: argument {name!r} is missing")
        return values

    def _plain_defaults(self) -> dict[str, Any]:
        return {self._names[i]: self._defaults[i] for i in self._plain if self._defaults[i] is not MISSING}

    def _not_plain(self, key: Sequence[Any]) -> TypeError:
        for name, value in zip(self.parameters, key, strict=True):
            try:
                hash(value)
            except TypeError:
                return TypeError(f"{self.native_name}: {name} is {value!r}, which is not a plain value")
        return TypeError(f"{self.native_name}: a parameter is not a plain value")

    def _outputs(self, parameters: Mapping[str, Any], backend: str | None = None) -> _Outputs:
        plans = self.lower(**parameters)
        several = plans if isinstance(plans, tuple) else (plans,)
        losses = [Loss(plan, self.native_name, self.arguments, backend) for plan in several]
        slots = [(native, role) for native, held in self.roles.items() for role in _each(held)]
        roles = [role for _, role in slots]
        orders = [[roles.index(r) if r in roles else None for r in _roles(loss.plan)] for loss in losses]
        rest = roles.index(REST) if REST in roles else None
        read = {UNREAD, REST, *(roles[i] for order in orders for i in order if i is not None)}
        for native, role in slots:
            if role not in read:
                raise TypeError(f"{self.native_name}: {native!r} is no input of {losses[0].plan!r}")
        plain = len(set(roles)) == len(roles) == len(self.roles) and not self._convert
        prepare = None if plain else functools.partial(self._prepared, slots, parameters)
        return _Outputs(losses, orders, rest, self._result if isinstance(plans, tuple) else None, prepare)

    def _prepared(
        self, slots: Sequence[tuple[str, str]], parameters: Mapping[str, Any], tensors: Sequence[Any]
    ) -> list[Any]:
        """The tensors out of tuples of them, and each under the first of the arguments of its role."""
        given = [
            (native, self._convert[native](x, parameters) if native in self._convert else x)
            for native, x in zip(self.roles, tensors, strict=True)
        ]
        found = [x for native, value in given for x in self._spread(native, value)]
        roles = [role for _, role in slots]
        for i, (native, role) in enumerate(slots):
            first = roles.index(role)
            if first < i and found[i] is not None and role != UNREAD:
                if found[first] is not None:
                    same = f"{slots[first][0]!r} and {native!r}"
                    raise TypeError(f"{self.native_name}: {same} are the same, and both given")
                found[first] = found[i]
        return found


def _roles(plan: Plan) -> tuple[str, ...]:
    return (*plan.inputs, "weight")


def _names(roles: Mapping[str, Role]) -> dict[str, str]:
    """What each role is called: by the first argument that has it."""
    named: dict[str, str] = {}
    for native, held in roles.items():
        for role in _each(held):
            named.setdefault(role, native)
    return named


def _each(held: Role) -> tuple[str, ...]:
    return (held,) if isinstance(held, str) else held


class _Outputs:
    """The losses of a function's outputs, called with its tensors in native order."""

    def __init__(
        self,
        losses: Sequence[Loss],
        orders: Sequence[Sequence[int | None]],
        rest: int | None,
        result: Callable[..., Any] | None,
        prepare: Callable[[Sequence[Any]], list[Any]] | None,
    ) -> None:
        self.losses, self._orders, self._rest, self._result = losses, orders, rest, result
        self._prepare = prepare

    def __call__(self, tensors: Sequence[Any]) -> Any:
        if self._prepare is not None:
            tensors = self._prepare(tensors)
        rest = () if self._rest is None else flat(tensors[self._rest])
        values = [
            loss._evaluate((*[None if i is None else tensors[i] for i in order], *rest))
            for loss, order in zip(self.losses, self._orders, strict=True)
        ]
        return values[0] if self._result is None else self._result(*values)


def flat(tensors: Any) -> tuple[Any, ...]:
    """The tensors in nested lists, in order."""
    if isinstance(tensors, list | tuple):
        return tuple(x for part in tensors for x in flat(part))
    return (tensors,)


def as_tuple(*outputs: Any) -> tuple[Any, ...]:
    """The result of several outputs where the framework returns a plain tuple."""
    return outputs


def function(
    namespace: str,
    /,
    *,
    result: Callable[..., Any] = as_tuple,
    convert: Mapping[str, Convert] | None = None,
    **roles: Role,
) -> Callable[[Callable[P, Plans]], DialectFunction[P]]:
    """Make a lowering, a function of the native signature that returns the plan, a dialect's function.

    Parameters
    ----------
    namespace : the module of the native function
    result : makes the result of several outputs, of a lowering that returns several plans
    convert : makes a tensor of an argument that is none, by its native name
    **roles : the role of each argument that is a tensor; a tuple of roles for a list of so many tensors,
        `REST` for a list of any number, `UNREAD` for what changes nothing. Of two arguments of one role
        only one is given
    """
    return lambda lowering: DialectFunction(lowering, namespace, roles, result, convert or {})


class BoundFunction:
    """A dialect's function with its parameters given, as `unified_loss.from_config` makes it."""

    def __init__(
        self, function: DialectFunction[Any], parameters: Mapping[str, Any], backend: str | None
    ) -> None:
        for name in parameters:
            if name not in function.parameters:
                known = ", ".join(function.parameters)
                raise TypeError(f"{function.native_name}: {name!r} is unknown; its parameters are: {known}")
        self.function = function
        self.parameters = dict(parameters)
        self.backend = backend
        complete = {**function._plain_defaults(), **parameters}
        missing = [name for name in function.parameters if name not in complete]
        if missing:
            raise TypeError(f"{function.native_name}: parameter {missing[0]!r} is missing")
        self._outputs = function._outputs(complete, backend)

    @property
    def plan(self) -> Plan:
        """The plan of the first output."""
        return self._outputs.losses[0].plan

    def __call__(self, *tensors: Any, **by_name: Any) -> Any:
        """Evaluate, with the tensors in the order of the native signature, or by name."""
        natives = list(self.function.roles)
        if len(tensors) > len(natives):
            raise TypeError(f"{self.function.native_name}: expected at most {', '.join(natives)}")
        given = dict(zip(natives, tensors, strict=False))
        for name, value in by_name.items():
            if name in given or name not in natives:
                raise TypeError(f"{self.function.native_name}: argument {name!r} is unknown, or given twice")
            given[name] = value
        return self._outputs([given.get(name) for name in natives])

    def __repr__(self) -> str:
        shown = [f"{name}={value!r}" for name, value in self.parameters.items()]
        return f"{self.function.__name__}({', '.join(shown)})"

    def to_config(self) -> dict[str, Any]:
        """The native name, the parameters given, and the backend if set."""
        config: dict[str, Any] = {"loss": self.function.native_name, **self.parameters}
        return config if self.backend is None else {**config, "backend": self.backend}
