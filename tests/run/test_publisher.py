"""The run's wall time, saved while nothing else changes."""

from __future__ import annotations

import time

import pytest

from aide_local.run import publisher
from aide_local.run.publisher import Publisher


class Clocked:
    """A store that adds up its ticks and counts its snapshots."""

    def __init__(self) -> None:
        self.seconds, self.published = 0.0, 0

    def seconds_used(self) -> float:
        return 0.0

    def tick(self, seconds: float, writing: float = 0.0, executing: float = 0.0) -> None:
        self.seconds += seconds

    def publish(self) -> None:
        self.published += 1


def test_time_is_saved_in_a_long_execution_in_which_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "PUBLISH_EVERY", 0.01)
    monkeypatch.setattr(publisher, "SAVE_TIME_EVERY", 0.05)
    store = Clocked()
    ours = Publisher(store, lambda event: None)  # type: ignore[arg-type]
    ours.start()
    end = time.monotonic() + 20
    while store.seconds < 0.1 and time.monotonic() < end:
        time.sleep(0.01)
    ours.close()
    assert store.seconds >= 0.1
    assert store.published == 0, "there is nothing new to read"
