"""`weighed`: the ports of losses with weights of their own, which are moved with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from unified_loss.differences import plan_differences

from .causes import cause_of
from .result import Port, Residual
from .source import NativeCall, parse, spelled

_ADAPTIVE = {"torch": "torch.nn.AdaptiveLogSoftmaxWithLoss", "paddle": "paddle.nn.AdaptiveLogSoftmaxWithLoss"}
_TAIL = re.compile(r"tail(?:_weights)?\.(\d+)\.(\d+)")

_TAKEN_FROM = {
    "torch": "{name: source.state_dict()[name].detach().cpu().numpy() for name in loss.state}",
    "paddle": "{name: source.state_dict()[name].numpy() for name in loss.state}",
}
"""A framework's loss, called `source`, gives its weights by their names in its state dictionary."""

_TAILS = (
    '{"head_weight": source.head_weight.numpy(), %s'
    '**{f"tail_weights.{i}.{j}": x.numpy() for i, tail in enumerate(source.tail_weights)'
    " for j, x in enumerate(tail)}}"
)
# Paddle's state dictionary does not have the weights of the clusters.


class _Native(NamedTuple):
    target: str
    setup: str
    expression: str


def weighed(call: NativeCall, framework: str, dialect: tuple[tuple[str, ...], str]) -> Port:
    """The port of a loss that holds weights: through the dialect, and natively where another holds them.

    Parameters
    ----------
    call : of such a loss
    framework : that it is ported to
    dialect : the imports and the expression of the program through the dialect
    """
    imports, expression = dialect
    native = _native(call, framework)
    head = call.name.partition(".")[0]
    notes = [
        f"the dialect's loss draws new weights; loss.load_state({_state_of(call)}) gives it those of "
        f"`source`, the loss in {head}"
    ]
    if native is None:
        return Port(
            call,
            framework,
            None,
            (),
            "",
            "",
            imports,
            expression,
            "exact",
            reason=f"{framework} has no loss that holds the weights of {call.name}",
            notes=tuple(notes),
        )
    notes.append("load_state(loss, state) gives the native loss the same, `state` being that dictionary")
    return Port(
        call,
        framework,
        native.target,
        (f"import {framework}",),
        native.setup,
        native.expression,
        imports,
        expression,
        "adapted",
        tuple(_residuals(call, native)),
        notes=tuple(notes),
    )


def _state_of(call: NativeCall) -> str:
    """What gives the weights of the source's loss, called `source`."""
    if call.row.native_name == _ADAPTIVE["paddle"]:
        return _TAILS % ('"head_bias": source.head_bias.numpy(), ' if "head_bias" in call.weights else "")
    return _TAKEN_FROM[call.backend]


def _native(call: NativeCall, framework: str) -> _Native | None:
    target = _ADAPTIVE.get(framework)
    if call.row.native_name not in _ADAPTIVE.values() or target is None:
        return None
    shared = ("in_features", "n_classes", "cutoffs", "div_value")
    given = {name: call.parameters[name] for name in shared if name in call.parameters}
    given["cutoffs"] = list(given["cutoffs"])
    if "head_bias" in call.parameters:
        given["head_bias"] = any(name.startswith("head") and "bias" in name for name in call.weights)
    shown = ", ".join(f"{name}={spelled(value)}" for name, value in given.items())
    if framework == "paddle":
        lines = [f"    loss.{place}.set_value({value})" for place, value in _moved(call.weights)]
    else:
        entries = (f'        "{name}": torch.tensor({value}),' for name, value in _moved(call.weights))
        lines = ["    moved = {", *entries, "    }", "    loss.load_state_dict(moved)"]
    body = "\n".join(lines)
    return _Native(target, f"def load_state(loss, state):\n{body}\n", f"{target}({shown})")


def _moved(weights: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What the other framework calls each weight, and its value: the two hold matrices transposed."""
    for name in weights:
        tail = _TAIL.match(name)
        from_torch = "head." in name or name.startswith("tail.")
        if tail is not None:
            i, j = tail.groups()
            yield (f"tail_weights[{i}][{j}]" if from_torch else f"tail.{i}.{j}.weight"), f'state["{name}"].T'
        else:
            other = name.replace(".", "_") if from_torch else name.replace("_", ".")
            yield other, f'state["{name}"]{"" if name.endswith("bias") else ".T"}'


def _residuals(call: NativeCall, native: _Native) -> Iterator[Residual]:
    for difference in plan_differences(call.plan, parse(native.expression).plan):
        # The weights are transposed, and a bias that is held is no constant.
        if difference.field not in ("parameters.inputs_first", "constants"):
            yield Residual(cause_of(difference.field), difference.field, difference.first, difference.second)
