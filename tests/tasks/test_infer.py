"""The target, the kind and the metric are inferred from the files."""

from __future__ import annotations

from pathlib import Path

import pytest

from aide_local.task import Kind, Predict
from tests.tasks.making import NUMBER, Cell, error, table, understood, warnings


def one(tmp_path: Path, y: Cell, rows: int = 60) -> Path:
    return table(tmp_path / "t.csv", rows, x=NUMBER, y=y)


@pytest.mark.parametrize(
    ("y", "kind", "metric"),
    [
        (lambda n: f"{n * 0.37:.2f}", Kind.REGRESSION, "rmse"),
        (lambda n: n, Kind.REGRESSION, "rmse"),
        (lambda n: n % 2, Kind.BINARY, "auc"),
        (lambda n: n % 2 == 0, Kind.BINARY, "auc"),
        (lambda n: ("yes", "no")[n % 2], Kind.BINARY, "auc"),
        (lambda n: n % 3, Kind.MULTICLASS, "accuracy"),
        (lambda n: ("very good", "so – so", "été")[n % 3], Kind.MULTICLASS, "accuracy"),
    ],
)
def test_the_kind_is_read_from_the_targets_values(tmp_path: Path, y: Cell, kind: Kind, metric: str) -> None:
    task = understood(one(tmp_path, y), target=("y",))
    assert (task.kind, task.metric) == (kind, metric)


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ((True, False), ("False", "True")),
        (("yes", "no"), ("no", "yes")),
        (("10", "9"), ("9", "10")),
        (("-1", "1"), ("-1", "1")),
        (("b c", "ä"), ("b c", "ä")),
    ],
)
def test_the_positive_class_is_the_second_in_order_and_shown(
    tmp_path: Path, values: tuple[object, object], classes: tuple[str, str]
) -> None:
    task = understood(one(tmp_path, lambda n: values[n % 2]), target=("y",))
    assert task.classes == classes
    assert any(repr(classes[1]) in note for note in task.notes)


def test_what_is_said_goes_before_what_is_inferred(tmp_path: Path) -> None:
    path = one(tmp_path, lambda n: n % 3)
    assert understood(path, target=("y",), kind="regression").metric == "rmse"
    assert understood(path, target=("y",), metric="qwk").kind is Kind.MULTICLASS
    assert understood(path, target=("y",), metric="mae").kind is Kind.REGRESSION
    probabilities = understood(path, target=("y",), metric="log loss")
    assert (probabilities.metric, probabilities.outputs) == ("multiclass_logloss", ("0", "1", "2"))


def test_several_columns_of_zero_and_one_are_labels(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", x=NUMBER, toxic=lambda n: n % 2, rude=lambda n: n // 2 % 2)
    task = understood(path, target=("toxic", "rude"))
    assert (task.kind, task.metric, task.outputs) == (
        Kind.MULTILABEL,
        "mean_columnwise_auc",
        ("toxic", "rude"),
    )


def test_several_columns_of_numbers_are_scored_column_by_column(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", x=NUMBER, a=lambda n: 1.5 * n, b=NUMBER)
    task = understood(path, target=("a", "b"))
    assert (task.kind, task.metric, task.outputs) == (Kind.REGRESSION, "mcrmse", ("a", "b"))


def folder(tmp_path: Path, sample: dict[str, Cell], **train: Cell) -> Path:
    """``sample`` holds the columns of the sample submission beside the id."""
    table(tmp_path / "train.csv", 60, id=lambda n: n, x=NUMBER, **train)
    table(tmp_path / "test.csv", 20, id=lambda n: 60 + n, x=NUMBER)
    table(tmp_path / "sample_submission.csv", 20, id=lambda n: 60 + n, **sample)
    return tmp_path


THIRD: Cell = lambda n: 0.333  # noqa: E731


def test_the_targets_are_the_submissions_columns(tmp_path: Path) -> None:
    path = folder(tmp_path, {"a": THIRD, "b": THIRD}, a=lambda n: n % 2, b=lambda n: n // 2 % 2)
    assert understood(path).targets == ("a", "b")


@pytest.mark.parametrize("form", ["{}", "Class_{}", "p {}"])
def test_class_probability_columns_are_matched_to_their_classes(tmp_path: Path, form: str) -> None:
    columns = [form.format(name) for name in ("low", "high", "mid")]
    path = folder(tmp_path, dict.fromkeys(columns, THIRD), y=lambda n: ("high", "low", "mid")[n % 3])
    task = understood(path)
    assert (task.targets, task.kind, task.metric) == (("y",), Kind.MULTICLASS, "multiclass_logloss")
    assert task.outputs == tuple(columns)
    assert task.classes == ("low", "high", "mid")


def test_columns_that_name_no_class_are_taken_in_order_and_that_is_reported(tmp_path: Path) -> None:
    path = folder(tmp_path, {"p1": THIRD, "p2": THIRD, "p3": THIRD}, y=lambda n: ("a", "b", "c")[n % 3])
    (warning,) = warnings(path)
    assert "'p1' for 'a', 'p2' for 'b', 'p3' for 'c'" in warning


def test_two_probability_columns_of_a_binary_task(tmp_path: Path) -> None:
    task = understood(folder(tmp_path, {"no": THIRD, "yes": THIRD}, y=lambda n: ("no", "yes")[n % 2]))
    assert (task.kind, task.outputs, task.predict) == (Kind.BINARY, ("no", "yes"), Predict.PROBABILITY)


def test_a_sample_of_labels_asks_for_labels(tmp_path: Path) -> None:
    task = understood(folder(tmp_path, {"y": lambda n: n % 2}, y=lambda n: n % 2))
    assert (task.predict, task.metric) == (Predict.LABEL, "accuracy")


def test_ids_that_only_the_submission_has_are_no_problem(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", 60, label=lambda n: n % 3, x=NUMBER)
    table(tmp_path / "test.csv", 20, x=NUMBER)
    table(tmp_path / "sample_submission.csv", 20, ImageId=lambda n: n + 1, label=lambda n: 0)
    task = understood(tmp_path, target=("label",))
    assert task.id is None
    assert any("sample submission" in note for note in task.notes)


@pytest.mark.parametrize(
    ("words", "metric"),
    [
        ("Evaluated by **Root Mean Squared\nLogarithmic Error**.", "rmsle"),
        ("The metric is the mean absolute error; RMSE is not used.", "mae"),
        ("We use R2.", "rmse"),  # not among the hints: the usual one, and a note says so
    ],
)
def test_the_metric_is_the_first_that_the_description_speaks_of(
    tmp_path: Path, words: str, metric: str
) -> None:
    path = folder(tmp_path, {"y": lambda n: 1.5}, y=lambda n: 1.5 * n)
    (path / "description.md").write_text(words)
    assert understood(path).metric == metric


def test_a_target_that_is_not_clear_is_asked_for_with_the_columns(tmp_path: Path) -> None:
    assert "Say --target COLUMN; the columns are 'x', 'y'" in error(one(tmp_path, NUMBER))


def test_several_candidates_for_the_target_are_named(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", x=NUMBER, a=NUMBER, b=NUMBER)
    table(tmp_path / "test.csv", 20, x=NUMBER)
    assert "'a', 'b'" in error(tmp_path)


def test_a_metric_that_does_not_fit_names_those_that_do(tmp_path: Path) -> None:
    assert "rmse" in error(one(tmp_path, lambda n: 1.5 * n), target=("y",), kind="regression", metric="auc")
