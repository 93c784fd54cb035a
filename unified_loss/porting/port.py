"""`port`: a loss of one framework in another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unified_loss.differences import plan_differences
from unified_loss.errors import ConfigError

from .causes import cause_of
from .draft import CannotAdapt, Draft
from .equivalents import Equivalent, equivalents
from .inputs import trial_inputs
from .judgement import proved
from .known import OTHER_NAMES, TARGETS
from .result import Port, Residual, Verdict
from .snippet import Program, native_program, neutral_program
from .source import NativeCall, parse, spelled
from .targets import closest, formula
from .trial import Trial, compare, loss_of, outcomes
from .weighed import weighed

_DRAFTS = 10
"""So many of the closest losses are tried."""


_IDEAL = (False, 0, 0, False)


@dataclass(frozen=True)
class _Tried:
    draft: Draft
    program: Program
    native: Program
    ordinary: Trial
    extreme: Trial

    @property
    def rank(self) -> tuple[Any, ...]:
        """What is best comes first: what holds, then what differs least, then what is short."""
        untold = len(self.draft.untold)
        length = len(self.program.setup) + len(self.program.expression)
        return (
            not self.ordinary.holds,
            0 if self.ordinary.holds else self.ordinary.size,
            untold + self.draft.narrows,
            self.extreme.wrong > 0,
            self.draft.target.row is None,
            self.program.setup != "",
            self.ordinary.refused,
            length,
        )


def port(source: str | NativeCall, to: str, *, prove: bool = True) -> Port:
    """A loss of one framework in another, with what still differs and a proof.

    Parameters
    ----------
    source : the call of a native loss as text, ``"mxnet.gluon.loss.HuberLoss(rho=0.5)"``, or as
        `unified_loss.porting.source.parse` reads it
    to : ``mxnet``, ``torch``, ``tensorflow``, ``keras``, ``paddle``, ``mindspore`` or ``optax``
    prove : whether both sides are run in their frameworks, each in a process of its own

    Returns
    -------
    Port

    Raises
    ------
    ConfigError
        If the text is no call of a loss, or there is no such framework.

    Examples
    --------
    >>> import unified_loss as ul
    >>> ported = ul.port("paddle.nn.SmoothL1Loss(delta=0.5)", to="torch", prove=False)
    >>> print(ported.native)
    import torch
    <BLANKLINE>
    loss = torch.nn.HuberLoss(delta=0.5)
    <BLANKLINE>
    >>> ported.verdict
    'exact'
    """
    framework = OTHER_NAMES.get(to, to)
    if framework not in TARGETS:
        raise ConfigError(f"port: there is no framework {to!r} to port to; there are: {', '.join(TARGETS)}")
    call = parse(source) if isinstance(source, str) else source
    dialect_imports, dialect_expression = _dialect(call)
    if call.holds_weights:
        found = weighed(call, framework, (dialect_imports, dialect_expression))
        return proved([found])[0] if prove else found
    if unknown := [name for name in call.functions if name in call.parameters]:
        told = ", ".join(f"{name}={call.parameters[name]}" for name in unknown)
        reason = (
            f"what {told} computes is not known, so that no loss can be compared with it, and none is run"
        )
        imported = sorted({line for name in unknown for line in call.functions[name].imports})
        return Port(
            call,
            framework,
            None,
            (),
            "",
            "",
            (*imported, *dialect_imports),
            dialect_expression,
            "exact",
            reason=reason,
            notes=_of_functions(call, framework),
        )
    best = _best(call, framework)
    if best is None:
        reason = f"{framework} has no loss from which {call.name} could be made in a few lines"
        found = Port(
            call,
            framework,
            None,
            (),
            "",
            "",
            dialect_imports,
            dialect_expression,
            "exact",
            reason=reason,
            notes=_of_functions(call, framework),
        )
    else:
        program = best.native
        found = Port(
            call,
            framework,
            best.draft.target.name,
            program.imports,
            program.setup,
            program.expression,
            dialect_imports,
            dialect_expression,
            _verdict(best),
            tuple(_residuals(best)),
            notes=(*_of_functions(call, framework), *_sizes(best)),
        )
    return proved([found])[0] if prove else found


def _of_functions(call: NativeCall, framework: str) -> tuple[str, ...]:
    """What became of the functions that a loss was given."""
    found = []
    for name, function in call.functions.items():
        if name not in call.parameters:
            found.append(f"{name}={function} says nothing that {call} does not: this is ported and run")
            continue
        others = f"; {', '.join(function.unknown)} must be defined" if function.unknown else ""
        found.append(
            f"{name}={function} is taken as it is, and called with {framework}'s tensors: write it with "
            f"{framework}'s operations{others}"
        )
    return tuple(found)


def _best(call: NativeCall, framework: str) -> _Tried | None:
    inputs, extreme = trial_inputs(call, 6), trial_inputs(call, 8, extreme=True)
    if not inputs:
        return None
    expected, expected_extreme = outcomes(call, inputs), outcomes(call, extreme)
    tried: list[_Tried] = []
    written_out = Draft(call, Equivalent(call.plan), formula(call.plan), framework)
    for draft in [*list(_drafts(call, framework))[:_DRAFTS], written_out]:
        if draft is written_out and any(t.rank[:4] == _IDEAL for t in tried):
            break
        try:
            program = neutral_program(draft)
            _, native = draft.untold, native_program(draft)
        except CannotAdapt:
            continue
        try:
            loss = loss_of(program)
        except (TypeError, ValueError):
            continue
        ordinary = compare(loss, inputs, expected)
        if ordinary.wrong + ordinary.refused == len(inputs):
            continue
        tried.append(_Tried(draft, program, native, ordinary, compare(loss, extreme, expected_extreme)))
        if tried[-1].rank[:4] == _IDEAL and not (program.setup or ordinary.refused):
            break
    return min(tried, key=lambda t: t.rank, default=None)


def _drafts(call: NativeCall, framework: str) -> Iterator[Draft]:
    """The source in terms of the closest losses of a framework, the closest first."""
    found = []
    for number, equivalent in enumerate(equivalents(call.plan)):
        for target in closest(equivalent.plan, framework):
            if target.name != call.row.native_name:
                found.append((target.cost + 1.5 * number, Draft(call, equivalent, target, framework)))
    return (draft for _, draft in sorted(found, key=lambda pair: pair[0]))


def _verdict(best: _Tried) -> Verdict:
    if not best.ordinary.holds or best.extreme.wrong or best.draft.untold or best.draft.left_out:
        return "approximate"
    return "adapted" if best.native.setup else "exact"


def _residuals(best: _Tried) -> Iterator[Residual]:
    """In what the plans differ, of what the program does not make up for."""
    wanted, plan = best.draft.wanted, best.draft.target.plan
    size = None if not best.ordinary.holds else 0.0
    refused, tried = best.ordinary.refused, best.ordinary.tried
    if refused:
        yield Residual(
            "refused inputs", "inputs", None, f"{best.ordinary.error} (on {refused} of {tried} inputs)"
        )
    if best.draft.left_out:
        yield Residual("output shape", "outputs", 1 + best.draft.left_out, 1)
    for name in best.draft.untold:
        yield Residual("weights", f"arguments.{name}", name, None)
    for difference in plan_differences(wanted, plan):
        if best.draft.makes_up_for(difference.field):
            continue
        yield Residual(
            cause_of(difference.field), difference.field, difference.first, difference.second, size
        )


def _sizes(best: _Tried) -> Iterator[str]:
    """How much all that differs makes together, which is not told apart by cause."""
    for kind, trial in (("drawn", best.ordinary), ("extreme", best.extreme)):
        if trial.wrong:
            size = f"up to {trial.size:.2g} of it" if np.isfinite(trial.size) else "beyond any measure"
            yield f"on {trial.wrong} of {trial.tried} {kind} inputs the {trial.quantity} differs, {size}"


def _dialect(call: NativeCall) -> tuple[tuple[str, ...], str]:
    module, _, name = call.row.native_name.rpartition(".")
    module = module.replace("tf.", "tensorflow.", 1) if module.startswith("tf.") else module
    values = {**call.parameters}
    arrays = any(hasattr(v, "shape") for v in (*values.values(), *call.tensors.values()))
    imports = [f"from unified_loss.dialects.{module} import {name}"]
    given = ", ".join(f"{n}={_written(v)}" for n, v in values.items())
    if call.kind == "class":
        return tuple(_with_numpy(imports, arrays)), f"{name}({given})"
    fixed = ", ".join(f"{n}={_written(v)}" for n, v in call.tensors.items())
    others = ", ".join(part for part in (given, fixed) if part)
    if not others and call.given is None:
        return tuple(imports), name
    passed = ", ".join(f"{n}={n}" for n in call.arguments)
    return tuple(_with_numpy(imports, arrays)), (
        f"lambda {call.signature}: {name}({', '.join(part for part in (passed, others) if part)})"
    )


def _written(value: Any) -> str:
    return (
        f"np.array({spelled(value)}, dtype={value.dtype.name!r})"
        if hasattr(value, "dtype")
        else spelled(value)
    )


def _with_numpy(imports: Sequence[str], arrays: bool) -> list[str]:
    return ["import numpy as np", *imports] if arrays else [*imports]
