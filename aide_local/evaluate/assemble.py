"""Choose and make the evaluator of a task by its mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aide_local import metrics
from aide_local.errors import TaskError
from aide_local.evaluate.bench import Bench
from aide_local.evaluate.command import CommandEvaluator
from aide_local.evaluate.cores import CoreBudget
from aide_local.evaluate.final import Final, finalise
from aide_local.evaluate.folds import FoldEvaluator
from aide_local.evaluate.inputs import make_whole_input
from aide_local.evaluate.prepare import prepare
from aide_local.evaluate.prepared import Prepared
from aide_local.evaluate.protocol import Evaluator
from aide_local.evaluate.reported import ReportedEvaluator, Reviewer
from aide_local.evaluate.single import Place, finalise_single
from aide_local.sandbox.protocol import Candidate, Limits, Outcome, Sandbox
from aide_local.search.tree import Tree
from aide_local.task import Mode, Task
from aide_local.types import RunSettings


@dataclass(frozen=True, slots=True)
class Opened:
    """An evaluator and what a run must know beside it.

    ``constant_score`` is the score of the best constant guess, None where the mode has none.
    ``gain_scale`` is what :func:`aide_local.evaluate.compare.compare` takes as the metric's scale.
    ``finalise(tree, out, seconds)`` makes the final choice and writes its files into ``out``, if that is not None;
    scripts that carry weight are fitted to all rows once more, for ``seconds`` at most. It returns None if nothing
    valid was found.
    """

    evaluator: Evaluator
    constant_score: float | None
    gain_scale: float
    finalise: Callable[[Tree, Path | None, float], Final | None]
    folds: int = 1  # executions of a node that is not stopped


def open_evaluator(
    task: Task,
    settings: RunSettings,
    sandbox: Sandbox,
    folder: Path,
    cores: CoreBudget | None = None,
    review: Reviewer | None = None,
) -> Opened:
    """``folder`` is the run's; what candidates see is prepared in it, or checked if it is there.

    ``review`` is asked in ``Mode.REPORTED`` only; without it the printed score is taken as it stands.

    Raises:
        TaskError: the task's files cannot be used, or changed since this run began.
        SettingsError: the number of folds or the report slice cannot be used.
        OSError: the run's folder cannot be written.
    """
    limits = candidate_limits(settings)
    cores = cores or CoreBudget()
    python = Path(settings.python) if settings.python else None
    if task.mode is Mode.FOLDS:
        prepared = prepare(task, settings, folder)
        return Opened(
            FoldEvaluator(prepared, Bench.sized(sandbox, limits, cores, prepared.folds, python)),
            prepared.constant_score,
            prepared.scorer.scale,
            _finalise(prepared, Bench.sized(sandbox, limits, cores, 1, python)),
            prepared.folds,
        )
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench.sized(sandbox, limits, cores, 1, python)
    place = Place(folder, make_whole_input(task, folder / "input"), bench)
    evaluator: Evaluator = (
        CommandEvaluator(task, place, limits.wall)
        if task.mode is Mode.COMMAND
        else ReportedEvaluator(task, place, review)
    )
    return Opened(evaluator, None, _known_scale(task), lambda tree, out, _: finalise_single(tree, out))


def _finalise(prepared: Prepared, bench: Bench) -> Callable[[Tree, Path | None, float], Final | None]:
    places = tuple(prepared.folder / name for name in ("work", "folds", "whole"))

    def execute(script: Path, input: Path, working: Path, seconds: float) -> Outcome:  # noqa: A002
        candidate = Candidate(script, input, working, bench.python, places=places)
        return bench.execute(candidate, wall=seconds)[0]

    def final(tree: Tree, out: Path | None, seconds: float) -> Final | None:
        return finalise(prepared, tree, out, execute=execute if seconds > 0 else None, refit_seconds=seconds)

    return final


def candidate_limits(settings: RunSettings) -> Limits:
    """Return the bounds of one execution, but for its threads, which are its share of the cores."""
    return Limits(
        wall=settings.execution_limit(settings.time_limit), cpu=settings.cpu_time, memory=settings.memory
    )


def _known_scale(task: Task) -> float:
    """1 for a bounded metric of ours; 0 where the scale is not known, so that any gain counts."""
    try:
        return 1.0 if metrics.get(task.metric).bounded else 0.0
    except TaskError:  # a name of the task's own
        return 0.0
