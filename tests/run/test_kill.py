"""kill -9 at any moment: no finished node is lost, and the run ends as the unbroken one would have."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aide_local.home import Home
from aide_local.llm.scripted import ScriptedModel
from aide_local.run.assemble import resume
from aide_local.store.read import read_run
from aide_local.store.run_store import find_run
from aide_local.types import NodeState, RunSettings
from tests.runs import by_seed, ended, make_run, nodes_of, shape

STEPS = 12

_CHILD = """
import sys, time
from pathlib import Path
from aide_local.cli.progress import JsonLines
from aide_local.run.assemble import resume
from aide_local.home import Home
from aide_local.llm.scripted import ScriptedModel
from aide_local.types import RunSettings
from tests.runs import by_seed, make_run

place, run_id = Path(sys.argv[1]), sys.argv[2]

def slowly(prompt, sampling):
    time.sleep(0.05)
    return by_seed(prompt, sampling)

if run_id:
    run = resume(run_id, home=Home(place / "home"), make_model=lambda settings: ScriptedModel(slowly))
else:
    settings = RunSettings.paper(steps={steps}, seed=1, folds=2, sandbox="limits", timeout=60.0)
    run = make_run(place, slowly, settings=settings)
for event in run.events():
    JsonLines().show(event)
"""


def begin(place: Path, run_id: str) -> subprocess.Popen[str]:
    code = _CHILD.replace("{steps}", str(STEPS))
    return subprocess.Popen(
        [sys.executable, "-c", code, str(place), run_id],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_after(child: subprocess.Popen[str], seconds: float) -> list[int]:
    """Kill it so many seconds after its first event; the nodes that it told finished."""
    assert child.stdout is not None
    first = child.stdout.readline()
    time.sleep(seconds)
    os.kill(child.pid, signal.SIGKILL)
    lines = [first, *child.stdout.read().splitlines()]
    child.wait()
    told = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # the last line may be cut by the kill
        if event["event"] == "NodeFinished":
            told.append(event["node"]["id"])
    return told


def test_twenty_kills_lose_nothing_and_change_nothing(tmp_path: Path) -> None:
    settings = RunSettings.paper(steps=STEPS, seed=1, folds=2, sandbox="limits", timeout=60.0)
    whole = nodes_of(make_run(tmp_path / "whole", settings=settings).events())
    rng = random.Random(3)
    kills = 0
    attempt = 0
    while kills < 20:
        place = tmp_path / f"broken-{attempt}"
        attempt += 1
        run_id = ""
        told: set[int] = set()
        for _ in range(7):
            child = begin(place, run_id)
            told |= set(kill_after(child, rng.uniform(0.0, 0.6)))
            kills += 1
            run_id = find_run(Home(place / "home"), "latest")
            last = resume(
                run_id, home=Home(place / "home"), make_model=lambda settings: ScriptedModel(by_seed)
            )
            last.stop(now=True)
            finished = {node.id for node in last.tree.nodes if node.state is not NodeState.PENDING}
            list(last.events())
            assert told <= finished
            if len(finished) == STEPS:
                break
        final = resume(run_id, home=Home(place / "home"), make_model=lambda settings: ScriptedModel(by_seed))
        assert ended(final.events()).exit_code == 0
        nodes = read_run(Home(place / "home"), run_id).tree.nodes
        assert [node.id for node in nodes] == list(range(STEPS))
        unbroken = {node.id for node in nodes if node.state is not NodeState.INTERRUPTED}
        if len(unbroken) == STEPS:  # a node in flight twice is given up, and what follows may differ
            assert shape(nodes) == shape(whole)


def test_no_process_of_a_killed_run_is_left(tmp_path: Path) -> None:
    import psutil

    child = begin(tmp_path, "")
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(1.0)
    below = psutil.Process(child.pid).children(recursive=True)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    _, alive = psutil.wait_procs(below, timeout=20)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


@pytest.mark.slow
def test_sixty_more_kills(tmp_path: Path) -> None:
    for round_ in range(3):
        test_twenty_kills_lose_nothing_and_change_nothing(tmp_path / f"{round_}")
