"""One execution of a script on all the data a task shows: what the modes without folds share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from aide_local.errors import Cancelled
from aide_local.evaluate.final import Final
from aide_local.evaluate.submission import write_solution
from aide_local.sandbox.host.clean import remove_tree
from aide_local.sandbox.protocol import Candidate, Limits, Outcome, Sandbox
from aide_local.search.tree import Tree
from aide_local.types import OutcomeKind


@dataclass(frozen=True, slots=True)
class Place:
    """Where scripts run and with what."""

    folder: Path  # the run's
    input: Path
    sandbox: Sandbox
    limits: Limits
    python: Path | None = None


@contextmanager
def executed(
    place: Place,
    node: int,
    code: str,
    on_output: Callable[[int, str], None] | None,
    cancel: Event | None,
) -> Iterator[tuple[Outcome, Path]]:
    """The outcome and the folder that the script wrote to, which is gone afterwards.

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

    def heard(text: str) -> None:
        if on_output is not None:
            on_output(0, text)

    try:
        outcome = place.sandbox.run(
            Candidate(script, place.input, working, place.python, places=(place.folder / "work",)),
            place.limits,
            on_output=heard if on_output is not None else None,
            cancel=cancel,
        )
        if outcome.kind is OutcomeKind.CANCELLED:
            raise Cancelled
        yield outcome, working
    finally:
        remove_tree(folder)


def finalise_single(tree: Tree, out: Path | None, constant_score: float | None = None) -> Final | None:
    """The best script alone: there are no predictions to put together."""
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
