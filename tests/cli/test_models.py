"""``aide-local models``."""

from __future__ import annotations

from pathlib import Path

from tests.cli.commands import aide_here
from tests.llm.tiny import make_gguf


def test_models_are_listed_shown_and_added(tmp_path: Path) -> None:
    assert "starter" in aide_here("models", "list", home=tmp_path).stdout
    assert "parameters" in aide_here("models", "info", "starter", home=tmp_path).stdout
    model = make_gguf(tmp_path / "tiny.gguf")
    assert aide_here("models", "add", model, "--name", "small", home=tmp_path).returncode == 0
    assert "small" in aide_here("models", "list", home=tmp_path).stdout
