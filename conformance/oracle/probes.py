"""Inputs at which digits are lost: the domains of the losses, drawn from their edges.

An ordinary probe has what the live cases have. The others have numbers that are large or infinite, as
small or as close to 0 and 1 as their dtype allows, or equal.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from unified_loss.conformance.cases import Case
from unified_loss.conformance.domains import Domain, domains
from unified_loss.conformance.domains.extremes import PROBES

from unified_loss.naming import resolve
from unified_loss.ops import FLOAT_DTYPES

KINDS = ("ordinary", "large", "small", "edges", "equal", "infinite")


def probes(losses: Iterable[str] | None = None, dtypes: Iterable[str] = FLOAT_DTYPES) -> Iterator[Case]:
    """The probes of some losses, the same at every call.

    Parameters
    ----------
    losses : native names, aliases included; by default all that have a domain
    dtypes : of the inputs

    Yields
    ------
    Case
        Live ones, whose `dtype` is set where NumPy lacks it.
    """
    wanted = None if losses is None else {resolve(name).native_name for name in losses}
    for loss, domain in domains().items():
        if wanted is None or resolve(loss).native_name in wanted:
            for dtype in dtypes:
                for kind in KINDS:
                    yield probe(domain, kind, dtype)


def probe(domain: Domain, kind: str, dtype: str) -> Case:
    """One probe of a loss."""
    values = np.random.default_rng(zlib.crc32(f"{domain.loss}/{kind}".encode()))
    # Two calls of each loss, so that parameters vary; not more, because some frameworks compile each
    # operation for each shape.
    picks = np.random.default_rng(zlib.crc32(f"{domain.loss}/{KINDS.index(kind) % 2}".encode()))
    case = domain.case(PROBES[kind](values, picks, dtype), f"{domain.loss}/{kind}-{dtype}")
    if kind == "infinite":
        # Logits may be infinite; labels, distances and weights that are say nothing, and a vector that
        # is has no direction. Logits that are left out may not: PyTorch's and MindSpore's own losses
        # multiply what is made of them by 0, and have NaN as gradient, which is theirs to say.
        logits = None if "cosine" in domain.loss.lower() else case.gradient_of
        inputs = tuple(
            x if i == logits else replace(x, value=_finite(x.value)) for i, x in enumerate(case.inputs)
        )
        kwargs = {name: _finite(value) for name, value in case.kwargs.items()}
        if "ignore_index" in kwargs:
            kwargs["ignore_index"] = -100
        state = {name: _finite(value) for name, value in case.state.items()}
        case = replace(case, inputs=inputs, kwargs=kwargs, state=state)
    return replace(case, dtype="bfloat16") if dtype == "bfloat16" else case


def _finite(x: Any) -> Any:
    floats = isinstance(x, np.ndarray) and x.dtype.kind == "f"
    return np.where(np.isfinite(x), x, x.dtype.type(1.75)) if floats else x


def probe_of(identifier: str) -> Case:
    """The probe of an id."""
    loss, _, rest = identifier.rpartition("/")
    kind, _, dtype = rest.rpartition("-")
    return probe(domains()[loss], kind, dtype)


def dtype_of(case: Case) -> str:
    """The dtype of a probe's inputs."""
    return case.id.rpartition("-")[2]
