"""The form of a new run: what was understood of the data, problems as they are typed, the same as a command."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.suggester import SuggestFromList
from textual.widgets import DirectoryTree, Footer, Input, Label, Static

from aide_local import metrics
from aide_local.cli.options import at_least, seconds, size
from aide_local.errors import AideError, SettingsError
from aide_local.home import Home
from aide_local.llm.registry import list_models
from aide_local.search.digest import first_sentence
from aide_local.task import Task
from aide_local.tasks.describe import describe_task
from aide_local.tasks.files import TaskOverrides
from aide_local.tasks.load import check_task
from aide_local.types import RunSettings
from tui.dialogs import Choose
from tui.keys import key
from tui.open import is_open
from tui.text import inert

if TYPE_CHECKING:
    from tui.app import AideApp

WAIT = 0.4  # seconds without a key before the data are looked at


@dataclass(frozen=True, slots=True)
class Field:
    """A line of the form; ``option`` is the command line's."""

    name: str
    option: str
    hint: str
    value: str = ""


FIELDS = (
    Field("path", "", "task folder, Kaggle folder or CSV"),
    Field("target", "--target", "columns to predict: a,b"),
    Field("metric", "--metric", "empty: by the data's kind"),
    Field("model", "--model", "name or GGUF file; empty: default"),
    Field("steps", "--steps", "nodes to make", "20"),
    Field("time", "--time-limit", "10m, 2h; empty: no limit"),
    Field("timeout", "--timeout", "of one execution: 90s, 10m", "10m"),
    Field("memory", "--memory", "of a candidate", "4g"),
    Field("folds", "--folds", "of the cross-validation", "5"),
    Field("seed", "--seed", "of every random choice", "0"),
    Field("parallel", "--parallel", "candidates at once", "1"),
)


@dataclass(frozen=True, slots=True)
class Form:
    """The form's lines as they stand."""

    values: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        return self.values.get(name, "").strip()

    def overrides(self) -> TaskOverrides:
        targets = tuple(one.strip() for one in self.get("target").split(",") if one.strip())
        return TaskOverrides(target=targets or None, metric=self.get("metric") or None)

    def settings(self) -> RunSettings:
        """Raises SettingsError with the line that cannot be used."""
        numbers = {name: self._number(name) for name in ("steps", "folds", "seed", "parallel")}
        for name, least in (("steps", 1), ("folds", 2), ("parallel", 1)):
            at_least(numbers[name], least, name)
        made: dict[str, Any] = {
            **numbers,
            "time_limit": seconds(self.get("time") or None, "time"),
            "timeout": seconds(self.get("timeout") or "10m", "timeout"),
            "memory": size(self.get("memory") or "4g", "memory"),
        }
        return RunSettings(**made)

    def _number(self, name: str) -> int:
        text = self.get(name) or next(one.value for one in FIELDS if one.name == name)
        try:
            return int(text)
        except ValueError:
            raise SettingsError(f"{name} {text!r} is not a whole number.", "Write for example 20.") from None

    def command(self) -> str:
        """The same run from a shell."""
        words = ["aide-local", "run", self.get("path") or "PATH"]
        for one in FIELDS[1:]:
            value = self.get(one.name)
            if value and value != one.value:
                for part in value.split(",") if one.name == "target" else [value]:
                    words += [one.option, part.strip()]
        return shlex.join(words)


class NewRunScreen(Screen[tuple[Task, RunSettings, str | None] | None]):
    app: AideApp

    BINDINGS: ClassVar[list[BindingType]] = [
        key("f5,ctrl+s", "start", "Start", "Begin the run", group="new", footer=True),
        key("f2", "samples", "Samples", "Choose a sample task", group="new", footer=True),
        key("f3", "browse", "Browse", "Choose a folder or file", group="new", footer=True),
        key("escape", "leave", "Back", "Back, without a run", group="new", footer=True),
    ]

    def __init__(self, home: Home, path: str = "", model: str = "") -> None:
        super().__init__()
        self._home = home
        self._begins = {"path": path, "model": model}
        self._waiting = 0

    def compose(self) -> ComposeResult:
        names = [entry.name for entry in list_models(self._home)]
        suggestions = {"metric": list(metrics.names()), "model": names}
        yield Static(
            Text("A new run. ", "bold") + Text("f2: a sample task   tab: next line   enter: start"),
            id="title",
        )
        with Horizontal(id="form"):
            with VerticalScroll(id="fields", can_focus=False):
                for one in FIELDS:
                    with Horizontal(classes="field"):
                        yield Label(one.name)
                        yield Input(
                            self._begins.get(one.name, one.value),
                            placeholder=one.hint,
                            id=f"field-{one.name}",
                            compact=True,
                            suggester=SuggestFromList(suggestions[one.name])
                            if one.name in suggestions
                            else None,
                        )
            with Vertical(id="understood"):
                tree = DirectoryTree(Path.cwd(), id="browser")
                tree.display = False
                yield tree
                with VerticalScroll(can_focus=False):
                    yield Static(id="task")
        yield Static(id="status")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#field-path", Input).focus()
        self._changed()

    @property
    def form(self) -> Form:
        return Form({one.name: self.query_one(f"#field-{one.name}", Input).value for one in FIELDS})

    def on_input_changed(self, _: Input.Changed) -> None:
        self._changed()

    def _changed(self) -> None:
        form = self.form
        problem = ""
        try:
            form.settings()
        except AideError as error:
            problem = f"! {error.message} {error.fix}\n"
        shown = Text()
        shown.append(problem, "red")
        shown.append(f"the same from a shell: {inert(form.command())}", "dim")
        self.query_one("#status", Static).update(shown)
        self._waiting += 1
        self.set_timer(WAIT, lambda number=self._waiting: self._look(number))

    def _look(self, number: int) -> None:
        """Once nothing was typed for a while, look at the data."""
        if number == self._waiting and is_open(self):
            path = self.form.get("path")
            if path:
                self._show(number, Text("… the data are being read", "dim"))
                self._read(number, Path(path).expanduser(), self.form.overrides())
            else:
                self._show(number, Text("Type a path, or f2 for the sample tasks."))

    @work(thread=True, exclusive=True, group="task")
    def _read(self, number: int, path: Path, overrides: TaskOverrides) -> None:
        shown = Text()
        task: Task | None = None
        try:
            found = check_task(path, overrides)
            task = found.task
            for label, text in describe_task(task) if task is not None else ():
                shown.append(f"{label:<12}", "bold")
                shown.append(f"{inert(text)}\n")
            for note in task.notes if task is not None else ():
                shown.append(f"{inert(note)}\n", "dim")
            for problem in found.problems:
                shown.append(f"! {inert(str(problem))}\n", "red")
        except AideError as error:
            shown.append(f"! {inert(error.message)} {inert(error.fix)}", "red")
        self.app.call_from_thread(self._show, number, shown)

    def _show(self, number: int, shown: Text) -> None:
        if number == self._waiting and is_open(self):
            self.query_one("#task", Static).update(shown)

    def on_input_submitted(self, _: Input.Submitted) -> None:
        self.action_start()

    def action_start(self) -> None:
        form = self.form
        try:
            settings = form.settings()
            if not form.get("path"):
                raise SettingsError("There is no path.", "f2 offers the sample tasks.")
        except AideError as error:
            self.app.tell(error)
            return
        self._begin(form, settings)

    @work(thread=True, exclusive=True, group="begin")
    def _begin(self, form: Form, settings: RunSettings) -> None:
        """The data are read once more, which may take a while."""
        try:
            found = check_task(Path(form.get("path")).expanduser(), form.overrides())
            if found.task is None:
                problem = next((str(one) for one in found.problems), "")
                raise SettingsError("The task cannot be run as it is.", inert(problem))
        except AideError as error:
            self.app.call_from_thread(self.app.tell, error)
            return
        self.app.call_from_thread(self._checked, found.task, settings, form.get("model") or None)

    def _checked(self, task: Task, settings: RunSettings, model: str | None) -> None:
        if self.is_current:
            self.dismiss((task, settings, model))

    def action_samples(self) -> None:
        found = sorted(path.parent for path in samples().glob("*/task.toml"))

        def chosen(at: int | None) -> None:
            if at is not None:
                self.query_one("#field-path", Input).value = str(found[at])

        if found:
            self.app.push_screen(Choose("Sample tasks", [_described(path) for path in found]), chosen)
        else:
            self.notify(f"There are no sample tasks in {samples()}; they lie in the source's sample_tasks/.")

    def action_browse(self) -> None:
        browser = self.query_one("#browser", DirectoryTree)
        browser.display = not browser.display
        (browser if browser.display else self.query_one("#field-path", Input)).focus()

    def on_directory_tree_file_selected(self, event: DirectoryTree.FileSelected) -> None:
        self._chose(event.path if event.path.suffix == ".csv" else event.path.parent)

    def _chose(self, path: Path) -> None:
        self.query_one("#field-path", Input).value = str(path)
        self.action_browse()

    def action_leave(self) -> None:
        if self.query_one("#browser").display:
            self.action_browse()
        else:
            self.dismiss(None)


def _described(sample: Path) -> str:
    """Its name and the first sentence of its description."""
    described = sample / "description.md"
    words = described.read_text("utf-8").split("\n\n") if described.exists() else [""]
    text = next((part for part in words if part and not part.startswith("#")), "")
    return f"{sample.name:<15} {first_sentence(' '.join(text.split()))}"


def samples() -> Path:
    """The sample tasks of a checkout."""
    return Path(__file__).parent.parent / "sample_tasks"
