"""Sections of a prompt, rendered from templates in files that a person can override.

The system message (role, contract, task, data overview, packages) is the same, byte for byte, for
all operators of a run, so that its part of the KV cache is reused; the journal digest comes next;
the parent script and its error come last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from aide_local.errors import SettingsError
from aide_local.prompts.overview import describe_columns
from aide_local.search.digest import format_metric, time_taken
from aide_local.task import Task
from aide_local.types import Message, Node, Operator

PROFILES = ("standard", "starter")


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that the user message of one step may show. Text fields are already as shown."""

    operator: Operator
    digest: tuple[str, ...] = ()
    parent: Node | None = None
    other: Node | None = None
    parent_code: str = ""
    other_code: str = ""
    error: str = ""
    output: str = ""
    hint: str = ""
    took: str = ""  # the parent's time, of a run with a time limit

    @classmethod
    def of(
        cls,
        operator: Operator,
        digest: Sequence[str],
        parent: Node | None = None,
        other: Node | None = None,
        hint: str = "",
        time_limit: float | None = None,
    ) -> Request:
        """The whole request, before the packer shortens anything."""
        return cls(
            operator,
            tuple(digest),
            parent,
            other,
            parent_code=parent.code if parent else "",
            other_code=other.code if other else "",
            error=error_text(parent) if parent and operator is Operator.DEBUG else "",
            output=parent.output.strip() if parent else "",
            hint=" ".join(hint.split()),
            took=time_taken(parent, time_limit) if parent and time_limit and parent.folds else "",
        )


def error_text(node: Node) -> str:
    """What the debug operator sees of a failure: the error, its line, and that line's source."""
    if node.error is None:
        return "the script gave no result"
    # "(/somewhere/site-packages/module.py)" of an ImportError tells a model nothing, and where things are
    # on the person's machine is nobody's business.
    lines = [re.sub(r" \(/[^()]*\)", "", node.error.one_line(400))[:300]]
    source = node.code.splitlines()
    if node.error.line and 0 < node.error.line <= len(source):
        lines.append(f"line {node.error.line}: {source[node.error.line - 1].strip()}")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class StaticPart:
    """How much of the task the system message shows; shortened once a run where the context is small."""

    description: int = 6000  # characters
    columns: int = 60


class Templates:
    """One profile's templates; a file of the same name under ``override`` takes precedence.

    Raises:
        SettingsError: there is no such profile, or a template does not parse or render.
    """

    def __init__(self, profile: str, override: Path | None = None) -> None:
        if profile not in PROFILES:
            raise SettingsError(
                f"The model asks for the prompt profile {profile!r}, which this version does not have.",
                f"Known profiles: {', '.join(PROFILES)}.",
            )
        self.profile = profile
        self.override = override

    @cached_property
    def _environment(self) -> Any:
        import jinja2

        ours = Path(str(resources.files("aide_local") / "prompts" / "templates"))
        places = [ours]
        if self.override is not None:
            places.insert(0, self.override)
        return jinja2.Environment(
            loader=jinja2.FileSystemLoader([str(place) for place in places]),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
        )

    def render(self, name: str, **values: object) -> str:
        import jinja2

        try:
            template = self._environment.get_template(f"{self.profile}/{name}.md.j2")
            return str(template.render(**values)).strip()
        except jinja2.TemplateError as error:
            where = f", line {error.lineno}" if isinstance(error, jinja2.TemplateSyntaxError) else ""
            raise SettingsError(
                f"The prompt template {self.profile}/{name}.md.j2{where} does not work: {error}.",
                "Fix it, or delete the file from your prompts folder to use ours.",
            ) from error


def system_message(
    templates: Templates, task: Task, packages: str, limits: str, part: StaticPart | None = None
) -> Message:
    """The static part. ``packages`` is the interpreter's card, ``limits`` what a script may use, in a line."""
    part = part or StaticPart()
    description = task.description.strip()
    if len(description) > part.description:
        description = description[: part.description].rstrip() + " […]" if part.description else ""
    content = templates.render(
        "system",
        task=task,
        packages=packages,
        limits=limits,
        description=description,
        columns=describe_columns(task, part.columns) if task.columns else "",
        extra=", ".join(path.name for path in task.extra[:20]),
    )
    return Message("system", content)


def user_message(templates: Templates, task: Task, request: Request) -> Message:
    content = templates.render(
        request.operator if request.operator is not Operator.HUMAN else Operator.IMPROVE,
        task=task,
        digest="\n".join(request.digest),
        parent=request.parent,
        other=request.other,
        parent_code=request.parent_code.strip("\n"),
        other_code=request.other_code.strip("\n"),
        parent_metric=format_metric(request.parent.metric) if request.parent else "",
        other_metric=format_metric(request.other.metric) if request.other else "",
        error=request.error,
        output=request.output,
        hint=request.hint,
        took=request.took,
    )
    return Message("user", content)


def reask_message(templates: Templates) -> Message:
    return Message("user", templates.render("reask"))
