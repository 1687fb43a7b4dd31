"""The form of a new run; beside it what was understood of the data, below it problems and the same run as a command."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.suggester import SuggestFromList
from textual.widgets import DirectoryTree, Footer, Input, Label, Static

from aide_local import metrics
from aide_local.errors import AideError, SettingsError
from aide_local.llm.registry import list_models
from aide_local.search.digest import first_sentence
from aide_local.task import Task
from aide_local.tasks.describe import describe_task
from aide_local.tasks.files import TaskOverrides
from aide_local.tasks.load import check_task
from aide_local.tasks.samples import samples
from aide_local.types import RunSettings
from tui import keys
from tui.dialogs import Choose
from tui.draw import harmless
from tui.liveness import is_open
from tui.protocol import NewRun, Window
from tui.run_form import FIELDS, RunForm

WAIT = 0.4  # seconds without a key before the data are read


class NewRunScreen(Screen[NewRun | None]):
    """The form; it returns the run to start, or None if the person left it."""

    BINDINGS: ClassVar[list[BindingType]] = keys.NEW_RUN

    def __init__(self, window: Window) -> None:
        super().__init__()
        self._window = window
        self._edits = 0  # a timer or a thread that began before the last edit has nothing to show

    def compose(self) -> ComposeResult:
        names = [entry.name for entry in list_models(self._window.home)]
        suggestions = {"metric": list(metrics.names()), "model": names}
        values = {one.name: one.value for one in FIELDS} | {"model": self._window.settings.model}
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
                            values[one.name],
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
        self._take_edit()

    @property
    def form(self) -> RunForm:
        """Return the form as it is typed now."""
        return RunForm({one.name: self.query_one(f"#field-{one.name}", Input).value for one in FIELDS})

    def on_input_changed(self, _: Input.Changed) -> None:
        self._take_edit()

    def _take_edit(self) -> None:
        """Show what is wrong with the lines, and the command; look at the data soon."""
        form = self.form
        problem = ""
        try:
            form.settings()
        except AideError as error:
            problem = f"! {error.message} {error.fix}\n"
        shown = Text()
        shown.append(problem, "red")
        shown.append(f"the same from a shell: {harmless(form.command())}", "dim")
        self.query_one("#status", Static).update(shown)
        self._edits += 1
        self.set_timer(WAIT, lambda number=self._edits: self._look(number))

    def _look(self, number: int) -> None:
        """Read the data, if nothing was typed since edit ``number``."""
        if number == self._edits and is_open(self):
            path = self.form.get("path")
            if path:
                self._show(number, Text("… the data are being read", "dim"))
                self._read(number, Path(path).expanduser(), self.form.overrides())
            else:
                self._show(number, Text("Type a path, or f2 for the sample tasks."))

    @work(thread=True, exclusive=True, group="task")
    def _read(self, number: int, path: Path, overrides: TaskOverrides) -> None:
        """Show what is understood of the data, and the problems in them."""
        shown = Text()
        task: Task | None = None
        try:
            found = check_task(path, overrides)
            task = found.task
            for label, text in describe_task(task) if task is not None else ():
                shown.append(f"{label:<12}", "bold")
                shown.append(f"{harmless(text)}\n")
            for note in task.notes if task is not None else ():
                shown.append(f"{harmless(note)}\n", "dim")
            for problem in found.problems:
                shown.append(f"! {harmless(str(problem))}\n", "red")
        except AideError as error:
            shown.append(f"! {harmless(error.message)} {harmless(error.fix)}", "red")
        self.app.call_from_thread(self._show, number, shown)

    def _show(self, number: int, shown: Text) -> None:
        if number == self._edits and is_open(self):
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
            self._window.report(error)
            return
        self._begin(form, settings)

    @work(thread=True, exclusive=True, group="begin")
    def _begin(self, form: RunForm, settings: RunSettings) -> None:
        """Read the data once more, which may take a while, and leave with the run to start."""
        try:
            found = check_task(Path(form.get("path")).expanduser(), form.overrides())
            if found.task is None:
                problem = next((str(one) for one in found.problems), "")
                raise SettingsError("The task cannot be run as it is.", harmless(problem))
        except AideError as error:
            self.app.call_from_thread(self._window.report, error)
            return
        self.app.call_from_thread(self._leave_with, NewRun(found.task, settings, form.get("model") or None))

    def _leave_with(self, new: NewRun) -> None:
        if self.is_current:
            self.dismiss(new)

    def action_samples(self) -> None:
        found = list(samples().values())

        def on_choice(at: int | None) -> None:
            if at is not None:
                self.query_one("#field-path", Input).value = str(found[at])

        if found:
            self.app.push_screen(Choose("Sample tasks", [_in_a_line(path) for path in found]), on_choice)
        else:
            self.notify("No sample task is installed; type the path of your own data.")

    def action_browse(self) -> None:
        browser = self.query_one("#browser", DirectoryTree)
        browser.display = not browser.display
        (browser if browser.display else self.query_one("#field-path", Input)).focus()

    def on_directory_tree_file_selected(self, event: DirectoryTree.FileSelected) -> None:
        self._take_path(event.path if event.path.suffix == ".csv" else event.path.parent)

    def _take_path(self, path: Path) -> None:
        self.query_one("#field-path", Input).value = str(path)
        self.action_browse()

    def action_leave(self) -> None:
        if self.query_one("#browser").display:
            self.action_browse()
        else:
            self.dismiss(None)


def _in_a_line(sample: Path) -> str:
    """Return a sample task's name and the first sentence of its description."""
    described = sample / "description.md"
    words = described.read_text("utf-8").split("\n\n") if described.exists() else [""]
    text = next((part for part in words if part and not part.startswith("#")), "")
    return f"{sample.name:<15} {first_sentence(' '.join(text.split()))}"
