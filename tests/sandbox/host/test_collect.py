from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from aide_local.sandbox.host import collect
from aide_local.sandbox.host.collect import ArtefactError, ArtefactProblem, read_artefact

CAP = 1000


@pytest.fixture(params=["openat2", "stepwise"])
def base(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "stepwise":
        monkeypatch.setattr(collect, "_openat2", lambda *_: None)
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "base"
    folder.mkdir()
    return folder


def problem(base: Path, relative: str) -> ArtefactProblem:
    with pytest.raises(ArtefactError) as caught:
        read_artefact(base, relative, CAP)
    return caught.value.problem


def test_an_ordinary_file_is_taken_whole(base: Path) -> None:
    (base / "sub").mkdir()
    (base / "sub/a.csv").write_bytes(b"x" * CAP)
    assert read_artefact(base, "sub/a.csv", CAP) == b"x" * CAP


def test_a_missing_file_is_named_as_missing(base: Path) -> None:
    assert problem(base, "a.csv") is ArtefactProblem.MISSING
    assert problem(base, "sub/a.csv") is ArtefactProblem.MISSING


def test_a_link_is_not_followed(base: Path) -> None:
    (base / "a.csv").symlink_to("../secret")
    assert problem(base, "a.csv") is ArtefactProblem.SYMLINK


def test_a_link_to_a_file_inside_is_not_followed_either(base: Path) -> None:
    (base / "b").write_text("b")
    (base / "a.csv").symlink_to("b")
    assert problem(base, "a.csv") is ArtefactProblem.SYMLINK


def test_a_linked_folder_on_the_way_is_not_followed(base: Path) -> None:
    (base / "sub").symlink_to("..")
    assert problem(base, "sub/secret") is ArtefactProblem.SYMLINK


def test_a_named_pipe_does_not_block(base: Path) -> None:
    os.mkfifo(base / "a.csv")
    assert problem(base, "a.csv") is ArtefactProblem.FIFO


def test_a_socket_is_refused(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(base)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("a.csv")
    assert problem(base, "a.csv") is ArtefactProblem.SOCKET


def test_a_directory_is_refused(base: Path) -> None:
    (base / "a.csv").mkdir()
    assert problem(base, "a.csv") is ArtefactProblem.DIRECTORY


def test_a_file_with_a_second_name_is_refused(base: Path) -> None:
    os.link(base.parent / "secret", base / "a.csv")
    assert problem(base, "a.csv") is ArtefactProblem.HARD_LINK


def test_a_sparse_giant_is_refused_at_once(base: Path) -> None:
    with (base / "a.csv").open("wb") as file:
        file.truncate(10 * 2**30)
    assert problem(base, "a.csv") is ArtefactProblem.TOO_LARGE


@pytest.mark.skipif(os.getuid() != 0, reason="only root makes devices")
def test_a_device_is_refused(base: Path) -> None:
    os.mknod(base / "a.csv", 0o20666, os.makedev(1, 5))
    assert problem(base, "a.csv") is ArtefactProblem.DEVICE


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../secret", "/etc/passwd", "a//b", "a/./b", "a\0b", "a\x1b[2Jb", "a\udcffb", "x" * 300],
)
def test_an_odd_path_is_a_bad_name(base: Path, name: str) -> None:
    assert problem(base, name) is ArtefactProblem.BAD_NAME


def test_no_descriptor_is_left_open(base: Path) -> None:
    (base / "a.csv").symlink_to("../secret")
    before = len(os.listdir("/proc/self/fd"))
    for name in ("a.csv", "b", "../x"):
        problem(base, name)
    assert len(os.listdir("/proc/self/fd")) == before
