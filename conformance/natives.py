"""Which loss APIs a framework has, asked of the installed one, so that a new one is noticed."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend

_LOSS = r"[Ll]oss|[Ee]ntropy|^kl_div|_cost$|Output$"


@dataclass(frozen=True)
class Namespace:
    """A public module of a framework in which losses are.

    Parameters
    ----------
    backend : the backend of its framework's tensors
    name : its dotted name
    pattern : a regular expression that is found in the name of every loss there
    others : what it also finds that is no loss, and what that is
    """

    backend: str
    name: str
    pattern: str = _LOSS
    others: Mapping[str, str] = field(default_factory=dict)


_TRAINING = "a training cell around a loss that the user gives"
_COLLECTION = "handles the collection of a graph's losses, and computes none"
_REGISTRY = "looks a loss up by name, and computes none"
_PRIVATE = "an internal name of the function of mint.nn.functional"

_KERAS_OTHERS = {
    "Loss": "the base of Keras's losses",
    "deserialize": _REGISTRY,
    "get": _REGISTRY,
    "serialize": _REGISTRY,
}

NAMESPACES = (
    Namespace(
        "torch",
        "torch.nn",
        others={"LinearCrossEntropyOptions": "says how linear_cross_entropy saves memory"},
    ),
    Namespace("torch", "torch.nn.functional"),
    Namespace("tensorflow", "tf.nn"),
    Namespace("tensorflow", "tf.compat.v1.nn"),
    Namespace(
        "tensorflow",
        "tf.compat.v1.losses",
        "",
        {
            "Reduction": "the names of the reductions",
            "add_loss": _COLLECTION,
            "get_losses": _COLLECTION,
            "get_regularization_loss": _COLLECTION,
            "get_regularization_losses": _COLLECTION,
            "get_total_loss": _COLLECTION,
        },
    ),
    Namespace("tensorflow", "keras.losses", "", _KERAS_OTHERS),
    Namespace(
        "tensorflow",
        "tf.keras.losses",
        "",
        {**_KERAS_OTHERS, "Reduction": "the names of the reductions"},
    ),
    Namespace("paddle", "paddle.nn"),
    Namespace("paddle", "paddle.nn.functional", others={"loss": "the module of the functions"}),
    Namespace(
        "mindspore",
        "mindspore.nn",
        others={
            "Loss": "a metric that averages losses already computed",
            "LossBase": "the base of MindSpore's losses",
            "DynamicLossScaleUpdateCell": _TRAINING,
            "FixedLossScaleUpdateCell": _TRAINING,
            "TrainOneStepWithLossScaleCell": _TRAINING,
            "WithLossCell": _TRAINING,
        },
    ),
    Namespace("mindspore", "mindspore.ops"),
    Namespace(
        "mindspore",
        "mindspore.mint.nn",
        others={"kl_div_ext": _PRIVATE, "mse_loss_ext": _PRIVATE, "nllloss": _PRIVATE},
    ),
    Namespace("mindspore", "mindspore.mint.nn.functional"),
    Namespace("mxnet", "mxnet.gluon.loss", "Loss", {"Loss": "the base of Gluon's losses"}),
    Namespace("mxnet", "mxnet.nd", f"{_LOSS}|^smooth_l1"),
    Namespace("jax", "optax.losses", ""),
)


def native_apis(backend: Backend) -> Iterator[str]:
    """The dotted name of every loss of the frameworks whose tensors a backend has."""
    for namespace in NAMESPACES:
        if namespace.backend != backend.name:
            continue
        module = native(namespace.name, backend)
        for name in sorted(vars(module) if namespace.backend == "mxnet" else dir(module)):
            public = not name.startswith("_") and callable(getattr(module, name))
            if public and re.search(namespace.pattern, name) and name not in namespace.others:
                yield f"{namespace.name}.{name}"


def native(name: str, backend: Backend) -> Any:
    """What a dotted name means in a framework that a backend has loaded."""
    root, *path = name.split(".")
    # Keras and optax are packages of their own beside the framework of their tensors.
    module = importlib.import_module(root) if root in ("keras", "optax") else backend.framework
    return functools.reduce(getattr, path, module)
