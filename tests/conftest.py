"""The `backend` fixture: every framework in turn, in the one order in which all can be imported."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import re
import warnings
from typing import Any

import numpy as np
import pytest

# Read by the frameworks when they are imported, so set before anything can import one.
os.environ["JAX_ENABLE_X64"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Handing each operation on to other threads takes MindSpore five times as long as the operation.
os.environ.setdefault("MS_DEV_LAUNCH_BLOCKING", "1")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

from unified_loss.backends.base import Backend

from unified_loss.errors import BackendError
from unified_loss.loading import get_backend
from unified_loss.registry import ENTRIES

ORDER = tuple(ENTRIES)

# Programs that the tests port and run, each with its framework.
collect_ignore = ["scripts"]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("unified_loss")
    group.addoption(
        "--backend", action="append", choices=ORDER, metavar="NAME", help="only this backend; repeatable"
    )
    group.addoption(
        "--all-backends", action="store_true", help="fail, not skip, where a framework cannot be imported"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "backends(*names): run this test on these backends only")
    # pytest-xdist starts with the largest group unless told otherwise, which would give a worker
    # the frameworks in an order that crashes it.
    config.option.loadscopereorder = False
    # JAX compiles every operation for every shape; what was compiled before, here or in a process that a
    # test starts, is only loaded.
    if cache := getattr(config, "cache", None):
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache.mkdir("jax")))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" not in metafunc.fixturenames or _names_backends_itself(metafunc):
        return
    chosen = metafunc.config.getoption("--backend") or ORDER
    marker = metafunc.definition.get_closest_marker("backends")
    meant = ORDER if marker is None else marker.args
    if not set(meant) <= set(ORDER):
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: not all of {meant} are backends")
    names = [name for name in ORDER if name in chosen and name in meant]
    metafunc.parametrize("backend", names, ids=[f"backend={name}" for name in names], indirect=True)


def _names_backends_itself(metafunc: pytest.Metafunc) -> bool:
    marks = metafunc.definition.iter_markers("parametrize")
    return any("backend" in mark.args[0] for mark in marks)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``--dist loadgroup``, keep a framework in one worker: another would only import it again.

    Of the slowest one, each file goes to whichever worker is free.
    """
    # The mark xdist_group would say it, but pytest-xdist 3.8.0 does not see it under pytest 9.2
    # (pytest-dev/pytest-xdist#1386).
    if config.getoption("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByBackend(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            backend = re.search(r"[\[-]backend=\w+", nodeid)
            if not backend:
                return nodeid
            scope = backend[0][1:]
            # JAX's compilations take longer than anything else, its import a second.
            return f"{scope} {nodeid.partition('::')[0]}" if scope == "backend=jax" else scope

    return ByBackend(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = config.getoption("--backend") or ORDER
    others = set(ORDER) - set(chosen)
    left_out = [item for item in items if _backend_of(item) in others]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _backend_of(item) not in others]
    items.sort(key=lambda item: ORDER.index(name) if (name := _backend_of(item)) else -1)


def _backend_of(item: pytest.Item) -> str | None:
    name = item.callspec.params.get("backend") if hasattr(item, "callspec") else None
    return name if name in ORDER else None


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> Backend:
    try:
        with warnings.catch_warnings():
            # What a framework deprecates while it is imported is not ours to mend.
            warnings.simplefilter("ignore")
            return get_backend(request.param)
    except BackendError as error:
        if request.config.getoption("--all-backends"):
            raise
        pytest.skip(str(error))


def pytest_runtest_teardown() -> None:
    """Leave each next test a processor that does not flush denormals to 0."""
    # `LpNorm` of MindSpore 2.10.0 leaves the thread that computes it flushing them, for all frameworks.
    if np.float32(1e-45) == 0:
        default_environment = ctypes.c_void_p(-1)
        ctypes.CDLL(ctypes.util.find_library("m")).fesetenv(default_environment)
