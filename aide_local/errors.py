"""Errors a person sees: each says what was wrong, with which value, and what to do next.

Anything raised on purpose by the engine is an :class:`AideError`; the command line prints it as one
paragraph without a traceback and exits with ``exit_code``. Any other exception is a defect of ours.
"""

from __future__ import annotations


class AideError(Exception):
    """What was wrong (``message``, naming the value) and how to fix it (``fix``)."""

    exit_code = 2

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} {self.fix}".strip()


class TaskError(AideError):
    """The task folder, its files or the way it was described cannot be used."""


class SettingsError(AideError):
    """An option, an environment variable or the settings file holds a value that cannot be used."""


class ModelError(AideError):
    """The model file cannot be used, or the model process keeps failing."""


class PromptError(AideError):
    """The static part of the prompt does not fit the model's context window."""


class StoreError(AideError):
    """The database or the home folder cannot be read or written."""


class DiskFull(StoreError):  # noqa: N818 - the disk, not the error, is full
    """There is no room on the disk; a run waits until there is."""


class SandboxError(AideError):
    """The sandbox cannot give the confinement that was asked for."""


class Cancelled(Exception):  # noqa: N818 - not an error: the person asked for it
    """Raised inside a lane when the person, or the time limit, ended the work in flight."""
