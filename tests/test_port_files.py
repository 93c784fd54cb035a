"""Porting files and folders: what is changed, what is left alone, and that both still run and agree."""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from unified_loss import cli
from unified_loss.errors import BackendError, ConfigError
from unified_loss.loading import get_backend
from unified_loss.porting import known
from unified_loss.porting.files import port_files, port_text

SCRIPTS = Path(__file__).parent / "scripts"
SOURCES = ("mxnet", "torch", "tensorflow", "paddle", "mindspore", "optax")
TARGETS = {
    "mxnet": "torch",
    "torch": "optax",
    "tensorflow": "mindspore",
    "paddle": "tensorflow",
    "mindspore": "mxnet",
    "optax": "paddle",
}
FILES = [file for source in SOURCES for file in sorted((SCRIPTS / source).glob("*.py"))]
MARK = "# -> "


def of(source):
    """What --from is called with: the scripts of TensorFlow use Keras by both its names."""
    return None if source == "tensorflow" else source


def ported(file, style="dialect"):
    source = file.parent.name
    (found,) = port_files(str(file), TARGETS[source], source=of(source), style=style)
    return found


def findings(text, to="numpy", source=None, style="dialect"):
    """(line, code, outcome, reason) of what is found in a text, and the text ported."""
    heads = known.sources("torch" if source != "torch" else "optax", source)
    after, found = port_text(text, heads, to, style)
    return [(f.line, f.code, f.outcome, f.reason) for f in found], after


def unified_loss(*arguments):
    return CliRunner().invoke(cli.app, ["port", *map(str, arguments)])


@pytest.fixture
def script(tmp_path):
    """A file that would leave a trace if it were run."""
    file = tmp_path / "train.py"
    file.write_text(
        "from pathlib import Path\n\nfrom mxnet.gluon import loss as gloss  # the losses\n\n"
        f"Path({str(tmp_path / 'run')!r}).write_text('')\nloss_fn = gloss.HuberLoss( rho = 0.5 )\n"
    )
    yield file
    assert not (tmp_path / "run").exists()


# ------------------------------------------------------------------------------ training scripts


def test_there_are_scripts_of_every_framework():
    assert all(len(list((SCRIPTS / source).glob("*.py"))) >= 3 for source in SOURCES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_what_is_found_is_what_the_script_says_stands_there(file):
    said = {}
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        if MARK in line:
            said[number] = sorted(line.partition(MARK)[2].split(", "))
    got = {}
    for finding in ported(file).findings:
        got.setdefault(finding.line, []).append("left alone" if finding.outcome == "left alone" else "ported")
        assert bool(finding.reason) == (finding.outcome == "left alone")
    assert {line: sorted(outcomes) for line, outcomes in got.items()} == said


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_nothing_but_imports_and_losses_is_changed(file):
    found = ported(file)
    compile(found.after, str(file), "exec")
    before, after = (text.splitlines() for text in (found.before, found.after))
    changed = [line[2:] for line in difflib.ndiff(before, after) if line[:2] in ("- ", "+ ")]
    assert changed
    assert [line for line in changed if MARK not in line and not re.match(r" *(from|import) ", line)] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_ported_file_has_nothing_more_to_port(file, tmp_path):
    first = ported(file)
    folder = tmp_path / file.parent.name
    folder.mkdir()
    (folder / file.name).write_text(first.after)
    second = ported(folder / file.name)
    assert not second.changed and second.diff == ""
    left = [finding.reason for finding in first.findings if finding.outcome == "left alone"]
    assert [finding.reason.replace("_losses", "") for finding in second.findings] == left or len(left) >= len(
        second.findings
    )
    assert {finding.outcome for finding in second.findings} <= {"left alone"}


def run_scripts(source, style, folder):
    """What the scripts of a framework give, as they are and ported."""
    target = TARGETS[source]
    for name in {source, target} - {"optax"}:
        try:
            get_backend(name)
        except BackendError as error:
            pytest.skip(str(error))
    for file in sorted((SCRIPTS / source).glob("*.py")):
        (folder / file.name).write_text(ported(file, style).after)
    runs = Path(__file__).parent / "script_runs.py"
    done = subprocess.run(
        [sys.executable, str(runs), source, target, style, str(folder)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("source", SOURCES)
def test_a_script_ported_to_the_dialect_trains_as_before_and_computes_the_same_elsewhere(source, tmp_path):
    found = run_scripts(source, "dialect", tmp_path)
    assert set(found) == {file.name for file in (SCRIPTS / source).glob("*.py")}
    for name, run in found.items():
        before, after = run["training"]
        np.testing.assert_allclose(after, before, rtol=1e-6, atol=0, err_msg=name)
        assert_equal_losses(run["losses"], name)


def assert_equal_losses(pair, name):
    before, after = pair
    assert before and list(before) == list(after)
    for loss in before:
        assert np.shape(after[loss]) == np.shape(before[loss]), (name, loss)
        np.testing.assert_allclose(after[loss], before[loss], rtol=1e-5, atol=1e-6, err_msg=f"{name}: {loss}")


# ------------------------------------------------------------------------------ what is left alone


LEFT_ALONE = {
    "star import": (
        "from torch.nn import *\nloss = MSELoss()\n",
        [(1, "from torch.nn import *", "which names a star import binds is only known when the program runs")],
    ),
    "getattr": (
        "from torch import nn\nloss = getattr(nn, name)()\n",
        [(2, "getattr(nn, name)", "what is taken from torch.nn is only known when the program runs")],
    ),
    "__dict__": (
        "from mxnet import gluon\nloss = gluon.loss.__dict__[name]()\n",
        [(2, "gluon.loss.__dict__", "a loss may be looked up in it when the program runs")],
    ),
    "a module under another name": (
        "import torch.nn.functional as F\nG = F\nG.mse_loss(a, b)\n",
        [
            (2, "G = F", "torch.nn.functional is given another name"),
            (3, "G.mse_loss", "G is an argument or a variable here; what it is, is only known when the program runs"),
        ],
    ),
    "a subclass": (
        "from keras.losses import Huber\nclass Mine(Huber):\n    pass\n",
        [(2, "Huber", "class Mine is derived from it, and may rely on how it is made")],
    ),
    "a base class": (
        "import mxnet as mx\nclass Mine(mx.gluon.loss.Loss):\n    pass\n",
        [(2, "mx.gluon.loss.Loss", "no dialect has a loss named mxnet.gluon.loss.Loss")],
    ),
    "by its name": (
        'model.compile("adam", loss="mse")\nother.compile(loss=["mae", custom, "mse"])\n',
        [
            (1, '"mse"', "a loss by its name, which keras looks up when the program runs"),
            (2, '"mae"', "a loss by its name, which keras looks up when the program runs"),
            (2, '"mse"', "a loss by its name, which keras looks up when the program runs"),
        ],
    ),
    "by its full name": (
        'config = {"loss": "mxnet.gluon.loss.L1Loss"}\n',
        [(1, '"mxnet.gluon.loss.L1Loss"', "a loss by its name, which is looked up when the program runs")],
    ),
    "one of two imports": (
        "try:\n    from tensorflow import keras\nexcept ImportError:\n    import keras\nloss = keras.losses.Huber()\n",
        [
            (
                5,
                "keras.losses.Huber",
                "keras is bound more than once; this may be keras.losses.Huber or tensorflow.keras.losses.Huber",
            )
        ],
    ),
    "an import or nothing": (
        "try:\n    import optax\nexcept ImportError:\n    optax = None\nloss = optax.l2_loss(a)\n",
        [(5, "optax.l2_loss", "optax is bound more than once; this may be optax.l2_loss or optax.l2_loss")],
    ),
    "a shadowed name": (
        "from paddle import nn\ndef f(nn):\n    return nn.L1Loss()\n",
        [
            (
                3,
                "nn.L1Loss",
                "nn is an argument or a variable here; what it is, is only known when the program runs",
            )
        ],
    ),
    "what gluon gives as F": (
        "from mxnet import gluon\nclass A(gluon.nn.HybridBlock):\n    def hybrid_forward(self, F, x):\n"
        "        return F.smooth_l1(x)\n",
        [
            (
                4,
                "F.smooth_l1",
                "F is an argument or a variable here; what it is, is only known when the program runs",
            )
        ],
    ),
    "what only the native loss has": (
        "from torch import nn\ncriterion = nn.MSELoss()\ncriterion.cuda()\n",
        [(2, "nn.MSELoss()", "line 3 takes cuda from it, which only torch's own loss has")],
    ),
    "at once": (
        "from torch import nn\ncriterion = nn.MSELoss().to(device)\n",
        [(2, "nn.MSELoss()", "line 2 takes to from it, which only torch's own loss has")],
    ),
    "on an object": (
        "from mxnet import gluon\nclass A:\n    def __init__(self):\n        self.loss = gluon.loss.L1Loss()\n"
        "    def fast(self):\n        self.loss.hybridize()\n",
        [(4, "gluon.loss.L1Loss()", "line 6 takes hybridize from it, which only mxnet's own loss has")],
    ),
    "assigned to": (
        "from mxnet import gluon\ngluon.loss.L1Loss = Mine\n",
        [(2, "gluon.loss.L1Loss", "something else is assigned to it")],
    ),
    "a wrong keyword": (
        "import torch\ntorch.nn.HuberLoss(rho=1.0)\n",
        [
            (
                2,
                "torch.nn.HuberLoss(rho=1.0)",
                "torch.nn.HuberLoss: unknown argument 'rho'; it has: reduction, delta",
            )
        ],
    ),
    "a wrong value": (
        'import torch\ntorch.nn.HuberLoss(reduction="avg")\n',
        [(2, 'torch.nn.HuberLoss(reduction="avg")', "avg is not a valid value for reduction")],
    ),
    "a name that no dialect has": (
        "import mxnet as mx\nmx.ndarray.softmax_cross_entropy(a, b)\n",
        [
            (
                2,
                "mx.ndarray.softmax_cross_entropy",
                "no dialect has a loss named mxnet.ndarray.softmax_cross_entropy",
            )
        ],
    ),
}


@pytest.mark.parametrize("case", LEFT_ALONE)
def test_what_cannot_be_decided_is_left_alone_and_listed(case):
    text, expected = LEFT_ALONE[case]
    heads = tuple(head for heads in known.HEADS.values() for head in heads)
    after, found = port_text(text, heads, "torch")
    assert after == text
    assert [(f.line, f.code, f.reason) for f in found] == expected
    assert {f.outcome for f in found} == {"left alone"}
