"""Programs that define a loss, and native losses beside them, run on given inputs in a worker."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unified_loss.dispatch import use_backend
from unified_loss.errors import UnsupportedOperation
from unified_loss.gradients import value_and_grad

from . import live
from .cases import Case, Input, Outcome
from .exchange import tree_from_json

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend


_INDICES = {"torch": "int64", "paddle": "int64", "mindspore": "int32"}
"""The dtype in which a framework's users have class indices, whatever the source's have."""


class Snippets:
    """The programs of a file that `unified_loss.conformance.proof` writes, and their inputs.

    Parameters
    ----------
    backend : that wraps the framework whose tensors the programs take
    work : the file
    """

    def __init__(self, backend: Backend, work: str) -> None:
        self._backend = backend
        table = json.loads(Path(work).read_text(encoding="utf-8"))
        self._programs, self._inputs = table["programs"], table["inputs"]
        self._defined: dict[int, Callable[..., Any]] = {}

    def framework(self, identifier: str) -> str:
        """The framework whose losses the program of an item, ``program/input``, is made of."""
        program, _ = self._item(identifier)
        return str(program["framework"])

    def outcome(self, identifier: str) -> Outcome:
        """What the program of an item gives on its input."""
        program, given = self._item(identifier)
        tensors = [tree_from_json(x) for x in given["tensors"]]
        if "text" not in program:
            return _of_native(program, tensors, given["gradient_of"], self._backend)
        while tensors and tensors[-1] is None:
            tensors.pop()
        loss = _by_name(self._loss(program), given["keywords"])
        if self._backend.name == "numpy":
            return on_numpy(loss, tensors, given["gradient_of"], self._backend)
        make = functools.partial(_tensor, self._backend)
        return live.outcome_of(
            lambda *xs: _outputs(loss(*xs)),
            lambda: [make(x) for x in tensors],
            self._backend,
            given["gradient_of"],
        )

    def _item(self, identifier: str) -> tuple[dict[str, Any], dict[str, Any]]:
        program, _, given = identifier.partition("/")
        return self._programs[int(program)], self._inputs[int(given)]

    def _loss(self, program: Mapping[str, Any]) -> Callable[..., Any]:
        if id(program) not in self._defined:
            names: dict[str, Any] = {"__name__": "snippet"}
            # Of this library's own making: it is what the user is shown.
            exec(compile(program["text"], "the ported loss", "exec"), names)  # noqa: S102
            loss, state = names["loss"], tree_from_json(program["state"])
            if state and "load_state" in names:
                # As its users have them who come from the source's framework.
                names["load_state"](loss, state)
            elif state:
                loss.load_state({name: live.tensor(self._backend, x) for name, x in state.items()})
            self._defined[id(program)] = loss
        return self._defined[id(program)]


def _tensor(backend: Backend, x: Any) -> Any:
    wanted = _INDICES.get(backend.name)
    if wanted is not None and isinstance(x, np.ndarray) and x.dtype.kind in "iu":
        x = x.astype(wanted)
    return live.tensor(backend, x)


def _by_name(loss: Callable[..., Any], keywords: Sequence[str | None]) -> Callable[..., Any]:
    """The loss as a function of tensors in order; those that the source takes by name only, by that name."""
    try:
        known = inspect.signature(loss).parameters
    except (TypeError, ValueError):
        return loss
    if not all(name is None or name in known for name in keywords):
        return loss

    def called(*tensors: Any) -> Any:
        pairs = list(zip(keywords, tensors, strict=False))
        named = {name: x for name, x in pairs if name is not None and x is not None}
        return loss(*(x for name, x in pairs if name is None), **named)

    return called


def _of_native(
    program: Mapping[str, Any], tensors: Sequence[Any], gradient_of: int | None, backend: Backend
) -> Outcome:
    inputs = [
        Input(name, x, keyword) for (name, keyword), x in zip(program["arguments"], tensors, strict=True)
    ]
    differentiated = None if gradient_of is None else inputs[gradient_of]
    # As its users call it: what they leave out they do not name.
    inputs = [each for each in inputs if each.value is not None or each.keyword is None]
    while inputs and inputs[-1].value is None and inputs[-1].keyword is None:
        inputs.pop()
    case = Case(
        id="",
        loss=program["loss"],
        kwargs=tree_from_json(program["parameters"]),
        inputs=tuple(inputs),
        kind="live",
        source="",
        framework=program["framework"],
        call=program["call"],
        gradient_of=None if differentiated is None else inputs.index(differentiated),
        state=tree_from_json(program["state"]),
    )
    return live.native_outcome(case, backend)


def on_numpy(
    loss: Callable[..., Any], tensors: Sequence[Any], gradient_of: int | None, backend: Backend
) -> Outcome:
    """What a loss gives on NumPy arrays; its gradient where that can be had, `backend` being NumPy's."""
    with use_backend("numpy"):
        outputs = _outputs(loss(*tensors))
        values, dtypes = tuple(map(backend.to_numpy, outputs)), tuple(map(backend.dtype, outputs))
        if gradient_of is None:
            return Outcome(values, dtypes)
        try:
            _, gradient = value_and_grad(lambda *xs: _outputs(loss(*xs))[0], gradient_of)(*tensors)
        except UnsupportedOperation:
            return Outcome(values, dtypes)
        return Outcome(values, dtypes, backend.to_numpy(gradient))


def _outputs(result: Any) -> tuple[Any, ...]:
    return tuple(result) if isinstance(result, tuple | list) else (result,)
