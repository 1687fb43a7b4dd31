"""Read a task's CSV files, or say exactly what is wrong with them: which line, which byte, what to do."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from shlex import quote

from aide_local.basics.tables import Table, read_table
from aide_local.errors import TaskError
from aide_local.tasks.problems import Problems

_DECIMAL_COMMA = re.compile(rb"(?:^|[;\t|\n])[-+]?\d+,\d+(?=[;\t|\r\n])")
_MOST_LINES = 5_000_000  # looked at one by one, and only in a file that could not be read


def read_checked(path: Path, problems: Problems) -> Table | None:
    """Read a table; None if it cannot be read, and then the problems say why."""
    before = len(problems.found)
    head = _head(path, problems)
    if head is None:
        return None
    if not _header(path, head, problems):
        return None
    try:
        table = read_table(path)
    except TaskError as error:
        _look_closely(path, problems)
        if len(problems.found) == before:
            problems.error(path, error.message, "Write it anew as comma-separated UTF-8 with a header.")
        return None
    if table.rows == 0:
        problems.error(path, "It has a header but no rows.", "Give a file with rows.")
        return None
    return table


def line_of(path: Path, row: int) -> int:
    """Return the line of the file in which a row, counted from 0, begins: quoted cells may hold line ends."""
    with path.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text)
        next(reader)
        begins = reader.line_num + 1
        for cells in reader:
            if cells:  # Arrow does not count empty lines as rows
                if row == 0:
                    return begins
                row -= 1
            begins = reader.line_num + 1
    raise ValueError(f"{path} has no such row")


def _head(path: Path, problems: Problems) -> bytes | None:
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError as error:
        problems.error(path, f"It cannot be read: {error.strerror}.", "Check the path and its permissions.")
        return None
    for magic, what, fix in (
        (b"\x1f\x8b", "gzip-compressed", f"gunzip {quote(str(path))}"),
        (b"PK\x03\x04", "a ZIP archive or a spreadsheet", "unpack it, or export it as CSV"),
        (b"PAR1", "a Parquet file", "convert it: duckdb -c \"COPY 'file' TO 'train.csv'\""),
        (b"\xff\xfe", "UTF-16 text", f"iconv -f UTF-16 -t UTF-8 {quote(str(path))} > new.csv"),
        (b"\xfe\xff", "UTF-16 text", f"iconv -f UTF-16 -t UTF-8 {quote(str(path))} > new.csv"),
    ):
        if head.startswith(magic):
            problems.error(path, f"It is {what}, not a plain CSV file.", f"Fix: {fix}.")
            return None
    if not head.strip():
        problems.error(path, "It is empty.", "Give a CSV file with a header and rows.")
        return None
    return head


def _header(path: Path, head: bytes, problems: Problems) -> bool:
    line = head.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip("\r")
    names = next(csv.reader([line]), [])
    if len(names) == 1:
        for sign, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if line.count(sign) > 0:
                comma = ", decimal=','" if _DECIMAL_COMMA.search(head) else ""
                problems.error(
                    f"{path}, line 1",
                    f"Its columns are separated by {word}, not commas.",
                    f'Convert it: python -c "import pandas as pd; pd.read_csv({str(path)!r}, sep={sign!r}{comma})'
                    ".to_csv('new.csv', index=False)\".",
                )
                return False
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        problems.error(
            f"{path}, line 1", f"The column {twice[0]!r} is there more than once.", "Rename one of them."
        )
        return False
    blank = [at + 1 for at, name in enumerate(names) if not name.strip()]
    if blank:
        problems.error(
            f"{path}, line 1, column {blank[0]}",
            "The column has no name.",
            "Name it, or leave it out (an index?).",
        )
        return False
    return True


def _look_closely(path: Path, problems: Problems) -> None:
    """Report the first place where the file is not what it should be."""
    place = 0
    with path.open("rb") as file:
        for number, content in enumerate(file, 1):
            try:
                content.decode("utf-8")
            except UnicodeDecodeError as error:
                problems.error(
                    f"{path}, line {number}",
                    f"It is not UTF-8 text: byte {place + error.start:,} is {content[error.start]:#04x}.",
                    f"Convert it: iconv -f WINDOWS-1252 -t UTF-8 {quote(str(path))} > new.csv",
                )
                return
            place += len(content)
            if number > _MOST_LINES:
                break
    with path.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text)
        try:
            width = len(next(reader))
            begins = reader.line_num + 1
            for row in reader:
                if row and len(row) != width:
                    spans = f", with the lines to {reader.line_num}," if reader.line_num > begins else ""
                    problems.error(
                        f"{path}, line {begins}",
                        f"It has{spans} {len(row)} cells; the header has {width}.",
                        "Cells with commas or line ends must be in double quotes, and each quote must be closed.",
                    )
                    return
                begins = reader.line_num + 1
                if reader.line_num > _MOST_LINES:
                    return
        except csv.Error as error:
            problems.error(
                f"{path}, line {reader.line_num}", f"It is not CSV: {error}.", "Write the file anew."
            )
