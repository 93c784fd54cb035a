"""The pytest plugin, in runs of pytest of their own, and the example that is certified by it."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from unified_loss.conformance import load_cases
from unified_loss.conformance.expected import read

import unified_loss as ul

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "docs" / "examples" / "array_api_strict"
README = (EXAMPLE / "README.md").read_text()
MODULE = "unified_loss_array_api_strict"
L1 = "mxnet.gluon.loss.L1Loss"
STORED = [case for case in load_cases([L1]) if case.kind != "live"]
CASES = [case.id for case in STORED]


@pytest.fixture
def project(tmp_path):
    """A project of somebody else's: their backend, their tests, and a function that runs these."""
    folder = tmp_path / "project"
    (folder / "tests").mkdir(parents=True)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")

    class Project:
        tests = folder / "tests"

        @staticmethod
        def backend(*lines):
            body = "".join(f"    {line}\n" for line in ('name = "mine"', *lines))
            head = f"import os, signal\nfrom {MODULE} import ArrayApiStrictBackend, xp\n\n"
            (folder / "mine.py").write_text(f"{head}class Mine(ArrayApiStrictBackend):\n{body}")

        @staticmethod
        def certify(arguments, where="tests/conftest.py"):
            (folder / where).write_text(
                "from unified_loss.conformance.pytest_plugin import certify\n"
                f"pytest_collect_file = certify({arguments})\n"
            )

        @staticmethod
        def run(*arguments):
            environment = {name: x for name, x in os.environ.items() if not name.startswith("PYTEST_")}
            environment["PYTHONPATH"] = str(EXAMPLE)
            command = [sys.executable, "-P", "-m", "pytest", *arguments]
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
            return done.returncode, done.stdout + done.stderr

    Project.backend()
    return Project


def outcomes(report):
    """What became of each test, by its name, from a report in JUnit XML."""
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = [child.tag for child in case if child.tag in ("failure", "skipped", "error")]
        found[case.get("name")] = kinds[0] if kinds else "passed"
    return found


# ----------------------------------------------------------------------------- the example


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The example as pip installs it, entry point included."""
    source, target = (tmp_path_factory.mktemp(name) for name in ("source", "target"))
    shutil.copytree(EXAMPLE, source, dirs_exist_ok=True)
    command = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    where = ["--target", str(target), str(source)]
    subprocess.run([sys.executable, "-m", "pip", *command, *where], check=True, capture_output=True)
    return source, target


def in_example(installed, *command):
    source, target = installed
    environment = {**os.environ, "PYTHONPATH": str(target)}
    return subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True)


def without_numbers(text):
    """Text whose counts and times are left out, which change with every case that is added."""
    return re.sub(r"\d+(\.\d+)?", "N", text)


def test_every_case_holds_or_is_a_declared_gap_as_the_readme_says(installed):
    done = in_example(installed, sys.executable, "-P", "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout[-2000:]
    said = README.partition("$ pytest -q -rs\n")[2].partition("```")[0].splitlines()
    got = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED") or " passed" in line]
    got = [re.sub(r"\S*pytest_plugin\.py:\d+", "pytest_plugin.py", line) for line in got]
    assert sorted(map(without_numbers, got)) == sorted(map(without_numbers, said))
    passed, skipped = map(int, re.findall(r"\d+", got[-1])[:2])
    assert passed > 3000 and skipped < passed / 50


def test_the_command_line_shows_the_matrix_of_the_readme(installed):
    command = re.search(r"^\$ unified-loss (conform .*)$", README, re.MULTILINE)[1].split()
    program = "import sys; from unified_loss.__main__ import main; main()"
    done = in_example(installed, sys.executable, "-c", program, *command, "--no-live")
    said = README.partition(" ".join(command))[2].partition("```")[0].strip().splitlines()
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    for line in said:
        assert re.sub(r"\d+e-\d+", "", line) in [re.sub(r"\d+e-\d+", "", x) for x in lines], line


def test_the_python_of_the_readme_runs(installed):
    block = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    program = (
        "import doctest, sys\n"
        "test = doctest.DocTestParser().get_doctest(sys.stdin.read(), {}, 'README', None, 0)\n"
        "sys.exit(doctest.DocTestRunner().run(test).failed)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=block,
        env={**os.environ, "PYTHONPATH": str(installed[1])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_failure_that_the_readme_shows(project):
    project.backend("def take(self, x, indices):", "    return xp.take(x, indices, axis=0)")
    project.certify('"mine:Mine", losses=["torch.nn.NLLLoss2d"]')
    status, told = project.run("-q")
    assert status == 1
    said = README.partition("$ pytest -q -k NLLLoss2d\n")[2].partition("```")[0]
    assert said.replace("array_api_strict", "mine") in told
    assert "import unified_loss as ul" in told and "'mine:Mine'" in told
    assert "Traceback" not in told


# ------------------------------------------------------------------------- what it reports

WRONG = ("def abs(self, x):", "    return xp.abs(x) * (1.01 if xp.isdtype(x.dtype, xp.float64) else 1.0)")


def test_expected_failures_are_strict(project, tmp_path):
    exact = [c.id for c in STORED if any(str(getattr(e.value, "dtype", "")) == "float64" for e in c.inputs)]
    fine = next(name for name in CASES if name not in exact)
    project.backend(*WRONG)
    project.certify(f'"mine:Mine", losses=["{L1}"], expected_failures="known.toml"')
    entries = f"""
    [[failure]]
    cases = ["{exact[0]}", "{fine}"]
    reason = "abs is off by a hundredth"
    [[failure]]
    cases = ["{exact[1]}"]
    version = "<1"
    reason = "long mended"
    [[failure]]
    losses = ["torch.nn.NoSuchLoss"]
    reason = "misspelt"
    [[failure]]
    cases = ["{exact[2]}"]
    backend = "another"
    reason = "not of this one"
    """
    (project.tests / "known.toml").write_text("\n".join(line.strip() for line in entries.splitlines()))
    status, told = project.run("-q", "-rs", f"--junitxml={tmp_path}/junit.xml")
    assert status == 1
    expected = {name: "failure" if name in exact else "passed" for name in CASES}
    expected |= {exact[0]: "skipped", fine: "failure", "gradients": "skipped", "expected_failures": "failure"}
    found = outcomes(tmp_path / "junit.xml")
    assert found == expected
    known = project.tests / "known.toml"
    assert f"[XPASS(strict)] {known}: failure 1: abs is off by a hundredth" in told
    assert f"{known}: failure 3: no case matches torch.nn.NoSuchLoss" in told
    assert f"{known}: failure 4: 'another' is none of the backends mine" in told
    assert f"failed: {L1} on mine" in told and "  expected: " in told
    assert "values only, no gradients checked" in told


def test_a_gap_that_is_listed_as_a_failure_is_stale(project):
    project.certify('"mine:Mine", losses=["mindspore.ops.CTCLoss"], expected_failures="known.toml"')
    (project.tests / "known.toml").write_text('[[failure]]\nlosses = ["*.CTCLoss"]\nreason = "gradients"\n')
    status, told = project.run("-q", "-k", "made-1")
    assert status == 1 and "failure 1 is stale: a declared gap" in told


def test_a_crash_is_one_failed_test_and_the_rest_goes_on(project, tmp_path):
    project.backend(
        "def abs(self, x):",
        f"    if not os.path.exists({str(tmp_path / 'mark')!r}):",
        f"        open({str(tmp_path / 'mark')!r}, 'w').close()",
        "        os.kill(os.getpid(), signal.SIGSEGV)",
        "    return xp.abs(x)",
    )
    project.certify(f'"mine:Mine", losses=["{L1}"]')
    status, told = project.run("-q", f"--junitxml={tmp_path}/junit.xml")
    found = outcomes(tmp_path / "junit.xml")
    assert status == 1 and list(found.values()).count("failure") == 1
    assert set(found) == {*CASES, "gradients"}
    assert f"crashed: {L1} on mine" in told and "SIGSEGV" in told


@pytest.mark.parametrize("always", [False, True])
def test_a_worker_killed_from_outside_is_asked_once_more(project, tmp_path, always):
    mark = str(tmp_path / "mark")
    project.backend(
        "def abs(self, x):",
        f"    if {always} or not os.path.exists({mark!r}):",
        f"        open({mark!r}, 'w').close()",
        "        os.kill(os.getpid(), signal.SIGKILL)",
        "    return xp.abs(x)",
    )
    project.certify(f'"mine:Mine", losses=["{L1}"]')
    status, told = project.run("-q", f"tests/conftest.py::mine::{CASES[0]}")
    assert status == always
    assert ("killed twice: signal SIGKILL" in told) is always


def test_a_case_that_hangs_is_one_failed_test(project):
    project.backend("def abs(self, x):", "    import time; time.sleep(600)")
    project.certify(
        f'"mine:Mine", losses=["{L1}"], '
        "limits=__import__('unified_loss.conformance.runner', fromlist=['Limits']).Limits(case=2, deaths=1)"
    )
    status, told = project.run("-q", *(f"tests/conftest.py::mine::{name}" for name in CASES[:2]))
    assert status == 1 and "2 failed" in told
    assert f"timeout: {L1} on mine" in told and "no answer within 2 s" in told
    assert "not tried: 1 cases in a row ended like the one before" in told


def test_tests_are_chosen_by_name_and_shared_among_processes(project):
    (project.tests / "test_other.py").write_text("def test_it(): pass\n")
    project.certify(f'"mine:Mine", losses=["{L1}"], modes=["all"]')
    # Who runs a file of theirs runs no case but those that they name.
    named = [f"tests/conftest.py::mine::{CASES[0]}{mode}" for mode in ("", "[composed]")]
    status, told = project.run("-q", "tests/test_other.py", *named)
    assert status == 0 and "3 passed" in told
    status, told = project.run("-q", "-n", "2", "-k", "made-2")
    chosen = 2 * sum("made-2" in name for name in CASES)
    assert status == 0 and f"{chosen} passed" in told


# ------------------------------------------------------------------------------- wrong use


WRONG_USE = (
    ('"mine:Nobody"', "backend 'mine:Nobody' cannot be used: mine has no class Nobody"),
    ('"mine:Mine", expected_failures="none.toml"', "none.toml: cannot be read as TOML"),
    ('"mine:Mine", losses=["torch.nn.NoLoss"]', "no dialect has a loss named 'torch.nn.NoLoss'"),
    ('"mine:Mine", modes=["jit"]', "mine has no mode 'jit'; it has: eager, composed"),
)


def test_wrong_use_is_told_without_a_traceback(project):
    for i, (arguments, _) in enumerate(WRONG_USE):
        (project.tests / f"wrong{i}").mkdir()
        project.certify(arguments, f"tests/wrong{i}/conftest.py")
    status, output = project.run("-q")
    assert status == pytest.ExitCode.INTERRUPTED and "Traceback" not in output
    for i, (_, told) in enumerate(WRONG_USE):
        assert f"ERROR collecting tests/wrong{i}/conftest.py" in output and told in output


def test_a_place_that_is_not_collected_is_refused(project):
    project.certify('"mine:Mine"', "conftest.py")
    (project.tests / "test_other.py").write_text("def test_it(): pass\n")
    (project.tests.parent / "pytest.ini").write_text("[pytest]\ntestpaths = tests\n")
    status, told = project.run("-q")
    assert status != 0 and "certify does nothing here: testpaths does not have this folder" in told


def test_no_backend_is_wrong_use():
    from unified_loss.conformance.pytest_plugin import certify

    with pytest.raises(TypeError, match="at least one backend"):
        certify()


def test_installing_this_adds_nothing_to_anybodys_pytest():
    points = importlib.metadata.entry_points(group="pytest11")
    assert not [point for point in points if point.value.startswith("unified_loss")]


# ---------------------------------------------------------------- files of expected failures

GOOD = 'cases = ["a"]\nreason = "r"\n'


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[[failure]", "cannot be read as TOML"),
        ("[[failures]]\n" + GOOD, "unknown key 'failures'; expected tables [[failure]] only"),
        ("[failure]\n" + GOOD, "must be written [[failure]]"),
        ("failure = [1]", "failure 1: must be a table, not 1"),
        ("[[failure]]\n" + GOOD + 'because = "x"', "failure 1: unknown key 'because'; the keys are: cases"),
        ('[[failure]]\nreason = "r"', "failure 1: needs 'cases' or 'losses', a list of patterns"),
        ('[[failure]]\ncases = "a"\nreason = "r"', "failure 1: cases must be a list of patterns, not 'a'"),
        ('[[failure]]\nlosses = [""]\nreason = "r"', "failure 1: losses must be a list of patterns"),
        ('[[failure]]\ncases = ["a"]', "failure 1: needs a 'reason', in words, not None"),
        ('[[failure]]\ncases = ["a"]\nreason = " "', "failure 1: needs a 'reason', in words"),
        ("[[failure]]\n" + GOOD + "version = 2", "failure 1: version must be a string, not 2"),
        ("[[failure]]\n" + GOOD + 'version = "2.x"', "failure 1: version must be a specifier as pip takes"),
        ("[[failure]]\n" + GOOD + "[[failure]]\n", "failure 2: needs 'cases' or 'losses'"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path, content, told):
    file = tmp_path / "known.toml"
    file.write_text(content)
    with pytest.raises(ul.ConfigError, match=re.escape(told)) as raised:
        read(file)
    assert str(raised.value).startswith(str(file))


@pytest.mark.parametrize(
    ("specifier", "version", "concerned"),
    [
        ("<2.7", "2.6.1", True),
        ("<2.7", "2.7", False),
        ("<2.7", "2.7.dev3", False),
        (">=2,!=2.6.*", "2.6.1", False),
        ("==2.13.0", "2.13.0+cpu", True),
        (">=3", "3.1rc1", True),
    ],
)
def test_versions(tmp_path, specifier, version, concerned):
    file = tmp_path / "known.toml"
    file.write_text(f"[[failure]]\n{GOOD}version = {specifier!r}\n")
    (entry,) = read(file)
    assert entry.concerns("mine", version) is concerned


def test_a_version_that_is_none_cannot_be_compared(tmp_path):
    file = tmp_path / "known.toml"
    file.write_text(f"[[failure]]\n{GOOD}version = '<2'\n")
    with pytest.raises(ul.ConfigError, match="'<2' cannot be compared with 'unknown' of mine"):
        read(file)[0].concerns("mine", "unknown")


def test_patterns_match_cases_by_id_and_by_loss(tmp_path):
    file = tmp_path / "known.toml"
    file.write_text(
        '[[failure]]\ncases = ["*/made-[2]"]\nlosses = ["torch.nn.L?Loss", "no.such"]\nreason = "r"\n'
    )
    (entry,) = read(file)
    cases = load_cases([L1, "torch.nn.L1Loss", "torch.nn.KLDivLoss"])
    covered = {case.id for case in cases if entry.covers(case)}
    assert {c.id for c in cases if c.loss == "torch.nn.L1Loss"} <= covered
    assert f"{L1}/made-2" in covered and f"{L1}/made-2-f64" not in covered
    assert entry.idle_patterns(cases) == ["no.such"]
