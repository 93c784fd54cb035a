"""Masks, in Keras inside TensorFlow: a loss of its own, derived; others got by their names; an older import."""

import json

import numpy as np
import tensorflow as tf
from tensorflow import keras

try:
    from tensorflow.keras import losses as kl
except ImportError:
    kl = keras.losses  # -> left alone


class Overlap(keras.losses.Loss):  # -> left alone
    """One minus the overlap."""

    def call(self, y_true, y_pred):
        both = tf.reduce_sum(y_true * y_pred, axis=-1)
        return 1 - 2 * both / tf.reduce_sum(y_true + y_pred, axis=-1)


def batch():
    """Masks and probabilities."""
    generator = np.random.default_rng(28)
    mask = (generator.random(size=(5, 6)) < 0.4).astype("float32")
    return mask, generator.uniform(0.05, 0.95, size=(5, 6)).astype("float32")


def losses(mask, probability):
    """What is logged."""
    binary = keras.losses.BinaryCrossentropy(label_smoothing=0.2)  # -> ported
    focal = tf.keras.losses.BinaryFocalCrossentropy(gamma=1.5)  # -> ported
    return {"binary": binary(mask, probability), "focal": focal(mask, probability)}


def train(steps=3):
    """The losses of the first steps."""
    mask, probability = map(tf.constant, batch())
    logits = tf.Variable(tf.math.log(probability / (1 - probability)))
    old = kl.Poisson()  # -> left alone
    options = {"from_logits": True}
    binary = keras.losses.BinaryCrossentropy(**options)  # -> ported
    history = []
    for _ in range(steps):
        with tf.GradientTape() as tape:
            p = tf.sigmoid(logits)
            loss = binary(mask, logits) + Overlap()(mask, p) + old(mask, p)
        logits.assign_sub(tape.gradient(loss, logits))
        history.append(float(loss))
    return history


if __name__ == "__main__":
    print(json.dumps(train()))
