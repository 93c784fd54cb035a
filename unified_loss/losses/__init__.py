"""The canonical losses: one formula each, framework-neutral, numerically careful.

What holds for every loss here, called as
``loss(prediction, target, ..., weight=None, reduction="mean", backend=None)``:

Parameters
----------
weight : array, optional
    Multiplies the losses before they are reduced. Of the rank of the unreduced losses, each
    size equal to theirs or 1, so that (N,) never silently meets (N, 1). NaN in it gives NaN.
reduction : {"mean", "sum", "none", "weighted_mean"}
    ``mean`` divides by the number of losses, weighted or not; ``weighted_mean`` by the sum of
    `weight`. The mean over nothing is NaN, the sum over nothing 0.
backend : str, optional
    Where lists and NumPy arrays run; by default as `unified_loss.explain_selection` says. A
    framework's tensor always runs on its own framework.

Returns
-------
array
    Of the dtype of the first input; float16 and bfloat16 are computed in float32 in between.

Raises
------
ShapeError
    Shapes that do not fit: nothing is broadcast between predictions and targets.
DtypeError
    A prediction that is not floating, or class indices that are not integers.
IndexError
    A class index outside the classes (inside a traced function, where values cannot be read,
    its loss is NaN).
MixedTensorsError
    Tensors of two frameworks in one call; see `unified_loss.convert`.
"""

from .binary import binary_cross_entropy, binary_cross_entropy_with_logits
from .categorical import softmax_cross_entropy, sparse_softmax_cross_entropy
from .divergence import kl_divergence, poisson_nll
from .embedding import cosine_embedding, sdml, triplet
from .focal import sigmoid_focal
from .margin import hinge, squared_hinge
from .metric import margin_cross_entropy, n_pair
from .regression import absolute_error, huber, smooth_l1, squared_error
from .sequence import ctc
from .transducer import rnnt
from .tree import hierarchical_sigmoid

__all__ = [
    "absolute_error",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding",
    "ctc",
    "hierarchical_sigmoid",
    "hinge",
    "huber",
    "kl_divergence",
    "margin_cross_entropy",
    "n_pair",
    "poisson_nll",
    "rnnt",
    "sdml",
    "sigmoid_focal",
    "smooth_l1",
    "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
    "squared_error",
    "squared_hinge",
    "triplet",
]
