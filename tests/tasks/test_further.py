"""Nothing that may hold labels is shown to scripts unless task.toml names it."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from aide_local.task import Task
from tests.tasks.making import NUMBER, table, understood


def folder_of(tmp_path: Path) -> Path:
    table(tmp_path / "train.csv", id=lambda n: n, x=NUMBER, y=lambda n: 1.5 * n)
    table(tmp_path / "test.csv", 20, id=lambda n: 60 + n, x=NUMBER)
    return tmp_path


def shown(task: Task) -> list[str]:
    return [path.name for path in task.extra]


def told(task: Task) -> str:
    return "\n".join(task.notes)


def zipped(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, content)
    return made.getvalue()


def as_parquet(content: bytes) -> bytes:
    made = io.BytesIO()
    pq.write_table(pacsv.read_csv(io.BytesIO(content)), made)
    return made.getvalue()


def as_feather(content: bytes) -> bytes:
    made = io.BytesIO()
    feather.write_feather(pacsv.read_csv(io.BytesIO(content)), made)
    return made.getvalue()


def as_json(content: bytes) -> bytes:
    return json.dumps(pacsv.read_csv(io.BytesIO(content)).to_pylist()).encode()


def as_arrays(content: bytes) -> bytes:
    made = io.BytesIO()
    np.save(made, np.loadtxt(io.BytesIO(content), delimiter=",", skiprows=1))
    return made.getvalue()


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "train_original.csv": lambda content: content,
    "train.csv.bak": lambda content: content,
    "answers.tsv": lambda content: content.replace(b",", b"\t"),
    "semicolons.csv": lambda content: content.replace(b",", b";"),
    "utf16.csv": lambda content: content.decode().encode("utf-16"),
    "quoted.csv": lambda content: content.replace(b"id,x,y", b'"id","x","Y"'),
    "numpy.txt": lambda content: b"# made by savetxt\n# " + content,
    "wide.csv": lambda content: b",".join(b"c%d" % n for n in range(40_000)) + b"," + content,
    "train.csv.gz": gzip.compress,
    "train.csv.bz2": bz2.compress,
    "train.csv.xz": lzma.compress,
    "train.csv.zst": lambda content: pa.compress(content, "zstd", asbytes=True),
    "data.zip": lambda content: zipped("inner/train.csv", content),
    "train.parquet": as_parquet,
    "train.feather": as_feather,
    "train.json": as_json,
    "arrays.npy": as_arrays,
    "frame.pkl": pickle.dumps,
    "no_ending": pickle.dumps,
    "explore.ipynb": lambda content: b"{}",
    "data.duckdb": lambda content: b"",
    "broken.csv.gz": lambda content: gzip.compress(content)[:30],
}


@pytest.mark.parametrize("name", FORMS)
def test_a_copy_of_the_training_data_is_not_shown_and_reported(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path)
    (folder / name).write_bytes(FORMS[name]((folder / "train.csv").read_bytes()))
    task = understood(folder)
    assert shown(task) == []
    assert repr(name) in told(task)
    assert "`extra` in task.toml" in told(task)
    (folder / "task.toml").write_text(f'extra = ["{name}"]\n')
    assert shown(understood(folder)) == [name]


def test_a_folder_in_which_the_labels_lie_is_not_shown(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    (folder / "older" / "deep").mkdir(parents=True)
    shutil.copy(folder / "train.csv", folder / "older" / "deep" / "first.csv")
    task = understood(folder)
    assert shown(task) == []
    assert "'older': 'deep/first.csv' in it: it holds the target 'y'" in told(task)


def test_a_database_by_another_name_is_not_shown(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    made = sqlite3.connect(folder / "store")
    made.execute("CREATE TABLE t (y REAL)")
    made.commit()
    made.close()
    assert shown(understood(folder)) == []


def test_columns_of_predicted_classes_are_labels_too(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", id=lambda n: n, x=NUMBER, kind=lambda n: "abc"[n % 3])
    table(tmp_path / "test.csv", 20, id=lambda n: 60 + n, x=NUMBER)
    for name in ("sample_submission.csv", "answers.csv"):
        table(tmp_path / name, 20, id=lambda n: 60 + n, a=lambda n: 0.2, b=lambda n: 0.3, c=lambda n: 0.5)
    assert shown(understood(tmp_path)) == []


def test_what_holds_no_label_is_shown_and_reported(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    (folder / "images").mkdir()
    for name in ("0.png", "1.png", "Thumbs.db"):
        (folder / "images" / name).write_bytes(b"picture")
    (folder / "series").mkdir()
    for n in range(3):
        np.save(folder / "series" / f"{n}.npy", np.arange(3))
        (folder / "series" / f"{n}.txt").write_text("why, y, one asks, and x\n" if n else "y, then\n")
    (folder / "stores.csv").write_text("store,city\n1,Oslo\n")
    (folder / "stores.csv.gz").write_bytes(gzip.compress(b"store,city\n1,Oslo\n"))
    (folder / "images.zip").write_bytes(zipped("0.png", b"picture"))
    (folder / "notes.txt").write_text("x is the length,\ny the price.\n")
    task = understood(folder)
    assert shown(task) == ["images", "images.zip", "notes.txt", "series", "stores.csv", "stores.csv.gz"]
    (note,) = [note for note in task.notes if note.startswith("Scripts also see")]
    assert all(repr(name) in note for name in shown(task))


def test_all_that_lies_beside_a_task_without_tables_is_shown_and_reported(tmp_path: Path) -> None:
    (tmp_path / "task.toml").write_text('mode = "reported"\nmetric = "dice"\ndirection = "maximize"\n')
    (tmp_path / "scans.h5").write_bytes(b"\x89HDF")
    task = understood(tmp_path)
    assert shown(task) == ["scans.h5"]
    assert "'scans.h5'" in told(task)
