"""Every problem of a task's files is told with its place and its fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from aide_local.errors import TaskError
from aide_local.tasks.load import load_task
from tests.tasks.making import NUMBER, Cell, error, problems, table, understood, warnings


def written(tmp_path: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


ROWS = "".join(f"{n},{n * 0.5},{n * 7 % 11}\n" for n in range(40))


def checked(tmp_path: Path, content: str | bytes, *words: str, **overrides: object) -> None:
    said = error(written(tmp_path, content), **{"target": ("y",), **overrides})
    for word in words:
        assert word in said, said


# ---- files that cannot be read ----


def test_no_such_file(tmp_path: Path) -> None:
    assert "no such file or folder" in error(tmp_path / "absent")


def test_a_folder_without_tables(tmp_path: Path) -> None:
    assert "A task has a train.csv, here or in data/" in error(tmp_path)


def test_a_folder_with_several_tables_and_no_train_csv(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        written(tmp_path, "id,x,y\n" + ROWS, name)
    assert 'Say `train = "a.csv"` in task.toml' in error(tmp_path)


def test_compressed_data(tmp_path: Path) -> None:
    written(tmp_path, b"PK\x03\x04", "data.zip")
    assert "unzip data.zip" in error(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "It is empty"),
        (b"  \n\n", "It is empty"),
        (b"id,x,y\n", "a header but no rows"),
        (b"\x1f\x8b1234", "gunzip"),
        (b"PAR1xxxx", "a Parquet file"),
        ("id,x,y\n1,2,3\n".encode("utf-16"), "iconv -f UTF-16"),
        (b"id,x,y\n1,2,3\n2,caf\xe9,4\n", "line 3: It is not UTF-8 text: byte 18 is 0xe9"),
        (b"id,x,y\n1,2,3\n2,3\n", "line 3: It has 2 cells; the header has 3"),
        (b'id,x,y\n1,"2,3\n2,3,4\n', "line 2: It has, with the lines to 3, 2 cells"),
        (b"id;x;y\n1;2;3\n", "separated by semicolons"),
        (b"id\tx\ty\n1\t2\t3\n", "separated by tabs"),
        (b"id|x|y\n1|2|3\n", "separated by bars"),
        (b"id,x,x,y\n1,2,3,4\n", "line 1: The column 'x' is there more than once"),
        (b",x,y\n0,2,3\n", "line 1, column 1: The column has no name"),
    ],
)
def test_a_file_that_is_no_table_is_reported_with_its_line(
    tmp_path: Path, content: bytes, words: str
) -> None:
    checked(tmp_path, content, str(tmp_path / "t.csv"), words)


def test_the_fix_for_semicolons_reads_decimal_commas_too(tmp_path: Path) -> None:
    checked(tmp_path, "id;x;y\n1;2,5;3\n", "sep=';', decimal=','")
    assert "decimal" not in error(written(tmp_path, "id;x;y\n1;2.5;3\n"), target=("y",))


def test_the_fix_for_semicolons_works(tmp_path: Path) -> None:
    import re
    import subprocess
    import sys

    path = written(tmp_path, "id;x;y\n" + "".join(f"{n};{n},25;{n * 7 % 11}\n" for n in range(40)))
    command = re.search(r'python -c "(.*)"\.', error(path, target=("y",)))
    assert command is not None
    subprocess.run([sys.executable, "-c", command[1]], cwd=tmp_path, check=True)
    task = understood(tmp_path / "new.csv", target=("y",))
    assert [(column.name, column.kind.value, column.high) for column in task.columns] == [
        ("x", "numeric", "39.25")
    ]


def test_a_file_with_another_ending_gets_the_same_help(tmp_path: Path) -> None:
    assert "separated by tabs" in error(written(tmp_path, "id\ty\n1\t2\n", "t.tsv"), target=("y",))
    assert "This is not a CSV file" in error(written(tmp_path, "x", "t.xlsx"))


# ---- files that are fine, though they look odd ----


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_marks_line_ends_and_quoted_cells_do_not_matter(tmp_path: Path, start: bytes, end: bytes) -> None:
    lines = [b'"id","a note","y"'] + [b'%d,"one, ""two""\n%d",%d' % (n, n, n * 7 % 11) for n in range(40)]
    task = understood(written(tmp_path, start + end.join(lines) + end), target=("y",))
    assert (task.id, task.n_train, [column.name for column in task.columns]) == ("id", 40, ["a note"])


def test_huge_ids_stay_as_they_are(tmp_path: Path) -> None:
    rows = "".join(f"{10**18 + n},{n},{n * 7 % 11}\n" for n in range(40))
    task = understood(written(tmp_path, "id,x,y\n" + rows), target=("y",))
    assert task.id == "id"


def test_columns_without_a_value_are_constant_and_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, "id,x,e,y\n" + "".join(f"{n},{n * 0.5},,{n * 7 % 11}\n" for n in range(40)))
    assert any("'e'" in warning and "left out" in warning for warning in warnings(path, target=("y",)))


# ---- task.toml ----


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("target = price\n", "It is not TOML"),
        ('tarqet = "y"\n', "Did you mean 'target'?"),
        ("target = 3\n", 'target = ["a", "b"]'),
        ("metric = 3\n", "It must be a text, not 3. Put it in quotes."),
        ('kind = "ordinal"\n', "Choose one of: binary, multiclass, multilabel, regression"),
        ('split = "magic"\n', "Choose one of: random, stratified, group, time"),
        ('split = "group"\n', "Say --group COLUMN"),
        ('split = "time"\n', "Say --time COLUMN"),
        ('group = "who"\n', "no column 'who'"),
        ('train = "absent.csv"\n', "Paths are relative to task.toml"),
        ('extra = ["absent"]\n', "There is no file"),
        ('scorer = "absent.py"\n', "There is no file"),
        ('direction = "maximize"\n', "rmse is to be minimized"),
        ('metric = "rmsee"\n', "Did you mean rmse"),
        ('id = "idd"\n', "Did you mean 'id'?"),
    ],
)
def test_a_setting_that_cannot_be_used_is_reported_with_its_key(
    tmp_path: Path, settings: str, words: str
) -> None:
    written(tmp_path, "id,x,y\n" + "".join(f"{n},{n * 0.5},{n * 1.7}\n" for n in range(40)), "train.csv")
    target = "" if settings.startswith("tar") else 'target = "y"\n'
    (tmp_path / "task.toml").write_text(target + settings)
    found = problems(tmp_path)
    assert any(words in one for one in found), found


# ---- the target ----


def test_a_misspelt_target_names_the_nearest_column(tmp_path: Path) -> None:
    checked(tmp_path, "id,x,price\n" + ROWS, "Did you mean 'price'?", target=("prise",))


def test_a_target_like_no_column_is_reported_with_all_of_them(tmp_path: Path) -> None:
    checked(tmp_path, "id,x,y\n" + ROWS, "The columns are 'id', 'x', 'y'.", target=("revenue",))


def test_rows_without_a_target_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    rows = "".join(f'{n},"a\nb",{"" if n in (5, 9) else n * 7 % 11}\n' for n in range(40))
    checked(tmp_path, "id,x,y\n" + rows, "line 12, column 'y': 2 rows have no target", "dropna(subset=['y'])")


def test_a_target_of_one_value(tmp_path: Path) -> None:
    checked(tmp_path, "id,x,y\n" + "".join(f"{n},{n},1\n" for n in range(40)), "the same in every row")


@pytest.mark.parametrize("spell", ["{:,}.50", "${}", "{} EUR", "{} %"])
def test_numbers_in_dress_are_no_classes(tmp_path: Path, spell: str) -> None:
    path = table(tmp_path / "t.csv", x=NUMBER, y=lambda n: f'"{spell.format(1000 + 37 * n)}"')
    said = error(path, target=("y",))
    assert "line 2, column 'y'" in said
    assert "without thousands separators, currencies and units" in said


def test_texts_that_are_neither_numbers_nor_classes(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", x=NUMBER, y=lambda n: f"some words {n}")
    assert "neither numbers nor classes" in error(path, target=("y",))


def test_one_number_spelled_in_two_ways_is_no_pair_of_classes(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", x=NUMBER, y=lambda n: ("0", "1", "1.0")[n % 3])
    assert "'1' and '1.0' are one and the same number" in error(path, target=("y",))


def test_classes_that_differ_in_case_or_spaces_only_are_reported(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", x=NUMBER, y=lambda n: ("yes", "Yes", "no")[n % 3])
    (warning,) = [one for one in warnings(path, target=("y",)) if "letter case" in one]
    assert "'Yes' and 'yes'" in warning


def test_a_class_of_one_row_is_reported_with_its_line(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", x=NUMBER, y=lambda n: "rare" if n == 7 else ("a", "b")[n % 2])
    assert any("line 9" in one and "'rare'" in one for one in warnings(path, target=("y",)))


def test_a_binary_target_of_three_values(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", x=NUMBER, y=lambda n: n % 3)
    assert "has 3: '0', '1', '2'" in error(path, target=("y",), kind="binary")


def test_text_is_no_number_whatever_the_kind_says(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", x=NUMBER, y=lambda n: ("good", "bad")[n % 2])
    assert "'good' is not a number" in error(path, target=("y",), kind="regression")


def test_targets_outside_the_metrics_domain(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", x=NUMBER, y=lambda n: n - 30.5)
    assert "rmsle" in error(path, target=("y",), metric="rmsle")


def test_nothing_to_learn_from(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", y=lambda n: n * 1.5)
    assert "no column to learn from" in error(path, target=("y",))


# ---- ids, test and sample files, splits ----


def folder(
    tmp_path: Path, ids: Cell = lambda n: 60 + n, sample_ids: Cell | None = None, **test: Cell
) -> Path:
    table(tmp_path / "train.csv", 60, id=lambda n: n, x=NUMBER, y=lambda n: n * 1.5)
    table(tmp_path / "test.csv", 20, id=ids, **(test or {"x": NUMBER}))
    table(tmp_path / "sample_submission.csv", 20, id=sample_ids or ids, y=lambda n: 0.5)
    return tmp_path


def test_an_id_that_is_there_twice(tmp_path: Path) -> None:
    said = error(folder(tmp_path, ids=lambda n: 60 + n % 19), id="id")
    assert "test.csv, line 21, column 'id': The id '60' is there more than once" in said


def test_an_id_that_is_nearly_unique_is_reported_when_it_is_taken_for_a_feature(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", id=lambda n: min(n, 58), x=NUMBER, y=NUMBER)
    assert any("line 61" in one and "taken for a feature" in one for one in warnings(path, target=("y",)))


def test_a_sample_of_other_rows(tmp_path: Path) -> None:
    assert "'60' is in test.csv but not in it" in error(folder(tmp_path, sample_ids=lambda n: 61 + n))


def test_a_sample_of_another_length_and_no_ids(tmp_path: Path) -> None:
    folder(tmp_path)
    table(tmp_path / "train.csv", 60, x=NUMBER, y=lambda n: n * 1.5)
    table(tmp_path / "test.csv", 20, x=NUMBER)
    table(tmp_path / "sample_submission.csv", 19, nr=lambda n: n, y=lambda n: 0.5)
    assert "It has 19 rows, test.csv has 20" in error(tmp_path)


def test_a_sample_without_the_predictions_column(tmp_path: Path) -> None:
    table(folder(tmp_path) / "sample_submission.csv", 20, id=lambda n: 60 + n, z=lambda n: 0.5)
    assert "line 1: It has no column 'y'" in error(tmp_path, target=("y",))


def test_a_test_file_of_another_task(tmp_path: Path) -> None:
    assert "none of the feature columns" in error(folder(tmp_path, a=NUMBER), target=("y",))


def test_columns_that_the_test_file_lacks_are_reported(tmp_path: Path) -> None:
    table(folder(tmp_path) / "train.csv", 60, id=lambda n: n, x=NUMBER, late=NUMBER, y=lambda n: n * 1.5)
    assert any("'late'" in one for one in warnings(tmp_path, target=("y",)))


def test_a_test_file_that_holds_the_target_is_reported(tmp_path: Path) -> None:
    assert any("not shown" in one for one in warnings(folder(tmp_path, x=NUMBER, y=NUMBER), target=("y",)))


def test_a_split_that_cannot_be_made_is_reported_before_a_run(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", who=lambda n: 1, when=lambda n: "soon" if n else "", x=NUMBER, y=NUMBER)
    assert "one group" in error(path, target=("y",), group="who")
    assert "'when'" in error(path, target=("y",), time="when")
    assert "Did you mean 'who'?" in error(path, target=("y",), group="whom")


def test_a_scorer_that_does_not_work_is_reported_before_a_run(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "score.py").write_text("def score(y_true, y_pred):\n    return 1 / 0\n")
    (tmp_path / "task.toml").write_text('scorer = "score.py"\ndirection = "minimize"\n')
    assert "ZeroDivisionError" in error(tmp_path)
    (tmp_path / "task.toml").write_text('scorer = "score.py"\n')
    assert "must say what is better" in error(tmp_path)


def test_all_problems_are_reported_at_once_and_a_run_is_refused_by_the_first(tmp_path: Path) -> None:
    table(
        folder(tmp_path, sample_ids=lambda n: 61 + n) / "train.csv",
        60,
        id=lambda n: min(n, 58),
        x=NUMBER,
        y=NUMBER,
    )
    assert len(problems(tmp_path, id="id", group="who")) == 3
    from aide_local.tasks.files import TaskOverrides

    with pytest.raises(TaskError, match="2 more: aide-local task check"):
        load_task(tmp_path, TaskOverrides(id="id", group="who"))
