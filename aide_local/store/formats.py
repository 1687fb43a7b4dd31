"""A query's result, an Arrow table, as text for a person or as data for a program.

All formats are written batch by batch: Python's objects take some fifty times the room of Arrow's, so there are never
more of them than a batch has, or than a person reads.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import re
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any

from aide_local.basics.text import neutralise

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = 10_000  # rows of a table for a person
WIDEST = 80  # characters of a cell there
_BATCH = 1_000  # rows
_BACKSLASH = re.compile(r"\\(?=[!-/:-@\[-`{-~])")  # one that is no text in Markdown (CommonMark 2.4)
_ENCODER = json.JSONEncoder(default=str, ensure_ascii=False, allow_nan=False)
_GROUP = 2**17  # rows that Parquet compresses together


def write_table(found: pa.Table, sink: IO[bytes], *, markdown: bool = False) -> None:
    """Write at most SHOWN rows, harmless to a terminal; the last line says so if there are more."""
    names = [_line(name) for name in found.column_names]
    rows = [
        [_cell(value) for value in row]
        for batch in found.slice(0, SHOWN).to_reader(_BATCH)
        for row in zip(*(_values(column, WIDEST) for column in batch.columns), strict=True)
    ]
    if markdown:
        names, *rows = [[_escape(cell) for cell in row] for row in (names, *rows)]
    widths = [max(len(row[at]) for row in (names, *rows)) for at in range(len(names))]
    rule = ["-" * width for width in widths]
    for row in (names, rule, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        line = f"| {' | '.join(cells)} |" if markdown else "  ".join(cells).rstrip()
        sink.write(f"{line}\n".encode())
    if found.num_rows > SHOWN:
        note = f"(the first {SHOWN:,} of {found.num_rows:,} rows; csv, json and parquet have all)\n"
        sink.write(f"\n{note}".encode() if markdown else note.encode())
    elif not markdown:
        sink.write(f"({len(rows)} {'row' if len(rows) == 1 else 'rows'})\n".encode())


def write_csv(found: pa.Table, sink: IO[bytes], *, terminal: bool = False) -> None:
    """Write every value exactly, but for a ``terminal`` harmlessly."""
    import pyarrow.csv as pacsv

    def write(part: pa.Table | pa.RecordBatch, *, header: bool) -> None:
        buffer = io.BytesIO()
        pacsv.write_csv(_flatten(part), buffer, pacsv.WriteOptions(include_header=header))
        content = buffer.getvalue()
        sink.write(neutralise(content.decode()).encode() if terminal else content)

    write(found.schema.empty_table(), header=True)
    for batch in found.to_reader(_BATCH):
        write(batch, header=False)


def write_json(found: pa.Table, sink: IO[bytes]) -> None:
    """Write an array of objects, by RFC 8259: no NaN, no infinity."""
    names = found.column_names
    between = "["
    for batch in found.to_reader(_BATCH):
        columns = [_numbers(column) for column in batch.columns]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        if rows:
            sink.write((between + _json(rows)[1:-1]).encode())
            between = ", "
    sink.write(b"[]\n" if between == "[" else b"]\n")


def write_parquet(found: pa.Table, sink: IO[bytes]) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(sink, found.schema) as writer:
        for at in range(0, found.num_rows, _GROUP):  # in steps, so that Ctrl+C is noticed
            writer.write_table(found.slice(at, _GROUP))


def _values(column: pa.Array | pa.ChunkedArray, most: int | None = None) -> list[Any]:
    """Return Python's objects; of lists the first ``most`` elements."""
    import pyarrow as pa

    if most is None or not pa.types.is_nested(column.type):
        with contextlib.suppress(OverflowError, ValueError):  # a moment that Python lacks, such as infinity
            values: list[Any] = column.to_pylist()
            return values
    return [_python(one, most) for one in column]


def _python(scalar: pa.Scalar, most: int | None) -> Any:
    """Return what ``as_py`` does, but moments that Python lacks as text, and lists cut."""
    import pyarrow as pa

    if not scalar.is_valid:
        return None
    if isinstance(scalar, pa.MapScalar):
        return [[_python(part, most) for part in pair.values()] for pair in scalar.values[:most]]
    if isinstance(scalar, pa.StructScalar):
        return {name: _python(part, most) for name, part in scalar.items()}
    if pa.types.is_nested(scalar.type):
        return [_python(one, most) for one in scalar.values[:most]]
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        return scalar.cast(pa.string()).as_py()


def _flatten(part: pa.Table | pa.RecordBatch) -> pa.Table:
    """Return lists and structures as JSON text: CSV has no other way."""
    import pyarrow as pa

    columns = [
        pa.array([None if one is None else _json(one) for one in _numbers(column)], pa.string())
        if pa.types.is_nested(column.type)
        else column
        for column in part.columns
    ]
    return pa.table(columns, names=part.column_names)


def _json(value: object) -> str:
    """Return JSON in which everything that a terminal would obey, such as U+009B, is escaped as JSON escapes it."""
    text = _ENCODER.encode(value)
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in text)


def _numbers(column: pa.Array) -> list[Any]:
    """Return the values, with numbers that JSON has."""
    import pyarrow as pa

    values = _values(column)
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_nested(kind):
        return [_plain(value) for value in values]
    return values


def _plain(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case Decimal():  # also DuckDB's sums, which are HUGEINT
            return float(value) if value.as_tuple().exponent else int(value)
        case list() | tuple():
            return [_plain(one) for one in value]
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case _:
            return value


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case float():
            text = f"{value:.6g}"
            if "e+" in text and abs(value) < 1e16:  # all digits before the point, while a double has them
                text = f"{value:.1f}"
        case Decimal():
            text = f"{value:f}"
        case list() | dict():
            text = _json(_plain(value))
        case _:
            text = str(value)
    text = _line(text)
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def _line(text: str) -> str:
    """Return ``text`` as one harmless line."""
    return neutralise(" ".join(text.split()))


def _escape(cell: str) -> str:
    """Return a cell of Markdown (GitHub's tables): a bar would begin the next one, and a backslash before a sign vanish."""
    return _BACKSLASH.sub(r"\\\\", cell).replace("|", r"\|")
