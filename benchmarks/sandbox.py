"""What the sandbox costs: a script that does nothing, and one that imports what most scripts import.

    python -m benchmarks.sandbox

Milliseconds from asking to the answer, paired with `python script.py` in the same round.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from aide_local.sandbox.protocol import Candidate, Level, Limits
from aide_local.sandbox.runner import ProcessSandbox
from aide_local.sandbox.select import attempt

SCRIPTS = {
    "nothing": "pass\n",
    "imports": "import numpy, pandas, sklearn.ensemble, sklearn.linear_model, xgboost\n",
}


def timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    levels = [level for level in (Level.STRICT, Level.LANDLOCK) if attempt(level).works] + [Level.LIMITS]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in ("input", "working"):
            (folder / name).mkdir()
        ways: dict[str, Callable[[Path], object]] = {
            "plain python": lambda script: subprocess.run([sys.executable, str(script)], check=True)
        }
        opened = []
        for level in levels:
            for warm in (True, False):
                sandbox = ProcessSandbox(level, warm=warm)
                opened.append(sandbox)

                def run(script: Path, sandbox: ProcessSandbox = sandbox) -> None:
                    outcome = sandbox.run(
                        Candidate(script, folder / "input", folder / "working"), Limits(wall=60)
                    )
                    assert outcome.ok, outcome

                ways[f"{level.value}, {'warm' if warm else 'cold'}"] = run
        taken: dict[tuple[str, str], list[float]] = {}
        for number in range(given.rounds + 1):
            for kind, code in SCRIPTS.items():
                script = folder / f"{kind}.py"
                script.write_text(code)
                for name, way in ways.items():
                    milliseconds = timed(lambda way=way, script=script: way(script))  # type: ignore[misc]
                    if number:  # the first round starts the warm servers
                        taken.setdefault((kind, name), []).append(milliseconds)
        for sandbox in opened:
            sandbox.close()
    print("| script | way | median ms | against plain python |\n|---|---|---|---|")
    for (kind, name), values in taken.items():
        pairs = [one / plain for one, plain in zip(values, taken[kind, "plain python"], strict=True)]
        print(f"| {kind} | {name} | {statistics.median(values):.0f} | {statistics.median(pairs):.2f} × |")


if __name__ == "__main__":
    main()
