"""The oracle: every loss in arbitrary precision, and how far others are from it; needs mpmath."""

from .accuracy import Accuracy, measure
from .outcome import Exact, OracleOutcome, outcome
from .probes import probes
from .ulps import ulps

__all__ = ["Accuracy", "Exact", "OracleOutcome", "measure", "outcome", "probes", "ulps"]
