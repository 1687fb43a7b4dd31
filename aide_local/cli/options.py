"""Options that several commands share, and how a command takes a group of them as one value.

The defaults of a search are those of :class:`aide_local.types.RunSettings`; no command has its own.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar, get_type_hints

import typer

from aide_local.errors import SettingsError

if TYPE_CHECKING:
    from aide_local.tasks.files import TaskOverrides

P = ParamSpec("P")
R = TypeVar("R")

HomeFolder = Annotated[
    Path | None,
    typer.Option(
        "--home", envvar="AIDE_LOCAL_HOME", help="Folder of everything that is written.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One event a line, as JSON.")]
Plain = Annotated[bool, typer.Option("--plain", help="Lines of text only: no colour, no live display.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", help="Folder for the deliverables (default: in the run's folder).", show_default=False
    ),
]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, a part of one, or `latest`.")]


def takes(**groups: Callable[..., Any]) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Give a command all options of the functions in ``groups`` in the place of the parameters of these names.

    Each function is called with its own options, and the command gets what it returns. Options stand in the order
    of the command's parameters.
    """

    def decorate(command: Callable[..., R]) -> Callable[..., R]:
        parameters: list[inspect.Parameter] = []
        for parameter in _parameters(command):
            group = groups.get(parameter.name)
            parameters += _parameters(group) if group is not None else [parameter]
        members = {name: {one.name for one in _parameters(group)} for name, group in groups.items()}

        @functools.wraps(command)
        def called(**values: Any) -> R:
            for name, group in groups.items():
                own = {key: values.pop(key) for key in members[name]}
                values[name] = group(**own)
            return command(**values)

        vars(called)["__signature__"] = inspect.Signature(parameters)
        called.__annotations__ = {one.name: one.annotation for one in parameters}
        return called

    return decorate


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters with their annotations resolved, as keywords: their order then needs no defaults last."""
    hints = get_type_hints(function, include_extras=True, localns={"TaskOverrides": Any})
    return [
        one.replace(annotation=hints[one.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for one in inspect.signature(function).parameters.values()
    ]


def task_overrides(
    *,
    target: Annotated[
        list[str] | None, typer.Option(help="Target column; once for each.", show_default=False)
    ] = None,
    metric: Annotated[
        str | None, typer.Option(help="Metric, such as rmse or auc.", show_default=False)
    ] = None,
    id_: Annotated[
        str | None, typer.Option("--id", help="Column that names the rows.", show_default=False)
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="binary, multiclass, multilabel or regression.", show_default=False)
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="random, stratified, group or time.", show_default=False)
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="Column whose rows stay together in a fold.", show_default=False)
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="Column of the time; later rows validate.", show_default=False)
    ] = None,
) -> TaskOverrides:
    """Return what the person says of the task."""
    from aide_local.tasks.files import TaskOverrides

    return TaskOverrides(
        target=tuple(target) if target else None,
        metric=metric,
        id=id_,
        kind=kind,
        split=split,
        group=group,
        time=time,
    )


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Raise SettingsError if the file that ``--out`` names cannot be written."""
    try:
        yield
    except OSError as error:
        raise SettingsError(
            f"{out} cannot be written: {error.strerror or error}.", "Choose another file with --out."
        ) from error


def at_least(value: int | None, least: int, name: str) -> None:
    """Raise SettingsError if a number is too small."""
    if value is not None and value < least:
        raise SettingsError(f"{name} {value} is too small.", f"Give {least} or more.")


def between(value: float, least: float, most: float, name: str) -> None:
    """Raise SettingsError if a number is not in ``[least, most]``."""
    if not least <= value <= most:
        raise SettingsError(f"{name} {value} is out of range.", f"Give a number from {least:g} to {most:g}.")
