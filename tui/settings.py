"""What a person chose for the window: theme, keys, motion, the model of the next run."""

from __future__ import annotations

import os
from typing import ClassVar

from rich.terminal_theme import TerminalTheme
from textual.app import App
from textual.binding import BindingType
from textual.theme import Theme

from aide_local.errors import AideError, SettingsError
from aide_local.home import Home
from tui.dialogs import Choose, PressKey
from tui.keys import Preferences, defaults, key, shown_key

# Blue and orange are told apart with every common colour blindness (Okabe and Ito, 2008).
COLOUR_BLIND = Theme(
    name="okabe-ito",
    primary="#0072B2",
    secondary="#56B4E9",
    accent="#E69F00",
    success="#0072B2",
    warning="#E69F00",
    error="#D55E00",
    dark=True,
)


# The same for colours by name, as text has them: black, red, green, yellow, blue, magenta, cyan, white.
_SAFE = [
    (0, 0, 0), (213, 94, 0), (86, 180, 233), (230, 159, 0), (0, 114, 178), (204, 121, 167), (0, 158, 115), (217, 217, 217),
]  # fmt: skip
COLOUR_BLIND_NAMED = TerminalTheme((18, 18, 18), (224, 224, 224), _SAFE, _SAFE)

# On a light ground: dark enough to be read.
_ON_LIGHT = [
    (0, 0, 0), (170, 0, 0), (0, 105, 0), (130, 85, 0), (0, 70, 160), (130, 0, 130), (0, 95, 110), (90, 90, 90),
]  # fmt: skip
LIGHT_NAMED = TerminalTheme((224, 224, 224), (31, 31, 31), _ON_LIGHT, _ON_LIGHT)


class SettingsApp(App[None]):
    """The part of the application that remembers choices."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("comma", "settings", "Settings", "Theme, keys, motion", group="app"),
        key("f4", "rebind", "Keys", "Give an action another key", group="app"),
        key("f10", "change_theme", "Theme", "Choose a theme: dark, light, ansi-dark, okabe-ito (colour-blind safe)", group="app"),
    ]  # fmt: skip

    def __init__(self, home: Home) -> None:
        # Without colours, Textual would make greys of them: of ANSI's red one that cannot be read on black.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self._named_colours = self.ansi_theme_dark
        self.home = home
        self.preferences = Preferences(home.root / "ui.json")

    def begin_settings(self) -> None:
        """Take the choices of earlier sessions."""
        self.register_theme(COLOUR_BLIND)
        try:
            self.preferences.read()
        except SettingsError as error:
            self.tell(error)
        if self.preferences.theme in self.available_themes:
            self.theme = self.preferences.theme
        if self.preferences.motion == "none" or "SSH_CONNECTION" in os.environ:
            self.animation_level = "none"
        self._name_colours()
        self.set_keymap(self.preferences.keys)
        self.theme_changed_signal.subscribe(self, self._keep_theme)

    def tell(self, error: AideError) -> None:
        self.notify(f"{error.message} {error.fix}".strip(), severity="error", markup=False, timeout=15)

    def action_settings(self) -> None:
        moves = self.animation_level != "none"
        lines = [
            f"theme (f10): {self.theme}",
            f"keys (f4): {len(self.preferences.keys)} changed",
            "motion: smooth scrolling" if moves else "motion: none",
        ]

        def chosen(at: int | None) -> None:
            match at:
                case 0:
                    self.action_change_theme()
                case 1:
                    self.action_rebind()
                case 2:
                    self.animation_level = "none" if moves else "full"
                    self.preferences.motion = self.animation_level
                    self._save("Nothing moves by itself now." if moves else "Scrolling moves smoothly now.")

        self.push_screen(Choose("Settings", lines), chosen)

    def choose_model(self, name: str) -> None:
        """For the form of the next run."""
        self.preferences.model = name
        self._save(f"The next run begins with {name}; n makes one.")

    # ---- keys ----

    def _keys_of(self, name: str, own: str) -> str:
        return self.preferences.keys.get(name, own)

    def action_rebind(self) -> None:
        known = [(screen, binding, binding.id or "") for screen, binding in defaults()]
        lines = [
            f"{screen}: {binding.tooltip or binding.description}  [{shown_key(self._keys_of(name, binding.key))}]"
            + ("  changed" if name in self.preferences.keys else "")
            for screen, binding, name in known
        ]

        def chosen(at: int | None) -> None:
            if at is not None:
                _, binding, name = known[at]
                self.push_screen(
                    PressKey(binding.tooltip or binding.description),
                    lambda pressed: self.rebind(name, pressed),
                )

        self.push_screen(Choose("Which action gets another key?", lines), chosen)

    def rebind(self, name: str, pressed: str | None) -> None:
        """Give the action another key, or with ``backspace`` its own again; a key that is taken is refused."""
        if pressed is None:
            return
        if pressed == "backspace":
            self.preferences.keys.pop(name, None)
            done = f"{name} has its own key again."
        elif taken := self._taken(name, pressed):
            self.notify(
                f"{shown_key(pressed)} is the key of: {taken}. Give that another key first.",
                severity="warning",
            )
            return
        else:
            self.preferences.keys[name] = pressed
            done = f"{name} is {shown_key(pressed)} now."
        self.set_keymap(self.preferences.keys)
        self._save(done)

    def _taken(self, name: str, pressed: str) -> str:
        """What the key does already where the action ``name`` works; empty where it is free."""
        place = next((screen for screen, binding in defaults() if binding.id == name), "")
        for screen, binding in defaults():
            together = screen == place or "everywhere" in (screen, place)
            keys = self._keys_of(binding.id or "", binding.key).split(",")
            if together and binding.id != name and pressed in keys:
                return f"{binding.tooltip or binding.description} ({screen})"
        return ""

    # ---- keeping ----

    def _name_colours(self) -> None:
        """What "red" and "green" are; the theme that is safe for the colour-blind has its own."""
        safe = self.theme == COLOUR_BLIND.name
        self.ansi_theme_light = LIGHT_NAMED
        self.ansi_theme_dark = COLOUR_BLIND_NAMED if safe else self._named_colours

    def _keep_theme(self, theme: Theme) -> None:
        self._name_colours()
        if theme.name != self.preferences.theme:
            self.preferences.theme = theme.name
            self._save("")

    def _save(self, done: str) -> None:
        try:
            self.preferences.write()
        except SettingsError as error:
            self.tell(error)
        else:
            if done:
                self.notify(done)
