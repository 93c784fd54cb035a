"""Backends of others: found by path or entry point, refused with a reason, recognised, certified."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner
from unified_loss.backends.base import Backend
from unified_loss.conformance import run
from unified_loss.conformance.chosen import asked_for, choose, folders_of

import unified_loss as ul
from unified_loss import cli, config, registry
from unified_loss.ops import OPS, REQUIRED_OPS
from unified_loss.third_party import backend_class

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "docs" / "examples" / "array_api_strict"
MODULE = "unified_loss_array_api_strict"
PATH = f"{MODULE}:ArrayApiStrictBackend"
L1 = "mxnet.gluon.loss.L1Loss"


@pytest.fixture(autouse=True)
def clean_registry():
    """Nothing of others is known at first, and afterwards all is as it was."""
    tables = [registry._registered, registry.loaded, registry.failures, registry.recognised]
    before = [dict(table) for table in tables]
    registry._announced.cache_clear()
    config._nearest_settings.cache_clear()
    yield
    for table, content in zip(tables, before, strict=True):
        table.clear()
        table.update(content)
    registry._announced.cache_clear()
    config._nearest_settings.cache_clear()
    for name in [name for name in sys.modules if name == MODULE or name.startswith("other_")]:
        del sys.modules[name]


@pytest.fixture
def example(monkeypatch):
    """The example's module can be imported; no entry point announces it."""
    monkeypatch.syspath_prepend(str(EXAMPLE))


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module whose backend is the example's with some lines more, and gives its path."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name, *lines, head=""):
        body = "".join(f"    {line}\n" for line in ('name = "other"', *lines))
        text = f"from {MODULE} import *\n{head}\nclass Other(ArrayApiStrictBackend):\n{body}"
        (tmp_path / f"{name}.py").write_text(text)
        return f"{name}:Other"

    return write


@pytest.fixture
def announce(tmp_path, monkeypatch):
    """Makes an installed distribution with entry points, as pip leaves it on the disk."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(distribution="someone", types="", **points):
        folder = tmp_path / f"{distribution}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        lines = "".join(f"{name} = {value}\n" for name, value in points.items())
        (folder / "entry_points.txt").write_text(
            f"[unified_loss.backends]\n{lines}\n[unified_loss.types]\n{types}\n"
        )
        return tmp_path

    return write


def array(values):
    import array_api_strict

    return array_api_strict.asarray(np.asarray(values, "float32"))


# ---------------------------------------------------------------------------- recognition


def test_by_the_path_of_its_class(example):
    backend = ul.get_backend(PATH)
    assert (backend.name, backend.framework.__name__) == ("array_api_strict", "array_api_strict")
    assert ul.get_backend(PATH) is backend and ul.get_backend("array_api_strict") is backend
    assert ul.backends()[-1] == ul.availability.BackendInfo(
        "array_api_strict", True, backend.version, True, None
    )


def test_tensors_are_recognised_once_it_is_loaded(example):
    x = array([[1.0, -3.0]])
    assert ul.dispatch.backend_of(x) is None
    backend = ul.get_backend(PATH)
    assert ul.dispatch.backend_of(x) is backend
    value = ul.losses.absolute_error(x, array([[0.0, 1.0]]), reduction="none")
    assert backend.is_tensor(value) and ul.to_numpy(value).tolist() == [[1, 4]]
    with pytest.raises(ul.MixedTensorsError, match="'numpy' was asked for, but a tensor of array_api_strict"):
        ul.losses.absolute_error(x, x, backend="numpy")


def test_every_way_to_select_a_backend_takes_the_path_and_the_name(example, tmp_path, monkeypatch):
    def selected(**more):
        loss = ul.from_config({"loss": L1, **more})
        return ul.dispatch.backend_of(loss([[1.0, 2.0]], [[3.0, 5.0]])).name

    assert selected(backend=PATH) == "array_api_strict"
    assert selected(backend="array_api_strict") == "array_api_strict"
    with ul.use_backend(PATH):
        assert selected() == "array_api_strict"
    monkeypatch.setenv(config.ENVIRONMENT_VARIABLE, PATH)
    assert selected() == "array_api_strict"
    monkeypatch.delenv(config.ENVIRONMENT_VARIABLE)
    (tmp_path / "unified_loss.toml").write_text(f'backend = "{PATH}"\n[workers."{PATH}"]\npython = "p"\n')
    monkeypatch.chdir(tmp_path)
    assert selected() == "array_api_strict" and config.file_settings().workers == ((PATH, "p"),)
    assert ul.to_numpy(ul.convert(np.array([1.5]), "array_api_strict")).tolist() == [1.5]
    assert list(ul.import_backends(PATH, "numpy")) == ["numpy", "array_api_strict"]


def test_an_entry_point_makes_it_known_by_name_and_by_its_tensors(announce):
    announce(array_api_strict=PATH)
    info = ul.backends()[-1]
    assert (info.name, info.usable, info.reason) == ("array_api_strict", None, None)
    assert [chosen.name for chosen in choose(None, {})] == [*registry.ENTRIES, "array_api_strict"]
    assert MODULE not in sys.modules
    # Its tensors are what first asks for it.
    x = array([2.0])
    assert ul.dispatch.backend_of(x).name == "array_api_strict"
    assert ul.get_backend(PATH) is ul.get_backend("array_api_strict")
    assert [info.name for info in ul.backends()].count("array_api_strict") == 1


def test_the_list_finds_out_by_loading_it_in_another_process(announce, monkeypatch):
    folder = announce(array_api_strict=PATH, broken="no_such_module:Backend")
    monkeypatch.setattr("unified_loss.availability.ENTRIES", {})
    # As it is with a distribution that is installed.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(EXAMPLE)]))
    fine, broken = ul.backends(check=True)
    assert (fine.name, fine.usable, fine.reason) == ("array_api_strict", True, None) and fine.version
    assert (broken.name, broken.usable) == ("broken", False) and "no module no_such_module" in broken.reason
    assert MODULE not in sys.modules


def test_an_entry_point_names_further_modules_of_its_types(announce, module):
    path = module("other_types", 'types = ("array_api_strict",)')
    folder = announce(other=path)
    with pytest.raises(ul.BackendError, match=r"array_api_strict = 'other_types:Other' to .*loss.types"):
        ul.get_backend("other")
    (folder / "someone-1.0.dist-info" / "entry_points.txt").write_text(
        f"[unified_loss.backends]\nother = {path}\n[unified_loss.types]\narray_api_strict = {path}\n"
    )
    registry._announced.cache_clear()
    assert ul.dispatch.backend_of(array([2.0])).name == "other"


def test_entry_points_are_read_only_where_they_are_needed():
    program = """
import sys, unified_loss as ul
import numpy as np
ul.losses.huber([1.0], np.array([2.0]))
ul.get_backend("numpy"), ul.set_backend("numpy"), ul.explain_selection()
class Mine(np.ndarray): pass
ul.losses.huber(np.ones(2).view(Mine), [1.0, 2.0])
from unified_loss import registry
print(registry._announced.cache_info().misses)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    # Of the class of the user's own alone it cannot be known whose it is, and that but once.
    assert done.stdout.strip() == "0"


# ------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("no_such_module:Backend", "there is no module no_such_module"),
        ("json.nothing:Backend", "there is no module json.nothing"),
        (f"{MODULE}:Missing", "no class Missing; the backend classes in it are: ArrayApiStrictBackend"),
        (f"{MODULE}:np", "is no subclass of unified_loss.backends.base.Backend, but <module 'numpy'"),
        ("json:JSONDecoder", "is no subclass of"),
        ("unified_loss.backends.base:Backend", "is no subclass of"),
        ("unified_loss.backends.numpy:BoxedNumpyBackend", "its name 'numpy' is that of the backend shipped"),
        ("a b:C", "expected package.module:Class"),
        (":C", "expected package.module:Class"),
        ("a:", "expected package.module:Class"),
        ("a:b:c", "expected package.module:Class"),
    ],
)
def test_a_path_that_names_no_backend(example, path, told):
    with pytest.raises(ul.BackendError, match=re.escape(told)):
        ul.get_backend(path)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (['name = "torch"'], "its name 'torch' is that of the backend shipped here"),
        (["name = 3"], "other_x:Other.name must be a string, not 3"),
        (['name = "my backend"'], "must be a Python identifier, not 'my backend'"),
        (['types = ("torch",)'], "by the module 'torch', which those of the backend 'torch'"),
        (["types = 'torch'"], "types must be a tuple of strings that is not empty"),
        (['dtypes = ("float12",)'], "unknown dtype 'float12'; expected some of float16, bfloat16"),
        (['renames = {"expo": "exp"}'], "renames: 'expo' is no operation"),
        (["renames = {}"], "lacks abs, exp, log, log1p, sqrt"),
        (['renames = {"exp": "exp"}', "def exp(self, x): return x"], "exp is both a method and in renames"),
        (['renames = {"exp": 1}'], "renames must map strings to strings"),
        (['unsupported = {"flot16": "gone"}'], "unsupported: 'flot16' is no gap that is known"),
        (['module = "no_framework"'], "constructing other_x:Other failed: ModuleNotFoundError"),
        (["def __init__(self): raise OSError('no device')"], "failed: OSError: no device"),
        (["def __init__(self, device): pass"], "constructing other_x:Other failed: TypeError"),
    ],
)
def test_a_class_that_lacks_something(module, lines, told):
    path = module("other_x", *lines)
    with pytest.raises(ul.BackendError, match=re.escape(told)):
        ul.get_backend(path)


def test_what_a_class_lacks_is_named_and_is_what_the_base_has_not(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    text = "from unified_loss.backends.base import Backend\nclass Empty(Backend):\n"
    (tmp_path / "other_empty.py").write_text(f"{text}    name = module = distribution = 'empty'\n")
    with pytest.raises(ul.BackendError) as raised:
        backend_class("other_empty:Empty")
    lacks = str(raised.value).partition("lacks ")[2].partition(":")[0].split(", ")
    required = {*REQUIRED_OPS, "is_tensor", "from_numpy", "to_numpy", "value_and_grad"}
    assert set(lacks) == required - {"gradient"} and len(lacks) == len(set(lacks))


@pytest.mark.backends("torch", "numpy")
def test_the_backends_shipped_here_would_pass_too(backend):
    entry = registry.ENTRIES[backend.name]
    assert backend_class(entry.path) is type(backend) and type(backend).types == entry.types[:1]


def test_a_module_that_cannot_be_imported(module):
    path = module("other_broken", head="raise OSError('libother.so: missing')")
    with pytest.raises(ul.BackendError, match=r"importing other_broken failed: OSError: libother.so"):
        ul.get_backend(path)
    path = module("other_missing", head="import no_such_framework")
    with pytest.raises(ul.BackendError, match="importing other_missing failed: there is no module no_such"):
        ul.get_backend(path)


def test_two_of_one_name(module):
    first, second = module("other_first"), module("other_second")
    other = module("other_third").replace("other_third", "other_first")
    assert ul.get_backend(first) is ul.get_backend(other)
    with pytest.raises(ul.BackendError, match="'other' is that of the backend of other_first:Other"):
        ul.get_backend(second)


def test_tensors_that_two_would_recognise(example, module):
    ul.get_backend(PATH)
    path = module("other_again", 'types = ("array_api_strict",)')
    with pytest.raises(ul.BackendError, match="'array_api_strict', which those of the backend"):
        ul.get_backend(path)


@pytest.mark.parametrize(
    ("points", "told"),
    [
        ({"torch": PATH}, "its name 'torch' is that of a backend shipped here"),
        ({"other": "no path"}, "its entry point 'other' is 'no path', expected package.module:Class"),
    ],
)
def test_an_entry_point_that_cannot_be_used_is_listed_and_harms_nothing(announce, points, told):
    announce(**points)
    info = ul.backends()[-1]
    assert info.name == next(iter(points.values())) and info.usable is False and told in info.reason
    assert len(ul.backends()) == len(registry.ENTRIES) + 1
    assert info.name not in [chosen.name for chosen in choose(None, {})]
    assert ul.dispatch.backend_of(array([2.0])) is None


def test_entry_points_of_one_name(announce):
    announce("first", other=PATH)
    announce("second", other="elsewhere:Backend")
    infos = ul.backends()[-2:]
    assert {info.name for info in infos} == {PATH, "elsewhere:Backend"}
    assert all("several backends have the name 'other'" in info.reason for info in infos)
    with pytest.raises(ul.BackendError, match="unknown backend 'other'"):
        ul.get_backend("other")


def test_an_entry_point_of_another_name_than_its_class(announce):
    announce(strict=PATH)
    with pytest.raises(ul.BackendError, match="entry point is 'strict', but .* has the name 'array_api"):
        ul.get_backend("strict")
    assert next(info for info in ul.backends() if info.name == "strict").usable is False


def test_unknown_names_list_those_of_others(announce):
    announce(array_api_strict=PATH)
    with pytest.raises(ul.BackendError, match="mxnet, array_api_strict, or package.module:Class"):
        ul.get_backend("caffe")


def test_a_configuration_with_a_malformed_path(tmp_path, monkeypatch):
    (tmp_path / "unified_loss.toml").write_text('backend = "a:b:c"\n')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ul.ConfigError, match=r"unified_loss.toml: 'a:b:c' names no backend class"):
        ul.losses.huber([1.0], [2.0])


# ----------------------------------------------------------------------------------- gaps


def test_gaps_that_are_declared_are_raised_with_their_reason(module):
    backend = ul.get_backend(module("other_gaps", 'unsupported = {"cos": "no cosine", "float16": "none"}'))
    with pytest.raises(ul.UnsupportedOperation, match="no cosine"):
        backend.cos(array([1.0]))
    with pytest.raises(ul.UnsupportedOperation, match="none"):
        backend.asarray([1.0], dtype="float16")


def test_without_gradients_nothing_about_them_needs_to_be_defined(example):
    backend = ul.get_backend(PATH)
    kind = type(backend)
    assert not {"value_and_grad", "stop_gradient", "replace_gradient", "gradient"} & {*kind.renames}
    x = array([1.0, -2.0])
    assert backend.stop_gradient(x) is x and backend.replace_gradient(x, -x, x) is x
    with pytest.raises(ul.UnsupportedOperation, match="no automatic differentiation"):
        ul.value_and_grad(ul.losses.huber)(x, x)
    with pytest.raises(ul.UnsupportedOperation, match="no automatic differentiation"):
        backend.gradient(lambda ops, y: ops.sum(y), x)


# ------------------------------------------------------------------------------ certified


def in_folder(folder, *arguments):
    """The command line, as a user starts it, in a folder of theirs."""
    program = "import sys; from unified_loss.__main__ import main; main()"
    return subprocess.run(
        [sys.executable, "-P", "-c", program, *arguments], capture_output=True, text=True, cwd=folder
    )


def test_the_command_line_certifies_a_class_in_the_working_directory():
    done = in_folder(EXAMPLE, "conform", "--backend", PATH, "--loss", L1, "--no-live", "--json", "-")
    report = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    (told,) = report["backends"]
    assert (told["name"], told["status"]) == ("array_api_strict", "ok")
    assert told["note"] == "the array API standard has no automatic differentiation"
    assert {cell["status"] for cell in report["cells"]} == {"ok"} and report["cells"][0]["values_only"]


def test_its_values_are_measured_against_the_oracle(example):
    from unified_loss.conformance.oracle import run_oracle

    found = run_oracle([PATH], ["torch.nn.HuberLoss"], dtypes=["float64", "float16"])
    assert [(a.backend, a.subject, a.dtype, a.quantity) for a in found] == [
        ("array_api_strict", "ours", "float64", "value")
    ]
    assert found[0].holds and found[0].worst < 4 and found[0].elements > 5


def test_an_op_made_wrong_is_caught_and_the_program_to_paste_shows_it(module, tmp_path):
    path = module("other_wrong", "def abs(self, x):", "    return xp.abs(x) * 1.001")
    outcome = run([path], [L1], native=False)
    assert not outcome.holds and outcome.cells[0].status == "failed"
    from unified_loss.conformance import load_cases
    from unified_loss.conformance.explanation import reproduce

    failure = outcome.failures[0]
    case = next(case for case in load_cases([L1]) if case.id == failure.case)
    program = reproduce(case, failure.backend, gradient=False)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(EXAMPLE)])}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    got = next(check.got for check in failure.checks if not check.holds)
    shown = re.findall(r"[\d.]+", done.stdout.splitlines()[0])
    np.testing.assert_allclose([float(x) for x in shown if x != "."], np.ravel(got), rtol=1e-5)


def test_no_gradient_is_made_wrong_where_there_are_none_and_no_gap(module):
    from unified_loss.conformance.mutation.operations import op_mutants
    from unified_loss.conformance.worker import why_no_gradients

    lines = 'unsupported = {**ArrayApiStrictBackend.unsupported, "cos": "no cosine"}'
    backend = ul.get_backend(module("other_without", lines))
    note = why_no_gradients(backend)
    moot = {mutant.id: mutant.why_moot(backend, note) for mutant in op_mutants()}
    assert not moot["op abs: off by 1e-3"] and not moot["op softplus: NaN becomes 0"]
    assert moot["op cos: off by 1e-3"] == "other declares cos a gap: no cosine"
    assert "no automatic differentiation" in moot["op abs: gradient off by 1e-2"]
    assert all(moot[name] for name in moot if "gradient" in name.partition(": ")[2])
    assert not any(mutant.why_moot(ul.get_backend("numpy"), "") for mutant in op_mutants())


def test_a_worker_is_only_told_of_folders_that_it_does_not_know(example):
    assert folders_of(PATH)[0] == str(EXAMPLE)
    assert not any("site-packages" in folder for folder in folders_of(PATH))
    assert folders_of("numpy.linalg:norm") == ()
    assert folders_of("no_such_module:X") == ()


def test_tensors_that_would_not_be_recognised(module):
    path = module("other_lost", 'types = ("elsewhere",)')
    with pytest.raises(ul.BackendError, match="recognised as of no backend: its types are .'elsewhere'"):
        asked_for(path)
    path = module("other_denying", "def is_tensor(self, x): return False")
    with pytest.raises(ul.BackendError, match="is_tensor does not say of array_api_strict"):
        asked_for(path)


def test_a_class_that_crashes_its_process(module):
    path = module("other_crash", head="import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(ul.BackendError, match="importing it crashed the process .SIGSEGV."):
        asked_for(path)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a:b:c", "'a:b:c' names no backend class: expected package.module:Class"),
        ("no_such_module:Backend", "there is no module no_such_module"),
        (f"{MODULE}:Missing", "has no class Missing"),
        ("nummpy", "unknown backend 'nummpy'; did you mean numpy?"),
    ],
)
def test_wrong_use_exits_with_2(example, name, told):
    done = CliRunner().invoke(cli.app, ["conform", "--backend", name, "--loss", L1])
    assert done.exit_code == 2 and told in done.output and "Traceback" not in done.output


# ------------------------------------------------------------------------------- contract


GUIDE = (ROOT / "docs" / "backends.md").read_text()


def test_the_guide_tells_all_that_a_backend_declares_and_does():
    declared = [name for name in Backend.__annotations__ if name != "framework"]
    methods = [name for name, x in vars(Backend).items() if callable(x) and not name.startswith("_")]
    for name in (*declared, *methods, *OPS):
        assert f"`{name}`" in GUIDE, name
    listed = [re.findall(r"`(\w+)`", part) for part in re.findall(r"\n\n(`shape`.*?)\n\n", GUIDE, re.DOTALL)]
    assert listed == [[op for op in REQUIRED_OPS if op != "gradient"]]


def test_the_failures_in_the_guide_can_be_read(tmp_path):
    from unified_loss.conformance.expected import read

    block = next(b for b in re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL) if "[[failure]]" in b)
    (tmp_path / "conformance.toml").write_text(block)
    first, second = read(tmp_path / "conformance.toml")
    assert first.backend == "my_framework" and first.version == "<2.7" and second.cases
