"""`weighed_tensors`: tensors for losses with weights of their own, whose sizes say those of the tensors."""

from __future__ import annotations

from unified_loss.porting.source import NativeCall

from .draw import Array, Draw


def weighed_tensors(call: NativeCall, draw: Draw) -> dict[str, Array]:
    """Tensors of a call of a loss that holds weights.

    Parameters
    ----------
    call : its parameters say how many features and classes there are
    draw : where they are drawn from

    Returns
    -------
    dict
        Features of a few samples, and class indices; of a tree of one's own also the ways down it.
    """
    sizes = call.parameters
    features, classes, nodes, axes = (
        sizes.get("in_features", sizes.get("feature_size")),
        sizes.get("n_classes", sizes.get("num_classes")),
        sizes["num_classes"] if sizes.get("is_custom") else 0,
        tuple(sizes.get("out_features", ())),
    )
    samples = draw.size()
    given, label, *ways = call.arguments
    found = {
        given: draw.normal(samples, features),
        label: draw.labels(classes, samples, *axes),
    }
    if nodes and ways:
        length = draw.choice(2, 3)
        found |= {
            ways[0]: draw.integers(0, nodes - 1, samples, length),
            ways[1]: draw.integers(0, 1, samples, length),
        }
    return found
