"""`Loss`: a plan that is called with tensors."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from .arrangement import Names
from .binding import Program, bind
from .dispatch import backend_for, backend_of, first_tensor
from .errors import UnsupportedOperation
from .loading import get_backend
from .plan import Plan
from .reduction import Reduction, check_reduction
from .spec import Spec

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

T = TypeVar("T")

_PROGRAM_LIMIT = 256
"""Programs kept per loss; only calls with ever new dtypes or ranks reach it."""


class Loss:
    """A plan, callable on the tensors of any framework.

    Parameters
    ----------
    plan : what to compute
    name : what to call the loss in errors
    arguments : the callers' names of the roles, where they differ
    backend : where neutral inputs run; by default as selected
    """

    def __init__(
        self,
        plan: Plan,
        name: str | None = None,
        arguments: Mapping[str, str] | None = None,
        backend: str | None = None,
    ) -> None:
        # Through object, because dialect losses are frozen.
        fix = functools.partial(object.__setattr__, self)
        fix("plan", plan)
        fix("backend", backend)
        fix("_names", Names(name or plan.spec, arguments or {}))
        fix("_programs", {})
        fix("_made_constants", {})
        roles = (*plan.inputs, "weight")
        fix("_width", len(roles))
        fix("_constants", tuple((i, roles.index(role)) for i, (role, _) in enumerate(plan.constants)))

    # No loss branches on values: without this, AutoGraph would rewrite the source of all that is called.
    autograph_info__: ClassVar[None] = None
    own_tensors: tuple[Any, ...] = ()
    """What it computes with that is no argument of the call, and may be replaced."""

    plan: Plan
    backend: str | None
    _names: Names
    _programs: dict[Any, Program]
    _made_constants: dict[Any, Any]
    _width: int
    _constants: tuple[tuple[int, int], ...]

    def __call__(self, *inputs: Any, **by_role: Any) -> Any:
        """Evaluate the plan on its inputs, in order or by role, and a ``weight``."""
        roles = (*self.plan.inputs, "weight")
        arrays, unknown = _by_role(self._names.loss, roles, inputs, by_role, self.plan.rest)
        if unknown:
            raise TypeError(f"{self._names.loss}: unknown argument {next(iter(unknown))!r}, expected {roles}")
        return self._evaluate(tuple(arrays))

    def __repr__(self) -> str:
        return f"Loss({self.plan!r})"

    def __getstate__(self) -> dict[str, Any]:
        # What is bound to tensors of one process is bound anew in another, or in a copy.
        return {**self.__dict__, "_programs": {}, "_made_constants": {}}

    def run_on(self, backend: str | None) -> None:
        """Run neutral inputs on this backend, whatever is selected; None undoes it."""
        object.__setattr__(self, "backend", backend)

    def evaluate(self, leading: T, *others: Any) -> T:
        """Evaluate the plan on its inputs in order, the weight, and what else the spec takes.

        None stands for an input that is absent; absent ones at the end may be left out.
        """
        missing = self._width - 1 - len(others)
        return self._evaluate((leading, *others, *(None,) * missing))  # type: ignore[no-any-return]

    def _evaluate(self, arrays: tuple[Any, ...]) -> Any:
        if self._constants:
            arrays = self._with_constants(arrays)
        try:
            key = tuple([x if x is None else (x.__class__, x.dtype, len(x.shape)) for x in arrays])
            program = self._programs.get(key)
        except (AttributeError, TypeError, ValueError):
            # Not all are tensors of known rank; what exactly is wrong, if anything, is found below.
            return self._evaluate_neutral(arrays)
        if program is not None:
            return program(*arrays)
        if any(x is not None and backend_of(x) is None for x in arrays):
            return self._evaluate_neutral(arrays)
        return self._bind(key, backend_for(arrays, self.backend, self._names.loss), arrays)(*arrays)

    def _with_constants(self, arrays: Sequence[Any]) -> tuple[Any, ...]:
        filled = list(arrays)
        leading = next((x for x in arrays if x is not None and backend_of(x) is not None), None)
        backend = None if leading is None else backend_of(leading)
        # JAX has no float64 unless told so, and nothing but float64 inputs needs one.
        wide = self.plan.dtype == "float64" or "float64" in str(getattr(arrays[0], "dtype", "")).lower()
        for number, position in self._constants:
            if filled[position] is None:
                filled[position] = self._constant(number, leading, backend, wide)
        return tuple(filled)

    def _constant(self, number: int, leading: Any, backend: Backend | None, wide: bool) -> Any:
        """A constant of the plan; a neutral one beside a tensor as one, made once for each device."""
        key = (number, wide, backend and (backend.name, backend.device(leading)))
        # First of all: of a NumPy array that torch.compile comes across, it makes a tensor at each call.
        made = self._made_constants.get(key)
        if made is None:
            _, constant = self.plan.constants[number]
            made = constant.tensor if wide else constant.narrow
            if backend is not None and backend_of(made) is None:
                made = backend.asarray(made, like=leading)
                # What is made while a function is traced belongs to that trace.
                if backend.is_concrete(leading) and backend.is_concrete(made):
                    self._made_constants[key] = made
        return made

    def _evaluate_neutral(self, arrays: Sequence[Any]) -> Any:
        """Evaluate with lists, numbers or NumPy arrays among the inputs, moved to one backend first."""
        backend = backend_for(arrays, self.backend, self._names.loss)
        like = first_tensor(arrays, backend)
        exact = any(str(getattr(x, "dtype", None)) == "float64" for x in arrays)
        exact = exact or (like is not None and backend.dtype(like) == "float64")
        roles = [*self.plan.inputs, "weight"]
        roles += [self.plan.rest or ""] * (len(arrays) - len(roles))
        tensors = tuple(
            x if x is None or backend_of(x) is backend else self._tensor(backend, x, like, role, exact)
            for role, x in zip(roles, arrays, strict=True)
        )
        key = (
            backend.name,
            *(x if x is None else (x.__class__, x.dtype, len(backend.shape(x))) for x in tensors),
        )
        program = self._programs.get(key) or self._bind(key, backend, tensors)
        return program(*tensors)

    def _tensor(self, backend: Backend, x: Any, like: Any, role: str, exact: bool) -> Any:
        try:
            array = get_backend("numpy").asarray(x)
            # Plain numbers beside a float64 tensor keep their digits.
            if exact and not hasattr(x, "dtype") and array.dtype.kind == "f":
                array = get_backend("numpy").asarray(x, dtype="float64")
        except (TypeError, ValueError, UnsupportedOperation) as error:
            raise TypeError(
                f"{self._names.loss}: {self._names.of(role)} is no array of numbers: {error}"
            ) from error
        return backend.asarray(array, like=like)

    def _bind(self, key: Any, backend: Backend, arrays: Sequence[Any]) -> Program:
        if len(self._programs) >= _PROGRAM_LIMIT:
            self._programs.clear()
        program = self._programs[key] = bind(self.plan, backend, arrays, self._names)
        return program

    def to_config(self) -> dict[str, Any]:
        """A JSON-ready dictionary from which `unified_loss.from_config` makes an equal loss."""
        config: dict[str, Any] = {"plan": self.plan.to_json()}
        return config if self.backend is None else {**config, "backend": self.backend}


# ------------------------------------------------------------------------ canonical losses


def canonical_loss(
    spec: Spec, parameters: Mapping[str, Any], reduction: str, backend: str | None = None
) -> Loss:
    """The loss that calling a spec with these parameters evaluates."""
    check_reduction(reduction, f"{spec.name}: reduction")
    plan = Plan.of(spec, reduction=Reduction(reduction), **parameters)  # type: ignore[arg-type]
    return Loss(plan, f"unified_loss.losses.{spec.name}", backend=backend)


_canonical_losses: dict[tuple[Any, ...], Loss] = {}
_CANONICAL_LIMIT = 1024


def _evaluate(
    spec: Spec,
    inputs: tuple[Any, ...],
    keywords: Mapping[str, Any],
    weight: Any,
    reduction: str,
    backend: str | None,
) -> Any:
    """What calling a spec does: bind its inputs by position or name, and evaluate the plan."""
    arrays, parameters = _by_role(spec.name, spec.inputs, inputs[: len(spec.inputs)], keywords)
    rest = inputs[len(spec.inputs) :]
    if rest and spec.rest is None:
        raise TypeError(f"{spec.name}: {len(inputs)} inputs given, expected {', '.join(spec.inputs)}")
    # Of equal parameters, such as 1 and 1.0, either is what the other is.
    key = spec, tuple(parameters.items()), reduction, backend
    try:
        loss = _canonical_losses.get(key)
    except TypeError:
        raise TypeError(f"{spec.name}: a parameter is not a plain value: {parameters}") from None
    if loss is None:
        if len(_canonical_losses) >= _CANONICAL_LIMIT:
            _canonical_losses.clear()
        loss = _canonical_losses[key] = canonical_loss(spec, parameters, reduction, backend)
    return loss._evaluate((*arrays, weight, *rest))


def _by_role(
    loss: str,
    roles: tuple[str, ...],
    inputs: Sequence[Any],
    keywords: Mapping[str, Any],
    rest: str | None = None,
) -> tuple[list[Any], dict[str, Any]]:
    """The inputs in the order of their roles, None where absent, and the keywords that are no role."""
    if len(inputs) > len(roles) and rest is None:
        raise TypeError(f"{loss}: {len(inputs)} inputs given, expected {', '.join(roles)}")
    given = dict(zip(roles, inputs, strict=False))
    others: dict[str, Any] = {}
    for name, value in keywords.items():
        if name in given:
            raise TypeError(f"{loss}: argument {name!r} was given twice")
        (given if name in roles else others)[name] = value
    return [*(given.get(role) for role in roles), *inputs[len(roles) :]], others


Spec.evaluate = staticmethod(_evaluate)
