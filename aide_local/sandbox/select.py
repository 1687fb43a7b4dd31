"""Which level of confinement this machine gives: found out by running something in it, not by reading files."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from aide_local.errors import SandboxError
from aide_local.sandbox import landlock, seccomp
from aide_local.sandbox.protocol import Candidate, Level, Limits, Sandbox
from aide_local.sandbox.runner import ProcessSandbox

_TRIAL = """
import os, pathlib
assert not os.path.exists({secret!r}), "a file outside was to be seen"
pathlib.Path("working/made").write_text("x")
try:
    pathlib.Path("input/made").write_text("x")
except OSError:
    print("confined")
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """Whether a level works here, and if not, why and what to do."""

    level: Level
    works: bool
    reason: str = ""
    mend: str = ""


def create_sandbox(level: str = "auto", *, python: Path | None = None, warm: bool = True) -> Sandbox:
    """The best level there is for "auto", else exactly the one named.

    Raises:
        SandboxError: the level is unknown or not to be had; "auto" never falls back to "limits".
    """
    if level == Level.LIMITS:
        return ProcessSandbox(Level.LIMITS, warm=warm)
    if level not in ("auto", Level.STRICT, Level.LANDLOCK):
        raise SandboxError(
            f"There is no sandbox level {level!r}.",
            "Levels: auto, strict, landlock, limits (which confines nothing).",
        )
    wanted = (Level.STRICT, Level.LANDLOCK) if level == "auto" else (Level(level),)
    trials = []
    for one in wanted:
        trial = attempt(one)
        if trial.works:
            return ProcessSandbox(one, warm=warm)
        trials.append(trial)
    reasons = " ".join(f"{trial.level}: {trial.reason}." for trial in trials)
    raise SandboxError(
        f"Candidates cannot be confined on this machine. {reasons}",
        f"{trials[0].mend} Or accept the risk: --sandbox limits bounds time and memory, but model-written scripts"
        " can then read and write whatever you can.",
    )


def probe() -> tuple[Trial, ...]:
    """A trial of every level that confines, the best first."""
    return attempt(Level.STRICT), attempt(Level.LANDLOCK)


def attempt(level: Level) -> Trial:
    """Run a small script at the level and see whether it was confined."""
    if sys.platform != "linux":
        return Trial(level, False, f"{sys.platform} has neither namespaces nor Landlock", "Use Linux.")
    if level is Level.LANDLOCK and not (landlock.version() and seccomp.available()):
        return Trial(
            level, False, "the kernel has no Landlock", "Linux 5.13 or newer, with lsm=landlock, has it."
        )
    sandbox = ProcessSandbox(level, warm=False)
    with tempfile.TemporaryDirectory(prefix="aide-trial-") as name:
        folder = Path(name)
        secret = folder / "secret"
        secret.write_text("x")
        (folder / "input").mkdir()
        script = folder / "trial.py"
        script.write_text(_TRIAL.format(secret=str(secret) if level is Level.STRICT else "/nonexistent"))
        try:
            outcome = sandbox.run(
                Candidate(script, folder / "input", folder / "working"), Limits(wall=60.0, memory=2**30)
            )
        except SandboxError as error:
            return Trial(level, False, error.message, _mend(error.message))
        finally:
            sandbox.close()
    if outcome.ok and "confined" in outcome.output:
        return Trial(level, True)
    reason = outcome.error.one_line() if outcome.error else f"it did not confine: {outcome.output[-200:]}"
    return Trial(level, False, reason, _mend(reason))


def _mend(reason: str) -> str:
    if "uid_map" in reason or "Permission denied" in reason:
        return (
            "On Ubuntu 24.04 and later AppArmor forbids user namespaces: an administrator can allow them with"
            " `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or for this interpreter alone by the AppArmor"
            " profile in docs/sandbox.md."
        )
    if "Operation not permitted" in reason or "No space left" in reason:
        return (
            "A container, or `sysctl user.max_user_namespaces=0`, forbids user namespaces: an administrator can"
            " allow them."
        )
    return "`aide-local doctor` shows the details."
