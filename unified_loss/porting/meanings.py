"""What a field of a plan means, in the words of the class or the formula that it belongs to."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Mapping
from typing import Any

from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction
from unified_loss.spec import Spec
from unified_loss.weighting import Weighting

_CLASSES = {"layouts": Layout, "weighting": Weighting, "reduction": Reduction, "inner": Reduction}
_CHOICES = {
    "kind": "how the losses become the result",
    "shape": "the shape that is expected",
    "out_of_range": "what an index that is no class does",
    "broadcast": "which shapes a weight may have",
    "over_nothing": "what a mean over nothing is",
    "spec": "the formula",
}
"""Of the fields that are one of many words, what they choose; what the words mean, their class says."""

_ENTRY = re.compile(r"^(?P<names>\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: : (?P<text>.*))?$")


def meaning_of(field: str, *specs: str) -> str:
    """What a field says, as one sentence.

    Parameters
    ----------
    field : where in the plan, as `plan_differences` names it
    *specs : the names of the formulas whose parameter it may be

    Returns
    -------
    str
        Empty where nothing describes it.

    Examples
    --------
    >>> from unified_loss.porting.meanings import meaning_of
    >>> meaning_of("parameters.log_floor", "binary_cross_entropy")
    'the least value of either logarithm; None for no floor'
    """
    head, _, rest = field.partition(".")
    if head == "parameters":
        described = (_parameters(Spec.registry[spec]).get(rest, "") for spec in specs)
        return next(filter(None, described), "")
    owner = _CLASSES.get(head, Plan)
    name = rest.rpartition(".")[2] if rest else head
    # What a class says at length begins with what it is.
    said = re.split(r"(?<!e\.g)\.(?:\s|$)", _parameters(owner).get(name, ""))[0]
    return _CHOICES.get(name) or said


def in_words(field: str, first: Any, second: Any, *specs: str) -> str:
    """The difference of two plans in a field, as one sentence; the arguments are as of `meaning_of`."""
    meaning = meaning_of(field, *specs)
    asked = meaning.lower().startswith("whether")
    values = [("yes" if value else "no") if asked else _shown(value) for value in (first, second)]
    where = "within each sample, " if field.startswith("inner.") else ""
    return f"{where}{meaning[:1].lower()}{meaning[1:]}: {values[0]} against {values[1]}"


def _shown(value: Any) -> str:
    return value.replace("_", " ") if isinstance(value, str) else repr(value)


@functools.cache
def _parameters(documented: Any) -> Mapping[str, str]:
    """What a docstring says of each parameter."""
    found: dict[str, str] = {}
    names: list[str] = []
    section = re.split(r"\n\n?Returns\n", (inspect.getdoc(documented) or "").partition("Parameters\n---")[2])
    for line in section[0].splitlines()[1:]:
        entry = _ENTRY.match(line)
        if entry:
            names = entry["names"].split(", ")
            found |= dict.fromkeys(names, entry["text"] or "")
        elif line.startswith(" "):
            for name in names:
                found[name] = f"{found[name]} {line.strip()}".strip()
        elif line and not set(line) <= {"-"}:
            break
    return {name: _plain(text) for name, text in found.items()}


def _plain(text: str) -> str:
    """Without the markup, and LaTeX as one says it."""
    formulas = re.sub(r":math:`([^`]*)`", lambda found: found[1].replace("\\", ""), text)
    return formulas.replace("`", "")
