from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aide_local.llm.llama import LlamaModel
from aide_local.llm.process import ModelProcess
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


# The real worker, which computes every model as one that does not fit the processor's cache.
LARGE = (
    sys.executable, "-P", "-c", "from aide_local.llm import context, worker; context.SMALL = 0; worker.main()"
)  # fmt: skip


@pytest.fixture(params=["small", "large"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let models of the test be computed as small ones, or as large ones."""
    if request.param == "large":
        monkeypatch.setattr(ModelProcess.__init__, "__defaults__", (LARGE,))


@pytest.fixture
def fresh(tiny: Path, size: None) -> Iterator[LlamaModel]:
    """Yield a model of the test's own, for tests that kill its process or count on an empty cache."""
    made = LlamaModel(tiny, n_ctx=2048, threads=1)
    yield made
    made.close()
