"""All cases: stored ones, and live ones."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from unified_loss.naming import native_names, resolve

from .cases import Case
from .domains import domains
from .stored import stored_cases


def loss_names() -> tuple[str, ...]:
    """The native name of every loss that has cases, without aliases."""
    return tuple(sorted({resolve(name).native_name for name in native_names()}))


def load_cases(losses: Iterable[str] | None = None) -> tuple[Case, ...]:
    """The cases of some losses, documented ones first, then golden, then live ones.

    Parameters
    ----------
    losses : native names, aliases included; by default all that there are

    Returns
    -------
    tuple of Case
        Live ones among them; these only run where their framework is the backend's.

    Raises
    ------
    ConfigError
        If a name is that of no loss.

    Examples
    --------
    >>> from unified_loss.conformance import load_cases
    >>> {case.loss for case in load_cases(["mxnet.gluon.loss.SigmoidBCELoss"])}
    {'mxnet.gluon.loss.SigmoidBinaryCrossEntropyLoss'}
    """
    wanted = None if losses is None else {resolve(name).native_name for name in losses}
    return tuple(case for case in _all_cases() if wanted is None or case.loss in wanted)


@functools.cache
def _all_cases() -> tuple[Case, ...]:
    drawn = (case for domain in domains().values() for case in domain.cases())
    return (*stored_cases(), *drawn)
