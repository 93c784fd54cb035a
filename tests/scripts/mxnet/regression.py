"""A robust regression, in Gluon: the loss comes from a table of the names in a configuration."""

import json

import mxnet as mx
import numpy as np
from mxnet import autograd
from mxnet.gluon import Trainer, nn
from mxnet.gluon.loss import (
    HuberLoss,
    L1Loss,
    L2Loss as SquaredLoss,
)

CONFIG = {"loss": "huber", "arguments": {"rho": 0.75}}

LOSSES = {
    "huber": HuberLoss,  # -> ported
    "l1": L1Loss,  # -> ported
    "l2": SquaredLoss,  # -> ported
}


def from_config(config):
    return LOSSES[config["loss"]](**config["arguments"])


def batch():
    """Predictions and targets, some of them far off."""
    generator = np.random.default_rng(5)
    return tuple(generator.normal(scale=2.0, size=(7, 3)).astype("float32") for _ in range(2))


def losses(prediction, target):
    """What is minimized, and what is logged."""
    return {
        "from config": from_config(CONFIG)(prediction, target),
        "huber": HuberLoss(0.5)(prediction, target),  # -> ported
        "absolute": L1Loss(weight=2.0, batch_axis=0)(prediction, target),  # -> ported
        "squared": SquaredLoss( )(prediction, target),  # -> ported
    }


def train(steps=3):
    """The losses of the first steps."""
    mx.random.seed(2)
    x, y = map(mx.nd.array, batch())
    net = nn.Dense(3, in_units=3)
    net.initialize()
    trainer = Trainer(net.collect_params(), "sgd", {"learning_rate": 0.05})
    criterion = from_config(CONFIG)
    history = []
    for _ in range(steps):
        with autograd.record():
            loss = criterion(net(x), y).mean()
        loss.backward()
        trainer.step(1)
        history.append(float(loss.asscalar()))
    return history


if __name__ == "__main__":
    print(json.dumps(train()))
