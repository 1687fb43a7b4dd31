"""Tables and lines on standard output, harmless and as wide as the terminal."""

from __future__ import annotations

import shutil
import sys

from aide_local.basics.text import neutralise


def print_table(columns: list[str], rows: list[list[str]]) -> None:
    """Print columns of harmless text, each as wide as its widest cell; lines are cut to the terminal."""
    shown = [[neutralise(cell).replace("\n", " ") for cell in row] for row in [columns, *rows]]
    widths = [max(len(row[at]) for row in shown) for at in range(len(columns))]
    for row in shown:
        print_fitted("  ".join(cell.ljust(space) for cell, space in zip(row, widths, strict=True)).rstrip())


def print_fitted(text: str) -> None:
    """Print one line: cut to the terminal, whole if it goes elsewhere."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else len(text)
    print(text if len(text) <= width else text[: width - 1] + "…")
