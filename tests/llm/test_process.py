"""A model process that dies of its weights' layout is started without it; one that dies of anything else is an error."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from aide_local.errors import ModelError
from aide_local.llm.llama import LlamaModel
from aide_local.llm.messages import Finished, Generate, Load, Loaded, Piece, decode, encode
from aide_local.llm.process import ModelProcess, survivable
from aide_local.types import Sampling

# The real worker, but for one thing: it dies of SIGILL when it decodes for the n-th time with weights that are laid out anew
# for the processor, as llama.cpp does on a processor on which the AMX kernels crash.
CRASHING = """
import os, signal
from aide_local.llm import worker
from aide_local.llm.context import Context

class Crashing(Context):
    decoded = 0

    def _run(self, batch):
        self.decoded += 1
        if self.decoded == {at}:
            os.kill(os.getpid(), signal.SIGILL)
        super()._run(batch)

def open_context(load, cancel_requested):
    return (Crashing if load.repack or {always} else Context)(load, cancel_requested)

worker.Context = open_context
worker.main()
"""


def crashing(*, at: int = 1, always: bool = False) -> tuple[str, ...]:
    return (sys.executable, "-P", "-c", CRASHING.format(at=at, always=always))


def test_a_process_that_dies_of_repacked_weights_is_started_without_them(tiny: Path) -> None:
    process = ModelProcess(Load(path=str(tiny)), crashing())
    try:
        assert isinstance(process.start(), Loaded)
        assert process.load == Load(path=str(tiny), repack=False)
    finally:
        process.end()


@pytest.mark.parametrize("at", [1, 6])
def test_a_model_whose_process_dies_of_repacked_weights_answers_after_all(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """While it loads, or only in the middle of a reply."""
    monkeypatch.setattr(ModelProcess.__init__, "__defaults__", (crashing(at=at),))
    model = LlamaModel(tiny, threads=1)
    try:
        *_, last = model.generate("x", Sampling(1, max_tokens=20))
        assert last.generation is not None
        assert last.generation.completion_tokens > 0
        assert not model._process.load.repack
    finally:
        model.close()


def test_whoever_loads_a_model_in_their_own_process_learns_how_it_survives(tiny: Path) -> None:
    load = Load(path=str(tiny))
    assert survivable(load, crashing()) == replace(load, repack=False)


def test_a_process_that_dies_whatever_is_tried_is_an_error_with_the_file_and_what_to_do(tiny: Path) -> None:
    process = ModelProcess(Load(path=str(tiny)), crashing(always=True))
    with pytest.raises(ModelError, match=tiny.name) as caught:
        process.start()
    assert "memory" in caught.value.fix
    assert process.pid is None


def test_messages_arrive_as_they_were_sent() -> None:
    generate = Generate(
        prompt="größe\n☃", seed=2**63, temperature=0.7, top_p=1.0, top_k=0, min_p=0.3, max_tokens=9
    )
    finished = Finished(
        text="a\nb", finish="stop", prompt_tokens=1, cached_tokens=2, completion_tokens=3, speculated_tokens=4,
        prefill_ms=0.5, decode_ms=1.5,
    )  # fmt: skip
    for message in (Load(path="a"), replace(generate, stop=()), Piece('"\n'), finished):
        line = encode(message)
        assert line.count(b"\n") == 1
        again = decode(line)
        assert type(again) is type(message)
        assert encode(again) == line
