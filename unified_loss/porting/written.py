"""`WrittenFunction`: a function that a loss is given, as it is written; and the distances that are known."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, NoReturn, Union, get_args, get_origin

_IMPORTS = {
    "np": "import numpy as np",
    "jnp": "import jax.numpy as jnp",
    "mx": "import mxnet as mx",
    "tf": "import tensorflow as tf",
    **{head: f"import {head}" for head in ("jax", "keras", "mindspore", "mxnet", "numpy", "optax", "paddle")},
    "tensorflow": "import tensorflow",
    "torch": "import torch",
}
"""How the names are imported that a function most likely begins with."""

_MEANS = {"np.mean", "numpy.mean", "jnp.mean", "jax.numpy.mean"}

_DISTANCES = {
    "torch.nn.PairwiseDistance": ("p", "eps", "keepdim"),
    "torch.nn.functional.pairwise_distance": (),
    "paddle.nn.PairwiseDistance": ("p", "epsilon", "keepdim", "name"),
    "paddle.nn.functional.pairwise_distance": (),
}
"""The distances of triplets, by name: what their constructors take; of functions nothing."""

_WITH_DISTANCE = {
    "torch.nn.TripletMarginWithDistanceLoss": "torch.nn.TripletMarginLoss",
    "torch.nn.functional.triplet_margin_with_distance_loss": "torch.nn.functional.triplet_margin_loss",
    "paddle.nn.functional.triplet_margin_with_distance_loss": "paddle.nn.functional.triplet_margin_loss",
}
"""The losses of triplets by any distance, and those by the distance that is known."""


@dataclass(frozen=True, repr=False)
class WrittenFunction:
    """A function that a loss is given, which is read and never run.

    Parameters
    ----------
    text : as it is written
    name : the full dotted name of it, or of what makes it
    """

    text: str
    name: str = ""

    def __repr__(self) -> str:
        return self.text

    def __call__(self, *_: Any) -> NoReturn:
        """It is not known what it computes."""
        raise TypeError(f"{self.text} is only known when the program runs")

    @property
    def imports(self) -> tuple[str, ...]:
        """The imports of the names that it begins with, as far as they are known."""
        return tuple(sorted({_IMPORTS[name] for name in self._free if name in _IMPORTS}))

    @property
    def unknown(self) -> tuple[str, ...]:
        """The names in it that the program must define."""
        return tuple(name for name in self._free if name not in _IMPORTS)

    @property
    def _free(self) -> tuple[str, ...]:
        nodes = list(ast.walk(ast.parse(self.text, mode="eval")))
        own = {node.arg for node in nodes if isinstance(node, ast.arg)} | {*dir(builtins)}
        names = [node.id for node in nodes if isinstance(node, ast.Name) and node.id not in own]
        return tuple(dict.fromkeys(names))


def as_function(tree: ast.expr, hint: Any, named: Callable[[ast.expr], str | None]) -> WrittenFunction | None:
    """The function that an expression is, where a parameter takes one; None where it may be something else.

    Parameters
    ----------
    tree : the argument
    hint : the annotation of the parameter
    named : the full dotted name of a name
    """
    options = get_args(hint) if get_origin(hint) in (UnionType, Union) else (hint,)
    if not any(get_origin(option) is Callable for option in options):
        return None
    text = ast.unparse(tree)
    if isinstance(tree, ast.Lambda):
        return WrittenFunction(text)
    name = named(tree.func if isinstance(tree, ast.Call) else tree)
    # Where a string serves as well, a name may stand for one.
    if name is None or (str in options and name.partition(".")[0] not in _IMPORTS):
        return None
    return WrittenFunction(text, name)


def known_meaning(
    loss: str, parameters: Mapping[str, Any], arguments: Mapping[str, Any] | None
) -> tuple[str, dict[str, Any]] | None:
    """The loss, and its parameters, that mean the same without a function; None where none is known.

    Parameters
    ----------
    loss : the native name
    parameters : of which some are functions
    arguments : of the call that makes the function, by name; None where they are not known
    """
    kept = {name: x for name, x in parameters.items() if not isinstance(x, WrittenFunction)}
    (function, *others) = (x for x in parameters.values() if isinstance(x, WrittenFunction))
    if others or arguments is None:
        return None
    if function.text in _MEANS and "reduce_fn" in parameters:
        # It is what the loss does by itself.
        return loss, kept
    same = function.name.partition(".")[0] == loss.partition(".")[0]
    if function.name not in _DISTANCES or loss not in _WITH_DISTANCE or not same:
        return None
    if arguments.get("keepdim", False) is not False or arguments.get("name") is not None:
        return None
    epsilon = "eps" if loss.startswith("torch.") else "epsilon"
    given = {"p": arguments.get("p", 2.0), epsilon: arguments.get(epsilon, 1e-6)}
    if any(isinstance(x, bool) or not isinstance(x, int | float) for x in given.values()):
        return None
    given = {name: float(x) for name, x in given.items()}
    if given == {"p": 2.0, epsilon: 1e-6}:
        return loss, kept
    return _WITH_DISTANCE[loss], {**kept, **given}


def arguments_of(tree: ast.expr, name: str) -> dict[str, Any] | None:
    """The arguments of the call that makes a known distance, by name; None where they are no literals."""
    if name not in _DISTANCES:
        return {}
    # A class itself is no distance, and a function of one that is called is none either.
    if isinstance(tree, ast.Call) != bool(_DISTANCES[name]):
        return None
    if not isinstance(tree, ast.Call):
        return {}
    given = dict(zip(_DISTANCES[name], tree.args, strict=False))
    given |= {str(keyword.arg): keyword.value for keyword in tree.keywords}
    if len(given) < len(tree.args) + len(tree.keywords) or not set(given) <= {*_DISTANCES[name]}:
        return None
    try:
        return {key: ast.literal_eval(value) for key, value in given.items()}
    except ValueError:
        return None
