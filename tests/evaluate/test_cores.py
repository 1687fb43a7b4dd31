"""The budget of cores: never more than there are, the lowest rank first, busy time counted by lane."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from aide_local.errors import Cancelled
from aide_local.evaluate.cores import CoreBudget, Lane


def test_no_core_is_leased_twice_at_a_time() -> None:
    budget = CoreBudget((0, 1, 2))
    held: set[int] = set()
    lock = threading.Lock()
    seen: list[int] = []

    def work(number: int) -> None:
        with budget.lease(1 + number % 3, Lane.EXECUTING, (number,)) as cores:
            with lock:
                assert not held & cores
                held.update(cores)
                seen.append(len(cores))
            time.sleep(0.001)
            with lock:
                held.difference_update(cores)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(60)))
    assert sorted(seen) == sorted(1 + number % 3 for number in range(60))
    assert budget.idle == 3


def test_who_waits_is_served_in_order_of_rank() -> None:
    budget = CoreBudget((0,))
    served: list[int] = []
    release = threading.Event()

    def work(rank: int) -> None:
        with budget.lease(1, Lane.EXECUTING, (rank,)):
            served.append(rank)

    with ThreadPoolExecutor(4) as pool, budget.lease(1, Lane.WRITING):
        for rank in (3, 1, 2):
            pool.submit(work, rank)
        while len(budget._waiting) < 3:
            release.wait(0.01)
    assert served == [1, 2, 3]


def test_more_than_there_are_is_all_there_are() -> None:
    with CoreBudget((4, 7)).lease(16, Lane.EXECUTING) as cores:
        assert cores == {4, 7}


def test_who_is_cancelled_while_waiting_takes_nothing() -> None:
    budget = CoreBudget((0,))
    cancel = threading.Event()
    cancel.set()
    with (
        budget.lease(1, Lane.EXECUTING),
        pytest.raises(Cancelled),
        budget.lease(1, Lane.EXECUTING, (), cancel),
    ):
        pass
    with budget.lease(1, Lane.EXECUTING) as cores:
        assert cores == {0}


def test_busy_time_is_counted_by_lane_in_core_seconds() -> None:
    budget = CoreBudget((0, 1))
    with budget.lease(2, Lane.EXECUTING):
        time.sleep(0.05)
    assert budget.busy(Lane.EXECUTING) >= 0.1
    assert budget.busy(Lane.WRITING) == 0
