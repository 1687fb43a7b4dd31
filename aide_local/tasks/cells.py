"""Check the cells of the target and id columns; each problem has its line and its fix."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from aide_local.basics.tables import Table
from aide_local.evaluate.form import MISSING
from aide_local.tasks.columns import to_numbers
from aide_local.tasks.problems import CannotGoOn, Problems
from aide_local.tasks.reading import line_of

# "1,000", "$12.50", "12 %", "1.234,5": a number to a person, a text to a program.
_DRESSED = re.compile(r"^[^\w\s]?\s?[-+]?\d{1,3}([ ,.'\u00a0]?\d{3})*([.,]\d+)?\s?([%€$£]|[a-zA-Z]{1,3})?$")
_MANY = 0.5  # of the rows: so many different texts are no classes


def check_targets(path: Path, train: Table, targets: Sequence[str], problems: Problems) -> None:
    """Check the target columns. Raises CannotGoOn if one cannot be learned from."""
    for name in targets:
        values = train.columns[name]
        missing = pc.is_in(pc.utf8_lower(values), value_set=pa.array(MISSING, pa.large_string()))
        count = pc.sum(missing).as_py() or 0
        if count:
            row = pc.index(missing, True).as_py()
            problems.error(
                f"{path}, line {line_of(path, row)}, column {name!r}",
                f"{count} {'row has' if count == 1 else 'rows have'} no target.",
                'Fill them in, or remove the rows: python -c "import pandas as pd; pd.read_csv('
                f"{str(path)!r}).dropna(subset=[{name!r}]).to_csv('new.csv', index=False)\".",
            )
        if pc.count_distinct(values).as_py() == 1:
            problems.error(
                f"{path}, column {name!r}",
                "The target is the same in every row.",
                "There is nothing to learn: check --target.",
            )
            raise CannotGoOn
        if not count and to_numbers(values) is None:
            _check_texts(path, train.rows, name, values, problems)
    if problems.errors:
        raise CannotGoOn


def _check_texts(path: Path, rows: int, name: str, values: pa.ChunkedArray, problems: Problems) -> None:
    """Report texts that should be numbers: nearly every row has one of its own."""
    distinct = [str(value) for value in pc.unique(values).to_pylist()]
    if len(distinct) < max(20, _MANY * rows):
        return
    odd = next((value for value in distinct if not _is_number(value)), distinct[0])
    line = line_of(path, pc.index(values, odd).as_py())
    if sum(1 for value in distinct if _is_number(value) or _DRESSED.match(value.strip())) >= 0.9 * len(
        distinct
    ):
        problems.error(
            f"{path}, line {line}, column {name!r}",
            f"{odd!r} is not a number for a program; {len(distinct):,} different texts cannot be classes.",
            "Write numbers as 1234.5: without thousands separators, currencies and units.",
        )
    else:
        problems.error(
            f"{path}, line {line}, column {name!r}",
            f"The target holds {len(distinct):,} different texts, such as {odd!r}, in {rows:,} rows: neither numbers"
            " nor classes.",
            "Choose another --target, or fix the column.",
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def check_classes(path: Path, train: Table, target: str, classes: Sequence[str], problems: Problems) -> None:
    """Report two spellings of what is one class, to a program or to a person.

    Raises:
        CannotGoOn: they are one number, so scripts could not tell them apart.
    """
    spellings: dict[object, str] = {}
    for one in classes:
        key: object = float(one) if _is_number(one) else " ".join(one.lower().split())
        other = spellings.setdefault(key, one)
        if other == one:
            continue
        where = (
            f"{path}, line {line_of(path, pc.index(train.columns[target], one).as_py())}, column {target!r}"
        )
        if isinstance(key, float):
            problems.error(
                where,
                f"The classes {other!r} and {one!r} are one and the same number.",
                "Spell them the same.",
            )
            raise CannotGoOn
        problems.warn(
            where,
            f"The classes {other!r} and {one!r} differ in spaces or letter case only.",
            "They are taken for two classes: spell them the same if they are one.",
        )
    _check_rare(path, train, target, problems)


def _check_rare(path: Path, train: Table, target: str, problems: Problems) -> None:
    counts = pc.value_counts(train.columns[target]).to_pylist()
    rare = sorted(str(one["values"]) for one in counts if one["counts"] == 1)
    if rare:
        line = line_of(path, pc.index(train.columns[target], rare[0]).as_py())
        more = f" and {len(rare) - 1} more" if len(rare) > 1 else ""
        problems.warn(
            f"{path}, line {line}, column {target!r}",
            f"The class {rare[0]!r}{more} is in one row only.",
            "Where that row is predicted, no other row can be learned from: join rare classes, or leave them out.",
        )


def check_ids(name: str, files: Sequence[tuple[Path | None, Table | None]], problems: Problems) -> None:
    """Report repeated values of the column ``name``, which is taken for the id."""
    for path, table in files:
        if path is None or table is None or name not in table.columns:
            continue
        repeated = first_repeated(table.columns[name])
        if repeated is not None:
            value, row = repeated
            problems.error(
                f"{path}, line {line_of(path, row)}, column {name!r}",
                f"The id {value!r} is there more than once.",
                "Ids must be unique: fix them, or choose another column with --id.",
            )


def warn_of_lost_id(path: Path, train: Table, problems: Problems) -> None:
    """Warn of a column that is called an id, but has a few repeated values: it is taken for a feature."""
    for name, values in train.columns.items():
        if not re.fullmatch(r"(row_?)?id|index", name, re.IGNORECASE):
            continue
        repeated = first_repeated(values)
        if repeated is not None and pc.count_distinct(values).as_py() > 0.9 * train.rows:
            value, row = repeated
            problems.warn(
                f"{path}, line {line_of(path, row)}, column {name!r}",
                f"The id {value!r} is there more than once, so the column is taken for a feature.",
                "Make the ids unique, or remove the column.",
            )


def first_repeated(values: pa.ChunkedArray) -> tuple[str, int] | None:
    """Return the first value that occurred before, and its row from 0."""
    if pc.count_distinct(values).as_py() == len(values):
        return None
    earlier: set[str] = set()
    for row, value in enumerate(values.to_pylist()):
        if value in earlier:
            return value, row
        earlier.add(value)
    return None
