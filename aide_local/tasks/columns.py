"""Describe the columns of a table: kind, gaps, range, frequent values."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from aide_local.evaluate.form import MISSING
from aide_local.task import Column, ColumnKind

_SAMPLE = 20_000  # rows that the kind is read from
_BOOLEANS = {"true", "false", "yes", "no", "t", "f", "y", "n"}
_DATE = re.compile(
    r"^(\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}[- ][A-Za-z]{3}[- ,]+\d{2,4})"
    r"([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?( ?(Z|[AP]M|[+-]\d{2}:?\d{2}))?$"
)
_YEAR_FIRST = re.compile(r"\d{4}\D")
_TEXT_WORDS = 3.5  # words of a free text, on average
_EXAMPLES = 5


def describe_column(name: str, values: pa.ChunkedArray, *, in_test: bool = True) -> Column:
    """Describe a column; ``values`` are texts as spelled in the file, one a row."""
    missing = pc.is_in(pc.utf8_lower(values), value_set=pa.array(MISSING, pa.large_string()))
    gaps = pc.sum(missing).as_py() or 0
    known = values.filter(pc.invert(missing))
    unique = pc.count_distinct(known).as_py()
    kind = kind_of(known, unique)
    low = high = ""
    if kind is ColumnKind.NUMERIC:
        numbers = to_numbers(known)
        found = pc.min_max(numbers).as_py() if numbers is not None else {"min": None, "max": None}
        low, high = (f"{found[end]:.6g}" if found[end] is not None else "" for end in ("min", "max"))
    elif kind is ColumnKind.DATETIME:
        found = pc.min_max(known).as_py()
        if _YEAR_FIRST.match(found["min"]) and _YEAR_FIRST.match(found["max"]):  # then texts sort as times do
            low, high = found["min"], found["max"]
    return Column(
        name,
        kind,
        missing=round(gaps / len(values), 4) if len(values) else 0.0,
        unique=unique,
        low=low,
        high=high,
        examples=most_frequent(known)
        if kind in (ColumnKind.CATEGORICAL, ColumnKind.TEXT, ColumnKind.BOOLEAN)
        else (),
        in_test=in_test,
    )


def kind_of(known: pa.ChunkedArray, unique: int) -> ColumnKind:
    """Return the kind of a column, read from the spelling of its values."""
    if unique <= 1:
        return ColumnKind.CONSTANT
    sample = known.slice(0, _SAMPLE)
    if to_numbers(sample) is not None and to_numbers(known) is not None:
        return ColumnKind.NUMERIC
    distinct = [str(value) for value in pc.unique(sample).to_pylist()[:500]]
    if {value.lower() for value in distinct} <= _BOOLEANS:
        return ColumnKind.BOOLEAN
    if all(_DATE.match(value.strip()) for value in distinct):
        return ColumnKind.DATETIME
    words = sum(len(value.split()) for value in distinct) / len(distinct)
    if words >= _TEXT_WORDS and unique > min(1000, 0.2 * len(known)):
        return ColumnKind.TEXT
    return ColumnKind.CATEGORICAL


def to_numbers(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return floats, or None if some value is not a number."""
    try:
        return pc.cast(pc.utf8_trim_whitespace(values), pa.float64())
    except pa.ArrowInvalid:
        return None


def most_frequent(known: pa.ChunkedArray, most: int = _EXAMPLES) -> tuple[str, ...]:
    """Return the most frequent values, at most ``most``."""
    counts = sorted(
        (
            (entry["counts"], entry["values"])
            for entry in pc.value_counts(known.slice(0, _SAMPLE)).to_pylist()
        ),
        key=lambda pair: (-pair[0], pair[1]),
    )
    return tuple(value for _, value in counts[:most])
