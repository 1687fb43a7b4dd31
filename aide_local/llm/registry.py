"""The models that can be chosen: those bundled, those the person added, and any GGUF file by its path.

A registry is a ``registry.toml`` beside the files::

    [models.starter]
    file = "starter.gguf"      # relative to the registry, or absolute
    sha256 = "…"
    default = true
    description = "…"
    licence = "Apache-2.0"

Every file of a registry is checked against its checksum before it is used: damaged tensors load silently.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

import aide_local
from aide_local.basics.files import sha256_of, write_whole
from aide_local.errors import ModelError, StoreError
from aide_local.home import Home
from aide_local.llm.gguf import read_header

_REMEMBER_ABOVE = 256 * 2**20  # bytes: larger files are hashed once, as long as size and time stay


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """A model that can be chosen. ``reference`` finds it again: its name, or its path."""

    name: str
    path: Path
    sha256: str | None = None
    description: str = ""
    licence: str = ""
    default: bool = False
    bundled: bool = False

    @property
    def reference(self) -> str:
        return self.name if self.sha256 else str(self.path)


def bundled_models() -> Path:
    """Return the folder of the models that come with the product: in a checkout, or inside the installed package."""
    package = Path(aide_local.__file__).parent
    checkout = package.parent / "models"
    return checkout if (checkout / "registry.toml").exists() else package / "_models"


def list_models(home: Home) -> tuple[ModelEntry, ...]:
    """Return the models, bundled ones first, then the person's; a name of the person's hides a bundled one.

    Raises:
        ModelError: a registry does not parse.
    """
    found: dict[str, ModelEntry] = {}
    for folder, bundled in ((bundled_models(), True), (home.models, False)):
        for entry in _read_registry(folder / "registry.toml", bundled):
            found[entry.name] = entry
    return tuple(found.values())


def resolve(model: str | None, home: Home) -> ModelEntry:
    """Return the model of ``--model``: None is the default, then names, then paths.

    Raises:
        ModelError: there is none such, its file is damaged, or its checksum is another.
    """
    entries = list_models(home)
    if model is None:
        chosen = [entry for entry in entries if entry.default]
        if not chosen:
            raise ModelError(
                "No model is given, and none is bundled or set as the default.",
                "Give --model the path of a GGUF file, or add one: aide-local models add PATH --default.",
            )
        return _check(chosen[-1], home)
    for entry in entries:
        if entry.name == model:
            return _check(entry, home)
    path = Path(model).expanduser()
    if path.suffix == ".gguf" or path.exists() or os.sep in model:
        path = path.absolute()
        read_header(path)
        return ModelEntry(name=path.stem, path=path)
    import difflib

    names = [entry.name for entry in entries]
    near = difflib.get_close_matches(model, names, 1)
    known = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(names) or 'none'}."
    raise ModelError(
        f"There is no model named {model!r}, and no such file.", f"{known} A path to a GGUF file works too."
    )


def add_model(
    path: Path, home: Home, *, name: str | None = None, copy: bool = False, default: bool = False
) -> ModelEntry:
    """Register a GGUF file: by its place, or copied into the home folder.

    Raises:
        ModelError: the file is not a whole GGUF file, or the name cannot be used.
        StoreError: the home folder cannot be written.
    """
    from filelock import FileLock

    path = path.expanduser().absolute()
    header = read_header(path)
    name = name or re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-")
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise ModelError(
            f"The model name {name!r} cannot be used.", "Use lower-case letters, digits, '.', '_' and '-'."
        )
    try:
        home.models.mkdir(parents=True, exist_ok=True)
        with FileLock(home.models / "registry.lock"):
            if copy:
                target = home.models / f"{name}.gguf"
                partial = target.with_suffix(".partial")
                shutil.copyfile(path, partial)
                partial.replace(target)
                path = target
            entry = ModelEntry(
                name=name,
                path=path,
                sha256=sha256_of(path),
                description=header.text("general.name", path.stem),
                licence=header.text("general.license", "not stated in the file"),
                default=default,
            )
            others = [e for e in _read_registry(home.models / "registry.toml", False) if e.name != name]
            _write_registry(home.models / "registry.toml", [*others, entry])
    except OSError as error:
        raise StoreError(
            f"The model registry in {home.models} cannot be written: {error.strerror or error}.",
            "Make room there, or choose another --home.",
        ) from error
    return entry


def remove_model(name: str, home: Home) -> None:
    """Forget a model that the person added; its file is deleted only if it was copied into the home folder.

    Raises:
        ModelError: the person added none of this name.
        StoreError: the home folder cannot be written.
    """
    from filelock import FileLock

    registry = home.models / "registry.toml"
    try:
        home.models.mkdir(parents=True, exist_ok=True)
        with FileLock(home.models / "registry.lock"):
            entries = _read_registry(registry, False)
            found = next((entry for entry in entries if entry.name == name), None)
            if found is None:
                raise ModelError(
                    f"You added no model named {name!r}.", "The bundled ones stay; `aide-local models list`."
                )
            _write_registry(registry, [entry for entry in entries if entry is not found])
            if found.path.parent == home.models:
                found.path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"The model registry in {home.models} cannot be written: {error.strerror or error}.",
            "Fix the folder's permissions.",
        ) from error


def _read_registry(path: Path, bundled: bool) -> list[ModelEntry]:
    if not path.exists():
        return []
    try:
        with path.open("rb") as file:
            models = tomllib.load(file).get("models", {})
        return [
            ModelEntry(
                name=name,
                path=(path.parent / str(values["file"])),
                sha256=str(values["sha256"]),
                description=str(values.get("description", "")),
                licence=str(values.get("licence", "")),
                default=bool(values.get("default", False)),
                bundled=bundled,
            )
            for name, values in models.items()
        ]
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"The model registry {path} cannot be read: {error!r}.",
            "Fix the file, or delete it and add your models again with `aide-local models add`.",
        ) from error


def _write_registry(path: Path, entries: list[ModelEntry]) -> None:
    lines = []
    for entry in entries:
        # The last one set as the default is it.
        default = entry.default and not any(e.default for e in entries[entries.index(entry) + 1 :])
        lines += [
            f"[models.{json.dumps(entry.name)}]",
            f"file = {json.dumps(str(entry.path), ensure_ascii=False)}",
            f'sha256 = "{entry.sha256}"',
            f"default = {str(default).lower()}",
            f"description = {json.dumps(entry.description, ensure_ascii=False)}",
            f"licence = {json.dumps(entry.licence, ensure_ascii=False)}",
            "",
        ]
    write_whole(path, "\n".join(lines))


def _check(entry: ModelEntry, home: Home) -> ModelEntry:
    header = read_header(entry.path)
    memory = home.models / "checked.json"
    state = entry.path.stat()
    key = f"{entry.path}|{state.st_size}|{state.st_mtime_ns}"
    if header.size > _REMEMBER_ABOVE and _known_checksums(memory).get(key) == entry.sha256:
        return entry
    found = sha256_of(entry.path)
    if found != entry.sha256:
        raise ModelError(
            f"The model file {entry.path} is not the one registered as {entry.name!r}: its SHA-256 is {found[:16]}…,"
            f" not {str(entry.sha256)[:16]}….",
            "Copy the file again; if you changed it on purpose, register it anew: aide-local models add PATH.",
        )
    if header.size > _REMEMBER_ABOVE:
        try:
            home.models.mkdir(parents=True, exist_ok=True)
            write_whole(memory, json.dumps({**_known_checksums(memory), key: found}))
        except OSError:
            return entry  # hashed again next time: slower, and nothing else
    return entry


def _known_checksums(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
