"""Pack a run into one file for another machine: a tar.gz whose first member lists the others with their checksums.

It holds the snapshot, the predictions, the fold assignment and the deliverables; not the folds' input files, which
hold the training data and are cut again from the task's files when the run is resumed.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import IO, Any

from aide_local import __version__
from aide_local.basics.files import replacing, sha256_of
from aide_local.errors import StoreError
from aide_local.home import Home
from aide_local.store.layout import DATABASE, INFO, PUBLISHED
from aide_local.store.read import no_snapshot
from aide_local.store.run_store import new_folder
from aide_local.store.schema import newest, refuse_newer
from aide_local.store.trouble import translate_errors
from aide_local.store.verify import check_snapshot

MANIFEST = "aide-local-run.json"
FORMAT = 1
_FOLDERS = ("predictions", "private", "deliverables")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")
_DAMAGED = "Copy it again from where it was exported."


def export_archive(home: Home, run_id: str, out: Path) -> None:
    """Write ``out`` whole or not at all, from the run's last snapshot.

    Raises:
        StoreError: the run has no snapshot, or a damaged one.
        OSError: ``out`` cannot be written.
    """
    folder = home.run(run_id)
    if not (folder / PUBLISHED).exists():
        raise no_snapshot(home, run_id)
    try:
        check_snapshot(folder / PUBLISHED, run_id)
    except StoreError as error:
        raise StoreError(error.message, f"`aide-local resume {run_id}` writes it anew.") from error
    with (
        # It may be replaced meanwhile: one open file is one snapshot.
        (folder / PUBLISHED).open("rb") as snapshot,
        replacing(out) as partial,
        tarfile.open(partial, "w:gz") as archive,
    ):
        files = {PUBLISHED: _facts(snapshot)}
        others = [path for path in _files(folder) if path.is_file()]
        for path in others:
            name = path.relative_to(folder).as_posix()
            files[name] = {"size": path.stat().st_size, "sha256": sha256_of(path)}
        manifest = {
            "format": FORMAT,
            "run_id": run_id,
            "schema": newest(),
            "written_by": __version__,
            "files": files,
        }
        content = json.dumps(manifest, indent=1).encode()
        _member(archive, MANIFEST, io.BytesIO(content), len(content))
        snapshot.seek(0)
        _member(archive, PUBLISHED, snapshot, int(files[PUBLISHED]["size"]))
        for path in others:
            name = path.relative_to(folder).as_posix()
            with path.open("rb") as file:
                _member(archive, name, file, int(files[name]["size"]))


def _files(folder: Path) -> Iterator[Path]:
    yield folder / INFO
    for name in _FOLDERS:
        yield from sorted(path for path in (folder / name).rglob("*") if not path.name.endswith(".partial"))


def _facts(file: IO[bytes]) -> dict[str, Any]:
    checksum = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    return {"size": os.fstat(file.fileno()).st_size, "sha256": checksum}


def _member(archive: tarfile.TarFile, name: str, file: IO[bytes], size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o644
    archive.addfile(info, file)


def import_archive(home: Home, path: Path) -> str:
    """Add the run of an archive to the home folder, whole or not at all; return its id.

    Raises:
        StoreError: the file is no such archive, is damaged, was made by a newer version, names a place outside the
            run's folder, holds another run than it says, or the run is here already.
    """
    try:
        with translate_errors(home.root), tarfile.open(path, "r:gz") as archive:
            manifest = _manifest(archive, path)
            run_id = str(manifest["run_id"])
            if home.run(run_id).exists():
                raise StoreError(
                    f"The run {run_id} is in {home.runs} already.", "Delete that one first: aide-local prune."
                )
            with new_folder(home, run_id) as partial:
                _unpack(archive, manifest["files"], partial, path)
                _adopt(partial, run_id, path)
                partial.rename(home.run(run_id))
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise StoreError(f"{path} is damaged or no archive of a run: {error}.", _DAMAGED) from error
    return run_id


def _manifest(archive: tarfile.TarFile, path: Path) -> dict[str, Any]:
    first = archive.next()
    file = archive.extractfile(first) if first is not None and first.name == MANIFEST else None
    if file is None:
        raise StoreError(
            f"{path} is not an archive of a run.", "Make one with: aide-local export RUN --format archive."
        )
    try:
        manifest = json.loads(file.read(2**26))
        known = {"format": int, "run_id": str, "schema": int, "files": dict}
        whole = all(isinstance(manifest[key], kind) for key, kind in known.items())
        whole = whole and all(
            isinstance(one["size"], int) and isinstance(one["sha256"], str)
            for one in manifest["files"].values()
        )
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise StoreError(f"{path} has a damaged list of files.", _DAMAGED)
    if manifest["format"] > FORMAT:
        raise StoreError(
            f"{path} has the format {manifest['format']}; this program knows {FORMAT}.",
            "Use the newer aide-local.",
        )
    refuse_newer(manifest["schema"], path)
    if not _RUN_ID.fullmatch(manifest["run_id"]):
        raise StoreError(
            f"{path} names a run {manifest['run_id']!r}, which is no id of a run.", "Do not trust it."
        )
    for name in manifest["files"]:
        parts = PurePosixPath(name).parts
        inside = parts and not name.startswith("/") and ".." not in parts and "\\" not in name
        if not inside or (name not in (PUBLISHED, INFO) and parts[0] not in _FOLDERS):
            raise StoreError(
                f"{path} holds a file {name!r}, which is not one of a run's.",
                "Do not trust it; nothing was unpacked.",
            )
    if PUBLISHED not in manifest["files"] or INFO not in manifest["files"]:
        raise StoreError(f"{path} lacks the run's database.", _DAMAGED)
    return dict(manifest)


def _unpack(archive: tarfile.TarFile, files: dict[str, Any], folder: Path, path: Path) -> None:
    """Unpack plain files that the manifest lists, none longer than it says, each with its checksum."""
    missing = set(files)
    for member in archive:
        if member.name == MANIFEST:
            continue
        if member.name not in missing or not member.isreg() or member.size != files[member.name]["size"]:
            raise StoreError(
                f"{path} holds {member.name!r}, which its list of files does not.",
                "Do not trust it; nothing was kept.",
            )
        missing.remove(member.name)
        source = archive.extractfile(member)
        assert source is not None, "a regular file"
        target = folder / member.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            shutil.copyfileobj(source, file)
        if sha256_of(target) != files[member.name]["sha256"]:
            raise StoreError(
                f"{member.name} in {path} has another checksum than when it was written.", _DAMAGED
            )
    if missing:
        raise StoreError(f"{path} lacks {len(missing)} of its files, such as {min(missing)}.", _DAMAGED)


def _adopt(folder: Path, run_id: str, path: Path) -> None:
    """Make the snapshot the run's own database too, and write the info file from it.

    The archive's own info file may speak of another run.
    """
    try:
        info = check_snapshot(folder / PUBLISHED, run_id)
    except StoreError as error:
        raise StoreError(f"{path} was not taken in. {error.message}", error.fix or _DAMAGED) from error
    shutil.copyfile(folder / PUBLISHED, folder / DATABASE)
    no_process = {"pid": 0}
    (folder / INFO).write_text(json.dumps({**asdict(info), **no_process}, default=str), "utf-8")
