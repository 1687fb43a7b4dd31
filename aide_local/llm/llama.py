"""The product's language model: a GGUF file in a process of its own, restarted when it dies.

A generation that the process did not survive is repeated with the same seed; a process that does not react to a request to
cancel is killed.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from aide_local.basics.files import sha256_of
from aide_local.errors import Cancelled, ModelError
from aide_local.llm.gguf import Header, read_header
from aide_local.llm.messages import (
    Cancel,
    Counted,
    CountTokens,
    Failed,
    Finished,
    Generate,
    Load,
    Loaded,
    Message,
    Piece,
    Stopped,
)
from aide_local.llm.process import ModelProcess, ProcessDied
from aide_local.llm.protocol import Chunk, ModelInfo
from aide_local.llm.template import ChatTemplate
from aide_local.types import Generation, Sampling
from aide_local.types import Message as Turn

MAX_RESTARTS = 2  # of one generation
DEAF_SECONDS = 5.0  # after which a process that does not react to a request to cancel is killed


class LlamaModel:
    """See :class:`aide_local.llm.protocol.LanguageModel`. ``threads`` are for prefill and generation alike.

    Raises:
        ModelError: the file is not a whole GGUF model, llama.cpp does not load it, or memory is short.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str | None = None,
        sha256: str | None = None,
        n_ctx: int | None = None,
        threads: int | None = None,
        gpu_layers: int = -1,
        lookup: bool = True,
    ) -> None:
        header = read_header(path)
        self._path = path
        self._lock = threading.RLock()  # one request at a time
        self._cancelling = threading.Event()
        self._generating = threading.Event()
        self._closed = False
        self._process = ModelProcess(
            Load(
                path=str(path),
                n_ctx=n_ctx,
                threads=threads or max(1, (os.cpu_count() or 2) // 2),
                gpu_layers=gpu_layers,
                lookup=lookup,
            )
        )
        loaded = self._process.start()
        self.info = _info(path, name, sha256, header, loaded, gpu_layers)
        self._template = ChatTemplate(header.text("tokenizer.chat_template"), loaded.special)

    @property
    def pid(self) -> int:
        """Process id of the model process; the model is not closed."""
        pid = self._process.pid
        assert pid is not None
        return pid

    def render(self, messages: Sequence[Turn]) -> str:
        return self._template.render(messages)

    def count(self, text: str) -> int:
        with self._lock:
            for _ in range(MAX_RESTARTS + 1):
                try:
                    answer = self._process.ask(CountTokens(text))
                except ProcessDied:
                    self._restart()
                else:
                    assert isinstance(answer, Counted)
                    return answer.tokens
        raise self._keeps_dying()

    def generate(self, prompt: str, sampling: Sampling, *, grammar: str | None = None) -> Iterator[Chunk]:
        request = Generate(prompt=prompt, grammar=grammar, **asdict(sampling))
        with self._lock:
            if self._closed:
                raise Cancelled
            self._cancelling.clear()
            for attempt in range(MAX_RESTARTS + 1):
                try:
                    if attempt:
                        yield Chunk("", restart=True)
                    yield from self._stream(request)
                except ProcessDied:
                    if self._cancelling.is_set() or self._closed:
                        self._restart()
                        raise Cancelled from None
                    self._restart()
                else:
                    return
            raise self._keeps_dying()

    def _stream(self, request: Generate) -> Iterator[Chunk]:
        answered = False
        try:
            self._process.send(request)
            self._generating.set()
            message = self._process.receive()
            while isinstance(message, Piece):
                yield Chunk(message.text)
                message = self._process.receive()
            answered = True
        except ProcessDied:
            answered = True
            raise
        finally:
            self._generating.clear()
            if not answered:  # the reader left in the middle
                self._drain()
        yield _last_chunk(message, request.seed)

    def _drain(self) -> None:
        """End the generation in the process and read what it still sends."""
        try:
            self._process.send(Cancel())
            while isinstance(self._process.receive(), Piece):
                pass
        except ProcessDied:
            self._restart()

    def cancel(self) -> None:
        if not self._generating.is_set() or self._cancelling.is_set():
            return
        self._cancelling.set()
        pid = self._process.pid
        try:
            self._process.send(Cancel())
        except ProcessDied:
            return  # the generation notices, too, and ends as cancelled
        threading.Thread(target=self._kill_if_deaf, args=(pid,), daemon=True).start()

    def _kill_if_deaf(self, pid: int | None) -> None:
        end = time.monotonic() + DEAF_SECONDS
        while time.monotonic() < end:
            if not self._generating.is_set():
                return
            time.sleep(0.05)
        self._process.kill(pid)

    def _restart(self) -> None:
        if not self._closed:
            self._process.restart()

    def _keeps_dying(self) -> ModelError:
        return ModelError(
            f"The model process for {self._path} died {MAX_RESTARTS + 1} times in a row.",
            "It may run out of memory: try a smaller --n-ctx or quantisation; `aide-local doctor` shows what is free.",
        )

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._process.end()


def _last_chunk(message: Message, seed: int) -> Chunk:
    """Return the chunk that ends a stream.

    Raises:
        ModelError: the prompt does not fit, or the grammar is invalid.
        Cancelled: the generation was cancelled.
    """
    match message:
        case Finished():
            return Chunk("", Generation(**asdict(message), seed=seed))
        case Stopped():
            raise Cancelled
        case Failed(reason):
            raise ModelError(
                f"The model cannot answer: {reason}.",
                "Use a larger --n-ctx if the prompt does not fit; else try another model.",
            )
    raise AssertionError(f"no end of a generation: {message}")


def _info(
    path: Path, name: str | None, sha256: str | None, header: Header, loaded: Loaded, gpu_layers: int
) -> ModelInfo:
    return ModelInfo(
        name=name or path.stem,
        path=path,
        sha256=sha256 or sha256_of(path),
        n_ctx=loaded.n_ctx,
        n_ctx_train=loaded.n_ctx_train,
        n_params=loaded.n_params,
        size=header.size,
        gpu=loaded.gpu and gpu_layers != 0,
        metadata={key: str(value) for key, value in header.metadata.items()},
    )
