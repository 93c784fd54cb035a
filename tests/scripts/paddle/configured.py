"""Losses from a configuration, in Paddle: a table of classes, and names that are looked up."""

import json

import numpy as np
import paddle
from paddle.nn import BCEWithLogitsLoss, Linear
from paddle.nn import MarginRankingLoss as Ranking

CONFIG = {"loss": "binary", "arguments": {"reduction": "sum"}, "other": "SoftMarginLoss"}

LOSSES = {"binary": BCEWithLogitsLoss, "ranking": Ranking}  # -> ported, ported


def configured(config, **more):
    return LOSSES[config["loss"]](**config["arguments"], **more)


def batch():
    """Scores and labels."""
    generator = np.random.default_rng(38)
    score = generator.normal(scale=3.0, size=(5, 4)).astype("float32")
    return score, (generator.random(size=(5, 4)) < 0.4).astype("float32")


def losses(score, label):
    """What is logged."""
    return {
        "configured": configured(CONFIG)(score, label),
        "mean": BCEWithLogitsLoss()(score, label),  # -> ported
        "ranking": Ranking(margin=0.5)(score, -score, 2 * label - 1),  # -> ported
    }


def train(steps=3):
    """The losses of the first steps."""
    paddle.seed(1)
    x, y = map(paddle.to_tensor, batch())
    model = Linear(4, 4)
    other = getattr(paddle.nn, CONFIG["other"])()  # -> left alone
    criterion = configured(CONFIG)
    optimizer = paddle.optimizer.SGD(0.02, parameters=model.parameters())
    history = []
    for _ in range(steps):
        loss = criterion(model(x), y) + other(model(x), 2 * y - 1)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        history.append(float(loss))
    return history


if __name__ == "__main__":
    print(json.dumps(train()))
