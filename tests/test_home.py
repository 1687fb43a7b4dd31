"""Where everything that is written lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from aide_local.home import Home


def test_the_option_goes_before_the_environment_and_that_before_the_platform(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIDE_LOCAL_HOME", "/from/environment")
    assert Home.find("/from/option").root == Path("/from/option")
    assert Home.find().root == Path("/from/environment")
    monkeypatch.delenv("AIDE_LOCAL_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert Home.find().root == Path("/data/aide-local")


def test_a_relative_place_and_a_tilde_are_made_absolute(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert Home.find("here").root == tmp_path / "here"
    assert Home.find("~/there").root == Path("/home/me/there")


def test_naming_a_home_touches_nothing(tmp_path: Path) -> None:
    home = Home.find(tmp_path / "home")
    assert not home.runs.exists()
    assert all(
        path.is_relative_to(home.root)
        for path in (home.runs, home.history, home.models, home.prompts, home.log)
    )
