"""Writes the pages of the divergence catalogue, and draws its pictures, from the data beside it.

``python docs/catalogue/pages.py [LOSS ...]``, with the extra ``[docs]`` installed, after ``measure.py``;
``--text`` leaves the pictures as they are.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
from pathlib import Path
from typing import Any

import jinja2
from naming import FRAMEWORKS, apart, cell, number, percent, stem, tensor, titled
from results import ROUNDING, beside, gaps, part, steepest, untaken

from unified_loss.porting.source import parse

HERE = Path(__file__).parent
DATA = HERE / "data"
PROGRAM_MARKS = {"exact": "✅", "adapted": "🟢", "approximate": "🟠"}
DIALECT_ONLY = "⚪ dialect only"
TARGETS = ("mxnet", "torch", "tensorflow", "paddle", "mindspore", "optax")


def main() -> None:
    """Write, and draw."""
    given = [name for name in sys.argv[1:] if not name.startswith("--")]
    data = catalogue()
    for name, text in written(data).items():
        if not given or name in ("README", *given):
            (HERE / f"{name}.md").write_text(text, encoding="utf-8")
    if "--text" in sys.argv:
        return
    from drawing import draw  # noqa: PLC0415 - the text needs no matplotlib

    for name in given or data:
        if data[name]["curves"]:
            draw(data[name], drawn(data[name]), HERE / f"{name}.svg")


def catalogue(folder: Path = DATA) -> dict[str, Any]:
    """The data of all losses, by name."""
    return {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.json"))}


def written(data: dict[str, Any]) -> dict[str, str]:
    """The text of each page, and of ``README``, the index."""
    loader = jinja2.FileSystemLoader(HERE / "templates")
    templates = jinja2.Environment(
        loader=loader,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # Markdown, of data that is ours
    )
    templates.filters.update(cell=cell, number=number, percent=percent)
    page, index = templates.get_template("page.md"), templates.get_template("index.md")
    texts = {name: page.render(page_of(one, data)) for name, one in data.items()}
    texts["README"] = index.render(index_of(data))
    return {name: re.sub(r"[ \t]+\n", "\n", text) for name, text in texts.items()}


def page_of(page: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """What the template of a page shows."""
    rows = glance(page)
    return {
        "page": page,
        "title": titled(page["loss"]),
        "rows": rows,
        "count": len(rows),
        "several": len(page["variants"]) > 1,
        "differences": [difference(page, one) for one in page["differences"]],
        "inputs": inputs(page),
        "left_out": [
            name for name in (page["curves"] or {"variants": ()})["variants"] if name not in drawn(page)
        ],
        "namesakes": namesakes(page),
        "ports": ports(page),
        "targets": {target: FRAMEWORKS[target] for target in TARGETS},
        "versions": ", ".join(
            f"{FRAMEWORKS.get(name, name)} {version}" for name, version in page["versions"].items()
        ),
        "frameworks": FRAMEWORKS,
        "known": data,
    }


def glance(page: dict[str, Any]) -> list[dict[str, str]]:
    """A row for each native loss: what it gives, its steepest gradient, and how far both are from A's."""
    reference = next((one for one in page["results"] if one["value"] is not None), None)
    calls = {call["name"]: call["call"] for variant in page["variants"] for call in variant["calls"]}
    return [
        {
            "name": one["name"],
            "framework": FRAMEWORKS[one["framework"]],
            "variant": one["variant"],
            "value": "" if one["value"] is None else tensor(one["value"]),
            "gradient": "" if one["gradient"] is None else number(steepest(one["gradient"]), 3),
            "beside": "; ".join(filter(None, (beside(one, reference), untaken(page, calls[one["name"]])))),
        }
        for one in page["results"]
    ]


def difference(page: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    """What is between two variants: by cause, with its part of the gap in value and gradient."""
    calls = {variant["id"]: [call["name"] for call in variant["calls"]] for variant in page["variants"]}
    causes: dict[str, dict[str, Any]] = {}
    for field in one["fields"]:
        row = causes.setdefault(
            field["cause"], {"cause": field["cause"], "words": [], "value": None, "gradient": None}
        )
        if field["words"] not in row["words"]:
            row["words"].append(field["words"])
        for of in ("value", "gradient"):
            effect = field[f"{of}_effect"]
            if effect and (effect["share"] is not None):
                row[of] = (row[of] or 0.0) + effect["share"]
    of_nothing = {of: is_rounding(one[of]) for of in ("value", "gradient")}
    rows = [
        {
            "cause": row["cause"],
            "words": "<br>".join(cell(words) for words in row["words"]),
            "value": share(row["value"], of_nothing["value"]),
            "gradient": share(row["gradient"], of_nothing["gradient"]),
        }
        for row in causes.values()
    ]
    rows.sort(key=lambda row: (row["value"] in ("", "0"), row["gradient"] in ("", "0")))
    return {
        "first": one["first"],
        "second": one["second"],
        "names": calls[one["second"]],
        "rows": rows,
        "effective": any(row["value"] not in ("", "0") or row["gradient"] not in ("", "0") for row in rows),
        "gap": gap_in_words(one) if one["value"] else "",
        "unrun": "" if one["value"] else one["note"].removeprefix("not run on these inputs: "),
        "notes": [line for line in one.get("note", "").splitlines() if line.startswith("the values have")],
    }


def is_rounding(gap: dict[str, Any] | None) -> bool:
    """Whether a gap is no more than rounding in float32."""
    if gap is None or gap["not_finite"] or gap["size"] is None:
        return gap is None
    sizes = [abs(float(gap[name])) for name in ("size", "largest") if gap[name] is not None]
    return all(part(size, abs(float(gap["first"]))) < ROUNDING for size in sizes)


def share(amount: float | None, nothing: bool) -> str:
    """A part of a difference."""
    if amount is None or nothing:
        return ""
    return "0" if abs(amount) < 5e-5 else percent(amount)


def gap_in_words(one: dict[str, Any]) -> str:
    """How far two variants are apart on the input."""
    parts = []
    value, gradient = one["value"], one["gradient"]
    if value["size"] is None or value["not_finite"]:
        parts.append(f"the value is {number(value['second'])} instead of {number(value['first'])}")
    elif part(abs(float(value["size"])), abs(float(value["first"]))) >= ROUNDING:
        first, second = float(value["first"]), float(value["second"])
        parts.append(f"the value is {number(second)} instead of {number(first)} ({apart(first, second)})")
    elif value["largest"] and float(value["largest"]) > ROUNDING * max(abs(float(value["first"])), 1e-9):
        parts.append(f"single values are up to {number(value['largest'], 3)} apart, their sum is the same")
    if gradient and gradient["largest"] is not None and float(gradient["largest"]) > 1e-9:
        largest, mean = float(gradient["largest"]), float(gradient["first"] or 0)
        if largest > ROUNDING * max(mean, 1e-9):
            parts.append(f"elements of the gradient are up to {number(largest, 3)} apart")
    return "; ".join(parts)


def inputs(page: dict[str, Any]) -> str:
    """The input, as Python."""
    lines = []
    for role, one in page["inputs"].items():
        if isinstance(one, dict) and "values" in one:
            rows = (
                json.dumps(one["values"])
                .replace("NaN", 'float("nan")')
                .replace('"float("nan")"', 'float("nan")')
            )
            if len(rows) > 60:
                rows = rows.replace("]], [[", "]],\n    [[").replace("], [", "],\n    [")
                if rows.startswith("[["):
                    rows = f"[\n    {rows[1:-1]},\n]"
            lines.append(f"{role} = {rows}  # {one['dtype']}")
        else:
            lines.append(f"{role} = {one!r}")
    return "\n".join(lines)


def namesakes(page: dict[str, Any]) -> list[dict[str, str]]:
    """Losses that are called alike and are to be found elsewhere, or are the same by an identity."""
    alike = {one["name"]: one["variant"] for one in page["identities"]}
    found = {one["name"]: one["loss"] for one in [*page["namesakes"], *page["identities"]]}
    return [{"name": name, "loss": loss, "variant": alike.get(name, "")} for name, loss in found.items()]


def ports(page: dict[str, Any]) -> list[dict[str, Any]]:
    """The ports of each source, by target, with a link to each and what its proof says."""
    rows = []
    for source, group in itertools.groupby(page["ports"], key=lambda port: port["source"]):
        by_target = {}
        for one in group:
            identity = re.sub(r"[^A-Za-z0-9]+", "-", f"{source.removesuffix('()')}-{one['to']}")
            by_target[one["to"]] = one | {
                "id": identity,
                "told": f"{PROGRAM_MARKS[one['verdict']]} {one['verdict']}"
                if one["native"]
                else DIALECT_ONLY,
                "said": proved(one),
                "left": [residual(left) for left in one["differences"]],
            }
        rows.append(
            {"source": source, "from": FRAMEWORKS[next(iter(by_target.values()))["from"]], "to": by_target}
        )
    return rows


def proved(port: dict[str, Any]) -> str:
    """What the proof of a port says."""
    proof = port["proof"]
    if not proof or proof["kind"] == "none":
        return f"Not proved: {proof['reason'] if proof else 'no proof was asked for'}."
    side = proof["native"] or proof["dialect"]
    against = f"{FRAMEWORKS.get(proof['framework'], proof['framework'])} {proof['version'] or ''}".strip()
    against = f"what {against} gave" if proof["kind"] == "live" else f"recorded values of {against}"
    ran = f"Run on {FRAMEWORKS[side['backend']]} {side['version']} and held against {against}"
    ran += f", on {side['compared']} input{'s' * (side['compared'] != 1)}"
    if side["refused"]:
        ran += f" ({side['refused']} more are refused)"
    if side["value"] == 0 and not side["gradient"]:
        ran += ": equal to the last digit"
    elif side["value"] is not None:
        ran += f": the value is at most {number(side['value'], 2)} apart"
        ran += f", the gradient {number(side['gradient'], 2)}" if side["gradient"] is not None else ""
    return ran + ("." if proof["holds"] else f". It does not hold: {proof['reason'] or 'the two differ'}.")


def residual(left: dict[str, Any]) -> str:
    """What still differs, in a line."""
    if left["source"] == "None" and left["field"] in ("inputs", "proof"):
        return f"{left['cause']}: {left['target'].strip(chr(34) + chr(39))}"
    size = f", by {number(left['size'], 3)}" if left["size"] else ""
    return f"{left['cause']}: `{left['field']}`, `{left['source']}` against `{left['target']}`{size}"


def index_of(data: dict[str, Any]) -> dict[str, Any]:
    """What the template of the index shows."""
    losses = []
    for name, page in data.items():
        worst, text = 0.0, ""
        ran = comparable(page)
        for one in ran[1:]:
            size = max(gaps(one, ran[0]))
            if size > max(worst, ROUNDING):
                worst, text = size, f"`{one['name']}`: {beside(one, ran[0]).removeprefix('🔴 ')}"
        losses.append({"name": name, "summary": page["summary"], "variants": len(page["variants"]),
                       "count": len(page["results"]), "text": text})  # fmt: skip
    return {
        "losses": losses,
        "facts": facts(data),
        "elsewhere": elsewhere(data),
        "natives": sum(one["count"] for one in losses),
        "differing": sum(bool(one["text"]) for one in losses),
        "frameworks": FRAMEWORKS,
    }


def comparable(page: dict[str, Any]) -> list[dict[str, Any]]:
    """The results that are there, of native losses that take all of the inputs."""
    calls = {call["name"]: call["call"] for variant in page["variants"] for call in variant["calls"]}
    return [
        one for one in page["results"] if one["value"] is not None and not untaken(page, calls[one["name"]])
    ]


def drawn(page: dict[str, Any]) -> list[str]:
    """The variants in a picture: not those that cannot take what A needs, which are of something else."""
    if not page["curves"]:
        return []
    first = page["variants"][0]["calls"][0]
    roles = parse(first["call"]).roles
    needed = {roles[name] for name in first["arguments"] if name in roles} & {*page["inputs"]}
    calls = {variant["id"]: variant["calls"][0]["call"] for variant in page["variants"]}
    return [name for name in page["curves"]["variants"] if needed <= {*parse(calls[name]).roles.values()}]


def facts(data: dict[str, Any], most: int = 12) -> list[dict[str, Any]]:
    """Of losses of the same name, those that are furthest apart, with the causes."""
    found = []
    for loss, page in data.items():
        causes = {
            one["second"]: {
                field["cause"]
                for field in one["fields"]
                if any((field[of] or {}).get("share") for of in ("value_effect", "gradient_effect"))
            }
            for one in page["differences"]
        }
        ran = comparable(page)
        for name, group in itertools.groupby(
            sorted(ran, key=lambda one: stem(one["name"])), lambda one: stem(one["name"])
        ):
            pairs = [
                (max(min(gap, 1e12) for gap in gaps(b, a)), a, b)
                for a, b in itertools.permutations(group, 2)
                if a["framework"] != b["framework"]
            ]
            size, a, b = max(pairs, key=lambda pair: pair[0], default=(0.0, {}, {}))
            if size > 1e-3:
                found.append({
                    "size": size, "loss": loss, "stem": name, "first": a, "second": b,
                    "text": beside(b, a).removeprefix("🔴 "),
                    "gives": [tensor(one["value"]) for one in (a, b)],
                    "causes": sorted(causes.get(a["variant"], set()) ^ causes.get(b["variant"], set())
                                     or causes.get(b["variant"], set())),
                })  # fmt: skip
    found.sort(key=lambda fact: -fact["size"])
    return list({(fact["loss"], fact["text"]): fact for fact in reversed(found)}.values())[::-1][:most]


def elsewhere(data: dict[str, Any]) -> list[dict[str, str]]:
    """Losses that have the very name of a canonical loss, and are another."""
    return [
        one | {"page": loss}
        for loss, page in data.items()
        for one in namesakes(page)
        if stem(one["name"]) == stem(loss) and stem(one["name"]) != stem(one["loss"])
    ]


if __name__ == "__main__":
    main()
