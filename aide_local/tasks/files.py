"""Find a task's files and settings in a folder, in any of the forms that people have them.

A folder with ``task.toml``; a Kaggle or MLE-bench folder (``train.csv``, ``test.csv``, ``sample_submission.csv``,
``description.md``, perhaps under ``prepared/public/``); or one CSV file.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from aide_local.task import Kind, Mode, SplitKind
from aide_local.tasks.problems import CannotGoOn, Problems

SETTINGS = "task.toml"
_SUBFOLDERS = ("", "data", "prepared/public", "public", "input")
_SAMPLES = ("sample_submission.csv", "sampleSubmission.csv", "sample_submission.CSV", "gender_submission.csv")
_TABLES = (
    ".csv",
    ".tsv",
    ".tab",
    ".txt",
)  # files that are looked into; only commas are read, the rest gets its fix
_DESCRIPTIONS = ("description.md", "README.md", "overview.md", "description.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOverrides:
    """The person's options on the command line; None: take it from ``task.toml``, or infer it."""

    target: tuple[str, ...] | None = None
    metric: str | None = None
    id: str | None = None
    kind: str | None = None
    split: str | None = None
    group: str | None = None
    time: str | None = None
    name: str | None = None


@dataclass(slots=True, kw_only=True)
class TaskSpec:
    """A task before its data are looked at: the keys of ``task.toml`` with the overrides put in."""

    root: Path
    name: str = ""
    mode: Mode = Mode.FOLDS
    train: Path | None = None
    test: Path | None = None
    sample_submission: Path | None = None
    description: str = ""
    target: tuple[str, ...] = ()
    id: str | None = None
    kind: Kind | None = None
    metric: str | None = None
    direction: str | None = None
    split: SplitKind | None = None
    group: str | None = None
    time: str | None = None
    scorer: Path | None = None
    grader: tuple[str, ...] = ()
    extra: tuple[Path, ...] = ()
    beside: tuple[Path, ...] = ()  # files that nobody named; shown if they hold no labels (tasks.further)
    notes: list[str] = field(default_factory=list)


_KEYS = tuple(one.name for one in fields(TaskSpec) if one.name not in ("root", "beside", "notes"))


def find(path: Path, overrides: TaskOverrides, problems: Problems) -> TaskSpec:
    """Find the files and settings of a task. Raises CannotGoOn if there is nothing to look at."""
    path = path.expanduser()
    if not path.exists():
        problems.error(
            path, "There is no such file or folder.", "Give a task folder, or a CSV file with --target."
        )
        raise CannotGoOn
    if path.is_file():
        given = TaskSpec(root=path.parent.absolute(), name=path.stem, train=path.absolute())
        if path.suffix.lower() not in _TABLES:
            problems.error(path, "This is not a CSV file.", "Give a .csv file or a task folder.")
            raise CannotGoOn
    else:
        given = _folder(path.absolute(), problems)
    _override(given, overrides, problems)
    return given


def _folder(root: Path, problems: Problems) -> TaskSpec:
    given = TaskSpec(root=root, name=root.name)
    settings = root / SETTINGS
    named: dict[str, Any] = {}
    if settings.exists():
        named = _settings(settings, problems)
    for place in _SUBFOLDERS:
        folder = root / place
        given.train = given.train or _first(folder, ("train.csv", "training.csv"))
        given.test = given.test or _first(folder, ("test.csv",))
        given.sample_submission = given.sample_submission or _first(folder, _SAMPLES)
        if not given.description:
            found = _first(folder, _DESCRIPTIONS)
            given.description = found.read_text("utf-8", "replace") if found else ""
    if given.train is None and "train" not in named and named.get("mode", "folds") == "folds":
        given.train = _only_csv(root, problems)
    _apply(given, named, settings, problems)
    if "extra" not in named and given.mode is not Mode.COMMAND:  # a grader's answers may lie beside it
        given.beside = _beside(given)
    if given.name == "public" and root.parent.name == "prepared":
        given.name = root.parent.parent.name
    return given


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _only_csv(root: Path, problems: Problems) -> Path | None:
    found = sorted(root.glob("*.csv")) or sorted((root / "data").glob("*.csv"))
    if len(found) == 1:
        return found[0]
    packed = sorted([*root.rglob("*.csv.gz"), *root.rglob("*.zip")])
    if packed:
        problems.error(
            packed[0], "The data are compressed.", f"Unpack them first: gunzip or unzip {packed[0].name}."
        )
    elif found:
        names = ", ".join(path.name for path in found[:5])
        problems.error(
            root,
            f"There is no train.csv; there are {names}.",
            f'Say `train = "{found[0].name}"` in task.toml.',
        )
    else:
        problems.error(
            root, "There is no CSV file in this folder.", "A task has a train.csv, here or in data/."
        )
    raise CannotGoOn


def _beside(given: TaskSpec) -> tuple[Path, ...]:
    """Return the files and folders beside the tables: images, texts, lookup tables."""
    known = {given.train, given.test, given.sample_submission, given.scorer}
    folder, ours = given.root, {SETTINGS, *_DESCRIPTIONS}
    if given.train is not None:
        folder, ours = given.train.parent, ours | {"data", "prepared", "public", "private"}
    return tuple(
        path
        for path in sorted(folder.iterdir())
        if path not in known
        and not path.name.startswith((".", "_"))
        and path.name not in ours
        and path.suffix not in (".py", ".toml")
    )


def _settings(path: Path, problems: Problems) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except tomllib.TOMLDecodeError as error:
        problems.error(
            path, f"It is not TOML: {error}.", 'Texts are quoted, lists are in brackets: target = "price".'
        )
        raise CannotGoOn from error
    except (OSError, UnicodeDecodeError) as error:
        problems.error(path, f"It cannot be read: {error}.", "Save it as UTF-8 text.")
        raise CannotGoOn from error


def _apply(given: TaskSpec, named: dict[str, Any], path: Path, problems: Problems) -> None:
    for key, value in named.items():
        if key not in _KEYS:
            near = difflib.get_close_matches(key, _KEYS, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Keys: {', '.join(_KEYS)}."
            problems.error(f"{path}, key {key!r}", "There is no such key.", hint)
        elif key in ("target", "grader", "extra"):
            _apply_list(given, key, value, path, problems)
        elif not isinstance(value, str):
            problems.error(f"{path}, key {key!r}", f"It must be a text, not {value!r}.", "Put it in quotes.")
        elif key in ("train", "test", "sample_submission", "scorer"):
            setattr(given, key, _file(given.root, value, f"{path}, key {key!r}", problems))
        elif key == "description":
            place = given.root / value if len(value) < 200 and "\n" not in value else None
            given.description = place.read_text("utf-8", "replace") if place and place.is_file() else value
        elif key in ("mode", "kind", "split"):
            _set_choice(given, key, value, f"{path}, key {key!r}", problems)
        else:
            setattr(given, key, value)


def _apply_list(given: TaskSpec, key: str, value: object, path: Path, problems: Problems) -> None:
    where = f"{path}, key {key!r}"
    values = [value] if isinstance(value, str) and key != "grader" else value
    if isinstance(values, str):
        import shlex

        values = shlex.split(values)
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        problems.error(
            where, f"It must be a text or a list of texts, not {value!r}.", f'For example {key} = ["a", "b"].'
        )
    elif key == "extra":
        given.extra = tuple(found for one in values if (found := _file(given.root, one, where, problems)))
    else:
        setattr(given, key, tuple(values))


def _file(root: Path, name: str, where: str, problems: Problems) -> Path | None:
    path = (root / name).absolute()
    if not path.exists():
        problems.error(where, f"There is no file {path}.", "Paths are relative to task.toml.")
        return None
    return path


_CHOICES: dict[str, type[Mode] | type[Kind] | type[SplitKind]] = {
    "mode": Mode,
    "kind": Kind,
    "split": SplitKind,
}


def _set_choice(given: TaskSpec, key: str, value: str, where: str, problems: Problems) -> None:
    try:
        setattr(given, key, _CHOICES[key](value.lower()))
    except ValueError:
        known = ", ".join(one.value for one in _CHOICES[key])
        problems.error(where, f"{value!r} is not a {key}.", f"Choose one of: {known}.")


def _override(given: TaskSpec, overrides: TaskOverrides, problems: Problems) -> None:
    for key in ("target", "metric", "id", "group", "time", "name"):
        value = getattr(overrides, key)
        if value:
            setattr(given, key, value)
    for key in ("kind", "split"):
        value = getattr(overrides, key)
        if value:
            _set_choice(given, key, value, f"--{key}", problems)
    if given.split is None:
        given.split = SplitKind.GROUP if given.group else SplitKind.TIME if given.time else None
    if given.split is SplitKind.GROUP and not given.group:
        problems.error("split", "A split by group needs to know the group's column.", "Say --group COLUMN.")
    if given.split is SplitKind.TIME and not given.time:
        problems.error("split", "A split by time needs to know the time's column.", "Say --time COLUMN.")
