"""Ask the candidates' interpreter which packages it has and which folders it lives in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from aide_local.errors import SandboxError, SettingsError

_PROBE_PACKAGES = """
import importlib.metadata as md, json, sys, sysconfig, pkgutil
versions = {d.metadata["Name"].lower(): d.version for d in md.distributions() if d.metadata["Name"]}
names = sorted({m.name for m in pkgutil.iter_modules()} | set(sys.stdlib_module_names) | set(sys.builtin_module_names))
print(json.dumps({"python": ".".join(map(str, sys.version_info[:3])), "versions": versions, "modules": names}))
"""

_PROBE_FOLDERS = (
    "import os, sys; print(sys.prefix, sys.base_prefix, os.path.realpath(sys.executable), sep='\\n')"
)

# The packages that the card names, in this order, if they are installed.
_CARD = (
    "numpy", "pandas", "scipy", "scikit-learn", "xgboost", "lightgbm", "catboost", "torch",
    "statsmodels", "pillow", "transformers", "timm", "polars",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that runs candidates. ``modules`` are the top-level names that it can import."""

    python: str
    version: str
    versions: tuple[tuple[str, str], ...]  # of the packages that the card names
    modules: frozenset[str]

    def card(self) -> str:
        """Return one line: ``python 3.11, numpy 2.4, …`` (major.minor: patch releases do not change an API)."""
        parts = [f"python {_minor(self.version)}"]
        parts += [f"{name} {_minor(version)}" for name, version in self.versions]
        return ", ".join(parts)


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


@cache
def probe(python: str | None = None) -> Interpreter:
    """Return what the interpreter says about itself; None is our own.

    Raises:
        SettingsError: there is no such interpreter, or it does not start.
    """
    path = python or sys.executable
    try:
        done = subprocess.run(
            [path, "-I", "-c", _PROBE_PACKAGES],
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


@cache
def interpreter_folders(python: str) -> tuple[str, ...]:
    """Return the paths that the interpreter must be able to read: its prefixes and its executables.

    Raises:
        SandboxError: it does not start, or the home folder lies in one of its prefixes.
    """
    try:
        done = subprocess.run(
            [python, "-I", "-c", _PROBE_FOLDERS], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(
            f"The candidates' interpreter {python} does not start: {error}.",
            "Give --python the path of a Python 3 interpreter, for example .venv/bin/python.",
        ) from error
    prefix, base_prefix, executable = done.stdout.splitlines()
    home = str(Path.home())
    for folder in (prefix, base_prefix):
        if folder in ("/", "/usr"):
            continue
        if home == folder or home.startswith(folder.rstrip("/") + "/"):
            raise SandboxError(
                f"The candidates' interpreter {python} lies in {folder}, and so does all of {home}.",
                "Give --python one in a folder of its own, such as a virtual environment.",
            )
    # The executables alone, not the folder that they lie in: it may be somebody's ~/bin.
    shown = {prefix, base_prefix, executable, os.path.abspath(python)}
    return tuple(sorted(shown - {"/", "/usr"}))
