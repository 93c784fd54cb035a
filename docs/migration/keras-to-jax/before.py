"""Two heads in Keras: ``python before.py FOLDER`` writes the first weights and the curves there."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
from data import FEATURES, KINDS, Items, accuracy, divergence, items
from keras import layers


def model() -> keras.Model:
    """How the votes fall, as shares, and whether to keep the item, as a score."""
    features = keras.Input((FEATURES,))
    hidden = layers.Dense(64, activation="tanh", name="hidden")(features)
    votes = layers.Dense(KINDS, activation="softmax", name="votes")(hidden)
    keep = layers.Dense(1, name="keep")(hidden)
    return keras.Model(features, {"votes": votes, "keep": keep})


class Measure(keras.callbacks.Callback):
    """Take a value an epoch for each curve."""

    def __init__(self, held_out: Items) -> None:
        super().__init__()
        self.held_out = held_out
        self.curves: dict[str, list[float]] = {"training loss": [], "divergence": [], "accuracy": []}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Called by Keras."""
        predicted = self.model.predict_on_batch(self.held_out.features)
        self.curves["training loss"].append(float(logs["loss"]))
        self.curves["divergence"].append(divergence(predicted["votes"], self.held_out.votes))
        self.curves["accuracy"].append(accuracy(predicted["keep"], self.held_out.keep))


def train(folder: Path, epochs: int = 20, size: int = 32) -> dict[str, list[float]]:
    """Train, and give a value an epoch for each curve."""
    keras.utils.set_random_seed(7)
    training, measure = items(1024, seed=1), Measure(items(512, seed=2))
    net = model()
    np.savez(folder / "initial.npz", **{weight.path: weight.numpy() for weight in net.weights})
    net.compile(
        optimizer=keras.optimizers.SGD(0.05, momentum=0.9),
        loss={"votes": keras.losses.KLDivergence(), "keep": keras.losses.Hinge()},
    )
    net.fit(
        training.features,
        {"votes": training.votes, "keep": training.keep},
        batch_size=size,
        epochs=epochs,
        shuffle=False,
        callbacks=[measure],
        verbose=0,
    )
    return measure.curves


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    (folder / "before.json").write_text(json.dumps(train(folder)))
