"""Losses that are chosen while the program runs, in JAX: an alias, a lookup, an import for either of two versions."""

import json

import jax
import numpy as np
import optax as ox

try:
    from optax.losses import sigmoid_binary_cross_entropy as binary
except ImportError:
    binary = ox.sigmoid_binary_cross_entropy  # -> ported

older = ox.losses  # -> left alone


def batch():
    """Scores and labels."""
    generator = np.random.default_rng(58)
    score = generator.normal(scale=3.0, size=(5, 4)).astype("float32")
    return score, (generator.random(size=(5, 4)) < 0.4).astype("float32")


def losses(score, label):
    """What is logged."""
    return {
        "binary": ox.sigmoid_binary_cross_entropy(score, label),  # -> ported
        "focal": ox.losses.sigmoid_focal_loss(score, label, gamma=1.5),  # -> ported
    }


def train(name="hinge_loss"):
    """Each loss of the batch."""
    score, label = batch()
    found = [binary, getattr(ox.losses, name), older.squared_error]  # -> left alone, left alone, left alone
    return [float(jax.numpy.mean(loss(score, label))) for loss in found]


if __name__ == "__main__":
    print(json.dumps(train()))
