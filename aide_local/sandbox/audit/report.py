"""Report what was tried and contained: a table, or one JSON object a line."""

from __future__ import annotations

import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from aide_local.sandbox.audit.attacks import ATTACKS
from aide_local.sandbox.audit.unconfined import Unconfined
from aide_local.sandbox.audit.verdict import Verdict, run_attacks
from aide_local.sandbox.host.runner import ProcessSandbox
from aide_local.sandbox.kernel import bubblewrap, landlock
from aide_local.sandbox.protocol import Backend, Level, Sandbox

_SETTINGS = (
    "user.max_user_namespaces",
    "kernel.apparmor_restrict_unprivileged_userns",
    "kernel.unprivileged_userns_clone",
    "kernel.yama.ptrace_scope",
)


def report(
    level: str,
    *,
    backend: str = "",
    as_json: bool,
    only: str = "",
    quick: bool = False,
    warm: bool = False,
) -> int:
    """Attack the sandbox and print the verdicts, the machine first, a summary last.

    ``only`` is a group, or part of a name; ``quick`` leaves out bombs. Return 0 if all is contained but what is known
    for the level, else 1.

    Raises:
        SandboxError: the level does not work here.
    """
    selected = (attack for attack in ATTACKS if only == attack.group or only in attack.name)
    attacks = tuple(attack for attack in selected if not (quick and attack.heavy))

    def show(values: dict[str, object], text: str) -> None:
        print(json.dumps(values) if as_json else text, flush=True)

    sandbox = _sandbox(level, backend, warm=warm)
    about: dict[str, object] = {
        **describe_machine(),
        "level": level,
        "back-end": _backend_version(sandbox.backend),
        "started": "warm" if warm else "cold",
    }
    show(about, "\n".join(f"{name}: {value}" for name, value in about.items()))
    verdicts = []
    for verdict in run_attacks(sandbox, attacks):
        verdicts.append(verdict)
        show(as_values(verdict, level), as_line(verdict, level))
    escaped = [verdict for verdict in verdicts if not verdict.is_contained]
    unexpected = [verdict.attack.id for verdict in escaped if not verdict.is_expected(level)]
    contained, known = len(verdicts) - len(escaped), len(escaped) - len(unexpected)
    show(
        {"attempts": len(verdicts), "contained": contained, "known": known, "escaped": unexpected},
        f"{contained} of {len(verdicts)} contained; {known} known for this level; {len(unexpected)} escaped",
    )
    return 1 if unexpected else 0


def _sandbox(level: str, backend: str, *, warm: bool) -> Sandbox:
    """Return the sandbox to attack; ``warm``: candidates are forks of the server, which imports nothing here."""
    if level == "none":
        return Unconfined()
    maker = Backend(backend or Backend.NAMESPACES)
    return ProcessSandbox(Level(level), warm=warm, backend=maker, imports=False)


def describe_machine() -> dict[str, str]:
    """Return the kernel and the settings that the verdicts depend on."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "user": f"uid {os.getuid()}",
        "python": f"{platform.python_version()} at {sys.executable}",
        "landlock": f"ABI {landlock.version()}" if landlock.version() else "absent",
        **{name: _read_setting(name) for name in _SETTINGS},
    }


def _read_setting(name: str) -> str:
    try:
        return Path("/proc/sys", name.replace(".", "/")).read_text().strip()
    except OSError:
        return "absent"


def _backend_version(backend: str) -> str:
    if backend == Backend.BUBBLEWRAP:
        return bubblewrap.version(bubblewrap.find())
    return backend or "none"


def as_values(verdict: Verdict, level: str) -> dict[str, object]:
    """Return one line of the JSON report."""
    attack = verdict.attack
    return {
        "group": attack.group,
        "attempt": attack.name,
        "does": attack.does,
        "contained": verdict.is_contained,
        "expected": verdict.is_expected(level),
        "layer": attack.layer,
        "ended": verdict.kind,
        "evidence": verdict.evidence,
        "known": attack.open_in_landlock if level == Level.LANDLOCK else "",
    }


def as_line(verdict: Verdict, level: str) -> str:
    """Return one row of the table."""
    attack = verdict.attack
    state = "contained" if verdict.is_contained else "KNOWN" if verdict.is_expected(level) else "ESCAPED"
    detail = f" | {verdict.evidence}" if verdict.evidence else ""
    return f"{state:<10}{attack.group:<12}{attack.name:<20}{attack.does} [{attack.layer}]{detail}"
