"""``aide-local report``: where it writes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import aide_here, refused
from tests.store.earlier import unpack


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one run, made by an earlier version."""
    return unpack(tmp_path / "home").root


@pytest.mark.parametrize("out", [".", "{tmp}/folder/", "{tmp}/none/x.html"])
def test_a_report_to_a_wrong_place_is_refused_and_leaves_nothing(
    home: Path, tmp_path: Path, out: str
) -> None:
    place = tmp_path / "out"
    (place / "folder").mkdir(parents=True)
    done = aide_here("report", "latest", "--out", out.replace("{tmp}", str(place)), home=home)
    refused(done, "cannot be written")
    assert list(place.rglob("*")) == [place / "folder"]
