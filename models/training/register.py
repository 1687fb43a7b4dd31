"""The registry of the bundled models: a file's name, checksum, licence and what it is for."""

from __future__ import annotations

from pathlib import Path

from aide_local.basics.files import sha256_of

LICENCE = "Apache-2.0"
DESCRIPTION = "Bundled: writes scripts for tabular tasks in the candidate contract, and knows nothing else."


def register(model: Path) -> None:
    """Put the model's checksum into the registry beside it."""
    checksum = sha256_of(model)
    (model.parent / "registry.toml").write_text(
        "# The bundled models. Written by `python -m models.training.export`.\n\n"
        f'[models.starter]\nfile = "{model.name}"\nsha256 = "{checksum}"\ndefault = true\n'
        f'description = "{DESCRIPTION}"\nlicence = "{LICENCE}"\n',
        encoding="utf-8",
    )
