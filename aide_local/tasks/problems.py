"""Problems found in a task, collected so that a person reads all of them at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from aide_local.errors import TaskError


class Severity(StrEnum):
    ERROR = "error"  # the task cannot be run
    WARNING = "warning"  # it can, but perhaps not as meant


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem; ``where`` is a file with its line, a column or a key."""

    severity: Severity
    where: str
    message: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.message} {self.fix}".strip()


@dataclass(slots=True)
class Problems:
    """A list that grows while a task is checked."""

    found: list[Problem] = field(default_factory=list)

    def error(self, where: object, message: str, fix: str = "") -> None:
        self.found.append(Problem(Severity.ERROR, str(where), message, fix))

    def warn(self, where: object, message: str, fix: str = "") -> None:
        self.found.append(Problem(Severity.WARNING, str(where), message, fix))

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.found if problem.severity is Severity.ERROR]

    def as_error(self) -> TaskError:
        """Return an exception with the first error and the number of the others; there must be an error."""
        first, *others = self.errors
        more = f" ({len(others)} more: aide-local task check)" if others else ""
        return TaskError(f"{first.where}: {first.message}{more}", first.fix)


class CannotGoOn(Exception):  # noqa: N818 - the problems say why
    """Nothing more can be checked before the problems so far are fixed."""
