"""Times our losses beside the frameworks' own: ``python -m benchmarks [--help]``, from a clone.

By default every loss of every framework at the medium size, float32, eager, forward and backward.
"""

from __future__ import annotations

import argparse
import atexit
import datetime
import fnmatch
import json
import os
import platform
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from unified_loss.conformance.domains import domains

FRAMEWORKS = {
    "torch": "torch.", "tensorflow": ("tf.", "tensorflow.", "keras."), "paddle": "paddle.",
    "mindspore": "mindspore.", "mxnet": "mxnet.", "jax": "optax.",
}  # fmt: skip


def run_framework(framework: str, options: dict[str, Any], limit: float, found: list[dict[str, Any]]) -> None:
    """Adds the records of a framework; its process is started again after a case that ended it."""
    left, version = list(options["cases"]), ""
    threads = str(options["threads"])
    environment = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), threads)}
    while left:
        given = json.dumps({**options, "framework": framework, "cases": left})
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", given],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
        )  # fmt: skip
        current, timer = None, threading.Timer(limit * 2, process.kill)
        atexit.register(process.kill)
        timer.start()
        for line in process.stdout or ():
            if not line.startswith("@"):
                continue
            event = json.loads(line[1:])
            if "starts" in event:
                current = event["starts"]
                left = left[1:]
                timer.cancel()
                timer = threading.Timer(limit, process.kill)
                timer.start()
            elif "loss" in event:
                found.append({**event, "version": version})
                current = None
            else:
                version = event["version"]
        timer.cancel()
        if process.wait() == 0:
            break
        if current is None:
            left = left[1:] if not version else left
            if not version:
                break
        else:
            name, size, backward = current
            direction = "forward+backward" if backward else "forward"
            found.append({"framework": framework, "loss": name, "size": size, "dtype": "float32",
                          "direction": direction, "arm": "ours", "status": "ended",
                          "reason": f"the process ended, or took over {limit:g} s"})  # fmt: skip


def machine() -> dict[str, Any]:
    """What the times are of."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    model = next((x.partition(":")[2].strip() for x in lines if x.startswith("model name")), "")
    return {
        "processor": model or platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python -m benchmarks", *sys.argv[1:]]),
    }


def table(records: list[dict[str, Any]]) -> str:
    """All records as text, the largest ratios of ours first."""
    rows = sorted(records, key=lambda r: -(r.get("ratio") or 0))
    return "\n".join(
        f"{r.get('ratio', float('nan')):7.2f} {r.get('median', float('nan')) * 1e3:10.3f} ms "
        f"{r['framework']:10} {r['arm']:15} {r['size']:6} {r['status']:9} {r['loss']} "
        f"{' '.join(r.get('reason', '').split())[:120]}"
        for r in rows
        if r["arm"] != "native" or r["status"] != "ok"
    )


def _write(options: argparse.Namespace, found: list[dict[str, Any]]) -> None:
    document = {"machine": machine(), "threads": options.threads, "records": found}
    Path(options.json).write_text(json.dumps(document, indent=1), encoding="utf-8")


def main() -> None:
    # What was measured until then is kept.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--framework", nargs="*", default=list(FRAMEWORKS), choices=list(FRAMEWORKS))
    parser.add_argument("--loss", default="*", help="a pattern of native names")
    parser.add_argument("--size", nargs="*", default=["medium"], choices=["tiny", "medium", "large"])
    parser.add_argument(
        "--arms", nargs="*", default=["native", "ours"], help="also ours-compiled, native-compiled"
    )
    parser.add_argument("--direction", nargs="*", default=["both"], choices=["forward", "both"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--budget", type=float, default=3.0, help="seconds for the timing of a case")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds after which a case is given up")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--json", default="benchmark.json")
    options = parser.parse_args()
    found: list[dict[str, Any]] = []
    for framework in options.framework:
        names = [n for n in sorted(domains()) if n.startswith(FRAMEWORKS[framework])]
        cases = [
            (name, size, direction == "both")
            for name in names if fnmatch.fnmatch(name, options.loss)
            for size in options.size
            for direction in options.direction
        ]  # fmt: skip
        given = {k: getattr(options, k) for k in ("arms", "rounds", "budget", "threads")}
        try:
            run_framework(framework, {**given, "cases": cases}, options.limit, found)
        finally:
            _write(options, found)
        print(f"{framework}: {len(found)} records so far", file=sys.stderr)
    print(table(found))


if __name__ == "__main__":
    main()
