"""The detector in PyTorch: ``python after.py FOLDER [--naive]``.

It starts from the weights in the folder, and writes its curves there. With
``--naive`` it trains with PyTorch's own losses of the same names.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from data import overlap, pictures
from torch import nn

from unified_loss.dialects.mxnet.gluon import loss as gloss


class Detector(nn.Module):
    """What the shape is, and its box."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * 6 * 6, 64),
            nn.Tanh(),
        )
        self.kind = nn.Linear(64, 2)
        self.box = nn.Linear(64, 4)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:  # noqa: D102
        features = self.features(pixels)
        return self.kind(features), self.box(features)


def train(folder: Path, naive: bool, epochs: int = 40, size: int = 32) -> dict[str, list[float]]:
    """Train, and give a value an epoch for each curve."""
    training, held_out = pictures(1024, seed=1), pictures(512, seed=2)
    net = Detector()
    weights = np.load(folder / "initial.npz")
    net.load_state_dict({name: torch.from_numpy(weights[name]) for name in weights})

    if naive:
        kind_loss = nn.CrossEntropyLoss()
        box_loss = nn.HuberLoss(delta=1 / 9)
    else:
        kind_loss = gloss.SoftmaxCrossEntropyLoss()
        box_loss = gloss.HuberLoss(rho=1 / 9)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.003, momentum=0.9)
    curves = {"training loss": [], "overlap": [], "accuracy": []}
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(training.pixels), size):
            pixels, kinds, boxes = (torch.from_numpy(part[start : start + size]) for part in training)
            kind, box = net(pixels)
            loss = (kind_loss(kind, kinds) + box_loss(box, boxes)).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item() * len(pixels)
        curves["training loss"].append(total / len(training.pixels))
        with torch.no_grad():
            kind, box = net(torch.from_numpy(held_out.pixels))
        curves["overlap"].append(overlap(box.numpy(), held_out.boxes))
        curves["accuracy"].append(float((kind.numpy().argmax(1) == held_out.kinds).mean()))
    return curves


if __name__ == "__main__":
    folder, naive = Path(sys.argv[1]), "--naive" in sys.argv[2:]
    name = "naive.json" if naive else "after.json"
    (folder / name).write_text(json.dumps(train(folder, naive)))
