"""A regression, in MindSpore: losses by name, and through other namespaces of the framework."""

import json

import mindspore
import mindspore.ops.function as mF
import numpy as np
from mindspore.nn import Dense, HuberLoss, MAELoss, Momentum
from mindspore.nn import loss as nn_loss

DELTA = 0.5
LOSSES = {"huber": HuberLoss, "mae": MAELoss, "rmse": nn_loss.RMSELoss}  # -> ported, ported, ported


def batch():
    """Predictions and targets."""
    generator = np.random.default_rng(45)
    return tuple(generator.normal(scale=2.0, size=(7, 3)).astype("float32") for _ in range(2))


def losses(prediction, target):
    """What is logged."""
    return {
        "huber": HuberLoss("sum", 0.5)(prediction, target),  # -> ported
        "absolute": MAELoss()(prediction, target),  # -> ported
        "squared": mF.mse_loss(prediction, target),  # -> ported
    }


def train(steps=3):
    """The losses of the first steps."""
    x, y = map(mindspore.Tensor, batch())
    weight = mindspore.Tensor(np.random.default_rng(2).normal(size=(3, 3)).astype("float32"))
    net = Dense(3, 3, weight_init=weight, bias_init="zeros")
    criterion = HuberLoss(delta=DELTA)  # -> ported
    optimizer = Momentum(net.trainable_params(), 0.1, 0.9)
    step = mindspore.value_and_grad(lambda x, y: criterion(net(x), y), None, optimizer.parameters)
    history = []
    for _ in range(steps):
        loss, gradients = step(x, y)
        optimizer(gradients)
        history.append(float(loss.asnumpy()))
    return history


if __name__ == "__main__":
    print(json.dumps(train()))
