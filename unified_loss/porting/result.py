"""`Port`: what porting a loss gives."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from .source import NativeCall

if TYPE_CHECKING:
    from unified_loss.conformance.proof import Proof

Verdict = Literal["exact", "adapted", "approximate"]

Cause = Literal[
    "formula",
    "argument order",
    "reduction",
    "denominator",
    "axis",
    "clamp",
    "smoothing",
    "subgradient",
    "weights",
    "dtype",
    "output shape",
    "input shape",
    "label encoding",
    "ignored labels",
    "parameter",
    "refused inputs",
    "kernel",
]


@dataclass(frozen=True)
class Residual:
    """Something in which a ported loss still differs from its source.

    Parameters
    ----------
    cause : which kind of difference it is
    field : where in the plan, e.g. ``parameters.log_floor``
    source, target : what the source's plan says, and what the target's
    size : the largest difference of the value that it makes over the inputs that were tried, relative to
        the largest value there; None where that could not be told apart or was not tried
    """

    cause: Cause
    field: str
    source: Any
    target: Any
    size: float | None = None

    def __str__(self) -> str:
        size = "" if self.size is None else f", up to {self.size:.2g} of the value"
        return f"{self.cause}: {self.field.replace('_', ' ')} is {self.target!r}, was {self.source!r}{size}"


@dataclass(frozen=True, eq=False)
class Port:
    """A loss of one framework in another.

    Parameters
    ----------
    source : the call that was ported
    to : the framework that it was ported to
    target : the native name of the loss that `native` calls; None where there is none
    imports : the import statements that `native` needs
    setup : the lines of `native` between its imports and the assignment of `loss`; empty where one
        expression says it
    expression : what is assigned to `loss`; with `setup`, the name of the function defined there
    dialect_imports, dialect_expression : the same of `dialect`
    verdict : ``exact``; ``adapted``, exact after what `native` shows beside the call; ``approximate``.
        Of `dialect` where there is no `native`
    differences : in what `native` still differs
    proof : what was run where, and what was found; None where it was not asked for
    reason : why there is no `native`, where there is none
    notes : what is to be done beside the programs: weights that are moved, functions that are written anew
    """

    source: NativeCall
    to: str
    target: str | None
    imports: tuple[str, ...]
    setup: str
    expression: str
    dialect_imports: tuple[str, ...]
    dialect_expression: str
    verdict: Verdict
    differences: tuple[Residual, ...] = ()
    proof: Proof | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()

    @property
    def native(self) -> str | None:
        """A program that defines `loss`, called with the source's tensors in the source's order."""
        if self.target is None:
            return None
        parts = ["\n".join(self.imports)]
        if self.setup:
            parts.append(self.setup.strip())
        if not self.setup or self.expression != "loss":
            parts.append(f"loss = {self.expression}")
        between = "\n\n\n" if "def " in self.setup else "\n\n"
        return between.join(parts) + "\n"

    @property
    def dialect(self) -> str:
        """The same through `unified_loss.dialects`, which is always exact."""
        return "\n".join(self.dialect_imports) + f"\n\nloss = {self.dialect_expression}\n"

    def to_json(self) -> dict[str, Any]:
        """The fields of the same names, ready for JSON."""
        return {
            "source": str(self.source),
            "to": self.to,
            "target": self.target,
            "native": self.native,
            "dialect": self.dialect,
            "verdict": self.verdict,
            "differences": [
                {**asdict(r), "source": repr(r.source), "target": repr(r.target)} for r in self.differences
            ],
            "proof": None if self.proof is None else self.proof.to_json(),
            "reason": self.reason,
            "notes": list(self.notes),
        }
