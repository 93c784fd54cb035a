"""Two heads, boxes and classes, in Gluon: own losses beside those of the framework."""

import json

import mxnet as mx
import numpy as np


class BoxLoss(mx.gluon.loss.HuberLoss):  # -> left alone
    """Boxes count twice."""

    def __init__(self):
        super().__init__(rho=0.25, weight=2.0)


class Confidence(mx.gluon.loss.Loss):  # -> left alone
    """Where the framework's own has no name for it."""

    def __init__(self, weight=None, batch_axis=0, **kwargs):
        super().__init__(weight, batch_axis, **kwargs)

    def hybrid_forward(self, F, score, label):
        return F.smooth_l1(score - label, scalar=2.0).mean()  # -> left alone


class Losses:
    """Those of both heads."""

    def __init__(self):
        self.classes = mx.gluon.loss.SigmoidBCELoss(from_sigmoid=False)  # -> left alone
        self.boxes = BoxLoss()
        self.classes.hybridize()

    def __call__(self, score, label):
        return self.classes(score, label)


def batch():
    """Scores and labels."""
    generator = np.random.default_rng(8)
    score = generator.normal(scale=3.0, size=(4, 6)).astype("float32")
    return score, (generator.random(size=(4, 6)) < 0.4).astype("float32")


def losses(score, label):
    """What is logged."""
    from mxnet.gluon import loss as gloss

    binary = gloss.SigmoidBCELoss()  # -> ported
    hinge = gloss.HingeLoss(margin=2)  # -> ported
    return {"classes": binary(score, label), "hinge": hinge(score, 2 * label - 1)}


def train(steps=3):
    """The losses of the first steps."""
    mx.random.seed(4)
    x, y = map(mx.nd.array, batch())
    net = mx.gluon.nn.Dense(6, in_units=6)
    net.initialize()
    trainer = mx.gluon.Trainer(net.collect_params(), "adam")
    confidence, own = Confidence(), BoxLoss()
    binary = mx.gluon.loss.SigmoidBCELoss()  # -> ported
    history = []
    for _ in range(steps):
        with mx.autograd.record():
            loss = binary(net(x), y).mean() + confidence(net(x), y) + own(net(x), y).mean()
        loss.backward()
        trainer.step(1)
        history.append(float(loss.asscalar()))
    return history


if __name__ == "__main__":
    print(json.dumps(train()))
