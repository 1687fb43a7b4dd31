"""The lines of the form of a new run, and what they stand for: settings of a run, or the same command in a shell."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aide_local.basics.units import parse_duration, parse_size
from aide_local.cli.options import at_least
from aide_local.cli.settings import tuner_share
from aide_local.errors import SettingsError
from aide_local.tasks.files import TaskOverrides
from aide_local.types import RunSettings


@dataclass(frozen=True, slots=True)
class Field:
    """A line of the form: its name, the command line's option, a hint, and the value it begins with."""

    name: str
    option: str
    hint: str
    value: str = ""


_DEFAULTS = RunSettings()
FIELDS = (
    Field("path", "", "task folder, Kaggle folder or CSV"),
    Field("target", "--target", "columns to predict: a,b"),
    Field("metric", "--metric", "empty: by the data's kind"),
    Field("model", "--model", "name or GGUF file; empty: default"),
    Field("steps", "--steps", f"scripts; empty: {RunSettings.STEPS}, or by time"),
    Field("time", "--time-limit", "10m, 2h; empty: no limit"),
    Field("timeout", "--timeout", "90s; empty: a fifth of the time"),
    Field("memory", "--memory", "of a candidate", f"{_DEFAULTS.memory / 2**30:g}g"),
    Field("folds", "--folds", "of the cross-validation", str(_DEFAULTS.folds)),
    Field("seed", "--seed", "of every random choice", str(_DEFAULTS.seed)),
    Field("cores", "--cores", "of model and candidates; empty: all"),
    Field("playbook", "--playbook", "on, off, or a folder of scripts", _DEFAULTS.playbook),
    Field("tune", "--tune", "share of the time for tuning; off", f"{_DEFAULTS.tune:g}"),
)


@dataclass(frozen=True, slots=True)
class RunForm:
    """What is typed in the form, by the name of the line."""

    values: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """Return what is typed in a line, without blanks around it."""
        return self.values.get(name, "").strip()

    def overrides(self) -> TaskOverrides:
        """Return what the form says about the task."""
        targets = tuple(one.strip() for one in self.get("target").split(",") if one.strip())
        return TaskOverrides(target=targets or None, metric=self.get("metric") or None)

    def settings(self) -> RunSettings:
        """Return the settings of the run.

        Raises:
            SettingsError: a line cannot be used; the message names it.
        """
        folds = self._number("folds")
        at_least(folds, 2, "folds")
        playbook = self._or_default("playbook")
        return RunSettings(
            steps=self._optional("steps"),
            folds=folds,
            cores=self._optional("cores"),
            playbook=playbook if playbook in ("on", "off") else str(Path(playbook).absolute()),
            tune=tuner_share(self._or_default("tune"), "tune"),
            seed=self._number("seed"),
            time_limit=parse_duration(self.get("time") or None, "time"),
            timeout=parse_duration(self.get("timeout") or None, "timeout"),
            memory=parse_size(self._or_default("memory"), "memory"),
        )

    def _optional(self, name: str) -> int | None:
        if not self.get(name):
            return None
        number = self._number(name)
        at_least(number, 1, name)
        return number

    def _number(self, name: str) -> int:
        text = self._or_default(name)
        try:
            return int(text)
        except ValueError:
            raise SettingsError(f"{name} {text!r} is not a whole number.", "Write for example 20.") from None

    def _or_default(self, name: str) -> str:
        return self.get(name) or next(one.value for one in FIELDS if one.name == name)

    def command(self) -> str:
        """Return the command that starts the same run from a shell."""
        words = ["aide-local", "run", self.get("path") or "PATH"]
        for one in FIELDS[1:]:
            value = self.get(one.name)
            if value and value != one.value:
                for part in value.split(",") if one.name == "target" else [value]:
                    words += [one.option, part.strip()]
        return shlex.join(words)
