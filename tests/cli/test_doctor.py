"""``aide-local doctor``: what is wrong is reported with its fix."""

from __future__ import annotations

from pathlib import Path

from aide_local.cli import doctor
from aide_local.cli.doctor import State
from aide_local.home import Home
from tests.cli.commands import aide


def test_the_doctor_finds_this_machine_ready(tmp_path: Path) -> None:
    done = aide("doctor", home=tmp_path)
    assert done.returncode == 0, done.stdout
    for subject in ("python", "machine", "llama.cpp", "gpu", "sandbox", "home", "database", "model"):
        assert subject in done.stdout


def test_a_home_that_cannot_be_written_fails_with_its_fix(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = doctor._home(Home(tmp_path / "file"))
    assert (found.state, "--home" in found.fix) == (State.FAIL, True)


def test_a_default_model_that_is_gone_fails_with_its_fix(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.models.mkdir()
    entry = '[models.mine]\nfile = "gone.gguf"\nsha256 = "00"\ndefault = true\n'
    (home.models / "registry.toml").write_text(entry)
    found = doctor._model(home)
    assert found.state is State.FAIL
    assert "gone.gguf" in found.text
    assert found.fix


def test_the_database_counts_the_runs(tmp_path: Path) -> None:
    found = doctor._database(Home(tmp_path))
    assert (found.state, found.text.endswith("0 runs")) == (State.OK, True)


def test_a_run_that_cannot_be_read_fails_with_its_name(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.run("20261127-1-a").mkdir(parents=True)
    (home.run("20261127-1-a") / "published.duckdb").write_text("not a database")
    found = doctor._database(home)
    assert found.state is State.FAIL
    assert "20261127-1-a" in found.text
    assert "verify 20261127-1-a" in found.fix


def test_every_finding_names_what_was_looked_at() -> None:
    for found in (doctor._python(), doctor._machine(), doctor._gpu()):
        assert found.subject
        assert found.text
        assert found.fix or found.state is State.OK
