"""The playbook: short expert scripts in the candidate contract, each with a header that says when it fits.

A script is a plain file; its docstring begins with a sentence for people, then holds lines of ``key: value``::

    \"\"\"Ridge regression on splines.

    family: linear
    worth: 60
    fits: kind regression; rows 50..20000; no text
    plan: ridge with splines 6, scaled, one-hot
    \"\"\"

``plan`` is required. ``family`` (default: the file's name) spreads the offers, ``worth`` (default 50) orders
them, ``fits`` (default: any) is what :mod:`aide_local.playbook.conditions` reads. What a script must be able to
import is read from its imports.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from aide_local.errors import SettingsError
from aide_local.playbook.conditions import Condition, parse_conditions
from aide_local.task import Mode, Task

BUNDLED = Path(__file__).parent / "scripts"
OFF = "off"

_KEYS = ("family", "worth", "fits", "plan")
_LINE = re.compile(r"^([a-z]+):\s*(.*)$")
_WORTH = 50
_HEADER = "A script of a playbook begins with a docstring that has a line like `plan: ridge with splines 6`."


@dataclass(frozen=True, slots=True)
class Script:
    """A script of the playbook. ``needs`` are the modules that it imports, beside Python's own."""

    name: str
    plan: str
    code: str
    family: str
    needs: frozenset[str]
    worth: int
    conditions: tuple[Condition, ...] = ()

    def fits(self, task: Task) -> bool:
        return all(condition.holds(task) for condition in self.conditions)

    def plan_for(self, task: Task) -> str:
        """Word the plan as the starter words its own: kind and metric, then the model and its steps."""
        return f"{task.kind} {task.metric}: {self.plan}."


@dataclass(frozen=True, slots=True)
class Playbook:
    """Scripts by the name of their file without ``.py``."""

    scripts: tuple[Script, ...] = ()

    @classmethod
    def load(cls, setting: str | Path | None = None) -> Playbook:
        """Return the bundled playbook; with a folder, its scripts replace those of the same name and add the others.

        ``off`` gives a playbook without scripts.

        Raises:
            SettingsError: the folder is none, has no script, or one of its scripts cannot be used.
        """
        if setting is not None and str(setting) == OFF:
            return cls()
        scripts = _read_folder(BUNDLED)
        if setting is not None:
            folder = Path(setting).expanduser()
            if not folder.is_dir():
                raise SettingsError(
                    f"The playbook {str(setting)!r} is not a folder.",
                    "Give --playbook a folder of Python scripts, or `off`.",
                )
            own = _read_folder(folder)
            if not own:
                raise SettingsError(
                    f"The playbook {str(setting)!r} holds no file that ends in .py.",
                    "Put scripts there, or leave out --playbook for the bundled ones.",
                )
            scripts |= own
        return cls(tuple(scripts.values()))

    def offers(self, task: Task, modules: Collection[str]) -> tuple[Script, ...]:
        """Return the scripts that fit, best first, a family's second script after every family's first.

        ``modules`` are the top-level names that the candidates' interpreter can import. Tasks without
        folds have no such scripts.
        """
        if task.mode is not Mode.FOLDS:
            return ()
        fitting = [one for one in self.scripts if one.fits(task) and one.needs <= set(modules)]
        fitting.sort(key=lambda one: (-one.worth, one.name))
        seen: dict[str, int] = {}
        ranked = []
        for script in fitting:
            seen[script.family] = rank = seen.get(script.family, -1) + 1
            ranked.append((rank, script))
        return tuple(script for _, script in sorted(ranked, key=lambda pair: pair[0]))


def _read_folder(folder: Path) -> dict[str, Script]:
    return {path.stem: read_script(path) for path in sorted(folder.glob("*.py"))}


def read_script(path: Path) -> Script:
    """Read one script with its header.

    Raises:
        SettingsError: it cannot be read, is no Python, or its header lacks or misspells something.
    """
    try:
        code = path.read_text(encoding="utf-8")
        tree = ast.parse(code)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The playbook's script {path} cannot be read: {error}.", "Save it as UTF-8 text."
        ) from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f", line {line}," if line else ""
        raise SettingsError(
            f"The playbook's script {path}{where} is not valid Python: {getattr(error, 'msg', error)}.",
            "Fix it, or move it out of the folder.",
        ) from error
    header = _header(path, ast.get_docstring(tree) or "")
    return Script(
        name=path.stem,
        plan=header["plan"].rstrip("."),
        code=code,
        family=header.get("family") or path.stem,
        needs=_imports(tree),
        worth=_worth(path, header),
        conditions=parse_conditions(header.get("fits", ""), path),
    )


def _header(path: Path, docstring: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for line in docstring.splitlines():
        if match := _LINE.match(line.strip()):
            key, value = match.groups()
            if key not in _KEYS:
                raise SettingsError(
                    f"The header of the playbook's script {path} has the unknown key {key!r}.",
                    f"The keys are {', '.join(_KEYS)}.",
                )
            found[key] = value.strip()
    if not found.get("plan"):
        raise SettingsError(f"The playbook's script {path} has no plan in its header.", _HEADER)
    return found


def _worth(path: Path, header: Mapping[str, str]) -> int:
    text = header.get("worth", str(_WORTH))
    if not (text.isdigit() and int(text) <= 100):
        raise SettingsError(
            f"The header of the playbook's script {path} has the worth {text!r}.",
            "Give a whole number from 0 to 100; scripts of more worth run earlier.",
        )
    return int(text)


def _imports(tree: ast.Module) -> frozenset[str]:
    """Top-level names of the modules imported anywhere in the script that are not Python's own."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return frozenset(names - sys.stdlib_module_names)
