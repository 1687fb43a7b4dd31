"""A new task folder from CSV files."""

from __future__ import annotations

from pathlib import Path

import pytest

from aide_local.errors import TaskError
from aide_local.tasks.files import TaskOverrides
from aide_local.tasks.load import load_task
from aide_local.tasks.new import new_task
from tests.tasks.making import NUMBER, Cell, table


def files(tmp_path: Path) -> tuple[Path, Path]:
    columns: dict[str, Cell] = {"nr": lambda n: f"r{n}", "when": lambda n: n, "x": NUMBER}
    train = table(tmp_path / "a.csv", **columns, y=lambda n: ("no", "yes")[n % 2])
    return train, table(tmp_path / "b.csv", 20, **columns)


def test_what_is_written_is_understood_as_what_was_given(tmp_path: Path) -> None:
    train, test = files(tmp_path)
    said = TaskOverrides(target=("y",), id="nr", split="time", time="when", metric="logloss")
    made = new_task(tmp_path / "new", train, test, said)
    again = load_task(tmp_path / "new")
    assert made == again
    assert (made.name, made.targets, made.id, made.metric) == ("new", ("y",), "nr", "logloss")
    assert (made.split.kind, made.split.column) == ("time", "when")
    assert (tmp_path / "new" / "data" / "train.csv").read_bytes() == train.read_bytes()
    assert "What is a row" in (tmp_path / "new" / "description.md").read_text()


@pytest.mark.parametrize("name", ['the "y"', "back\\slash", "größe 📈", "it's", "# no comment"])
def test_names_of_any_characters_are_written_so_that_they_are_read_again(tmp_path: Path, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    lines = [f"x,{quoted}", *(f"{n * 37 % 101},{n * 1.5}" for n in range(60))]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n", "utf-8")
    made = new_task(
        tmp_path / f"task {name}".replace("/", ""), tmp_path / "a.csv", None, TaskOverrides(target=(name,))
    )
    assert made.targets == (name,)
    assert made.name == f"task {name}"


def test_a_folder_that_is_there_is_not_touched(tmp_path: Path) -> None:
    train, _ = files(tmp_path)
    with pytest.raises(TaskError, match="there already"):
        new_task(tmp_path, train)


def test_files_that_cannot_be_used_leave_nothing_behind(tmp_path: Path) -> None:
    train, _ = files(tmp_path)
    with pytest.raises(TaskError, match="no column 'z'"):
        new_task(tmp_path / "new", train, overrides=TaskOverrides(target=("z",)))
    with pytest.raises(TaskError, match="no file"):
        new_task(tmp_path / "new", tmp_path / "absent.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.csv"]
