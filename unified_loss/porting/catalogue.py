"""The divergence catalogue: which losses of the frameworks mean a canonical loss, and which of them alike."""

from __future__ import annotations

import ast
import functools
import inspect
import string
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from unified_loss.description import default_plan, describe, formula_of, row_names, stem
from unified_loss.errors import ConfigError
from unified_loss.plan import Plan
from unified_loss.spec import Spec

from .equivalents import equivalents
from .pairs import Pair, dialect_of, pairs
from .source import NativeCall, parse


@dataclass(frozen=True, eq=False)
class Variant:
    """Native losses that mean the same.

    Parameters
    ----------
    id : ``A`` of the largest variant of a loss, then ``B``, and so on
    plan : what they mean with the defaults of all parameters
    calls : the calls of them, in the order of the dialects
    """

    id: str
    plan: Plan
    calls: tuple[NativeCall, ...]

    def to_json(self) -> dict[str, Any]:
        """The fields, ready for JSON, with the plan in words beside it."""
        return {
            "id": self.id,
            "plan": repr(self.plan),
            "plan_json": self.plan.to_json(),
            "calls": [_call_to_json(call) for call in self.calls],
        }


def _call_to_json(call: NativeCall) -> dict[str, Any]:
    return {
        "name": call.name,
        "call": str(call),
        "framework": "tensorflow" if call.name.startswith("tf.") else call.name.partition(".")[0],
        "signature": describe(call.name).signature,
        "arguments": [name for name, required in call.arguments.items() if required],
    }


@dataclass(frozen=True)
class Elsewhere:
    """A native loss that is to be found under another canonical loss.

    Parameters
    ----------
    name : its native name
    loss : the canonical loss
    variant : the variant that it gives the same as, by an identity of the two formulas; empty of one that
        only has the name
    """

    name: str
    loss: str
    variant: str = ""


@dataclass(frozen=True, eq=False)
class Page:
    """What the frameworks have of a canonical loss.

    Parameters
    ----------
    loss : its name in `unified_loss.losses`
    summary : what it is, in a sentence
    formula : the same in LaTeX
    source : the function that computes it
    variants : the native losses that it is the formula of, those together that mean the same
    identities : native losses of other formulas that give what one of the variants does
    namesakes : native losses that have the name of one of these, and another formula
    """

    loss: str
    summary: str
    formula: str
    source: str
    variants: tuple[Variant, ...]
    identities: tuple[Elsewhere, ...]
    namesakes: tuple[Elsewhere, ...]

    @property
    def calls(self) -> Iterator[tuple[Variant, NativeCall]]:
        """The calls of all variants."""
        return ((variant, call) for variant in self.variants for call in variant.calls)

    def to_json(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "loss": self.loss,
            "summary": self.summary,
            "formula": self.formula,
            "source": self.source,
            "variants": [variant.to_json() for variant in self.variants],
            "identities": [
                {"name": each.name, "loss": each.loss, "variant": each.variant} for each in self.identities
            ],
            "namesakes": [{"name": each.name, "loss": each.loss} for each in self.namesakes],
        }


def catalogued() -> tuple[str, ...]:
    """The canonical losses that a native loss means, with the defaults of its parameters.

    Returns
    -------
    tuple of str
        By name.

    Examples
    --------
    >>> from unified_loss.porting.catalogue import catalogued
    >>> catalogued()[:2]
    ('absolute_error', 'absolute_percentage_error')
    """
    return tuple(sorted(_by_loss()))


def page(loss: str) -> Page:
    """What the frameworks have of a canonical loss.

    Parameters
    ----------
    loss : one of `catalogued`

    Returns
    -------
    Page

    Raises
    ------
    ConfigError
        If no native loss means it.

    Examples
    --------
    >>> from unified_loss.porting.catalogue import page
    >>> for variant in page("log_cosh").variants:
    ...     print(variant.id, *variant.calls)
    A keras.losses.LogCosh()
    B keras.losses.log_cosh()
    C optax.losses.log_cosh()
    >>> [(each.name, each.loss) for each in page("huber").namesakes if "Huber" in each.name]
    [('mxnet.gluon.loss.HuberLoss', 'smooth_l1')]
    """
    calls = _by_loss().get(loss)
    if calls is None:
        raise ConfigError(f"no loss of a framework means {loss!r}; of these some do: {', '.join(_by_loss())}")
    spec = Spec.registry[loss]
    variants = tuple(_variants(calls))
    return Page(
        loss,
        " ".join((inspect.getdoc(spec) or "").partition("\n\n")[0].split()),
        formula_of(spec),
        _source(spec),
        variants,
        tuple(_identities(variants)),
        tuple(_namesakes(loss, calls)),
    )


_NEEDED = {
    "keras.losses.categorical_generalized_cross_entropy": "q=0.5",
    "mindspore.nn.SampledSoftmaxLoss": "num_sampled=3, num_classes=7",
    "paddle.nn.AdaptiveLogSoftmaxWithLoss": "in_features=3, n_classes=5, cutoffs=[2]",
    "paddle.nn.HSigmoidLoss": "feature_size=4, num_classes=5",
    "paddle.nn.functional.adaptive_log_softmax_with_loss": "cutoffs=[2, 5]",
    "paddle.nn.functional.hsigmoid_loss": "num_classes=5",
    "tf.compat.v1.losses.cosine_distance": "axis=-1",
    "tf.compat.v1.nn.nce_loss": "num_sampled=3, num_classes=7",
    "tf.compat.v1.nn.sampled_softmax_loss": "num_sampled=3, num_classes=7",
    "tf.nn.nce_loss": "num_sampled=3, num_classes=7",
    "tf.nn.sampled_softmax_loss": "num_sampled=3, num_classes=7",
    "torch.nn.AdaptiveLogSoftmaxWithLoss": "in_features=3, n_classes=5, cutoffs=[2]",
    "torch.nn.LinearCrossEntropyLoss": "in_features=3, num_classes=4",
}
"""The parameters of losses that cannot be had without."""


def pairs_of(found: Page) -> tuple[Pair, ...]:
    """The ports of a page: from each of its losses to each other dialect that has the formula.

    Parameters
    ----------
    found : as `page` gives it

    Returns
    -------
    tuple of Pair
        Those of `unified_loss.porting.pairs.pairs`, then those of losses that need a parameter.

    Examples
    --------
    >>> from unified_loss.porting.catalogue import page, pairs_of
    >>> [(str(pair.call), pair.to) for pair in pairs_of(page("log_cosh"))][:1]
    [('keras.losses.LogCosh()', 'optax')]
    """
    usual = [pair for pair in _pairs() if pair.call.plan.spec == found.loss]
    dialects = dict.fromkeys(dialect_of(call.name) for _, call in found.calls)
    needing = [
        Pair(call, to)
        for _, call in found.calls
        # What draws candidates is never twice the same.
        if call.name in _NEEDED and call.plan.candidates is None
        for to in dialects
        if to != dialect_of(call.name)
    ]
    return (*usual, *needing)


@functools.cache
def _pairs() -> tuple[Pair, ...]:
    return tuple(pairs())


@functools.cache
def _by_loss() -> dict[str, tuple[NativeCall, ...]]:
    found: dict[str, list[NativeCall]] = {}
    for name in row_names():
        if default_plan(name) is not None or name in _NEEDED:
            call = parse(f"{name}({_NEEDED.get(name, '')})")
            found.setdefault(call.plan.spec, []).append(call)
    return {loss: tuple(calls) for loss, calls in sorted(found.items())}


def _variants(calls: tuple[NativeCall, ...]) -> Iterator[Variant]:
    groups: list[list[NativeCall]] = []
    for call in calls:
        group = next((group for group in groups if group[0].plan == call.plan), None)
        if group is None:
            groups.append([call])
        else:
            group.append(call)
    # What has weights of its own is only the same as another where these are.
    groups = [sorted(group, key=lambda call: call.holds_weights) for group in groups]
    groups.sort(key=lambda group: (group[0].holds_weights, -len(group)))
    for letter, group in zip(string.ascii_uppercase, groups, strict=False):
        yield Variant(letter, group[0].plan, tuple(group))


def _identities(variants: tuple[Variant, ...]) -> Iterator[Elsewhere]:
    for variant in variants:
        # With steps, their inputs are others.
        others = [e.plan for e in equivalents(variant.plan)[1:] if not e.steps]
        for loss in dict.fromkeys(plan.spec for plan in others):
            for call in _by_loss().get(loss, ()):
                if call.plan in others:
                    yield Elsewhere(call.name, loss, variant.id)


def _namesakes(loss: str, calls: tuple[NativeCall, ...]) -> Iterator[Elsewhere]:
    names = {loss.replace("_", ""), *(stem(call.name) for call in calls)}
    for other, others in _by_loss().items():
        for call in others if other != loss else ():
            if stem(call.name) in names:
                yield Elsewhere(call.name, other)


def _source(spec: Spec) -> str:
    """The function over ops, without its decorator and its docstring."""
    text = textwrap.dedent(inspect.getsource(spec.formula))
    (function,) = ast.parse(text).body
    lines = text.splitlines()
    if isinstance(function, ast.FunctionDef):
        if ast.get_docstring(function) is not None:
            doc = function.body[0]
            del lines[doc.lineno - 1 : doc.end_lineno]
        del lines[: function.lineno - 1]
    return "\n".join(lines)
