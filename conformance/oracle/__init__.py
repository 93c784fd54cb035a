"""The oracle: every loss in arbitrary precision, and how far others are from it; needs mpmath."""

try:
    import mpmath  # noqa: F401
except ImportError as error:
    raise ImportError("the oracle needs mpmath: pip install 'unified_loss[oracle]'") from error

from unified_loss.conformance.accuracy import Accuracy

from .measuring import measure
from .outcome import Exact, OracleOutcome, outcome
from .probes import probes
from .score import run_oracle, with_accuracy
from .ulps import ulps

__all__ = [
    "Accuracy",
    "Exact",
    "OracleOutcome",
    "measure",
    "outcome",
    "probes",
    "run_oracle",
    "ulps",
    "with_accuracy",
]
