"""Execute scripts on made-up data of a task, and mark them: for the bank of errors, the outcomes and the examination."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import sys
import time
import traceback
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from aide_local.evaluate.form import Form
from aide_local.evaluate.predictions import PredictionsError, Wanted, read_predictions
from aide_local.evaluate.score import open_scorer
from aide_local.task import Task
from aide_local.types import NodeError
from models.training.corpus.data import write_input

ROWS, TEST_ROWS = 300, 200


def execute(code: str, task: Task, folder: Path, seed: int, seconds: float) -> NodeError | None:
    """Run ``code`` in a forked child on made-up data of the task, then check its predictions."""
    write_input(replace(task, n_train=ROWS), folder / "input", seed, ROWS, TEST_ROWS)
    return run_script(code, folder, seconds) or _check(task, folder)


def run_script(code: str, folder: Path, seconds: float) -> NodeError | None:
    """Run ``code`` in a forked child in ``folder``, whose ``input`` is there and whose ``working`` is made."""
    (folder / "working").mkdir()
    child = os.fork()
    if child == 0:
        _become_candidate(code, folder)
    began = time.monotonic()
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() - began > seconds:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return NodeError("timeout", "TimeLimit", "the script ran longer than 600 s and was stopped")
        time.sleep(0.01)
    return _read_failure(folder / "failure.json") if status else None


def _become_candidate(code: str, folder: Path) -> None:
    """Execute the script and never return. The line reported is the last one of the script's own in the traceback."""
    os.chdir(folder)
    os.environ["OMP_NUM_THREADS"] = "1"  # on so few rows, more threads only wait for each other
    resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    warnings.simplefilter("ignore")
    try:
        exec(compile(code, "solution.py", "exec"), {"__name__": "__main__"})
        os._exit(0)
    except BaseException as error:  # noqa: BLE001 - every failure is to be recorded
        frames = traceback.extract_tb(error.__traceback__)
        line = next((frame.lineno for frame in reversed(frames) if frame.filename == "solution.py"), None)
        failure = {"type": type(error).__name__, "message": str(error)[:500], "line": line}
        Path("failure.json").write_text(json.dumps(failure))
        os._exit(1)


def _read_failure(path: Path) -> NodeError:
    if not path.exists():
        return NodeError("memory", "MemoryLimit", "the script used more memory than it was given")
    failure = json.loads(path.read_text())
    message = re.sub(r"0x[0-9a-f]+", "0x0", failure["message"])  # addresses differ from run to run,
    message = message.replace(sys.prefix, "/opt/venv")  # and places from machine to machine
    return NodeError("exception", failure["type"], message, failure["line"])


def _check(task: Task, folder: Path) -> NodeError | None:
    try:
        predictions_in(task, folder)
    except PredictionsError as error:
        return error.error
    return None


def predictions_in(task: Task, folder: Path) -> np.ndarray:
    """Return the predictions that a script left in ``folder``, in the order of its test rows.

    Raises:
        PredictionsError: they are missing, misshapen or not usable.
    """
    ids = pacsv.read_csv(folder / "input/test.csv").column(task.id_column).cast(pa.string()).combine_chunks()
    return read_predictions(folder / "working", Wanted(task.id_column, ids, Form.of(task), 0.5))


def marks(task: Task, folder: Path, truth: np.ndarray) -> tuple[float, float]:
    """Return the metric of the predictions in ``folder`` against the truth of the test rows, and that of the constant guess.

    Raises:
        PredictionsError: as :func:`predicted`.
    """
    if truth.shape[1] == 1:
        truth = truth[:, 0]
    if task.classes:
        truth = truth.astype(int)
    form = Form.of(task)
    scorer = open_scorer(task, form, truth)
    ours = scorer.score(truth, form.decide(predictions_in(task, folder)))
    return ours, scorer.score(truth, scorer.constant(truth, len(truth)))


def warm() -> None:
    """Import what scripts import, once, so that forked children need not."""
    import xgboost  # noqa: F401
