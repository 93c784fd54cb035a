"""The command line: what its commands take, and what they exit with."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from . import config
from .availability import backends as ask_backends
from .description import describe
from .errors import BackendError, ConfigError
from .naming import native_names, resolve
from .outputs import check_outputs, write
from .porting import command, diff_command
from .registry import ENTRIES, is_path, third_parties
from .reports import (
    BadgeOption,
    BaselineOption,
    FindingsOption,
    HtmlOption,
    JsonOption,
    JunitOption,
    Outputs,
)

if TYPE_CHECKING:
    from unified_loss.conformance import Run

app = typer.Typer(
    name="unified-loss",
    help="One specification of each loss, on every deep-learning framework.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit status: 0, what was asked holds; 1, something fell short; 2, wrong use.",
)


@app.command()
def backends(json_file: JsonOption = None) -> None:
    """Say of each backend whether it is installed, which version, and whether it really imports."""
    _check_writable(json_file)
    with Console(stderr=True).status("importing each framework in a process of its own"):
        found = ask_backends(check=True)
    if json_file != "-":
        table = Table(box=None, header_style="bold", pad_edge=False)
        for heading in ("backend", "version", "usable", "why not"):
            table.add_column(heading, overflow="fold")
        for info in found:
            colour = "green" if info.usable else "red" if info.installed else "dim"
            usable = Text("yes" if info.usable else "no", style=colour)
            table.add_row(info.name, info.version or "-", usable, Text(info.reason or ""))
        Console().print(table)
    _write_json(json_file, {"backends": [asdict(info) for info in found]})
    raise typer.Exit(1 if any(info.installed and not info.usable for info in found) else 0)


@app.command()
def conform(
    backend: Annotated[
        list[str] | None,
        typer.Option(
            "--backend",
            metavar="NAME",
            help="Only this backend, by its name, or by the path of its class, package.module:Class; "
            "repeatable. Default: all installed.",
        ),
    ] = None,
    loss: Annotated[
        list[str] | None,
        typer.Option(
            "--loss",
            metavar="NAME",
            help="Only this loss, by its native name; by the last part of it, those of all frameworks. "
            "Repeatable. Default: all.",
        ),
    ] = None,
    live: Annotated[
        bool,
        typer.Option(
            "--live/--no-live",
            help="Whether to run the frameworks' own losses too: beside ours, and against what was "
            "recorded from them.",
        ),
    ] = True,
    cases: Annotated[
        list[str] | None,
        typer.Option("--cases", metavar="FILE", help="Also check the cases of this file; repeatable."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", min=1, metavar="N", help="Workers at a time. Default: what cores and memory allow."
        ),
    ] = None,
    mode: Annotated[
        list[str] | None,
        typer.Option(
            "--mode",
            metavar="NAME",
            help="How to run the losses: eager, composed (of the required operations only), the name of a "
            "compiler, such as inductor, aot_eager, xla, graph, jit, to_static, trace or hybridize, on each "
            "backend that has it, or all; repeatable. Of a slow compiler, two cases of each loss. "
            "Default: eager.",
        ),
    ] = None,
    oracle: Annotated[
        bool,
        typer.Option(
            "--oracle",
            help="Also measure how far ours and the frameworks' own losses are from arbitrary precision, "
            "over ordinary and extreme inputs of every dtype.",
        ),
    ] = False,
    mutants: Annotated[
        bool,
        typer.Option(
            "--mutants",
            help="Also make formulas, weighting, reductions, rows and operations wrong on purpose, one thing "
            "at a time, and see whether the cases notice.",
        ),
    ] = False,
    findings: FindingsOption = False,
    json_file: JsonOption = None,
    html: HtmlOption = None,
    junit: JunitOption = None,
    badge: BadgeOption = None,
    baseline: BaselineOption = None,
) -> None:
    """Check every loss on every backend against documented, recorded and live native results.

    Each backend runs in a process of its own; one that crashes, hangs or is missing shows as that.
    """
    chosen = None if not backend else [_backend_or_path(name) for name in backend]
    losses = None if not loss else [native for name in loss for native in _loss_names(name)]
    outputs = Outputs(json_file, html, junit, badge, baseline, findings)
    try:
        config.file_settings()
        old = outputs.check()
        # Here, because these load the cases.
        from unified_loss.conformance import run  # noqa: PLC0415
        from unified_loss.conformance.reporting import report_of  # noqa: PLC0415
        from unified_loss.conformance.runner import limits_of  # noqa: PLC0415

        measured = _measured() if oracle else None
        with _Bars() as bars:
            result = run(
                chosen,
                losses,
                native=live,
                files=cases or (),
                modes=mode or ("eager",),
                progress=bars.update,
                limits=limits_of(jobs),
            )
            if measured is not None:
                result = measured(result, chosen, losses, progress=bars.update, limits=limits_of(jobs))
            if mutants:
                from unified_loss.conformance.mutation import with_mutants  # noqa: PLC0415

                result = with_mutants(result, chosen, losses, progress=bars.update, limits=limits_of(jobs))
        status = outputs.finish(report_of(result), old)
    except (BackendError, ConfigError) as error:
        _wrong_use(str(error))
    raise typer.Exit(status)


def _measured() -> Callable[..., Run]:
    """What adds the accuracy to a run; without mpmath that is wrong use, and said before anything is run."""
    try:
        from unified_loss.conformance.oracle import with_accuracy  # noqa: PLC0415  needs mpmath
    except ImportError as error:
        _wrong_use(str(error))
    return with_accuracy


@app.command()
def report(
    file: Annotated[
        str | None, typer.Argument(metavar="REPORT.json", help="What `conform --json` wrote.")
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of a report, and nothing else.")
    ] = False,
    findings: FindingsOption = False,
    json_file: JsonOption = None,
    html: HtmlOption = None,
    junit: JunitOption = None,
    badge: BadgeOption = None,
    baseline: BaselineOption = None,
) -> None:
    """Show the report of an earlier run, write it in other forms, or compare it with an older one.

    Nothing is run; the exit status is that of the run.
    """
    if (file is None) is not schema:
        _wrong_use("report: give either a report, or --schema")
    outputs = Outputs(json_file, html, junit, badge, baseline, findings)
    try:
        if file is None:
            outputs.print_schema()
            return
        status = outputs.show(file)
    except ConfigError as error:
        _wrong_use(str(error))
    raise typer.Exit(status)


@app.command()
def golden(
    framework: Annotated[
        list[str] | None,
        typer.Option("--framework", metavar="NAME", help="Only this one; repeatable. Default: all."),
    ] = None,
    loss: Annotated[
        list[str] | None, typer.Option("--loss", metavar="NAME", help="Only this loss; repeatable.")
    ] = None,
    cases: Annotated[
        list[str] | None,
        typer.Option("--cases", metavar="FILE", help="The cases of this file, not those of the library."),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Write what has changed into the files of the cases.")
    ] = False,
    json_file: JsonOption = None,
) -> None:
    """Run the frameworks' own losses on the recorded cases, and say what they no longer give.

    Nothing is written without --update.
    """
    chosen = None if not framework else [_backend_name(name) for name in framework]
    losses = None if not loss else [native for name in loss for native in _loss_names(name)]
    _check_writable(json_file)
    # Here, because these load the cases.
    from unified_loss.conformance import golden as recorded  # noqa: PLC0415
    from unified_loss.conformance.reporting.drift import print_recording  # noqa: PLC0415

    try:
        config.file_settings()
        with _Bars() as bars:
            recording = recorded.record(chosen, losses, files=cases or (), progress=bars.update)
        written = recorded.update(recording) if update else {}
    except ConfigError as error:
        _wrong_use(str(error))
    if json_file != "-":
        print_recording(recording, written, Console())
    _write_json(json_file, recorded.to_json(recording, written))
    raise typer.Exit(1 if recording.changed and not update else 0)


@app.command()
def show(
    name: Annotated[
        str | None,
        typer.Argument(metavar="LOSS", help="A native name, torch.nn.CrossEntropyLoss, or its last part."),
    ] = None,
    table: Annotated[
        bool, typer.Option("--table", help="Every loss of every framework, and which backends run it.")
    ] = False,
    json_file: JsonOption = None,
) -> None:
    """Say what a loss is: formula, plan, parameters, backends, and how other frameworks' versions differ.

    What the backends do is as recorded with this version; `conform` checks it anew.
    """
    if (name is None) is not table:
        _wrong_use("show: give either the name of a loss, or --table")
    _check_writable(json_file)
    from unified_loss.conformance.support import recorded_support  # noqa: PLC0415  loads the cases

    from .show import print_description, print_table  # noqa: PLC0415

    support = recorded_support()
    if name is None:
        if json_file != "-":
            print_table(support, Console())
        _write_json(json_file, support.to_json())
        return
    found = describe(_loss_name(name))
    if json_file != "-":
        print_description(found, support, Console())
    cells = support.to_json()["cells"].get(found.name, {})
    _write_json(json_file, {**found.to_json(), "backends": cells})


app.command()(command.port)
app.command()(diff_command.diff)


class _Bars:
    """A progress bar for each backend, on standard error, where that is a terminal."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.fields[backend]:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, backend: str, done: int, total: int, doing: str) -> None:
        """Move a backend's bar."""
        if backend not in self._tasks:
            self._tasks[backend] = self._progress.add_task(doing, total=total, backend=backend)
        self._progress.update(self._tasks[backend], completed=done, description=doing)


# ------------------------------------------------------------------------------ arguments


def _wrong_use(message: str) -> NoReturn:
    print(f"unified-loss: {message}", file=sys.stderr)
    raise typer.Exit(2)


def _unknown(kind: str, name: str, known: Sequence[str], spellings: Sequence[str] = ()) -> NoReturn:
    close = difflib.get_close_matches(name, [*known, *spellings], n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(known)}"
    _wrong_use(f"unknown {kind} {name!r}; {hint}")


def _backend_name(name: str) -> str:
    if name not in ENTRIES:
        _unknown("backend", name, tuple(ENTRIES))
    return name


def _backend_or_path(name: str) -> str:
    others = third_parties()
    if not is_path(name) and name not in (*ENTRIES, *others):
        _unknown("backend", name, (*ENTRIES, *others))
    return name


def _loss_name(name: str) -> str:
    """The native name of a loss, given in full or by its last part."""
    matching = _loss_names(name)
    if len(matching) > 1:
        _wrong_use(f"loss {name!r} is ambiguous: {' or '.join(matching)}")
    return matching[0]


def _loss_names(name: str) -> list[str]:
    """The native names of the losses that a name, in full or the last part, stands for."""
    names = native_names()
    try:
        return [resolve(name).native_name]
    except ConfigError:
        meant = [known for known in names if name == known.rpartition(".")[2]]
    if not meant:
        _unknown("loss", name, names, [known.rpartition(".")[2] for known in names])
    return sorted({resolve(known).native_name for known in meant})


def _check_writable(file: str | None) -> None:
    """Refuse a file that cannot be written before anything else is done."""
    try:
        check_outputs([("--json", file)])
    except ConfigError as error:
        _wrong_use(str(error))


def _write_json(file: str | None, value: Any) -> None:
    if file is None:
        return
    try:
        write("--json", file, json.dumps(value, indent=1, allow_nan=False) + "\n")
    except ConfigError as error:
        _wrong_use(str(error))
