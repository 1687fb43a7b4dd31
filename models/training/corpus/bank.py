"""Real errors of scripts with bugs, got by executing them, kept by seed so that training need not execute.

    python -m models.training.corpus.bank --first 0 --count 2000

appends to ``errors.jsonl``: the seed of the failing script and the error it led to; with ``--only BUG`` those of scripts
that have that bug, which most scripts have no place for. A script that does not
fail after all is recorded as such, and not used. Needs scikit-learn and xgboost.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

from aide_local.run.precheck import screen
from aide_local.types import NodeError
from models.training.corpus.cases import FailingScript, failing_script

FILE = Path(__file__).with_name("errors.jsonl")
SECONDS = 12.0  # of one script: what is far too slow is to show it soon


def recorded_errors() -> Iterator[tuple[int, str, NodeError]]:
    """Yield the seeds whose scripts fail, the bug that they were made with if it was not left open, and their errors."""
    if not FILE.exists():
        return
    with FILE.open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["type"]:
                yield (
                    entry["seed"],
                    entry["only"],
                    NodeError(entry["kind"], entry["type"], entry["message"], entry["line"]),
                )


def error_of(case: FailingScript, seconds: float = SECONDS) -> NodeError | None:
    """Return the error that the product would report for the script: refused, failed, or wrong predictions."""
    from models.training.corpus.execution import execute  # heavy; training only reads what is recorded

    _, refused = screen(case.node.code, _modules(), {})
    if refused is not None:
        return refused
    folder = Path(tempfile.mkdtemp(prefix="bank-"))
    try:
        return execute(case.node.code, case.task, folder, case.node.id, seconds)
    finally:
        shutil.rmtree(folder)


def entry_of(seed: int, only: str) -> dict[str, object] | None:
    """Return the line of the bank for a seed; None if it gives no failing script."""
    case = failing_script(seed, only)
    if case is None:
        return None
    error = error_of(case)
    return {
        "seed": seed,
        "only": only,
        "bug": case.bug.name,
        "kind": error.kind if error else "",
        "type": error.type if error else "",
        "message": error.message if error else "",
        "line": error.line if error else None,
    }


def _modules() -> frozenset[str]:
    from aide_local.sandbox.interpreter import probe

    return probe().modules


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--only", default="", help="the name of a bug")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="scripts at a time")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # for the workers: a library reads it when it is loaded
    from models.training.corpus.execution import warm

    seeds = range(given.first, given.first + given.count)
    context = get_context("spawn")
    with (
        ProcessPoolExecutor(given.workers, context, initializer=warm) as pool,
        FILE.open("a", encoding="utf-8") as out,
    ):
        for entry in pool.map(entry_of, seeds, repeat(given.only)):
            if entry is not None:
                out.write(json.dumps(entry, ensure_ascii=False) + "\n")
                out.flush()
                print(entry["seed"], entry["bug"], "→", entry["type"] or "no error", file=sys.stderr)


if __name__ == "__main__":
    main()
