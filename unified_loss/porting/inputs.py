"""The inputs on which a port is tried: the call's own, or those of a loss that is nearly the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from .source import NativeCall
from .targets import rows_of
from .trial import runs

if TYPE_CHECKING:
    from unified_loss.conformance.domains.fitting import FittingInput


def trial_inputs(call: NativeCall, count: int, *, extreme: bool = False) -> list[FittingInput]:
    """Inputs of a call; where none are known, those of a loss with the same formula.

    Parameters
    ----------
    call : the call
    count : at most so many
    extreme : as of `fitting_inputs`
    """
    # Here, because it loads the domains of all losses.
    from unified_loss.conformance.domains.fitting import fitting_inputs  # noqa: PLC0415

    own = fitting_inputs(call, count, extreme=extreme)
    if own:
        return own
    for other in _alike(call):
        by_role = {role: name for name, role in call.roles.items()}
        renamed = {name: by_role[role] for name, role in other.roles.items()}
        theirs = {name: other_name for other_name, name in renamed.items()}
        found = [
            replace(
                each,
                tensors={name: each.tensors[theirs[name]] for name in call.arguments if name in theirs},
                gradient_of=renamed.get(each.gradient_of or ""),
            )
            for each in fitting_inputs(other, count, extreme=extreme)
        ]
        found = [each for each in found if runs(call.loss, each)]
        if found:
            return found
    return []


def _alike(call: NativeCall) -> Iterator[NativeCall]:
    """Calls of the same framework with the same formula, of the same tensors."""
    for name in rows_of(call.name.partition(".")[0], call.plan.spec):
        other = NativeCall(name, {}, {})
        if name != call.name and sorted(other.roles.values()) == sorted(call.roles.values()):
            yield other
