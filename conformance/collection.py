"""All cases: stored ones, and live ones."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from unified_loss.errors import ConfigError
from unified_loss.naming import native_names, resolve

from .cases import Case
from .domains import domains
from .stored import cases_of_file, stored_cases


def loss_names() -> tuple[str, ...]:
    """The native name of every loss that has cases, without aliases."""
    return tuple(sorted({resolve(name).native_name for name in native_names()}))


def load_cases(losses: Iterable[str] | None = None, files: Iterable[str] = ()) -> tuple[Case, ...]:
    """The cases of some losses, documented ones first, then golden, then live ones.

    Parameters
    ----------
    losses : native names, aliases included; by default all that there are
    files : of further cases, in the form of those in ``conformance/data``

    Returns
    -------
    tuple of Case
        Live ones among them; these only run where their framework is the backend's.

    Raises
    ------
    ConfigError
        If a name is that of no loss, a file cannot be read, or a line of it is no case.

    Examples
    --------
    >>> from unified_loss.conformance import load_cases
    >>> {case.loss for case in load_cases(["mxnet.gluon.loss.SigmoidBCELoss"])}
    {'mxnet.gluon.loss.SigmoidBinaryCrossEntropyLoss'}
    """
    wanted = None if losses is None else {resolve(name).native_name for name in losses}
    cases = (*_shipped_cases(), *_own_cases(tuple(files)))
    return tuple(case for case in cases if wanted is None or case.loss in wanted)


def _own_cases(files: tuple[str, ...]) -> tuple[Case, ...]:
    taken = {case.id for case in _shipped_cases()}
    cases = []
    for file in files:
        for case in cases_of_file(file):
            if case.id in taken:
                raise ConfigError(f"{file}: there is another case {case.id!r}")
            taken.add(case.id)
            cases.append(case)
    return tuple(cases)


@functools.cache
def _shipped_cases() -> tuple[Case, ...]:
    drawn = (case for domain in domains().values() for case in domain.cases())
    return (*stored_cases(), *drawn)
