"""Where everything that the tool writes lives: one folder, ``--home`` or ``AIDE_LOCAL_HOME``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Home:
    """Paths under the home folder. Making the object touches nothing."""

    root: Path

    @classmethod
    def find(cls, path: Path | str | None = None) -> Home:
        """``path``, else ``AIDE_LOCAL_HOME``, else the platform's folder for a user's data."""
        chosen = path or os.environ.get("AIDE_LOCAL_HOME")
        if chosen:
            return cls(Path(chosen).expanduser().absolute())
        import platformdirs

        return cls(Path(platformdirs.user_data_dir("aide-local", appauthor=False)))

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    def run(self, run_id: str) -> Path:
        return self.runs / run_id

    @property
    def history(self) -> Path:
        """Finished runs, gathered in one database."""
        return self.root / "history.duckdb"

    @property
    def models(self) -> Path:
        """Models that the person added: GGUF files or links, and ``registry.toml``."""
        return self.root / "models"

    @property
    def prompts(self) -> Path:
        """Templates here override ours, file by file."""
        return self.root / "prompts"

    @property
    def log(self) -> Path:
        return self.root / "aide-local.log"
