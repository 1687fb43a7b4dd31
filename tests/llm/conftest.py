from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aide_local.llm.llama import LlamaModel
from tests.llm.tiny import make_gguf


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_gguf(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture(scope="session")
def model(tiny: Path) -> Iterator[LlamaModel]:
    """Yield a model for all tests that leave its process alone: what one generates changes nothing for the next."""
    made = LlamaModel(tiny, n_ctx=2048, threads=1)
    yield made
    made.close()


@pytest.fixture
def fresh(tiny: Path) -> Iterator[LlamaModel]:
    """Yield a model of the test's own, for tests that kill its process or count on an empty cache."""
    made = LlamaModel(tiny, n_ctx=2048, threads=1)
    yield made
    made.close()
