"""The table of a query's result: for a million rows, with harmless text, and a way from a row to its node."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from textual.binding import BindingType
from textual.message import Message
from textual_fastdatatable import ArrowBackend, DataTable

from aide_local.basics.text import neutralise
from aide_local.store.sql import Result
from tui import keys
from tui.dialogs import TextDialog
from tui.draw import one_line


class ResultTable(DataTable):
    """The rows of a result."""

    BINDINGS: ClassVar[list[BindingType]] = keys.RESULT

    class GoTo(Message):
        """The person wants to see a run, or one of its nodes."""

        def __init__(self, run_id: str, node: int | None) -> None:
            super().__init__()
            self.run_id = run_id
            self.node = node

    def __init__(self, result: Result, shown: pa.Table) -> None:
        """Show ``shown``, which is ``result`` as :func:`for_the_screen` returns it."""
        self._result = result
        super().__init__(
            backend=ArrowBackend(shown),
            render_markup=False,
            zebra_stripes=True,
            max_column_content_width=60,
            null_rep="∅",
        )

    def _row(self) -> dict[str, Any]:
        row = self.cursor_coordinate.row
        if row >= self._result.table.num_rows:
            return {}
        one = self._result.table.slice(row, 1)
        return {name: column[0].as_py() for name, column in zip(one.column_names, one.columns, strict=True)}

    def _cell(self) -> str:
        column = self._result.table.column(self.cursor_coordinate.column)
        return str(column[self.cursor_coordinate.row].as_py()) if len(column) else ""

    def action_copy_cell(self) -> None:
        self.app.copy_to_clipboard(self._cell())
        self.notify("The cell is copied.", timeout=2)

    def action_copy_row(self) -> None:
        buffer = io.StringIO()
        csv.writer(buffer).writerow(self._row().values())
        self.app.copy_to_clipboard(buffer.getvalue())
        self.notify("The row is copied as CSV.", timeout=2)

    def action_view(self) -> None:
        self.app.push_screen(TextDialog("The whole cell", self._cell()))

    def action_jump(self) -> None:
        row = self._row()
        run, node = row.get("run_id"), row.get("node")
        if isinstance(run, str):
            self.post_message(self.GoTo(run, node if isinstance(node, int) else None))
        else:
            self.notify("The row has no run_id and node; select both to go there.", severity="warning")


_LONGEST_CELL = 500  # characters that are shown; v shows all
_NOT_PLAIN = r"[^\x20-\x7e]"  # beyond printable ASCII


def for_the_screen(table: pa.Table) -> pa.Table:
    """Return the table with harmless text in one line; lists and structures as text."""
    columns = []
    for column in table.columns:
        if pa.types.is_nested(column.type):
            column = pa.chunked_array(
                [[None if one is None else str(one) for one in column.to_pylist()]], pa.string()
            )
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = pa.chunked_array([_cells(chunk) for chunk in column.chunks], column.type)
        columns.append(column)
    return pa.table(columns, names=_unique(table.column_names))


def _cells(texts: pa.Array) -> pa.Array:
    """Return text as it is shown. Of a million cells, Python looks only at those beyond printable ASCII."""
    cut = pc.replace_substring_regex(pc.utf8_slice_codeunits(texts, 0, _LONGEST_CELL), r"[\t\n\r]+", " ")
    odd = pc.fill_null(pc.match_substring_regex(cut, _NOT_PLAIN), False)
    shown = [neutralise(cell) for cell in pc.filter(cut, odd).to_pylist()]
    return pc.replace_with_mask(cut, odd, pa.array(shown, cut.type))


def _unique(names: Sequence[str]) -> list[str]:
    """Return names for the head of the table: a name that is there twice gets a number."""
    seen: dict[str, int] = {}
    made = []
    for name in names:
        shown = one_line(name) or "?"
        seen[shown] = seen.get(shown, 0) + 1
        made.append(shown if seen[shown] == 1 else f"{shown} {seen[shown]}")
    return made
