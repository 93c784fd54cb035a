"""What a loss of a framework is: its formula, its plan, and how the losses of others differ."""

from __future__ import annotations

import functools
import inspect
import re
import textwrap
from dataclasses import asdict, dataclass
from typing import Any

from .dialects.functions import DialectFunction
from .differences import Difference, plan_differences
from .naming import native_names, resolve
from .plan import Plan
from .spec import Spec


@dataclass(frozen=True)
class Relative:
    """A loss of another framework that means the same or nearly so.

    Parameters
    ----------
    name : its native name
    differences : what its plan, with default parameters, differs in; empty if in nothing
    """

    name: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Description:
    """A dialect's loss.

    Parameters
    ----------
    name : the native name
    signature : the native signature; of a class, of its constructor and of its call
    summary : the row's own words
    spec : the canonical loss it is lowered to; None where that depends on required parameters
    formula : the formula of that, in LaTeX
    plan : the plan of the default parameters
    parameters : the default of each parameter, ``...`` for a required one
    relatives : the losses of the other frameworks
    """

    name: str
    signature: str
    summary: str
    spec: str | None
    formula: str
    plan: Plan | None
    parameters: dict[str, str]
    relatives: tuple[Relative, ...]

    def to_json(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            **asdict(self),
            "plan": None if self.plan is None else self.plan.to_json(),
            "relatives": [
                {"name": r.name, "differences": [_spelled(d) for d in r.differences]} for r in self.relatives
            ],
        }


def _spelled(difference: Difference) -> dict[str, str]:
    return {
        "field": difference.field,
        "first": repr(difference.first),
        "second": repr(difference.second),
    }


def describe(name: str) -> Description:
    """What a loss of a framework is.

    Parameters
    ----------
    name : its native dotted name; ``tf`` stands for ``tensorflow``

    Returns
    -------
    Description

    Raises
    ------
    ConfigError
        If no dialect has that name.

    Examples
    --------
    >>> from unified_loss.description import describe
    >>> describe("mxnet.gluon.loss.HuberLoss").spec
    'smooth_l1'
    """
    row = resolve(name)
    plan = default_plan(row.native_name)
    spec = None if plan is None else Spec.registry[plan.spec]
    return Description(
        row.native_name,
        _signature(row),
        inspect.getdoc(row) or "",
        None if spec is None else spec.name,
        "" if spec is None else formula_of(spec),
        plan,
        {
            p.name: "..." if p.default is p.empty else repr(p.default)
            for p in inspect.signature(row).parameters.values()
            if not isinstance(row, DialectFunction) or p.name in row.parameters
        },
        _relatives(row.native_name, plan),
    )


def formula_of(spec: Spec) -> str:
    """The formula in a spec's docstring, in LaTeX."""
    found = re.search(r"\.\. math:: (.*?)\n\n", inspect.getdoc(spec) or "", re.DOTALL)
    return textwrap.dedent(f" {found[1]}").strip() if found else ""


@functools.cache
def default_plan(name: str) -> Plan | None:
    """The plan of a row's default parameters; None where they do not say what the loss is."""
    row = resolve(name)
    required = [p for p in inspect.signature(row).parameters.values() if p.default is p.empty]
    if isinstance(row, DialectFunction):
        required = [p for p in required if p.name in row.parameters]
    if required:
        return None
    try:
        plan: Plan = row.plan() if isinstance(row, DialectFunction) else row().plan
    except (TypeError, ValueError):
        # Of several parameters without a meaningful default, one must be given.
        return None
    return plan


def _signature(row: Any) -> str:
    constructor = _unannotated(row)
    if isinstance(row, DialectFunction):
        return f"{row.native_name}{constructor}"
    return f"{row.native_name}{constructor}{_unannotated(row.__call__, skip_self=True)}"


def _unannotated(function: Any, skip_self: bool = False) -> str:
    parameters = list(inspect.signature(function).parameters.values())[skip_self:]
    return str(inspect.Signature([p.replace(annotation=p.empty) for p in parameters]))


@functools.cache
def row_names() -> tuple[str, ...]:
    """The native name of every row of every dialect, the one by which it calls itself."""
    return tuple(dict.fromkeys(resolve(name).native_name for name in native_names()))


def _relatives(name: str, plan: Plan | None) -> tuple[Relative, ...]:
    """Rows of other frameworks with the same spec, or with the same name and another spec."""
    if plan is None:
        return ()
    own, found = name.partition(".")[0], []
    for other in row_names():
        if other.partition(".")[0] == own:
            continue
        theirs = default_plan(other)
        if theirs is not None and (theirs.spec == plan.spec or stem(other) == stem(name)):
            found.append(Relative(other, plan_differences(plan, theirs)))
    return tuple(sorted(found, key=lambda r: len(r.differences)))


def stem(name: str) -> str:
    """The last part of a name, without what frameworks decorate it with."""
    return re.sub(r"_|loss$", "", name.rpartition(".")[2].lower()).removesuffix("loss")
