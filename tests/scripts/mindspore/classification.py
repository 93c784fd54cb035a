"""A classifier, in MindSpore: a loss of `nn` in the function that is differentiated."""

import json

import mindspore as ms
import numpy as np
from mindspore import nn, ops

loss_fn = nn.CrossEntropyLoss()  # -> ported


def batch():
    """Logits and labels."""
    generator = np.random.default_rng(43)
    return generator.normal(size=(6, 5)).astype("float32"), generator.integers(0, 5, size=(6,)).astype("int32")


def losses(logits, label):
    """What is minimized, and what is logged."""
    return {
        "mean": loss_fn(logits, label),
        "sum": ops.cross_entropy(logits, label, reduction="sum"),  # -> ported
        "per sample": nn.SoftmaxCrossEntropyWithLogits(sparse=True)(logits, label),  # -> ported
    }


def train(steps=3):
    """The losses of the first steps."""
    ms.set_seed(1)
    generator = np.random.default_rng(1)
    x, y = ms.Tensor(generator.normal(size=(6, 4)).astype("float32")), ms.Tensor(batch()[1])
    net = nn.Dense(4, 5, weight_init=ms.Tensor(generator.normal(size=(5, 4)).astype("float32")), bias_init="zeros")
    optimizer = nn.SGD(net.trainable_params(), 0.1)

    def forward(x, y):
        return loss_fn(ops.relu(net(x)), y)

    step = ms.value_and_grad(forward, None, optimizer.parameters)
    history = []
    for _ in range(steps):
        loss, gradients = step(x, y)
        optimizer(gradients)
        history.append(float(loss.asnumpy()))
    return history


if __name__ == "__main__":
    print(json.dumps(train()))
