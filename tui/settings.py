"""The settings of the UI: what a person chose, kept in ``ui.json`` in the home folder, and what is the same for all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aide_local.basics.files import write_whole
from aide_local.errors import SettingsError

FILE = "ui.json"
REREAD_EVERY = 2.0  # seconds between two looks at files that another process may have changed
LATEST_RUNS = 500  # runs that lists read; reading more would hold up the screen every time


@dataclass(frozen=True, slots=True)
class UiSettings:
    """The person's choices. An empty text leaves the choice to the UI."""

    theme: str = ""
    motion: str = ""  # "none" or "full"
    model: str = ""  # of the next run
    keys: Mapping[str, str] = field(
        default_factory=dict
    )  # id of a binding -> its key, if it is not the default


def read_settings(path: Path) -> UiSettings:
    """Return the choices in ``path``; the defaults if there is no such file.

    Raises:
        SettingsError: the file cannot be read or is not of this form.
    """
    if not path.exists():
        return UiSettings()
    try:
        content = json.loads(path.read_text("utf-8"))
        return UiSettings(
            theme=str(content.get("theme", "")),
            motion=str(content.get("motion", "")),
            model=str(content.get("model", "")),
            keys={str(name): str(keys) for name, keys in dict(content.get("keys", {})).items()},
        )
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}.", "Fix or delete the file.") from error


def write_settings(path: Path, settings: UiSettings) -> None:
    """Write the choices to ``path``.

    Raises:
        SettingsError: the file cannot be written.
    """
    content = {
        "theme": settings.theme,
        "motion": settings.motion,
        "model": settings.model,
        "keys": dict(settings.keys),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(content, indent=2) + "\n")
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be written: {error.strerror}.", "The choice holds until you leave."
        ) from error
