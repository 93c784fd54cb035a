"""The mutation score: what is wrong on purpose, and which cases notice it."""

from unified_loss.conformance.mutant import MutantResult

from .score import run_mutants, with_mutants

__all__ = ["MutantResult", "run_mutants", "with_mutants"]
