"""Results of the exams of models, read from the snapshots of the runs that an exam consists of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from aide_local.home import Home
from aide_local.search.digest import format_metric
from aide_local.store.read import list_runs, snapshot
from aide_local.store.values import settings_from_json
from aide_local.types import RunInfo, RunSettings

COLUMNS = ("task", "scripts", "code", "ran", "obeyed", "beat", "fixed", "best", "constant")
_FIELDS = (
    "model_sha256, created, task, scripts, with_code, ran, obeyed, beat_constant, debugs, fixed, best, constant_score,"
    " solved, reply_tokens, decode_seconds, wanted"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A run of an exam.

    ``reference`` is the model's path; ``over`` is set once the run is not to be resumed.
    """

    run_id: str
    task: str
    reference: str
    settings: RunSettings
    over: bool


@dataclass(frozen=True, slots=True)
class TaskExam:
    """A row of the view ``exam_tasks``: how far how many of the ``scripts`` came."""

    model_sha256: str
    created: datetime
    task: str
    scripts: int
    with_code: int
    ran: int
    obeyed: int
    beat_constant: int
    debugs: int
    fixed: int
    best: float | None
    constant_score: float | None
    solved: bool
    reply_tokens: int
    decode_seconds: float
    wanted: int

    def cells(self) -> list[str]:
        """Return the row's texts in the order of ``COLUMNS``."""
        counts = (self.scripts, self.with_code, self.ran, self.obeyed, self.beat_constant)
        scores = (format_metric(self.best), format_metric(self.constant_score))
        return [self.task, *map(str, counts), f"{self.fixed} of {self.debugs}", *scores]


@dataclass(frozen=True, slots=True)
class ModelExam:
    """One exam: its tasks in the order in which they began."""

    id: str
    tasks: tuple[TaskExam, ...]

    def sentence(self, sha256: str | None = None) -> str:
        """Return the result in words; ``sha256`` is the checksum of the model's present file, if it is known."""
        first = self.tasks[0]
        scripts = max(1, sum(task.scripts for task in self.tasks))
        shares = [
            f"{100 * sum(counts) / scripts:.0f} % {what}"
            for what, counts in (
                ("held code", [task.with_code for task in self.tasks]),
                ("ran", [task.ran for task in self.tasks]),
                ("obeyed the contract", [task.obeyed for task in self.tasks]),
                ("beat the constant guess", [task.beat_constant for task in self.tasks]),
            )
        ]
        seconds = sum(task.decode_seconds for task in self.tasks)
        speed = sum(task.reply_tokens for task in self.tasks) / seconds if seconds else 0.0
        solved = sum(task.solved for task in self.tasks)
        missing = first.wanted - len(self.tasks)
        other = ", with another file of this name" if sha256 and sha256 != first.model_sha256 else ""
        return (
            f"{first.created.replace(tzinfo=UTC).astimezone():%Y-%m-%d %H:%M}{other}:"
            f" tasks solved: {solved} of {len(self.tasks)}{f', {missing} not started' if missing else ''};"
            f" of {sum(task.scripts for task in self.tasks)} scripts {', '.join(shares)};"
            f" {sum(task.fixed for task in self.tasks)} of {sum(task.debugs for task in self.tasks)} failures fixed;"
            f" {speed:.0f} tokens/s"
        )


def last_parts(home: Home, model: str) -> tuple[Part, ...]:
    """Return the runs of the last exam of the model of this name, in the order in which they began.

    Raises:
        StoreError: a snapshot cannot be read.
    """
    found = []
    for info in _last(home, model):
        with snapshot(home, info.id) as connection:
            row = connection.execute("SELECT model_reference, settings FROM runs").fetchone()
        assert row is not None, "every snapshot has its run"
        over = info.state == "finished" or info.stop_reason == "time limit"
        found.append(Part(info.id, info.task, row[0], settings_from_json(row[1]), over))
    return tuple(found)


def last_exam(home: Home, model: str) -> ModelExam | None:
    """Return the last exam of the model of this name, or None if there was none.

    Raises:
        StoreError: a snapshot cannot be read.
    """
    tasks = []
    exam = ""
    for info in _last(home, model):
        exam = info.extra["exam"]
        with snapshot(home, info.id) as connection:
            tasks += [
                TaskExam(*row) for row in connection.execute(f"SELECT {_FIELDS} FROM exam_tasks").fetchall()
            ]
    return ModelExam(exam, tuple(tasks)) if tasks else None


def _last(home: Home, model: str) -> list[RunInfo]:
    parts = [info for info in list_runs(home, exams=True) if info.model == model]
    return [info for info in reversed(parts) if info.extra["exam"] == parts[0].extra["exam"]]
