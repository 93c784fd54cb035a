"""`proved`: ports with what was found when they ran beside their sources, and what that leaves of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .result import Port, Residual
from .source import FRAMEWORKS

if TYPE_CHECKING:
    from unified_loss.conformance.evidence import Evidence, Proof


def proved(ports: Iterable[Port], **how: Any) -> list[Port]:
    """Ports with their proofs; each framework is started once.

    Parameters
    ----------
    ports : as `unified_loss.port` makes them with ``prove=False``
    how : what `unified_loss.conformance.proof.prove_all` takes by keyword: `count`, `limits`, `progress`

    Returns
    -------
    list of Port
        In the order of the ports, with verdicts and differences as the proofs leave them.

    Examples
    --------
    >>> from unified_loss.porting.judgement import proved
    >>> proved([])
    []
    """
    # Here, because it starts processes, and loads all that this takes.
    from unified_loss.conformance.proof import Claim, prove_all  # noqa: PLC0415

    ports = list(ports)
    claims = [
        Claim(port.source, port.native, port.dialect, FRAMEWORKS[port.to], native_target(port))
        for port in ports
    ]
    proofs = prove_all(claims, **how)
    return [_judged(port, proof) for port, proof in zip(ports, proofs, strict=True)]


def native_target(port: Port) -> str | None:
    """The target if it is a loss of the framework, not a formula written out."""
    return port.target if port.target is not None and "." in port.target else None


def _judged(port: Port, proof: Proof) -> Port:
    evidence, told = proof.native, list(port.differences)
    if port.native is None or proof.note:
        return replace(port, proof=proof)
    if evidence is None:
        if not proof.installed:
            return replace(port, proof=proof)
        first = proof.reason.strip().partition("\n")[0]
        told.append(Residual("kernel", "proof", None, f"nothing to compare with: {first}"))
        return replace(port, proof=proof, verdict="approximate", differences=tuple(told))
    told += _found(port, evidence)
    verdict = port.verdict if evidence.holds else "approximate"
    return replace(port, proof=proof, verdict=verdict, differences=tuple(told))


def _found(port: Port, evidence: Evidence) -> Iterator[Residual]:
    """What the plans do not have, and so is what the frameworks make of them."""
    if not evidence.compared:
        yield Residual("kernel", "proof", None, "nothing to compare with: the source gives nothing")
    if evidence.refused:
        first = evidence.refused[0].reason.strip().partition("\n")[0]
        said = f"{first} (on {len(evidence.refused)} of {evidence.compared} inputs)"
        yield Residual("refused inputs", "inputs", None, said)
    ended = [failure for failure in evidence.failures if not failure.refused]
    if ended:
        yield Residual("kernel", "proof", None, f"its process ended: {ended[0].reason.partition(':')[0]}")
    failed = [
        {check.quantity.partition(" of ")[0] for check in checks} for _, checks in evidence.disagreements
    ]
    of_dtype = sum(quantities == {"dtype"} for quantities in failed)
    tried = f"of {evidence.compared} inputs"
    if of_dtype:
        yield Residual("dtype", "dtype", None, f"another dtype on {of_dtype} {tried}")
    others = sum(not quantities <= {"number", "dtype"} for quantities in failed)
    if others:
        known = "".join(f"; known of it: {cause}" for cause in _known(port))
        said = f"another result on {others} {tried}{_steepest(evidence)}{known}"
        yield Residual("kernel", "proof", None, said, _size(evidence))


def _size(evidence: Evidence) -> float | None:
    """The largest difference of the value, as a part of it; None where it is not finite, or none is known."""
    found = evidence.value
    if found is None or not math.isfinite(found.absolute):
        return None
    return found.absolute / (abs(found.source) or 1.0)


def _steepest(evidence: Evidence) -> str:
    """Where the gradient is furthest off, if that is more than is allowed."""
    found = evidence.gradient
    if found is None or not found.of_tolerance > 1:
        return ""
    return f"; a gradient of {found.source:.3g} is off by {found.absolute:.2g}"


def _known(port: Port) -> tuple[str, ...]:
    """What is known to be wrong with the target's losses by that formula."""
    from unified_loss.conformance.domains.defects import defects_of  # noqa: PLC0415  loads all domains

    target = native_target(port)
    return () if target is None else defects_of(target)
