"""Losses of embeddings, of rankings, and of maxima; smoothed labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.dialects.row import DialectLoss
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction

from ._plans import BROADCAST, NAMESPACE, UNREDUCED, Axes

T = TypeVar("T")


@function(NAMESPACE, embeddings="prediction", labels="target")
def ntxent(embeddings: Any, labels: Any, temperature: float = 0.07) -> Plan:
    """`unified_loss.losses.nt_xent`, averaged over all ordered pairs of a group; 0 if there are none."""
    return Plan.of(
        losses.nt_xent,
        reduction=Reduction("weighted_mean", over_nothing="zero"),
        temperature=temperature,
    )


@function(NAMESPACE, anchors="anchor", positives="positive", negatives="negative")
def triplet_margin_loss(
    anchors: Any,
    positives: Any,
    negatives: Any,
    axis: int = -1,
    norm_degree: float = 2,
    margin: float = 1.0,
    eps: float = 1e-6,
) -> Plan:
    """`unified_loss.losses.triplet_margin` of powers with their signs, `eps` being inside the root."""
    return Plan.of(
        losses.triplet_margin,
        layouts={"positive": BROADCAST, "negative": BROADCAST},
        reduction=UNREDUCED,
        axis=axis,
        p=norm_degree,
        margin=margin,
        root_epsilon=eps,
        signed=True,
        gradient_at_zero=0.5,
    )


@function(NAMESPACE, logits="prediction", labels="target", where="mask", weights="item_weight")
def ranking_softmax_loss(
    logits: Any,
    labels: Any,
    *,
    where: Any = None,
    weights: Any = None,
    reduce_fn: Callable[..., Any] | None = np.mean,
) -> Plan:
    """`unified_loss.losses.ranking_softmax`.

    A function named `mean` or `sum`, of whichever framework, is that reduction, over the lists that
    have items; any other is called with the losses, and with `where` if that is given.
    """
    name = getattr(reduce_fn, "__name__", None)
    if name == "mean":
        return Plan.of(losses.ranking_softmax, reduction=Reduction("weighted_mean", over_nothing="zero"))
    if name == "sum":
        return Plan.of(losses.ranking_softmax, reduction=Reduction("sum"))
    return Plan.of(losses.ranking_softmax, reduction=UNREDUCED, reduce=reduce_fn)


class make_fenchel_young_loss(DialectLoss, namespace=NAMESPACE):
    """`unified_loss.losses.fenchel_young`, `max_fun` being called with one vector at a time."""

    max_fun: Callable[..., Any]

    arguments = {"prediction": "scores", "target": "targets"}

    def lower(self) -> Plan:
        """The plan."""
        return Plan.of(
            losses.fenchel_young,
            layouts={"target": BROADCAST},
            reduction=UNREDUCED,
            max_function=self.max_fun,
            vectorized=False,
        )

    def __call__(self, scores: T, targets: T) -> T:
        """Losses of the shape of `scores` without the last axis."""
        return self.evaluate(scores, targets)


@function(NAMESPACE, labels="target", alpha="smoothing", where="mask")
def smooth_labels(labels: Any, alpha: Any, *, axis: Axes = -1, where: Any = None) -> Plan:
    """`unified_loss.losses.smooth_labels`."""
    return Plan.of(losses.smooth_labels, layouts={"smoothing": BROADCAST}, reduction=UNREDUCED, axes=axis)
