"""``aide-local task``."""

from __future__ import annotations

from pathlib import Path

from tests.cli.commands import aide_here
from tests.runs import make_csvs


def test_a_task_is_checked_and_begun(tmp_path: Path) -> None:
    folder = make_csvs(tmp_path / "task")
    done = aide_here(
        "task",
        "new",
        tmp_path / "new",
        "--train",
        folder / "train.csv",
        "--test",
        folder / "test.csv",
        home=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    checked = aide_here("task", "check", tmp_path / "new", home=tmp_path)
    assert checked.returncode == 0
    assert "regression" in checked.stdout
    (tmp_path / "new" / "task.toml").write_text('tarqet = "y"\n')
    wrong = aide_here("task", "check", tmp_path / "new", home=tmp_path)
    assert wrong.returncode == 2
    assert "Did you mean 'target'?" in wrong.stdout
