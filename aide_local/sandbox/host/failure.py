"""Turn the end of an execution into an outcome, with the error that a person and a model read."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import replace

from aide_local.sandbox.host.refusal import hint, refused_call
from aide_local.sandbox.protocol import Level, Limits, Outcome
from aide_local.sandbox.spec import SCRIPT_NAME, End
from aide_local.types import NodeError, OutcomeKind, Usage

_FRAME = re.compile(r'^\s+File "(?P<file>[^"]+)", line (?P<line>\d+)')
_RAISED = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?$")
_OURS = ("<frozen runpy>", "aide_local/sandbox/inside/candidate.py")
_UNCAUGHT = 1  # exit code of a Python that an exception has ended
_LONGEST_MESSAGE, _LONGEST_TRACEBACK = 500, 4000


def as_outcome(end: End, limits: Limits, output: str, level: Level) -> Outcome:
    """Return the outcome of an execution that printed ``output``."""
    kind, error = classify(end, limits, output, level)
    code = os.waitstatus_to_exitcode(end.status) if end.status is not None and not end.killed else None
    return Outcome(
        kind=kind,
        exit_code=code if code is not None and code >= 0 else None,
        signal=-code if code is not None and code < 0 else None,
        error=error,
        output=output,
        usage=Usage(end.wall, end.cpu, end.peak_memory, end.written),
        level=level,
    )


def classify(end: End, limits: Limits, output: str, level: Level) -> tuple[OutcomeKind, NodeError | None]:
    """Return the kind of the outcome, and its error unless it is OK."""
    if end.killed:
        kind = OutcomeKind(end.killed)
        return kind, NodeError(kind.value, *_limit_error(kind, limits))
    if end.status is None:
        message = "the script's process vanished: the system may have been out of memory"
        return OutcomeKind.SIGNAL, NodeError("signal", "Killed", message)
    code = os.waitstatus_to_exitcode(end.status)
    if code == 0:
        return OutcomeKind.OK, None
    if code == -signal.SIGSYS:
        message = "the script made a system call of another architecture, which the sandbox does not allow"
        return OutcomeKind.REFUSED, NodeError("refused", "SIGSYS", message)
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return OutcomeKind.SIGNAL, NodeError("signal", name, f"the script was ended by {name}")
    error = read_traceback(output)
    if error is not None and code == _UNCAUGHT:
        if what := refused_call(error, level):
            return OutcomeKind.REFUSED, replace(
                _append_note(error, f"refused by policy: {what}"), kind="refused"
            )
        if note := hint(error, level):
            error = _append_note(error, note)
    return OutcomeKind.EXCEPTION, error or NodeError(
        "exception",
        "ExitCode",
        f"the script ended with exit code {code}: {_last_line(output)}"[:_LONGEST_MESSAGE],
    )


def _append_note(error: NodeError, note: str) -> NodeError:
    return replace(error, message=f"{error.message[: _LONGEST_MESSAGE - len(note) - 3]} ({note})")


def _limit_error(kind: OutcomeKind, limits: Limits) -> tuple[str, str]:
    """Return type and message for a limit that was passed."""
    match kind:
        case OutcomeKind.TIMEOUT:
            return "TimeLimit", f"the script ran longer than {limits.wall:g} s and was stopped"
        case OutcomeKind.CPU_TIME:
            return (
                "CpuTimeLimit",
                f"the script used more than {limits.cpu:g} s of processor time and was stopped",
            )
        case OutcomeKind.MEMORY:
            given = f" ({(limits.memory or 0) / 2**30:.3g} GiB)"
            return "MemoryLimit", f"the script used more memory than it was given{given}"
        case OutcomeKind.OUTPUT_FLOOD:
            return (
                "OutputFlood",
                f"the script printed more than {limits.output / 2**20:.3g} MiB and was stopped",
            )
        case OutcomeKind.DISK:
            return "DiskLimit", (
                f"the script left more than {limits.disk / 2**30:.3g} GiB or {limits.files} files in working/"
            )
        case OutcomeKind.PROCESSES:
            return "ProcessLimit", f"the script had more than {limits.processes} processes"
        case _:
            return "Cancelled", "the execution was cancelled"


def read_traceback(output: str) -> NodeError | None:
    """Return the last traceback of the output: the exception and the line of the script itself."""
    start = output.rfind("Traceback (most recent call last):")
    syntax = start < 0
    lines = output[max(0, start) :].splitlines()
    frames = [(number, found) for number, text in enumerate(lines) if (found := _FRAME.match(text))]
    if not frames:
        return None
    for number in range(frames[-1][0] + 1, len(lines)):
        found = _RAISED.match(lines[number])
        if found and not lines[number].startswith(" "):
            break
    else:
        return None
    rest = "\n".join([found["message"] or "", *lines[number + 1 :]]).strip()
    own = [int(frame["line"]) for _, frame in frames if os.path.basename(frame["file"]) == SCRIPT_NAME]
    shown = "\n".join(_drop_own_frames(lines[: number + 1], frames))
    return NodeError(
        "syntax" if syntax else "exception",
        found["type"].rsplit(".", 1)[-1],
        rest[:_LONGEST_MESSAGE],
        own[-1] if own else None,
        shown[-_LONGEST_TRACEBACK:],
    )


def _drop_own_frames(lines: list[str], frames: list[tuple[int, re.Match[str]]]) -> list[str]:
    """Leave out the frames of the server, in whose fork a warm script runs."""
    starts = [number for number, _ in frames]
    drop: set[int] = set()
    for at, (number, frame) in enumerate(frames):
        if frame["file"].endswith(_OURS):
            following = starts[at + 1] if at + 1 < len(starts) else number + 2
            drop.update(range(number, following))
    return [text for number, text in enumerate(lines) if number not in drop]


def _last_line(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it printed nothing"
