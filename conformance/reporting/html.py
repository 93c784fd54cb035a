"""A report as one self-contained page: a heat map, each cell's worst case behind it, and all sections."""

from __future__ import annotations

import base64
import json
import statistics
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib import resources
from typing import Any

from unified_loss.conformance.cases import encode
from unified_loss.conformance.results import GRAVITY

from .document import Report, number
from .explained import measured, shown
from .sections import is_alarm
from .terminal import counts, is_absent

_TITLES = {
    "torch": "PyTorch", "keras": "Keras", "tf": "TensorFlow", "paddle": "PaddlePaddle",
    "mindspore": "MindSpore", "mxnet": "MXNet", "optax": "optax",
}  # fmt: skip
_HEADS = {"numpy": "np", "torch": "pt", "tensorflow": "tf", "paddle": "pd", "mindspore": "ms", "mxnet": "mx"}
_ULPS = (0.5, 1, 2, 4, 16, 64, 256)
_MEASURES: tuple[dict[str, Any], ...] = (
    {"key": "ulps", "title": "error, ulps of its dtype", "steps": _ULPS, "sparse": False},
    {
        "key": "error",
        "title": "relative error",
        "steps": (1e-15, 1e-12, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5),
        "sparse": False,
    },
    {"key": "oracle", "title": "ulps from the oracle", "steps": _ULPS, "sparse": True},
)
_FAILURES = 5
_ROWS = 300
"""How many changes and drifts the page tells; the JSON has all."""
_LOOKS = {"failed": "failed", "unsupported": "unsupported", "not run": "absent", "not installed": "absent"}


def to_html(report: Report) -> str:
    """A report as a page.

    Parameters
    ----------
    report : as `report_of` makes it

    Returns
    -------
    str
        HTML that needs no other file and no network.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415  an extra

    environment = Environment(
        loader=FunctionLoader(_file), autoescape=True, undefined=StrictUndefined, trim_blocks=False
    )
    page = environment.get_template("page.html")
    return page.render(**_context(report)) + "\n"


def _file(name: str) -> str:
    return resources.files(__package__).joinpath("page", name).read_text(encoding="utf-8")


def _context(report: Report) -> dict[str, Any]:
    backends = [backend for backend in report["backends"] if not is_absent(backend)]
    names = {backend["name"] for backend in backends}
    cells = _cells(report, names)
    holding, wanted = counts(report)
    measures = [m for m in _MEASURES if m["key"] != "oracle" or report["accuracy"]]
    statuses = {cell["status"] for cell in cells}
    return {
        "report": report,
        "css": _file("page.css"),
        "js": _file("page.js"),
        "data": _packed(
            {
                "cells": cells,
                "accuracy": report["accuracy"],
                "measures": measures,
                "versions": {backend["name"]: backend["version"] for backend in backends},
            }
        ),
        "holding": holding,
        "wanted": wanted,
        "verdict": _verdict(report),
        "losses": len({cell["loss"] for cell in cells}),
        "cases": len(report["results"]),
        "duration": _duration(report["seconds"]),
        "created": datetime.fromisoformat(report["created"]).strftime("%d %B %Y, %H:%M UTC"),
        "backends": backends,
        "names": names,
        "short_name": lambda name: _HEADS.get(name, name[:3]),
        "dialects": _dialects(cells, backends),
        "groups": _groups(cells),
        "measures": measures,
        "modes": sorted({result["mode"] for result in report["results"]}),
        "statuses": sorted(statuses),
        "short": bool(statuses - {"ok", "not run", "not installed"}),
        "tiles": _tiles(report),
        "baseline": report.get("baseline"),
        "changes": report.get("baseline", {}).get("changes", [])[:_ROWS],
        "drift": _drift(report),
        "mutants": _mutants(report),
        "findings": _findings(report),
        "figure": _figure,
        "shown": shown,
        "measured": measured,
    }


def _packed(data: Any) -> str:
    """Data for the page's script: ten times smaller, and free of anything that HTML would read."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode("ascii")


# ---------------------------------------------------------------------------------- cells


def _cells(report: Report, backends: set[str]) -> list[dict[str, Any]]:
    of_cell: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for result in report["results"]:
        of_cell.setdefault((result["loss"], result["backend"]), []).append(result)
    oracle: dict[tuple[str, str], float] = {}
    for entry in report["accuracy"]:
        if entry["subject"] == "ours":
            key = entry["loss"], entry["backend"]
            oracle[key] = max(oracle.get(key, 0.0), number(entry["worst"]))
    cells = []
    for cell in report["cells"]:
        if cell["backend"] in backends:
            key = cell["loss"], cell["backend"]
            results = of_cell.get(key, [])
            cells.append(
                {
                    **cell,
                    "error": cell["worst"]["error"] if cell["holds"] and "worst" in cell else cell["error"],
                    "oracle": encode(oracle.get(key)),
                    "modes": _modes(results),
                    "failures": _failures(cell.get("worst"), results),
                }
            )
    return cells


def _failures(worst: dict[str, Any] | None, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The results of a cell that fell short, the worst one and its worst comparison first."""
    wrong = [result for result in results if result["status"] != "ok"]
    wrong.sort(key=lambda result: -GRAVITY.index(result["status"]))
    for result in wrong:
        if worst is not None and (result["case"], result["mode"]) == (worst["case"], worst["mode"]):
            others = [check for check in result["checks"] if check not in worst["checks"]]
            first = {**worst, "checks": [*worst["checks"], *others]}
            return [first, *[other for other in wrong if other is not result]][:_FAILURES]
    return wrong[:_FAILURES]


def _modes(results: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What a cell is in each mode: the gravest status, the largest errors."""
    modes: dict[str, dict[str, Any]] = {}
    for result in results:
        mode = modes.setdefault(result["mode"], {"status": "ok", "ulps": 0.0, "error": 0.0})
        mode["status"] = max(mode["status"], result["status"], key=GRAVITY.index)
        for name in ("ulps", "error"):
            if result[name] is not None:
                mode[name] = max(mode[name], number(result[name]))
    return {name: {key: encode(value) for key, value in mode.items()} for name, mode in sorted(modes.items())}


def _groups(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A panel for each namespace, a row for each loss."""
    groups: dict[str, dict[str, dict[str, Any]]] = {}
    for index, cell in enumerate(cells):
        namespace, _, name = cell["loss"].rpartition(".")
        row = groups.setdefault(namespace, {}).setdefault(
            cell["loss"], {"loss": cell["loss"], "name": name, "cells": []}
        )
        row["cells"].append({"index": index, "look": _look(cell), "label": _label(cell)})
    return [
        {"namespace": namespace, "root": namespace.partition(".")[0], "rows": list(rows.values())}
        for namespace, rows in sorted(groups.items(), key=lambda item: (_place(item[0]), item[0]))
    ]


def _place(name: str) -> tuple[int, str]:
    root = name.partition(".")[0]
    return (list(_TITLES).index(root) if root in _TITLES else len(_TITLES), root)


def _look(cell: Mapping[str, Any]) -> str:
    if cell["status"] != "ok":
        return _LOOKS.get(cell["status"], "crashed")
    ulps = number(cell["ulps"])
    if not ulps > 0:
        return "q0"
    return f"q{next((i for i, step in enumerate(_ULPS, 1) if ulps <= step), 8)}"


def _label(cell: Mapping[str, Any]) -> str:
    where = f"{cell['loss']} on {cell['backend']}"
    if cell["status"] == "ok":
        size = "exact" if not cell["ulps"] else f"{_figure(cell['ulps'])} ulps"
        return f"{where}: holds, {size}, {cell['cases']} cases"
    short = f", {cell['fell_short']} of {cell['cases']} cases" if cell["fell_short"] else ""
    return f"{where}: {cell['status']}{short}"


def _figure(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return {"Infinity": "∞", "-Infinity": "-∞"}.get(value, value)
    return f"{value:.3g}"


# -------------------------------------------------------------------------------- summary


def _verdict(report: Report) -> str:
    holding, wanted = counts(report)
    if holding < wanted:
        return f"{wanted - holding:,} of {wanted:,} cells fall short"
    if not wanted:
        return "Nothing was run"
    if report["holds"]:
        return f"All {wanted:,} cells hold"
    alarms = sum(is_alarm(drift) for drift in report["drift"])
    if alarms:
        return f"All {wanted:,} cells hold, but {alarms} native results drifted"
    return f"All {wanted:,} cells hold, but not all else does"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _dialects(cells: list[dict[str, Any]], backends: list[Any]) -> list[dict[str, Any]]:
    roots = sorted({cell["loss"].partition(".")[0] for cell in cells}, key=_place)
    total: Counter[tuple[str, str]] = Counter()
    held: Counter[tuple[str, str]] = Counter()
    for cell in cells:
        key = cell["loss"].partition(".")[0], cell["backend"]
        total[key] += 1
        held[key] += cell["status"] == "ok"
    return [
        {
            "root": root,
            "title": _TITLES.get(root, root),
            "squares": [
                {
                    "backend": backend["name"],
                    "holding": held[root, backend["name"]],
                    "total": total[root, backend["name"]],
                    "state": "good" if held[root, backend["name"]] == total[root, backend["name"]] else "bad",
                }
                for backend in backends
            ],
        }
        for root in roots
    ]


def _tiles(report: Report) -> list[dict[str, Any]]:
    holding, wanted = counts(report)

    def tile(section: str, label: str, figure: str, state: str = "") -> dict[str, str]:
        return {"section": section, "label": label, "figure": figure, "state": state}

    tiles = [tile("matrix", "cells hold", f"{holding:,}/{wanted:,}", "good" if holding == wanted else "bad")]
    ulps = [number(cell["ulps"]) for cell in report["cells"] if cell["ulps"] is not None]
    if ulps:
        tiles.append(tile("matrix", "ulps, a typical cell's worst", f"{statistics.median(ulps):.2g}"))
    if "baseline" in report:
        regressions = report["baseline"]["regressions"]
        tiles.append(tile("changes", "regressions", str(regressions), "bad" if regressions else "good"))
    if report["drift"]:
        alarms = sum(is_alarm(drift) for drift in report["drift"])
        tiles.append(tile("drift", "native results drifted", str(alarms), "bad" if alarms else "good"))
    if report["mutants"]:
        found = _mutants(report)
        state = "good" if found["caught"] == found["total"] else "bad"
        tiles.append(tile("mutants", "mutants caught", f"{found['caught']}/{found['total']}", state))
    if report["findings"]:
        causes = {finding["cause"] for finding in report["findings"]}
        tiles.append(tile("findings", "defects of frameworks found", str(len(causes))))
    return tiles


# ------------------------------------------------------------------------------- sections


def _counted(entries: Iterable[Mapping[str, Any]]) -> list[tuple[str, int]]:
    return Counter(entry["status"] for entry in entries).most_common()


def _drift(report: Report) -> dict[str, Any]:
    natives: dict[str, list[dict[str, Any]]] = {}
    entries = [{"reason": "", "checks": [], **drift} for drift in report["drift"]]
    for drift in entries:
        natives.setdefault(drift["native"], []).append(drift)
    alarms = [drift for drift in entries if is_alarm(drift)]
    return {
        "natives": [
            {
                "name": name,
                "versions": ", ".join(sorted({str(drift["version"]) for drift in drifts})),
                "counts": _counted(drifts),
            }
            for name, drifts in natives.items()
        ],
        "alarms": alarms[:_ROWS],
        "more": max(len(alarms) - _ROWS, 0),
        "documented": [drift for drift in entries if drift["status"] == "documented"],
    }


def _mutants(report: Report) -> dict[str, Any]:
    of_status: dict[str, list[dict[str, Any]]] = {}
    kinds: dict[str, list[dict[str, Any]]] = {}
    for mutant in report["mutants"]:
        of_status.setdefault(mutant["status"], []).append(mutant)
        kinds.setdefault(mutant["kind"], []).append(mutant)
    missed = [*of_status.get("survived", ()), *of_status.get("error", ())]
    caught = of_status.get("caught", [])
    return {
        "caught": len(caught),
        "total": len(caught) + len(missed),
        "kinds": [
            {"name": kind, "total": len(entries), "counts": _counted(entries)}
            for kind, entries in kinds.items()
        ],
        "lists": [("not caught", missed), ("shown to be equivalent", of_status.get("equivalent", []))],
    }


def _findings(report: Report) -> list[tuple[str, list[dict[str, Any]]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for finding in report["findings"]:
        framework = f"{finding['framework']} {finding['version']}"
        found.setdefault(framework, {}).setdefault(finding["cause"], finding)
    return [(framework, list(causes.values())) for framework, causes in sorted(found.items())]
