"""The table of a query's result: a million rows, harmless text, from a row to its node."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from textual.binding import BindingType
from textual_fastdatatable import ArrowBackend, DataTable

from aide_local.store.sql import Result
from tui.dialogs import Reader
from tui.keys import key
from tui.text import line


class ResultTable(DataTable):
    """A result. hjkl and arrows move; y copies the cell, Y the row; enter goes to the row's node."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("j,down", "cursor_down", "Down", "Down a row", group="result"),
        key("k,up", "cursor_up", "Up", "Up a row", group="result"),
        key("h,left", "cursor_left", "Left", "To the cell at the left", group="result"),
        key("l,right", "cursor_right", "Right", "To the cell at the right", group="result"),
        key("g,home", "cursor_table_start", "First", "To the first row", group="result"),
        key("G,end", "cursor_table_end", "Last", "To the last row", group="result"),
        key("y", "copy_cell", "Copy", "Copy the cell", group="result", footer=True),
        key("Y", "copy_row", "Copy row", "Copy the row as CSV", group="result"),
        key("v", "view", "View", "The whole cell", group="result", footer=True),
        key("enter", "jump", "Node", "To the row's node", group="result", footer=True),
    ]  # fmt: skip

    def __init__(self, result: Result, shown: pa.Table) -> None:
        """``shown`` is the result with harmless text, row by row the same."""
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
        self.app.push_screen(Reader("The whole cell", self._cell()))

    def action_jump(self) -> None:
        row = self._row()
        run, node = row.get("run_id"), row.get("node")
        if isinstance(run, str) and isinstance(node, int):
            self.app.open_run(run, node)  # type: ignore[attr-defined]
        elif isinstance(run, str):
            self.app.open_run(run)  # type: ignore[attr-defined]
        else:
            self.notify("The row has no run_id and node; select both to go there.", severity="warning")


_HARMFUL = r"[\x00-\x1f\x7f-\x{9f}\x{61c}\x{200b}-\x{200f}\x{2028}-\x{202e}\x{2060}-\x{206f}\x{feff}]+"
_LONGEST_CELL = 500  # characters that are shown; v shows all


def for_the_screen(table: pa.Table) -> pa.Table:
    """Text without control, escape and bidirectional signs; lists and structures as text."""
    columns = []
    for column in table.columns:
        if pa.types.is_nested(column.type):
            column = pa.chunked_array(
                [[None if one is None else str(one) for one in column.to_pylist()]], pa.string()
            )
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            cut = pc.utf8_slice_codeunits(column, 0, _LONGEST_CELL)
            column = pc.replace_substring_regex(cut, _HARMFUL, " ")
        columns.append(column)
    return pa.table(columns, names=_different(table.column_names))


def _different(names: Sequence[str]) -> list[str]:
    """Names made different: a column that is there twice gets a number."""
    seen: dict[str, int] = {}
    made = []
    for name in names:
        shown = line(name) or "?"
        seen[shown] = seen.get(shown, 0) + 1
        made.append(shown if seen[shown] == 1 else f"{shown} {seen[shown]}")
    return made
