"""`Draft`: a source's loss in terms of a target's, and what there is between the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from unified_loss.dialects.functions import DialectFunction
from unified_loss.layout import Layout
from unified_loss.naming import Row
from unified_loss.plan import Plan
from unified_loss.spec import Spec

from .equivalents import Equivalent
from .formula import CannotTranslate, NativeFormula, native_formula
from .source import FRAMEWORKS, NativeCall, tensor_arguments
from .steps import parameter_step
from .targets import Target


class CannotAdapt(Exception):
    """No few lines beside the call make the target's loss the source's."""


def outputs_of(row: Row, parameters: Mapping[str, Any]) -> int:
    """How many outputs a loss has."""
    if isinstance(row, DialectFunction):
        plans = row.lower(**{name: value for name, value in parameters.items() if name in row.parameters})
    else:
        plans = row(**parameters).lower()
    return len(plans) if isinstance(plans, tuple) else 1


@dataclass(frozen=True, eq=False)
class Draft:
    """A source's loss in terms of a target's.

    Parameters
    ----------
    source : the call that is ported
    equivalent : its plan, or the same by another formula
    target : the loss of the other framework
    framework : which that is
    """

    source: NativeCall
    equivalent: Equivalent
    target: Target
    framework: str

    @property
    def wanted(self) -> Plan:
        """The plan that is to be computed."""
        return self.equivalent.plan

    @cached_property
    def names(self) -> dict[str, str]:
        """The source's names of the tensors, by role."""
        return {role: name for name, role in self.source.roles.items()}

    @cached_property
    def taken(self) -> dict[str, str]:
        """The target's names of the tensors of its call, by role."""
        row = self.target.row
        if row is None:
            return {role: role for role in self.target.plan.inputs}
        if isinstance(row, DialectFunction):
            return {
                role: native
                for native, role in row.roles.items()
                if isinstance(role, str) and native not in self.target.parameters
            }
        by_role = {native: role for role, native in row.arguments.items()}
        return {by_role.get(name, name): name for name in tensor_arguments(row)}

    @cached_property
    def untold(self) -> tuple[str, ...]:
        """The source's optional arguments that the target cannot be given."""
        roles = [role for role in self.names if role not in self.taken and role != "weight"]
        required = [role for role in roles if self.source.arguments[self.names[role]]]
        if required:
            raise CannotAdapt(f"{self.target.name} takes no {required[0]}")
        return tuple(self.names[role] for role in roles)

    def makes_up_for(self, field: str) -> bool:
        """Whether the program says beside the call what the target's plan has otherwise."""
        part, _, name = field.partition(".")
        if part == "parameters":
            wanted, ours = dict(self.wanted.parameters)[name], dict(self.target.plan.parameters)[name]
            moved = name == "axis" or (name == "keepdims" and self.wanted.reduction.kind != "none")
            return moved or parameter_step(self.wanted.spec, name, wanted, ours) is not None
        # What the target takes beyond the source is no difference of a port.
        return part in ("reduction", "inner", "weighting", "constants", "layouts")

    def layouts_of(self, role: str) -> tuple[Layout, Layout]:
        """How an input comes, as wanted, and as the target takes it."""
        return (
            dict(self.wanted.layouts).get(role, Layout()),
            dict(self.target.plan.layouts).get(role, Layout()),
        )

    @cached_property
    def passes_weight(self) -> bool:
        """Whether the target weights the losses itself."""
        plan, wanted = self.target.plan, self.wanted
        return (
            "weight" in self.names
            and "weight" in self.taken
            and plan.reduction == wanted.reduction
            and plan.inner == wanted.inner
            and plan.weighting.selects == wanted.weighting.selects
        )

    @cached_property
    def masks(self) -> bool:
        """Whether labels are left out beside the call."""
        ours, theirs = self.wanted.weighting.ignored_label, self.target.plan.weighting.ignored_label
        return ours is not None and ours != theirs

    @property
    def takes_distributions(self) -> bool:
        """Whether the source takes distributions of the classes as well as indices of them."""
        target = dict(self.source.plan.layouts).get("target", Layout())
        return target.shape == "index_or_same" and self.target.plan.spec in (
            "cross_entropy",
            "softmax_cross_entropy",
        )

    @property
    def keeps_labels_axis(self) -> bool:
        """Whether the losses keep the axis of size 1 that class indices may come with, and it shows."""
        ours = dict(self.source.plan.layouts).get("target", Layout())
        kept = ours.keeps_axis and not self.layouts_of("target")[1].keeps_axis
        return kept and self.wanted.reduction.kind == "none" and not dict(self.wanted.parameters)["keepdims"]

    @cached_property
    def formula(self) -> NativeFormula:
        """The formula in the framework's own operations, of a target that is one."""
        plan = self.target.plan
        given = [role for role in self.taken if role in self.names or role in dict(plan.constants)]
        optional = [r for r in given if r in self.names and not self.source.arguments[self.names[r]]]
        framework = FRAMEWORKS[self.framework]
        try:
            return native_formula(
                Spec.registry[plan.spec], self.target.parameters, framework, given, optional=optional
            )
        except CannotTranslate as error:
            raise CannotAdapt(str(error)) from error

    @cached_property
    def weighs(self) -> bool:
        """Whether the target gives the weights of the losses too: a formula that weights them itself."""
        return self.target.row is None and self.formula.returns_weight

    @cached_property
    def has_more(self) -> bool:
        """Whether the target gives more than losses, of which they are the first."""
        row = self.target.row
        return row is not None and outputs_of(row, self.target.parameters) > 1

    @cached_property
    def takes_rows(self) -> bool:
        """Whether scores with the classes last, of any rank, are handed over as rows with these at axis 1."""
        ours, theirs = (dict(plan.parameters).get("axis") for plan in (self.wanted, self.target.plan))
        return self.target.row is not None and self.wanted.spec == "nll" and (ours, theirs) == (-1, 1)

    @cached_property
    def left_out(self) -> int:
        """How many outputs the source has beside its losses, which the port has not."""
        return outputs_of(self.source.row, self.source.parameters) - 1

    @cached_property
    def _required(self) -> dict[str, bool]:
        """The target's names of its tensors, each with whether it must be given; none of a formula."""
        return {} if self.target.row is None else tensor_arguments(self.target.row)

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """The lengths that the target must be given, and the source need not be."""
        return tuple(
            role
            for role, native in self.taken.items()
            if role in ("prediction_lengths", "target_lengths")
            and self._required.get(native, False)
            and not self.source.arguments.get(self.names.get(role, ""), False)
        )

    @cached_property
    def reduces(self) -> bool:
        """Whether the target's own reduction is the wanted one, and needs nothing after it."""
        plan, wanted = self.target.plan, self.wanted
        return (
            plan.reduction == wanted.reduction
            and plan.inner == wanted.inner
            and not self.masks
            and not self.lacking
            and ("weight" not in self.names or self.passes_weight)
        )

    @cached_property
    def narrowed(self) -> tuple[str, ...]:
        """The inputs that the source computes in float32, whatever they come in, and the target does not."""
        if self.wanted.dtype != "float32" or self.target.plan.dtype == "float32":
            return ()
        layouts = dict(self.source.plan.layouts)
        return tuple(
            role
            for role in self.names
            if role == "weight" or not (layouts[role].index or layouts[role].shape.startswith("index"))
        )

    @property
    def narrows(self) -> bool:
        """Whether the target computes in float32, whatever comes, and the source does not."""
        return self.target.plan.dtype not in (None, self.wanted.dtype)

    @cached_property
    def zeros(self) -> tuple[str, ...]:
        """The inputs that are 0 where the source is not given them, and that the target must be given."""
        optional = {role for name, role in self.source.roles.items() if not self.source.arguments[name]}
        name = self.taken.get("target", "")
        return ("target",) if "target" in optional and self._required.get(name) else ()

    @cached_property
    def lacking(self) -> tuple[str, ...]:
        """The constants that the target was not given."""
        given = {role for role, _ in self.target.plan.constants}
        return tuple(role for role, _ in self.wanted.constants if role not in given)

    @cached_property
    def means_only(self) -> bool:
        """Whether a mean of the target's means is all that is wanted."""
        wanted = self.wanted
        return (
            wanted.reduction.kind in ("mean", "weighted_mean", "nonzero_mean")
            and wanted.reduction.kept_axis is None
            and wanted.reduction.axis is None
            and "weight" not in self.names
            and not self.masks
            and not wanted.constants
        )

    @cached_property
    def only_reduces(self) -> bool:
        """Whether nothing is done to the losses but that they are reduced."""
        return "weight" not in self.names and not self.masks and not self.lacking
