"""Weights of samples and elements, and labels that are left out, once for all losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from .errors import ShapeError
from .ops import Array, Ops

Broadcast = Literal["same_rank", "trailing", "equal", "mutual"]
_BROADCASTS: tuple[str, ...] = get_args(Broadcast)
_EXPECTED = {
    "same_rank": "the same number of axes, each of the same size or 1",
    "trailing": "a shape that broadcasts to it",
    "equal": "the same shape",
    "mutual": "a shape that broadcasts against it",
}


@dataclass(frozen=True)
class Weighting:
    """How losses are weighted before they are reduced.

    Parameters
    ----------
    scale
        A number that multiplies every loss.
    broadcast
        The shapes that a weight array may have, against the losses' shape: ``same_rank``, each
        size equal or 1; ``trailing``, NumPy's rule; ``equal``; ``mutual``, NumPy's rule in both
        directions, after `level_ranks`.
    ignored_label
        Where the target, truncated to an integer, equals this, the loss is 0. It still counts in a
        ``mean``, not in a ``weighted_mean`` or ``valid_mean``.
    labels_only
        Whether an `ignored_label` of 0 or more may stand beside a target that holds distributions,
        which are never left out; otherwise it is refused.
    hides_ignored
        Whether the prediction is read as 0 where the label is left out, so that not even NaN there
        reaches the gradient.
    selects
        Whether a weight only selects: where it is 0 the loss is 0, whatever it was, and elsewhere it
        stays as it is.
    only_positive
        Whether losses that are not greater than 0 count like those of an ignored label.
    squeezes
        Whether a last axis of size 1 by which a weight has one axis more than the losses is dropped.
    expands
        Whether a weight that has one axis less than the losses gets a last one of size 1.
    """

    scale: float = 1.0
    broadcast: Broadcast = "same_rank"
    ignored_label: int | None = None
    labels_only: bool = False
    hides_ignored: bool = False
    selects: bool = False
    only_positive: bool = False
    squeezes: bool = False
    expands: bool = False

    def __post_init__(self) -> None:
        if self.broadcast not in _BROADCASTS:
            raise ValueError(f"broadcast: unknown rule {self.broadcast!r}, expected one of {_BROADCASTS}")

    def check(self, weight: tuple[int, ...], losses: tuple[int, ...], loss: str, argument: str) -> None:
        """Refuse a weight of a shape that does not fit the losses."""
        if self.broadcast == "mutual":
            pairs = zip(reversed(weight), reversed(losses), strict=False)
            if all(w in (n, 1) or n == 1 for w, n in pairs if isinstance(w, int) and isinstance(n, int)):
                return
        padded = (1,) * (len(losses) - len(weight)) + weight
        fits = len(padded) == len(losses) and all(
            # Inside a traced function a size may be symbolic; the framework then checks it.
            not (isinstance(w, int) and isinstance(n, int))
            or w == n
            or (w == 1 and self.broadcast != "equal")
            for w, n in zip(padded, losses, strict=True)
        )
        if not fits or (self.broadcast != "trailing" and weight and len(weight) != len(losses)):
            raise ShapeError(
                f"{loss}: {argument} has shape {weight}, the losses have {losses}; "
                f"expected {_EXPECTED[self.broadcast]}"
            )

    def ignored(self, ops: Ops, target: Array) -> Array | None:
        """Which labels are left out; None where the plan leaves none out."""
        return None if self.ignored_label is None else ops.astype(target, "int32") == self.ignored_label

    def apply(
        self, ops: Ops, losses: Array, own: Array | None, weight: Array | None, valid: Array | None
    ) -> tuple[Array, Array | None]:
        """The weighted losses, and the weights that are then in them.

        `own` are the weights that the formula has put into the losses itself. Where a label is not
        valid, loss and weight are 0; such losses are 0 already.
        """
        if weight is not None:
            losses = ops.where(weight != 0, losses, 0.0) if self.selects else losses * weight
            own = weight if own is None else own * weight
        if own is not None and valid is not None:
            own = ops.where(valid, ops.broadcast_to(own, ops.shape(losses)), 0.0)
        return losses if self.scale == 1.0 else losses * ops.constant(self.scale, ops.dtype(losses)), own
