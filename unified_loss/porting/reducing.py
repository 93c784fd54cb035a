"""What a port does to the losses, after the call of the target's loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from unified_loss.layout import Layout

from .draft import CannotAdapt, Draft
from .phrases import Phrasebook


def lines_after(draft: Draft, book: Phrasebook, unreduced: bool) -> list[str]:
    """The losses masked, weighted, reduced and shaped."""
    wanted, plan, lines = draft.wanted, draft.target.plan, []
    scale = wanted.weighting.scale / plan.weighting.scale if plan.weighting.scale else 0.0
    wanted_axes, axes = dict(wanted.parameters), dict(plan.parameters)
    if draft.masks and axes.get("keepdims"):
        lines.append(f"valid = {book.say('insert', x='valid', axis=axes['axis'])}")
    if draft.masks:
        lines.append(f"losses = {book.say('where', c='valid', x='losses', y='0.0')}")
    weights = "weights" if draft.weighs else ""
    if weights and draft.masks:
        lines.append(f"weights = {book.say('where', c='valid', x='weights', y='0.0')}")
    if "class_weight" in draft.lacking:
        value = np.asarray(dict(wanted.constants)["class_weight"].tensor).tolist()
        label = draft.names.get("target", "target")
        weights = "weights"
        lines.append(f"weights = {book.say('take', x=book.array(value), i=label)}")
        if draft.masks:
            lines.append(f"weights = {book.say('where', c='valid', x='weights', y='0.0')}")
        lines.append("losses = losses * weights")
    elif draft.lacking:
        raise CannotAdapt(f"{draft.target.name} takes no {draft.lacking[0]}")
    if wanted_axes.get("keepdims") and not axes["keepdims"] and _keeps_axis(draft):
        lines.append(f"losses = {book.say('insert', x='losses', axis=wanted_axes['axis'])}")
    simple = draft.reduces or (
        not unreduced
        and plan.reduction.kind == wanted.reduction.kind != "none"
        and draft.only_reduces
        and plan.reduction.kept_axis == wanted.reduction.kept_axis
        and plan.reduction.axis == wanted.reduction.axis
        and plan.reduction.counts_ignored == wanted.reduction.counts_ignored
    )
    if scale != 1.0:
        lines.append(f"losses = losses * {scale!r}")
    if not simple:
        lines += _reduced(draft, book, weights)
    if draft.keeps_labels_axis:
        kept = book.say("insert", x="losses", axis=wanted_axes["axis"])
        lines.append(f"losses = {kept} if kept else losses")
    if wanted.reduction.shape is not None and plan.reduction.shape != wanted.reduction.shape:
        lines.append(f"losses = {book.say('shaped', x='losses', shape=wanted.reduction.shape)}")
    return lines


def _keeps_axis(draft: Draft) -> bool:
    """Whether it shows that the source keeps the axis of the classes, with size 1."""
    return "weight" in draft.names or draft.wanted.reduction.kind == "none"


def _reduced(draft: Draft, book: Phrasebook, weights: str) -> list[str]:
    wanted, lines = draft.wanted, []
    if wanted.inner.kind != "none" and draft.target.plan.inner != wanted.inner:
        phrase = "last_mean" if wanted.inner.kind == "mean" else "last_sum"
        lines.append(f"losses = {book.say(phrase, x='losses')}")
    weight = draft.names.get("weight")
    if weight is not None and not draft.passes_weight:
        given = (
            f"losses * {weight}"
            if not wanted.weighting.selects
            else book.say("where", c=book.say("nonzero", x=weight), x="losses", y="0.0")
        )
        weighted = [f"losses = {given}"]
        if wanted.weighting.broadcast == "mutual":
            weighted.insert(0, f"losses, {weight} = level_ranks(losses, {weight})")
        if wanted.weighting.squeezes:
            shapes = book.say("shape", x=weight), book.say("shape", x="losses")
            fewer = f"{book.say('drop', x=weight)} if len({shapes[0]}) > len({shapes[1]}) else {weight}"
            weighted.insert(0, f"{weight} = {fewer}")
        if draft.source.arguments[weight]:
            lines += weighted
        else:
            lines += [f"if {weight} is not None:", *(f"    {line}" for line in weighted)]
    lines += _mean(draft, book, weights, weight)
    return lines


def _mean(draft: Draft, book: Phrasebook, weights: str, weight: str | None) -> list[str]:
    """The losses reduced."""
    reduction = draft.wanted.reduction
    kind = reduction.kind
    if kind == "none":
        return []
    if reduction.axis == -1 and kind in ("mean", "sum"):
        return [f"losses = {book.say(f'last_{kind}', x='losses')}"]
    if reduction.axis is not None:
        raise CannotAdapt(f"a reduction over axis {reduction.axis}")
    if isinstance(reduction.kept_axis, int) and kind in ("mean", "sum"):
        moved = book.say("moveaxis", x="losses", a=reduction.kept_axis, b=0)
        lines = [] if reduction.kept_axis == 0 else [f"losses = {moved}"]
        return [*lines, f"losses = {book.say(f'sample_{kind}s', x='losses')}"]
    if reduction.kept_axis is not None:
        raise CannotAdapt(f"a reduction that keeps the axes {reduction.kept_axis}")
    if kind in _WHOLE:
        return [f"losses = {_WHOLE[kind](book)}"]
    return _counted_mean(draft, book, weights, weight)


_WHOLE: dict[str, Callable[[Phrasebook], str]] = {
    "mean": lambda book: book.say("mean", x="losses"),
    "sum": lambda book: book.say("sum", x="losses"),
    "root_mean": lambda book: book.say("sqrt", x=book.say("mean", x="losses")),
    "batch_mean": lambda book: f"{book.say('sum', x='losses')} / {book.say('size', x='losses', axis=0)}",
}
"""The reductions that need nothing but the losses."""


def _counted_mean(draft: Draft, book: Phrasebook, weights: str, weight: str | None) -> list[str]:
    """A mean by a denominator of its own: the weights, or how many there are of something."""
    kind, total = draft.wanted.reduction.kind, book.say("sum", x="losses")
    if draft.wanted.reduction.counts_ignored and not weights and weight is None:
        return [f"losses = {book.say('mean', x='losses')}"]
    if kind == "valid_mean" and draft.masks:
        return [f"losses = {total} / {book.say('sum', x=book.say('floating', x='valid', y='losses'))}"]
    if kind in ("weighted_mean", "valid_mean") and (draft.masks or weights) and weight is None:
        by_weights = weights and kind == "weighted_mean"
        counted = weights if by_weights else book.say("floating", x="valid", y="losses")
        return [f"losses = {total} / {book.say('sum', x=counted)}"]
    if kind == "total_weight" or draft.masks or weights:
        raise CannotAdapt(f"a mean of the kind {kind}")
    mean = book.say("mean", x="losses")
    if weight is None:
        return [f"losses = {mean}"]
    each = f"{weight} * {book.say('ones', x='losses')}"
    if kind == "nonzero_mean":
        counted = book.say("sum", x=book.say("floating", x=f"({book.say('nonzero', x=each)})", y="losses"))
        counted = book.say("clip", x=counted, low=1, high='float("inf")')
    elif kind == "weighted_mean":
        counted = book.say("sum", x=f"({each})")
    else:
        raise CannotAdapt(f"a mean of the kind {kind} of weighted losses")
    divided = f"losses = {total} / {counted}"
    if draft.source.arguments[weight]:
        return [divided]
    return [f"if {weight} is None:", f"    return {mean}", divided]


def rows_last(draft: Draft, book: Phrasebook) -> list[str]:
    """The vectors along the last axis, where they are handed over as rows and are along another."""
    first, axis = draft.source.plan.inputs[0], dict(draft.target.plan.parameters).get("axis", -1)
    trick, _ = unreduced(draft, book)
    if draft.takes_rows or axis == -1 or trick.get(first) != book.say("rows", x=draft.names[first]):
        return []
    return [f"{draft.names[first]} = {book.say('moveaxis', x=draft.names[first], a=axis, b=-1)}"]


def unreduced(draft: Draft, book: Phrasebook) -> tuple[dict[str, str], str]:
    """Inputs of which the target gives unreduced losses, by role, and how these get their shape back."""
    found = _unreduced(draft, book)
    if not draft.takes_rows:
        return found
    x = draft.names["prediction"]
    trick = {"prediction": book.say("rows", x=x), "target": book.say("vector", x=draft.names["target"])}
    whole = draft.target.plan.reduction.kind != "none"
    shape = f"{book.say('shape', x=x)}[:-1]"
    return trick, "" if whole else book.say("shaped", x="losses", shape=shape)


def _unreduced(draft: Draft, book: Phrasebook) -> tuple[dict[str, str], str]:
    plan = draft.target.plan
    if draft.reduces:
        return {}, ""
    inner = plan.inner.kind != "none" and plan.inner != draft.wanted.inner
    last = plan.reduction.axis == -1
    kept = plan.reduction.kept_axis == 0 and plan.reduction.kind in ("mean", "sum")
    if not (inner or last or kept):
        if plan.reduction.kind != "none":
            whole = plan.reduction.kept_axis is None and plan.reduction.axis is None
            if whole and plan.reduction.kind == draft.wanted.reduction.kind and draft.only_reduces:
                return {}, ""
            raise CannotAdapt(f"{draft.target.name} gives no unreduced losses")
        return {}, ""
    if draft.means_only and (inner or kept) and plan.reduction.kind in ("none", "mean"):
        return {}, ""
    first = draft.source.plan.inputs[0]
    target = dict(plan.layouts).get("target", Layout())
    if inner or last:
        same = {r: book.say("expand", x=n) for r, n in draft.names.items() if r != "weight"}
        return {r: v for r, v in same.items() if r in draft.taken}, ""
    if target.index:
        trick = {
            first: book.say("rows", x=draft.names[first]),
            "target": book.say("vector", x=draft.names["target"]),
        }
        return trick, book.say("like", x="losses", y=draft.names["target"])
    trick = {
        r: book.say("elements", x=n) for r, n in draft.names.items() if r != "weight" and r in draft.taken
    }
    return trick, book.say("like", x="losses", y=draft.names[first])
