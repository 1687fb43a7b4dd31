"""Choose which of the files beside train.csv scripts see, if ``task.toml`` does not say it.

A copy of the training data, or the answers, would hand scripts the labels that they are scored on, and every score
would be worth nothing. So what may hold labels is shown only if ``extra`` names it: tables with a target column
and files that cannot be looked into cheaply. Every choice leaves a note.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, Protocol

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from aide_local.basics.files import files_below

_HEAD = 1 << 16  # bytes of a file that are looked at
_LONGEST_HEADER = 1 << 24  # bytes; tables of a hundred thousand columns have such first lines
_MOST_NAMED = 12  # files that a note names

# Shown without a look: they hold no table, and a folder can hold a million of them.
_MEDIA = frozenset((
    ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".svg", ".dcm", ".nii", ".pgm",
    ".ppm", ".wav", ".mp3", ".flac", ".ogg", ".m4a", ".mp4", ".avi", ".mov", ".mkv", ".pdf", ".py",
))  # fmt: skip
_DESKTOP = frozenset({"thumbs.db", "desktop.ini", ".ds_store"})  # what file managers leave in image folders
# Never shown unasked: they can hold anything, among it the training data.
_CLOSED = frozenset((
    ".ipynb", ".pkl", ".pickle", ".joblib", ".dill", ".pt", ".pth", ".duckdb", ".ddb", ".db", ".sqlite",
    ".sqlite3", ".mdb", ".accdb", ".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".h5", ".hdf", ".hdf5",
    ".mat", ".rds", ".rda", ".rdata", ".dta", ".sav", ".sas7bdat", ".arff", ".tfrecord", ".orc", ".avro",
    ".tar", ".tgz", ".7z", ".rar",
))  # fmt: skip
_ARRAYS = frozenset({".npy", ".npz"})  # closed beside train.csv; in folders they are files of rows
_TABLES = frozenset({".csv", ".tsv", ".tab", ".psv", ".dat", ".data"})
_PACKED = frozenset({".gz", ".bz2", ".xz", ".zst", ".lz4"})
_MAGIC = (
    (b"SQLite format 3", "a database"),
    (b"\x80\x04\x95", "a pickle"),
    (b"\x80\x05\x95", "a pickle"),
    (b"\x89HDF", "an HDF5 file"),
    (b"FEA1", "an old Feather file"),
    (b"\xd0\xcf\x11\xe0", "an Office file"),
    (b"7z\xbc\xaf", "an archive"),
    (b"Rar!", "an archive"),
)


class Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Visible:
    """The files that scripts see beside the tables, and the notes that say so."""

    paths: tuple[Path, ...]
    notes: tuple[str, ...]


def choose_visible(beside: Iterable[Path], labels: Iterable[str], columns: Iterable[str]) -> Visible:
    """Choose among files and folders that nobody named; a folder is shown or left out as a whole.

    ``labels`` are the columns of targets and of predictions, ``columns`` all of train.csv.
    """
    targets = frozenset(map(_plain, labels))
    search = _Search(targets, targets | frozenset(map(_plain, columns)))
    shown: list[Path] = []
    left_out: dict[str, list[str]] = {}
    for path in beside:
        reason = search.in_folder(path) if path.is_dir() else search.in_file(path, beside=True)
        if reason is None:
            shown.append(path)
        else:
            left_out.setdefault(reason, []).append(path.name)
    notes = [
        f"Not shown to scripts: {_names(names)}: {reason}; to show it, name it with `extra` in task.toml."
        for reason, names in left_out.items()
    ]
    return Visible(tuple(shown), (*note_of(shown), *notes))


def note_of(shown: Iterable[Path]) -> tuple[str, ...]:
    """Return the note on files that are shown because they lie beside the tables."""
    names = [path.name for path in shown]
    if not names:
        return ()
    return (
        f"Scripts also see {_names(names)}, found beside the tables; `extra` in task.toml says it otherwise.",
    )


def _names(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(repr(name) for name in names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _plain(name: str) -> str:
    return name.strip().strip("\"'").casefold()


@dataclass(frozen=True, slots=True)
class _Search:
    """Looks for labels; each method returns the reason why something is not shown, or None.

    ``columns`` are all names of the training file, the labels among them.
    """

    labels: frozenset[str]
    columns: frozenset[str]

    def in_folder(self, folder: Path) -> str | None:
        for path in files_below(folder):
            if (reason := self.in_file(path, beside=False)) is not None:
                return f"{str(path.relative_to(folder))!r} in it: {reason}"
        return None

    def in_file(self, path: Path, *, beside: bool) -> str | None:
        if path.suffix.lower() in _MEDIA or path.name.lower() in _DESKTOP:
            return None
        try:
            with path.open("rb") as file:
                return self._in_stream(file, path, beside=beside)
        except _UNREADABLE as error:
            return f"it cannot be looked into ({type(error).__name__})"

    def _in_stream(self, file: IO[bytes], name: PurePath, *, beside: bool) -> str | None:
        suffix = name.suffix.lower()
        if suffix in _CLOSED or (beside and suffix in _ARRAYS):
            return f"a {suffix} file can hold the target"
        head = _beginning(file)
        file.seek(0)
        for magic, what in _MAGIC:
            if head.startswith(magic):
                return f"{what} can hold the target"
        if head[8:12] == b"DUCK":
            return "a database can hold the target"
        if head.startswith(b"PK\x03\x04"):
            return self._in_archive(file)
        if head.startswith(b"PAR1"):
            return self._among(pq.read_schema(file).names)
        if head.startswith(b"ARROW1"):
            return self._among(ipc.open_file(file).schema.names)
        unpacked = _unpacked(file, head)
        if unpacked is not None:
            inner = name.with_suffix("") if suffix in _PACKED else name
            return self._in_stream(io.BytesIO(_beginning(unpacked)), inner, beside=beside)
        return self._in_text(head, suffix)

    def _in_archive(self, file: IO[bytes]) -> str | None:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                name = PurePath(member.filename)
                if member.is_dir() or name.suffix.lower() in _MEDIA:
                    continue
                with archive.open(member) as inside:
                    if (reason := self._in_stream(inside, name, beside=False)) is not None:
                        return f"{member.filename!r} in it: {reason}"
        return None

    def _in_text(self, head: bytes, suffix: str) -> str | None:
        wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
        text = head.decode("utf-16" if wide else "utf-8-sig", "replace")
        if text.lstrip().startswith(("{", "[")):
            return self._among(re.findall(r'"((?:[^"\\]|\\.)*)"\s*:', text))
        for line in _header_lines(text):
            for separator in ",;\t|":
                names = next(csv.reader([line], delimiter=separator), [])
                known = sum(_plain(name) in self.columns for name in names)
                # A sentence may hold the target's name between commas; a header holds other columns, too.
                if suffix in _TABLES or known >= min(2, len(names)):
                    reason = self._among(names)
                    if reason is not None:
                        return reason
        return None

    def _among(self, names: Iterable[str]) -> str | None:
        found = next((name for name in names if _plain(name) in self.labels), None)
        return f"it holds the target {found.strip()!r}" if found is not None else None


_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,  # among them those of Arrow and of text
    RuntimeError,  # a ZIP archive with a password
    NotImplementedError,  # one with a compression that Python lacks
    csv.Error,
    lzma.LZMAError,
    zlib.error,
    zipfile.BadZipFile,
    pa.ArrowException,
)


def _beginning(file: Readable) -> bytes:
    """Return the head of a file, with its first line whole."""
    head = file.read(_HEAD)
    while b"\n" not in head and len(head) < _LONGEST_HEADER:
        more = file.read(_HEAD)
        if not more:
            break
        head += more
    return head


def _unpacked(file: IO[bytes], head: bytes) -> Readable | None:
    """Return the content of a compressed file; None if it is not one."""
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file)
    if head.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if head.startswith(b"\xfd7zXZ\x00"):
        return lzma.LZMAFile(file)
    for magic, name in ((b"\x28\xb5\x2f\xfd", "zstd"), (b"\x04\x22\x4d\x18", "lz4")):
        if head.startswith(magic):
            stream: Readable = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), name)
            return stream
    return None


def _header_lines(text: str) -> Iterator[str]:
    """Yield the first line that is not empty, and the comments before it: NumPy writes headers as comments."""
    for line in text.splitlines():
        content = line.strip()
        if content.startswith("#"):
            yield content.lstrip("# ")
        elif content:
            yield content
            return
