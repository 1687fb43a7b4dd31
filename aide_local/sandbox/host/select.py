"""Which level of confinement this machine gives: found out by running something in it, not by reading files."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from aide_local.errors import SandboxError
from aide_local.sandbox.host.runner import ProcessSandbox
from aide_local.sandbox.kernel import landlock, seccomp
from aide_local.sandbox.protocol import Backend, Candidate, Level, Limits, Sandbox

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
    fix: str = ""
    backend: str = ""  # of level strict


def create_sandbox(
    level: str = "auto",
    *,
    python: Path | None = None,
    warm: bool = True,
    backend: str = "auto",
    gpu: bool = False,
) -> Sandbox:
    """The best level there is for "auto", else exactly the one named.

    ``backend`` is what makes the namespaces of level strict: with "auto" we do, or bubblewrap where only it can.

    Raises:
        SandboxError: the level is unknown or not to be had, or ``gpu`` is wanted and there is none; "auto" never
            falls back to "limits".
    """
    if backend not in ("auto", *Backend):
        raise SandboxError(f"There is no back-end {backend!r}.", f"Back-ends: auto, {', '.join(Backend)}.")
    if level == Level.LIMITS and sys.platform != "linux":
        if gpu:
            raise SandboxError(f"--gpu is for Linux, not for {sys.platform}.", "Run without --gpu.")
        from aide_local.sandbox.host.portable import PortableSandbox

        return PortableSandbox()
    if level == Level.LIMITS:
        return ProcessSandbox(Level.LIMITS, warm=warm, gpu=gpu)
    if level not in ("auto", Level.STRICT, Level.LANDLOCK):
        raise SandboxError(
            f"There is no sandbox level {level!r}.",
            "Levels: auto, strict, landlock, limits (which confines nothing).",
        )
    wanted = (Level.STRICT, Level.LANDLOCK) if level == "auto" else (Level(level),)
    trials = []
    for one in wanted:
        for maker in _backends(one, backend):
            trial = attempt(one, maker)
            if trial.works:
                return ProcessSandbox(one, warm=warm, backend=maker, gpu=gpu)
            trials.append(trial)
    reasons = " ".join(f"{named(trial)}: {trial.reason}." for trial in trials)
    raise SandboxError(
        f"Candidates cannot be confined on this machine. {reasons}",
        f"{trials[0].fix} Or accept the risk: --sandbox limits bounds time and memory, but model-written scripts"
        " can then read and write whatever you can.",
    )


def probe() -> tuple[Trial, ...]:
    """A trial of every level that confines, the best first; of bubblewrap where it is needed for strict."""
    trials = [attempt(Level.STRICT)]
    if not trials[0].works:
        trials.append(attempt(Level.STRICT, Backend.BUBBLEWRAP))
    return *trials, attempt(Level.LANDLOCK)


def named(trial: Trial) -> str:
    """The level, with what makes its namespaces: "strict (bubblewrap)"."""
    return f"{trial.level} ({trial.backend})" if trial.backend else trial.level.value


def _backends(level: Level, backend: str) -> tuple[Backend, ...]:
    if level is not Level.STRICT:
        return (Backend.NAMESPACES,)  # it makes none
    return tuple(Backend) if backend == "auto" else (Backend(backend),)


def attempt(level: Level, backend: Backend = Backend.NAMESPACES) -> Trial:
    """Run a small script at the level and see whether it was confined."""
    name = backend.value if level is Level.STRICT else ""
    works, reason, fix = _attempt(level, backend)
    return Trial(level, works, reason, fix, name)


def _attempt(level: Level, backend: Backend) -> tuple[bool, str, str]:
    if sys.platform != "linux":
        return False, f"{sys.platform} has neither namespaces nor Landlock", "Use Linux."
    if level is Level.LANDLOCK and not (landlock.version() and seccomp.available()):
        return False, "the kernel has no Landlock", "Linux 5.13 or newer, with lsm=landlock, has it."
    try:
        sandbox = ProcessSandbox(level, backend=backend, imports=False)
    except SandboxError as error:
        return False, error.message.rstrip("."), error.fix
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
            return False, error.message.rstrip("."), _mend(error.message)
        finally:
            sandbox.close()
    if outcome.ok and "confined" in outcome.output:
        return True, "", ""
    reason = outcome.error.one_line() if outcome.error else f"it did not confine: {outcome.output[-200:]}"
    return False, reason, _mend(reason)


def _mend(reason: str) -> str:
    if "uid_map" in reason or "Permission denied" in reason:
        return (
            "On Ubuntu 24.04 and later AppArmor forbids user namespaces to all but named programs: bubblewrap may be"
            " one (apt install bubblewrap). An administrator can allow them with"
            " `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or for this interpreter alone by the AppArmor"
            " profile in docs/sandbox.md."
        )
    if any(
        sign in reason for sign in ("Operation not permitted", "No space left", "No permissions to create")
    ):
        return (
            "A container, or `sysctl user.max_user_namespaces=0`, forbids user namespaces: an administrator can"
            " allow them."
        )
    if "Unknown option" in reason:
        return "Bubblewrap 0.7 or newer is needed."
    return "`aide-local doctor` shows the details."
