"""What the sandbox costs: to start, and while a script computes.

    python -m benchmarks.sandbox

Milliseconds from asking to the answer, paired with `python script.py` in the same round; then how fast a fit
that needs nothing but the processor runs inside, against outside (its own clock, medians of pairs).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from aide_local.sandbox.host.runner import ProcessSandbox
from aide_local.sandbox.host.select import attempt
from aide_local.sandbox.host.serving import Serving
from aide_local.sandbox.protocol import Backend, Candidate, Level, Limits

SCRIPTS = {
    "nothing": "pass\n",
    "imports": "import numpy, pandas, sklearn.ensemble, sklearn.linear_model, xgboost\n",
}

FIT = """
import time
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
X, y = make_classification(2000, 20, random_state=0)
began, used = time.perf_counter(), time.process_time()
RandomForestClassifier(60, random_state=0).fit(X, y)
print("FIT", time.perf_counter() - began, time.process_time() - used)
"""


NOT_CONFINED = ", server not confined"


def timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - began)


def with_open_server(level: Level) -> ProcessSandbox:
    """As it was before the warm server was confined, for comparison alone."""
    sandbox = ProcessSandbox(level)
    sandbox._servers[True] = Serving(replace(sandbox._servers[True].server, confined=False))
    return sandbox


def throughput(folder: Path, levels: list[Level], rounds: int) -> dict[str, tuple[float, float]]:
    """Speed inside over speed outside, by level: by the clock and by processor time."""
    script = folder / "fit.py"
    script.write_text(FIT)
    sandboxes = {level: ProcessSandbox(level) for level in levels}

    def seconds(output: str) -> tuple[float, float]:
        _, elapsed, processor = next(line for line in output.splitlines() if line.startswith("FIT")).split()
        return float(elapsed), float(processor)

    ratios: dict[str, list[tuple[float, float]]] = {}
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
    for number in range(rounds + 1):
        command = [sys.executable, str(script)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        outside = seconds(done.stdout)
        for level, sandbox in sandboxes.items():
            outcome = sandbox.run(Candidate(script, folder / "input", folder / "working"), Limits(wall=300))
            assert outcome.ok, outcome
            if number:
                inside = seconds(outcome.output)
                ratios.setdefault(level.value, []).append((outside[0] / inside[0], outside[1] / inside[1]))
    for sandbox in sandboxes.values():
        sandbox.close()
    return {
        name: (statistics.median(one for one, _ in pairs), statistics.median(two for _, two in pairs))
        for name, pairs in ratios.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", choices=["start", "throughput"])
    parser.add_argument("--ways", default="", help="start: only those with this in their name")
    given = parser.parse_args()
    levels = [level for level in (Level.STRICT, Level.LANDLOCK) if attempt(level).works] + [Level.LIMITS]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in ("input", "working"):
            (folder / name).mkdir()
        ways: dict[str, Callable[[Path], object]] = {
            "plain python": lambda script: subprocess.run([sys.executable, str(script)], check=True)
        }
        opened = {
            f"{level.value}, {'warm' if warm else 'cold'}": ProcessSandbox(level, warm=warm)
            for level in levels
            for warm in (True, False)
        }
        for level in levels[:-1]:
            opened[f"{level.value}, warm{NOT_CONFINED}"] = with_open_server(level)
        if attempt(Level.STRICT, Backend.BUBBLEWRAP).works:
            opened["strict by bubblewrap, cold"] = ProcessSandbox(Level.STRICT, backend=Backend.BUBBLEWRAP)
        for name, sandbox in opened.items():
            if given.ways not in name:
                continue

            def run(script: Path, sandbox: ProcessSandbox = sandbox) -> None:
                outcome = sandbox.run(
                    Candidate(script, folder / "input", folder / "working"), Limits(wall=60)
                )
                assert outcome.ok, outcome

            ways[name] = run
        taken: dict[tuple[str, str], list[float]] = {}
        for number in range(0 if given.only == "throughput" else given.rounds + 1):
            for kind, code in SCRIPTS.items():
                script = folder / f"{kind}.py"
                script.write_text(code)
                for name, way in ways.items():
                    milliseconds = timed(lambda way=way, script=script: way(script))  # type: ignore[misc]
                    if number:  # the first round starts the warm servers
                        taken.setdefault((kind, name), []).append(milliseconds)
        for sandbox in opened.values():
            sandbox.close()
        fits = {} if given.only == "start" else throughput(folder, levels, given.rounds)
    for name, (elapsed, processor) in fits.items():
        print(f"throughput, {name}: {elapsed:.3f} of outside by the clock, {processor:.3f} by processor time")
    if not taken:
        return
    print("| script | way | median ms | against plain python |\n|---|---|---|---|")
    for (kind, name), values in taken.items():
        pairs = [one / plain for one, plain in zip(values, taken[kind, "plain python"], strict=True)]
        print(f"| {kind} | {name} | {statistics.median(values):.0f} | {statistics.median(pairs):.2f} × |")
    for (kind, name), values in taken.items():
        if (kind, name + NOT_CONFINED) in taken:
            pairs = [one / other for one, other in zip(values, taken[kind, name + NOT_CONFINED], strict=True)]
            print(
                f"{kind}, {name}: {statistics.median(pairs):.2f} of the time with a server that is not confined"
            )


if __name__ == "__main__":
    main()
