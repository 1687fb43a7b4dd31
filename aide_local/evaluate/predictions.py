"""Read the bytes of a script's submission.csv as an array, or raise a named error that says what and where.

The file comes from code that nobody has read: everything in it is checked before a number is used.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from aide_local.basics.tables import as_text
from aide_local.basics.text import printable, quoted
from aide_local.evaluate.form import MISSING, Floats, Form, class_index, find_class, to_numbers
from aide_local.sandbox.host.collect import ArtefactError, ArtefactProblem, read_artefact
from aide_local.task import Predict
from aide_local.types import NodeError

SUBMISSION = "submission.csv"
CONSTANT_SHARE = 0.95  # of rows with one and the same prediction
SUM_TOLERANCE = 1e-2  # of a row of class probabilities; nearer sums are divided out, as Kaggle does
RANGE_TOLERANCE = 1e-6  # of a probability outside [0, 1]: rounding

# A script may take its own folder away or lock it; any other failure to open it is not its fault.
_FOLDER_GONE = (PermissionError, FileNotFoundError, NotADirectoryError)

_SAMPLE = "input/sample_submission.csv"


class PredictionsError(Exception):
    """Raised for a submission that cannot be used; becomes the node's error."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.error = NodeError("predictions", name, printable(message))


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rows and columns that a submission must hold. ``ids`` are those of test.csv, in its order."""

    id_column: str
    ids: pa.Array
    form: Form
    most_frequent: float  # share of the training rows with the most frequent truth


def read_predictions(working: Path, wanted: Wanted) -> Floats:
    """Return ``working/submission.csv`` as soft predictions (n, width) in the order of test.csv.

    Raises:
        PredictionsError: naming the first thing wrong.
        OSError: the folder cannot be read for a reason that is not the script's.
    """
    cells = len(wanted.ids) * (len(wanted.form.outputs) + 1)
    try:
        content = read_artefact(working, SUBMISSION, max(64 * 2**20, 128 * cells))
    except ArtefactError as error:
        if error.problem is ArtefactProblem.MISSING:
            raise _missing_file(working) from error
        raise PredictionsError("UnsafeFile", f"working/{SUBMISSION} cannot be taken: {error}.") from error
    except _FOLDER_GONE as error:
        raise PredictionsError("UnsafeFolder", f"working/ cannot be read: {error.strerror}.") from error
    return parse(content, wanted)


def _missing_file(working: Path) -> PredictionsError:
    found = sorted(path.name for path in working.iterdir())[:5]
    beside = f" It wrote {_listing(found)}." if found else ""
    return PredictionsError(
        "NoSubmission",
        f"The script ended without an error but did not write working/{SUBMISSION}.{beside}",
    )


def parse(content: bytes, wanted: Wanted) -> Floats:
    """Return the predictions in a submission's bytes; see :func:`read_predictions`."""
    columns = _columns(content, (wanted.id_column, *wanted.form.outputs))
    order = _order(columns[wanted.id_column], wanted.ids)
    cells = {name: pc.take(columns[name], pa.array(order)) for name in wanted.form.outputs}
    soft = _labels(cells, wanted) if wanted.form.predict is Predict.LABEL else _values(cells, wanted)
    _refuse_constant(soft, wanted)
    return soft


def _columns(content: bytes, names: Sequence[str]) -> dict[str, pa.Array]:
    """Return the wanted columns as text; further columns do not matter."""
    if not content.strip():
        raise PredictionsError("EmptyFile", f"working/{SUBMISSION} is empty.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PredictionsError(
            "NotUtf8",
            f"working/{SUBMISSION} is not UTF-8 text: byte {error.start} is {content[error.start]:#04x}.",
        ) from error
    found = _header(text)
    missing = [name for name in names if name not in found]
    if missing:
        raise PredictionsError(
            "MissingColumns",
            f"working/{SUBMISSION} has no column {_listing(missing)}; it has {_listing(found)}."
            f" The columns must be those of {_SAMPLE}: {_listing(names)}.",
        )
    twice = [name for name in names if found.count(name) > 1]
    if twice:
        raise PredictionsError(
            "DuplicateColumns", f"working/{SUBMISSION} has more than one column {_listing(twice)}."
        )
    plain = [f"{at}" for at in range(len(found))]  # by position: odd names cannot disturb Arrow
    try:
        table = pacsv.read_csv(
            io.BytesIO(text.encode()),
            read_options=pacsv.ReadOptions(column_names=plain, skip_rows=1),
            parse_options=pacsv.ParseOptions(newlines_in_values=True),
            convert_options=as_text(plain),
        )
    except pa.ArrowInvalid as error:
        raise PredictionsError("NotCsv", f"working/{SUBMISSION} is not a CSV file: {error}") from error
    return {name: table.column(found.index(name)).combine_chunks() for name in names}


def _header(text: str) -> list[str]:
    import csv

    try:
        first = next(csv.reader(io.StringIO(text.split("\n", 1)[0])))
    except (csv.Error, StopIteration) as error:
        raise PredictionsError(
            "NotCsv", f"The first line of working/{SUBMISSION} is not a CSV header: {error}"
        ) from error
    return [name.strip() for name in first]


def _order(found: pa.Array, ids: pa.Array) -> NDArray[np.int64]:
    """Return, for each id of test.csv, the submission's row with it."""
    at = pc.index_in(pc.utf8_trim_whitespace(found), value_set=ids)
    if len(found) != len(ids):
        lost = len(ids) - pc.count_distinct(at).as_py()
        hint = f" {lost} ids of test.csv are not in it." if lost else ""
        raise PredictionsError(
            "WrongRowCount",
            f"working/{SUBMISSION} has {len(found)} rows, but input/test.csv has {len(ids)}:"
            f" predict every row of it, once.{hint}",
        )
    if at.null_count:
        row = pc.index(pc.is_null(at), True).as_py()
        raise PredictionsError(
            "UnknownIds",
            f"{at.null_count} ids of working/{SUBMISSION} are not in input/test.csv; the first is"
            f" {_cell(found, row)} in row {row + 1}. Copy the id column of test.csv.",
        )
    position = np.asarray(at.to_numpy(), dtype=np.int64)
    order = np.full(len(ids), -1, dtype=np.int64)
    order[position] = np.arange(len(position))
    if (order < 0).any():
        row = int(np.flatnonzero(np.bincount(position, minlength=len(ids))[position] > 1)[1])
        lost = int(np.argmax(order < 0))
        raise PredictionsError(
            "DuplicateIds",
            f"In working/{SUBMISSION} the id {_cell(found, row)} is in more than one row (again in row {row + 1}),"
            f" and {ids[lost].as_py()} of input/test.csv is missing.",
        )
    return order


def _values(cells: dict[str, pa.Array], wanted: Wanted) -> Floats:
    """Return values or probabilities (n, width)."""
    form = wanted.form
    columns = [_numbers(name, column, wanted.ids) for name, column in cells.items()]
    soft = np.column_stack(columns)
    if form.predict is Predict.VALUE:
        return soft
    outside = (soft < -RANGE_TOLERANCE) | (soft > 1.0 + RANGE_TOLERANCE)
    if outside.any():
        row, at = (int(value) for value in np.argwhere(outside)[0])
        raise PredictionsError(
            "OutOfRange",
            f"{int(outside.sum())} predictions in working/{SUBMISSION} are not probabilities between 0 and 1;"
            f" the first is {soft[row, at]:g} in column {list(cells)[at]!r} for id {wanted.ids[row].as_py()}.",
        )
    soft = np.clip(soft, 0.0, 1.0)
    if form.per_class:
        total = soft.sum(axis=1)
        off = np.abs(total - 1.0) > SUM_TOLERANCE
        if off.any():
            row = int(np.argmax(off))
            raise PredictionsError(
                "NotNormalised",
                f"The class probabilities of {int(off.sum())} rows of working/{SUBMISSION} do not sum to 1;"
                f" the first sum is {total[row]:.4g}, for id {wanted.ids[row].as_py()}.",
            )
        soft = soft / total[:, None]
    # Of two classes' columns the second, the positive class's, says it all.
    return soft[:, 1:] if form.both_classes else soft


def _labels(cells: dict[str, pa.Array], wanted: Wanted) -> Floats:
    """Return votes (n, width): 1 for the named class, or the 0/1 of each label column."""
    form = wanted.form
    if form.several:
        soft = np.column_stack([_numbers(name, column, wanted.ids) for name, column in cells.items()])
        bad = (soft != 0.0) & (soft != 1.0)
        if bad.any():
            row, at = (int(value) for value in np.argwhere(bad)[0])
            raise PredictionsError(
                "UnknownLabel",
                f"{int(bad.sum())} predictions in working/{SUBMISSION} are neither 0 nor 1; the first is"
                f" {soft[row, at]:g} in column {list(cells)[at]!r} for id {wanted.ids[row].as_py()}.",
            )
        return soft
    name = form.outputs[0]
    encoded = cells[name].dictionary_encode()
    spelled = encoded.dictionary.to_pylist()
    index = class_index(form.classes)
    found = [find_class(text, index) for text in spelled]
    codes = np.asarray(encoded.indices.to_numpy(), dtype=np.int64)
    for at, one in enumerate(found):
        if one is not None:
            continue
        rows = np.flatnonzero(codes == at)
        if spelled[at].strip().lower() in MISSING:
            raise _missing(name, len(rows), wanted.ids[int(rows[0])].as_py())
        raise PredictionsError(
            "UnknownLabel",
            f"{len(rows)} predictions in column {name!r} of working/{SUBMISSION} are {quoted(spelled[at])}, which is"
            f" no class (first for id {wanted.ids[int(rows[0])].as_py()}). The classes are: {_listing(form.classes)}.",
        )
    return form.soft(np.asarray(found, dtype=np.int64)[codes])


def _numbers(name: str, column: pa.Array, ids: pa.Array) -> NDArray[np.float64]:
    try:
        values = to_numbers(column)
    except ValueError as error:
        text, row = error.args
        raise PredictionsError(
            "NotNumeric",
            f"Column {name!r} of working/{SUBMISSION} must hold numbers, but holds {quoted(text)}"
            f" for id {ids[row].as_py()}.",
        ) from None
    missing = np.isnan(values)
    if missing.any():
        raise _missing(name, int(missing.sum()), ids[int(np.argmax(missing))].as_py())
    infinite = np.isinf(values)
    if infinite.any():
        row = int(np.argmax(infinite))
        raise PredictionsError(
            "InfiniteValues",
            f"{int(infinite.sum())} predictions in column {name!r} of working/{SUBMISSION} are infinite;"
            f" the first is for id {ids[row].as_py()}.",
        )
    return values


def _missing(name: str, count: int, first: str) -> PredictionsError:
    return PredictionsError(
        "MissingValues",
        f"{count} predictions in column {name!r} of working/{SUBMISSION} are missing (NaN or empty);"
        f" the first is for id {first}.",
    )


def _refuse_constant(soft: Floats, wanted: Wanted) -> None:
    """Raise PredictionsError if nearly every row has one prediction: the script has learned nothing.

    Labels may be very uneven: they are refused only where all are one class and the truth is not. Values
    and probabilities are refused above 95 % of one and the same row, unless the truth is as uneven.
    """
    if len(soft) < 2 or wanted.most_frequent == 1.0:
        return
    share, row = most_frequent_row(soft)
    labels = wanted.form.predict is Predict.LABEL
    limit = CONSTANT_SHARE if not labels else 1.0
    limit = max(limit, wanted.most_frequent) if not labels else limit
    if share < 1.0 and share <= limit:
        return
    cells = {name: column[0].as_py() for name, column in wanted.form.cells(soft[row : row + 1]).items()}
    shown = ", ".join(f"{name}={quoted(str(value)[:24])}" for name, value in list(cells.items())[:4])
    raise PredictionsError(
        "ConstantPredictions",
        f"{share:.1%} of the predictions in working/{SUBMISSION} are the same ({shown}):"
        " the script does not tell the rows apart.",
    )


def most_frequent_row(values: NDArray[Any]) -> tuple[float, int]:
    """Return the share of the most frequent row of (n,) or (n, m), and where it first is."""
    rows = np.ascontiguousarray(values).reshape(len(values), -1)
    whole = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).reshape(-1)
    _, first, counts = np.unique(whole, return_index=True, return_counts=True)
    most = int(np.argmax(counts))
    return float(counts[most] / len(values)), int(first[most])


def _cell(column: pa.Array, row: int) -> str:
    return quoted(column[row].as_py())


def _listing(names: Sequence[str]) -> str:
    shown = ", ".join(quoted(name) for name in names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown
