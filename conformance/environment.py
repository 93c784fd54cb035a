"""What a run was made with: interpreter, operating system, processor, versions of the packages."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGES = (
    "unified_loss", "numpy", "autograd", "mpmath", "torch", "tensorflow", "tensorflow-cpu", "keras",
    "paddlepaddle", "mindspore", "mxnet", "jax", "jaxlib", "optax", "ml_dtypes",
)  # fmt: skip


def environment() -> dict[str, Any]:
    """Describe this machine and this interpreter, ready for JSON.

    Returns
    -------
    dict
        ``python``, ``implementation``, ``platform``, ``machine``, ``processor``, ``cores`` that this
        process may use, ``memory`` in bytes where the system tells, and ``packages``: the versions
        of those installed that decide a result. No framework is imported for it.
    """
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": _cores(),
        "memory": _memory(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def _processor() -> str:
    # platform.processor() is empty on most Linux systems.
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
