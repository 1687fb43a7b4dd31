"""Run the attacks on this machine and say what became of each.

    python -m aide_local.sandbox.audit.suite --level strict

The same as ``aide-local sandbox audit``, with nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aide_local.basics.text import neutralise
from aide_local.sandbox.audit import artefacts, kernel, outside, processes
from aide_local.sandbox.audit.attack import Attack
from aide_local.sandbox.audit.stage import Stage
from aide_local.sandbox.host.runner import ProcessSandbox
from aide_local.sandbox.kernel import bubblewrap, landlock
from aide_local.sandbox.protocol import Backend, Candidate, Level, Limits, Outcome, Sandbox
from aide_local.types import OutcomeKind

LIMITS = Limits(
    wall=20.0,
    cpu=3.0,
    memory=2**28,
    file_size=2**24,
    disk=2**25,
    files=400,
    processes=24,
    output=2**17,
    threads=1,
)
_AT_ONCE = 3
_SLEEPERS = Limits(**{**{name: getattr(LIMITS, name) for name in Limits.__slots__}, "wall": 2.0})

ATTACKS: tuple[Attack, ...] = (
    *outside.ATTACKS,
    *processes.ATTACKS,
    *artefacts.ATTACKS,
    *kernel.ATTACKS,
)

CONTROL = Attack(
    group="control",
    name="honest",
    does="read input/, write working/, compute, print: what an honest script does",
    layer="nothing may stop it",
    script="""
        import tempfile, threading
        text = open("input/data.csv").read()
        with tempfile.NamedTemporaryFile() as file: file.write(b"x" * 1000)
        child = subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True, text=True, check=True)
        thread = threading.Thread(target=lambda: None); thread.start(); thread.join()
        open("working/submission.csv", "w").write(text + child.stdout)
        open("scratch", "w").write("x")
        print("done")
    """,
    ends=("ok",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one attack. ``evidence`` says how it escaped; empty: it was contained."""

    attack: Attack
    evidence: str
    kind: str  # of the outcome

    @property
    def contained(self) -> bool:
        return not self.evidence

    def expected(self, level: str) -> bool:
        """Is an escape one that the documentation names for this level?"""
        return self.contained or (level == Level.LANDLOCK and bool(self.attack.open_in_landlock))


# Plays the supervisor of a plain process: attacks on what started them must meet something, and not the audit.
_STAND_IN = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, sys.argv[1]]).returncode & 255)"


class PlainProcess:
    """No sandbox at all: ``python script.py``, ended after the time limit. Shows that the attacks are real."""

    level = Level.LIMITS
    backend = ""

    def run(
        self,
        candidate: Candidate,
        limits: Limits,
        *,
        on_output: Callable[[str], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Outcome:
        """As :class:`aide_local.sandbox.protocol.Sandbox`; the output is as it came, for nobody cleans it."""
        del cancel
        with subprocess.Popen(
            [sys.executable, "-c", _STAND_IN, str(candidate.script)],
            cwd=candidate.working.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "SECRET": "in the environment"},
            start_new_session=True,
        ) as process:
            timer = threading.Timer(limits.wall + 5, _end_group, [process.pid])
            timer.start()
            assert process.stdout is not None
            content = process.stdout.readline(2**22)  # a survivor may hold the pipe: not until its end
            content += b"" if process.wait() is None else _rest(process.stdout.fileno())
            timer.cancel()
        text = content.decode("utf-8", "replace")
        if on_output is not None:
            on_output(text)
        if process.returncode < 0:  # the stand-in was ended, by the time limit or by the script
            return Outcome(kind=OutcomeKind.SIGNAL, signal=-process.returncode, output=text)
        kind = OutcomeKind.OK if process.returncode == 0 else OutcomeKind.EXCEPTION
        return Outcome(kind=kind, exit_code=process.returncode, output=text)

    def close(self) -> None:
        """Nothing is held."""


def _end_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _rest(descriptor: int) -> bytes:
    os.set_blocking(descriptor, False)
    content = b""
    while len(content) < 2**22:
        try:
            piece = os.read(descriptor, 2**16)
        except BlockingIOError:
            break
        if not piece:
            break
        content += piece
    return content


def run_attack(attack: Attack, sandbox: Sandbox) -> Verdict:
    """Stage it, run it, look at what became of everything.

    Raises:
        SandboxError: the sandbox itself failed.
    """
    limits = _SLEEPERS if attack.name == "sleep" else LIMITS
    heard: list[str] = []
    with Stage(limits, landlock=sandbox.level is Level.LANDLOCK) as stage:
        script = stage.folder / "attack.py"
        script.write_text(attack.source)
        candidate = Candidate(script, stage.input, stage.working)
        outcome = sandbox.run(candidate, limits, on_output=heard.append)
        evidence = _evidence(attack, stage, outcome, "".join(heard))
    return Verdict(attack=attack, evidence=evidence, kind=outcome.kind.value)


def _evidence(attack: Attack, stage: Stage, outcome: Outcome, heard: str) -> str:
    for line in outcome.output.splitlines():
        if line.startswith("ESCAPED:"):
            return neutralise(line.removeprefix("ESCAPED:").strip())[:200]
    for text in (outcome.output, heard):
        unclean = sorted({sign for sign in text if not sign.isprintable() and sign != "\n"})
        if unclean:
            return f"control characters reach the reader: {', '.join(f'U+{ord(sign):04X}' for sign in unclean[:5])}"
    if attack.ends and outcome.kind.value not in attack.ends:
        message = f": {outcome.error.one_line()}" if outcome.error else ""
        return f"it ended as {outcome.kind}, expected {' or '.join(attack.ends)}{message}"
    if attack.group == "artefacts" and (taken := artefacts.taken(stage.working)):
        return taken
    return stage.damage()


def made(level: str, backend: str, *, warm: bool = False) -> Sandbox:
    """``level`` "none" is a plain process; ``warm``: candidates are forks of the server, which imports nothing.

    Raises:
        SandboxError: the back-end is not installed.
    """
    if level == "none":
        return PlainProcess()
    return ProcessSandbox(
        Level(level), warm=warm, backend=Backend(backend or Backend.NAMESPACES), imports=False
    )


def run_all(sandbox: Sandbox, attacks: tuple[Attack, ...] = ATTACKS) -> Iterator[Verdict]:
    """Verdicts in the order of the attacks, the honest control first. Closes the sandbox.

    Raises:
        SandboxError: the level is not to be had.
    """
    try:
        light = (CONTROL, *(attack for attack in attacks if not attack.heavy))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            yield from pool.map(lambda attack: run_attack(attack, sandbox), light)
        for attack in attacks:
            if attack.heavy:
                yield run_attack(attack, sandbox)
    finally:
        sandbox.close()


def machine() -> dict[str, str]:
    """Kernel and settings that the verdicts depend on."""

    def read(path: str) -> str:
        try:
            return Path(path).read_text().strip()
        except OSError:
            return "absent"

    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "user": f"uid {os.getuid()}",
        "python": f"{platform.python_version()} at {sys.executable}",
        "landlock": f"ABI {landlock.version()}" if landlock.version() else "absent",
        "user.max_user_namespaces": read("/proc/sys/user/max_user_namespaces"),
        "kernel.apparmor_restrict_unprivileged_userns": read(
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
        ),
        "kernel.unprivileged_userns_clone": read("/proc/sys/kernel/unprivileged_userns_clone"),
        "kernel.yama.ptrace_scope": read("/proc/sys/kernel/yama/ptrace_scope"),
    }


def as_values(verdict: Verdict, level: str) -> dict[str, object]:
    """One line of the report."""
    attack = verdict.attack
    return {
        "group": attack.group,
        "attempt": attack.name,
        "does": attack.does,
        "contained": verdict.contained,
        "expected": verdict.expected(level),
        "layer": attack.layer,
        "ended": verdict.kind,
        "evidence": verdict.evidence,
        "known": attack.open_in_landlock if level == Level.LANDLOCK else "",
    }


def as_line(verdict: Verdict, level: str) -> str:
    """One row of the table."""
    attack = verdict.attack
    state = "contained" if verdict.contained else "KNOWN" if verdict.expected(level) else "ESCAPED"
    detail = f" | {verdict.evidence}" if verdict.evidence else ""
    return f"{state:<10}{attack.group:<12}{attack.name:<20}{attack.does} [{attack.layer}]{detail}"


def main() -> int:
    """The report as text or, with --json, as one object a line; the machine first, a summary last."""
    import argparse

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--level", default="strict", choices=["strict", "landlock", "limits", "none"])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="without bombs")
    parser.add_argument("--only", default="", help="a group, or part of a name")
    parser.add_argument("--backend", default="namespaces", choices=[one.value for one in Backend])
    parser.add_argument("--warm", action="store_true", help="by forks of the warm server")
    given = parser.parse_args()
    return report(
        given.level,
        backend=given.backend,
        as_json=given.json,
        only=given.only,
        quick=given.quick,
        warm=given.warm,
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
    """0 when all is contained but what is known for the level, else 1.

    Raises:
        SandboxError: the level is not to be had.
    """
    wanted = (attack for attack in ATTACKS if only == attack.group or only in attack.name)
    attacks = tuple(attack for attack in wanted if not (quick and attack.heavy))

    def say(values: dict[str, object], text: str) -> None:
        print(json.dumps(values) if as_json else text, flush=True)

    sandbox = made(level, backend, warm=warm)
    about: dict[str, object] = {
        **machine(),
        "level": level,
        "back-end": _described(sandbox.backend),
        "started": "warm" if warm else "cold",
    }
    say(about, "\n".join(f"{name}: {value}" for name, value in about.items()))
    verdicts = []
    for verdict in run_all(sandbox, attacks):
        verdicts.append(verdict)
        say(as_values(verdict, level), as_line(verdict, level))
    escaped = [verdict for verdict in verdicts if not verdict.contained]
    unexpected = [verdict.attack.id for verdict in escaped if not verdict.expected(level)]
    contained, known = len(verdicts) - len(escaped), len(escaped) - len(unexpected)
    say(
        {"attempts": len(verdicts), "contained": contained, "known": known, "escaped": unexpected},
        f"{contained} of {len(verdicts)} contained; {known} known for this level; {len(unexpected)} escaped",
    )
    return 1 if unexpected else 0


def _described(backend: str) -> str:
    if backend == Backend.BUBBLEWRAP:
        return bubblewrap.version(bubblewrap.find())
    return backend or "none"


if __name__ == "__main__":
    sys.exit(main())
