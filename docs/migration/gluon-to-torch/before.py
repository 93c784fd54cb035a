"""A shape detector in MXNet Gluon: ``python before.py FOLDER`` writes weights and curves there."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from data import overlap, pictures

import unified_loss as ul

ul.import_backends("mxnet")  # MXNet 1.9.1 was built for an older NumPy; this lets it be imported

import mxnet as mx  # noqa: E402
from mxnet import autograd, gluon  # noqa: E402
from mxnet.gluon import nn  # noqa: E402


class Detector(gluon.HybridBlock):
    """What the shape is, and its box."""

    def __init__(self) -> None:
        super().__init__()
        with self.name_scope():
            self.features = nn.HybridSequential()
            self.features.add(
                nn.Conv2D(8, 3, padding=1),
                nn.Activation("tanh"),
                nn.AvgPool2D(2),
                nn.Conv2D(16, 3, padding=1),
                nn.Activation("tanh"),
                nn.AvgPool2D(2),
                nn.Flatten(),
                nn.Dense(64),
                nn.Activation("tanh"),
            )
            self.kind = nn.Dense(2)
            self.box = nn.Dense(4)

    def hybrid_forward(self, F, pixels):  # noqa: ANN001, ANN201, ARG002, D102, N803
        features = self.features(pixels)
        return self.kind(features), self.box(features)


def train(folder: Path, epochs: int = 40, size: int = 32) -> dict[str, list[float]]:
    """Train, and give a value an epoch for each curve."""
    mx.random.seed(7)
    training, held_out = pictures(1024, seed=1), pictures(512, seed=2)
    net = Detector()
    net.initialize(mx.init.Xavier())
    net.hybridize()
    net(mx.nd.array(held_out.pixels))
    save(net, folder)

    kind_loss = gluon.loss.SoftmaxCrossEntropyLoss()
    box_loss = gluon.loss.HuberLoss(rho=1 / 9)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.003, "momentum": 0.9})
    curves = {"training loss": [], "overlap": [], "accuracy": []}
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(training.pixels), size):
            pixels, kinds, boxes = (mx.nd.array(part[start : start + size]) for part in training)
            with autograd.record():
                kind, box = net(pixels)
                loss = kind_loss(kind, kinds) + box_loss(box, boxes)
            loss.backward()
            trainer.step(size)
            total += loss.sum().asscalar()
        curves["training loss"].append(float(total / len(training.pixels)))
        kind, box = net(mx.nd.array(held_out.pixels))
        curves["overlap"].append(overlap(box.asnumpy(), held_out.boxes))
        curves["accuracy"].append(float((kind.asnumpy().argmax(1) == held_out.kinds).mean()))
    return curves


def save(net: Detector, folder: Path) -> None:
    """Write the weights under the names that PyTorch will know them by."""
    net.save_parameters(str(folder / "initial.params"))
    weights = mx.nd.load(str(folder / "initial.params"))
    np.savez(folder / "initial.npz", **{name: weight.asnumpy() for name, weight in weights.items()})


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    (folder / "before.json").write_text(json.dumps(train(folder)))
