"""Model files that cannot be used are reported with what is wrong and what to do; models are found by name and by path."""

from __future__ import annotations

from pathlib import Path

import pytest

from aide_local.errors import ModelError
from aide_local.home import Home
from aide_local.llm.gguf import read_header
from aide_local.llm.registry import add_model, list_models, resolve


def test_the_header_says_what_the_model_is(tiny: Path) -> None:
    header = read_header(tiny)
    assert header.architecture == "llama"
    assert header.n_ctx_train == 2048
    assert header.parameters > 50_000
    assert header.size == tiny.stat().st_size


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.01, 0.2, 0.9, 0.9999])
def test_a_truncated_file_is_reported(tiny: Path, tmp_path: Path, share: float) -> None:
    content = tiny.read_bytes()
    path = tmp_path / "cut.gguf"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match=r"truncated|empty") as caught:
        read_header(path)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hello, I am a text file\n" * 10, "text file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        (b"PK\x03\x04" + b"\0" * 100, "ZIP"),
        (b"\x80\x02" + b"\0" * 100, "first bytes"),
    ],
)
def test_what_a_file_is_instead_is_reported(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=words):
        read_header(path)


def test_an_absent_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_header(tmp_path / "absent.gguf")


def test_a_model_is_added_listed_and_found_by_name_and_by_path(tiny: Path, tmp_path: Path) -> None:
    home = Home(tmp_path)
    entry = add_model(tiny, home, name="mine", default=True)
    assert entry in list_models(home)
    assert resolve("mine", home).path == tiny
    assert resolve(None, home).name == "mine"
    assert resolve(str(tiny), home).path == tiny


def test_a_copied_model_lives_in_the_home_folder(tiny: Path, tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert add_model(tiny, home, copy=True).path == home.models / "tiny.gguf"


def test_a_changed_file_is_not_used(tiny: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    path = tmp_path / "model.gguf"
    path.write_bytes(tiny.read_bytes())
    add_model(path, home, name="mine")
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="SHA-256"):
        resolve("mine", home)


def test_an_unknown_name_is_reported_with_the_nearest(tiny: Path, tmp_path: Path) -> None:
    home = Home(tmp_path)
    add_model(tiny, home, name="coder-small")
    with pytest.raises(ModelError, match="coder-small"):
        resolve("coder-smal", home)


def test_a_broken_registry_is_reported(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.models.mkdir()
    (home.models / "registry.toml").write_text("[models.x\n")
    with pytest.raises(ModelError, match=r"registry\.toml"):
        list_models(home)
