"""What is known to be wrong with the frameworks' own losses."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from unified_loss.conformance.stored import cases_by_loss

from unified_loss.description import default_plan
from unified_loss.porting.source import NativeCall


def known_defects(call: NativeCall) -> tuple[str, ...]:
    """What is known to be wrong with the framework's own loss, whatever its parameters.

    It is also that of the framework's losses by the same formula, which share the kernel.
    """
    return _defects(framework_of(call.row.native_name)).get(call.plan.spec, ())


def defects_of(name: str) -> tuple[str, ...]:
    """The same of a loss by its native name, with the defaults of its parameters."""
    plan = default_plan(name)
    return () if plan is None else _defects(framework_of(name)).get(plan.spec, ())


def framework_of(name: str) -> str:
    """The package that a native loss is in."""
    return name.partition(".")[0].replace("tf", "tensorflow")


_OF_WEIGHTS = {
    ("paddle", "hierarchical_sigmoid"): "clips the scores of the nodes at -40 and 40 (paddle 3.3.1)",
    ("paddle", "adaptive_log_softmax"): "no log-probability is below -64 (paddle 3.3.1)",
}
"""Those of losses that hold weights, which have no defaults of all parameters to know a formula by."""


@functools.cache
def _defects(framework: str) -> Mapping[str, tuple[str, ...]]:
    """The known defects of the losses of a framework, by the formula."""
    found = {spec: [told] for (whose, spec), told in _OF_WEIGHTS.items() if whose == framework}
    for name, cases in cases_by_loss().items():
        causes = [case.finding.cause for case in cases if case.finding]
        plan = default_plan(name) if causes and framework_of(name) == framework else None
        if plan is not None:
            found.setdefault(plan.spec, []).extend(causes)
    return {spec: tuple(dict.fromkeys(causes)) for spec, causes in found.items()}
