"""Lines and tables in a terminal."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from aide_local.cli.printing import print_fitted, print_table


def test_a_table_has_columns_of_harmless_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["run", "state"], [["a\x1b[2J", "running"], ["longer name", "a\nb"]])
    assert capsys.readouterr().out.splitlines() == [
        "run          state",
        r"a\x1b[2J     running",
        "longer name  a b",
    ]


@pytest.mark.parametrize(("terminal", "printed"), [(True, "123456789…"), (False, "1234567890123")])
def test_a_line_is_cut_to_a_terminal_alone(
    terminal: bool, printed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda fallback=(80, 24): os.terminal_size((10, 20)))
    print_fitted("1234567890123")
    assert capsys.readouterr().out == f"{printed}\n"
