"""The command `port` on files and folders: what it prints, writes, keeps and refuses."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from unified_loss import cli

LEFT = "from torch.nn import *\n"


def port(*arguments):
    return CliRunner().invoke(cli.app, ["port", *map(str, arguments)])


def git(folder, *arguments):
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def script(tmp_path):
    """A file that would leave a trace if it were run."""
    file = tmp_path / "train.py"
    file.write_text(
        "from pathlib import Path\n\nfrom mxnet.gluon import loss as gloss  # the losses\n\n"
        f"Path({str(tmp_path / 'was run')!r}).write_text('')\nloss_fn = gloss.HuberLoss( rho = 0.5 )\n"
    )
    yield file
    assert not (tmp_path / "was run").exists()


def moved(text):
    return text.replace("from mxnet.gluon", "from unified_loss.dialects.mxnet.gluon")


def test_without_write_it_shows_a_diff_and_writes_nothing(script, tmp_path):
    before = script.read_text()
    done = port(script, "--from", "mxnet", "--to", "torch")
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        f"--- {script}",
        f"+++ {script}",
        "@@ -1,6 +1,6 @@",
        " from pathlib import Path",
        " ",
        "-from mxnet.gluon import loss as gloss  # the losses",
        "+from unified_loss.dialects.mxnet.gluon import loss as gloss  # the losses",
        " ",
        f" Path({str(tmp_path / 'was run')!r}).write_text('')",
        " loss_fn = gloss.HuberLoss( rho = 0.5 )",
        f"{script}:6: gloss.HuberLoss( rho = 0.5 ): dialect",
        "1 use ported, 0 left alone, in 1 file (not written; --write does that)",
    ]
    assert script.read_text() == before and list(tmp_path.iterdir()) == [script]


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs patch")
def test_the_diff_is_one_that_patch_takes(script):
    script.write_text(script.read_text().rstrip())
    before = script.read_text()
    done = port(script, "--to", "torch")
    subprocess.run(
        ["patch", "-p0", "--posix", str(script)],
        input=done.output,
        text=True,
        check=True,
        capture_output=True,
    )
    assert script.read_text() == moved(before)


def test_what_is_written_is_kept_beside_first(script):
    before = script.read_text()
    script.chmod(0o755)
    done = port(script, "--to", "torch", "--write")
    assert done.exit_code == 0
    assert script.read_text() == moved(before) and script.stat().st_mode & 0o777 == 0o755
    backup = script.with_name("train.py.orig")
    assert backup.read_text() == before
    assert f"kept what was there as {backup}" in done.output and "(written)" in done.output


def test_a_backup_that_is_there_is_never_overwritten(script, tmp_path):
    other = tmp_path / "a.py"
    other.write_text(script.read_text())
    backup = script.with_name("train.py.orig")
    backup.write_text("precious")
    before = script.read_text()
    done = port(tmp_path, "--to", "torch", "--write")
    assert done.exit_code == 2 and done.stdout == ""
    assert (
        done.stderr
        == f"unified-loss: --write: {backup} is there already, and is not overwritten; move it away\n"
    )
    assert backup.read_text() == "precious" and script.read_text() == other.read_text() == before
    assert not other.with_name("a.py.orig").exists()


def test_a_file_as_git_has_it_needs_no_backup(script, tmp_path):
    git(tmp_path, "init")
    git(tmp_path, "add", "train.py")
    git(tmp_path, "commit", "-m", "first")
    done = port(script, "--to", "torch", "--write")
    assert done.exit_code == 0 and "unified_loss" in script.read_text()
    assert not script.with_name("train.py.orig").exists()


@pytest.mark.parametrize("state", ["untracked", "staged", "modified"])
def test_a_file_that_git_does_not_have_as_it_is_is_kept_beside(script, tmp_path, state):
    git(tmp_path, "init")
    git(tmp_path, "commit", "--allow-empty", "-m", "none")
    if state != "untracked":
        git(tmp_path, "add", "train.py")
    if state == "modified":
        git(tmp_path, "commit", "-m", "first")
        script.write_text(script.read_text() + "# more\n")
    before = script.read_text()
    assert port(script, "--to", "torch", "--write").exit_code == 0
    assert script.with_name("train.py.orig").read_text() == before


def test_a_file_with_nothing_to_port_is_said_and_not_touched(tmp_path):
    file = tmp_path / "a.py"
    file.write_text("print( 1 )")
    done = port(file, "--to", "torch", "--write")
    assert done.exit_code == 0 and done.output == "nothing to port in 1 file\n"
    assert list(tmp_path.iterdir()) == [file] and file.read_text() == "print( 1 )"


def test_what_is_left_alone_gives_exit_status_1(tmp_path):
    file = tmp_path / "a.py"
    file.write_text(f"{LEFT}import optax\noptax.l2_loss(x)\n")
    done = port(file, "--to", "mindspore", "--write")
    assert done.exit_code == 1
    assert file.read_text() == f"{LEFT}from unified_loss.dialects import optax\noptax.l2_loss(x)\n"
    assert done.output.splitlines()[-4:-2] == [
        f"{file}:1: from torch.nn import *: left alone: which names a star import binds is only known when "
        "the program runs",
        f"{file}:3: optax.l2_loss(x): dialect",
    ]
    assert port(file, "--to", "mindspore", "--from", "optax").exit_code == 0


def test_a_folder_is_ported_with_all_below_it_but_what_is_hidden_or_installed(script, tmp_path):
    text = script.read_text()
    inside = tmp_path / "package" / "deep" / "loss.py"
    skipped = [tmp_path / ".hidden" / "a.py", tmp_path / "env" / "lib" / "a.py", tmp_path / "notes.txt"]
    for file in (inside, *skipped):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    done = port(tmp_path, "--to", "torch", "--write")
    assert done.exit_code == 0
    assert script.read_text() == inside.read_text() == moved(text)
    assert {file.read_text() for file in skipped} == {text}


def test_the_json_has_what_is_printed(script, tmp_path):
    output = tmp_path / "port.json"
    assert port(script, "--from", "mxnet", "--to", "torch", "--json", output).exit_code == 0
    done = port(script, "--from", "mxnet", "--to", "torch", "--json", "-")
    found = json.loads(done.stdout)
    assert found == json.loads(output.read_text())
    assert {key: found[key] for key in ("from", "to", "style", "written", "backups")} == {
        "from": "mxnet", "to": "torch", "style": "dialect", "written": False, "backups": [],
    }  # fmt: skip
    (file,) = found["files"]
    assert file["path"] == str(script) and file["changed"] and file["diff"].startswith(f"--- {script}\n")
    assert file["findings"] == [
        {"line": 6, "column": 11, "code": "gloss.HuberLoss( rho = 0.5 )", "outcome": "dialect", "reason": ""}
    ]


def test_a_mark_of_the_encoding_and_links_stay(tmp_path):
    file, link = tmp_path / "a.py", tmp_path / "link.py"
    file.write_bytes(b"\xef\xbb\xbfimport optax  # \xc3\xa9\r\noptax.l2_loss(x)\r\n")
    link.symlink_to(file)
    assert port(link, "--to", "torch", "--write").exit_code == 0
    assert link.is_symlink()
    assert file.read_bytes() == (
        b"\xef\xbb\xbffrom unified_loss.dialects import optax  # \xc3\xa9\r\noptax.l2_loss(x)\r\n"
    )


WRONG = {
    "no Python": (b"def f(:\n", "a.py:1: no Python: "),
    "not UTF-8": (b"x = 1\ny = '\xe9'\n", "a.py:2: not UTF-8"),
    "a zero byte": (b"x = 1\0", "a.py: no Python: "),
    "too deep": (b"(" * 3000 + b")" * 3000, "a.py"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_file_that_is_none_is_an_error_and_nothing_is_written(script, tmp_path, case):
    data, message = WRONG[case]
    bad = tmp_path / "a.py"
    bad.write_bytes(data)
    before = script.read_text()
    for path in (bad, tmp_path):
        done = port(path, "--to", "torch", "--write")
        assert done.exit_code == 2 and done.stdout == ""
        assert done.stderr.startswith(f"unified-loss: {tmp_path}/{message}") and done.stderr.count("\n") == 1
    assert script.read_text() == before and bad.read_bytes() == data
    assert {file.name for file in tmp_path.iterdir()} == {"train.py", "a.py"}


def wrong(*arguments):
    done = port(*arguments)
    assert done.exit_code == 2 and done.stdout == ""
    return done.stderr.removeprefix("unified-loss: ").strip()


def test_wrong_use_is_said(script, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    notebook = tmp_path / "a.ipynb"
    notebook.write_text("{}")
    assert wrong(empty, "--to", "torch") == f"{empty}: there is no Python file below this folder"
    assert wrong(tmp_path / "b.py", "--to", "torch") == f"{tmp_path}/b.py: No such file or directory"
    assert wrong(notebook, "--to", "torch") == f"{notebook}: a notebook; export it as a Python file first"
    assert wrong(script, "--to", "caffe").startswith(
        "--to: unknown framework 'caffe'; there are: mxnet, torch,"
    )
    assert wrong(script, "--to", "torch", "--from", "caffe").startswith("--from: unknown framework 'caffe'")
    assert (
        wrong(script, "--to", "torch", "--from", "pytorch") == "--from pytorch --to torch: the same framework"
    )
    assert wrong("torch.nn.MSELoss()", "--to", "mxnet", "--write").startswith(
        "--write is for files and folders"
    )
    assert wrong("torch.nn.MSELoss()", "--to", "mxnet", "--style", "native").startswith(
        "--style is for files"
    )
    assert wrong(script, "--to", "torch", "--json", tmp_path / "none" / "a.json").startswith("--json")
    assert port(script).exit_code == 2
    assert port(script, "--to", "torch", "--style", "other").exit_code == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads and writes everything")
def test_a_file_that_cannot_be_read_or_written_is_said(script):
    script.chmod(0o444)
    assert wrong(script, "--to", "torch", "--write") == f"--write {script}: cannot be written"
    script.chmod(0)
    assert wrong(script, "--to", "torch") == f"{script}: Permission denied"


def test_without_libcst_it_says_what_to_install(script):
    program = "import sys; sys.modules['libcst'] = None; from unified_loss.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "port", str(script), "--to", "torch"], capture_output=True, text=True
    )
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "unified-loss: porting a file needs libcst: pip install 'unified_loss[cli]'\n"


def test_the_documentation_shows_what_is_printed(tmp_path, monkeypatch):
    text = (Path(__file__).parents[1] / "docs" / "porting.md").read_text()
    (source,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (shown,) = re.findall(r"```diff\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(source)
    done = port("train.py", "--from", "mxnet", "--to", "torch")
    assert done.output == shown and done.exit_code == 1


# ------------------------------------------------------------------------------ a loss

SMOOTH = "mxnet.gluon.loss.HuberLoss(rho=0.5)"


def test_a_loss_is_shown_in_the_other_framework_and_through_the_dialect():
    done = port(SMOOTH, "--to", "torch", "--no-proof")
    assert done.exit_code == 0
    assert done.output.startswith(f"source  {SMOOTH}\n\nin torch\nimport torch\n")
    assert "torch.nn.functional.smooth_l1_loss(" in done.output
    assert "verdict adapted, the same value and gradient" in done.output
    assert (
        "from unified_loss.dialects.mxnet.gluon.loss import HuberLoss\n\nloss = HuberLoss(rho=0.5)\n"
        in done.output
    )
    assert "proof" not in done.output


def test_the_code_that_is_printed_is_that_of_the_json_and_runs(tmp_path):
    file = tmp_path / "port.json"
    done = port(SMOOTH, "--to", "optax", "--no-proof", "--json", file)
    found = json.loads(file.read_text())
    assert {
        "source",
        "to",
        "target",
        "native",
        "dialect",
        "verdict",
        "differences",
        "proof",
        "reason",
        "notes",
    } == set(found)
    assert found["native"] in done.output and found["dialect"] in done.output
    compile(found["native"], "native", "exec")
    inside = {}
    exec(found["dialect"], inside)
    assert inside["loss"]([[3.0, 0.5]], [[0.0, 0.0]]).tolist() == [1.5]


def test_a_loss_that_the_target_cannot_express_gives_exit_status_1():
    done = port("keras.losses.Circle()", "--to", "torch", "--no-proof", "--json", "-")
    found = json.loads(done.stdout)
    assert done.exit_code == 1 and found["native"] is None and "torch" in found["reason"]
    assert "import Circle" in found["dialect"]


def test_a_loss_that_is_none_is_wrong_use():
    known = "it has: rho, weight, batch_axis; did you mean 'rho'?"
    assert wrong("mxnet.gluon.loss.HuberLoss(roh=1)", "--to", "torch") == (
        f"mxnet.gluon.loss.HuberLoss: unknown argument 'roh'; {known}"
    )
    assert wrong("mxnet.gluon.loss.Hubber()", "--to", "torch").startswith("no dialect has a loss named")
    assert wrong("1 +", "--to", "torch") == "'1 +' is no Python expression: invalid syntax"
    assert "only known when the program runs" in wrong("torch.nn.MSELoss(reduction=r)", "--to", "mxnet")
    assert wrong(SMOOTH, "--to", "caffe").startswith("--to: unknown framework 'caffe'")
    assert (
        wrong(SMOOTH, "--to", "torch", "--from", "paddle")
        == f"--from paddle: {SMOOTH[:26]} is no loss of that"
    )
    assert wrong("f(" + "x" * 5000 + ")", "--to", "torch").startswith("no dialect has a loss named 'f'")
