"""The app as its screens know it. Nothing here loads Textual, so the command line can import it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from aide_local.errors import AideError
from aide_local.home import Home
from aide_local.task import Task
from aide_local.types import RunSettings
from tui.settings import UiSettings


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to start.

    ``model`` is a name or a GGUF file, None for the default; results are delivered to ``out``, None for the run's folder.
    """

    task: Task
    settings: RunSettings
    model: str | None = None
    out: Path | None = None


class Window(Protocol):
    """The app as its screens see it. Call it from the UI's thread alone."""

    @property
    def home(self) -> Home:
        """Return the folder in which runs, models and settings lie."""

    @property
    def settings(self) -> UiSettings:
        """Return the person's choices as they are now."""

    @property
    def waiting_for(self) -> str:
        """Return what the person has to wait for, in words; empty if nothing."""

    def new_run(self) -> None:
        """Open the form of a new run, unless one is going on."""

    def open_run(self, run_id: str, node: int | None = None) -> None:
        """Show a run, with the cursor on ``node`` if one is given."""

    def resume_run(self, run_id: str) -> None:
        """Go on with a run in this process, after asking for how many nodes."""

    def open_sql(self) -> None:
        """Show the SQL console."""

    def open_models(self) -> None:
        """Show the list of models."""

    def choose_model(self, name: str) -> None:
        """Keep the model that the form of the next run begins with."""

    def report(self, error: AideError) -> None:
        """Show what was wrong and what to do next."""
