"""A regression, in Paddle: everything by its full name, arguments from the command line."""

import argparse
import json

import numpy as np
import paddle


def parsed():
    parser = argparse.ArgumentParser()
    parser.add_argument("--delta", type=float, default=0.5)
    return parser.parse_args([])


def batch():
    """Predictions and targets."""
    generator = np.random.default_rng(35)
    return tuple(generator.normal(scale=2.0, size=(7, 3)).astype("float32") for _ in range(2))


def losses(prediction, target):
    """What is logged."""
    return {
        "smooth": paddle.nn.SmoothL1Loss(delta=0.5)(prediction, target),  # -> ported
        "squared": paddle.nn.functional.square_error_cost(prediction, target),  # -> ported
        "absolute": paddle.nn.functional.l1_loss(prediction, target, reduction="sum"),  # -> ported
    }


def train(steps=3):
    """The losses of the first steps."""
    arguments = parsed()
    paddle.seed(1)
    x, y = map(paddle.to_tensor, batch())
    model = paddle.nn.Linear(3, 3)
    criterion = paddle.nn.SmoothL1Loss(delta=arguments.delta)  # -> left alone
    criterion.train()
    optimizer = paddle.optimizer.Adam(0.05, parameters=model.parameters())
    history = []
    for _ in range(steps):
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        history.append(float(loss))
    return history


if __name__ == "__main__":
    print(json.dumps(train()))
