"""Runs a guide's programs, each in a process of its own, and compares their curves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
GUIDES = ("gluon-to-torch", "keras-to-jax")
PROGRAMS = {"before": ("before.py",), "after": ("after.py",), "naive": ("after.py", "--naive")}
# One thread adds in one order, and does not wait for others on a busy machine.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "KERAS_BACKEND": "tensorflow",
}


@dataclass(frozen=True)
class Curves:
    """A value an epoch for each curve: before, after, and with the naive rename."""

    before: dict[str, list[float]]
    after: dict[str, list[float]]
    naive: dict[str, list[float]]

    def apart(self, name: str, *, naive: bool = False) -> float:
        """The largest difference of a curve from what it was before."""
        other = self.naive if naive else self.after
        return float(np.abs(np.subtract(other[name], self.before[name])).max())


def train(guide: str, folder: Path) -> Curves:
    """Train three times from the same weights on the same batches; ``folder`` takes what is exchanged."""
    for program, *options in PROGRAMS.values():
        command = [sys.executable, str(HERE / guide / program), str(folder), *options]
        subprocess.run(command, check=True, env={**os.environ, **ENVIRONMENT})
    return Curves(**{name: json.loads((folder / f"{name}.json").read_text()) for name in PROGRAMS})


def table(curves: Curves) -> str:
    """The differences as a table for the page: one digit of what is rounding, two of what is not."""
    lines = ["| curve | dialect loss | naive rename |", "|---|---|---|"]
    for name in curves.before:
        ported, naive = curves.apart(name), curves.apart(name, naive=True)
        lines.append(f"| {name} | {f'{ported:.0e}' if ported else '0'} | {naive:.2g} |")
    return "\n".join(lines)
