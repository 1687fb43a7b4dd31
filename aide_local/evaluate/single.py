"""One execution of a script on all the data a task shows: what the modes without folds share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from aide_local.evaluate.bench import Bench
from aide_local.evaluate.final import Final
from aide_local.evaluate.submission import write_solution
from aide_local.sandbox.host.clean import remove_tree
from aide_local.sandbox.protocol import Candidate, Outcome
from aide_local.search.tree import Tree
from aide_local.types import Execution


@dataclass(frozen=True, slots=True)
class Place:
    """The folders and the bench that scripts run with."""

    folder: Path  # the run's
    input: Path
    bench: Bench


@contextmanager
def execute_script(
    place: Place,
    node: int,
    code: str,
    wall: float | None,
    on_output: Callable[[int, str], None] | None,
    cancel: Event | None,
) -> Iterator[tuple[Outcome, Execution, Path]]:
    """Yield how the script ended, the record of it, and the folder that it wrote to, which is removed afterwards.

    Raises:
        Cancelled: ``cancel`` was set before the script ended.
    """
    folder = place.folder / "work" / f"node-{node:05d}"
    if folder.exists():  # of a process that was killed
        remove_tree(folder)
    working = folder / "working"
    working.mkdir(parents=True)
    script = folder / "solution.py"
    script.write_text(code, encoding="utf-8", errors="surrogatepass")

    def show(text: str) -> None:
        if on_output is not None:
            on_output(0, text)

    try:
        outcome, limits = place.bench.execute(
            Candidate(script, place.input, working, place.bench.python, places=(place.folder / "work",)),
            rank=(0, node),
            wall=wall,
            on_output=show if on_output is not None else None,
            cancel=cancel,
        )
        yield outcome, outcome.as_execution(0, limits), working
    finally:
        remove_tree(folder)


def finalise_single(tree: Tree, out: Path | None, constant_score: float | None = None) -> Final | None:
    """Return the best script alone: there are no predictions to put together."""
    best = tree.best
    if best is None or best.metric is None:
        return None
    files = (write_solution(best, out),) if out is not None else ()
    return Final(
        weights=((best.id, 1.0),),
        best=best.id,
        best_score=best.metric,
        constant_score=constant_score,
        files=files,
    )
