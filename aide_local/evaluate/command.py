"""The evaluator of tasks with a grader command: it scores what a script left in ``working/``.

The grader is the task author's own program and is trusted: it runs apart from the candidate, after every
process of the candidate has ended, outside the sandbox, in the task's folder. It must not execute what
it finds in ``working/``. It learns from its environment, or from ``{working}``, ``{input}`` and
``{output}`` in its arguments:

- ``AIDE_LOCAL_WORKING``: the folder that the script wrote to; plain files and folders only, so the
  grader cannot be led by a link to read its own answers;
- ``AIDE_LOCAL_INPUT``: what the script could read;
- ``AIDE_LOCAL_OUTPUT``: a file with what the script printed (head and tail);
- ``AIDE_LOCAL_WALL_SECONDS``: how long the script ran.

It prints the score as JSON, ``{"score": 0.93}``, on one line or several, or as the last number of its output,
and exits with 0.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

from aide_local.basics.text import printable
from aide_local.errors import Cancelled, TaskError
from aide_local.evaluate.compare import Rival
from aide_local.evaluate.protocol import Evaluation
from aide_local.evaluate.single import Place, execute_script
from aide_local.sandbox.protocol import Outcome
from aide_local.task import Task
from aide_local.types import FoldScore, NodeError

_TAIL = 64 * 2**10  # bytes of the grader's output that are read
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w])")


class GraderError(Exception):
    """Becomes the node's error: a grader that fails on a script's files is that script's fault first."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.error = NodeError("score", name, printable(message))


class CommandEvaluator:
    """Thread-safe. A node is scored by one execution, kept as fold 0."""

    def __init__(self, task: Task, place: Place, timeout: float) -> None:
        if not task.grader:
            raise TaskError("The task names no grader command.", "Set `grader` in task.toml.")
        self._task = task
        self._place = place
        self._timeout = timeout

    def evaluate(
        self,
        node: int,
        code: str,
        *,
        rival: Rival | None = None,
        wall: float | None = None,
        on_output: Callable[[int, str], None] | None = None,
        on_fold: Callable[[FoldScore], None] | None = None,
        cancel: Event | None = None,
    ) -> Evaluation:
        """See :class:`aide_local.evaluate.protocol.Evaluator`."""
        with execute_script(self._place, node, code, wall, on_output, cancel) as (
            outcome,
            execution,
            working,
        ):
            error, score = outcome.error, None
            if error is None:
                try:
                    score = self._grade(outcome, working, cancel)
                except GraderError as failed:
                    error = failed.error
        fold = FoldScore(0, score, outcome.usage)
        if on_fold is not None:
            on_fold(fold)
        return Evaluation(
            metric=score,
            complete=error is None,
            folds=(fold,),
            error=error,
            output=outcome.output,
            usage=outcome.usage,
            executions=(execution,),
        )

    def _grade(self, outcome: Outcome, working: Path, cancel: Event | None) -> float:
        """Raises GraderError."""
        refuse_all_but_plain(working)
        said = working.parent / "printed.txt"
        said.write_text(outcome.output, encoding="utf-8")
        places = {"working": working, "input": self._place.input, "output": said}
        command = [_fill(word, places) for word in self._task.grader]
        environment = {
            **os.environ,
            "AIDE_LOCAL_WORKING": str(working),
            "AIDE_LOCAL_INPUT": str(self._place.input),
            "AIDE_LOCAL_OUTPUT": str(said),
            "AIDE_LOCAL_WALL_SECONDS": f"{outcome.usage.wall:.6f}",
        }
        answers, errors = working.parent / "grader.out", working.parent / "grader.err"
        code = self._run(command, environment, answers, errors, cancel)
        if code != 0:
            words = (_tail(errors).strip() or _tail(answers).strip() or "it printed nothing").splitlines()
            raise GraderError(
                "GraderFailed", f"The task's grader ended with exit code {code}: {words[-1].strip()[-400:]}"
            )
        return score_in(_tail(answers))

    def _run(
        self,
        command: list[str],
        environment: dict[str, str],
        answers: Path,
        errors: Path,
        cancel: Event | None,
    ) -> int:
        """Return the exit code of the command, run to its end, its time limit or ``cancel``; its process group is gone afterwards.

        Raises:
            TaskError: there is no such program.
            GraderError: it took too long.
        """
        with answers.open("wb") as out, errors.open("wb") as err:
            try:
                process = subprocess.Popen(
                    command,
                    cwd=self._task.root,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                )
            except OSError as error:
                raise TaskError(
                    f"The task's grader {command[0]!r} cannot be started: {error.strerror}.",
                    "Fix `grader` in task.toml: a program and its arguments.",
                ) from error
            deadline = time.monotonic() + self._timeout
            try:
                while True:
                    try:
                        return process.wait(timeout=0.1)
                    except subprocess.TimeoutExpired:
                        if cancel is not None and cancel.is_set():
                            raise Cancelled from None
                        if time.monotonic() > deadline:
                            raise GraderError(
                                "GraderTimeout",
                                f"The task's grader took longer than {self._timeout:g} seconds.",
                            ) from None
            finally:
                _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):  # every process of it has ended by itself
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _fill(word: str, places: dict[str, Path]) -> str:
    for name, path in places.items():
        word = word.replace("{" + name + "}", str(path))
    return word


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read().decode("utf-8", errors="replace")


def refuse_all_but_plain(folder: Path) -> None:
    """Raise GraderError where anything below ``folder`` is a link, a device, a pipe or a socket, or is
    linked from elsewhere: a trusted program is about to open these files."""

    def refuse(error: OSError) -> None:
        raise GraderError("UnsafeFolder", f"A folder in working/ cannot be read: {error.strerror}.")

    for where, folders, files in os.walk(folder, onerror=refuse):
        for name in (*folders, *files):
            path = Path(where, name)
            found = path.lstat()
            plain = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
            if not (plain or stat.S_ISDIR(found.st_mode)):
                inside = path.relative_to(folder)
                raise GraderError(
                    "UnsafeFile",
                    f"{str(Path('working') / inside)!r} is not a plain file or folder; leave no links in working/.",
                )


def score_in(text: str) -> float:
    """Return the score that a grader printed: the last JSON object with a "score", else the last number.

    Where there is such an object no other number counts: ``{"score": null, "seconds": 30}`` is no score of 30.

    Raises:
        GraderError: there is none, or it is not a finite number.
    """
    answer = _answer_in(text)
    if answer is not None:
        printed = answer["score"]
        if isinstance(printed, bool) or not isinstance(printed, int | float):
            raise GraderError(
                "NoScore",
                f'The task\'s grader printed "score": {json.dumps(printed)[:200]}, which is not a number.',
            )
    else:
        numbers = _NUMBER.findall(text)
        if not numbers:
            raise GraderError("NoScore", f"The task's grader printed no number: {text.strip()[-200:]!r}")
        printed = numbers[-1]
    try:
        score = float(printed)
    except OverflowError:  # an integer beyond what a float holds
        score = math.inf
    if not math.isfinite(score):
        raise GraderError("NotFinite", f"The task's grader printed {score} as the score.")
    return score


def _answer_in(text: str) -> dict[str, Any] | None:
    """Return the last JSON object with a "score" in the text, on one line or several, between lines of other words.

    An object within another is a part of it, not an answer of its own.
    """
    decoder = json.JSONDecoder()
    answer: dict[str, Any] | None = None
    start, last = text.find("{"), text.rfind('"score"')
    while 0 <= start < last:
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):  # a brace of other words
            end = start + 1
        else:
            if "score" in value:
                answer = value
        start = text.find("{", end)
    return answer
