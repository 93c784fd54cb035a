"""The pages of the divergence catalogue: they are what is made of the data, and lead where they say."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

from unified_loss.porting.catalogue import catalogued

DOCS = Path(__file__).resolve().parents[1] / "docs"
FOLDER = DOCS / "catalogue"
LARGEST = 40_000
"""Bytes of a picture."""


@pytest.fixture(scope="module")
def pages():
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module("pages")
    finally:
        sys.path.remove(str(FOLDER))


@pytest.fixture(scope="module")
def data(pages):
    return pages.catalogue()


@pytest.fixture(scope="module")
def texts():
    return {file.stem: file.read_text("utf-8") for file in sorted(FOLDER.glob("*.md"))}


def test_the_pages_are_made_of_the_data(pages, data, texts):
    made = pages.written(data)
    assert sorted(made) == sorted(texts)
    stale = [name for name in made if made[name] != texts[name]]
    assert not stale, f"{stale}: run python docs/catalogue/pages.py"


def test_each_loss_that_a_framework_has_has_a_page_in_the_index_and_on_the_site(texts):
    site = (DOCS.parent / "mkdocs.yml").read_text("utf-8")
    assert set(texts) == {*catalogued(), "README"}
    for loss in catalogued():
        assert f"({loss}.md)" in texts["README"], loss
        assert f"catalogue/{loss}.md\n" in site, loss


def test_each_page_shows_its_picture_and_no_other_is_there(data, texts):
    drawn = {file.stem: file.read_text("utf-8") for file in FOLDER.glob("*.svg")}
    assert set(drawn) == {loss for loss, page in data.items() if page["curves"]}
    for loss, picture in drawn.items():
        assert f"]({loss}.svg)" in texts[loss]
        assert "<dc:date>" not in picture, loss
        assert len(picture) < LARGEST, loss


def test_links_lead_somewhere(texts):
    for name, text in texts.items():
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
        anchors = set(re.findall(r'<details id="([^"]+)"', prose))
        headings = re.findall(r"^#+ (.*)$", prose, flags=re.M)
        assert len(anchors) == len(re.findall("<details id=", prose)), f"{name}: two ports of one anchor"
        anchors |= {
            re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
        }
        for link in re.findall(r"\]\(([^)]+)\)", prose):
            file, _, anchor = link.partition("#")
            assert not file or (FOLDER / file).is_file(), f"{name}: {link}"
            assert not anchor or anchor in anchors, f"{name}: {link}"


def test_programs_compile(texts):
    found = 0
    for name, text in texts.items():
        for program in re.findall(r"^```python\n(.*?)^```$", text, flags=re.M | re.S):
            compile(program, name, "exec")
            found += 1
    assert found > 2 * len(texts)


def test_tables_have_as_many_cells_in_each_row(texts):
    for name, text in texts.items():
        for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
            rows = table.splitlines()
            cells = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
            assert len(cells) == 1, f"{name}: {rows[0]}"
            assert set(rows[1]) == {"|", "-"}, f"{name}: {rows[0]}"


def test_a_gap_is_the_data_s(pages, data):
    """Of Huber's loss, Keras's function leaves the mean over the samples out, and optax the mean over all."""
    rows = {row["name"]: row["beside"] for row in pages.glance(data["huber"])}
    samples, entries = data["huber"]["inputs"]["prediction"]["shape"]
    assert rows["keras.losses.Huber"].endswith("the same")
    assert f"value +{100 * (samples - 1)}\u00a0%" in rows["keras.losses.huber"]
    assert f"gradient +{100 * (samples * entries - 1)}\u00a0%" in rows["optax.losses.huber_loss"]
    elsewhere = [(one["name"], one["page"], one["loss"]) for one in pages.elsewhere(data)]
    assert ("mxnet.gluon.loss.HuberLoss", "huber", "smooth_l1") in elsewhere
