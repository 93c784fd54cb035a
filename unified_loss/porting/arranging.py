"""What a port does to its inputs, before the call of the target's loss."""

from __future__ import annotations

from collections.abc import Iterator

from unified_loss.layout import Layout

from .draft import Draft
from .matching import encodings
from .phrases import Phrasebook
from .steps import parameter_step


def lines_before(draft: Draft, book: Phrasebook) -> list[str]:
    """What is done to the inputs before the call."""
    values = dict(draft.names)
    values["axis"] = "-1" if draft.takes_rows else repr(dict(draft.target.plan.parameters).get("axis", -1))
    before: list[str] = []

    def assign(role: str, value: str) -> None:
        name = draft.names[role]
        if draft.source.arguments[name]:
            before.append(f"{name} = {value}")
        else:
            before.extend([f"if {name} is not None:", f"    {name} = {value}"])

    before += _batched(draft, book)
    for role in draft.zeros:
        name, first = draft.names[role], draft.names[draft.source.plan.inputs[0]]
        before += [f"if {name} is None:", f"    {name} = {book.say('zeros', x=first)}"]
    before += _without_surplus_axis(draft, book)
    for role in draft.narrowed:
        assign(role, book.say("single", x=draft.names[role]))
    for role, value in _arranged(draft, book):
        assign(role, value)
    for role in _levelled(draft):
        a, b = draft.names[draft.source.plan.inputs[0]], draft.names[role]
        before.append(f"{a}, {b} = level_ranks({a}, {b})")
    for role in _broadcast(draft):
        a, b = draft.names[draft.source.plan.inputs[0]], draft.names[role]
        zeros = book.say("zeros", x=a), book.say("zeros", x=b)
        before.append(f"{a}, {b} = {a} + {zeros[1]}, {b} + {zeros[0]}")
    before += _masked(draft, book)
    for role, value in _moved(draft, book):
        assign(role, value)
    values["classes"] = book.say("size", x=draft.names.get("prediction", ""), axis=values["axis"])
    for role, phrase, arguments in draft.equivalent.steps:
        given = {k: values.get(v, v) for k, v in arguments.items()}
        if phrase == "one_hot":
            given["y"] = draft.names["prediction"]
        value = book.say(phrase, x=draft.names[role], **given)
        theirs = dict(draft.target.plan.parameters).get("axis", -1)
        if phrase == "one_hot" and theirs != -1:
            value = book.say("moveaxis", x=value, a=-1, b=theirs)
        if phrase == "one_hot" and draft.takes_distributions:
            axes = _axes(draft)
            other = draft.names[role] if axes is None else book.say("moveaxis", x=draft.names[role], **axes)
            value = f"{value} if indices else {other}"
        assign(role, value)
    for role, value in _by_parameters(draft, book, values):
        assign(role, value)
    before += _lengths(draft, book)
    return before


def _lengths(draft: Draft, book: Phrasebook) -> Iterator[str]:
    """The lengths of whole sequences, where the source takes them for whole."""
    prediction, target = draft.names.get("prediction", ""), draft.names.get("target", "")
    time_first = (draft.layouts_of("prediction")[1].axes or "TNC").startswith("T")
    for role in draft.needed:
        size = [book.say("size", x=prediction, axis=i) for i in (0, 1)]
        frames, batch = size if time_first else size[::-1]
        value = book.say("lengths", n=batch, value=frames)
        if role == "target_lengths":
            padding = dict(draft.wanted.parameters).get("padding", -1)
            value = book.say("counted", x=target, value=padding)
        if role not in draft.names:
            yield f"{role} = {value}"
        else:
            yield f"if {draft.names[role]} is None:"
            yield f"    {draft.names[role]} = {value}"


def _batched(draft: Draft, book: Phrasebook) -> list[str]:
    """One sample as a batch of one, where the target takes no sample alone."""
    plan, first = draft.source.plan, draft.names[draft.source.plan.inputs[0]]
    whole = draft.wanted.reduction.kind != "none" and draft.wanted.reduction.kept_axis is None
    optional = [name for name, required in draft.source.arguments.items() if not required]
    if plan.unbatched in (None, draft.target.plan.unbatched) or not whole or optional:
        return []
    layouts = dict(plan.layouts)
    batch = {name: (layouts[role].axes or "N").index("N") for role, name in draft.names.items()}
    values = [book.say("insert", x=name, axis=axis) for name, axis in batch.items()]
    assigned = [f"    {name} = {value}" for name, value in zip(batch, values, strict=True)]
    return [f"if len({book.say('shape', x=first)}) == {plan.unbatched}:", *assigned]


def _without_surplus_axis(draft: Draft, book: Phrasebook) -> list[str]:
    """Class indices without the axis of the classes, with which they may come, and be of size 1 there."""
    ours = dict(draft.source.plan.layouts).get("target", Layout())
    theirs = draft.layouts_of("target")[1]
    keeps = [(side.keeps_axis, side.drops_axis, side.squeezes) for side in (ours, theirs)]
    if not any(keeps[0]) or keeps[0] == keeps[1]:
        return []
    x, first = draft.names["target"], draft.names[draft.source.plan.inputs[0]]
    axis = dict(draft.wanted.parameters).get("axis", -1)
    shapes = book.say("shape", x=x), book.say("shape", x=first)
    surplus = f"len({shapes[0]}) == len({shapes[1]})"
    if ours.shape == "index_or_same":
        surplus = f"{axis} < {surplus} and {shapes[0]}[{axis}] == 1 != {shapes[1]}[{axis}]"
    squeezed = f"    {x} = {book.say('squeeze', x=x, axis=axis)}"
    if draft.keeps_labels_axis:
        return [f"kept = {surplus}", "if kept:", squeezed]
    return [f"if {surplus}:", squeezed]


def _masked(draft: Draft, book: Phrasebook) -> list[str]:
    """Which labels are not ignored, and another label for those that are."""
    x, first = draft.names.get("target", ""), draft.names[draft.source.plan.inputs[0]]
    lines = []
    if draft.takes_distributions and (draft.masks or draft.equivalent.steps):
        shapes = book.say("shape", x=x), book.say("shape", x=first)
        lines.append(f"indices = len({shapes[0]}) < len({shapes[1]})")
    if draft.masks:
        ignored, label = draft.wanted.weighting.ignored_label, x
        kept = book.say("where", c="valid", x=x, y="0")
        if draft.takes_distributions:
            axis = dict(draft.wanted.parameters)["axis"]
            index = "..." if axis == -1 else ", ".join([":"] * axis)
            label = f"({x} if indices else {book.say('first', x=x, index=index)})"
            kept = f"{kept} if indices else {x}"
        lines += [f"valid = {label} != {ignored}", f"{x} = {kept}"]
    target = dict(draft.source.plan.layouts).get("target", Layout())
    if draft.target.row is None and (target.out_of_range == "wrap" or target.from_end):
        classes = book.say("size", x=first, axis=dict(draft.wanted.parameters)["axis"])
        lines.append(f"{x} = {book.say('where', c=f'{x} < 0', x=f'{x} + {classes}', y=x)}")
    return lines


def _arranged(draft: Draft, book: Phrasebook) -> Iterator[tuple[str, str]]:
    """The inputs brought to the form that the target takes."""
    given = dict(draft.source.plan.layouts)
    for role, x in draft.names.items():
        if role == "weight" or role not in given:
            continue
        # What comes is as the source has it, also where the equivalent formula reads another form.
        wanted, theirs = draft.layouts_of(role)
        for value in (
            *_shaped(draft, book, x, given[role], theirs),
            *_indices(draft, book, role, given[role], theirs),
            *(_labels(draft, book, x, wanted, theirs) if role == "target" else ()),
        ):
            yield role, value
        if given[role].shape == "mask" and (draft.target.row is None or theirs.shape != "mask"):
            yield role, _with_axis(draft, book, x)
        if role == "mask" and "mask" in book.templates:
            # TensorFlow compares no truth values with numbers.
            yield role, book.say("mask", x=x, y=draft.names[draft.source.plan.inputs[0]])
        if given[role].detached and not theirs.detached:
            yield role, book.say("detached", x=x)


def _with_axis(draft: Draft, book: Phrasebook, x: str) -> str:
    """A mask with the axis of the classes, without which it may come."""
    first, axis = draft.names[draft.source.plan.inputs[0]], dict(draft.wanted.parameters).get("axis", -1)
    shapes = book.say("shape", x=x), book.say("shape", x=first)
    return f"{book.say('insert', x=x, axis=axis)} if len({shapes[0]}) < len({shapes[1]}) else {x}"


_INT32 = {
    "paddle.nn.CTCLoss": ("target",),
    "paddle.nn.functional.ctc_loss": ("target",),
    "paddle.nn.RNNTLoss": ("target", "prediction_lengths", "target_lengths"),
    "paddle.nn.functional.rnnt_loss": ("target", "prediction_lengths", "target_lengths"),
}
"""What must be int32, where its framework has int64."""

_INT64_LABELS = {
    "mindspore.nn.MultiMarginLoss",
    "mindspore.ops.MultiMarginLoss",
    "mindspore.ops.multi_margin_loss",
}
"""Whose labels must be int64, where its framework has int32."""


def _shaped(draft: Draft, book: Phrasebook, x: str, ours: Layout, theirs: Layout) -> Iterator[str]:
    """An input with its axes in the target's order, and of the first one's shape."""
    first, axis = draft.names[draft.source.plan.inputs[0]], dict(draft.wanted.parameters).get("axis", -1)
    both = ours.axes and theirs.axes
    if both and ours.axes != theirs.axes and sorted(ours.axes or "") == sorted(theirs.axes or ""):
        yield book.say("moveaxis", x=x, a=0, b=1)
    if ours.any_shape and not theirs.any_shape and x != first:
        if ours.shape in ("batch", "free"):
            yield book.say("vector", x=x)
        elif ours.index or ours.shape == "without_axis":
            yield book.say("shaped", x=x, shape=_without(book.say("shape", x=first), axis))
        else:
            yield book.say("like", x=x, y=first)


def _indices(draft: Draft, book: Phrasebook, role: str, ours: Layout, theirs: Layout) -> Iterator[str]:
    """Class indices as integers, and inside their range."""
    x = draft.names[role]
    first, axis = draft.names[draft.source.plan.inputs[0]], dict(draft.wanted.parameters).get("axis", -1)
    unlike = ours.any_dtype and (not theirs.any_dtype or draft.equivalent.steps)
    # Negative log-likelihoods take integers of one width only, which differs between the frameworks.
    if ours.index and (unlike or draft.takes_rows):
        yield book.say("integer", x=x)
    if ours.index and ours.out_of_range == "clip" and theirs.out_of_range != "clip":
        yield book.say("clip", x=x, low=0, high=f"{book.say('size', x=first, axis=axis)} - 1")
    indices = [r for r in draft.names if draft.layouts_of(r)[0].index]
    if draft.target.row is None and ours.index and not ours.any_dtype and len(indices) > 1:
        # Of several dtypes, which not all frameworks mix.
        yield book.say("integer", x=x)
    if role in _INT32.get(draft.target.name, ()):
        yield f'{x}.astype("int32")'
    if role == "target" and draft.target.name in _INT64_LABELS:
        yield f"{x}.astype(mindspore.int64)" if book.framework != "ops" else book.say("integer", x=x)
    if ours.one_hot and not theirs.one_hot:
        yield book.say("one_hot", x=x, n=book.say("size", x=first, axis=axis), y=first)


def _labels(draft: Draft, book: Phrasebook, x: str, wanted: Layout, theirs: Layout) -> Iterator[str]:
    """Labels of two classes as the target codes them."""
    if "numbers" in book.templates and encodings(draft.source.plan, "target") == {"-1 and 1"}:
        # Such labels may be integers, and not all frameworks mix these with others.
        yield book.say("numbers", x=x, y=draft.names[draft.source.plan.inputs[0]])
    if (wanted.signed and not theirs.signed) or (theirs.binary and not wanted.binary):
        yield f"({x} + 1) / 2"
    if (theirs.signed and not wanted.signed) or (wanted.binary and not theirs.binary):
        yield f"2 * {x} - 1"
    if wanted.to_signs and not theirs.to_signs:
        binary = book.say("all", x=f"{x} * ({x} - 1) == 0")
        # MXNet wants a condition for each element.
        phrase = "choose" if "choose" in book.templates else "where"
        yield book.say(phrase, c=binary, x=f"2 * {x} - 1", y=x)


def _levelled(draft: Draft) -> Iterator[str]:
    """The inputs of which the source drops a last axis of size 1 that is one too many, or adds it."""
    for role, layout in draft.source.plan.layouts:
        if layout.levels_ranks and role in draft.names and not draft.layouts_of(role)[1].levels_ranks:
            yield role


def _broadcast(draft: Draft) -> Iterator[str]:
    """The inputs that the source broadcasts, and the target does not."""
    given, first = dict(draft.source.plan.layouts), draft.source.plan.inputs[0]
    for role in draft.names:
        if role in (first, "weight") or role not in given or first not in draft.names:
            continue
        ours, theirs = given[role], draft.layouts_of(role)[1]
        alike = theirs.shape in ("mutual", "broadcast")
        levelled = theirs.levels_ranks and not ours.levels_ranks
        if (ours.shape == "mutual" and not alike) or (ours.shape in ("mutual", "broadcast") and levelled):
            yield role


def _axes(draft: Draft) -> dict[str, int] | None:
    """From where to where the axis of the classes, or of the vectors, is moved."""
    ours = dict(draft.wanted.parameters).get("axis")
    theirs = dict(draft.target.plan.parameters).get("axis")
    if not isinstance(ours, int) or not isinstance(theirs, int) or ours == theirs or draft.takes_rows:
        return None
    return {"a": ours, "b": theirs}


def _moved(draft: Draft, book: Phrasebook) -> Iterator[tuple[str, str]]:
    """The axis of the classes, or of the vectors, where the target has it."""
    axes = _axes(draft)
    if axes is None:
        return
    for role, x in draft.names.items():
        layout = dict(draft.source.plan.layouts).get(role)
        if (
            role != "weight"
            and layout is not None
            and (
                role == draft.source.plan.inputs[0]
                or (layout.shape in ("same", "mutual") and not layout.index)
            )
        ):
            yield role, book.say("moveaxis", x=x, **axes)


def _by_parameters(draft: Draft, book: Phrasebook, values: dict[str, str]) -> Iterator[tuple[str, str]]:
    theirs = dict(draft.target.plan.parameters)
    for name, wanted in draft.wanted.parameters:
        if theirs[name] == wanted:
            continue
        step = parameter_step(draft.wanted.spec, name, wanted, theirs[name])
        if step is not None and step.role in draft.names:
            yield step.role, step.say(book, draft.names[step.role], values, wanted)


def _without(shape: str, axis: int) -> str:
    """A shape without one of its axes."""
    return f"{shape}[:-1]" if axis == -1 else f"{shape}[:{axis}] + {shape}[{axis + 1}:]"
