"""What became of a mutant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

MutantKind = Literal["spec", "weighting", "reduction", "plan", "op"]
MutantStatus = Literal["caught", "survived", "equivalent", "error"]


@dataclass(frozen=True)
class MutantResult:
    """Whether the cases notice that something is wrong on purpose.

    Parameters
    ----------
    mutant : what is changed, and where; unique together with the backend
    kind : of what
    backend : the one that the cases were run on
    status : ``caught``; ``survived``, no case noticed; ``equivalent``, it is listed as one that none
        can; ``error``, it is listed so and yet caught, or could not be tried
    caught_by : the cases that noticed, the first one at least; empty where the process died of it
    reason : why it is equivalent, or what is wrong, or how it was caught where no case says so
    """

    mutant: str
    kind: MutantKind
    backend: str
    status: MutantStatus
    caught_by: tuple[str, ...] = ()
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether it is caught, or shown to be equivalent."""
        return self.status in ("caught", "equivalent")

    def to_json(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {**asdict(self), "caught_by": list(self.caught_by)}

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> MutantResult:
        """The inverse of `to_json`."""
        return cls(**{**table, "caught_by": tuple(table["caught_by"])})
