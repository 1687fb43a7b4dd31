"""What the sandbox costs: to start a script, and while the script computes.

    python -m benchmarks.sandbox

Prints the milliseconds from asking to the answer, paired with `python script.py` in the same round; then how fast a
fit that needs nothing but the processor runs inside, against outside (by its own clock, medians of pairs).
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
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from aide_local.sandbox.host.fork_server import ForkServer
from aide_local.sandbox.host.runner import ProcessSandbox
from aide_local.sandbox.host.select import try_level
from aide_local.sandbox.protocol import Backend, Candidate, Level, Limits

SCRIPTS = {
    "empty": "pass\n",
    "imports": "import numpy, pandas, sklearn.ensemble, sklearn.linear_model, xgboost, lightgbm, catboost\n",
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

PLAIN = "plain python"
NOT_CONFINED = ", server not confined"
Times = dict[tuple[str, str], list[float]]  # milliseconds by script and way


def with_open_server(level: Level) -> ProcessSandbox:
    """Return a sandbox whose warm server is not confined, for comparison only."""
    sandbox = ProcessSandbox(level)
    sandbox._servers[True] = ForkServer(replace(sandbox._servers[True].server, confined=False))
    return sandbox


def open_sandboxes(levels: list[Level]) -> dict[str, ProcessSandbox]:
    """Return the sandboxes to measure, by the name of the way."""
    opened = {
        f"{level.value}, {'warm' if warm else 'cold'}": ProcessSandbox(level, warm=warm)
        for level in levels
        for warm in (True, False)
    }
    for level in levels:
        if level is not Level.LIMITS:
            opened[f"{level.value}, warm{NOT_CONFINED}"] = with_open_server(level)
    if try_level(Level.STRICT, Backend.BUBBLEWRAP).works:
        opened["strict by bubblewrap, cold"] = ProcessSandbox(Level.STRICT, backend=Backend.BUBBLEWRAP)
    return opened


def execute(sandbox: ProcessSandbox, folder: Path, script: Path) -> str:
    """Run the script as a candidate and return what it printed."""
    candidate = Candidate(script, folder / "input", folder / "working", places=(folder,))
    outcome = sandbox.run(candidate, Limits(wall=300.0))
    assert outcome.ok, outcome
    return outcome.output


def run_plainly(script: Path) -> str:
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
    command = [sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout


def measure_start(folder: Path, levels: list[Level], rounds: int, ways: str) -> Times:
    """Measure every script by every way whose name contains ``ways``, in turn."""
    times: Times = {}
    with ExitStack() as closed_at_the_end:
        runs: dict[str, Callable[[Path], str]] = {PLAIN: run_plainly}
        for name, sandbox in open_sandboxes(levels).items():
            closed_at_the_end.enter_context(closing(sandbox))
            if ways in name:
                runs[name] = partial(execute, sandbox, folder)
        for number in range(rounds + 1):
            for kind, code in SCRIPTS.items():
                script = folder / f"{kind}.py"
                script.write_text(code)
                for name, run in runs.items():
                    began = time.perf_counter()
                    run(script)
                    if number:  # the first round starts the warm servers
                        milliseconds = 1000 * (time.perf_counter() - began)
                        times.setdefault((kind, name), []).append(milliseconds)
    return times


def print_start(times: Times) -> None:
    print("| script | way | median ms | against plain python |\n|---|---|---|---|")
    for (kind, name), values in times.items():
        ratio = median_ratio(values, times[kind, PLAIN])
        print(f"| {kind} | {name} | {statistics.median(values):.0f} | {ratio:.2f} × |")
    for (kind, name), values in times.items():
        other = times.get((kind, name + NOT_CONFINED))
        if other is not None:
            ratio = median_ratio(values, other)
            print(f"{kind}, {name}: {ratio:.2f} of the time with a server that is not confined")


def median_ratio(values: list[float], others: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(values, others, strict=True))


def measure_throughput(folder: Path, levels: list[Level], rounds: int) -> dict[str, tuple[float, float]]:
    """Return speed inside over speed outside by level: by the clock and by processor time."""
    script = folder / "fit.py"
    script.write_text(FIT)
    ratios: dict[str, list[tuple[float, float]]] = {}
    with ExitStack() as closed_at_the_end:
        sandboxes = {
            level: closed_at_the_end.enter_context(closing(ProcessSandbox(level))) for level in levels
        }
        for number in range(rounds + 1):
            outside = read_fit(run_plainly(script))
            for level, sandbox in sandboxes.items():
                inside = read_fit(execute(sandbox, folder, script))
                if number:
                    pair = outside[0] / inside[0], outside[1] / inside[1]
                    ratios.setdefault(level.value, []).append(pair)
    return {
        name: (statistics.median(one for one, _ in pairs), statistics.median(two for _, two in pairs))
        for name, pairs in ratios.items()
    }


def read_fit(output: str) -> tuple[float, float]:
    """Return the seconds that the fit took, by the clock and of the processor."""
    _, elapsed, processor = next(line for line in output.splitlines() if line.startswith("FIT")).split()
    return float(elapsed), float(processor)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", choices=["start", "throughput"])
    parser.add_argument("--ways", default="", help="start: only those with this in their name")
    given = parser.parse_args()
    levels = [level for level in (Level.STRICT, Level.LANDLOCK) if try_level(level).works] + [Level.LIMITS]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in ("input", "working"):
            (folder / name).mkdir()
        if given.only != "throughput":
            print_start(measure_start(folder, levels, given.rounds, given.ways))
        if given.only != "start":
            for name, (elapsed, processor) in measure_throughput(folder, levels, given.rounds).items():
                print(
                    f"throughput, {name}: {elapsed:.3f} of outside by the clock, {processor:.3f} by processor time"
                )


if __name__ == "__main__":
    main()
