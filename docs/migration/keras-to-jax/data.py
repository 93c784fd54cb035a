"""Items that annotators judged: how their votes fall on four kinds, and whether to keep the item."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FEATURES, KINDS = 8, 4


class Items(NamedTuple):
    """``features`` (N, 8); ``votes`` (N, 4), shares that sum to 1; ``keep`` (N, 1), 0 or 1."""

    features: np.ndarray
    votes: np.ndarray
    keep: np.ndarray


def items(count: int, seed: int) -> Items:
    """Annotators agree on some items, and not on others: the votes are soft labels."""
    world, random = np.random.default_rng(0), np.random.default_rng(seed)
    directions = world.normal(size=(FEATURES, KINDS))
    features = random.normal(size=(count, FEATURES))
    votes = _softmax(np.tanh(features) @ directions)
    keep = np.sin(features[:, :1]) + 0.5 * features[:, 1:2] * features[:, 2:3] > 0
    return Items(features.astype("float32"), votes.astype("float32"), keep.astype("float32"))


def divergence(probabilities: np.ndarray, votes: np.ndarray) -> float:
    """How far the predicted shares are from the votes, in nats an item; 1e-7 stands in for a share of 0."""
    return float((votes * np.log(votes / np.maximum(probabilities, 1e-7))).sum(axis=1).mean())


def accuracy(score: np.ndarray, keep: np.ndarray) -> float:
    """The part of the items on which the sign of the score is right."""
    return float(((score > 0) == (keep == 1)).mean())


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True)
