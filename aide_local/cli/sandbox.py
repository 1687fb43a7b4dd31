"""``aide-local sandbox``: run one script as a candidate, read a file it made, remove its folder, audit the sandbox."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aide_local.basics.units import parse_duration, parse_size
from aide_local.cli.options import at_least
from aide_local.errors import SandboxError, SettingsError

if TYPE_CHECKING:
    from aide_local.sandbox.protocol import Candidate, Limits, Outcome, Sandbox

app = typer.Typer(
    help="Run a script confined, read what it made, remove what it left, attack the sandbox to see that it holds.",
    no_args_is_help=True,
)

_Backend = Annotated[
    str,
    typer.Option(help="What makes strict's namespaces: auto, namespaces (aide-local), bubblewrap (bwrap)."),
]
_CpuTime = Annotated[
    str | None, typer.Option(help="Processor time of all its processes.", show_default=False)
]
_Threads = Annotated[
    int | None,
    typer.Option(help="Threads of the maths libraries; default: all cores.", show_default=False),
]
_Level = Annotated[str, typer.Option(help="auto, strict, landlock, or limits (confines nothing).")]
_Python = Annotated[Path | None, typer.Option(help="Another interpreter.", show_default=False)]
_Report = Annotated[
    Path | None, typer.Option(help="Write the outcome to this file, not to stderr.", show_default=False)
]
_Json = Annotated[
    bool, typer.Option("--json", help="On stderr nothing but the outcome, as one line of JSON.")
]
_STOPPED = ("timeout", "cpu_time", "memory", "output_flood", "disk", "processes")


@app.command()
def run(
    script: Path,
    input_: Annotated[Path, typer.Option("--input", help="Folder it reads as input/.")] = Path("input"),
    working: Annotated[Path, typer.Option(help="Folder it writes as working/, in place.")] = Path("working"),
    memory: Annotated[str, typer.Option(help="Memory, with all its processes: 512m, 4g.")] = "4g",
    timeout: Annotated[str, typer.Option(help="Wall time: 12s, 10m.")] = "10m",
    cpu_time: _CpuTime = None,
    file_size: Annotated[str, typer.Option(help="Size of one file.")] = "2g",
    disk: Annotated[str, typer.Option(help="Bytes in working/.")] = "4g",
    files: Annotated[int, typer.Option(help="Files and folders in working/.")] = 20_000,
    processes: Annotated[int, typer.Option(help="Processes at a time.")] = 256,
    output: Annotated[str, typer.Option(help="Bytes it may print; more is a flood.")] = "8m",
    threads: _Threads = None,
    level: _Level = "auto",
    backend: _Backend = "auto",
    gpu: Annotated[bool, typer.Option("--gpu", help="It may use the GPU (NVIDIA, AMD).")] = False,
    python: _Python = None,
    report: _Report = None,
    json_: _Json = False,
) -> None:
    """Run SCRIPT as a candidate. Its output goes to stdout, made harmless; the outcome to stderr as JSON.

    Exit code: 0 it ended well, 1 it failed by itself (exception, exit code, signal), 2 usage, or the sandbox could
    not be made, 3 a limit stopped it, 4 the sandbox refused it something (the outcome names the call), 130
    interrupted.
    """
    at_least(files, 1, "--files")
    at_least(processes, 1, "--processes")
    at_least(threads, 1, "--threads")

    from aide_local.sandbox.host.select import create_sandbox
    from aide_local.sandbox.protocol import Candidate, Limits

    limits = Limits(
        wall=parse_duration(timeout, "--timeout") or 600.0,
        cpu=parse_duration(cpu_time, "--cpu-time"),
        memory=parse_size(memory, "--memory"),
        file_size=parse_size(file_size, "--file-size"),
        disk=parse_size(disk, "--disk"),
        files=files,
        processes=processes,
        output=parse_size(output, "--output"),
        threads=threads,
    )
    _check_paths(script, input_, working, report)
    candidate = Candidate(script, input_, working, python.absolute() if python else None)
    sandbox = create_sandbox(level, warm=False, backend=backend, gpu=gpu)
    outcome = _execute(sandbox, candidate, limits)
    _print_outcome(outcome, sandbox.backend, report, json_only=json_)
    raise typer.Exit(exit_code(outcome))


def _print_outcome(outcome: Outcome, backend: str, report: Path | None, *, json_only: bool) -> None:
    line = json.dumps(_as_values(outcome, backend))
    if report is not None:
        _write_report(report, line + "\n")
    if not json_only and outcome.error is not None:
        print(f"{outcome.kind}: {outcome.error.one_line()}", file=sys.stderr)
    if report is None:
        print(line, file=sys.stderr)


def exit_code(outcome: Outcome) -> int:
    """Return the exit code, as ``sandbox run --help`` explains it."""
    if outcome.ok:
        return 0
    if outcome.kind in _STOPPED:
        return 3
    return {"refused": 4, "cancelled": 130}.get(outcome.kind.value, 1)


def _check_paths(script: Path, input_: Path, working: Path, report: Path | None) -> None:
    """Refuse what cannot be run, and what would let a script write where nobody meant it to.

    Raises:
        SettingsError: for each of them.
    """
    try:
        regular = stat.S_ISREG(script.stat().st_mode)
    except OSError as error:
        raise SettingsError(f"{script} cannot be read: {error.strerror}.", "Give a Python script.") from error
    if not regular:
        raise SettingsError(f"{script} is not a file.", "Give a Python script.")
    if not input_.is_dir():
        raise SettingsError(f"There is no folder {input_}.", "Make it, or name one with --input.")
    if working.is_symlink():
        raise SettingsError(
            f"{working} is a symbolic link: the script would write to {working.resolve()}.",
            "If that is meant, name it with --working.",
        )
    if working.exists() and not working.is_dir():
        raise SettingsError(f"{working} is not a folder.", "Name another with --working.")
    inside, outside = input_.resolve(), working.resolve()
    if outside == inside or inside.is_relative_to(outside):
        raise SettingsError(
            f"{input_} lies in {working}, so it would not be read-only.", "Keep the two folders apart."
        )
    if report is not None and not report.absolute().parent.is_dir():
        raise SettingsError(f"There is no folder for {report}.", "Make it, or name another with --report.")


def _execute(sandbox: Sandbox, candidate: Candidate, limits: Limits) -> Outcome:
    from aide_local.sandbox.protocol import Level

    if sandbox.level is Level.LIMITS:
        print("Not confined: this script can read and write whatever you can.", file=sys.stderr)
    cancel = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: cancel.set())

    def show(text: str) -> None:
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()

    try:
        return sandbox.run(candidate, limits, on_output=show, cancel=cancel)
    finally:
        sandbox.close()


def _as_values(outcome: Outcome, backend: str) -> dict[str, Any]:
    from aide_local.sandbox.protocol import Level

    return {
        "kind": outcome.kind.value,
        "exit_code": outcome.exit_code,
        "signal": outcome.signal,
        "error": None if outcome.error is None else asdict(outcome.error),
        "usage": asdict(outcome.usage),
        "level": outcome.level.value,
        "backend": backend,
        "confined": outcome.level is not Level.LIMITS,
    }


def _write_report(path: Path, text: str) -> None:
    """Replace the name ``path``: a link that a script has put there is not followed."""
    descriptor, made = tempfile.mkstemp(prefix=".report-", dir=path.absolute().parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(made).replace(path)
    except OSError as error:
        Path(made).unlink(missing_ok=True)
        raise SandboxError(
            f"{path} cannot be written: {error.strerror}.", "Name another with --report."
        ) from error


@app.command()
def collect(
    base: Annotated[Path, typer.Argument(help="The folder that a script wrote to.")],
    relative: Annotated[str, typer.Argument(metavar="REL", help="The file in it: preds/test.csv.")],
    most: Annotated[str, typer.Option("--max", help="At most this much.")] = "64m",
) -> None:
    """Print one file that a script made, if it is a plain file, or say why not.

    No link is followed, nothing blocks. On a terminal the text is made harmless; elsewhere every byte is printed as
    it is. Exit code: 0, or 1 if it is refused.
    """
    from aide_local.basics.text import neutralise
    from aide_local.sandbox.host.collect import ArtefactError, read_artefact

    try:
        content = read_artefact(base, relative, parse_size(most, "--max"))
    except ArtefactError as error:
        print(f"refused ({error.problem.value}): {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    except OSError as error:
        raise SandboxError(f"{base} cannot be opened: {error.strerror}.", "Give a folder.") from error
    if sys.stdout.isatty():
        print(neutralise(content.decode("utf-8", "replace")), end="")
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


@app.command()
def clean(
    base: Annotated[Path, typer.Argument(help="The folder to remove, with all below it.")],
) -> None:
    """Remove a tree that a script made, however deep, odd or locked; links are not followed."""
    from aide_local.sandbox.host.clean import remove_tree

    here = Path.cwd().resolve()
    where = base.parent.resolve() / base.name if base.is_symlink() else base.resolve()
    for kept in (Path.home().resolve(), here):
        if where == kept or (where in kept.parents):
            raise SettingsError(f"{where} contains {kept}.", "Name the folder that the script wrote to.")
    try:
        remove_tree(base)
    except OSError as error:
        raise SandboxError(
            f"{base} could not be removed: {error}.", "Remove it as the user who owns what is left."
        ) from error


@app.command()
def audit(
    level: Annotated[
        str,
        typer.Option(
            help="auto, strict, landlock, limits; none: no sandbox at all, to see that the attacks work."
        ),
    ] = "auto",
    backend: _Backend = "auto",
    json_: Annotated[
        bool, typer.Option("--json", help="One object a line; the machine first, a summary last.")
    ] = False,
    only: Annotated[str, typer.Option(help="A group, or part of an attempt's name.")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Without bombs: a few seconds.")] = False,
    warm: Annotated[
        bool,
        typer.Option("--warm", help="In forks of the warm server, as in a run; it imports nothing here."),
    ] = False,
) -> None:
    """Attack the sandbox on this machine and report what was tried, whether it was contained, and by which layer.

    Attacks that succeed do no harm. Exit code: 0 all is contained but what docs/sandbox.md names for the level, 1
    something escaped, 2 the level does not work here.
    """
    from aide_local.sandbox.audit.report import report
    from aide_local.sandbox.host.select import create_sandbox

    if level != "none":
        found = create_sandbox(level, backend=backend)
        level, backend = found.level.value, found.backend
        found.close()
    raise typer.Exit(report(level, backend=backend, as_json=json_, only=only, quick=quick, warm=warm))
