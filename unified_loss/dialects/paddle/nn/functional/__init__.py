"""The losses of `paddle.nn.functional` as of PaddlePaddle 3.3.1, on any backend."""

from ._binary import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    dice_loss,
    log_loss,
    sigmoid_focal_loss,
)
from ._categorical import cross_entropy, nll_loss, softmax_with_cross_entropy
from ._margin import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    margin_ranking_loss,
    multi_label_margin_loss,
    multi_label_soft_margin_loss,
    multi_margin_loss,
    soft_margin_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from ._regression import (
    gaussian_nll_loss,
    kl_div,
    l1_loss,
    mse_loss,
    poisson_nll_loss,
    smooth_l1_loss,
    square_error_cost,
)
from ._sequence import (
    adaptive_log_softmax_with_loss,
    ctc_loss,
    hsigmoid_loss,
    margin_cross_entropy,
    npair_loss,
    rnnt_loss,
)

__all__ = [
    "adaptive_log_softmax_with_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cross_entropy",
    "ctc_loss",
    "dice_loss",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "hsigmoid_loss",
    "kl_div",
    "l1_loss",
    "log_loss",
    "margin_cross_entropy",
    "margin_ranking_loss",
    "mse_loss",
    "multi_label_margin_loss",
    "multi_label_soft_margin_loss",
    "multi_margin_loss",
    "nll_loss",
    "npair_loss",
    "poisson_nll_loss",
    "rnnt_loss",
    "sigmoid_focal_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softmax_with_cross_entropy",
    "square_error_cost",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]
