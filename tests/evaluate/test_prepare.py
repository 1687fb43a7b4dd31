"""What candidates see: no label they are scored on, nothing that tells the rows apart."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aide_local.errors import TaskError
from aide_local.evaluate.prepare import prepare
from aide_local.evaluate.prepared import Part, Prepared
from aide_local.task import Column, ColumnKind, Kind, SplitKind, SplitRule
from aide_local.types import RunSettings
from tests.evaluate.making import SETTINGS, make_task, read_csv, write_csv

RULES = (
    SplitRule(SplitKind.RANDOM),
    SplitRule(SplitKind.STRATIFIED),
    SplitRule(SplitKind.GROUP, "family"),
    SplitRule(SplitKind.TIME, "day"),
)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(list(Kind)),
    st.sampled_from(RULES),
    st.sampled_from([40, 520]),
    st.integers(2, 4),
    st.integers(0, 2**32),
    st.booleans(),
)
def test_a_script_cannot_see_a_label_that_it_is_scored_on(
    tmp_path_factory: pytest.TempPathFactory,
    kind: Kind,
    rule: SplitRule,
    n: int,
    folds: int,
    seed: int,
    with_id: bool,
) -> None:
    root = tmp_path_factory.mktemp("task")
    task = make_task(root / "task", kind, n=n, split=rule, with_id=with_id)
    prepared = prepare(task, RunSettings(folds=folds, seed=seed), root / "run")
    rows = read_csv(root / "task" / "train.csv")
    place = {row["size"]: at for at, row in enumerate(rows)}  # sizes are all distinct
    for k in range(prepared.folds):
        train = read_csv(prepared.input(k) / "train.csv")
        test = read_csv(prepared.input(k) / "test.csv")
        assert not set(task.targets) & set(test[0])
        assert not {row["size"] for row in train} & {row["size"] for row in test}
        scored = {*prepared.split.validation(k).tolist(), *prepared.split.report.tolist()}
        assert not scored & {place[row["size"]] for row in train}
        assert scored == {place[row["size"]] for row in test if row["size"] in place}
        for row in train:
            assert all(row[target] == rows[place[row["size"]]][target] for target in task.targets)


def cut(root: Path, **more: object) -> Prepared:
    task = make_task(root / "task", n=600, **more)  # type: ignore[arg-type]
    return prepare(task, SETTINGS, root / "run")


def test_a_fold_s_test_rows_are_its_rows_the_report_slice_and_the_test_file_in_mixed_order(
    tmp_path: Path,
) -> None:
    prepared = cut(tmp_path)
    origin = prepared.origin(1)
    shown = read_csv(prepared.input(1) / "test.csv")
    train, test = (read_csv(tmp_path / "task" / name) for name in ("train.csv", "test.csv"))
    source = {Part.OOF: train, Part.REPORT: train, Part.TEST: test}
    assert len(shown) == len(origin) == 180 + 60 + 20
    for at, row in enumerate(shown):
        from_ = source[Part(origin.part[at])][origin.row[at]]
        assert {name: row[name] for name in row if name != "key"} == {
            name: from_[name] for name in row if name != "key"
        }
    changes = np.count_nonzero(np.diff(origin.part))
    assert changes > 40


def test_ids_are_new_text_in_the_order_of_the_rows_and_never_the_same_in_train_and_test(
    tmp_path: Path,
) -> None:
    prepared = cut(tmp_path)
    train, test = (read_csv(prepared.input(0) / name) for name in ("train.csv", "test.csv"))
    ids = [row["key"] for row in (*train, *test)]
    assert ids == [f"r{at:06d}" for at in range(len(ids))]
    assert prepared.ids(0).to_pylist() == [row["key"] for row in test]


def test_rows_without_an_id_get_one_in_every_file(tmp_path: Path) -> None:
    prepared = cut(tmp_path, with_id=False)
    for name in ("train.csv", "test.csv", "sample_submission.csv"):
        assert read_csv(prepared.input(0) / name)[0]["row_id"].startswith("r")


def test_cells_come_as_they_are_spelled(tmp_path: Path) -> None:
    prepared = cut(tmp_path)
    known = {row["size"]: row for row in read_csv(tmp_path / "task" / "train.csv")}
    for row in read_csv(prepared.input(0) / "train.csv"):
        assert {**row, "key": ""} == {**known[row["size"]], "key": ""}


def test_training_rows_are_in_order_of_time_with_a_time_split_and_mixed_otherwise(tmp_path: Path) -> None:
    by_time = cut(tmp_path / "a", split=SplitRule(SplitKind.TIME, "day"))
    days = [row["day"] for row in read_csv(by_time.input(2) / "train.csv")]
    assert days == sorted(days)
    mixed = cut(tmp_path / "b")
    days = [row["day"] for row in read_csv(mixed.input(2) / "train.csv")]
    assert days != sorted(days)


def test_the_sample_submission_is_a_constant_guess_from_the_fold_s_own_training_rows(tmp_path: Path) -> None:
    prepared = cut(tmp_path)
    prices = [float(row["price"]) for row in read_csv(prepared.input(0) / "train.csv")]
    sample = read_csv(prepared.input(0) / "sample_submission.csv")
    assert {row["price"] for row in sample} == {sample[0]["price"]}
    assert float(sample[0]["price"]) == pytest.approx(np.mean(prices))
    assert [row["key"] for row in sample] == [row["key"] for row in read_csv(prepared.input(0) / "test.csv")]


def test_task_json_names_what_a_script_needs_and_only_usable_features(tmp_path: Path) -> None:
    columns = (
        Column("size", ColumnKind.NUMERIC),
        Column("noise", ColumnKind.CONSTANT),
        Column("city", ColumnKind.CATEGORICAL),
        Column("family", ColumnKind.CATEGORICAL),
        Column("day", ColumnKind.DATETIME),
        Column("flag", ColumnKind.BOOLEAN),
        Column("later", ColumnKind.NUMERIC, in_test=False),
    )
    rule = SplitRule(SplitKind.GROUP, "family")
    prepared = cut(tmp_path, kind=Kind.BINARY, split=rule, columns=columns)
    found = json.loads((prepared.input(0) / "task.json").read_text())
    assert found == {
        "name": "houses",
        "kind": "binary",
        "target": "price",
        "targets": ["price"],
        "id": "key",
        "metric": "auc",
        "direction": "maximize",
        "predict": "probability",
        "outputs": ["price"],
        "classes": ["no", "yes"],
        "numeric": ["size"],
        "categorical": ["city", "flag"],
        "datetime": ["day"],
        "text": [],
        "group": "family",
        "time": None,
        "n_train": len(read_csv(prepared.input(0) / "train.csv")),
        "n_test": len(read_csv(prepared.input(0) / "test.csv")),
    }


def test_columns_that_the_test_file_lacks_are_in_train_only(tmp_path: Path) -> None:
    task = make_task(tmp_path / "task")
    assert task.test is not None
    rows = [{**row} for row in read_csv(task.test)]
    write_csv(task.test, {name: [row[name] for row in rows] for name in rows[0] if name != "city"})
    prepared = prepare(task, SETTINGS, tmp_path / "run")
    assert "city" in read_csv(prepared.input(0) / "train.csv")[0]
    assert "city" not in read_csv(prepared.input(0) / "test.csv")[0]


def test_neither_times_nor_modes_of_files_tell_anything(tmp_path: Path) -> None:
    prepared = cut(tmp_path)
    found = [path.stat() for k in range(3) for path in prepared.input(k).iterdir()]
    assert len({(one.st_mtime_ns, one.st_mode) for one in found}) == 1


def test_extra_files_are_linked_not_copied(tmp_path: Path) -> None:
    images = tmp_path / "task" / "images" / "deep"
    images.mkdir(parents=True)
    (images / "logo.png").write_bytes(b"picture")
    (tmp_path / "task" / "notes.txt").write_text("words")
    extra = (tmp_path / "task" / "images", tmp_path / "task" / "notes.txt")
    prepared = cut(tmp_path, extra=extra)
    for k in range(3):
        assert (prepared.input(k) / "images" / "deep" / "logo.png").samefile(images / "logo.png")
        assert (prepared.input(k) / "notes.txt").samefile(tmp_path / "task" / "notes.txt")


def test_files_of_another_file_system_are_copied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = tmp_path / "task" / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("words")
    link = os.link

    def across(source: Path, target: Path) -> None:
        if source == notes:
            raise OSError(18, "Invalid cross-device link")
        link(source, target)

    monkeypatch.setattr(os, "link", across)
    prepared = cut(tmp_path, extra=(notes,))
    made = [prepared.input(k) / "notes.txt" for k in range(3)]
    assert len({path.stat().st_ino for path in made}) == 1
    assert made[0].read_text() == "words"
    assert not made[0].samefile(notes)


def pictures(folder: Path, ids: Sequence[int]) -> Path:
    folder.mkdir(parents=True)
    for one in ids:
        (folder / f"{one}.png").write_text(f"picture of {one}")
    return folder


def cut_with_pictures(tmp_path: Path, folders: Mapping[str, Sequence[int]]) -> Prepared:
    made = [pictures(tmp_path / "task" / name, ids) for name, ids in folders.items()]
    return prepare(make_task(tmp_path / "task", extra=tuple(made)), SETTINGS, tmp_path / "run")


def real_ids(prepared: Prepared) -> dict[str, str]:
    """From size, which is distinct, to the id in the person's files."""
    task = prepared.task
    return {row["size"]: row["key"] for path in (task.train, task.test) if path for row in read_csv(path)}


def test_files_named_after_ids_are_found_under_the_new_ids(tmp_path: Path) -> None:
    prepared = cut_with_pictures(tmp_path, {"images": range(1000, 1080)})
    real = real_ids(prepared)
    for k in range(prepared.folds):
        for name in ("train.csv", "test.csv"):
            for row in read_csv(prepared.input(k) / name):
                picture = prepared.input(k) / "images" / f"{row['key']}.png"
                assert picture.read_text() == f"picture of {real[row['size']]}"
        assert not list((prepared.input(k) / "images").glob("1*.png"))


def test_files_of_test_rows_in_a_folder_of_their_own_are_there_for_all_rows_of_test_csv(
    tmp_path: Path,
) -> None:
    folders = {
        "train_images": range(1000, 1060),
        "masks": range(1000, 1060),
        "test_images": range(1060, 1080),
    }
    prepared = cut_with_pictures(tmp_path, folders)
    real = real_ids(prepared)
    inside = prepared.input(1)
    for name, folder in (("train.csv", "train_images"), ("test.csv", "test_images")):
        rows = read_csv(inside / name)
        assert len(list((inside / folder).iterdir())) == len(rows)
        for row in rows:
            assert (inside / folder / f"{row['key']}.png").read_text() == f"picture of {real[row['size']]}"
    shown = {path.stem for path in (inside / "masks").iterdir()}
    assert shown == {row["key"] for row in read_csv(inside / "train.csv")}


def test_files_that_a_column_names_keep_their_names(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "task" / "images", range(1000, 1080))
    task = make_task(tmp_path / "task", extra=(folder,))
    for path in (task.train, task.test):
        assert path is not None
        rows = [{**row, "city": f"images/{row['key']}.png"} for row in read_csv(path)]
        write_csv(path, {name: [row[name] for row in rows] for name in rows[0]})
    prepared = prepare(task, SETTINGS, tmp_path / "run")
    for row in read_csv(prepared.input(0) / "test.csv"):
        assert (prepared.input(0) / row["city"]).exists()


def labelled(tmp_path: Path, more: Mapping[str, Sequence[int]], **columns: Sequence[object]) -> Prepared:
    """Pictures of 60 training rows in ``cat/`` and ``dog/`` by turns, and in the folders of ``more``."""
    root = tmp_path / "task" / "images"
    for name, ids in {"cat": range(1000, 1060, 2), "dog": range(1001, 1060, 2), **more}.items():
        pictures(root / name, ids)
    task = make_task(tmp_path / "task", extra=(root,))
    for path in (task.train, task.test):
        assert path is not None
        rows = read_csv(path)
        changed = {name: [row[name] for row in rows] for name in rows[0]}
        first = 0 if path == task.train else 60
        write_csv(path, changed | {name: cells[first : first + len(rows)] for name, cells in columns.items()})
    return prepare(task, SETTINGS, tmp_path / "run")


@pytest.mark.parametrize("more", [{}, {"test": range(1060, 1080)}])
def test_a_folder_named_after_a_class_does_not_tell_the_class_of_rows_to_be_predicted(
    tmp_path: Path, more: Mapping[str, Sequence[int]]
) -> None:
    prepared = labelled(tmp_path, more)
    real = real_ids(prepared)
    with_files = {str(1000 + at) for at in range(80 if more else 60)}
    for k in range(prepared.folds):
        images = prepared.input(k) / "images"
        rows = [row for row in read_csv(prepared.input(k) / "test.csv") if real[row["size"]] in with_files]
        for row in rows:
            assert (images / "test" / f"{row['key']}.png").read_text() == f"picture of {real[row['size']]}"
        assert len(list((images / "test").iterdir())) == len(rows)
        for row in read_csv(prepared.input(k) / "train.csv"):
            name = "cat" if int(real[row["size"]]) % 2 == 0 else "dog"
            assert (images / name / f"{row['key']}.png").exists()
        assert len(list(images.glob("*/*.png"))) == len(rows) + len(read_csv(prepared.input(k) / "train.csv"))


def test_names_that_a_column_keeps_do_not_tell_the_class_either(tmp_path: Path) -> None:
    prepared = labelled(tmp_path, {}, city=[f"{1000 + at}.png" for at in range(80)])
    names = {row["city"] for row in read_csv(prepared.input(0) / "test.csv")}
    images = prepared.input(0) / "images"
    assert not names & {path.name for folder in ("cat", "dog") for path in (images / folder).iterdir()}
    assert {path.name for path in (images / "test").iterdir()} & names


def test_files_that_a_column_names_with_their_folder_stay_there(tmp_path: Path) -> None:
    paths = [f"images/{('cat', 'dog')[at % 2]}/{1000 + at}.png" for at in range(60)]
    prepared = labelled(tmp_path, {}, city=[*paths, *[""] * 20])
    for row in read_csv(prepared.input(0) / "test.csv"):
        assert (prepared.input(0) / row["city"]).exists()


def test_two_files_of_each_row_stay_apart_where_there_are_none_of_test_rows(tmp_path: Path) -> None:
    prepared = cut_with_pictures(tmp_path, {"left": range(1000, 1060), "right": range(1000, 1060)})
    rows = read_csv(prepared.input(0) / "test.csv")
    real = real_ids(prepared)
    for row in rows:
        for side in ("left", "right"):
            shown = (prepared.input(0) / side / f"{row['key']}.png").exists()
            assert shown == (int(real[row["size"]]) < 1060)


def test_the_only_folder_of_test_rows_holds_pictures_not_masks(tmp_path: Path) -> None:
    folders = {"a_masks": range(1000, 1060), "images": range(1000, 1060), "unseen": range(1060, 1080)}
    prepared = cut_with_pictures(tmp_path, folders)
    rows = read_csv(prepared.input(0) / "test.csv")
    assert len(list((prepared.input(0) / "unseen").iterdir())) == len(rows)
    assert len(list((prepared.input(0) / "a_masks").iterdir())) == len(
        list((prepared.input(0) / "images").iterdir())
    )


def test_an_extra_file_may_not_bring_the_labels_back(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"train\.csv"):
        cut(tmp_path, extra=(tmp_path / "task" / "train.csv",))


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    task = make_task(tmp_path / "task")
    first, second = (prepare(task, SETTINGS, tmp_path / name) for name in ("one", "two"))
    for k in range(first.folds):
        for name in ("train.csv", "test.csv", "sample_submission.csv", "task.json"):
            assert (first.input(k) / name).read_bytes() == (second.input(k) / name).read_bytes()


def test_a_resumed_run_finds_its_folds_and_writes_nothing(tmp_path: Path) -> None:
    first = cut(tmp_path)
    before = {path: path.stat().st_ino for path in first.folder.rglob("*")}
    second = cut(tmp_path)
    assert {path: path.stat().st_ino for path in second.folder.rglob("*")} == before


@pytest.mark.parametrize("harm", ["lost", "cut", "changed", "half made", "no manifest"])
def test_what_is_damaged_is_made_again_the_same(tmp_path: Path, harm: str) -> None:
    path = cut(tmp_path).input(1) / "test.csv"
    good = path.read_bytes()
    path.chmod(0o644)
    if harm == "lost":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(good[:100])
    elif harm == "changed":
        path.write_bytes(good.replace(b"0", b"1"))
    elif harm == "half made":
        (tmp_path / "run" / "folds").rename(tmp_path / "run" / "preparing")
    else:
        (tmp_path / "run" / "private" / "prepared.json").unlink()
    cut(tmp_path)
    assert path.read_bytes() == good


def test_a_run_refuses_to_go_on_with_other_data(tmp_path: Path) -> None:
    cut(tmp_path)
    with pytest.raises(TaskError, match="training file"):
        cut(tmp_path, seed=99)


def test_a_run_refuses_to_go_on_with_other_folds(tmp_path: Path) -> None:
    task = make_task(tmp_path / "task")
    prepare(task, SETTINGS, tmp_path / "run")
    with pytest.raises(TaskError, match="how the rows are split"):
        prepare(task, replace(SETTINGS, seed=8), tmp_path / "run")


SCORER = "import numpy as np\n\n\ndef score(t, p):\n    return float(np.abs(t - p).mean())\n"


def with_scorer_and_notes(tmp_path: Path) -> Prepared:
    """Cut as a resumed run does: of a task that is the same, of files that may not be."""
    root = tmp_path / "task"
    for name, text in (("score.py", SCORER), ("notes/a.txt", "words")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if not (root / name).exists():
            (root / name).write_text(text)
    task = make_task(root, metric="mae", scorer=root / "score.py", extra=(root / "notes",))
    return prepare(task, SETTINGS, tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("score.py", SCORER.replace("mean()", "mean() / 100"), "the task's scorer changed"),
        ("notes/a.txt", "other", "the further files that scripts see changed"),
        ("notes/b.txt", "more", "the further files that scripts see changed"),
    ],
)
def test_a_run_refuses_to_go_on_with_another_scorer_or_other_further_files(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    with_scorer_and_notes(tmp_path)
    with_scorer_and_notes(tmp_path)
    (tmp_path / "task" / name).write_text(text)
    with pytest.raises(TaskError, match=says):
        with_scorer_and_notes(tmp_path)


def test_a_run_that_an_earlier_version_began_goes_on(tmp_path: Path) -> None:
    manifest = with_scorer_and_notes(tmp_path).folder / "private" / "prepared.json"
    known = json.loads(manifest.read_text())
    assert {"scorer", "extra"} < known["mark"].keys()
    known["mark"] = {name: known["mark"][name] for name in ("train", "test", "rule")}
    manifest.write_text(json.dumps(known))
    (tmp_path / "task" / "score.py").write_text(SCORER + "\n")
    with_scorer_and_notes(tmp_path)


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        (Kind.REGRESSION, "dear", "'dear' is not a number"),
        (Kind.REGRESSION, "", "no finite number"),
        (Kind.BINARY, "perhaps", "'perhaps' is none of the classes"),
        (Kind.MULTILABEL, "2", "neither 0 nor 1"),
    ],
)
def test_a_target_that_cannot_be_used_is_named_with_its_row(
    tmp_path: Path, kind: Kind, text: str, says: str
) -> None:
    task = make_task(tmp_path / "task", kind)
    assert task.train is not None
    rows = read_csv(task.train)
    rows[4][task.target] = text
    write_csv(task.train, {name: [row[name] for row in rows] for name in rows[0]})
    with pytest.raises(TaskError, match=f"(?s)row 5 .*{says}"):
        prepare(task, SETTINGS, tmp_path / "run")


def test_a_metric_that_cannot_score_these_targets_is_an_error_before_the_first_node(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="rmsle cannot score"):
        cut(tmp_path / "negative", metric="rmsle")
    task = make_task(tmp_path / "task", Kind.BINARY)
    assert task.train is not None
    task.train.write_text(task.train.read_text().replace(",yes", ",no"))
    with pytest.raises(TaskError, match="auc is not defined"):
        prepare(task, SETTINGS, tmp_path / "run")


@pytest.mark.parametrize(
    ("spell", "order"),
    [
        ("{day:02d}.{month:02d}.2024", "dayfirst"),
        ("2024-{month:02d}-{day:02d}T10:00:00Z", "iso"),
        ("{number}", "number"),
        ("{month:02d}/{day:02d}/2024 08:15", "us"),
    ],
)
def test_times_are_read_as_people_write_them(tmp_path: Path, spell: str, order: str) -> None:
    task = make_task(tmp_path / "task", split=SplitRule(SplitKind.TIME, "day"))
    for path in (task.train, task.test):
        assert path is not None
        rows = read_csv(path)
        for row in rows:
            _, month, day = (int(part) for part in row["day"].split("-"))
            row["at"], row["day"] = row["day"], spell.format(day=day, month=month, number=40 * month + day)
        write_csv(path, {name: [row[name] for row in rows] for name in rows[0]})
    prepared = prepare(task, SETTINGS, tmp_path / "run")
    moments = [row["at"] for row in read_csv(prepared.input(2) / "train.csv")]
    assert moments == sorted(moments), order


def test_a_time_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    task = make_task(tmp_path / "task", split=SplitRule(SplitKind.TIME, "city"))
    with pytest.raises(TaskError, match="'city'"):
        prepare(task, SETTINGS, tmp_path / "run")
