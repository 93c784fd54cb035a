"""Whether every backend computes what the frameworks' documentation and their own binaries say."""

from .cases import Case
from .collection import load_cases, loss_names
from .results import Result, Run
from .runner import run

__all__ = ["Case", "Result", "Run", "load_cases", "loss_names", "run"]
