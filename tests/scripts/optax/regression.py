"""A regression, in JAX: losses by their names, arguments by position, from a configuration."""

import json

import jax
import numpy as np
from optax import huber_loss, l2_loss
from optax.losses import log_cosh as smooth
from optax.losses import squared_error

CONFIG = {"loss": "huber", "arguments": {"delta": 0.5}}
LOSSES = {"huber": huber_loss, "l2": l2_loss}  # -> ported, ported


def batch():
    """Predictions and targets."""
    generator = np.random.default_rng(55)
    return tuple(generator.normal(scale=2.0, size=(7, 3)).astype("float32") for _ in range(2))


def losses(prediction, target):
    """What is logged."""
    return {
        "huber": huber_loss(prediction, target, delta=0.5),  # -> ported
        "squared": squared_error(prediction, target),  # -> ported
        "smooth": smooth(predictions=prediction, targets=target),  # -> ported
    }


def configured(prediction, target):
    return LOSSES[CONFIG["loss"]](prediction, target, **CONFIG["arguments"]).mean()


def train(steps=3):
    """The losses of the first steps."""
    x, y = batch()
    weights = np.eye(3, dtype="float32")
    step = jax.value_and_grad(lambda w: configured(x @ w, y))
    history = []
    for _ in range(steps):
        loss, gradient = step(weights)
        weights = weights - 0.1 * gradient
        history.append(float(loss))
    return history


if __name__ == "__main__":
    print(json.dumps(train()))
