"""The inputs on which a native loss and ours are run side by side.

Made so that a wrong axis, denominator or weight shows: sizes that differ on every axis, weights
that are not 1, soft labels where the loss takes them. They keep away from points where the
native loss is known to be defective, such as logits of exactly 0.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Recipe = Callable[[np.random.Generator], Any]
Variant = tuple[dict[str, Any], dict[str, Any]]
"""Constructor parameters and call arguments; a recipe among them is drawn."""

_SINGLE = ("float32",)
_BOTH = ("float32", "float64")


@dataclass(frozen=True, eq=False)
class LiveInputs:
    """A native loss, its parameters and the arguments of a call; no gradient where it has none."""

    id: str
    framework: str
    loss: str
    kwargs: Mapping[str, Any]
    inputs: Mapping[str, Any]
    gradient: bool


def live_inputs() -> Iterator[LiveInputs]:
    """All of them, the same at every call."""
    for loss, dtypes, variants in _TABLE:
        for number, (parameters, arguments) in enumerate(variants, start=1):
            for dtype in dtypes:
                seed = zlib.crc32(f"{loss}/{number}".encode())
                draw = np.random.default_rng(seed)
                yield LiveInputs(
                    id=f"{loss}/live-{number}" + ("-f64" if dtype == "float64" else ""),
                    framework=loss.partition(".")[0],
                    loss=loss,
                    kwargs={name: _drawn(value, draw, dtype) for name, value in parameters.items()},
                    inputs={name: _drawn(value, draw, dtype) for name, value in arguments.items()},
                    # MXNet 1.9.1 adds Stirling's term in place, which its autograd refuses.
                    gradient=not parameters.get("compute_full", False),
                )


def _drawn(value: Any, draw: np.random.Generator, dtype: str) -> Any:
    if not callable(value):
        return value
    array = value(draw)
    return array.astype(dtype) if array.dtype.kind == "f" else array


# -------------------------------------------------------------------------------- recipes


def _scores(*shape: int) -> Recipe:
    return lambda draw: draw.normal(0.2, 1.6, shape)


def _between(low: float, high: float) -> Callable[..., Recipe]:
    return lambda *shape: lambda draw: draw.uniform(low, high, shape)


_fractions = _between(0.03, 0.97)
_weights = _between(0.2, 3.0)


def _signs(*shape: int) -> Recipe:
    return lambda draw: draw.choice([-1.0, 1.0], shape)


def _labels(classes: int, *shape: int, dtype: str = "float64") -> Recipe:
    return lambda draw: draw.integers(0, classes, shape).astype(dtype)


def _counts(least: int, *shape: int) -> Recipe:
    return lambda draw: draw.integers(least, 7, shape).astype("float64")


def _distributions(*shape: int, axis: int = -1) -> Recipe:
    def drawn(draw: np.random.Generator) -> Any:
        x = draw.uniform(0.05, 1.0, shape)
        return x / x.sum(axis=axis, keepdims=True)

    return drawn


def _log_distributions(*shape: int, axis: int = -1) -> Recipe:
    distribution = _distributions(*shape, axis=axis)
    return lambda draw: np.log(distribution(draw))


def _exactly(values: list[Any]) -> Recipe:
    return lambda _: np.array(values, dtype="float64")


# ---------------------------------------------------------------------------------- table


def _elementwise(label: Callable[..., Recipe], **own: Any) -> list[Variant]:
    """Each loss of a prediction and a label: its defaults, batch axes, weights, reshaped labels."""
    return [
        ({}, {"pred": _scores(5, 3, 4), "label": label(5, 3, 4)}),
        (
            {**own, "weight": 0.7, "batch_axis": 1},
            {"pred": _scores(5, 3, 4), "label": label(15, 4), "sample_weight": _weights(5, 1, 4)},
        ),
        ({**own, "batch_axis": -1}, {"pred": _scores(2, 3, 5), "label": label(2, 3, 5)}),
        (own, {"pred": _scores(6, 2), "label": label(12), "sample_weight": _weights(6, 1)}),
        ({"weight": 2.5}, {"pred": _scores(7), "label": label(7, 1), "sample_weight": _weights(7)}),
    ]


_LOGISTIC = [*_elementwise(_signs), *_elementwise(_fractions, label_format="binary")[1:4]]

_SIGMOID = [
    *_elementwise(_fractions),
    (
        {"weight": 0.4},
        {
            "pred": _scores(5, 3, 4),
            "label": _fractions(5, 3, 4),
            "sample_weight": _weights(5, 1, 1),
            "pos_weight": _weights(1, 1, 4),
        },
    ),
    ({"from_sigmoid": True, "batch_axis": 1}, {"pred": _fractions(5, 3), "label": _fractions(5, 3)}),
    (
        {"from_sigmoid": True},
        {
            "pred": _fractions(5, 3),
            "label": _fractions(5, 3),
            "sample_weight": None,
            "pos_weight": _weights(1, 3),
        },
    ),
]

_SOFTMAX: list[Variant] = [
    ({}, {"pred": _scores(5, 7), "label": _labels(7, 5)}),
    ({"weight": 0.3}, {"pred": _scores(5, 7), "label": _labels(7, 5, 1, dtype="int32")}),
    (
        {"axis": 1},
        {"pred": _scores(3, 6, 4, 2), "label": _labels(6, 3, 4, 2), "sample_weight": _weights(3, 1, 4, 2)},
    ),
    ({"axis": 2, "batch_axis": 1}, {"pred": _scores(3, 6, 4), "label": _labels(4, 3, 6)}),
    ({"from_logits": True}, {"pred": _log_distributions(5, 7), "label": _labels(7, 5)}),
    (
        {"sparse_label": False},
        {"pred": _scores(5, 7), "label": _distributions(5, 7), "sample_weight": _weights(5, 1)},
    ),
    (
        {"sparse_label": False, "axis": 1, "from_logits": True, "weight": 1.5},
        {"pred": _log_distributions(3, 6, 4, axis=1), "label": _distributions(3, 6, 4, axis=1)},
    ),
]

_DIVERGENCE: list[Variant] = [
    ({}, {"pred": _log_distributions(5, 6), "label": _distributions(5, 6)}),
    (
        {"from_logits": False, "axis": 1, "weight": 0.6},
        {
            "pred": _scores(3, 6, 4),
            "label": _distributions(3, 6, 4, axis=1),
            "sample_weight": _weights(3, 1, 4),
        },
    ),
    (
        {"from_logits": False, "batch_axis": 1},
        {"pred": _scores(3, 5, 4), "label": _distributions(3, 5, 4)},
    ),
]

_SEQUENCES: list[Variant] = [
    ({}, {"pred": _scores(3, 7, 5), "label": _exactly([[1, 0, -1], [2, 2, 3], [3, -1, -1]])}),
    (
        {"layout": "TNC", "label_layout": "TN", "weight": 0.5},
        {"pred": _scores(8, 2, 4), "label": _exactly([[0, 2], [2, 2], [-1, 1]])},
    ),
    (
        {},
        {
            "pred": _scores(3, 7, 5),
            "label": _exactly([[1, 0, 3, 1], [2, 2, 3, 0], [3, 1, 1, 2]]),
            "pred_lengths": _exactly([7, 5, 6]),
            "label_lengths": _exactly([4, 2, 3]),
            "sample_weight": _weights(3),
        },
    ),
]

_TRIPLETS: list[Variant] = [
    ({}, {"pred": _scores(6, 3, 2), "positive": _scores(6, 3, 2), "negative": _scores(6, 3, 2)}),
    (
        {"margin": 3.5, "weight": 0.4, "batch_axis": 1},
        {"pred": _scores(3, 6, 2), "positive": _scores(3, 12), "negative": _scores(36)},
    ),
]

_COUNTS: list[Variant] = [
    ({}, {"pred": _scores(5, 3, 4), "target": _counts(0, 5, 3, 4)}),
    (
        {"from_logits": False, "weight": 0.6},
        {"pred": _weights(5, 3), "target": _counts(0, 15), "sample_weight": _weights(5, 1), "epsilon": 0.1},
    ),
    ({"compute_full": True}, {"pred": _scores(5, 3), "target": _counts(1, 5, 3)}),
]

_PAIRS: list[Variant] = [
    ({}, {"input1": _scores(7, 4), "input2": _scores(7, 4), "label": _signs(7)}),
    (
        {"margin": 0.2, "weight": 1.7},
        {
            "input1": _scores(9, 3),
            "input2": _scores(9, 3),
            "label": _signs(9, 1),
            "sample_weight": _weights(9, 1),
        },
    ),
]

_EMBEDDINGS: list[Variant] = [
    ({}, {"x1": _fractions(6, 4), "x2": _fractions(6, 4)}),
    ({"smoothing_parameter": 0.1, "weight": 3.0}, {"x1": _fractions(3, 5), "x2": _fractions(3, 5)}),
]

_BINARY: list[Variant] = [
    ({}, {"logits": _fractions(5, 3, 4), "labels": _fractions(5, 3, 4)}),
    (
        {"reduction": "none", "weight": _weights(5, 3)},
        {"logits": _fractions(5, 3), "labels": _fractions(5, 3)},
    ),
    (
        {"reduction": "mean", "weight": _weights(2, 6)},
        {"logits": _fractions(2, 6), "labels": _fractions(2, 6)},
    ),
    ({"reduction": "sum"}, {"logits": _fractions(7), "labels": _fractions(7)}),
]

_BINARY_LOGITS: list[Variant] = [
    ({}, {"logit": _scores(5, 3, 4), "label": _fractions(5, 3, 4)}),
    ({"reduction": "none", "weight": _weights(4)}, {"logit": _scores(5, 4), "label": _fractions(5, 4)}),
    (
        {"reduction": "sum", "pos_weight": _weights(4)},
        {"logit": _scores(5, 3, 4), "label": _fractions(5, 3, 4)},
    ),
    (
        {"weight": _weights(5, 1), "pos_weight": _weights(4)},
        {"logit": _scores(5, 4), "label": _fractions(5, 4)},
    ),
]

_GLUON = "mxnet.gluon.loss"

_TABLE: tuple[tuple[str, tuple[str, ...], list[Variant]], ...] = (
    (f"{_GLUON}.L2Loss", _BOTH, _elementwise(_scores)),
    (f"{_GLUON}.L1Loss", _BOTH, _elementwise(_scores)),
    (f"{_GLUON}.HuberLoss", _BOTH, _elementwise(_scores, rho=0.4)),
    (f"{_GLUON}.HingeLoss", _BOTH, _elementwise(_signs, margin=0.3)),
    (f"{_GLUON}.SquaredHingeLoss", _BOTH, _elementwise(_signs, margin=0.3)),
    (f"{_GLUON}.LogisticLoss", _BOTH, _LOGISTIC),
    (f"{_GLUON}.SigmoidBinaryCrossEntropyLoss", _BOTH, _SIGMOID),
    (f"{_GLUON}.SoftmaxCrossEntropyLoss", _BOTH, _SOFTMAX),
    (f"{_GLUON}.KLDivLoss", _BOTH, _DIVERGENCE),
    (f"{_GLUON}.TripletLoss", _BOTH, _TRIPLETS),
    (f"{_GLUON}.PoissonNLLLoss", _BOTH, _COUNTS),
    # MXNet 1.9.1 has these in float32 only.
    (f"{_GLUON}.CosineEmbeddingLoss", _SINGLE, _PAIRS),
    (f"{_GLUON}.CTCLoss", _SINGLE, _SEQUENCES),
    (f"{_GLUON}.SDMLLoss", _SINGLE, _EMBEDDINGS),
    ("mindspore.nn.BCELoss", _SINGLE, _BINARY),
    ("paddle.nn.BCEWithLogitsLoss", _BOTH, _BINARY_LOGITS),
)
