"""A classifier of sequences of characters, in Gluon: the loss is made once, at the top."""

import json

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn

CLASSES = 5
loss_fn = gluon.loss.SoftmaxCrossEntropyLoss()  # -> ported
per_position = gluon.loss.SoftmaxCELoss(axis=1, sparse_label=True)  # -> ported


def batch():
    """Logits and labels."""
    generator = np.random.default_rng(3)
    logits = generator.normal(size=(6, CLASSES)).astype("float32")
    return logits, generator.integers(0, CLASSES, size=(6,)).astype("int32")


def losses(logits, label):
    """What is minimized, and what is logged."""
    return {
        "per sample": loss_fn(logits, label),
        "weighted": gluon.loss.SoftmaxCrossEntropyLoss(weight=0.25)(logits, label),  # -> ported
        "axis 1": per_position(logits, label),
    }


def train(steps=3):
    """The losses of the first steps."""
    mx.random.seed(7)
    features, label = nd.array(np.random.default_rng(1).normal(size=(6, 4))), nd.array(batch()[1])
    net = nn.Sequential()
    net.add(nn.Dense(8, activation="relu"), nn.Dense(CLASSES))
    net.initialize(mx.init.Xavier())
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    history = []
    for _ in range(steps):
        with autograd.record():
            loss = loss_fn(net(features), label)
        loss.backward()
        trainer.step(len(label))
        history.append(float(loss.mean().asscalar()))
    return history


if __name__ == "__main__":
    print(json.dumps(train()))
