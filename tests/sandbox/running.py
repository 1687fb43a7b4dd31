"""Run a few lines as a candidate and look at how it ended."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from threading import Event

from aide_local.sandbox.host.select import try_level
from aide_local.sandbox.protocol import Candidate, Level, Limits, Outcome, Sandbox

QUICK = Limits(wall=60.0, memory=2**30, disk=2**28, threads=1)


def levels() -> tuple[Level, ...]:
    """The levels that this machine gives."""
    return (*(level for level in (Level.STRICT, Level.LANDLOCK) if try_level(level).works), Level.LIMITS)


class Bench:
    """One sandbox with an input folder and a working folder that tests may look into."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.folder = folder
        self.input = folder / "input"
        self.working = folder / "working"
        self.input.mkdir(exist_ok=True)
        (self.input / "given.txt").write_text("given")
        self.working.mkdir(exist_ok=True)

    def run(
        self,
        code: str,
        limits: Limits = QUICK,
        *,
        argv: tuple[str, ...] = (),
        python: Path | None = None,
        on_output: Callable[[str], None] | None = None,
        cancel: Event | None = None,
    ) -> Outcome:
        script = self.folder / "script.py"
        script.write_text(textwrap.dedent(code))
        places = (self.folder.parent,)  # so that one server serves many tests
        candidate = Candidate(script, self.input, self.working, python=python, argv=argv, places=places)
        return self.sandbox.run(candidate, limits, on_output=on_output, cancel=cancel)
