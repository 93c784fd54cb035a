"""A training loop of its own, in TensorFlow: `tf.keras.losses` and `tf.nn` beside everything else of `tf`."""

import json

import numpy as np
import tensorflow as tf

loss_object = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)  # -> ported


def batch():
    """Labels and logits, in Keras's order."""
    generator = np.random.default_rng(23)
    return generator.integers(0, 5, size=(6,)).astype("int32"), generator.normal(size=(6, 5)).astype("float32")


def losses(label, logits):
    """What is minimized, and what is logged."""
    return {
        "object": loss_object(label, logits),
        "per sample": tf.nn.sparse_softmax_cross_entropy_with_logits(labels=label, logits=logits),  # -> ported
        "summed": tf.keras.losses.SparseCategoricalCrossentropy(  # -> ported
            from_logits=True,
            reduction="sum",  # over the batch
        )(label, logits),
    }


def train(steps=3):
    """The losses of the first steps."""
    generator = np.random.default_rng(1)
    x = tf.constant(generator.normal(size=(6, 4)), tf.float32)
    y = tf.constant(batch()[0])
    weights = tf.Variable(generator.normal(size=(4, 5)), dtype=tf.float32)
    history = []
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = loss_object(y, tf.matmul(x, weights)) + tf.nn.l2_loss(weights) * 0.01  # -> ported
        weights.assign_sub(0.1 * tape.gradient(loss, weights))
        history.append(float(loss))
    return history


if __name__ == "__main__":
    print(json.dumps(train()))
