"""What a case must give, exactly: its plan on the oracle, in as many digits as the result needs.

Between processes an outcome is a line of JSON: ``case``; ``values``, for each output an array;
``dtypes`` of the outputs; ``gradient``, an array or null; ``precision``, in bits; and ``undecided``.
An array is ``shape``, and lists ``high`` and ``low`` of float64, whose sum is the number to some 32
digits, NaN and infinities as strings. ``low`` is NaN where no precision up to the highest told the
number.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath import libmp
from unified_loss.conformance.calls import gradient_output, input_tensors, prepared_call
from unified_loss.conformance.cases import Case, encode

from unified_loss.errors import BroadcastWarning
from unified_loss.gradients import value_and_grad
from unified_loss.naming import resolve

from .array import OracleArray
from .backend import oracle_backend
from .real import Real, Working, accurate, working_precision

PRECISIONS = (256, 1300, 5000, 16500)
"""The bits that are tried in turn; the last tell ``1 - sigmoid(1e4)`` from 0, with digits to spare."""

_ENOUGH_FOR_TIES = 1300
"""Where numbers that are still as close as their errors are taken to be equal."""


@dataclass(frozen=True, eq=False)
class Exact:
    """An array of numbers, each the sum of two float64.

    Parameters
    ----------
    high : the numbers, rounded to float64
    low : what `high` lacks; NaN where the number is not known
    """

    high: Any
    low: Any

    @property
    def known(self) -> Any:
        """Where the numbers are known; an infinity or NaN may well be."""
        return ~np.isnan(self.low)

    def to_json(self) -> dict[str, Any]:
        """The shape, and both parts as flat lists."""
        return {
            "shape": list(self.high.shape),
            "high": encode(self.high.reshape(-1).tolist()),
            "low": encode(self.low.reshape(-1).tolist()),
        }

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> Exact:
        """The inverse of `to_json`."""
        parts = [np.array([float(x) for x in table[name]], dtype="float64") for name in ("high", "low")]
        return cls(*(x.reshape(table["shape"]) for x in parts))


@dataclass(frozen=True, eq=False)
class OracleOutcome:
    """The exact outputs of a case, and the gradient of the sum of one of them.

    Parameters
    ----------
    case : its id
    values, dtypes : of the outputs
    gradient : None where the case has none
    precision : the bits that it took
    undecided : whether numbers that are equal as far as could be seen were taken to be equal
    """

    case: str
    values: tuple[Exact, ...]
    dtypes: tuple[str, ...]
    gradient: Exact | None
    precision: int
    undecided: bool = False

    def to_json(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "case": self.case,
            "values": [value.to_json() for value in self.values],
            "dtypes": list(self.dtypes),
            "gradient": None if self.gradient is None else self.gradient.to_json(),
            "precision": self.precision,
            "undecided": self.undecided,
        }

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> OracleOutcome:
        """The inverse of `to_json`."""
        gradient = table["gradient"]
        return cls(
            table["case"],
            tuple(map(Exact.from_json, table["values"])),
            tuple(table["dtypes"]),
            None if gradient is None else Exact.from_json(gradient),
            table["precision"],
            table["undecided"],
        )


def outcome(case: Case, precisions: tuple[int, ...] = PRECISIONS) -> OracleOutcome:
    """What a case must give, by its plan.

    Parameters
    ----------
    case : of any framework's loss; what was recorded for it is not looked at
    precisions : the bits to calculate in, tried in turn until all numbers are known

    Returns
    -------
    OracleOutcome
        Numbers are right to 40 digits, or to ``2**-1200`` where that is more; those of which not even
        the last precision told that much are marked as unknown.

    Raises
    ------
    UnifiedLossError, ValueError, TypeError
        What the loss raises on any backend.
    """
    for bits in precisions:
        with working_precision(bits) as working, warnings.catch_warnings():
            warnings.simplefilter("ignore", BroadcastWarning)
            values, gradient = _evaluate(case)
        if bits == precisions[-1] or _suffices(values, gradient, working):
            break
    return OracleOutcome(
        case.id,
        tuple(_exact(value) for value in values),
        tuple(value.dtype for value in values),
        None if gradient is None else _exact(gradient),
        bits,
        bool(working.undecided),
    )


def _evaluate(case: Case) -> tuple[list[OracleArray], OracleArray | None]:
    backend = oracle_backend()
    call = prepared_call(case, resolve(case.loss), backend.asarray, _load_state, backend)
    inputs = input_tensors(case, backend.asarray, backend)
    if inputs and not any(isinstance(x, OracleArray) for x in inputs):
        # Of lists alone nothing would say where they are to run.
        inputs[0] = backend.asarray(inputs[0])
    outputs = call(*inputs)
    values = [backend.sum(x) if case.summed else x for x in outputs]
    if case.gradient_of is None:
        return values, None
    chosen = gradient_output(case)
    _, gradient = value_and_grad(lambda *xs: call(*xs)[chosen], case.gradient_of)(*inputs)
    return values, gradient


def _load_state(loss: Any, state: dict[str, Any]) -> Any:
    loss.load_state(state)
    return loss


def _suffices(values: list[OracleArray], gradient: OracleArray | None, working: Working) -> bool:
    if working.undecided and working.precision < _ENOUGH_FOR_TIES:
        return False
    arrays = values if gradient is None else [*values, gradient]
    return all(accurate(x) for array in arrays if array.is_float for x in array.data.flat)


def _exact(array: OracleArray) -> Exact:
    if not array.is_float:
        return Exact(array.data.astype("float64"), np.zeros(array.shape))
    pairs = np.array([_pair(x) for x in array.data.flat], dtype="float64").reshape(*array.shape, 2)
    return Exact(pairs[..., 0], pairs[..., 1])


def _pair(x: Real) -> tuple[float, float]:
    high = float(x)
    if not accurate(x):
        return high, float("nan")
    if not np.isfinite(high):
        return high, 0.0
    rest = libmp.mpf_sub(x.value, libmp.from_float(high), 53, "n")
    return high, float(libmp.to_float(rest, rnd="n"))
