"""One real run of the engine, recorded once, for all tests of screens."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aide_local.home import Home
from aide_local.store.read import list_runs
from aide_local.types import RunSettings, Sampling
from tests.runs import good, make_run, reply_with


def replies(prompt: str, sampling: Sampling) -> str:
    """Two good drafts and a failing one, then better improvements and a fix."""
    kind = sampling.seed % 4
    if kind == 0:
        return reply_with(f"raise KeyError('column {sampling.seed}')", f"break {sampling.seed}")
    return good(2.0 + (sampling.seed % 1000) / 1000)


@pytest.fixture(scope="session")
def recorded_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("recorded")
    settings = RunSettings(
        steps=12, seed=5, folds=2, sandbox="limits", timeout=60.0, num_drafts=4, racing=False
    )
    list(make_run(place, replies, settings=settings).events())
    return place / "home"


@pytest.fixture
def home(recorded_home: Path, tmp_path: Path) -> Home:
    """A copy, which a test may change."""
    shutil.copytree(recorded_home, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture
def run_id(home: Home) -> str:
    return list_runs(home)[0].id
