from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from aide_local.sandbox.host.clean import remove_tree


def test_nothing_happens_where_nothing_is(tmp_path: Path) -> None:
    remove_tree(tmp_path / "absent")


def test_a_very_deep_tree_is_removed(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    remove_tree(top)
    assert not top.exists()


def test_folders_without_permissions_are_removed(tmp_path: Path) -> None:
    inner = tmp_path / "top/a/b"
    inner.mkdir(parents=True)
    (inner / "file").write_text("x")
    (tmp_path / "top/file").write_text("x")
    (tmp_path / "top/file").chmod(0)
    for folder in (inner, inner.parent, tmp_path / "top"):
        folder.chmod(0)
    remove_tree(tmp_path / "top")
    assert not (tmp_path / "top").exists()


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").write_text("x")
    top = tmp_path / "top"
    top.mkdir()
    (top / "link").symlink_to("../kept")
    (top / "dangling").symlink_to("nowhere")
    remove_tree(top)
    assert (tmp_path / "kept/file").exists()
    assert not top.exists()


def test_a_link_as_the_path_itself_is_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to("kept")
    remove_tree(tmp_path / "link")
    assert (tmp_path / "kept").exists()
    assert not (tmp_path / "link").is_symlink()


def test_odd_names_pipes_and_many_files_are_removed(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    for name in (b"\xff\xfe", b"new\nline", b"-rf", b"\x1b[2J", b"x" * 255):
        (top / os.fsdecode(name)).mkdir()
        (top / os.fsdecode(name) / os.fsdecode(name)).write_text("x")
    os.mkfifo(top / "pipe")
    for at in range(3000):
        (top / f"{at}").touch()
    remove_tree(top)
    assert not top.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root sets the immutable flag")
def test_immutable_files_are_removed(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "sub").mkdir(parents=True)
    (top / "sub/file").write_text("x")
    done = subprocess.run(["chattr", "+i", top / "sub/file", top / "sub"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this file system has no immutable flag")
    remove_tree(top)
    assert not top.exists()


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    (tmp_path / "top/a/b/c").mkdir(parents=True)
    remove_tree(tmp_path / "top")
    assert len(os.listdir("/proc/self/fd")) == before
