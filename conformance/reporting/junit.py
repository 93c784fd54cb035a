"""A report as JUnit XML, as continuous integration services read it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from xml.etree import ElementTree

from .document import Report
from .explained import explained_text
from .sections import is_alarm
from .terminal import is_absent

_ERRORS = ("error", "timeout", "crashed", "unusable")
# XML 1.0 has no way to write these, and a crash may print any byte.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(report: Report) -> str:
    """A report as JUnit XML.

    Parameters
    ----------
    report : as `report_of` makes it

    Returns
    -------
    str
        A test suite for each backend, with a test case for each case, whose class name is the loss;
        further suites for drift, accuracy and mutants where the report has them. What fell short is
        a failure, what gave no result (an exception, a timeout, a crash) an error, and a gap that a
        backend declares is skipped, as is a framework that is not there and was not asked for.
    """
    root = ElementTree.Element("testsuites", name="unified_loss conformance", time=f"{report['seconds']:.3f}")
    suites = [*_backends(report), *_drift(report), *_accuracy(report), *_mutants(report)]
    root.extend(suites)
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    ElementTree.indent(root, " ")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _backends(report: Report) -> Iterator[ElementTree.Element]:
    of_backend: dict[str, list[dict[str, Any]]] = {backend["name"]: [] for backend in report["backends"]}
    for result in report["results"]:
        of_backend[result["backend"]].append(result)
    for backend in report["backends"]:
        cases = [_result(result) for result in of_backend[backend["name"]]]
        if backend["status"] != "ok":
            case = _case("unified_loss.backends", backend["name"], 0.0)
            kind = "skipped" if is_absent(backend) else "error"
            _outcome(case, kind, f"{backend['status']}: {backend['reason']}", backend["status"])
            cases.append(case)
        yield _suite(report, backend["name"], cases, {"version": backend["version"], "note": backend["note"]})


def _result(result: dict[str, Any]) -> ElementTree.Element:
    how = "" if result["mode"] == "eager" else f" [{result['mode']}]"
    case = _case(result["loss"], f"{result['case']}{how}", result["seconds"])
    status = result["status"]
    if status != "ok":
        kind = "error" if status in _ERRORS else "skipped" if status == "unsupported" else "failure"
        wrong = [check["quantity"] for check in result["checks"] if not check["holds"]]
        message = result["reason"] or f"differs: {', '.join(wrong)}"
        _outcome(case, kind, message, status, explained_text(result))
    return case


def _drift(report: Report) -> Iterator[ElementTree.Element]:
    natives: dict[str, list[ElementTree.Element]] = {}
    for native in report["natives"]:
        cases = natives.setdefault(native["name"], [])
        if native["status"] not in ("ok", "not installed"):
            case = _case("unified_loss.natives", native["name"], 0.0)
            _outcome(case, "error", f"{native['status']}: {native['reason']}", native["status"])
            cases.append(case)
    for drift in report["drift"]:
        case = _case(drift["loss"], drift["case"], 0.0)
        if drift["status"] == "documented":
            message = f"the documentation prints what {drift['framework']} does not give"
            _outcome(case, "skipped", message, "documented", drift.get("reason", ""))
        elif is_alarm(drift):
            kind = "failure" if drift["status"] == "drifted" else "error"
            wrong = [check["quantity"] for check in drift.get("checks", ())]
            message = drift.get("reason") or f"no longer as recorded: {', '.join(wrong)}"
            _outcome(case, kind, message, drift["status"], explained_text(drift))
        natives.setdefault(drift["native"], []).append(case)
    versions = {native["name"]: native["version"] for native in report["natives"]}
    for name, cases in natives.items():
        if cases:
            yield _suite(report, f"drift of {name}", cases, {"version": versions.get(name)})


def _accuracy(report: Report) -> Iterator[ElementTree.Element]:
    backends: dict[str, list[ElementTree.Element]] = {}
    for entry in report["accuracy"]:
        name = f"{entry['subject']}, {entry['dtype']} {entry['quantity']}"
        case = _case(entry["loss"], name, 0.0)
        if not entry["holds"]:
            message = f"{entry['worst']} ulps from the oracle: {entry['reason']}"
            said = f"case {entry['case']} at {entry['where']}: {entry['got']}, exactly {entry['expected']}"
            _outcome(case, "failure", message, "inaccurate", said)
        backends.setdefault(entry["backend"], []).append(case)
    for name, cases in backends.items():
        yield _suite(report, f"accuracy of {name}", cases, {})


def _mutants(report: Report) -> Iterator[ElementTree.Element]:
    backends: dict[str, list[ElementTree.Element]] = {}
    for mutant in report["mutants"]:
        case = _case(f"mutants.{mutant['kind']}", mutant["mutant"], 0.0)
        if mutant["status"] == "survived":
            _outcome(case, "failure", mutant["reason"] or "no case noticed", "survived")
        elif mutant["status"] == "error":
            _outcome(case, "error", mutant["reason"], "error")
        backends.setdefault(mutant["backend"], []).append(case)
    for name, cases in backends.items():
        yield _suite(report, f"mutants on {name}", cases, {})


# -------------------------------------------------------------------------------- elements


def _case(classname: str, name: str, seconds: float) -> ElementTree.Element:
    return ElementTree.Element(
        "testcase", classname=_written(classname), name=_written(name), time=f"{seconds:.4f}"
    )


def _outcome(case: ElementTree.Element, kind: str, message: str, status: str, text: str = "") -> None:
    lines = _written(message).splitlines() or [status]
    outcome = ElementTree.SubElement(case, kind, message=lines[0])
    if kind != "skipped":
        outcome.set("type", status)
    outcome.text = _written(text or message)


def _suite(
    report: Report, name: str, cases: Iterable[ElementTree.Element], about: dict[str, str | None]
) -> ElementTree.Element:
    held = list(cases)
    kinds = [child.tag for case in held for child in case]
    suite = ElementTree.Element(
        "testsuite",
        name=_written(name),
        tests=str(len(held)),
        failures=str(kinds.count("failure")),
        errors=str(kinds.count("error")),
        skipped=str(kinds.count("skipped")),
        time=f"{sum(float(case.get('time', '0')) for case in held):.3f}",
        timestamp=report["created"].partition("+")[0],
    )
    made_with = report["environment"]
    properties = ElementTree.SubElement(suite, "properties")
    values = {
        "unified_loss": report["unified_loss"],
        "python": made_with["python"],
        "platform": made_with["platform"],
        "processor": made_with["processor"],
        **about,
    }
    for key, value in values.items():
        if value:
            ElementTree.SubElement(properties, "property", name=key, value=_written(value))
    suite.extend(held)
    return suite


def _written(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)
