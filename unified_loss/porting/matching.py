"""The inputs of one loss as another loss takes them: axes, class labels, signs of labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from unified_loss.errors import ConfigError
from unified_loss.layout import Layout
from unified_loss.plan import Plan

Array = Any
Encoding = Literal["class indices", "distributions", "-1 and 1", "0 and 1"]

# Which labels a formula reads is only said in its words.
_SIGNS = {
    "cosine_embedding",
    "hinge",
    "hinge_embedding",
    "margin_ranking",
    "perceptron",
    "soft_margin",
    "squared_hinge",
}
_BINARY = {
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "binary_focal_cross_entropy",
    "multilabel_soft_margin",
    "sigmoid_focal",
    "sparsemax",
}


def encodings(plan: Plan, role: str) -> frozenset[Encoding]:
    """The encodings in which the labels of a plan may come; none where they are plain numbers."""
    layout = dict(plan.layouts).get(role)
    if layout is None or role != "target":
        return frozenset()
    if layout.shape in ("index_or_same", "index_or_free"):
        return frozenset(("class indices", "distributions"))
    if layout.index:
        return frozenset(("class indices",))
    if layout.to_signs:
        return frozenset(("-1 and 1", "0 and 1"))
    if layout.signed or (plan.spec in _SIGNS and not layout.binary):
        return frozenset(("-1 and 1",))
    if layout.binary or plan.spec in _BINARY:
        return frozenset(("0 and 1",))
    if "axis" in dict(plan.parameters) and layout.shape == "same" and not layout.compared:
        return frozenset(("distributions",))
    return frozenset()


def matched(inputs: Mapping[str, Array], first: Plan, second: Plan) -> dict[str, Array]:
    """What one loss takes, as another one takes it.

    Parameters
    ----------
    inputs : NumPy arrays by their roles, as `first` takes them
    first, second : the plans of the two losses

    Returns
    -------
    dict
        The same roles; what both take alike is the same array.

    Raises
    ------
    ConfigError
        If labels have no, or more than one, meaning in the encoding of the second.

    Examples
    --------
    >>> import unified_loss as ul
    >>> from unified_loss.porting.matching import matched
    >>> sparse = ul.resolve("keras.losses.SparseCategoricalCrossentropy")().plan
    >>> dense = ul.resolve("keras.losses.CategoricalCrossentropy")().plan
    >>> inputs = {"prediction": [[0.2, 0.5, 0.3]], "target": [1]}
    >>> arrays = {role: ul.to_numpy(x) for role, x in inputs.items()}
    >>> matched(arrays, sparse, dense)["target"].tolist()
    [[0.0, 1.0, 0.0]]
    """
    layouts = dict(first.layouts), dict(second.layouts)
    found = {role: _ordered(x, *(side.get(role) for side in layouts)) for role, x in inputs.items()}
    if "target" in found and second.inputs[0] in found:
        found["target"] = _labels(found["target"], found[second.inputs[0]], first, second)
    return found


def reordered(gradient: Array, role: str, first: Plan, second: Plan) -> Array:
    """The gradient by an input as the second takes it, in the order of axes of the first."""
    layouts = dict(second.layouts), dict(first.layouts)
    return _ordered(gradient, *(side.get(role) for side in layouts))


def _ordered(x: Array, first: Layout | None, second: Layout | None) -> Array:
    """The array with its axes in the second's order, where both orders are of the same axes."""
    if first is None or second is None or not first.axes or not second.axes:
        return x
    if sorted(first.axes) != sorted(second.axes) or np.ndim(x) != len(first.axes):
        return x
    return np.transpose(x, [first.axes.index(letter) for letter in second.axes])


def _labels(x: Array, leading: Array, first: Plan, second: Plan) -> Array:
    ours, theirs = encodings(first, "target"), encodings(second, "target")
    came = _came_as(x, ours)
    if came == "class indices" and came in theirs and x.dtype.kind == "f":
        # As floats, some losses would take them for distributions, and others not at all.
        return x if dict(second.layouts)["target"].any_dtype else x.astype("int64")
    if came is None and "class indices" in theirs and x.dtype.kind == "f" and (x == np.floor(x)).all():
        return x if dict(second.layouts)["target"].any_dtype else x.astype("int64")
    if came is None or came in theirs or not theirs:
        return x
    axis = dict(second.parameters).get("axis", -1)
    if came == "class indices" and "distributions" in theirs:
        return _one_hot(x, leading, axis)
    if came == "distributions" and "class indices" in theirs:
        return _indices(x, dict(first.parameters).get("axis", -1))
    if came == "-1 and 1" and "0 and 1" in theirs:
        return ((x + 1) / 2).astype(x.dtype)
    if came == "0 and 1" and "-1 and 1" in theirs:
        return (2 * x - 1).astype(x.dtype)
    return x


def _came_as(x: Array, encodings: frozenset[Encoding]) -> Encoding | None:
    """The encoding that labels are in, of those in which they may be."""
    if encodings == {"class indices", "distributions"}:
        return "class indices" if x.dtype.kind in "iub" else "distributions"
    if encodings == {"-1 and 1", "0 and 1"}:
        # Such losses take everything for signs but what is all 0 and 1.
        return "0 and 1" if np.isin(x, (0, 1)).all() else "-1 and 1"
    return next(iter(encodings), None)


def _one_hot(x: Array, leading: Array, axis: int) -> Array:
    classes = leading.shape[axis]
    if np.ndim(x) == leading.ndim and x.shape[axis] == 1 != classes:
        x = np.squeeze(x, axis)
    if np.ndim(x) != leading.ndim - 1 or not ((x >= 0) & (x < classes)).all():
        raise ConfigError(
            f"target: labels of shape {np.shape(x)}, from {np.min(x, initial=0)} to {np.max(x, initial=0)}, "
            f"have no one-hot vectors of {classes} classes beside a prediction of shape {leading.shape}"
        )
    return np.moveaxis(np.eye(classes, dtype=leading.dtype)[x.astype("int64")], -1, axis)


def _indices(x: Array, axis: int) -> Array:
    if not x.ndim or not (np.isin(x, (0, 1)).all() and (x.sum(axis) == 1).all()):
        raise ConfigError(
            "target: the second loss takes class indices, and distributions that are not one-hot have none"
        )
    return np.argmax(x, axis)
