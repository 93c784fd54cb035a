"""A regression, in PyTorch: classes by name, a table for a configuration, arguments by position."""

import argparse
import json
from functools import partial

import numpy as np
import torch
from torch import optim
from torch.nn import HuberLoss, Linear, MSELoss, SmoothL1Loss as Smooth
from torch.nn.functional import l1_loss, mse_loss

LOSSES = {
    "mse": MSELoss(),  # -> ported
    "huber": partial(HuberLoss, delta=1.5),  # -> ported
    "summed": partial(mse_loss, reduction="sum"),  # -> ported
}


def batch():
    """Predictions and targets."""
    generator = np.random.default_rng(15)
    return tuple(generator.normal(scale=2.0, size=(7, 3)).astype("float32") for _ in range(2))


def losses(prediction, target):
    """What is logged."""
    return {
        "mse": LOSSES["mse"](prediction, target),
        "huber": LOSSES["huber"]()(prediction, target),
        "summed": LOSSES["summed"](prediction, target),
        "smooth": Smooth(reduction="none", beta=0.5)(prediction, target),  # -> ported
        "absolute": l1_loss(target, prediction),  # -> ported
    }


def train(steps=3):
    """The losses of the first steps."""
    options = argparse.Namespace(delta=0.75, reduction="sum")
    torch.manual_seed(1)
    x, y = map(torch.from_numpy, batch())
    net = Linear(3, 3)
    criterion = HuberLoss(reduction=options.reduction, delta=options.delta)  # -> ported
    optimizer = optim.Adam(net.parameters(), lr=0.1)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    return history


if __name__ == "__main__":
    print(json.dumps(train()))
