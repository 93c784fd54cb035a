"""What is done to an input where a formula of the target reads another form of it: a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .phrases import Phrasebook

Say = Callable[[Phrasebook, str, Mapping[str, str], Any], str]
"""Python for the new input, of the old one, the names of all by role, and the parameter's wanted value."""


@dataclass(frozen=True)
class ParameterStep:
    """A step that makes up for a parameter that the target's formula does not have as it is wanted.

    Parameters
    ----------
    role : the input that is changed
    say : how
    wanted, ours : whether a wanted value and the target's are such that it does
    """

    role: str
    say: Say
    wanted: Callable[[Any], bool]
    ours: Callable[[Any], bool]


def _is(value: Any) -> Callable[[Any], bool]:
    return lambda given: given is value


def _number(given: Any) -> bool:
    return isinstance(given, float | int) and not isinstance(given, bool)


def _nothing(given: Any) -> bool:
    return given is None or given == 0


def _phrase(name: str, **arguments: str) -> Say:
    return lambda book, x, names, _: book.say(name, x=x, **{k: names.get(v, v) for k, v in arguments.items()})


_LOG_SOFTMAX = ParameterStep("prediction", _phrase("log_softmax", axis="axis"), _is(False), _is(True))
_SOFTMAX_LOGITS = ParameterStep("prediction", _phrase("log_softmax", axis="axis"), _is(True), _is(False))


def _clipped(book: Phrasebook, x: str, _: Mapping[str, str], bound: float) -> str:
    return book.say("clip", x=x, low=repr(bound), high=f"1 - {bound!r}")


def _smoothed_binary(_: Phrasebook, x: str, __: Mapping[str, str], share: float) -> str:
    return f"{x} * {1 - share!r} + {share / 2!r}"


def _smoothed_classes(book: Phrasebook, x: str, names: Mapping[str, str], share: float) -> str:
    return f"{x} * {1 - share!r} + {share!r} / {book.say('size', x=names['prediction'], axis=names['axis'])}"


PARAMETER_STEPS: Mapping[tuple[str, str], tuple[ParameterStep, ...]] = {
    ("cross_entropy", "from_log_probabilities"): (_LOG_SOFTMAX,),
    ("sparse_softmax_cross_entropy", "from_log_probabilities"): (_LOG_SOFTMAX,),
    ("softmax_cross_entropy", "from_log_probabilities"): (_LOG_SOFTMAX,),
    ("softmax_cross_entropy", "label_smoothing"): (
        ParameterStep("target", _smoothed_classes, _number, _nothing),
    ),
    ("ctc", "from_log_probabilities"): (_LOG_SOFTMAX,),
    ("rnnt", "from_log_probabilities"): (_LOG_SOFTMAX,),
    ("kl_divergence", "from_logits"): (_SOFTMAX_LOGITS,),
    ("kl_divergence", "from_probabilities"): (
        ParameterStep("prediction", _phrase("log"), _is(True), _is(False)),
        ParameterStep("prediction", _phrase("exp"), _is(False), _is(True)),
    ),
    ("kl_divergence", "log_target"): (
        ParameterStep("target", _phrase("exp"), _is(True), _is(False)),
        ParameterStep("target", _phrase("log"), _is(False), _is(True)),
    ),
    ("kl_divergence", "clip"): (ParameterStep("prediction", _clipped, _number, _nothing),),
    ("poisson_nll", "log_input"): (
        ParameterStep("prediction", _phrase("log"), _is(False), _is(True)),
        ParameterStep("prediction", _phrase("exp"), _is(True), _is(False)),
    ),
    ("binary_cross_entropy", "clip"): (ParameterStep("prediction", _clipped, _number, _nothing),),
    ("binary_cross_entropy", "label_smoothing"): (
        ParameterStep("target", _smoothed_binary, _number, _nothing),
    ),
    ("binary_cross_entropy_with_logits", "label_smoothing"): (
        ParameterStep("target", _smoothed_binary, _number, _nothing),
    ),
}
"""By spec and parameter; of several, the first that fits."""


def parameter_step(spec: str, parameter: str, wanted: Any, ours: Any) -> ParameterStep | None:
    """The step that makes up for a parameter, if there is one."""
    for step in PARAMETER_STEPS.get((spec, parameter), ()):
        if step.wanted(wanted) and step.ours(ours):
            return step
    return None
