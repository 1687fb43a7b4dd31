"""From what a person names on the command line to a home folder, a run, a node."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from aide_local.errors import SettingsError

if TYPE_CHECKING:
    from aide_local.home import Home
    from aide_local.store.read import RunView
    from aide_local.types import Node


def home_of(context: typer.Context, home: Path | None) -> Home:
    """Return the home folder: the command's own ``--home``, else that before the command, else the default."""
    from aide_local.home import Home

    return Home.find(home or context.obj)


def view_of(context: typer.Context, home: Path | None, run_id: str) -> RunView:
    """Return a run as it was published last.

    Raises:
        AideError: there is no such run, or it cannot be read.
    """
    from aide_local.store.read import read_run
    from aide_local.store.run_store import find_run

    where = home_of(context, home)
    return read_run(where, find_run(where, run_id))


def node_of(view: RunView, number: int) -> Node:
    """Return a node by its number.

    Raises:
        SettingsError: the run has no such node.
    """
    if not 0 <= number < len(view.tree.nodes):
        raise SettingsError(
            f"The run {view.info.id} has no node {number}.", f"Its nodes are 0 to {len(view.tree.nodes) - 1}."
        )
    return view.tree[number]
