"""Real errors of scripts with bugs, got by executing them, kept by seed so that training need not execute.

    python -m models.training.corpus.bank --first 0 --count 2000

appends to ``errors.jsonl``: the seed of the failing script and the error it led to. A script that does not
fail after all is recorded as such, and not used. Needs scikit-learn and xgboost.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from aide_local.screen import screen
from aide_local.task import Task
from aide_local.types import NodeError
from models.training.corpus.cases import Failing, failing

FILE = Path(__file__).with_name("errors.jsonl")
ROWS, TEST_ROWS = 220, 60
SECONDS = 12  # of one execution; a product run gives minutes, on more rows


def recorded() -> Iterator[tuple[int, NodeError]]:
    """Seeds whose scripts fail, with their errors."""
    if not FILE.exists():
        return
    with FILE.open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["type"]:
                yield (
                    entry["seed"],
                    NodeError(entry["kind"], entry["type"], entry["message"], entry["line"]),
                )


def error_of(case: Failing) -> NodeError | None:
    """What the product would say of the script: refused, failed, or wrong predictions."""
    _, refused = screen(case.node.code, _modules(), {})
    if refused is not None:
        return refused
    folder = Path(tempfile.mkdtemp(prefix="bank-"))
    try:
        return execute(case.node.code, case.task, folder, case.node.id)
    finally:
        shutil.rmtree(folder)


def _modules() -> frozenset[str]:
    from aide_local.interpreter import probe

    return probe().modules


def execute(code: str, task: Task, folder: Path, seed: int) -> NodeError | None:
    """Run ``code`` in a forked child on made-up data of the task, then check its predictions."""
    from models.training.corpus.data import write_input

    write_input(replace(task, n_train=ROWS), folder / "input", seed, ROWS, TEST_ROWS)
    working = folder / "working"
    working.mkdir()
    child = os.fork()
    if child == 0:
        _become_candidate(code, folder)
    began = time.monotonic()
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() - began > SECONDS:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return NodeError("timeout", "TimeLimit", "the script ran longer than 600 s and was stopped")
        time.sleep(0.01)
    if status:
        return _read_failure(folder / "failure.json")
    return _check(task, folder)


def _become_candidate(code: str, folder: Path) -> None:
    """Never returns. The line reported is the last one of the script's own in the traceback."""
    os.chdir(folder)
    resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    warnings.simplefilter("ignore")
    try:
        exec(compile(code, "solution.py", "exec"), {"__name__": "__main__"})
        os._exit(0)
    except BaseException as error:  # noqa: BLE001 - every failure is what we are after
        frames = traceback.extract_tb(error.__traceback__)
        line = next((frame.lineno for frame in reversed(frames) if frame.filename == "solution.py"), None)
        failure = {"type": type(error).__name__, "message": str(error)[:500], "line": line}
        Path("failure.json").write_text(json.dumps(failure))
        os._exit(1)


def _read_failure(path: Path) -> NodeError:
    if not path.exists():
        return NodeError("memory", "MemoryLimit", "the script used more memory than it was given")
    failure = json.loads(path.read_text())
    message = re.sub(r"0x[0-9a-f]+", "0x0", failure["message"])  # addresses differ from run to run
    return NodeError("exception", failure["type"], message, failure["line"])


def _check(task: Task, folder: Path) -> NodeError | None:
    import pyarrow as pa
    import pyarrow.csv as pacsv

    from aide_local.evaluate.form import Form
    from aide_local.evaluate.predictions import PredictionsError, Wanted, read_predictions

    ids = pacsv.read_csv(folder / "input/test.csv").column(task.id_column).cast(pa.string()).combine_chunks()
    try:
        read_predictions(folder / "working", Wanted(task.id_column, ids, Form.of(task), 0.5))
    except PredictionsError as error:
        return error.error
    return None


def warm() -> None:
    """Import what scripts import, once, so that forked children need not."""
    import xgboost  # noqa: F401


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=2000)
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    warm()
    with FILE.open("a", encoding="utf-8") as out:
        for seed in range(given.first, given.first + given.count):
            case = failing(seed)
            if case is None:
                continue
            error = error_of(case)
            entry = {
                "seed": seed,
                "bug": case.bug.name,
                "kind": error.kind if error else "",
                "type": error.type if error else "",
                "message": error.message if error else "",
                "line": error.line if error else None,
            }
            out.write(json.dumps(entry, ensure_ascii=False) + "\n")
            out.flush()
            print(seed, case.bug.name, "→", error.one_line() if error else "no error", file=sys.stderr)


if __name__ == "__main__":
    main()
