"""`beside`: native losses on inputs, each in its own framework, in a process of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from unified_loss.porting.source import NativeCall

from .bench import Bench
from .cases import Outcome
from .domains.fitting import FittingInput
from .evidence import Trial
from .runner import configured_interpreters
from .scheduling import Limits, Progress


@dataclass(frozen=True, eq=False)
class Ran:
    """What a native loss gave.

    Parameters
    ----------
    outcome : that; None where it gave nothing
    reason : why it gave nothing
    version : that of the package which the loss is in; None where it could not be had
    """

    outcome: Outcome | None
    reason: str
    version: str | None


def beside(
    asked: Iterable[tuple[NativeCall, FittingInput]],
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
    interpreters: Mapping[str, str] | None = None,
) -> list[Ran]:
    """What native losses give in their frameworks; each framework is started once.

    Parameters
    ----------
    asked : the calls, each with its input
    limits, progress, interpreters : as of `unified_loss.conformance.proof.prove_all`

    Returns
    -------
    list of Ran
        In the order of the calls.

    Examples
    --------
    >>> from unified_loss.conformance.beside import beside
    >>> beside([])
    []
    """
    pythons = configured_interpreters() if interpreters is None else interpreters
    pairs = [(call, Trial(given, "float32")) for call, given in asked]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        bench = Bench(folder, pythons, limits or Limits(), progress)
        for call, trial in pairs:
            bench.ask_source(call, trial)
        bench.run()
        found = [(bench.of_source(call, trial), bench.version_of_source(call)) for call, trial in pairs]
    return [
        Ran(None, given, version) if isinstance(given, str) else Ran(given, "", version)
        for given, version in found
    ]
