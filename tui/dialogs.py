"""Small screens over another: a question, a line of text, an editor, a list to choose from, a text to read, the help."""

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
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static, TextArea
from textual.widgets.option_list import Option

from tui import keys
from tui.draw import harmless, one_line, plain


class Confirm(ModalScreen[bool | None]):
    """A question with the answers ``y`` and ``n``. Enter is no answer, so that a slip loses nothing."""

    BINDINGS: ClassVar[list[BindingType]] = keys.CONFIRM

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(plain(self._question))
            yield Static(Text("y: yes   n or escape: no", "dim"))


class Ask(ModalScreen[str | None]):
    """A question that one line of text answers; enter gives the answer, escape leaves."""

    BINDINGS: ClassVar[list[BindingType]] = keys.BACK

    def __init__(self, question: str, value: str = "", placeholder: str = "") -> None:
        super().__init__()
        self._question = question
        self._value = value
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(plain(self._question))
            yield Input(self._value, placeholder=self._placeholder)
            yield Static(Text("enter: go   escape: leave it", "dim"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)


class Choose(ModalScreen[int | None]):
    """A list that typing narrows; the answer is the index of the chosen line.

    If ``delete`` is given, ctrl+d calls it with the index of the line under the cursor.
    """

    BINDINGS: ClassVar[list[BindingType]] = keys.CHOOSE

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
        """Close the list and call ``delete``, which asks its question over the screen below."""
        option = self.query_one(OptionList).highlighted_option
        if option is not None and option.id is not None and self._delete is not None:
            self.dismiss(None)
            self._delete(int(option.id))

    def on_input_submitted(self, _: Input.Submitted) -> None:
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            self._dismiss_with(options.get_option_at_index(options.highlighted))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._dismiss_with(event.option)

    def _dismiss_with(self, option: Option) -> None:
        assert option.id is not None
        self.dismiss(int(option.id))


class CodeArea(TextArea):
    """A script in an editor in which tab indents; escape is left to the screen."""

    def __init__(self, code: str) -> None:
        super().__init__(code, language="python", tab_behavior="indent", show_line_numbers=True)

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.prevent_default()  # Textual's editor would move the focus


class Editor(ModalScreen[str | None]):
    """An editor of a script; the answer is the script to run, None if the person left."""

    BINDINGS: ClassVar[list[BindingType]] = keys.EDITOR

    def __init__(self, title: str, code: str) -> None:
        super().__init__()
        self._title = title
        self._code = harmless(code)

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

        def on_answer(yes: bool | None) -> None:
            if yes:
                self.dismiss(None)

        self.app.push_screen(Confirm("Leave and lose what you changed?"), on_answer)


class Scrolled(ModalScreen[None]):
    """A dialog of texts that are scrolled together, by keys alone."""

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_scroll(self, by: int) -> None:
        for part in self.query(VerticalScroll):
            part.scroll_relative(y=by, animate=False)

    def action_page(self, by: int) -> None:
        self.action_scroll(by * max(1, self.query(VerticalScroll).first().size.height - 1))

    def action_top(self) -> None:
        for part in self.query(VerticalScroll):
            part.scroll_home(animate=False)

    def action_bottom(self) -> None:
        for part in self.query(VerticalScroll):
            part.scroll_end(animate=False)


class Compare(Scrolled):
    """Two texts side by side."""

    BINDINGS: ClassVar[list[BindingType]] = keys.COMPARISON

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


class TextDialog(Scrolled):
    """A text to read and copy, with a note below."""

    BINDINGS: ClassVar[list[BindingType]] = keys.READING

    def __init__(self, title: str, text: str, note: str = "") -> None:
        super().__init__()
        self._title = title
        self._text = harmless(text)
        self._note = note

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog tall"):
            yield Static(Text(one_line(self._title), "bold"))
            with VerticalScroll(can_focus=False):
                yield Static(Text(self._text))
            note = f"{one_line(self._note)}   " if self._note else ""
            yield Static(Text(f"{note}y: copy   j k: scroll   escape: back", "dim"))

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._text)
        self.notify("It is copied.", timeout=2)


class Help(ModalScreen[None]):
    """The keys that work on the screen below now, as (keys, what they do); typing narrows them."""

    BINDINGS: ClassVar[list[BindingType]] = keys.BACK

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
        for pressed, text in self._lines:
            if query.lower() in f"{pressed} {text}".lower():
                shown.append(f"{pressed:<18} ", "bold")
                shown.append(f"{text}\n")
        self.query_one("#help-lines", Static).update(shown if shown else Text("No key fits."))

    def on_key(self, event: events.Key) -> None:
        by = {"down": 1, "up": -1, "pagedown": 10, "pageup": -10}.get(event.key)
        if by is not None:
            self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)


class PressKey(ModalScreen[str | None]):
    """A question that the next key answers; escape leaves. ``backspace`` stands for the action's default key."""

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
