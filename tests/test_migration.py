"""The migration guides: their programs train, and their pages say what came of it."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path

import pytest

from unified_loss import availability
from unified_loss.registry import ENTRIES

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "migration"
NEEDED = {"gluon-to-torch": ("mxnet", "torch"), "keras-to-jax": ("tensorflow", "jax")}
# Of values of about 1, after hundreds of steps in float32; that the loss alone is right to its last digits
# is tested elsewhere.
ROUNDING = 1e-4
# By which the curves differ with the losses of the same names: less would not be seen in the picture.
VISIBLE = {
    "gluon-to-torch": {"training loss": 0.1, "overlap": 0.2},
    "keras-to-jax": {"training loss": 1.0, "divergence": 0.5, "accuracy": 0.3},
}

_SPEC = importlib.util.spec_from_file_location("migration_training", FOLDER / "training.py")
training = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = training
_SPEC.loader.exec_module(training)


@pytest.fixture(scope="module", params=training.GUIDES)
def guide(request):
    missing = [name for name in NEEDED[request.param] if not availability.version(ENTRIES[name])]
    if missing and not request.config.getoption("--all-backends"):
        pytest.skip(f"needs {', '.join(missing)}")
    return request.param


@pytest.fixture(scope="module")
def curves(guide, tmp_path_factory):
    # The guides train in float32, as JAX does unless told otherwise.
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("JAX_ENABLE_X64", raising=False)
        patch.setitem(os.environ, "PYTHONWARNINGS", "ignore")
        return training.train(guide, tmp_path_factory.mktemp(guide))


def test_the_model_learns(guide, curves):
    before = curves.before["training loss"]
    assert before[-1] < before[0] / 2


def test_the_curves_coincide_with_the_dialect_loss(guide, curves):
    for name in curves.before:
        assert len(curves.after[name]) == len(curves.before[name])
        assert curves.apart(name) < ROUNDING, name


def test_the_curves_differ_with_the_naive_rename(guide, curves):
    for name, least in VISIBLE[guide].items():
        assert curves.apart(name, naive=True) > least, name


def test_the_page_states_the_differences(guide, curves):
    page = (FOLDER / guide / "README.md").read_text()
    rows = re.findall(r"^\| ([\w ]+) \| (\S+) \| (\S+) \|$", page, re.MULTILINE)
    stated = {name: (ported, naive) for name, ported, naive in rows if name in curves.before}
    assert list(stated) == list(curves.before)
    for name, (ported, naive) in stated.items():
        # What is rounding is another number on another processor, what is not is the same.
        assert float(ported) < ROUNDING
        # A share of pictures is a few pictures more or less.
        slack = {"abs": 0.02} if name == "accuracy" else {"rel": 0.05}
        assert float(naive) == pytest.approx(curves.apart(name, naive=True), **slack)


@pytest.mark.parametrize("guide", training.GUIDES)
def test_the_page_shows_its_programs(guide):
    page = (FOLDER / guide / "README.md").read_text()
    programs = [(FOLDER / guide / name).read_text() for name in ("before.py", "after.py")]
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert blocks
    for block in blocks:
        assert any(block in program for program in programs), block


@pytest.mark.parametrize("guide", training.GUIDES)
def test_the_page_has_its_picture(guide):
    picture = (FOLDER / guide / "curves.svg").read_text()
    stated = re.search(r"!\[.*\]\(curves\.svg\)", (FOLDER / guide / "README.md").read_text())
    assert stated
    assert "dialect loss" in picture
    assert "same name" in picture
