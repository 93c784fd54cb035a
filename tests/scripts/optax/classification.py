"""A classifier, in JAX: the losses of optax, which also gives the optimizer."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import optax


def batch():
    """Logits and labels."""
    generator = np.random.default_rng(53)
    return generator.normal(size=(6, 5)).astype("float32"), generator.integers(0, 5, size=(6,)).astype("int32")


def losses(logits, label):
    """What is minimized, and what is logged."""
    return {
        "per sample": optax.softmax_cross_entropy_with_integer_labels(logits, label),  # -> ported
        "by keyword": optax.losses.softmax_cross_entropy_with_integer_labels(  # -> ported
            labels=label,
            logits=logits,
        ).mean(),
    }


def loss_fn(weights, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(x @ weights, y).mean()  # -> ported


def train(steps=3):
    """The losses of the first steps."""
    generator = np.random.default_rng(1)
    x, y = jnp.asarray(generator.normal(size=(6, 4)), jnp.float32), jnp.asarray(batch()[1])
    weights = jnp.asarray(generator.normal(size=(4, 5)), jnp.float32)
    optimizer = optax.sgd(0.1)
    state = optimizer.init(weights)
    step = jax.jit(jax.value_and_grad(loss_fn))
    history = []
    for _ in range(steps):
        loss, gradient = step(weights, x, y)
        updates, state = optimizer.update(gradient, state)
        weights = optax.apply_updates(weights, updates)
        history.append(float(loss))
    return history


if __name__ == "__main__":
    print(json.dumps(train()))
