"""The training corpus is read before the clock of a property test runs."""

from __future__ import annotations

import pytest

from tests.search.tuner.scripts import corpus


@pytest.fixture(autouse=True, scope="session")
def corpus_is_read() -> None:
    corpus()
