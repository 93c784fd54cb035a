"""A classifier, in Paddle: the loss is a part of the layer, and a function in the evaluation."""

import json

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn


class Classifier(nn.Layer):
    """A layer and its loss."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 5)
        self.loss = nn.CrossEntropyLoss(ignore_index=-1)  # -> ported

    def forward(self, x, y):
        return self.loss(self.linear(F.relu(x)), y)


def batch():
    """Logits and labels, one of which does not count."""
    generator = np.random.default_rng(33)
    label = generator.integers(0, 5, size=(6,)).astype("int64")
    label[2] = -1
    return generator.normal(size=(6, 5)).astype("float32"), label


def losses(logits, label):
    """What is minimized, and what is logged."""
    return {
        "mean": nn.CrossEntropyLoss(ignore_index=-1)(logits, label),  # -> ported
        "sum": F.cross_entropy(logits, label, None, -1, "sum"),  # -> ported
    }


def train(steps=3):
    """The losses of the first steps."""
    paddle.seed(1)
    x = paddle.to_tensor(np.random.default_rng(1).normal(size=(6, 4)).astype("float32"))
    y = paddle.to_tensor(batch()[1])
    model = Classifier()
    optimizer = paddle.optimizer.SGD(0.1, parameters=model.parameters())
    history = []
    for _ in range(steps):
        loss = model(x, y)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        history.append(float(loss))
    return history


if __name__ == "__main__":
    print(json.dumps(train()))
