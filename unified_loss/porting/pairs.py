"""`pairs`: every port there is to make, each loss of each dialect to each other that has its formula."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import NamedTuple

from unified_loss.description import default_plan, row_names

from .equivalents import equivalents
from .source import FRAMEWORKS, NativeCall, parse
from .targets import rows_of

DIALECTS = ("mxnet", "torch", "tensorflow", "paddle", "mindspore", "optax")
"""As `unified_loss.port` names them; Keras's losses are TensorFlow's."""


class Pair(NamedTuple):
    """A port to be made.

    Parameters
    ----------
    call : of a loss, with the defaults of all parameters
    to : the dialect that has a loss of its formula, or of one that gives the same
    """

    call: NativeCall
    to: str


def dialect_of(name: str) -> str:
    """The one of the six dialects that a native name belongs to.

    Examples
    --------
    >>> from unified_loss.porting.pairs import dialect_of
    >>> dialect_of("keras.losses.Huber")
    'tensorflow'
    """
    backend = FRAMEWORKS[name.partition(".")[0]]
    return next(dialect for dialect in DIALECTS if FRAMEWORKS[dialect] == backend)


def default_calls() -> Iterator[NativeCall]:
    """The calls of the losses of all dialects with the defaults of their parameters.

    Returns
    -------
    iterator of NativeCall
        Of the losses of one dialect that then mean the same, such as a class and its function, the first.
        There is none of a loss that cannot be called without a parameter.

    Examples
    --------
    >>> from unified_loss.porting.pairs import default_calls
    >>> [str(call) for call in default_calls() if call.plan.spec == "log_cosh"]
    ['keras.losses.LogCosh()', 'keras.losses.log_cosh()', 'optax.losses.log_cosh()']
    """
    seen: set[Hashable] = set()
    for name in row_names():
        plan = default_plan(name)
        key = dialect_of(name), repr(plan)
        if plan is not None and key not in seen:
            seen.add(key)
            yield parse(name)


def pairs() -> Iterator[Pair]:
    """Each of the default calls with each other dialect in which a loss can mean its formula.

    Returns
    -------
    iterator of Pair
        In the order of `default_calls`, then of `DIALECTS`.

    Examples
    --------
    >>> from unified_loss.porting.pairs import pairs
    >>> [pair.to for pair in pairs() if pair.call.name == "keras.losses.LogCosh"]
    ['optax']
    """
    for call in default_calls():
        specs = {equivalent.plan.spec for equivalent in equivalents(call.plan)}
        for to in DIALECTS:
            if to != dialect_of(call.name) and any(rows_of(to, spec) for spec in specs):
                yield Pair(call, to)
