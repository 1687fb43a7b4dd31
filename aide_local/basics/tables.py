"""CSV files as columns of text: every value passes through unchanged, at the speed of Arrow.

Numbers are never parsed on the way from the person's files to a candidate's, so leading zeros, long
integers and the spelling of dates survive; only quoting may differ.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from aide_local.errors import TaskError

# A fixed time for every file that a candidate sees: 2000-01-01.
EPOCH_NS = 946_684_800 * 10**9


class Table:
    """Columns of text of one length, by name and in the file's order."""

    def __init__(self, columns: Mapping[str, pa.ChunkedArray], rows: int) -> None:
        self.columns = dict(columns)
        self.rows = rows

    def texts(self, name: str) -> NDArray[np.object_]:
        """Return one column as Python strings (n,)."""
        return np.asarray(self.columns[name].to_numpy(), dtype=object)


def header(path: Path) -> list[str]:
    """Return the names in a CSV's first line.

    Raises:
        TaskError: the file cannot be read, is not UTF-8, or is empty.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TaskError(f"{path} cannot be read as a CSV file: {error}.", _CHECK) from error


def read_table(path: Path) -> Table:
    """Return every column of a CSV file as text; an empty cell is the empty string.

    Raises:
        TaskError: the file is not a CSV with a header and rows of one length.
    """
    names = header(path)
    if not names or len(set(names)) != len(names):
        raise TaskError(f"{path} has no header of distinct column names.", _CHECK)
    try:
        table = pacsv.read_csv(
            path,
            parse_options=pacsv.ParseOptions(newlines_in_values=True),
            convert_options=as_text(names),
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise TaskError(f"{path} cannot be read as a CSV file: {error}.", _CHECK) from error
    return Table({name: table.column(at) for at, name in enumerate(names)}, table.num_rows)


_CHECK = "Run `aide-local task check` on the task to see every problem of its files."


def as_text(names: Sequence[str]) -> pacsv.ConvertOptions:
    """Return Arrow's options that leave every column as it is spelled."""
    return pacsv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False
    )


def take(column: pa.ChunkedArray, rows: NDArray[np.int64]) -> pa.Array:
    """Return the values at ``rows``, in that order."""
    return column.take(pa.array(rows)).combine_chunks()


def text_array(values: Sequence[str] | NDArray[Any]) -> pa.Array:
    return pa.array(values, type=pa.large_string())


def number_texts(values: NDArray[Any]) -> pa.Array:
    """Return numbers as the shortest texts that read back as the same numbers."""
    return pc.cast(pa.array(values), pa.large_string())


def write_table(path: Path, columns: Mapping[str, pa.Array]) -> None:
    """Write columns of text as CSV (RFC 4180 quoting where needed, ``\\n`` line ends).

    Arrow's own writer quotes every text, numbers too; here a column is quoted only if one of its values
    must be. The lines are joined in memory: the joined column's buffer is the file's content.
    """
    quoted = [_quoted(column, alone=len(columns) == 1) for column in columns.values()]
    names = ",".join(_quoted_name(name) for name in columns)
    with path.open("wb") as file:
        file.write(names.encode() + b"\n")
        for start in range(0, len(quoted[0]), _ROWS_AT_ONCE):
            parts = [column.slice(start, _ROWS_AT_ONCE) for column in quoted]
            lines = pc.binary_join_element_wise(*parts, pa.scalar(",", pa.large_string()))
            lines = pc.binary_join_element_wise(
                lines, pa.scalar("", pa.large_string()), pa.scalar("\n", pa.large_string())
            )
            _, _, content = lines.buffers()
            file.write(memoryview(content)[: pc.sum(pc.binary_length(lines)).as_py()])


_ROWS_AT_ONCE = 100_000


def _quoted(column: pa.Array, alone: bool) -> pa.Array:
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    special = pc.match_substring_regex(column, '[",\r\n]')
    if alone:  # an empty line would not be read as a row
        special = pc.or_(special, pc.equal(column, ""))
    if not pc.any(special, min_count=0).as_py():
        return column
    doubled = pc.replace_substring(column, '"', '""')
    mark = pa.scalar('"', pa.large_string())
    wrapped = pc.binary_join_element_wise(mark, doubled, mark, pa.scalar("", pa.large_string()))
    return pc.if_else(special, wrapped, column)


def _quoted_name(name: str) -> str:
    needs = any(sign in name for sign in '",\r\n')
    return '"' + name.replace('"', '""') + '"' if needs else name


def same_time(path: Path) -> None:
    """Give a file the one time that all files of candidates have."""
    os.utime(path, ns=(EPOCH_NS, EPOCH_NS))


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write the file whole or not at all; it is on the disk when this returns."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(buffer.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
