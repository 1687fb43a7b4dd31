"""Requests from signal handlers and from many threads: each is applied once, in order, and none is lost."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

from aide_local.events import Event, NodeFinished, RunPaused, RunResumed
from aide_local.home import Home
from aide_local.store.read import read_run
from aide_local.types import Operator, RunSettings, Step, StopReason
from tests.runs import ended, make_run

SETTINGS = RunSettings.paper(steps=400, seed=1, folds=2, sandbox="limits", timeout=60.0)


def test_pausing_from_a_signal_handler_never_waits_for_what_the_main_thread_holds(tmp_path: Path) -> None:
    """The handler runs between any two instructions of the thread that reads the events."""
    run = make_run(tmp_path, settings=SETTINGS)
    count = 0

    def handler(*_: object) -> None:
        nonlocal count
        count += 1
        run.pause() if count % 2 else run.unpause()

    before = signal.signal(signal.SIGUSR1, handler)
    hammering = threading.Event()

    def hammer() -> None:
        for _ in range(200):
            os.kill(os.getpid(), signal.SIGUSR1)
            hammering.wait(0.005)
        run.unpause()
        run.stop()

    thread = threading.Thread(target=hammer)
    events: list[Event] = []
    try:
        for event in run.events():
            if isinstance(event, NodeFinished) and not thread.ident:
                thread.start()
            events.append(event)
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, before)
    assert ended(iter(events)).stop_reason is StopReason.PERSON
    kinds = [type(event) for event in events if isinstance(event, RunPaused | RunResumed)]
    assert kinds == [RunPaused, RunResumed] * (len(kinds) // 2), "each pause ends before the next"
    assert len(kinds) >= 2


def test_changes_pauses_and_steps_from_many_threads_leave_one_consistent_run(tmp_path: Path) -> None:
    run = make_run(tmp_path, settings=SETTINGS)
    go = threading.Event()
    failed: list[BaseException] = []

    def hammer(number: int) -> None:
        go.wait()
        try:
            for turn in range(25):
                match (number + turn) % 4:
                    case 0:
                        run.change(temperature=round(0.1 + number / 10 + turn / 1000, 4))
                    case 1:
                        run.pause()
                    case 2:
                        run.unpause()
                    case 3:
                        run.ask(Step(Operator.DRAFT, hint=f"{number} {turn}"))
        except BaseException as error:  # noqa: BLE001 - shown below
            failed.append(error)

    threads = [threading.Thread(target=hammer, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()

    def end() -> None:
        for thread in threads:
            thread.join()
        run.unpause()
        run.change(steps=len(run.tree))
        run.stop()

    closing = threading.Thread(target=end)
    events: list[Event] = []
    for event in run.events():
        if isinstance(event, NodeFinished) and not go.is_set():
            go.set()
            closing.start()
        events.append(event)
    closing.join()
    assert not failed
    last = ended(iter(events))
    view = read_run(Home(tmp_path / "home"), last.run_id)
    assert view.settings == run.settings, "what is stored last is what holds"
    assert [node.id for node in view.tree.nodes] == list(range(len(view.tree)))
