"""The backends that exist, and what this process has loaded of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import BackendError

if TYPE_CHECKING:
    from unified_loss.backends.base import Backend


@dataclass(frozen=True)
class Entry:
    """A backend before it is loaded."""

    name: str
    class_name: str
    module: str
    """The framework's import name."""
    distributions: tuple[str, ...]
    """The names under which pip may have installed it; the first is the one to recommend."""
    minimum: tuple[int, ...]
    """The first version that the conformance suite has been run on."""
    types: tuple[str, ...]
    """The root modules of its tensors' types."""


# In the order in which all of them can be imported into one process.
ENTRIES = {
    entry.name: entry
    for entry in (
        Entry("numpy", "NumpyBackend", "numpy", ("numpy",), (1, 26), ("numpy",)),
        Entry("mindspore", "MindsporeBackend", "mindspore", ("mindspore",), (2, 10), ("mindspore",)),
        Entry("torch", "TorchBackend", "torch", ("torch",), (2, 13), ("torch",)),
        Entry("paddle", "PaddleBackend", "paddle", ("paddlepaddle", "paddlepaddle-gpu"), (3, 3), ("paddle",)),
        Entry(
            "tensorflow",
            "TensorflowBackend",
            "tensorflow",
            ("tensorflow-cpu", "tensorflow"),
            (2, 21),
            ("tensorflow",),
        ),
        Entry("jax", "JaxBackend", "jax", ("jax",), (0, 7), ("jax", "jaxlib")),
        Entry("mxnet", "MxnetBackend", "mxnet", ("mxnet",), (1, 9, 1), ("mxnet",)),
    )
}

# (loaded first, then imported): what the second import does. Measured with paddlepaddle 3.3.1,
# tensorflow-cpu 2.21.0 and mindspore 2.10.0; every other ordered pair works.
IMPORT_CONFLICTS = {
    ("tensorflow", "paddle"): "crashes the process (segmentation fault)",
    ("paddle", "mindspore"): "fails (undefined symbol in its oneDNN library)",
}

loaded: dict[str, Backend] = {}
failures: dict[str, str] = {}


def entry_of(name: str) -> Entry:
    """The entry of a backend by name, or an error that lists the names there are."""
    if name not in ENTRIES:
        raise BackendError(f"unknown backend {name!r}; the backends are: {', '.join(ENTRIES)}")
    return ENTRIES[name]
