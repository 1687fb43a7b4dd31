"""A file appears whole or not at all, and nothing else is touched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aide_local.basics.files import check_writable, replacing, write_whole


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Set one that differs from the usual one."""
    before = os.umask(0o027)
    yield
    os.umask(before)


def test_what_lies_beside_the_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.html.partial").write_text("mine")
    for text in ("one", "two"):
        write_whole(tmp_path / "a.html", text)
        assert (tmp_path / "a.html").read_text() == text
    assert {path.name for path in tmp_path.iterdir()} == {"a.html", "a.html.partial"}
    assert (tmp_path / "a.html.partial").read_text() == "mine"


def test_the_file_has_the_mode_of_a_plain_one(tmp_path: Path) -> None:
    write_whole(tmp_path / "whole", "x")
    (tmp_path / "plain").write_text("x")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_folder_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for refuses in (check_writable, lambda path: write_whole(path, "x")):
        with pytest.raises(IsADirectoryError):
            refuses(tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_what_failed_leaves_nothing_and_the_old_file_as_it_was(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "a", "new \ud800")

    def half(made: Path) -> None:
        made.mkdir()
        (made / "half").touch()
        raise OSError("no")

    with pytest.raises(OSError, match="no"), replacing(tmp_path / "folder") as fresh:
        half(fresh)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_link_stays_one_and_a_pipe_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", "x")
    assert (tmp_path / "real").read_text() == "x"
    assert (tmp_path / "link").is_symlink()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_text)
        check_writable(pipe)
        write_whole(pipe, "x")
        assert read.result(timeout=10) == "x"
    assert pipe.is_fifo()


@pytest.mark.parametrize("path", ["/nonexistent/x.csv", "/proc/x.csv", "/tmp", ".", "", "/etc/passwd/x"])
def test_a_place_where_no_file_can_be_is_found_out_before(path: str) -> None:
    with pytest.raises(OSError, match=r"\[Errno"):
        check_writable(Path(path))
