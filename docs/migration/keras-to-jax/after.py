"""The two heads in JAX: ``python after.py FOLDER [--naive]``.

It starts from the weights in the folder, and writes its curves there. With
``--naive`` it trains with the losses of the same names in optax.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from data import accuracy, divergence, items

from unified_loss.dialects.keras import losses


def model(weights: dict[str, jax.Array], features: jax.Array) -> dict[str, jax.Array]:
    """How the votes fall, as shares, and whether to keep the item, as a score."""
    hidden = jnp.tanh(features @ weights["hidden/kernel"] + weights["hidden/bias"])
    votes = jax.nn.softmax(hidden @ weights["votes/kernel"] + weights["votes/bias"])
    keep = hidden @ weights["keep/kernel"] + weights["keep/bias"]
    return {"votes": votes, "keep": keep}


votes_loss = losses.KLDivergence()
keep_loss = losses.Hinge()


def dialect(weights, features, votes, keep):  # noqa: ANN001, ANN201
    """The losses of Keras."""
    predicted = model(weights, features)
    return votes_loss(votes, predicted["votes"]) + keep_loss(keep, predicted["keep"])


def naive(weights, features, votes, keep):  # noqa: ANN001, ANN201
    """The losses that have the same names in optax."""
    predicted = model(weights, features)
    votes_loss = optax.losses.kl_divergence(predicted["votes"], votes).mean()
    keep_loss = optax.losses.hinge_loss(predicted["keep"], keep).mean()
    return votes_loss + keep_loss


def train(folder: Path, objective, epochs: int = 20, size: int = 32) -> dict[str, list[float]]:  # noqa: ANN001
    """Train, and give a value an epoch for each curve."""
    training, held_out = items(1024, seed=1), items(512, seed=2)
    initial = np.load(folder / "initial.npz")
    weights = {name: jnp.asarray(initial[name]) for name in initial}
    optimiser = optax.sgd(0.05, momentum=0.9)
    state = optimiser.init(weights)

    @jax.jit
    def step(weights, state, *batch):  # noqa: ANN001, ANN002, ANN202
        loss, gradients = jax.value_and_grad(objective)(weights, *batch)
        updates, state = optimiser.update(gradients, state)
        return optax.apply_updates(weights, updates), state, loss

    curves = {"training loss": [], "divergence": [], "accuracy": []}
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(training.features), size):
            batch = [part[start : start + size] for part in training]
            weights, state, loss = step(weights, state, *batch)
            total += float(loss) * len(batch[0])
        predicted = model(weights, held_out.features)
        curves["training loss"].append(total / len(training.features))
        curves["divergence"].append(divergence(np.asarray(predicted["votes"]), held_out.votes))
        curves["accuracy"].append(accuracy(np.asarray(predicted["keep"]), held_out.keep))
    return curves


if __name__ == "__main__":
    folder, by_name = Path(sys.argv[1]), "--naive" in sys.argv[2:]
    curves = train(folder, naive if by_name else dialect)
    (folder / ("naive.json" if by_name else "after.json")).write_text(json.dumps(curves))
