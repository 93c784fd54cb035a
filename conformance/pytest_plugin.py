"""Certifies a backend among one's own tests, by one line of a ``conftest.py``.

>>> from unified_loss.conformance.pytest_plugin import certify
>>> pytest_collect_file = certify("my_package.my_module:MyBackend", expected_failures="failures.toml")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from unified_loss.errors import BackendError, ConfigError

from .cases import Case
from .checker import CaseChecker, WorkerUnavailable
from .chosen import Chosen, asked_for
from .collection import load_cases
from .expected import ExpectedFailure, read
from .explanation import explain
from .modes import ALL, COMPOSED, EAGER, cases_for, chosen_modes
from .results import Result
from .scheduling import Limits

Hook = Callable[..., "pytest.Collector | None"]


def certify(
    *backends: str,
    expected_failures: str | None = None,
    losses: Iterable[str] | None = None,
    cases: Iterable[str] = (),
    modes: Iterable[str] = (EAGER,),
    limits: Limits | None = None,
) -> Hook:
    """The hook `pytest_collect_file` that adds a test for each case on a backend.

    Parameters
    ----------
    *backends : paths of classes, ``package.module:Class``, or names of entry points
    expected_failures : a TOML file of failures that are known, beside the ``conftest.py``
    losses : native names; by default all losses
    cases : files of cases of one's own, beside the ``conftest.py``
    modes : in which the cases are checked: ``eager``, ``composed`` of the required operations, the name
        of a compiler of the backend, or ``all``; of a slow compiler, two cases of each loss
    limits : when a worker is given up

    Returns
    -------
    function
        To be called ``pytest_collect_file``, in the ``conftest.py`` of a folder that pytest collects.

    Notes
    -----
    The tests are named ``conftest.py::backend::case``, with ``[mode]`` behind where that is not eager, so
    that ``-k`` takes parts of a loss's or a case's name. They run in a process of their own, a new one
    after each crash. A gap that the backend declares is skipped, with the reason. An expected failure is a
    strict xfail, so that one which holds now fails the test, as an entry that no case matches fails
    ``expected_failures``. The test ``gradients`` is skipped where the backend has none and only values
    are checked.
    """
    if not backends:
        raise TypeError("certify: expected at least one backend, as package.module:Class or by name")
    chosen = tuple(backends)
    names = None if losses is None else tuple(losses)
    files, in_modes = tuple(cases), tuple(modes)

    def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        home = _home(parent.config, pytest_collect_file)
        _refuse_outside(parent.config, home)
        if file_path != home:
            return None
        certification = _Certification.from_parent(parent, path=file_path)
        certification.backends, certification.losses = chosen, names
        certification.expected_failures, certification.files = expected_failures, files
        certification.modes, certification.limits = in_modes, limits or Limits()
        return certification

    return pytest_collect_file


def _home(config: pytest.Config, hook: Hook) -> Path:
    """The file whose hook it is."""
    for plugin in config.pluginmanager.get_plugins():
        if getattr(plugin, "pytest_collect_file", None) is hook:
            return Path(plugin.__file__)
    raise pytest.UsageError("certify: its result must be called pytest_collect_file, in a conftest.py")


def _refuse_outside(config: pytest.Config, home: Path) -> None:
    """Refuse a place that pytest does not collect by default, where no case would ever run."""
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    folders = [Path(config.invocation_params.dir, argument.partition("::")[0]) for argument in config.args]
    if not any(folder == home or folder in home.parents for folder in folders):
        raise pytest.UsageError(f"{home}: certify does nothing here: testpaths does not have this folder")


class _Certification(pytest.File):
    """The ``conftest.py`` that asks for it."""

    backends: tuple[str, ...]
    losses: tuple[str, ...] | None
    expected_failures: str | None
    files: tuple[str, ...]
    modes: tuple[str, ...]
    limits: Limits

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        """A collector for each backend, once it has been loaded in another process."""
        files = [str(self.path.parent / file) for file in self.files]
        file = None if self.expected_failures is None else self.path.parent / self.expected_failures
        try:
            expected = () if file is None else read(file)
            stale = _stale(expected, [case for case in load_cases(files=files) if case.kind != "live"])
            cases = [case for case in load_cases(self.losses, files) if case.kind != "live"]
            places = [str(self.path.parent), str(self.config.rootpath)]
            chosen = [asked_for(name, places=places) for name in self.backends]
            names = [backend.name for backend in chosen]
            stale += [
                f"{entry.source}: {entry.backend!r} is none of the backends {', '.join(names)}"
                for entry in expected
                if entry.backend not in (None, *names)
            ]
            return [
                _Backend.of(self, backend, cases, expected, None if file is None else stale)
                for backend in chosen
            ]
        except (BackendError, ConfigError) as error:
            raise self.CollectError(str(error)) from error


def _stale(entries: Iterable[ExpectedFailure], cases: list[Case]) -> list[str]:
    return [
        f"{entry.source}: no case matches {', '.join(idle)}"
        for entry in entries
        if (idle := entry.idle_patterns(cases))
    ]


class _Backend(pytest.Collector):
    """The tests of one backend."""

    @classmethod
    def of(
        cls,
        certification: _Certification,
        chosen: Chosen,
        cases: list[Case],
        expected: Iterable[ExpectedFailure],
        stale: list[str] | None,
    ) -> _Backend:
        """The collector of a backend; `stale` is None where no file of expected failures was given."""
        backend: _Backend = cls.from_parent(certification, name=chosen.name)
        files = [str(certification.path.parent / file) for file in certification.files]
        backend.checker = CaseChecker(chosen, certification.limits, files)
        backend.config.add_cleanup(backend.checker.close)
        concerned = [e for e in expected if e.concerns(chosen.name, chosen.version or "")]
        of_case = {case.id: next((e for e in concerned if e.covers(case)), None) for case in cases}
        backend.cases = [
            (case, mode, of_case[case.id])
            for mode, slow in _modes(certification.modes, chosen).items()
            for case in cases_for(mode, cases, slow=slow)
        ]
        backend.stale = stale
        return backend

    checker: CaseChecker
    cases: list[tuple[Case, str, ExpectedFailure | None]]
    stale: list[str] | None

    def collect(self) -> Iterator[pytest.Item]:
        """A test for each case, and those of what they leave open."""
        yield _Gradients.from_parent(self, name="gradients")
        if self.stale is not None:
            entries = _ExpectedFailures.from_parent(self, name="expected_failures")
            entries.stale = self.stale
            yield entries
        for case, mode, expected in self.cases:
            item = _CaseItem.from_parent(self, name=case.id if mode == EAGER else f"{case.id}[{mode}]")
            item.case, item.mode, item.expected = case, mode, expected
            item.extra_keyword_matches.add(case.loss)
            if expected is not None:
                reason = f"{expected.source}: {expected.reason}"
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True, raises=CaseFailure))
            yield item


def _modes(asked: tuple[str, ...], chosen: Chosen) -> dict[str, bool]:
    """The modes of those asked for, each with whether it is slow; an error for one that there is not."""
    there_are = (EAGER, COMPOSED, *chosen.compilers)
    for mode in asked:
        if mode not in (*there_are, ALL):
            raise ConfigError(f"{chosen.name} has no mode {mode!r}; it has: {', '.join(there_are)}")
    return chosen_modes(asked, chosen.compilers)


class CaseFailure(Exception):
    """A case that falls short."""

    def __init__(self, case: Case, result: Result) -> None:
        super().__init__(f"{result.status}: {case.id}")
        self.case, self.result = case, result


class _Test(pytest.Item):
    """A test of a backend, whose failures are told without a traceback."""

    def checker(self) -> CaseChecker:
        backend = self.getparent(_Backend)
        assert backend is not None  # noqa: S101  it makes these
        return backend.checker

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where it is from."""
        return self.path, None, self.name

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The words of a failure that is not one of this plugin."""
        if isinstance(excinfo.value, WorkerUnavailable | StaleEntry):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)


class _CaseItem(_Test):
    case: Case
    mode: str
    expected: ExpectedFailure | None

    def runtest(self) -> None:
        """Check the case."""
        result = self.checker().check(self.case, self.mode)
        if result.status == "unsupported":
            if self.expected is not None:
                raise StaleEntry(f"{self.expected.source} is stale: a declared gap, {result.reason}")
            pytest.skip(result.reason)
        if result.status != "ok":
            raise CaseFailure(self.case, result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What fell short, and a program to paste."""
        if not isinstance(excinfo.value, CaseFailure):
            return super().repr_failure(excinfo, style)
        from .reporting.explained import explained_text  # noqa: PLC0415  only where something fell short

        failure = excinfo.value
        how = "" if self.mode == EAGER else f", {self.mode}"
        heading = f"{failure.result.status}: {self.case.loss} on {failure.result.backend}{how}"
        return f"{heading}\n{explained_text(explain(self.case, failure.result))}"


class StaleEntry(Exception):
    """An entry of the file of expected failures that says nothing true."""


class _ExpectedFailures(_Test):
    """That each pattern in the file of expected failures matches a case."""

    stale: list[str]

    def runtest(self) -> None:
        """Tell those that say nothing of any case."""
        if self.stale:
            raise StaleEntry("\n".join(self.stale))


class _Gradients(_Test):
    """That the backend has gradients, without which only values are checked."""

    def runtest(self) -> None:
        """Ask the worker."""
        note = self.checker().note()
        if note:
            pytest.skip(f"values only, no gradients checked: {note}")
