"""A full disk pauses a run; with room again it goes on and ends as if nothing had been."""

from __future__ import annotations

import errno
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from aide_local.errors import DiskFull, StoreError
from aide_local.events import Event, NodeFinished, RunFinished, RunPaused, RunResumed, Trouble
from aide_local.home import Home
from aide_local.run.full_disk import Room
from aide_local.store.export import export
from aide_local.store.run_store import open_run
from aide_local.store.verify import verify
from aide_local.types import NodeState, RunSettings
from tests.runs import good, make_run
from tests.store.making import NODE, new


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 48 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> Path:
    """Every byte of the disk."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            while True:
                try:
                    file.write(b"x" * size)
                except OSError:
                    break
    return ballast


def test_a_run_pauses_on_a_full_disk_and_goes_on_with_room(small: Path) -> None:
    settings = RunSettings.paper(steps=4, seed=1, folds=2, sandbox="limits", timeout=120.0, num_drafts=4)
    slopes = iter([2.0, 2.5, 3.0, 3.5])
    run = make_run(small, lambda prompt, sampling: good(next(slopes)), settings=settings)
    events: list[Event] = []
    ballast: Path | None = None
    for event in run.events():
        events.append(event)
        if isinstance(event, NodeFinished) and ballast is None:
            ballast = fill(small)
        if isinstance(event, RunPaused):
            assert ballast is not None
            threading.Timer(1.5, ballast.unlink).start()
    said = [event for event in events if isinstance(event, Trouble)]
    assert any("disk is full" in event.message and "goes on by itself" in event.fix for event in said)
    assert any(isinstance(event, RunResumed) for event in events)
    assert isinstance(events[-1], RunFinished)
    assert events[-1].exit_code == 0
    nodes = [event.node for event in events if isinstance(event, NodeFinished)]
    assert [node.state for node in nodes] == [NodeState.VALID] * 4, "no node is blamed for the full disk"
    assert verify(Home(small / "home"), run.run_id).problems == ()


def test_a_run_that_waits_for_room_can_be_stopped_at_once(small: Path) -> None:
    settings = RunSettings.paper(steps=4, seed=1, folds=2, sandbox="limits", timeout=120.0, num_drafts=4)
    run = make_run(small, lambda prompt, sampling: good(2 + sampling.seed % 100 / 100), settings=settings)
    finished = 0
    ballast: Path | None = None
    events = run.events()
    event: Event | None = None
    while not isinstance(event, RunPaused):
        event = next(events)
        if isinstance(event, NodeFinished):
            finished += 1
            ballast = ballast or fill(small)
    run.stop(now=True)
    with pytest.raises(DiskFull):
        list(events)
    assert ballast is not None
    ballast.unlink()
    store = open_run(Home(small / "home"), run.run_id)
    assert sum(node.state is NodeState.VALID for node in store.nodes()) == finished
    store.close()


def test_whatever_could_not_be_written_is_reported_as_a_full_disk(tmp_path: Path) -> None:
    """Also what was tried outside the store, in whichever moment the person ends the run."""
    room = Room(tmp_path, lambda event: None, threading.Event())  # of the main thread, where nobody waits

    def write(error: Exception) -> None:
        raise error

    for error in (OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EDQUOT, "Quota exceeded")):
        with pytest.raises(DiskFull, match="MiB left"):
            room.tried(partial(write, error))
    others: tuple[Exception, ...] = (
        PermissionError(errno.EACCES, "Permission denied"),
        StoreError("damaged"),
    )
    for other in others:
        with pytest.raises(type(other)) as caught:
            room.tried(partial(write, other))
        assert caught.value is other


def test_what_was_written_before_the_disk_was_full_is_there_and_what_comes_after_too(small: Path) -> None:
    store = new(small)
    store.put_node(NODE)
    ballast = fill(small)
    waited = 0

    def patience(error: DiskFull) -> bool:
        nonlocal waited
        waited += 1
        ballast.unlink(missing_ok=True)
        return True

    store.patience = patience
    for node in range(1, 40):
        store.put_node(replace(NODE, id=node, code="x" * 100_000 + f"{time.time_ns()}"))
    assert waited > 0
    assert [node.id for node in store.nodes()] == list(range(40))
    store.close()


def test_nobody_waits_for_room_in_the_main_thread(small: Path) -> None:
    store = new(small)
    fill(small)
    with pytest.raises(DiskFull, match="Make room"):
        store.put_node(replace(NODE, id=1, code="".join(f"x = {number}\n" for number in range(1_000_000))))
    store.close()


@pytest.mark.parametrize("form", ["archive", "parquet", "sqlite", "mlflow"])
def test_an_export_to_a_full_disk_is_reported_as_that_and_leaves_nothing(
    small: Path, tmp_path: Path, form: str
) -> None:
    store = new(tmp_path)
    store.put_node(NODE)
    store.publish()
    store.close()
    (small / "out").mkdir()
    fill(small)
    with pytest.raises(DiskFull, match=r"No space left|disk is full") as told:
        export(Home(tmp_path), store.run_id, form, small / "out" / "run")
    assert str(small / "out") in told.value.message
    assert list((small / "out").iterdir()) == []
