"""Runs the scripts of a framework as they are and ported, in a process of its own, and prints what they give.

As ``python script_runs.py SOURCE TARGET FOLDER``: the scripts are those of SOURCE; below FOLDER, ``dialect``
and ``native`` have their copies, ported to TARGET. The first two train; all compute the losses of one batch,
each on its own tensors.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import runpy
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import unified_loss as ul

SCRIPTS = Path(__file__).parent / "scripts"
BACKENDS = {"optax": "jax", "keras": "tensorflow"}


def trained(file: Path) -> tuple[dict, list[float]]:
    """What is in a script, and what it prints as a program."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        inside = runpy.run_path(str(file), run_name="__main__")
    return inside, json.loads(printed.getvalue().splitlines()[-1])


def computed(inside: dict, backend: str) -> dict[str, list]:
    """The losses of a script's batch."""
    tensors = [ul.asarray(array, backend=backend) for array in inside["batch"]()]
    if backend == "mxnet":
        # What gluon's losses take.
        tensors = [tensor.as_nd_ndarray() for tensor in tensors]
    found = inside["losses"](*tensors)
    arrays = {name: np.asarray(ul.to_numpy(value), dtype="float64") for name, value in found.items()}
    # MXNet's older arrays have at least one axis.
    scalars = {name for name, array in arrays.items() if backend == "mxnet" and array.shape == (1,)}
    return {name: (array[0] if name in scalars else array).tolist() for name, array in arrays.items()}


def main() -> None:
    source, target, folder = sys.argv[1:]
    from_backend, to_backend = (BACKENDS.get(name, name) for name in (source, target))
    ul.import_backends(from_backend, to_backend)
    found = {}
    for file in sorted((SCRIPTS / source).glob("*.py")):
        original, before = trained(file)
        dialect, after = trained(Path(folder) / "dialect" / file.name)
        # Its model still is the source's, whose tensors its losses no longer take.
        native = runpy.run_path(str(Path(folder) / "native" / file.name))
        found[file.name] = {
            "training": [before, after],
            "losses": computed(original, from_backend),
            "dialect": computed(dialect, to_backend),
            "native": computed(native, to_backend),
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
