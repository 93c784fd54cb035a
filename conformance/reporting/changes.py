"""What changed between two reports, such as those before and after a framework was upgraded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from unified_loss.conformance.cases import encode

from .document import Report, number

ChangeKind = Literal["broken", "new and failing", "mended", "new", "gone", "less accurate", "more accurate"]
REGRESSIONS: tuple[ChangeKind, ...] = ("broken", "new and failing")
_FACTOR = 10.0
_FLOOR = 1.0
"""Below this many steps of the dtype an error is rounding, and its growth says nothing."""


@dataclass(frozen=True)
class Change:
    """Something that is not as it was.

    Parameters
    ----------
    kind : ``broken``, it held and does not any more; ``new and failing``, it was not there, and does
        not hold; ``mended``; ``new``; ``gone``; ``less accurate`` or ``more accurate``, it holds, and
        its error has grown or shrunk by more than a factor of ten
    what : ``cell``, ``case``, ``framework``, ``drift``, ``accuracy`` or ``mutant``
    loss, backend : where; the loss is empty for a whole framework or a mutant
    detail : the case and its mode, the quantity, or the mutant
    before, after : the status or the error; None where it was not there
    reason : why it does not hold now
    """

    kind: ChangeKind
    what: str
    loss: str
    backend: str
    detail: str
    before: Any
    after: Any
    reason: str = ""

    @property
    def is_regression(self) -> bool:
        """Whether it falls short now, and did not in the older report."""
        return self.kind in REGRESSIONS


@dataclass(frozen=True)
class Changes:
    """All that changed from an older report to a newer one.

    Parameters
    ----------
    created, unified_loss : when the older report was made, and by which version
    versions : what is in another version now: name, before, after
    changes : regressions first
    """

    created: str
    unified_loss: str
    versions: tuple[tuple[str, str | None, str | None], ...]
    changes: tuple[Change, ...]

    @property
    def regressions(self) -> tuple[Change, ...]:
        """What falls short now, and did not in the older report."""
        return tuple(change for change in self.changes if change.is_regression)

    def to_json(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "created": self.created,
            "unified_loss": self.unified_loss,
            "regressions": len(self.regressions),
            "versions": [
                {"name": name, "before": before, "after": after} for name, before, after in self.versions
            ],
            "changes": [asdict(change) for change in self.changes],
        }


def compare(old: Report, new: Report) -> Changes:
    """What changed from one report to another.

    Parameters
    ----------
    old, new : as `report_of` makes them and `load_report` reads them

    Returns
    -------
    Changes
        By case, where it ran in both; by cell, framework, drift check, accuracy and mutant. What
        only one of them looked at is new or gone, not a regression, unless it falls short now.
    """
    found = [
        *_cells_and_cases(old, new),
        *_statuses("framework", old["natives"], new["natives"], _native_key, _is("ok", "not installed")),
        *_statuses("drift", old["drift"], new["drift"], _drift_key, _is("same", "documented")),
        *_statuses("mutant", old["mutants"], new["mutants"], _mutant_key, _is("caught", "equivalent")),
        *_accuracies(old, new),
        *_errors(old, new),
    ]
    found.sort(key=lambda change: (_KINDS.index(change.kind), _WHATS.index(change.what)))
    return Changes(old["created"], old["unified_loss"], tuple(_versions(old, new)), tuple(found))


_KINDS: tuple[ChangeKind, ...] = (*REGRESSIONS, "less accurate", "mended", "more accurate", "new", "gone")
_WHATS = ("framework", "cell", "case", "drift", "accuracy", "mutant")
_Key = tuple[str, str, str]
_Entry = Mapping[str, Any]


def _cell_key(cell: _Entry) -> _Key:
    return cell["loss"], cell["backend"], ""


def _result_key(result: _Entry) -> _Key:
    how = "" if result["mode"] == "eager" else f", {result['mode']}"
    return result["loss"], result["backend"], f"{result['case']}{how}"


def _native_key(native: _Entry) -> _Key:
    return "", native["name"], ""


def _drift_key(drift: _Entry) -> _Key:
    documented = " (documented)" if drift["status"] == "documented" else ""
    return drift["loss"], drift["native"], f"{drift['case']}{documented}"


def _mutant_key(mutant: _Entry) -> _Key:
    return "", mutant["backend"], mutant["mutant"]


def _accuracy_key(entry: _Entry) -> _Key:
    return entry["loss"], entry["backend"], f"{entry['subject']} {entry['dtype']} {entry['quantity']}"


def _cell_holds(cell: _Entry) -> bool:
    return bool(cell["holds"])


def _is(*statuses: str) -> Callable[[_Entry], bool]:
    return lambda entry: entry["status"] in statuses


def _statuses(
    what: str,
    old: list[Any],
    new: list[Any],
    key: Callable[[_Entry], _Key],
    holds: Callable[[_Entry], bool],
) -> Iterator[Change]:
    """What broke, was mended, is new or is gone.

    A cell of a framework that is not installed counts as not there; a section that only one of the
    reports has is neither new nor gone entry by entry.
    """
    before = {key(entry): entry for entry in old if not _is_excused(entry)}
    after = {key(entry): entry for entry in new if not _is_excused(entry)}
    both = bool(old and new)
    for where, entry in after.items():
        was = before.get(where)
        kind: ChangeKind
        if was is None:
            if not both and holds(entry):
                continue
            kind = "new" if holds(entry) else "new and failing"
        elif holds(was) is not holds(entry):
            kind = "mended" if holds(entry) else "broken"
        else:
            continue
        status = None if was is None else was["status"]
        yield Change(kind, what, *where, status, entry["status"], _reason(entry))
    for where, entry in before.items():
        if where not in after and both:
            yield Change("gone", what, *where, entry["status"], None)


def _cells_and_cases(old: Report, new: Report) -> Iterator[Change]:
    """The cases that changed, and the cells whose change no case tells.

    Of a cell that is itself new or gone, only the cases that fall short are told.
    """
    ran_before, ran_after = (
        {(result["loss"], result["backend"]) for result in report["results"]} for report in (old, new)
    )
    told = set()
    for change in _statuses("case", old["results"], new["results"], _result_key, _is("ok")):
        cell = change.loss, change.backend
        if (cell in ran_before and cell in ran_after) or change.is_regression:
            told.add((*cell, change.is_regression))
            yield change
    for change in _statuses("cell", old["cells"], new["cells"], _cell_key, _cell_holds):
        if (change.loss, change.backend, change.is_regression) not in told:
            yield change


def _is_excused(entry: _Entry) -> bool:
    """Whether nobody asked for what is not there."""
    return bool(entry["status"] == "not installed" and entry.get("holds", not entry.get("requested")))


def _reason(entry: _Entry) -> str:
    worst = entry.get("worst") or entry
    wrong = [check for check in worst.get("checks", ()) if not check["holds"]]
    if entry.get("reason") or not wrong:
        return str(entry.get("reason") or worst.get("reason", ""))
    check = wrong[0]
    if check["error"] is None:
        return f"{check['quantity']}: {check['got']}, expected {check['expected']}"
    return f"{check['quantity']}: error {number(check['error']):.2g}"


def _errors(old: Report, new: Report) -> Iterator[Change]:
    """Cells that hold in both, whose error is of another size."""
    before = {_cell_key(cell): cell for cell in old["cells"] if cell["holds"]}
    for cell in new["cells"]:
        was = before.get(_cell_key(cell))
        if was and cell["holds"]:
            yield from _sized("cell", _cell_key(cell), number(was["ulps"]), number(cell["ulps"]))


def _accuracies(old: Report, new: Report) -> Iterator[Change]:
    before = {_accuracy_key(entry): entry for entry in old["accuracy"]}
    for entry in new["accuracy"]:
        was = before.get(_accuracy_key(entry))
        worst = number(entry["worst"])
        if not entry["holds"] and (was is None or was["holds"]):
            kind: ChangeKind = "new and failing" if was is None else "broken"
            size = None if was is None else was["worst"]
            yield Change(kind, "accuracy", *_accuracy_key(entry), size, entry["worst"], entry["reason"])
        elif was and entry["holds"] and not was["holds"]:
            yield Change("mended", "accuracy", *_accuracy_key(entry), was["worst"], entry["worst"])
        elif was:
            yield from _sized("accuracy", _accuracy_key(entry), number(was["worst"]), worst)


def _sized(what: str, where: _Key, before: float, after: float) -> Iterator[Change]:
    if after > _FACTOR * max(before, _FLOOR):
        yield Change("less accurate", what, *where, encode(before), encode(after))
    elif before > _FACTOR * max(after, _FLOOR):
        yield Change("more accurate", what, *where, encode(before), encode(after))


def _versions(old: Report, new: Report) -> Iterator[tuple[str, str | None, str | None]]:
    before, after = _named_versions(old), _named_versions(new)
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            yield name, before.get(name), after.get(name)


def _named_versions(report: Report) -> dict[str, str]:
    made_with = report["environment"]
    backends = {b["name"]: b["version"] for b in report["backends"] if b["version"]}
    # A worker may have an interpreter of its own, whose version of a framework is the one that counts.
    return {"python": made_with["python"], **made_with["packages"], **backends}
