"""Small screens over another: a question, a line of text, an editor, a list to choose from, the help."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static, TextArea
from textual.widgets.option_list import Option

from tui.keys import key, shown_key
from tui.text import inert
from tui.text import line as one_line

_LEAVE = Binding("escape", "dismiss(None)", "Back", show=False)


class Confirm(ModalScreen[bool | None]):
    """A question with the answers ``y`` and ``n``; enter is not an answer, for nothing is lost by a slip."""

    BINDINGS: ClassVar[list[BindingType]] = [
        _LEAVE,
        Binding("y", "dismiss(True)", "Yes"),
        Binding("n", "dismiss(False)", "No"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(inert(self._question)))
            yield Static(Text("y: yes   n or escape: no", "dim"))


class Ask(ModalScreen[str | None]):
    """One line of text; enter gives it, escape leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [_LEAVE]

    def __init__(self, question: str, value: str = "", placeholder: str = "") -> None:
        super().__init__()
        self._question = question
        self._value = value
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(inert(self._question)))
            yield Input(self._value, placeholder=self._placeholder)
            yield Static(Text("enter: go   escape: leave it", "dim"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)


class Choose(ModalScreen[int | None]):
    """One of several lines, by its place; typing narrows them. ``delete`` is told the place that ctrl+d is pressed on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        _LEAVE,
        Binding("ctrl+d", "delete", "Delete", show=False, priority=True),
        Binding("down", "move(1)", "Down", show=False, priority=True),
        Binding("up", "move(-1)", "Up", show=False, priority=True),
    ]

    def __init__(self, title: str, lines: Sequence[str], delete: Callable[[int], None] | None = None) -> None:
        super().__init__()
        self._title = title
        self._lines = list(lines)
        self._delete = delete

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog tall"):
            yield Static(Text(one_line(self._title)))
            yield Input(placeholder="type to narrow; enter chooses; escape leaves")
            yield OptionList(markup=False)

    def on_mount(self) -> None:
        self._narrow("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._narrow(event.value)

    def _narrow(self, query: str) -> None:
        options = self.query_one(OptionList)
        options.clear_options()
        words = query.lower().split()
        for at, line in enumerate(self._lines):
            if all(word in line.lower() for word in words):
                options.add_option(
                    Option(Text(one_line(line), no_wrap=True, overflow="ellipsis"), id=str(at))
                )
        if options.option_count:
            options.highlighted = 0
        else:
            options.add_option(Option(Text("Nothing fits.", "dim"), disabled=True))

    def action_move(self, by: int) -> None:
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            options.highlighted = (options.highlighted + by) % options.option_count

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._delete is not None if action == "delete" else super().check_action(action, parameters)

    def action_delete(self) -> None:
        """Closes the list: what follows is asked over the screen below."""
        option = self.query_one(OptionList).highlighted_option
        if option is not None and option.id is not None and self._delete is not None:
            self.dismiss(None)
            self._delete(int(option.id))

    def on_input_submitted(self, _: Input.Submitted) -> None:
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            self._chosen(options.get_option_at_index(options.highlighted))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._chosen(event.option)

    def _chosen(self, option: Option) -> None:
        assert option.id is not None
        self.dismiss(int(option.id))


class CodeArea(TextArea):
    """A script in an editor where tab indents and escape is the screen's."""

    def __init__(self, code: str) -> None:
        super().__init__(code, language="python", tab_behavior="indent", show_line_numbers=True)

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.prevent_default()  # Textual's editor would move the focus


class Editor(ModalScreen[str | None]):
    """A script; ctrl+s runs it, ctrl+o opens it in $EDITOR, escape leaves (and asks, where something changed)."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("ctrl+s,f5", "save", "Run it as a child", "Run the script as a child of the node", group="edit"),
        key("ctrl+o", "elsewhere", "Open in $EDITOR", "Open the script in $EDITOR", group="edit"),
        key("escape", "leave", "Leave", "Leave, after a question where something changed", group="edit"),
    ]

    def __init__(self, title: str, code: str) -> None:
        super().__init__()
        self._title = title
        self._code = inert(code)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog whole"):
            yield Static(Text(one_line(self._title)))
            yield CodeArea(self._code)
            yield Static(
                Text("ctrl+s or f5: run it as a child   ctrl+o: open in $EDITOR   escape: leave", "dim")
            )

    def action_save(self) -> None:
        self.dismiss(self.query_one(TextArea).text)

    def action_elsewhere(self) -> None:
        area = self.query_one(TextArea)
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "script.py"
            file.write_text(area.text, "utf-8")
            try:
                with self.app.suspend():
                    subprocess.run([*shlex.split(editor), str(file)], check=True)
                area.text = file.read_text("utf-8")
            except (OSError, ValueError, subprocess.CalledProcessError) as error:
                self.notify(f"{editor} did not work: {error}. Set EDITOR.", severity="error", markup=False)

    def action_leave(self) -> None:
        if self.query_one(TextArea).text == self._code:
            self.dismiss(None)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.dismiss(None)

        self.app.push_screen(Confirm("Leave and lose what you changed?"), answered)


class Compare(ModalScreen[None]):
    """Two texts side by side, scrolled together."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("escape,q", "leave", "Back", group="compare"),
        key("j,down", "scroll(1)", "Down", "Both down a line", group="compare"),
        key("k,up", "scroll(-1)", "Up", "Both up a line", group="compare"),
        key("pagedown,space", "page(1)", "Page down", "Both down a page", group="compare"),
        key("pageup", "page(-1)", "Page up", "Both up a page", group="compare"),
        key("g,home", "top", "Top", "Both to the top", group="compare"),
        key("G,end", "bottom", "Bottom", "Both to the end", group="compare"),
    ]

    def __init__(self, left: Text, right: Text) -> None:
        super().__init__()
        self._sides = (left, right)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog whole"):
            yield Static(Text("escape: back   j k: scroll", "dim"))
            with Horizontal():
                for side in self._sides:
                    with VerticalScroll(classes="side", can_focus=False):
                        yield Static(side)

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_scroll(self, by: int) -> None:
        for side in self.query(VerticalScroll):
            side.scroll_relative(y=by, animate=False)

    def action_page(self, by: int) -> None:
        self.action_scroll(by * max(1, self.query(VerticalScroll).first().size.height - 1))

    def action_top(self) -> None:
        for side in self.query(VerticalScroll):
            side.scroll_home(animate=False)

    def action_bottom(self) -> None:
        for side in self.query(VerticalScroll):
            side.scroll_end(animate=False)


class Reader(ModalScreen[None]):
    """A text to be read; ``y`` copies it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("escape,q", "leave", "Back", group="reader"),
        key("y", "copy", "Copy", "Copy all of it", group="reader"),
        key("j,down", "scroll(1)", "Down", "Down a line", group="reader"),
        key("k,up", "scroll(-1)", "Up", "Up a line", group="reader"),
        key("pagedown,space", "page(1)", "Page down", "Down a page", group="reader"),
        key("pageup", "page(-1)", "Page up", "Up a page", group="reader"),
        key("g,home", "top", "Top", "To the top", group="reader"),
        key("G,end", "bottom", "Bottom", "To the end", group="reader"),
    ]

    def __init__(self, title: str, text: str, note: str = "") -> None:
        super().__init__()
        self._title = title
        self._text = inert(text)
        self._note = note

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog tall"):
            yield Static(Text(one_line(self._title), "bold"))
            with VerticalScroll(can_focus=False):
                yield Static(Text(self._text))
            note = f"{one_line(self._note)}   " if self._note else ""
            yield Static(Text(f"{note}y: copy   j k: scroll   escape: back", "dim"))

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._text)
        self.notify("It is copied.", timeout=2)

    def action_scroll(self, by: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def action_page(self, by: int) -> None:
        self.action_scroll(by * max(1, self.query_one(VerticalScroll).size.height - 1))

    def action_top(self) -> None:
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def action_bottom(self) -> None:
        self.query_one(VerticalScroll).scroll_end(animate=False)


class Help(ModalScreen[None]):
    """The keys that work on the screen below, now; typing narrows them."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back", show=False)]

    def __init__(self, lines: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._lines = list(lines)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog tall"):
            yield Static(Text("Keys that work here. ctrl+p: every command by name"))
            yield Input(placeholder="type to narrow; arrows scroll; escape leaves")
            with VerticalScroll(can_focus=False):
                yield Static(id="help-lines")

    def on_mount(self) -> None:
        self._narrow("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._narrow(event.value)

    def _narrow(self, query: str) -> None:
        shown = Text()
        for keys, text in self._lines:
            if query.lower() in f"{keys} {text}".lower():
                shown.append(f"{keys:<18} ", "bold")
                shown.append(f"{text}\n")
        self.query_one("#help-lines", Static).update(shown if shown else Text("No key fits."))

    def on_key(self, event: events.Key) -> None:
        by = {"down": 1, "up": -1, "pagedown": 10, "pageup": -10}.get(event.key)
        if by is not None:
            self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)


class PressKey(ModalScreen[str | None]):
    """The next key that is pressed; escape leaves. Backspace is the sign for the action's own key."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self._action = action

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(
                Text(
                    f"Press the new key for: {self._action}\nbackspace: its own key again   escape: leave it"
                )
            )

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self.dismiss(None if event.key == "escape" else event.key)


def keys_now(bindings: Sequence[Binding]) -> list[tuple[str, str]]:
    """(keys, what they do), one line for all keys that do the same: a screen's `leave` is not the program's."""
    lines: dict[str, list[str]] = {}
    for binding in bindings:
        text = binding.tooltip or binding.description
        if text:
            lines.setdefault(text, []).append(shown_key(binding.key))
    return [(" ".join(keys), text) for text, keys in lines.items()]
