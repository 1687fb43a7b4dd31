"""Runs that earlier versions of the program wrote, kept as they were."""

from __future__ import annotations

import tarfile
from pathlib import Path

from aide_local.home import Home

DATA = Path(__file__).parent / "data"
VERSION_1 = "20261126-015203-task-7b82"  # 8 nodes: 6 valid, 3 with a gain on a parent
VERSION_2 = "20261126-120423-task-8b3b"  # the same search
VERSION_3 = VERSION_2  # taken up again by version 3
VERSION_4 = VERSION_2  # taken up again by version 4
RUNS = {1: VERSION_1, 2: VERSION_2, 3: VERSION_3, 4: VERSION_4}


def unpack(place: Path, version: int = 1) -> Home:
    """A home with the run of that version of the schema."""
    home = Home(place)
    home.runs.mkdir(parents=True)
    with tarfile.open(DATA / f"version-{version}-run.tar.xz") as archive:
        archive.extractall(home.runs, filter="data")
    return home
