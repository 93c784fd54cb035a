"""A port as a program: the call of the target's loss, and what is done before and after it."""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from unified_loss.dialects.functions import DialectFunction
from unified_loss.layout import Layout
from unified_loss.plan import Plan

from .equivalents import Equivalent
from .phrases import PHRASEBOOKS, Phrasebook
from .source import FRAMEWORKS, NativeCall, spelled, tensor_arguments
from .steps import parameter_step
from .targets import Target


class CannotAdapt(Exception):
    """No few lines beside the call make the target's loss the source's."""


@dataclass(frozen=True)
class Program:
    """Python that defines a loss.

    Parameters
    ----------
    imports : the import statements
    setup : the definition of the function `loss`; empty where `expression` is a loss by itself
    expression : what is the loss
    """

    imports: tuple[str, ...]
    setup: str
    expression: str


@dataclass(frozen=True, eq=False)
class Draft:
    """A source's loss in terms of a target's.

    Parameters
    ----------
    source : the call that is ported
    equivalent : its plan, or the same by another formula
    target : the loss of the other framework
    """

    source: NativeCall
    equivalent: Equivalent
    target: Target

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
            raise CannotAdapt(f"{self.target.row.native_name} takes no {required[0]}")
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

    # ------------------------------------------------------------------------- programs

    def native(self) -> Program:
        """The program in the target's framework."""
        name = self.target.row.native_name
        head = name.partition(".")[0]
        book = PHRASEBOOKS[FRAMEWORKS[head]]
        imported = {"tf": "import tensorflow as tf", "mxnet": "import mxnet as mx"}.get(head, f"import {head}")
        called = "mx." + name.partition(".")[2] if head == "mxnet" else name
        program = self._program(book, called)
        text = program.setup + program.expression
        imports = {imported}
        if f"{book.imports.rpartition(' ')[2]}." in text:
            imports.add(book.imports)
        if "jax.nn." in text or "jax.lax." in text:
            imports.add("import jax")
        if "functools." in text:
            imports.add("import functools")
        return Program(tuple(sorted(imports)), program.setup, program.expression)

    def on_any_backend(self) -> Program:
        """The same in terms of this library's ops and dialect, in which it can be tried anywhere."""
        return self._program(PHRASEBOOKS["ops"], f"resolve({self.target.row.native_name!r})")

    def _program(self, book: Phrasebook, called: str) -> Program:
        parameters = {
            n: book.array(np.asarray(v).tolist()) if hasattr(v, "shape") else spelled(v)
            for n, v in self.target.parameters.items()
        }
        given = ", ".join(f"{n}={v}" for n, v in parameters.items())
        is_function = isinstance(self.target.row, DialectFunction)
        before, arguments, after = self._body(book)
        optional = self._passed_on()
        if not before and not after and self._same_order(optional):
            if not is_function:
                return Program((), "", f"{called}({given})")
            return Program((), "", f"functools.partial({called}, {given})" if given else called)
        made, setup = called, ""
        if not is_function:
            made = _variable(self.target.row.__name__, set(self.names.values()))
            setup = f"{made} = {called}({given})\n\n\n"
        spelled_arguments = [*arguments, *(f"{n}={v}" for n, v in parameters.items() if is_function)]
        call = f"{made}({', '.join(spelled_arguments)})"
        lines = [*before, f"losses = {call}", *after]
        if after and after[-1].startswith("losses = "):
            lines = [*lines[:-1], f"return {after[-1].removeprefix('losses = ')}"]
        elif not after:
            lines = [*before, f"return {call}"]
        else:
            lines.append("return losses")
        body = "".join(f"    {line}\n" for line in lines)
        return Program((), f"{setup}def loss({self.source.signature}):\n{body}", "loss")

    def _same_order(self, optional: bool) -> bool:
        """Whether the target's loss can stand for the source's: its tensors come in the same order."""
        mine = [role for role in self.source.roles.values() if role in self.taken or role == "weight"]
        required = [n for n in self.source.arguments.values() if n]
        if len(mine) > len(required) and not optional:
            # Optional tensors, which it would be given at other positions.
            mine = mine[: len(required)] if self.source.given is not None else mine
        if self.untold:
            return False
        theirs = list(self.taken)
        return theirs[: len(mine)] == mine and "weight" not in mine[len(theirs) :]

    def _passed_on(self) -> bool:
        """Whether the target weights the losses itself."""
        plan, wanted = self.target.plan, self.wanted
        return (
            "weight" in self.names
            and "weight" in self.taken
            and plan.reduction == wanted.reduction
            and plan.inner == wanted.inner
            and plan.weighting.selects == wanted.weighting.selects
        )

    # ----------------------------------------------------------------------------- body

    def _body(self, book: Phrasebook) -> tuple[list[str], list[str], list[str]]:
        """The lines before the call, its arguments, and the lines after it."""
        values = dict(self.names)
        values["axis"] = repr(dict(self.target.plan.parameters).get("axis", -1))
        before: list[str] = []

        def assign(role: str, value: str) -> None:
            before.append(f"{self.names[role]} = {value}")

        for role, value in self._arranged(book):
            assign(role, value)
        masked = self._masked()
        if masked:
            x, ignored = self.names["target"], self.wanted.weighting.ignored_label
            before.append(f"valid = {x} != {ignored}")
            assign("target", book.say("where", c="valid", x=x, y="0"))
        for role, value in self._moved(book):
            assign(role, value)
        values["classes"] = book.say("size", x=self.names.get("prediction", ""), axis=values["axis"])
        for role, phrase, arguments in self.equivalent.steps:
            given = {k: values.get(v, v) for k, v in arguments.items()}
            if phrase == "one_hot":
                label = self.names[role]
                assign(role, book.say("one_hot", x=book.say("integer", x=label), y=self.names["prediction"], **given))
                continue
            assign(role, book.say(phrase, x=self.names[role], **given))
        for role, value in self._by_parameters(book, values):
            assign(role, value)
        trick, undo = self._unreduced(book)
        shown = []
        for role, native in self.taken.items():
            name = self.names.get(role)
            if name is None or (role == "weight" and not self._passed_on()):
                continue
            value = trick.get(role, name)
            follows = len(shown) < len(self.taken) and all("=" not in s for s in shown)
            position = list(self.taken).index(role)
            shown.append(value if follows and position == len(shown) else f"{native}={value}")
        after = [f"losses = {undo}"] if undo else []
        after += self._finished(book, masked, bool(undo))
        return before, shown, after

    def _layouts(self, role: str) -> tuple[Layout, Layout]:
        return (
            dict(self.wanted.layouts).get(role, Layout()),
            dict(self.target.plan.layouts).get(role, Layout()),
        )

    def _arranged(self, book: Phrasebook) -> Iterator[tuple[str, str]]:
        """The inputs brought to the form that the target takes."""
        first = self.names[self.source.plan.inputs[0]]
        given, axis = dict(self.source.plan.layouts), dict(self.wanted.parameters).get("axis", -1)
        for role, x in self.names.items():
            if role == "weight" or role not in given:
                continue
            # What comes is as the source has it, also where the equivalent formula reads another form.
            ours, (_, theirs) = given[role], self._layouts(role)
            if ours.axes and theirs.axes and ours.axes != theirs.axes and sorted(ours.axes) == sorted(theirs.axes):
                yield role, book.say("moveaxis", x=x, a=0, b=1)
            if ours.any_shape and not theirs.any_shape and x != first:
                if ours.index or ours.shape == "without_axis":
                    shape = _without(book.say("shape", x=first), axis)
                    yield role, book.say("shaped", x=x, shape=shape)
                else:
                    yield role, book.say("like", x=x, y=first)
            if ours.index and ours.any_dtype and (not theirs.any_dtype or self.equivalent.steps):
                yield role, book.say("integer", x=x)
            if ours.index and ours.out_of_range == "clip" and theirs.out_of_range != "clip":
                yield role, book.say("clip", x=x, low=0, high=f"{book.say('size', x=first, axis=axis)} - 1")
            wanted = self._layouts(role)[0]
            if (wanted.signed and not theirs.signed) or (theirs.binary and not wanted.binary):
                yield role, f"({x} + 1) / 2"
            if (theirs.signed and not wanted.signed) or (wanted.binary and not theirs.binary):
                yield role, f"2 * {x} - 1"
            if ours.detached and not theirs.detached:
                yield role, book.say("detached", x=x)

    def _masked(self) -> bool:
        """Whether labels are left out beside the call."""
        ours, theirs = self.wanted.weighting.ignored_label, self.target.plan.weighting.ignored_label
        return ours is not None and ours != theirs

    def _moved(self, book: Phrasebook) -> Iterator[tuple[str, str]]:
        """The axis of the classes, or of the vectors, where the target has it."""
        ours = dict(self.wanted.parameters).get("axis")
        theirs = dict(self.target.plan.parameters).get("axis")
        if not isinstance(ours, int) or not isinstance(theirs, int) or ours == theirs:
            return
        for role, x in self.names.items():
            layout = dict(self.source.plan.layouts).get(role)
            if role != "weight" and layout is not None and (role == self.source.plan.inputs[0] or (layout.shape in ("same", "mutual") and not layout.index)):
                yield role, book.say("moveaxis", x=x, a=ours, b=theirs)

    def _by_parameters(self, book: Phrasebook, values: dict[str, str]) -> Iterator[tuple[str, str]]:
        theirs = dict(self.target.plan.parameters)
        for name, wanted in self.wanted.parameters:
            if theirs[name] == wanted:
                continue
            step = parameter_step(self.wanted.spec, name, wanted, theirs[name])
            if step is not None and step.role in self.names:
                yield step.role, step.say(book, self.names[step.role], values, wanted)

    # ------------------------------------------------------------------------- reduction

    @cached_property
    def _reduces(self) -> bool:
        """Whether the target's own reduction is the wanted one, and needs nothing after it."""
        plan, wanted = self.target.plan, self.wanted
        return (
            plan.reduction == wanted.reduction
            and plan.inner == wanted.inner
            and not self._masked()
            and not self._lacking
            and ("weight" not in self.names or self._passed_on())
        )

    @cached_property
    def _lacking(self) -> tuple[str, ...]:
        """The constants that the target was not given."""
        given = {role for role, _ in self.target.plan.constants}
        return tuple(role for role, _ in self.wanted.constants if role not in given)

    @cached_property
    def _means_only(self) -> bool:
        """Whether a mean of the target's means is all that is wanted."""
        wanted = self.wanted
        return (
            wanted.reduction.kind in ("mean", "weighted_mean", "nonzero_mean")
            and wanted.reduction.kept_axis is None
            and wanted.reduction.axis is None
            and "weight" not in self.names
            and not self._masked()
            and not wanted.constants
        )

    def _unreduced(self, book: Phrasebook) -> tuple[dict[str, str], str]:
        """Inputs of which the target gives unreduced losses, by role, and how these get their shape back."""
        plan = self.target.plan
        if self._reduces:
            return {}, ""
        inner = plan.inner.kind != "none" and plan.inner != self.wanted.inner
        last = plan.reduction.axis == -1
        kept = plan.reduction.kept_axis == 0 and plan.reduction.kind in ("mean", "sum")
        if not (inner or last or kept):
            if plan.reduction.kind != "none":
                whole = plan.reduction.kept_axis is None and plan.reduction.axis is None
                if whole and plan.reduction.kind == self.wanted.reduction.kind and self._simple_whole():
                    return {}, ""
                raise CannotAdapt(f"{self.target.row.native_name} gives no unreduced losses")
            return {}, ""
        if self._means_only and (inner or kept) and plan.reduction.kind in ("none", "mean"):
            return {}, ""
        first = self.source.plan.inputs[0]
        target = dict(plan.layouts).get("target", Layout())
        if inner or last:
            same = {r: book.say("expand", x=n) for r, n in self.names.items() if r != "weight"}
            return {r: v for r, v in same.items() if r in self.taken}, ""
        if target.index:
            trick = {
                first: book.say("rows", x=self.names[first]),
                "target": book.say("vector", x=self.names["target"]),
            }
            return trick, book.say("like", x="losses", y=self.names["target"])
        trick = {r: book.say("elements", x=n) for r, n in self.names.items() if r != "weight" and r in self.taken}
        return trick, book.say("like", x="losses", y=self.names[first])

    def _simple_whole(self) -> bool:
        return "weight" not in self.names and not self._masked() and not self._lacking

    def _finished(self, book: Phrasebook, masked: bool, unreduced: bool) -> list[str]:
        """The losses masked, weighted, reduced and shaped."""
        wanted, plan, lines = self.wanted, self.target.plan, []
        scale = wanted.weighting.scale / plan.weighting.scale if plan.weighting.scale else 0.0
        if masked:
            lines.append(f"losses = {book.say('where', c='valid', x='losses', y='0.0')}")
        weights = ""
        if "class_weight" in self._lacking:
            value = np.asarray(dict(wanted.constants)["class_weight"].tensor).tolist()
            label = self.names.get("target", "target")
            weights = "weights"
            lines.append(f"weights = {book.say('take', x=book.array(value), i=label)}")
            if masked:
                lines.append(f"weights = {book.say('where', c='valid', x='weights', y='0.0')}")
            lines.append("losses = losses * weights")
        elif self._lacking:
            raise CannotAdapt(f"{self.target.row.native_name} takes no {self._lacking[0]}")
        simple = self._reduces or (
            not unreduced and plan.reduction.kind == wanted.reduction.kind != "none" and self._simple_whole()
            and plan.reduction.kept_axis == wanted.reduction.kept_axis and plan.reduction.axis == wanted.reduction.axis
        )
        if scale != 1.0:
            lines.append(f"losses = losses * {scale!r}")
        if not simple:
            lines += self._reduced(book, masked, weights, unreduced)
        if wanted.reduction.shape is not None and plan.reduction.shape != wanted.reduction.shape:
            lines.append(f"losses = {book.say('shaped', x='losses', shape=wanted.reduction.shape)}")
        return lines

    def _reduced(self, book: Phrasebook, masked: bool, weights: str, unreduced: bool) -> list[str]:
        wanted, lines = self.wanted, []
        if wanted.inner.kind != "none" and self.target.plan.inner != wanted.inner:
            phrase = "last_mean" if wanted.inner.kind == "mean" else "last_sum"
            lines.append(f"losses = {book.say(phrase, x='losses')}")
        weight = self.names.get("weight")
        if weight is not None and not self._passed_on():
            given = f"losses * {weight}" if not wanted.weighting.selects else book.say("where", c=f"{weight} != 0", x="losses", y="0.0")
            optional = not self.source.arguments[weight]
            if optional:
                lines.append(f"if {weight} is not None:")
                lines.append(f"    losses = {given}")
            else:
                lines.append(f"losses = {given}")
        lines += self._mean(book, masked, weights, weight)
        return lines

    def _mean(self, book: Phrasebook, masked: bool, weights: str, weight: str | None) -> list[str]:
        reduction = self.wanted.reduction
        kind, x = reduction.kind, "losses"
        if kind == "none":
            return []
        if reduction.axis == -1 and kind in ("mean", "sum"):
            return [f"losses = {book.say(f'last_{kind}', x=x)}"]
        if reduction.axis is not None:
            raise CannotAdapt(f"a reduction over axis {reduction.axis}")
        if isinstance(reduction.kept_axis, int) and kind in ("mean", "sum"):
            lines = []
            if reduction.kept_axis != 0:
                lines = [f"losses = {book.say('moveaxis', x=x, a=reduction.kept_axis, b=0)}"]
            return [*lines, f"losses = {book.say(f'sample_{kind}s', x=x)}"]
        if reduction.kept_axis is not None:
            raise CannotAdapt(f"a reduction that keeps the axes {reduction.kept_axis}")
        if kind in ("mean", "sum"):
            return [f"losses = {book.say(kind, x=x)}"]
        if kind == "root_mean":
            return [f"losses = {book.say('sqrt', x=book.say('mean', x=x))}"]
        if kind == "batch_mean":
            return [f"losses = {book.say('sum', x=x)} / {book.say('size', x=x, axis=0)}"]
        total = book.say("sum", x=x)
        if kind in ("weighted_mean", "valid_mean") and (masked or weights) and weight is None:
            counted = weights if weights and kind == "weighted_mean" else book.say("floating", x="valid", y=x)
            return [f"losses = {total} / {book.say('sum', x=counted)}"]
        if kind in ("weighted_mean", "valid_mean", "nonzero_mean", "given_weight_mean") and not masked and not weights:
            mean = f"losses = {book.say('mean', x=x)}"
            if weight is None:
                return [mean]
            counted = f"{weight} * {book.say('ones', x=x)}"
            if kind == "nonzero_mean":
                counted = book.say("floating", x=f"({counted} != 0)", y=x)
            elif kind != "weighted_mean":
                raise CannotAdapt(f"a mean of the kind {kind} of weighted losses")
            divided = f"losses = {total} / {book.say('sum', x=f'({counted})')}"
            if self.source.arguments[weight]:
                return [divided]
            return [f"if {weight} is None:", f"    return {book.say('mean', x=x)}", divided]
        raise CannotAdapt(f"a mean of the kind {kind}")


def _without(shape: str, axis: int) -> str:
    """A shape without one of its axes."""
    return f"{shape}[:-1]" if axis == -1 else f"{shape}[:{axis}] + {shape}[{axis + 1}:]"


def _variable(name: str, taken: set[str]) -> str:
    """A variable for a loss of a class of this name."""
    found = "".join(f"_{c.lower()}" if c.isupper() and i and not name[i - 1].isupper() else c.lower() for i, c in enumerate(name))
    while found in taken or keyword.iskeyword(found) or found == "loss":
        found += "_"
    return found
