"""`tf.keras.losses`: `keras.losses`, some under shorter names."""

from unified_loss.dialects.keras.losses import (
    CTC,
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    CategoricalHinge,
    Circle,
    CosineSimilarity,
    Dice,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    Loss,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    Tversky,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    categorical_hinge,
    circle,
    cosine_similarity,
    ctc,
    deserialize,
    dice,
    get,
    hinge,
    huber,
    poisson,
    serialize,
    sparse_categorical_crossentropy,
    squared_hinge,
    tversky,
)
from unified_loss.dialects.keras.losses import (
    kl_divergence as KLD,
)
from unified_loss.dialects.keras.losses import (
    kl_divergence as kld,
)
from unified_loss.dialects.keras.losses import (
    kl_divergence as kullback_leibler_divergence,
)
from unified_loss.dialects.keras.losses import (
    log_cosh as logcosh,
)
from unified_loss.dialects.keras.losses import (
    mean_absolute_error as MAE,
)
from unified_loss.dialects.keras.losses import (
    mean_absolute_error as mae,
)
from unified_loss.dialects.keras.losses import (
    mean_absolute_percentage_error as MAPE,
)
from unified_loss.dialects.keras.losses import (
    mean_absolute_percentage_error as mape,
)
from unified_loss.dialects.keras.losses import (
    mean_squared_error as MSE,
)
from unified_loss.dialects.keras.losses import (
    mean_squared_error as mse,
)
from unified_loss.dialects.keras.losses import (
    mean_squared_logarithmic_error as MSLE,
)
from unified_loss.dialects.keras.losses import (
    mean_squared_logarithmic_error as msle,
)

__all__ = [  # noqa: RUF022  in plain order
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CTC",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLD",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MAE",
    "MAPE",
    "MSE",
    "MSLE",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_similarity",
    "ctc",
    "deserialize",
    "dice",
    "get",
    "hinge",
    "huber",
    "kld",
    "kullback_leibler_divergence",
    "logcosh",
    "mae",
    "mape",
    "mse",
    "msle",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]
