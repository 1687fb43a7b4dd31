"""Files: checksums, writing whole files or none, walking folders."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def sha256_of(path: Path) -> str:
    """Return the hexadecimal checksum of the file's content. Raises OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Lend a free name beside ``path``; the file or folder that is made there takes the place of ``path`` at the end.

    It is removed if anything fails. The name ends in ``.partial``: whoever finds one after a kill may delete it.
    """
    target = Path(os.path.realpath(path))  # the link's target is replaced, not the link
    fresh = target.with_name(f".{target.name[:40]}.{secrets.token_hex(8)}.partial")
    try:
        yield fresh
        fresh.replace(target)
    finally:
        if fresh.is_dir():
            shutil.rmtree(fresh)
        fresh.unlink(missing_ok=True)


@contextmanager
def replacing_file(path: Path) -> Iterator[IO[bytes]]:
    """Lend a new file that takes the place of ``path`` at the end, or not at all: a reader never sees half a file.

    A pipe or a device is written to, not replaced. Raises OSError if it cannot be written, or is a folder.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as sink:
            yield sink
    else:
        with replacing(path) as fresh, fresh.open("xb") as sink:
            yield sink


def write_whole(path: Path, content: str | bytes, *, errors: str = "strict") -> None:
    """Write a file whole or not at all; see :func:`replacing_file`."""
    raw = content if isinstance(content, bytes) else content.encode("utf-8", errors)
    with replacing_file(path) as sink:
        sink.write(raw)


def files_below(folder: Path) -> Iterator[Path]:
    """Yield every file below a folder, in a fixed order. Links are followed, and each folder is entered once."""
    seen: set[str] = set()  # real paths, so that a link to an ancestor ends
    for where, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(where)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        for name in sorted(files):
            path = Path(where, name)
            if path.is_file():
                yield path


def check_writable(path: Path) -> None:
    """Raise OSError, before long work, if :func:`write_whole` could not put a file at ``path``."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.is_file() or not path.exists():
        tempfile.TemporaryFile(dir=Path(os.path.realpath(path)).parent).close()
