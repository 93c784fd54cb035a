"""Models that are compiled with their loss, in Keras: by an object, by a name, by a table of names."""

import json

import keras
import numpy as np
from keras import layers
from keras.losses import Huber, MeanSquaredError


def batch():
    """Targets and predictions, in Keras's order."""
    generator = np.random.default_rng(25)
    return tuple(generator.normal(scale=2.0, size=(8, 3)).astype("float32") for _ in range(2))


def losses(y_true, y_pred):
    """What is logged."""
    return {
        "huber": Huber(delta=0.5)(y_true, y_pred),  # -> ported
        "log cosh": keras.losses.LogCosh(reduction="sum")(y_true, y_pred),  # -> ported
        "squared": keras.losses.mean_squared_error(y_true, y_pred),  # -> ported
    }


def compiled(loss):
    """A model with two outputs where there are two losses."""
    keras.utils.set_random_seed(11)
    inputs = keras.Input((3,))
    if isinstance(loss, dict):
        outputs = {name: layers.Dense(3, name=name)(inputs) for name in loss}
    else:
        outputs = layers.Dense(3)(inputs)
    return keras.Model(inputs, outputs), loss


def train():
    """The losses of the first epochs, of each model."""
    y, x = batch()
    history = []
    model, loss = compiled(MeanSquaredError())  # -> ported
    model.compile("sgd", loss=loss)
    history += model.fit(x, y, epochs=2, verbose=0, shuffle=False).history["loss"]
    model, _ = compiled("mse")
    model.compile(optimizer="sgd", loss="mse", metrics=["mae"])  # -> left alone
    history += model.fit(x, y, epochs=2, verbose=0, shuffle=False).history["loss"]
    model, _ = compiled({"a": None, "b": None})
    model.compile("sgd", loss={"a": "huber", "b": Huber(0.5)})  # -> left alone, ported
    history += model.fit(x, {"a": y, "b": y}, epochs=2, verbose=0, shuffle=False).history["loss"]
    return [float(value) for value in history]


if __name__ == "__main__":
    print(json.dumps(train()))
