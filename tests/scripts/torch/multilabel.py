"""Several labels at a time, in PyTorch: a loss as part of a model, derived, moved and looked up."""

import json

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class FocalLoss(nn.BCEWithLogitsLoss):  # -> left alone
    """Down-weights what is easy."""

    def forward(self, input, target):
        losses = F.binary_cross_entropy_with_logits(input, target, reduction="none")  # -> ported
        return (losses * (1 - torch.exp(-losses)) ** 2).mean()


class Model(nn.Module):
    """A layer, and its losses."""

    def __init__(self, name="SoftMarginLoss", pos_weight=None):
        super().__init__()
        self.layer = nn.Linear(3, 4)
        self.criterion = nn.BCEWithLogitsLoss(pos_weight=pos_weight)  # -> ported
        self.other = getattr(nn, name)()  # -> left alone
        self.focal = FocalLoss()

    def forward(self, x, y):
        score = self.layer(x)
        return self.criterion(score, y) + self.focal(score, y) + self.other(score, 2 * y - 1)


def margin(nn, score, y):
    """Whatever `nn` is."""
    return nn.MultiLabelSoftMarginLoss()(score, y)  # -> left alone


def batch():
    """Scores and labels."""
    generator = np.random.default_rng(18)
    score = generator.normal(scale=3.0, size=(5, 4)).astype("float32")
    return score, (generator.random(size=(5, 4)) < 0.4).astype("float32")


def losses(score, label):
    """What is logged."""
    return {
        "binary": F.binary_cross_entropy_with_logits(score, label),  # -> ported
        "margin": nn.SoftMarginLoss(reduction="sum")(score, 2 * label - 1),  # -> ported
    }


def train(steps=3):
    """The losses of the first steps."""
    torch.manual_seed(1)
    x, y = torch.from_numpy(batch()[0][:, :3].copy()), torch.from_numpy(batch()[1])
    model = Model(pos_weight=torch.tensor([1.0, 2.0, 0.5, 1.5]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(x, y) + margin(nn, model.layer(x), y)
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    return history


if __name__ == "__main__":
    print(json.dumps(train()))
