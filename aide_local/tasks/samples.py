"""The sample tasks that come with the product: small, of every kind; models are examined on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import aide_local
from aide_local.errors import SettingsError


def samples() -> dict[str, Path]:
    """Return name → folder, in the checkout or in the installed package."""
    package = Path(aide_local.__file__).parent
    checkout = package.parent / "sample_tasks"
    folder = checkout if checkout.is_dir() else package / "_samples"
    return {path.parent.name: path.parent for path in sorted(folder.glob("[!.]*/task.toml"))}


def select_samples(names: Sequence[str]) -> dict[str, Path]:
    """Return the sample tasks of these names, in this order; all of them if no name is given.

    Raises:
        SettingsError: there is no sample task of such a name.
    """
    known = samples()
    for name in names:
        if name not in known:
            raise SettingsError(
                f"There is no sample task {name!r}.", f"Choose of: {', '.join(known) or 'none is installed'}."
            )
    return {name: known[name] for name in names or known}
