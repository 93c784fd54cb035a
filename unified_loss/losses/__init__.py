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

from .alignment import padded_ctc
from .binary import binary_cross_entropy, binary_cross_entropy_with_logits
from .categorical import poly_cross_entropy, softmax_cross_entropy, sparse_softmax_cross_entropy
from .class_outputs import label_membership, softmax_residual
from .class_overlap import generalized_dice, multiclass_dice, multiclass_tversky
from .classes import multi_margin, multilabel_margin, multilabel_soft_margin, soft_margin
from .contrastive import in_batch_softmax, nt_xent
from .distances import triplet_margin, triplet_margin_with_distance
from .divergence import generalized_kl_divergence, kl_divergence, poisson_nll
from .embedding import cosine_embedding, cosine_similarity, inner_product_distance, sdml, triplet
from .focal import sigmoid_focal, softmax_focal
from .focal_probability import binary_focal_cross_entropy, categorical_focal_cross_entropy
from .gaussian import gaussian_nll
from .given import given, softmax
from .likelihood import cross_entropy, nll
from .margin import categorical_hinge, hinge, squared_hinge
from .metric import margin_cross_entropy, n_pair
from .outputs import loss_output, regression_output, softmax_output, svm_output
from .overlap import dice, tversky
from .pairs import hinge_embedding, margin_ranking
from .pairwise import mean_pairwise_squared_error
from .probability import (
    categorical_cross_entropy,
    generalized_cross_entropy,
    sparse_categorical_cross_entropy,
)
from .projection import adaptive_log_softmax, linear_cross_entropy
from .ranking import ranking_softmax
from .regression import (
    absolute_error,
    absolute_percentage_error,
    huber,
    log_cosh,
    smooth_l1,
    squared_error,
    squared_logarithmic_error,
)
from .sample_weights import sample_weighted_cross_entropy
from .sampled import nce, sampled_softmax
from .sequence import ctc
from .sequence_outputs import ctc_forward, rnnt_gradient, sparse_ctc
from .similarity import circle
from .smoothing import smooth_labels
from .structured import (
    fenchel_young,
    multiclass_hinge,
    multiclass_perceptron,
    multiclass_sparsemax,
    perceptron,
    sparsemax,
)
from .transducer import rnnt
from .tree import hierarchical_sigmoid

__all__ = [
    "absolute_error",
    "absolute_percentage_error",
    "adaptive_log_softmax",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "binary_focal_cross_entropy",
    "categorical_cross_entropy",
    "categorical_focal_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_embedding",
    "cosine_similarity",
    "cross_entropy",
    "ctc",
    "ctc_forward",
    "dice",
    "fenchel_young",
    "gaussian_nll",
    "generalized_cross_entropy",
    "generalized_dice",
    "generalized_kl_divergence",
    "given",
    "hierarchical_sigmoid",
    "hinge",
    "hinge_embedding",
    "huber",
    "in_batch_softmax",
    "inner_product_distance",
    "kl_divergence",
    "label_membership",
    "linear_cross_entropy",
    "log_cosh",
    "loss_output",
    "margin_cross_entropy",
    "margin_ranking",
    "mean_pairwise_squared_error",
    "multi_margin",
    "multiclass_dice",
    "multiclass_hinge",
    "multiclass_perceptron",
    "multiclass_sparsemax",
    "multiclass_tversky",
    "multilabel_margin",
    "multilabel_soft_margin",
    "n_pair",
    "nce",
    "nll",
    "nt_xent",
    "padded_ctc",
    "perceptron",
    "poisson_nll",
    "poly_cross_entropy",
    "ranking_softmax",
    "regression_output",
    "rnnt",
    "rnnt_gradient",
    "sample_weighted_cross_entropy",
    "sampled_softmax",
    "sdml",
    "sigmoid_focal",
    "smooth_l1",
    "smooth_labels",
    "soft_margin",
    "softmax",
    "softmax_cross_entropy",
    "softmax_focal",
    "softmax_output",
    "softmax_residual",
    "sparse_categorical_cross_entropy",
    "sparse_ctc",
    "sparse_softmax_cross_entropy",
    "sparsemax",
    "squared_error",
    "squared_hinge",
    "squared_logarithmic_error",
    "svm_output",
    "triplet",
    "triplet_margin",
    "triplet_margin_with_distance",
    "tversky",
]
