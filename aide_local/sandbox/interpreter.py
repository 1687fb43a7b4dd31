"""What the candidates' interpreter can import: versions for the package card, names for the import check."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from aide_local.errors import SettingsError

_PROBE = """
import importlib.metadata as md, json, sys, sysconfig, pkgutil
versions = {d.metadata["Name"].lower(): d.version for d in md.distributions() if d.metadata["Name"]}
names = sorted({m.name for m in pkgutil.iter_modules()} | set(sys.stdlib_module_names) | set(sys.builtin_module_names))
print(json.dumps({"python": ".".join(map(str, sys.version_info[:3])), "versions": versions, "modules": names}))
"""

# What a data scientist would want to know is there, in the order shown; absent ones are not shown.
_CARD = (
    "numpy", "pandas", "scipy", "scikit-learn", "xgboost", "lightgbm", "catboost", "torch",
    "statsmodels", "pillow", "transformers", "timm", "polars",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that runs candidates. ``modules`` are the top-level names it can import."""

    python: str
    version: str
    versions: tuple[tuple[str, str], ...]  # of the packages worth showing
    modules: frozenset[str]

    def card(self) -> str:
        """One line: ``python 3.11, numpy 2.4, …`` (major.minor: patch releases do not change an API)."""
        parts = [f"python {_minor(self.version)}"]
        parts += [f"{name} {_minor(version)}" for name, version in self.versions]
        return ", ".join(parts)


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


@functools.cache
def probe(python: str | None = None) -> Interpreter:
    """Ask the interpreter itself.

    Raises:
        SettingsError: there is no such interpreter, or it does not start.
    """
    path = python or sys.executable
    try:
        done = subprocess.run(
            [path, "-I", "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
            cwd=Path.home(),
        )
    except (OSError, subprocess.SubprocessError) as error:
        detail = getattr(error, "stderr", "") or error
        raise SettingsError(
            f"The candidates' interpreter {path!r} does not start: {str(detail).strip()[-300:]}.",
            "Give --python the path of a Python 3 interpreter, for example .venv/bin/python.",
        ) from error
    found = json.loads(done.stdout)
    versions = tuple((name, found["versions"][name]) for name in _CARD if name in found["versions"])
    return Interpreter(path, found["python"], versions, frozenset(found["modules"]))
