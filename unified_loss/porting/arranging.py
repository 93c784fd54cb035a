"""What a port does to its inputs, before the call of the target's loss."""

from __future__ import annotations

from collections.abc import Iterator

from unified_loss.layout import Layout

from .draft import Draft
from .phrases import Phrasebook
from .steps import parameter_step


def lines_before(draft: Draft, book: Phrasebook) -> list[str]:
    """What is done to the inputs before the call."""
    values = dict(draft.names)
    values["axis"] = repr(dict(draft.target.plan.parameters).get("axis", -1))
    before: list[str] = []

    def assign(role: str, value: str) -> None:
        name = draft.names[role]
        if draft.source.arguments[name]:
            before.append(f"{name} = {value}")
        else:
            before.extend([f"if {name} is not None:", f"    {name} = {value}"])

    for role in draft.zeros:
        name, first = draft.names[role], draft.names[draft.source.plan.inputs[0]]
        before += [f"if {name} is None:", f"    {name} = {book.say('zeros', x=first)}"]
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
    masked = draft.masks
    if masked:
        x, ignored = draft.names["target"], draft.wanted.weighting.ignored_label
        before.append(f"valid = {x} != {ignored}")
        assign("target", book.say("where", c="valid", x=x, y="0"))
    for role, value in _moved(draft, book):
        assign(role, value)
    values["classes"] = book.say("size", x=draft.names.get("prediction", ""), axis=values["axis"])
    for role, phrase, arguments in draft.equivalent.steps:
        given = {k: values.get(v, v) for k, v in arguments.items()}
        if phrase == "one_hot":
            given["y"] = draft.names["prediction"]
        assign(role, book.say(phrase, x=draft.names[role], **given))
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
            *_labels(book, x, wanted, theirs),
        ):
            yield role, value
        if given[role].detached and not theirs.detached:
            yield role, book.say("detached", x=x)


_INT32_LABELS = {"paddle.nn.CTCLoss", "paddle.nn.functional.ctc_loss"}
"""The losses whose labels must be int32, where their framework has int64."""


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
    if ours.index and ours.any_dtype and (not theirs.any_dtype or draft.equivalent.steps):
        yield book.say("integer", x=x)
    if ours.index and ours.out_of_range == "clip" and theirs.out_of_range != "clip":
        yield book.say("clip", x=x, low=0, high=f"{book.say('size', x=first, axis=axis)} - 1")
    if role == "target" and draft.target.name in _INT32_LABELS:
        yield f'{x}.astype("int32")'


def _labels(book: Phrasebook, x: str, wanted: Layout, theirs: Layout) -> Iterator[str]:
    """Labels of two classes as the target codes them."""
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
        if given[role].shape == "mutual" and draft.layouts_of(role)[1].shape not in ("mutual", "broadcast"):
            yield role


def _moved(draft: Draft, book: Phrasebook) -> Iterator[tuple[str, str]]:
    """The axis of the classes, or of the vectors, where the target has it."""
    ours = dict(draft.wanted.parameters).get("axis")
    theirs = dict(draft.target.plan.parameters).get("axis")
    if not isinstance(ours, int) or not isinstance(theirs, int) or ours == theirs:
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
            yield role, book.say("moveaxis", x=x, a=ours, b=theirs)


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
