"""Every key of the program, by the place where it works. Footer, help, palette and docs/keys.md are made from these lists.

Each action has an id, under which a person can give it another key. To add one: a line here, and a method ``action_…``
in the class that has the list as its ``BINDINGS``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.binding import Binding, BindingType

from tui.tab_content import Tab


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
    """Return a binding with the id ``group.action``.

    ``footer`` shows it at the bottom; ``priority`` lets it win over the keys of an editor that has the focus.
    """
    name = action.removeprefix("app.").replace("(-1)", "_back").replace("(1)", "")
    return Binding(keys, action, label, show=footer, tooltip=tooltip, id=f"{group}.{name}", priority=priority)


APP: list[BindingType] = [
    key("question_mark,f1", "help", "Help", "The keys that work here", group="app", footer=True),
    key("f12", "log", "Log", "The messages of this session", group="app"),
    key("ctrl+q", "leave", "Quit", "Leave the program", group="app"),
]

SETTINGS: list[BindingType] = [
    key("comma", "settings", "Settings", "Theme, keys, motion", group="app"),
    key("f4", "rebind", "Keys", "Give an action another key", group="app"),
    key("f10", "change_theme", "Theme", "Choose a theme: dark, light, ansi-dark, okabe-ito (colour-blind safe)", group="app"),
]  # fmt: skip

HOME: list[BindingType] = [
    key("n", "new", "New run", "Begin a run: a sample task, a folder or a CSV file", group="home", footer=True),
    key("r", "resume", "Resume", "Go on with a run that was stopped, killed or finished", group="home", footer=True),
    key("s", "sql", "SQL", "Ask all runs questions in SQL", group="home", footer=True),
    key("m", "models", "Models", "Show, add and delete models", group="home", footer=True),
    key("d", "delete", "Delete", "Delete a run and its files, after a question", group="home"),
    key("y", "copy", "Copy id", "Copy the run's id", group="home"),
    key("q", "app.leave", "Quit", "Leave the program", group="home", footer=True),
]  # fmt: skip

RUNS_TABLE: list[BindingType] = [
    key("enter", "select_cursor", "Open", "Open the run", group="runs", footer=True),
    key("j,down", "cursor_down", "Down", "Down a run", group="runs"),
    key("k,up", "cursor_up", "Up", "Up a run", group="runs"),
    key("g,home", "scroll_top", "First", "To the first run", group="runs"),
    key("G,end", "scroll_bottom", "Last", "To the last run", group="runs"),
]

NEW_RUN: list[BindingType] = [
    key("f5,ctrl+s", "start", "Start", "Begin the run", group="new", footer=True),
    key("f2", "samples", "Samples", "Choose a sample task", group="new", footer=True),
    key("f3", "browse", "Browse", "Choose a folder or file", group="new", footer=True),
    key("escape", "leave", "Back", "Back, without a run", group="new", footer=True),
]

RUN: list[BindingType] = [
    key("w", "path", "Copy path", "Copy the scripts from the root to this node to the clipboard", group="run"),
    key("y", "copy", "Copy", "Copy what the tab shows", group="run"),
    key("z", "zoom", "Zoom", "Give the details the whole width, or undo that", group="run"),
    key("W", "wrap", "Wrap", "Wrap long lines, or undo that", group="run"),
    key("r", "resume", "Go on", "Go on with this run in this window", group="run", footer=True),
    key("escape,q", "leave", "Back", "Back one layer, at last to the list; the run goes on", group="run", footer=True),
    key("0", "tree", "Tree", "Into the tree", group="run"),
    *(
        Binding(
            str(n), f"tab('{tab}')", f"Tab {tab.label}", show=False, id=f"run.tab_{tab}",
            tooltip=f"Tab {tab.label}; again: into its text",
        )
        for n, tab in enumerate(Tab, 1)
    ),
]  # fmt: skip

BROWSING: list[BindingType] = [
    key("b", "best", "Best", "To the best node", group="run", footer=True),
    key("B", "best_path", "Best path", "To the next node on the path from a root to the best node", group="run"),
    key("e", "buggy", "Next buggy", "To the next buggy node", group="run"),
    key("slash", "find", "Find", "Filter: words, state:buggy, op:improve, error:Key, metric<0.2", group="run", footer=True),
    key("n", "find_next", "Next match", "To the next match", group="run"),
    key("N", "find_previous", "Previous match", "To the previous match", group="run"),
    key("left_square_bracket", "by_time(-1)", "Earlier", "To the previous node, by time", group="run"),
    key("right_square_bracket", "by_time(1)", "Later", "To the next node, by time", group="run"),
    key("J", "sibling(1)", "Next sibling", "To the next sibling", group="run"),
    key("K", "sibling(-1)", "Previous sibling", "To the previous sibling", group="run"),
    key("o", "outline", "Outline", "Open the tree one level deep, two, three, all", group="run"),
    key("s", "sort", "Sort", "Sort siblings by metric, or by time again", group="run"),
    key("m", "mark", "Mark", "Mark the node, or undo that", group="run"),
    key("apostrophe", "next_mark", "Next mark", "To the next marked node", group="run"),
    key("equals_sign", "compare", "Compare", "Compare the marked node with this one, or two marked nodes", group="run"),
]  # fmt: skip

STEERING: list[BindingType] = [
    key("space", "pause", "Pause", "Pause: what is in flight ends, nothing new begins; again: go on", group="run", footer=True),
    key("S", "stop", "Stop", "End the search and deliver the best so far", group="run", footer=True),
    key("i", "improve", "Improve", "Improve this node next, with a hint if you like", group="run", footer=True),
    key("D", "debug", "Debug", "Debug this node next", group="run"),
    key("a", "draft", "Draft", "Write a new draft next, with a hint if you like", group="run"),
    key("M", "merge", "Merge", "Merge the two marked nodes next", group="run"),
    key("R", "again", "Again", "Make a sibling of this node: the same step with another seed", group="run"),
    key("E", "edit", "Edit", "Edit the script and run it as a child of this node", group="run", footer=True),
    key("x", "ban", "Ban", "Ban the node and its descendants, or undo that", group="run"),
    key("p", "pin", "Pin", "Pin: keep it among the parents and in the ensemble, or undo that", group="run"),
    key("c", "change", "Change", "Change steps, time, temperature or policy of the run", group="run"),
]  # fmt: skip

STEERING_ACTIONS = frozenset(one.action for one in STEERING if isinstance(one, Binding))

TREE: list[BindingType] = [
    key("j,down", "cursor_down", "Down", "Down a node", group="tree"),
    key("k,up", "cursor_up", "Up", "Up a node", group="tree"),
    key("h,left", "cursor_parent", "Parent", "To the parent", group="tree"),
    key("l,right", "open", "Open", "Open, or to the first child", group="tree"),
    key("enter", "toggle_node", "Open or close", "Open or close the node's descendants", group="tree"),
    key("g,home", "first", "First", "To the first node", group="tree"),
    key("G,end", "last", "Last", "To the last node", group="tree"),
    key("pagedown,ctrl+d", "page_down", "Page down", "Down a page", group="tree"),
    key("pageup,ctrl+u", "page_up", "Page up", "Up a page", group="tree"),
]

PANE: list[BindingType] = [
    key("j,down", "scroll_down", "Down", "Down a line", group="text"),
    key("k,up", "scroll_up", "Up", "Up a line", group="text"),
    key("h,left", "scroll_left", "Left", "To the left, if lines are not wrapped", group="text"),
    key("l,right", "scroll_right", "Right", "To the right, if lines are not wrapped", group="text"),
    key("pagedown,ctrl+d", "page_down", "Page down", "Down a page", group="text"),
    key("pageup,ctrl+u", "page_up", "Page up", "Up a page", group="text"),
    key("g,home", "scroll_home", "Top", "To the top", group="text"),
    key("G,end", "scroll_end", "Bottom", "To the end, and follow what comes in", group="text"),
]

COMPARISON: list[BindingType] = [
    key("escape,q", "leave", "Back", group="compare"),
    key("j,down", "scroll(1)", "Down", "Both down a line", group="compare"),
    key("k,up", "scroll(-1)", "Up", "Both up a line", group="compare"),
    key("pagedown,space", "page(1)", "Page down", "Both down a page", group="compare"),
    key("pageup", "page(-1)", "Page up", "Both up a page", group="compare"),
    key("g,home", "top", "Top", "Both to the top", group="compare"),
    key("G,end", "bottom", "Bottom", "Both to the end", group="compare"),
]

EDITOR: list[BindingType] = [
    key("ctrl+s,f5", "save", "Run it as a child", "Run the script as a child of the node", group="edit"),
    key("ctrl+o", "elsewhere", "Open in $EDITOR", "Open the script in $EDITOR", group="edit"),
    key("escape", "leave", "Leave", "Leave, after a question if something changed", group="edit"),
]

SQL: list[BindingType] = [
    key("f5,ctrl+r,ctrl+enter", "execute", "Run", "Run the query", group="sql", footer=True),
    key("f2", "cookbook", "Cookbook", "Questions worth asking, and the queries that you saved", group="sql", footer=True),
    key("f3", "history", "History", "Choose one of your earlier queries", group="sql"),
    key("f6", "turn", "Editor/table", "From the editor to the table and back", group="sql", footer=True, priority=True),
    key("f7", "columns", "Columns", "Tables and views with their columns; inserts the name", group="sql", priority=True),
    key("f9", "export", "Export", "Write the result to a file: csv, json, markdown, parquet", group="sql"),
    key("f8", "copy_csv", "Copy all", "Copy the result as CSV", group="sql"),
    key("escape", "leave", "Back", "End the query if one runs, else back", group="sql", footer=True),
]  # fmt: skip

OWN_QUERIES: list[BindingType] = [
    key("ctrl+s", "save", "Save", "Save the query under a name; f2 lists it", group="sql"),
]

RESULT: list[BindingType] = [
    key("j,down", "cursor_down", "Down", "Down a row", group="result"),
    key("k,up", "cursor_up", "Up", "Up a row", group="result"),
    key("h,left", "cursor_left", "Left", "To the cell on the left", group="result"),
    key("l,right", "cursor_right", "Right", "To the cell on the right", group="result"),
    key("g,home", "cursor_table_start", "First", "To the first row", group="result"),
    key("G,end", "cursor_table_end", "Last", "To the last row", group="result"),
    key("y", "copy_cell", "Copy", "Copy the cell", group="result", footer=True),
    key("Y", "copy_row", "Copy row", "Copy the row as CSV", group="result"),
    key("v", "view", "View", "Show the whole cell", group="result", footer=True),
    key("enter", "jump", "Node", "To the row's node", group="result", footer=True),
]

MODELS: list[BindingType] = [
    key("c", "choose", "Choose", "Take this model for the next run", group="models", footer=True),
    key("v", "card", "Card", "Show the model's card: what it is, how it did in its exam", group="models", footer=True),
    key("a", "add", "Add", "Add a GGUF file by its path", group="models", footer=True),
    key("d", "delete", "Delete", "Forget a model that you added, after a question", group="models", footer=True),
    key("escape,q", "app.pop_screen", "Back", "Back to the list of runs", group="models", footer=True),
]  # fmt: skip

MODELS_TABLE: list[BindingType] = [
    key("enter", "select_cursor", "Choose", "Take this model for the next run", group="models"),
    key("j,down", "cursor_down", "Down", "Down a model", group="models"),
    key("k,up", "cursor_up", "Up", "Up a model", group="models"),
    key("g,home", "scroll_top", "First", "To the first model", group="models"),
    key("G,end", "scroll_bottom", "Last", "To the last model", group="models"),
]

READING: list[BindingType] = [
    key("escape,q", "leave", "Back", group="reader"),
    key("y", "copy", "Copy", "Copy all of it", group="reader"),
    key("j,down", "scroll(1)", "Down", "Down a line", group="reader"),
    key("k,up", "scroll(-1)", "Up", "Up a line", group="reader"),
    key("pagedown,space", "page(1)", "Page down", "Down a page", group="reader"),
    key("pageup", "page(-1)", "Page up", "Up a page", group="reader"),
    key("g,home", "top", "Top", "To the top", group="reader"),
    key("G,end", "bottom", "Bottom", "To the end", group="reader"),
]

PLACES: tuple[tuple[str, list[BindingType]], ...] = (
    ("everywhere", APP),
    ("everywhere", SETTINGS),
    ("list of runs", HOME),
    ("list of runs", RUNS_TABLE),
    ("new run", NEW_RUN),
    ("run", RUN),
    ("run", BROWSING),
    ("run", STEERING),
    ("solution tree", TREE),
    ("text", PANE),
    ("two nodes", COMPARISON),
    ("editor", EDITOR),
    ("SQL", SQL),
    ("SQL", OWN_QUERIES),
    ("result", RESULT),
    ("models", MODELS),
    ("models", MODELS_TABLE),
    ("text to read", READING),
)

# Keys of questions cannot be changed, so that a person can always leave the program and repair the keymap. Arrows, enter
# and letters of an input line are Textual's own.
BACK: list[BindingType] = [Binding("escape", "dismiss(None)", "Back", show=False)]
CONFIRM: list[BindingType] = [
    *BACK,
    Binding("y", "dismiss(True)", "Yes"),
    Binding("n", "dismiss(False)", "No"),
]
CHOOSE: list[BindingType] = [
    *BACK,
    Binding("ctrl+d", "delete", "Delete", show=False, priority=True),
    Binding("down", "move(1)", "Down", show=False, priority=True),
    Binding("up", "move(-1)", "Up", show=False, priority=True),
]
# (key, dialogs that have it, what it does)
FIXED: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("escape", ("Ask", "Confirm", "Choose", "Help"), "Leave, nothing is changed"),
    ("y", ("Confirm",), "Yes"),
    ("n", ("Confirm",), "No"),
    ("up", ("Choose",), "To the line above, also while you type"),
    ("down", ("Choose",), "To the line below, also while you type"),
    ("ctrl+d", ("Choose",), "Delete the line, in the list of saved queries"),
)


def rebindable() -> Iterator[tuple[str, Binding]]:
    """Yield (place, binding) of every action that can get another key; all its default keys are in the one binding."""
    for place, bindings in PLACES:
        for binding in bindings:
            if isinstance(binding, Binding):
                yield place, binding


def describe(binding: Binding) -> str:
    """Return what the key does, in words."""
    return binding.tooltip or binding.description


def help_lines(bindings: Sequence[Binding]) -> list[tuple[str, str]]:
    """Return (keys, what they do), in one line all keys that do the same."""
    lines: dict[str, list[str]] = {}
    for binding in bindings:
        if text := describe(binding):
            lines.setdefault(text, []).append(display(binding.key))
    return [(" ".join(keys), text) for text, keys in lines.items()]


def as_markdown() -> str:
    """Return docs/keys.md: the keys of every place."""
    lines = [
        "# Keys",
        "",
        "Written by `aide-local keys --markdown`; a test checks that it is up to date.",
        "",
    ]
    lines += [
        'Every key with an id can be changed: put `"id": "key"` under `keys` in `ui.json` in the home folder,'
        " or press `f4` in the program.",
    ]
    last = ""
    for place, binding in rebindable():
        if place != last:
            lines += ["", f"## {place}", "", "| key | action | id |", "|---|---|---|"]
            last = place
        shown = display(binding.key).replace("|", "\\|")
        lines.append(f"| `{shown}` | {describe(binding)} | {binding.id} |")
    lines += ["", "## questions and lists", "", "Fixed, so that no keymap can lock anybody out.", ""]
    lines += ["| key | action |", "|---|---|", *(f"| `{pressed}` | {does} |" for pressed, _, does in FIXED)]
    return "\n".join(lines) + "\n"


def as_text() -> str:
    """Return the same as lines of columns, for a terminal."""
    return "\n".join(
        f"{place:<14}{display(binding.key):<14}{binding.id:<24}{describe(binding)}"
        for place, binding in rebindable()
    ) + "".join(f"\n{'question':<14}{pressed:<14}{'fixed':<24}{does}" for pressed, _, does in FIXED)


_SIGNS = {
    "slash": "/", "left_square_bracket": "[", "right_square_bracket": "]", "question_mark": "?",
    "apostrophe": "'", "equals_sign": "=", "comma": ",",
}  # fmt: skip


def display(keys: str) -> str:
    """Return keys as a person reads them: ``slash`` is ``/``, and several keys have a space between them."""
    return " ".join(_SIGNS.get(one.strip(), one.strip()) for one in keys.split(","))
