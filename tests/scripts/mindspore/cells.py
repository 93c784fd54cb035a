"""Losses inside cells, in MindSpore: one derived, one switched to training, one looked up."""

import json

import mindspore as ms
import numpy as np
from mindspore import nn


class Weighted(nn.BCEWithLogitsLoss):  # -> left alone
    """Twice the loss."""

    def construct(self, logits, labels, weight=None, pos_weight=None):
        return 2 * super().construct(logits, labels)


class WithLoss(nn.Cell):
    """A network and its losses."""

    def __init__(self, net, other="L1Loss"):
        super().__init__()
        self.net = net
        self.binary = nn.BCEWithLogitsLoss()  # -> left alone
        self.binary.set_train()
        self.weighted = Weighted()
        self.other = getattr(nn, other)()  # -> left alone

    def construct(self, x, y):
        score = self.net(x)
        return self.weighted(score, y) + self.other(score, 2 * y - 1)


def batch():
    """Scores and labels."""
    generator = np.random.default_rng(48)
    score = generator.normal(scale=3.0, size=(5, 4)).astype("float32")
    return score, (generator.random(size=(5, 4)) < 0.4).astype("float32")


def losses(score, label):
    """What is logged."""
    return {"binary": nn.BCEWithLogitsLoss(reduction="sum")(score, label)}  # -> ported


def train(steps=3):
    """The losses of the first steps."""
    x, y = map(ms.Tensor, batch())
    weight = ms.Tensor(np.random.default_rng(2).normal(size=(4, 4)).astype("float32"))
    net = nn.Dense(4, 4, weight_init=weight, bias_init="zeros")
    squared, binary = nn.MSELoss(reduction="mean"), nn.BCEWithLogitsLoss()  # -> ported, ported
    optimizer = nn.SGD(net.trainable_params(), 0.1)
    step = ms.value_and_grad(
        lambda x, y: binary(net(x), y) + squared(net(x), 2 * y - 1), None, optimizer.parameters
    )
    history = []
    for _ in range(steps):
        loss, gradients = step(x, y)
        optimizer(gradients)
        history.append(float(loss.asnumpy()))
    return history


if __name__ == "__main__":
    print(json.dumps(train()))
