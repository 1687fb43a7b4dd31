"""Groups of options, and their bounds."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from aide_local.cli.options import at_least, between, takes
from aide_local.errors import SettingsError


def size(*, width: Annotated[int, typer.Option(help="How wide.")] = 3, height: int = 4) -> tuple[int, int]:
    return width, height


def test_a_command_gets_what_a_group_of_options_returns() -> None:
    app = typer.Typer()

    @app.command()
    @takes(area=size)
    def draw(name: str, area: Any = None, twice: bool = False) -> None:
        print(name, area, twice)

    assert CliRunner().invoke(app, ["box", "--width", "7", "--twice"]).stdout == "box (7, 4) True\n"
    said = CliRunner().invoke(app, ["--help"]).stdout
    assert "How wide." in said
    assert "--area" not in said
    assert said.index("--width") < said.index("--height") < said.index("--twice")


def test_a_number_out_of_its_bounds_is_refused_with_its_option() -> None:
    at_least(None, 2, "--folds")
    at_least(2, 2, "--folds")
    between(1, 0, 1, "--tune")
    with pytest.raises(SettingsError, match="--folds 1"):
        at_least(1, 2, "--folds")
    with pytest.raises(SettingsError, match=r"--tune 1\.5"):
        between(1.5, 0, 1, "--tune")
