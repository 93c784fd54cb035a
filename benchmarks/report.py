"""Writes docs/benchmarks.md of a result: ``python -m benchmarks.report RESULT.json``; misses come first."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

_AIM = 0.6
_WHY = Path(__file__).with_name("why.json")


def geometric_means(records: list[dict[str, Any]], arm: str = "ours") -> dict[str, float]:
    """The geometric mean of an arm's ratios, by framework."""
    ratios: dict[str, list[float]] = {}
    for record in records:
        if record["arm"] == arm and record.get("ratio"):
            ratios.setdefault(record["framework"], []).append(record["ratio"])
    return {name: math.exp(sum(map(math.log, xs)) / len(xs)) for name, xs in ratios.items()}


def misses(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records of ours that miss an aim at the medium and large sizes, the slowest first."""
    found = [
        r
        for r in records
        if r["size"] != "tiny"
        and r["direction"] == "forward+backward"
        and (
            (r["arm"] == "ours" and r.get("ratio", 0) > 1)
            or (
                r["arm"] == "ours-compiled"
                and "median" in r
                and (r.get("ratio", 0) > 0.5 or r["median"] > 2 * r["copy"])
            )
        )
    ]
    return sorted(found, key=lambda r: -r["ratio"] if "ratio" in r else 0)


def page(document: dict[str, Any]) -> str:
    """The page of a result, as Markdown."""
    records, machine = document["records"], document["machine"]
    why = json.loads(_WHY.read_text(encoding="utf-8")) if _WHY.exists() else {}
    timed = [r for r in records if "median" in r and r["arm"] != "native"]
    lines = [
        "# Benchmarks",
        "",
        f"{machine['processor']}, {machine['cores']} cores, {document['threads']} threads, Python "
        f"{machine['python']}, {machine['date']}. Made by `{machine['command']}`.",
        "",
        "Ratios are to the framework's own loss, eager; below 1 is faster.",
        "",
        "| Framework | Geometric mean | Aim |",
        "| --- | ---: | ---: |",
        *(f"| {name} | {mean:.2f} | {_AIM} |" for name, mean in geometric_means(records).items()),
        "",
        "## Misses",
        "",
        *_table(misses(records), why),
        "",
        "## Not compared",
        "",
        "| Framework | Loss | Arm | Why |",
        "| --- | --- | --- | --- |",
        *(
            f"| {r['framework']} | `{r['loss']}` | {r['arm']} | {r['status']}: {_cell(r.get('reason', ''))} |"
            for r in records
            if r["status"] != "ok"
        ),
        "",
        "## All",
        "",
        *_table(timed, why),
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _table(records: list[dict[str, Any]], why: dict[str, str]) -> list[str]:
    head = "| Framework | Loss | Size | Direction | Arm | ms | Ratio | Copies | Why |"
    return [
        head,
        "| --- | --- | --- | --- | --- | ---: | ---: | ---: | --- |",
        *(
            f"| {r['framework']} | `{r['loss']}` | {r['size']} | {r['direction']} | {r['arm']} | "
            f"{r['median'] * 1e3:.3f} | {r.get('ratio', float('nan')):.2f} | {r['median'] / r['copy']:.1f} | "
            f"{_why(r, why)} |"
            for r in records
        ),
    ]


def _why(record: dict[str, Any], why: dict[str, str]) -> str:
    return why.get(f"{record['framework']}/{record['loss']}", "")


if __name__ == "__main__":
    target = Path(sys.argv[2] if len(sys.argv) > 2 else "docs/benchmarks.md")
    target.write_text(page(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))), encoding="utf-8")
