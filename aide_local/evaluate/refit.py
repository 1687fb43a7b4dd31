"""Run the chosen scripts once more on every training row, so that what is delivered has learnt from all of them.

The report slice is kept from every script of the search, and each fold's script lacks the fold, too. Once
the choice is made there is nothing left to keep them for: a script sees ``<run>/whole/input/``, whose
train.csv is the whole training file and whose test.csv the task's test rows, shuffled and with new ids as
in a fold. No score of it can be known; it is put together with the average of the script's folds.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from aide_local.errors import Cancelled
from aide_local.evaluate import stored
from aide_local.evaluate.form import Floats
from aide_local.evaluate.predictions import PredictionsError, Wanted, most_frequent_row, read_predictions
from aide_local.evaluate.prepare import write_whole
from aide_local.evaluate.prepared import Prepared
from aide_local.sandbox.host.clean import remove_tree
from aide_local.sandbox.protocol import Outcome
from aide_local.search.tree import Tree
from aide_local.types import OutcomeKind

SHARE = 0.5  # of a refit in what is delivered; the rest is the average of the folds (docs/decisions/0011)


class Execute(Protocol):
    """Runs a script in the sandbox: as a fold is run, but for its input and its limit of time."""

    def __call__(self, script: Path, input: Path, working: Path, seconds: float) -> Outcome:  # noqa: A002
        """See :meth:`aide_local.sandbox.protocol.Sandbox.run`."""
        ...


@dataclass(frozen=True, slots=True)
class Refits:
    """``test`` predictions (n_test, width) by node, in the order of the test file."""

    test: dict[int, Floats] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # what could not be used, one sentence each
    skipped: tuple[int, ...] = ()  # chosen nodes that there was no time for


def refit(
    prepared: Prepared,
    tree: Tree,
    nodes: Sequence[int],
    execute: Execute,
    *,
    seconds: float,
    on_refit: Callable[[int], None] | None = None,
) -> Refits:
    """Refit ``nodes`` in their order until ``seconds`` are over; a resumed run finds those that were run before.

    A node whose fold took longer than what is left is skipped: on all rows it would take longer still.

    Raises:
        Cancelled: an execution was.
        SandboxError: the sandbox itself failed.
        OSError: the run's folder cannot be written.
    """
    if not prepared.n_test:
        return Refits()
    deadline = time.monotonic() + seconds
    test: dict[int, Floats] = {}
    notes: list[str] = []
    skipped: list[int] = []
    for node in nodes:
        known = stored.load_refit(prepared, node)
        if known is not None:
            test[node] = known
            continue
        left = deadline - time.monotonic()
        if left < _seconds_needed(tree, node):
            skipped.append(node)
            continue
        if on_refit is not None:
            on_refit(node)
        found = _run(prepared, node, tree[node].code, execute, left)
        if isinstance(found, str):
            notes.append(f"Node #{node} could not be run on all rows, so its folds stand alone: {found}")
        else:
            stored.save_refit(prepared, node, found)
            test[node] = found
    return Refits(test, tuple(notes), tuple(skipped))


def _seconds_needed(tree: Tree, node: int) -> float:
    """Return the seconds of its slowest fold, longer by the rows that the fold lacked."""
    folds = tree[node].folds
    slowest = max((fold.usage.wall for fold in folds), default=0.0)
    return slowest * len(folds) / max(1, len(folds) - 1)


def _run(prepared: Prepared, node: int, code: str, execute: Execute, seconds: float) -> Floats | str:
    """Return predictions of the test rows in the order of their file, or what went wrong."""
    folder = prepared.folder / "work" / f"refit-{node:05d}"
    if folder.exists():  # of a process that was killed
        remove_tree(folder)
    working = folder / "working"
    working.mkdir(parents=True)
    script = folder / "solution.py"
    script.write_text(code, encoding="utf-8", errors="surrogatepass")
    try:
        outcome = execute(script, _input(prepared), working, seconds)
        if outcome.kind is OutcomeKind.CANCELLED:
            raise Cancelled
        if outcome.error is not None:
            return outcome.error.one_line()
        view = prepared.whole
        wanted = Wanted(
            prepared.task.id_column, view.test_ids, prepared.form, most_frequent_row(prepared.truth)[0]
        )
        soft = read_predictions(working, wanted)
    except PredictionsError as wrong:
        return wrong.error.one_line()
    finally:
        remove_tree(folder)
    ordered = np.empty_like(soft)
    ordered[view.test.row] = soft
    return ordered


def _input(prepared: Prepared) -> Path:
    """Return the input of all rows, which is made when first asked for."""
    folder = prepared.folder / "whole"
    if not folder.exists():
        partial = folder.with_name("whole.partial")
        shutil.rmtree(partial, ignore_errors=True)
        write_whole(prepared, partial / "input")
        partial.rename(folder)
    return folder / "input"
