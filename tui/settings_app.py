"""The part of the app that applies the person's settings and lets them be changed: theme, keys, motion, model."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import ClassVar

from textual.app import App
from textual.binding import BindingType
from textual.theme import Theme

from aide_local.errors import AideError, SettingsError
from aide_local.home import Home
from tui import keys
from tui.dialogs import Choose, PressKey
from tui.settings import FILE, UiSettings, read_settings, write_settings
from tui.themes import COLOUR_BLIND, COLOUR_BLIND_NAMED, LIGHT_NAMED


class SettingsApp(App[None]):
    """An app with settings that last. Its screens begin after :meth:`apply_settings`."""

    BINDINGS: ClassVar[list[BindingType]] = keys.SETTINGS

    def __init__(self, home: Home) -> None:
        # Without colours, Textual would turn ANSI's into greys; its grey for red cannot be read on black.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self._named_colours = self.ansi_theme_dark
        self.home = home
        self.settings = UiSettings()

    def apply_settings(self) -> None:
        """Read the choices of earlier sessions and apply them."""
        self.register_theme(COLOUR_BLIND)
        try:
            self.settings = read_settings(self.home.root / FILE)
        except SettingsError as error:
            self.report(error)
        if self.settings.theme in self.available_themes:
            self.theme = self.settings.theme
        if self.settings.motion == "none" or "SSH_CONNECTION" in os.environ:
            self.animation_level = "none"
        self._name_colours()
        self.set_keymap(dict(self.settings.keys))
        self.theme_changed_signal.subscribe(self, self._keep_theme)

    def report(self, error: AideError) -> None:
        """Show what was wrong and what to do next."""
        self.notify(f"{error.message} {error.fix}".strip(), severity="error", markup=False, timeout=15)

    def action_settings(self) -> None:
        moves = self.animation_level != "none"
        lines = [
            f"theme (f10): {self.theme}",
            f"keys (f4): {len(self.settings.keys)} changed",
            "motion: smooth scrolling" if moves else "motion: none",
        ]

        def on_choice(at: int | None) -> None:
            match at:
                case 0:
                    self.action_change_theme()
                case 1:
                    self.action_rebind()
                case 2:
                    self.animation_level = "none" if moves else "full"
                    done = "Nothing moves by itself now." if moves else "Scrolling moves smoothly now."
                    self._keep(replace(self.settings, motion=self.animation_level), done)

        self.push_screen(Choose("Settings", lines), on_choice)

    def choose_model(self, name: str) -> None:
        """Keep the model that the form of the next run begins with."""
        self._keep(replace(self.settings, model=name), f"The next run begins with {name}; n starts one.")

    # ---- keys ----

    def _keys_of(self, name: str, default: str) -> str:
        """Return the keys of the action ``name``, whose own are ``default``."""
        return self.settings.keys.get(name, default)

    def action_rebind(self) -> None:
        known = [(place, binding, binding.id or "") for place, binding in keys.rebindable()]
        lines = [
            f"{place}: {keys.describe(binding)}  [{keys.display(self._keys_of(name, binding.key))}]"
            + ("  changed" if name in self.settings.keys else "")
            for place, binding, name in known
        ]

        def on_choice(at: int | None) -> None:
            if at is not None:
                _, binding, name = known[at]
                self.push_screen(PressKey(keys.describe(binding)), lambda pressed: self.rebind(name, pressed))

        self.push_screen(Choose("Which action gets another key?", lines), on_choice)

    def rebind(self, name: str, pressed: str | None) -> None:
        """Give the action ``name`` another key; ``backspace`` gives it its default again, a key in use is refused."""
        if pressed is None:
            return
        changed = dict(self.settings.keys)
        if pressed == "backspace":
            changed.pop(name, None)
            done = f"{name} has its own key again."
        elif user := self._user_of(pressed, name):
            self.notify(
                f"{keys.display(pressed)} is the key of: {user}. Give that another key first.",
                severity="warning",
            )
            return
        else:
            changed[name] = pressed
            done = f"{name} is {keys.display(pressed)} now."
        self.set_keymap(changed)
        self._keep(replace(self.settings, keys=changed), done)

    def _user_of(self, pressed: str, name: str) -> str:
        """Return which other action has the key in a place where the action ``name`` works; empty if none has."""
        own_place = next((place for place, binding in keys.rebindable() if binding.id == name), "")
        for place, binding in keys.rebindable():
            together = place == own_place or "everywhere" in (place, own_place)
            its_keys = self._keys_of(binding.id or "", binding.key).split(",")
            if together and binding.id != name and pressed in its_keys:
                return f"{keys.describe(binding)} ({place})"
        return ""

    # ---- keeping ----

    def _name_colours(self) -> None:
        """Set what "red" and "green" are; the theme that is safe for the colour-blind has its own."""
        safe = self.theme == COLOUR_BLIND.name
        self.ansi_theme_light = LIGHT_NAMED
        self.ansi_theme_dark = COLOUR_BLIND_NAMED if safe else self._named_colours

    def _keep_theme(self, theme: Theme) -> None:
        self._name_colours()
        if theme.name != self.settings.theme:
            self._keep(replace(self.settings, theme=theme.name), "")

    def _keep(self, settings: UiSettings, done: str) -> None:
        """Take the settings and write them; show ``done`` if that worked."""
        self.settings = settings
        try:
            write_settings(self.home.root / FILE, settings)
        except SettingsError as error:
            self.report(error)
        else:
            if done:
                self.notify(done)
