"""Choose the level of confinement that this machine gives: run something at it, rather than read files about it."""

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
assert not os.path.exists({secret!r}), "a file outside could be seen"
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
    level: str = "auto", *, warm: bool = True, backend: str = "auto", gpu: bool = False
) -> Sandbox:
    """Return a sandbox of the best level that works for "auto", else of exactly the level that is named.

    ``backend`` is what makes the namespaces of level strict: with "auto" we do, or bubblewrap if only it can.

    Raises:
        SandboxError: the level is unknown or does not work, or ``gpu`` is wanted and there is none; "auto" never
            falls back to "limits".
    """
    if backend not in ("auto", *Backend):
        raise SandboxError(f"There is no back-end {backend!r}.", f"Back-ends: auto, {', '.join(Backend)}.")
    if level == Level.LIMITS:
        return _limits_only(warm=warm, gpu=gpu)
    if level not in ("auto", Level.STRICT, Level.LANDLOCK):
        raise SandboxError(
            f"There is no sandbox level {level!r}.",
            "Levels: auto, strict, landlock, limits (which confines nothing).",
        )
    levels = (Level.STRICT, Level.LANDLOCK) if level == "auto" else (Level(level),)
    trials = []
    for one in levels:
        for maker in _backends(one, backend):
            trial = try_level(one, maker)
            if trial.works:
                return ProcessSandbox(one, warm=warm, backend=maker, gpu=gpu)
            trials.append(trial)
    reasons = " ".join(f"{level_name(trial)}: {trial.reason}." for trial in trials)
    raise SandboxError(
        f"Candidates cannot be confined on this machine. {reasons}",
        f"{trials[0].fix} Or accept the risk: --sandbox limits bounds time and memory, but model-written scripts"
        " can then read and write whatever you can.",
    )


def _limits_only(*, warm: bool, gpu: bool) -> Sandbox:
    if sys.platform == "linux":
        return ProcessSandbox(Level.LIMITS, warm=warm, gpu=gpu)
    if gpu:
        raise SandboxError(f"--gpu is for Linux, not for {sys.platform}.", "Run without --gpu.")
    from aide_local.sandbox.host.portable import PortableSandbox

    return PortableSandbox()


def try_levels() -> tuple[Trial, ...]:
    """Return a trial of every level that confines, the best first; of bubblewrap only if strict needs it."""
    trials = [try_level(Level.STRICT)]
    if not trials[0].works:
        trials.append(try_level(Level.STRICT, Backend.BUBBLEWRAP))
    return *trials, try_level(Level.LANDLOCK)


def level_name(trial: Trial) -> str:
    """Return the level, with what makes its namespaces: "strict (bubblewrap)"."""
    return f"{trial.level} ({trial.backend})" if trial.backend else trial.level.value


def _backends(level: Level, backend: str) -> tuple[Backend, ...]:
    if level is not Level.STRICT:
        return (Backend.NAMESPACES,)  # it has no namespaces, so it does not matter
    return tuple(Backend) if backend == "auto" else (Backend(backend),)


def try_level(level: Level, backend: Backend = Backend.NAMESPACES) -> Trial:
    """Run a small script at the level and find out whether it was confined."""
    name = backend.value if level is Level.STRICT else ""
    works, reason, fix = _try_level(level, backend)
    return Trial(level, works, reason, fix, name)


def _try_level(level: Level, backend: Backend) -> tuple[bool, str, str]:
    if sys.platform != "linux":
        return False, f"{sys.platform} has neither namespaces nor Landlock", "Use Linux."
    if level is Level.LANDLOCK and not (landlock.version() and seccomp.is_available()):
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
        candidate = Candidate(script, folder / "input", folder / "working")
        try:
            outcome = sandbox.run(candidate, Limits(wall=60.0, memory=2**30))
        except SandboxError as error:
            return False, error.message.rstrip("."), _fix_for(error.message)
        finally:
            sandbox.close()
    if outcome.ok and "confined" in outcome.output:
        return True, "", ""
    reason = outcome.error.one_line() if outcome.error else f"it did not confine: {outcome.output[-200:]}"
    return False, reason, _fix_for(reason)


def _fix_for(reason: str) -> str:
    if "uid_map" in reason or "Permission denied" in reason:
        return (
            "On Ubuntu 24.04 and later AppArmor forbids user namespaces to all but named programs: bubblewrap may be"
            " one (apt install bubblewrap). An administrator can allow them with"
            " `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or for this interpreter alone by the AppArmor"
            " profile in docs/sandbox.md."
        )
    signs = ("Operation not permitted", "No space left", "No permissions to create")
    if any(sign in reason for sign in signs):
        return (
            "A container, or `sysctl user.max_user_namespaces=0`, forbids user namespaces: an administrator can"
            " allow them."
        )
    if "Unknown option" in reason:
        return "Bubblewrap 0.7 or newer is needed."
    return "`aide-local doctor` shows the details."
