"""Weighs what a program gave against what its source did."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import comparison, tolerances
from .cases import Case, Outcome
from .comparison import Check
from .evidence import Difference, Evidence, Failure, Side, Trial
from .tolerances import Tolerance


@dataclass(frozen=True, eq=False)
class Compared:
    """What both sides gave on an input.

    Parameters
    ----------
    trial : the input
    source : what the source gave
    port : what the program gave, or why it gave nothing
    exact : what both gave in float64 where the input is extreme, the source first, as far as they did
    formula : what the source's formula gives through this library, where the source is known to be
        something else at some inputs
    ended : whether the process of the program ended on it
    spread : how far the loss moves where an extreme input moves by its last digit
    """

    trial: Trial
    source: Outcome
    port: Outcome | str
    exact: tuple[Outcome, ...] = ()
    formula: Outcome | None = None
    ended: bool = False
    spread: Callable[[], Outcome | None] = lambda: None


def evidence(
    case: Case, side: Side, where: tuple[str, str | None], compared: Sequence[Compared], *, scalars: bool
) -> Evidence:
    """Compare what a program gave with what the source did.

    Parameters
    ----------
    case : of the source, as far as the tolerances ask
    side : which program it is
    where : the backend and its version
    compared : what was given on each input on which the source gave something
    scalars : whether both frameworks have tensors without axes; to others those of one element are such
    """
    agree: list[Trial] = []
    lost: list[tuple[Trial, tuple[Check, ...]]] = []
    defects: list[tuple[Trial, tuple[Check, ...]]] = []
    disagreements: list[tuple[Trial, tuple[Check, ...]]] = []
    kept: list[tuple[Trial, Check]] = []
    for each in compared:
        if isinstance(each.port, str):
            continue
        checks = tuple(_checks(case, each.source, each.port, scalars))
        failed = tuple(check for check in checks if not check.holds)
        if not failed:
            agree.append(each.trial)
        elif each.trial.extreme and all(_is_lost(check, each) for check in failed):
            lost.append((each.trial, failed))
            continue
        elif each.trial.extreme and _is_formula(case, each, scalars):
            defects.append((each.trial, failed))
            continue
        else:
            disagreements.append((each.trial, failed))
        kept += [(each.trial, check) for check in checks]
    return Evidence(
        *where,
        len(compared),
        len(agree),
        sum(each.trial.extreme for each in compared),
        sum(trial.extreme for trial in agree),
        tuple(lost),
        tuple(defects),
        _largest("value", kept),
        _largest("gradient", kept),
        all(check.holds for _, check in kept if check.quantity.startswith("shape")),
        all(check.holds for _, check in kept if check.quantity.startswith("dtype")),
        tuple(
            Failure(side, each.port, each.trial, not each.ended)
            for each in compared
            if isinstance(each.port, str)
        ),
        tuple(disagreements),
    )


def _checks(case: Case, expected: Outcome, got: Outcome, scalars: bool) -> Iterator[Check]:
    count = len(expected.values)
    yield comparison.same("number of outputs", count, len(got.values))
    names = ["value"] if count == 1 else [f"value of output {i}" for i in range(count)]
    sides = zip(names, expected.values, expected.dtypes, got.values, got.dtypes, strict=False)
    for name, wanted, dtype, value, own in sides:
        yield comparison.same(f"dtype of the {name}", dtype, own)
        yield from _close(name, wanted, value, _tolerance(case, dtype, own), scalars)
    if expected.gradient is not None and got.gradient is not None:
        dtypes = str(expected.gradient.dtype), str(got.gradient.dtype)
        yield comparison.same("dtype of the gradient", *dtypes)
        # That of a float64 input has float32 digits where the loss makes float32 of it first.
        tolerance = _tolerance(case, *dtypes, expected.dtype)
        yield from _close("gradient", expected.gradient, got.gradient, tolerance, scalars)


def _is_formula(case: Case, each: Compared, scalars: bool) -> bool:
    """Whether the program gives what the source's formula does, and the source does not."""
    if each.formula is None or isinstance(each.port, str):
        return False
    source = _checks(case, each.source, each.formula, scalars)
    # The source is exact no more than it is right.
    beside = replace(each, source=each.formula, exact=each.exact[::-1])
    port = _checks(case, each.formula, each.port, scalars)
    return not all(check.holds for check in source) and all(
        check.holds or _is_lost(check, beside) for check in port
    )


def _is_lost(check: Check, each: Compared) -> bool:
    """Whether a comparison does not hold because of lost digits, which the port is not to blame for."""
    if check.error is None or isinstance(each.port, str):
        return False
    sides = [_quantity(check.quantity, outcome) for outcome in (each.source, each.port)]
    exact = [_quantity(check.quantity, outcome) for outcome in each.exact]
    if any(x is None for x in (*sides, *exact)):
        return False
    source, port = (x.reshape(-1) for x in sides)
    moves = each.spread()
    digit = None if moves is None else _quantity(check.quantity, moves)
    right = np.full(source.shape, np.nan)
    for x in exact:
        if x.size == right.size:
            right = np.where(np.isfinite(right), right, x.reshape(-1))
    slack, normal = tolerances.ACCURACY, 2.0**-126
    with np.errstate(all="ignore"):
        size = np.where(np.isfinite(right), np.abs(right), 0.0)
        size = np.maximum(size, max(min(1.0, np.max(size, initial=0.0)), normal))
        own, errors = (np.where(x == right, 0.0, np.abs(x - right)) for x in (source, port))
        allowed = np.maximum(slack.ulps * tolerances.EPSILON["float32"] * size, slack.flushed * normal)
        # The source's own errors allow for some more, unless they are infinite.
        finite = np.where(np.isfinite(own), own, 0.0)
        share = np.max(finite / size, initial=0.0)
        factor = slack.cancelled if share > tolerances.EPSILON["float32"] ** 0.5 else slack.factor
        allowed = np.maximum(allowed, factor * share * size)
        if digit is not None and digit.size == right.size:
            allowed = np.maximum(allowed, tolerances.CONDITION * digit.reshape(-1))
        agree = (source == port) | (np.isnan(source) & np.isnan(port))
    return bool(np.all(agree | (errors <= allowed)))


def _quantity(name: str, outcome: Outcome) -> Any:
    if name == "gradient":
        return None if outcome.gradient is None else np.asarray(outcome.gradient, dtype="float64")
    number = int(name.rpartition(" ")[2]) if name != "value" else 0
    return np.asarray(outcome.values[number], dtype="float64") if number < len(outcome.values) else None


def _close(name: str, wanted: Any, got: Any, tolerance: Tolerance, scalars: bool) -> Iterator[Check]:
    wanted, got = np.asarray(wanted), np.asarray(got)
    if not scalars and {wanted.shape, got.shape} == {(), (1,)}:
        got = got.reshape(wanted.shape)
    shapes = comparison.same(f"shape of the {name}", list(wanted.shape), list(got.shape))
    yield shapes
    if shapes.holds:
        yield comparison.close(name, wanted, got, tolerance)


def _tolerance(case: Case, *dtypes: str) -> Tolerance:
    """That of the least precise of the dtypes; that they are not the same is a difference of its own."""
    least = max(dtypes, key=lambda dtype: tolerances.EPSILON.get(dtype, 0.0))
    # Of all kinds of integers, and truth values.
    return tolerances.of_outcome(case, least if least in tolerances.EPSILON else "int32")


def _largest(quantity: str, checked: Sequence[tuple[Trial, Check]]) -> Difference | None:
    found = [
        _difference(check, trial)
        for trial, check in checked
        if check.quantity.startswith(quantity) and check.error is not None
    ]
    return max(found, key=lambda d: (d.of_tolerance, d.absolute), default=None)


def _difference(check: Check, trial: Trial) -> Difference:
    sides = [np.asarray(x, dtype="float64") for x in (check.expected_there, check.got_there)]
    with np.errstate(all="ignore"):
        absolute = 0.0 if check.error == 0 else float(abs(sides[0] - sides[1]))
    absolute = float("inf") if math.isnan(absolute) else absolute
    error, allowed = check.error or 0.0, check.tolerance or 0.0
    ratio = 0.0 if error == 0 else error / allowed if allowed else float("inf")
    return Difference(absolute, ratio, check.expected_there, check.got_there, check.where, trial)
