"""Run the attacks on this machine and judge each."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from aide_local.basics.text import neutralise
from aide_local.sandbox.audit.attack import Attack
from aide_local.sandbox.audit.testbed import Testbed
from aide_local.sandbox.host.collect import ArtefactError, read_artefact
from aide_local.sandbox.protocol import Candidate, Level, Limits, Outcome, Sandbox

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
_SHORT = replace(LIMITS, wall=2.0)  # for the attack that only waits
_RESULT, _LARGEST_RESULT = "submission.csv", 2**20

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
    """The result of one attack. ``evidence`` says how it escaped; empty if it was contained."""

    attack: Attack
    evidence: str
    kind: str  # of the outcome

    @property
    def is_contained(self) -> bool:
        return not self.evidence

    def is_expected(self, level: str) -> bool:
        """Whether it was contained, or escaped in a way that the documentation names for this level."""
        return self.is_contained or (level == Level.LANDLOCK and bool(self.attack.open_in_landlock))


def run_attack(attack: Attack, sandbox: Sandbox) -> Verdict:
    """Run one attack in surroundings of its own.

    Raises:
        SandboxError: the sandbox itself failed.
    """
    limits = _SHORT if attack.name == "sleep" else LIMITS
    shown: list[str] = []
    with Testbed(limits, landlock=sandbox.level is Level.LANDLOCK) as testbed:
        script = testbed.folder / "attack.py"
        script.write_text(attack.source)
        candidate = Candidate(script, testbed.input, testbed.working)
        outcome = sandbox.run(candidate, limits, on_output=shown.append)
        evidence = _evidence(attack, testbed, outcome, "".join(shown))
    return Verdict(attack=attack, evidence=evidence, kind=outcome.kind.value)


def _evidence(attack: Attack, testbed: Testbed, outcome: Outcome, shown: str) -> str:
    for line in outcome.output.splitlines():
        if line.startswith("ESCAPED:"):
            return neutralise(line.removeprefix("ESCAPED:").strip())[:200]
    for text in (outcome.output, shown):
        unclean = sorted({sign for sign in text if not sign.isprintable() and sign != "\n"})
        if unclean:
            names = ", ".join(f"U+{ord(sign):04X}" for sign in unclean[:5])
            return f"control characters reach the reader: {names}"
    if attack.ends and outcome.kind.value not in attack.ends:
        message = f": {outcome.error.one_line()}" if outcome.error else ""
        return f"it ended as {outcome.kind}, expected {' or '.join(attack.ends)}{message}"
    if attack.group == "artefacts":
        try:
            content = read_artefact(testbed.working, _RESULT, _LARGEST_RESULT)
        except ArtefactError:
            pass  # refused, as it should be
        else:
            return f"accepted as a result: {content[:40]!r}"
    return testbed.damage()


def run_attacks(sandbox: Sandbox, attacks: tuple[Attack, ...]) -> Iterator[Verdict]:
    """Yield verdicts in the order of the attacks, that of the honest control first; close the sandbox.

    Raises:
        SandboxError: the level does not work here.
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
