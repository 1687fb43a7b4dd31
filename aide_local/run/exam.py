"""Examine a model: a short ordinary run on each sample task, marked as a part of the exam.

Nothing here writes or scores a script: the runs do, and SQL counts (the views ``exam_tasks`` and ``model_exams``).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from aide_local.home import Home
from aide_local.llm.registry import ModelEntry
from aide_local.run.assemble import ModelMaker, llama, resume, start
from aide_local.run.loop import Run
from aide_local.store.exams import Part, last_parts
from aide_local.tasks.load import load_task
from aide_local.tasks.samples import select_samples
from aide_local.types import Exam, RunSettings

FOLDS = 3


def settings_of(
    *, steps: int, drafts: int, minutes: float | None, seed: int = 0, n_ctx: int | None = None
) -> RunSettings:
    """Of each part. Without racing, so that every valid script has a whole score."""
    return RunSettings.paper(
        steps=steps,
        num_drafts=drafts,
        time_limit=minutes * 60 if minutes is not None else None,
        seed=seed,
        folds=FOLDS,
        racing=False,
        n_ctx=n_ctx,
    )


def examine(
    model: ModelEntry,
    home: Home,
    *,
    tasks: Sequence[str],
    settings: RunSettings,
    again: bool = False,
    make_model: ModelMaker | None = None,
) -> Iterator[tuple[str, Run]]:
    """(sample task, its run), for each task that is left to do; the next is begun when the run before it has ended.

    The last exam of this model goes on, if it was of the same tasks and settings and is not over; ``again``: never.

    Raises:
        SettingsError: there is no such sample task.
        AideError: a run cannot be begun.
    """
    folders = select_samples(tasks)
    parts = {} if again else _left(last_parts(home, model.name), model, tuple(folders), settings)
    exam = next((part.settings.exam for part in parts.values()), None) or Exam(
        f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{model.name}-{secrets.token_hex(2)}", tuple(folders)
    )
    make = make_model or llama(str(model.path) if model.sha256 is None else model.name, home)
    for name, folder in folders.items():
        part = parts.get(name)
        if part is None:
            yield name, start(load_task(folder), replace(settings, exam=exam), home=home, make_model=make)
        elif not part.over:
            yield name, resume(part.run_id, home=home, make_model=make)


def _left(
    last: Sequence[Part], model: ModelEntry, tasks: tuple[str, ...], settings: RunSettings
) -> dict[str, Part]:
    """The parts of an exam to go on with, by task; empty: none."""
    same = all(
        part.reference == str(model.path)
        and part.settings.exam is not None
        and replace(part.settings, exam=None) == settings
        and part.settings.exam.tasks == tasks
        for part in last
    )
    begun = {part.task: part for part in last}
    over = all(name in begun and begun[name].over for name in tasks)
    return begun if same and not over else {}
