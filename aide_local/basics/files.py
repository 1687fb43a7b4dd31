"""What is done with files in many places, done once."""

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
    """Hexadecimal checksum of the file's content. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def becoming(path: Path) -> Iterator[Path]:
    """A name beside ``path`` at which nothing lies; what is made there, a file or a folder, becomes ``path`` at the
    end, or is removed where that fails. The name ends in ``.partial``: who finds one after a kill may delete it.
    """
    target = Path(os.path.realpath(path))  # what a link points to is replaced, not the link
    fresh = target.with_name(f".{target.name[:40]}.{secrets.token_hex(8)}.partial")
    try:
        yield fresh
        fresh.replace(target)
    finally:
        if fresh.is_dir():
            shutil.rmtree(fresh)
        fresh.unlink(missing_ok=True)


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """What is written becomes the file ``path`` at the end, or nothing does: a reader never sees half a file.

    A pipe or a device is written to, not replaced. Raises OSError where it cannot be written, or is a folder.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as sink:
            yield sink
    else:
        with becoming(path) as fresh, fresh.open("xb") as sink:
            yield sink


def write_whole(path: Path, content: str | bytes, *, errors: str = "strict") -> None:
    """See :func:`written_whole`."""
    raw = content if isinstance(content, bytes) else content.encode("utf-8", errors)
    with written_whole(path) as sink:
        sink.write(raw)


def files_below(folder: Path) -> Iterator[Path]:
    """Every file in a folder and those in it, in one order. Links are followed, and each folder is entered once."""
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
    """Find out before long work whether :func:`write_whole` could put a file at ``path``. Raises OSError."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.is_file() or not path.exists():
        tempfile.TemporaryFile(dir=Path(os.path.realpath(path)).parent).close()
