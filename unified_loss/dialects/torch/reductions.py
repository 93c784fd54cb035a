"""What PyTorch's three arguments of reduction mean together."""

from __future__ import annotations

from unified_loss.reduction import Reduction


def reduction_of(
    loss: str, reduction: str, size_average: bool | None = None, reduce: bool | None = None
) -> Reduction:
    """The reduction, which the two retired arguments override as soon as one of them is given."""
    return Reduction.of(effective(reduction, size_average, reduce), f"torch.nn.functional.{loss}")


def effective(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """The name of the reduction: a retired argument that is not given counts as true."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"
