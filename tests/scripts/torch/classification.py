"""A classifier, in PyTorch: `nn` and `F` serve for layers too."""

import json

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SMOOTHING = 0.1


class Net(nn.Module):
    """Two layers."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.second = nn.Linear(8, 5)

    def forward(self, x):
        return self.second(F.relu(self.first(x)))


def batch():
    """Logits and labels."""
    generator = np.random.default_rng(13)
    return generator.normal(size=(6, 5)).astype("float32"), generator.integers(0, 5, size=(6,)).astype("int64")


def losses(logits, label):
    """What is minimized, and what is logged."""
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)  # -> ported
    return {
        "smoothed": criterion(logits, label),
        "sum": F.cross_entropy(logits, label, reduction="sum"),  # -> ported
        "unreduced": F.cross_entropy(  # -> ported
            input=logits,  # the scores
            target=label,
            reduction="none",
        ),
    }


def train(steps=3):
    """The losses of the first steps."""
    torch.manual_seed(1)
    x, y = torch.from_numpy(np.random.default_rng(1).normal(size=(6, 4)).astype("float32")), torch.from_numpy(batch()[1])
    net = Net()
    criterion = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)  # -> ported
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
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
