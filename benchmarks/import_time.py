"""What `import unified_loss` costs, as against starting Python and as against importing NumPy.

    python benchmarks/import_time.py

Each program runs in a process of its own, the three in turn; medians are given.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

PROGRAMS = {"python": "pass", "numpy": "import numpy", "unified_loss": "import unified_loss"}
ROUNDS = 15


def main() -> None:
    seconds: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(ROUNDS):
        for name, program in PROGRAMS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True)
            seconds[name].append(time.perf_counter() - start)
    median = {name: 1000 * statistics.median(values) for name, values in seconds.items()}
    print(f"starting Python            {median['python']:6.0f} ms")
    for name in ("numpy", "unified_loss"):
        alone = median[name] - median["python"]
        print(f"import {name:<18}  {alone:6.0f} ms on top")


if __name__ == "__main__":
    main()
