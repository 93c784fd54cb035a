"""Which backend runs a call: recognition, selection, conversion, and their errors."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import unified_loss as ul
from unified_loss import availability, config, registry
from unified_loss.dispatch import backend_of


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty working directory, nothing selected."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(config.ENVIRONMENT_VARIABLE, raising=False)
    config._nearest_settings.cache_clear()
    yield tmp_path
    ul.set_backend(None)
    config._nearest_settings.cache_clear()


def test_neutral_inputs_run_on_the_selected_backend(backend, project):
    for inputs in (([1.0, 3.0], [0.0, 1.0]), (np.array([1.0, 3.0], "float32"), [0.0, 1.0])):
        for result in (
            ul.losses.squared_error(*inputs, backend=backend.name),
            ul.from_config({"loss": "squared_error", "backend": backend.name})(*inputs),
        ):
            assert backend.is_tensor(result)
            assert backend.dtype(result) == "float32"
            assert float(backend.to_numpy(result)) == 2.5
        with ul.use_backend(backend.name):
            assert backend.is_tensor(ul.losses.squared_error(*inputs))
            assert backend.is_tensor(ul.asarray([1.0]))
    assert ul.explain_selection().backend == "numpy"


def test_neutral_inputs_join_the_tensors_beside_them(backend, project):
    prediction = backend.asarray(np.array([1.0, 3.0], "float64"))
    loss = ul.losses.squared_error(prediction, [0.0, 1.0], weight=np.array([2.0, 1.0]))
    assert backend.is_tensor(loss)
    assert backend.dtype(loss) == "float64"
    assert float(backend.to_numpy(loss)) == 3.0


def test_a_tensor_is_recognised_and_runs_on_its_own_framework(backend, project):
    tensor = backend.asarray(np.array([1.0, 3.0], "float32"))
    assert backend_of(tensor) is (None if backend.name == "numpy" else backend)
    with ul.use_backend("numpy"):
        assert backend.is_tensor(ul.losses.squared_error(tensor, tensor))
    if backend.name != "numpy":
        with pytest.raises(ul.MixedTensorsError, match=rf"numpy.*{backend.name}.*convert"):
            ul.losses.squared_error(tensor, tensor, backend="numpy")


def test_tensors_of_two_frameworks_do_not_mix(backend):
    torch = ul.get_backend("torch") if availability.version(registry.ENTRIES["torch"]) else None
    if torch is None or backend.name in ("numpy", "torch"):
        pytest.skip("needs torch and another framework")
    ours, theirs = backend.asarray(np.ones(2, "float32")), torch.asarray(np.ones(2, "float32"))
    with pytest.raises(ul.MixedTensorsError, match=rf"{backend.name} and torch.*convert"):
        ul.losses.squared_error(ours, theirs)
    assert float(backend.to_numpy(ul.losses.squared_error(ours, ul.convert(theirs, backend.name)))) == 0


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64", "bool"])
def test_conversion_keeps_values_and_dtype(backend, dtype):
    array = np.array([[0, 1, 2], [3, 4, 5]]).astype(dtype)
    tensor = ul.convert(array, backend.name)
    assert backend.is_tensor(tensor)
    assert backend.dtype(tensor) == dtype
    back = ul.convert(tensor, "numpy")
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, array)
    np.testing.assert_array_equal(ul.to_numpy(tensor), array)


def test_rules_from_the_strongest_to_the_weakest(project, monkeypatch):
    def selected():
        config._nearest_settings.cache_clear()
        selection = ul.explain_selection()
        return selection.backend, selection.rule

    assert selected() == ("numpy", "default")
    (project / "pyproject.toml").write_text('[tool.unified_loss]\nbackend = "jax"\n')
    assert selected() == ("jax", "configuration file")
    (project / "unified_loss.toml").write_text('backend = "paddle"\n')
    assert selected() == ("paddle", "configuration file")
    monkeypatch.setenv(config.ENVIRONMENT_VARIABLE, "mxnet")
    assert selected() == ("mxnet", "environment")
    ul.set_backend("numpy")
    assert selected() == ("numpy", "set_backend")
    with ul.use_backend("numpy"):
        assert selected() == ("numpy", "use_backend")
        assert ul.explain_selection(backend="torch").rule == "backend argument"
    told = str(ul.explain_selection())
    assert "neutral inputs run on numpy, by set_backend" in told
    assert "says mxnet, passed over" in told and "unified_loss.toml" in told


def test_configuration_is_found_upward_and_ends_at_the_nearest(project, monkeypatch):
    (project / "unified_loss.toml").write_text('backend = "jax"\n')
    inner = project / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert ul.explain_selection().backend == "jax"
    config._nearest_settings.cache_clear()
    (inner / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert ul.explain_selection().backend == "numpy"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("unified_loss.toml", 'backend = "caffe"', ["unified_loss.toml", "caffe", "numpy"]),
        ("unified_loss.toml", "backend = 3", ["unified_loss.toml", "3"]),
        ("unified_loss.toml", 'back_end = "jax"', ["unknown key", "back_end", "backend"]),
        ("unified_loss.toml", "backend = ", ["unified_loss.toml", "TOML"]),
        ("unified_loss.toml", "[workers.caffe]\npython = 'x'", ["workers.caffe"]),
        ("unified_loss.toml", "[workers]\nmxnet = 'x'", ["workers.mxnet", "python"]),
        ("unified_loss.toml", "[workers.mxnet]\npython = 'x'\nenv = 1", ["workers.mxnet", "env"]),
        ("pyproject.toml", "[tool]\nunified_loss = 3", ["pyproject.toml", "table"]),
        ("pyproject.toml", "[tool.unified_loss]\nx = 3", ["pyproject.toml", "unknown key", "'x'"]),
    ],
)
def test_a_malformed_configuration_file(project, name, text, words):
    (project / name).write_text(text)
    with pytest.raises(ul.ConfigError, match="(?s)" + ".*".join(words)):
        ul.losses.squared_error([1.0], [2.0])


def test_a_malformed_environment(project, monkeypatch):
    monkeypatch.setenv(config.ENVIRONMENT_VARIABLE, "caffe")
    with pytest.raises(ul.ConfigError, match="UNIFIED_LOSS_BACKEND.*caffe"):
        ul.losses.squared_error([1.0], [2.0])


@pytest.mark.parametrize("call", [ul.get_backend, ul.set_backend, ul.import_backends])
def test_an_unknown_backend(call):
    with pytest.raises(ul.BackendError, match="'caffe'.*numpy, mindspore, torch"):
        call("caffe")


def test_use_backend_does_not_leak_into_other_threads_and_tasks(project):
    seen = {}

    def record(key):
        seen[key] = ul.explain_selection().rule

    with ul.use_backend("numpy"):
        thread = threading.Thread(target=record, args=("thread",))
        thread.start()
        thread.join()
        record("here")

    async def task(key, inside):
        if inside:
            with ul.use_backend("numpy"):
                await asyncio.sleep(0.01)
                record(key)
        else:
            await asyncio.sleep(0.005)
            record(key)

    async def both():
        await asyncio.gather(task("inner task", True), task("outer task", False))

    asyncio.run(both())
    assert seen == {
        "thread": "default",
        "here": "use_backend",
        "inner task": "use_backend",
        "outer task": "default",
    }


def run(program, **environment):
    import os

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()




@pytest.mark.parametrize(("first", "second"), registry.IMPORT_CONFLICTS)
def test_an_import_order_that_crashes_is_refused(first, second):
    if not availability.version(registry.ENTRIES[second]):
        pytest.skip(f"{second} is not installed")
    told = run(
        f"""
        import sys, types
        import unified_loss as ul
        sys.modules[{first!r}] = types.ModuleType({first!r})  # as if the user had imported it
        try:
            ul.get_backend({second!r})
        except ul.BackendError as error:
            print(error)
        print(next(info.usable for info in ul.backends() if info.name == {second!r}))
        """
    )
    assert f"importing {second} after {first}" in told
    assert f"import {second} first" in told
    assert told.endswith("False")


def test_an_import_that_fails_says_how(tmp_path):
    (tmp_path / "jax").mkdir()
    (tmp_path / "jax" / "__init__.py").write_text("raise OSError('libwhatever.so.3: missing')")
    (tmp_path / "jax-9.0.dist-info").mkdir()
    (tmp_path / "jax-9.0.dist-info" / "METADATA").write_text("Name: jax\nVersion: 9.0\n")
    told = run(
        """
        import unified_loss as ul
        try:
            ul.get_backend("jax")
        except ul.BackendError as error:
            print(error)
        info, = (info for info in ul.backends() if info.name == "jax")
        print(info.installed, info.version, info.usable, info.reason)
        info, = (info for info in ul.backends(check=True) if info.name == "jax")
        print(info.usable, info.reason)
        """,
        PYTHONPATH=str(tmp_path),
    )
    first, second, third = told.splitlines()
    assert "backend 'jax' cannot be used" in first and "OSError: libwhatever.so.3: missing" in first
    assert second.startswith("True 9.0 False importing it failed: OSError")
    assert third.startswith("False importing it failed: OSError: libwhatever.so.3: missing")


def test_a_framework_that_is_too_old_says_so(tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("")
    (tmp_path / "torch-1.0.dist-info").mkdir()
    (tmp_path / "torch-1.0.dist-info" / "METADATA").write_text("Name: torch\nVersion: 1.0\n")
    told = run(
        """
        import unified_loss as ul
        try:
            ul.get_backend("torch")
        except ul.BackendError as error:
            print(error)
        """,
        PYTHONPATH=str(tmp_path),
    )
    assert told == "backend 'torch' cannot be used: torch 1.0 is too old, 2.13 or later is needed"


def test_a_machine_without_frameworks(tmp_path):
    told = run(
        """
        import importlib.metadata, importlib.util, sys
        import unified_loss as ul
        find, version = importlib.util.find_spec, importlib.metadata.version

        def missing(name, *rest):
            raise importlib.metadata.PackageNotFoundError(name)

        importlib.metadata.version = lambda name: version(name) if name == "numpy" else missing(name)
        importlib.util.find_spec = lambda name, *rest: None
        for info in ul.backends(check=True):
            print(info.name, info.installed, info.usable, info.reason)
        """
    ).splitlines()
    assert told[0] == "numpy True True None"
    assert len(told) == 7
    for line in told[1:]:
        name = line.split()[0]
        assert line.startswith(f"{name} False False ") and f"pip install 'unified_loss[{name}]'" in line


def test_the_truth_about_an_installed_backend(backend):
    info = next(info for info in ul.backends() if info.name == backend.name)
    assert (info.installed, info.usable, info.reason) == (True, True, None)
    assert info.version == backend.version
