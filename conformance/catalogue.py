"""`measured`: the pages of the divergence catalogue, with what the frameworks give."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import unified_loss as ul
from unified_loss.errors import ConfigError
from unified_loss.porting.catalogue import Page, page, pairs_of
from unified_loss.porting.curves import curves
from unified_loss.porting.judgement import proved
from unified_loss.porting.matching import reordered
from unified_loss.porting.pairs import dialect_of
from unified_loss.porting.result import Port
from unified_loss.porting.sharing import as_taken, differentiated, shared_inputs
from unified_loss.porting.source import NativeCall

from .beside import Ran, beside
from .cases import decode, encode
from .domains import mindspore, paddle
from .domains.fitting import FittingInput
from .evidence import Difference, Evidence, Proof
from .scheduling import Limits, Progress

Json = dict[str, Any]
Roles = Mapping[str, Any]

_DIGITS = 9


def measured(
    losses: Iterable[str],
    *,
    known: Mapping[str, Json] | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> list[Json]:
    """The pages of canonical losses, ready for JSON, with what the frameworks give.

    Parameters
    ----------
    losses : of `unified_loss.porting.catalogue.catalogued`
    known : pages that were measured before, whose ports are taken over, by the loss; by default all ports
        are made and proved
    limits, progress : as of `unified_loss.conformance.proof.prove_all`

    Returns
    -------
    list of dict
        In the order of the losses.
    """
    pages = [page(loss) for loss in losses]
    inputs = {found.loss: _inputs(found) for found in pages}
    results = _results(pages, inputs, limits, progress)
    if known is None:
        ports = _ports(pages, limits, progress)
    else:
        ports = {loss: each["ports"] for loss, each in known.items()}
    made = []
    for found in pages:
        given = inputs[found.loss]
        rows, versions = results[found.loss]
        made.append(
            {
                **found.to_json(),
                "versions": {"unified_loss": ul.__version__, **versions},
                "inputs": {role: _array(x) for role, x in given.items()},
                "results": rows,
                "differences": differences(found, given),
                "curves": curves_of(found, given),
                "ports": ports.get(found.loss, []),
            }
        )
    return [plain(each) for each in made]


def _inputs(found: Page) -> dict[str, Any]:
    # What draws candidates gives something else each time.
    drawing = any(variant.plan.candidates for variant in found.variants)
    return {} if drawing else shared_inputs([variant.calls for variant in found.variants])


def refreshed(known: Json) -> Json:
    """A page as the code makes it now, with the results and the ports that were measured before.

    Parameters
    ----------
    known : a page of `measured`

    Returns
    -------
    dict
        What no framework is needed for is made anew, on the same inputs.

    Raises
    ------
    ConfigError
        If it has other native losses now, whose results are not known.
    """
    found = page(known["loss"])
    if {call.name for _, call in found.calls} != {row["name"] for row in known["results"]}:
        raise ConfigError(f"{found.loss}: has other native losses now, which must be run")
    given = {role: decode(x["values"], x["dtype"]) for role, x in known["inputs"].items()}
    rows = {row["name"]: row for row in known["results"]}
    told: Json = plain(
        {
            **known,
            **found.to_json(),
            "results": [{**rows[call.name], "variant": variant.id} for variant, call in found.calls],
            "differences": differences(found, given),
            "curves": curves_of(found, given),
        }
    )
    return told


# --------------------------------------------------------------------------------- results


def _results(
    pages: Sequence[Page], inputs: Mapping[str, Roles], limits: Limits | None, progress: Progress | None
) -> dict[str, tuple[list[Json], Json]]:
    """What each native loss gives on the page's inputs, and the versions of the frameworks."""
    asked, ran = [], dict[NativeCall, Ran]()
    for found in pages:
        first = found.variants[0].calls[0]
        for _, call in found.calls:
            try:
                asked.append((call, given_to(call, inputs[found.loss], first)))
            except ConfigError as error:
                ran[call] = Ran(None, f"not run: {error}", None)
    given = beside(asked, limits=limits, progress=progress)
    ran |= {call: what for (call, _), what in zip(asked, given, strict=True)}
    # Some have a value where they have no gradient.
    again = [
        (call, replace(what, gradient_of=None))
        for call, what in asked
        if ran[call].outcome is None and what.gradient_of is not None
    ]
    for (call, _), what in zip(again, beside(again, limits=limits, progress=progress), strict=True):
        ran[call] = replace(what, reason=ran[call].reason)
    told: dict[str, tuple[list[Json], Json]] = {}
    for found in pages:
        rows, versions = [], {}
        shown = {call["name"]: call["framework"] for v in found.to_json()["variants"] for call in v["calls"]}
        for variant, call in found.calls:
            framework = shown[call.name]
            told_of = {"name": call.name, "variant": variant.id, "framework": framework}
            rows.append({**told_of, **result(found, call, ran[call])})
            if ran[call].version is not None:
                versions[framework] = ran[call].version
        told[found.loss] = rows, dict(sorted(versions.items()))
    return told


def given_to(call: NativeCall, inputs: Roles, first: NativeCall) -> FittingInput:
    """What a native loss is run on; `ConfigError` says why it is not run."""
    if call.plan.candidates is not None:
        raise ConfigError(f"{call.name}: draws its candidates at random")
    if call.holds_weights:
        raise ConfigError(f"{call.name}: has weights of its own, which decide what it gives")
    if not inputs:
        without = {**paddle.NO_CPU_KERNEL, **mindspore.NO_CPU_KERNEL}.get(call.name)
        raise ConfigError(f"{call.name}: {without or 'no inputs are known that it takes'}")
    return as_taken(call, inputs, first)


def result(found: Page, call: NativeCall, ran: Ran) -> Json:
    """What a native loss gave, as a page tells it; the gradient has its axes as the page's inputs do."""
    value = gradient = None
    reason = _in_short(ran.reason) or None
    if ran.outcome is not None:
        value, gradient = encode(np.asarray(ran.outcome.value)), ran.outcome.gradient
        first = found.variants[0].plan
        if gradient is not None:
            gradient = encode(reordered(gradient, differentiated(first), first, call.plan))
    return {
        "version": ran.version,
        "value": value,
        "gradient": gradient,
        "error": reason if ran.outcome is None else None,
        "no_gradient": None if ran.outcome is None else reason,
    }


# ----------------------------------------------------------------------------- differences


def differences(found: Page, inputs: Roles) -> list[Json]:
    """Each variant against the first, field by field, on the page's inputs."""
    first, rows = found.variants[0], []
    for variant in found.variants[1:]:
        calls = first.calls[0], variant.calls[0]
        roles = {*calls[0].roles.values(), *calls[1].roles.values()}
        given = {role: x for role, x in inputs.items() if role in roles}
        try:
            if not given:
                raise ConfigError("none are known")
            _check_taken(given, *calls)
            told = ul.explain_diff(*calls, backend="numpy", **given).to_json()
        except ConfigError as error:
            note = f"not run on these inputs: {error}"
            told = {**_unrun(*calls), "note": note}
        kept = ("equal", "fields", "value", "gradient", "method", "note")
        rows.append({"first": first.id, "second": variant.id, **{name: told[name] for name in kept}})
    return rows


def _check_taken(inputs: Roles, *calls: NativeCall) -> None:
    """Refuse to compare where only one of the calls takes an input, unless that is a weight of 1."""
    for role, x in inputs.items():
        for call in calls:
            if role not in call.roles.values() and not np.all(np.asarray(x) == 1):
                raise ConfigError(f"{call.row.native_name} takes no {role}")


def _unrun(first: NativeCall, second: NativeCall) -> Json:
    """In what two calls differ, without anything that they gave."""
    told = ul.explain_diff(first, second, backend="numpy").to_json()
    blank: Json = {"value_effect": None, "gradient_effect": None, "together": [], "note": ""}
    fields = sorted(({**field, **blank} for field in told["fields"]), key=lambda field: field["field"])
    return {**told, "fields": fields, "method": "none", "value": None, "gradient": None}


# ---------------------------------------------------------------------------------- curves


def curves_of(found: Page, inputs: Roles) -> Json | None:
    """The first loss of each variant along a line through the page's inputs."""
    if not inputs or any(variant.plan.candidates for variant in found.variants):
        return None
    told = curves([variant.calls[0] for variant in found.variants], inputs)
    return {
        "role": told.role,
        "index": list(told.index),
        "x": told.x.tolist(),
        "note": told.note,
        "variants": {
            variant.id: {
                "value": curve.value.tolist(),
                "gradient": None if curve.gradient is None else curve.gradient.tolist(),
            }
            for variant, curve in zip(found.variants, told.curves, strict=True)
            if curve is not None
        },
    }


# ----------------------------------------------------------------------------------- ports


def _ports(pages: Sequence[Page], limits: Limits | None, progress: Progress | None) -> dict[str, list[Json]]:
    wanted = [(found.loss, pair) for found in pages for pair in pairs_of(found)]
    made = proved(
        [ul.port(call, to, prove=False) for _, (call, to) in wanted],
        count=2,
        limits=limits or Limits(),
        progress=progress,
    )
    told: dict[str, list[Json]] = {}
    for (loss, _), port in zip(wanted, made, strict=True):
        told.setdefault(loss, []).append(port_to_json(port))
    return told


def port_to_json(port: Port) -> Json:
    """A port as a page tells it, with its proof in short."""
    whole = port.to_json()
    return {
        "source": whole["source"],
        "from": dialect_of(port.source.name),
        **{name: whole[name] for name in ("to", "verdict", "target", "native", "dialect", "differences")},
        "proof": None if port.proof is None else _proof(port.proof),
        "reason": port.reason,
    }


def _proof(proof: Proof) -> Json:
    return {
        "kind": proof.kind,
        "holds": proof.holds,
        "reason": _in_short(proof.reason),
        "framework": proof.framework,
        "version": proof.version,
        "inputs": proof.inputs,
        "native": None if proof.native is None else _evidence(proof.native),
        "dialect": None if proof.dialect is None else _evidence(proof.dialect),
        "known": list(proof.known),
    }


def _evidence(found: Evidence) -> Json:
    return {
        "backend": found.backend,
        "version": found.version,
        "holds": found.holds,
        "compared": found.compared,
        "agree": found.agree,
        "refused": len(found.refused),
        "value": _largest(found.value),
        "gradient": _largest(found.gradient),
    }


def _largest(found: Difference | None) -> float | None:
    # The last digits differ from one run to the next, by the order in which threads add.
    return None if found is None else float(f"{found.absolute:.1e}")


# ------------------------------------------------------------------------------------ JSON


def _in_short(error: str) -> str:
    """The line of a framework's error that says what is wrong."""
    kind, _, rest = error.strip().partition(":")
    lines = [line.strip() for line in rest.splitlines() if re.search(r"\w", line)]
    if lines and lines[0].startswith("Traceback"):
        lines = lines[-1:]
    # MindSpore's headings.
    lines = [line for line in lines if not line.startswith("- ")] or lines
    return f"{kind}: {lines[0]}" if lines else error.strip()


def _array(x: Any) -> Json:
    return {"dtype": x.dtype.name, "shape": list(x.shape), "values": encode(x)}


def plain(value: Any) -> Any:
    """What JSON holds: numbers of few digits, NaN and infinities spelled, addresses of objects left out."""
    if isinstance(value, dict):
        return {name: plain(x) for name, x in value.items()}
    if isinstance(value, list | tuple):
        return [plain(x) for x in value]
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else encode(value)
    if isinstance(value, str):
        return re.sub(r" at 0x[0-9a-f]+", "", value)
    return value
