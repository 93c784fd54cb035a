"""The losses of Keras that `tf.keras.metrics` names as well."""

from unified_loss.dialects.keras.metrics import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from unified_loss.dialects.keras.metrics import (
    kl_divergence as KLD,
)
from unified_loss.dialects.keras.metrics import (
    kl_divergence as kld,
)
from unified_loss.dialects.keras.metrics import (
    kl_divergence as kullback_leibler_divergence,
)
from unified_loss.dialects.keras.metrics import (
    log_cosh as logcosh,
)
from unified_loss.dialects.keras.metrics import (
    mean_absolute_error as MAE,
)
from unified_loss.dialects.keras.metrics import (
    mean_absolute_error as mae,
)
from unified_loss.dialects.keras.metrics import (
    mean_absolute_percentage_error as MAPE,
)
from unified_loss.dialects.keras.metrics import (
    mean_absolute_percentage_error as mape,
)
from unified_loss.dialects.keras.metrics import (
    mean_squared_error as MSE,
)
from unified_loss.dialects.keras.metrics import (
    mean_squared_error as mse,
)
from unified_loss.dialects.keras.metrics import (
    mean_squared_logarithmic_error as MSLE,
)
from unified_loss.dialects.keras.metrics import (
    mean_squared_logarithmic_error as msle,
)

__all__ = [
    "KLD",
    "MAE",
    "MAPE",
    "MSE",
    "MSLE",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
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
    "sparse_categorical_crossentropy",
    "squared_hinge",
]
