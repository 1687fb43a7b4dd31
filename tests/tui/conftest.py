"""A real run, recorded once, for all tests of screens."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aide_local.home import Home
from aide_local.store.read import list_runs
from aide_local.types import RunSettings
from tests.runs import make_run, replies


@pytest.fixture(scope="session")
def recorded_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("recorded")
    settings = RunSettings.paper(
        steps=12, seed=5, folds=2, sandbox="limits", timeout=60.0, num_drafts=4, racing=False
    )
    list(make_run(place, replies, settings=settings).events())
    return place / "home"


@pytest.fixture
def home(recorded_home: Path, tmp_path: Path) -> Home:
    """Return a copy of the recorded home, which a test may change."""
    shutil.copytree(recorded_home, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture
def run_id(home: Home) -> str:
    return list_runs(home)[0].id
