"""The forms in which people have their tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from aide_local.task import Direction, Kind, Mode, Predict, SplitKind
from tests.tasks.making import NUMBER, Cell, error, table, understood

KAGGLE = {"id": lambda n: n, "x": NUMBER, "y": lambda n: n % 2}


def kaggle(folder: Path, **columns: object) -> Path:
    """train.csv, test.csv and a sample submission of probabilities."""
    table(folder / "train.csv", 60, **{**KAGGLE, **columns})  # type: ignore[arg-type]
    table(folder / "test.csv", 20, id=lambda n: 60 + n, x=NUMBER)
    table(folder / "sample_submission.csv", 20, id=lambda n: 60 + n, y=lambda n: 0.5)
    (folder / "description.md").write_text("Submissions are judged by the area under the ROC curve.")
    return folder


def test_a_kaggle_folder_needs_no_word(tmp_path: Path) -> None:
    task = understood(kaggle(tmp_path / "titanic"))
    assert (task.name, task.id, task.targets, task.kind) == ("titanic", "id", ("y",), Kind.BINARY)
    assert (task.metric, task.direction, task.predict) == ("auc", Direction.MAXIMIZE, Predict.PROBABILITY)
    assert (task.outputs, task.classes) == (("y",), ("0", "1"))
    assert (task.n_train, task.n_test) == (60, 20)
    assert task.split.kind is SplitKind.STRATIFIED
    assert "ROC" in task.description
    assert any("description names it" in note for note in task.notes)


@pytest.mark.parametrize("place", ["prepared/public", "data", "public", "input"])
def test_the_tables_are_found_where_people_keep_them(tmp_path: Path, place: str) -> None:
    kaggle(tmp_path / "spooky" / place)
    task = understood(tmp_path / "spooky")
    assert task.name == "spooky"
    assert task.train == tmp_path / "spooky" / place / "train.csv"


def test_the_public_folder_of_mle_bench_gets_the_name_of_the_competition(tmp_path: Path) -> None:
    assert understood(kaggle(tmp_path / "spooky" / "prepared" / "public")).name == "spooky"


def test_one_csv_file_and_a_target(tmp_path: Path) -> None:
    path = table(tmp_path / "sales.csv", id=lambda n: n, size=NUMBER, price=lambda n: 1.5 * n)
    task = understood(path, target=("price",))
    assert (task.name, task.kind, task.metric, task.test) == ("sales", Kind.REGRESSION, "rmse", None)
    assert task.extra == ()


def test_the_only_csv_of_a_folder_is_its_training_file(tmp_path: Path) -> None:
    table(tmp_path / "t" / "data" / "houses.csv", size=NUMBER, price=lambda n: 1.5 * n)
    (tmp_path / "t" / "task.toml").write_text('target = "price"\n')
    assert understood(tmp_path / "t").train == tmp_path / "t" / "data" / "houses.csv"


def test_task_toml_says_everything_and_the_command_line_goes_before_it(tmp_path: Path) -> None:
    folder = tmp_path / "task"
    columns: dict[str, Cell] = {"nr": lambda n: n, "who": lambda n: n % 7, "when": lambda n: n, "x": NUMBER}
    table(folder / "a.csv", **columns, y=lambda n: n % 3, z=lambda n: n % 2)
    table(folder / "b.csv", 20, **columns)
    (folder / "notes.txt").write_text("about the columns")
    (folder / "images").mkdir()
    (folder / "task.toml").write_text(
        'name = "named"\ntarget = "y"\nkind = "multiclass"\nmetric = "macro_f1"\nid = "nr"\nsplit = "group"\n'
        'group = "who"\ntrain = "a.csv"\ntest = "b.csv"\ndescription = "In words."\nextra = ["images"]\n'
    )
    task = understood(folder)
    assert (task.name, task.targets, task.kind, task.metric) == ("named", ("y",), Kind.MULTICLASS, "macro_f1")
    assert (task.id, task.split.kind, task.split.column) == ("nr", SplitKind.GROUP, "who")
    assert (task.description, task.extra) == ("In words.", (folder / "images",))
    other = understood(
        folder, target=("z",), kind="binary", metric="logloss", id="x", split="time", time="when", name="mine"
    )
    assert (other.name, other.targets, other.kind, other.metric) == ("mine", ("z",), Kind.BINARY, "logloss")
    assert (other.id, other.split.kind, other.split.column) == ("x", SplitKind.TIME, "when")


def test_a_group_or_a_time_says_the_split(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", who=lambda n: n % 7, when=lambda n: n, x=NUMBER, y=NUMBER)
    assert understood(path, target=("y",), group="who").split.kind is SplitKind.GROUP
    assert understood(path, target=("y",), time="when").split.kind is SplitKind.TIME


def test_further_files_and_folders_are_shown_to_scripts(tmp_path: Path) -> None:
    folder = kaggle(tmp_path / "t")
    (folder / "images").mkdir()
    (folder / "lookup.csv").write_text("a,b\n1,2\n")
    for hidden in (".git", "__pycache__", "score.py"):
        (folder / hidden).write_text("")
    assert [path.name for path in understood(folder).extra] == ["images", "lookup.csv"]


def test_an_empty_list_of_further_files_shows_none(tmp_path: Path) -> None:
    folder = kaggle(tmp_path / "t")
    (folder / "lookup.csv").write_text("a,b\n1,2\n")
    (folder / "task.toml").write_text("extra = []\n")
    assert understood(folder).extra == ()


COMMAND = 'mode = "command"\nmetric = "seconds"\ndirection = "minimize"\ngrader = ["python", "grade.py", "{working}"]\n'


def test_a_command_task_shows_only_what_it_names_for_answers_may_lie_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "faster"
    folder.mkdir()
    for name in ("grade.py", "answers.txt", "slow.py"):
        (folder / name).write_text("")
    (folder / "task.toml").write_text(COMMAND + 'extra = ["slow.py"]\n')
    task = understood(folder)
    assert (task.mode, task.metric, task.direction) == (Mode.COMMAND, "seconds", Direction.MINIMIZE)
    assert task.grader == ("python", "grade.py", "{working}")
    assert [path.name for path in task.extra] == ["slow.py"]
    (folder / "task.toml").write_text(COMMAND)
    assert understood(folder).extra == ()


def test_the_prompt_of_a_reported_task_describes_its_tables(tmp_path: Path) -> None:
    folder = kaggle(tmp_path / "t")
    (folder / "task.toml").write_text('mode = "reported"\nmetric = "auc"\ntarget = "y"\n')
    task = understood(folder)
    assert (task.mode, task.direction, task.n_train) == (Mode.REPORTED, Direction.MAXIMIZE, 60)
    assert [column.name for column in task.columns] == ["x"]
    assert (task.id, task.outputs, task.classes) == ("id", ("y",), ("0", "1"))


def test_a_reported_task_without_tables_shows_what_lies_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "t"
    (folder / "data").mkdir(parents=True)
    (folder / "task.toml").write_text('mode = "reported"\nmetric = "dice"\ndirection = "maximize"\n')
    assert [path.name for path in understood(folder).extra] == ["data"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('mode = "command"\nmetric = "s"\ndirection = "minimize"\n', "names its grader"),
        ('mode = "command"\ngrader = ["x"]\ndirection = "minimize"\n', "names its metric"),
        ('mode = "reported"\nmetric = "dice"\n', "what is better"),
        ('mode = "guess"\n', "Choose one of: folds, command, reported"),
        ('mode = "reported"\nmetric = "auc"\ntarget = "yy"\n', "Did you mean 'y'?"),
    ],
)
def test_a_task_without_folds_says_what_is_missing(tmp_path: Path, settings: str, words: str) -> None:
    folder = kaggle(tmp_path / "t")
    (folder / "task.toml").write_text(settings)
    assert words in error(folder)
