"""Keys: every binding has an id, so that a person can give it another key; help and documents are written from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from textual.binding import Binding
from textual.dom import DOMNode

from aide_local.basics.files import write_whole
from aide_local.errors import SettingsError


def key(
    keys: str,
    action: str,
    label: str,
    tooltip: str = "",
    *,
    group: str,
    footer: bool = False,
    priority: bool = False,
) -> Binding:
    """A binding with the id ``group.action``; ``footer`` shows it at the bottom, ``priority`` puts it before an editor's."""
    name = action.removeprefix("app.").replace("(-1)", "_back").replace("(1)", "")
    return Binding(keys, action, label, show=footer, tooltip=tooltip, id=f"{group}.{name}", priority=priority)


def defaults() -> Iterator[tuple[str, Binding]]:
    """(screen, binding) of everything that can be rebound, in the order of the screens; all its keys in one."""
    from tui.app import AideApp
    from tui.browse import Browsing
    from tui.dialogs import Compare, Editor, Reader
    from tui.home import HomeScreen, RunsTable
    from tui.models import ModelsScreen, ModelsTable
    from tui.new_run import NewRunScreen
    from tui.own_queries import OwnQueries
    from tui.pane import Pane
    from tui.results import ResultTable
    from tui.run import RunScreen
    from tui.settings import SettingsApp
    from tui.solution_tree import SolutionTree
    from tui.sql import SqlScreen
    from tui.steer import Steering

    places: list[tuple[str, type[DOMNode]]] = [
        ("everywhere", AideApp),
        ("everywhere", SettingsApp),
        ("list of runs", HomeScreen),
        ("list of runs", RunsTable),
        ("new run", NewRunScreen),
        ("run", RunScreen),
        ("run", Browsing),
        ("run", Steering),
        ("solution tree", SolutionTree),
        ("text", Pane),
        ("two nodes", Compare),
        ("editor", Editor),
        ("SQL", SqlScreen),
        ("SQL", OwnQueries),
        ("result", ResultTable),
        ("models", ModelsScreen),
        ("models", ModelsTable),
        ("text to read", Reader),
    ]
    for name, place in places:
        for binding in place.BINDINGS:
            if isinstance(binding, Binding) and binding.id:
                yield name, binding


# Keys of questions, with the dialogs that have them: fixed, so that the program can be left and its keys be
# fixed whatever the keymap says. Arrows, enter and letters of an input line are Textual's own.
FIXED: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("escape", ("Ask", "Confirm", "Choose", "Help"), "Leave it as it was"),
    ("y", ("Confirm",), "Yes"),
    ("n", ("Confirm",), "No"),
    ("up", ("Choose",), "To the line above, while something is typed"),
    ("down", ("Choose",), "To the line below, while something is typed"),
    ("ctrl+d", ("Choose",), "Delete the line, in the list of saved queries"),
)


def as_markdown() -> str:
    """docs/keys.md: the keys of every screen."""
    lines = ["# Keys", "", "Written by `aide-local keys --markdown`; a test keeps it true.", ""]
    lines += [
        'Every one with an id can be changed: put `"id": "key"` under `keys` in `ui.json` in the home folder,'
        " or press `f4` in the program.",
    ]
    seen = ""
    for screen, binding in defaults():
        if screen != seen:
            lines += ["", f"## {screen}", "", "| key | action | id |", "|---|---|---|"]
            seen = screen
        shown = shown_key(binding.key).replace("|", "\\|")
        lines.append(f"| `{shown}` | {binding.tooltip or binding.description} | {binding.id} |")
    lines += ["", "## questions and lists", "", "Fixed: a keymap cannot lock anybody out.", ""]
    lines += ["| key | action |", "|---|---|", *(f"| `{pressed}` | {does} |" for pressed, _, does in FIXED)]
    return "\n".join(lines) + "\n"


def as_text() -> str:
    return "\n".join(
        f"{screen:<14}{shown_key(binding.key):<14}{binding.id:<24}{binding.tooltip or binding.description}"
        for screen, binding in defaults()
    ) + "".join(f"\n{'question':<14}{pressed:<14}{'fixed':<24}{does}" for pressed, _, does in FIXED)


_NAMES = {
    "slash": "/", "left_square_bracket": "[", "right_square_bracket": "]", "question_mark": "?",
    "apostrophe": "'", "equals_sign": "=", "comma": ",",
}  # fmt: skip


def shown_key(keys: str) -> str:
    """``slash`` → ``/``; several keys with a space between them."""
    return " ".join(_NAMES.get(one.strip(), one.strip()) for one in keys.split(","))


class Preferences:
    """``ui.json`` in the home folder: theme, other keys, ``motion`` ("none" or "full"), the model of the next run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.theme = ""
        self.motion = ""
        self.model = ""
        self.keys: dict[str, str] = {}

    def read(self) -> None:
        """Raises SettingsError where the file is not what it should be."""
        if not self.path.exists():
            return
        try:
            content = json.loads(self.path.read_text("utf-8"))
            self.theme = str(content.get("theme", ""))
            self.motion = str(content.get("motion", ""))
            self.model = str(content.get("model", ""))
            self.keys = {str(name): str(keys) for name, keys in dict(content.get("keys", {})).items()}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise SettingsError(f"{self.path} cannot be read: {error}.", "Fix or delete the file.") from error

    def write(self) -> None:
        """Raises SettingsError where the file cannot be written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            chosen = {"theme": self.theme, "motion": self.motion, "model": self.model, "keys": self.keys}
            write_whole(self.path, json.dumps(chosen, indent=2) + "\n")
        except OSError as error:
            raise SettingsError(
                f"{self.path} cannot be written: {error.strerror}.", "The choice holds until you leave."
            ) from error
