"""The product's engine: a GGUF model in a process of its own, restarted when it dies.

The process is :mod:`aide_local.llm.worker`. A generation that it did not survive is repeated with the same
seed; a request to cancel that it does not hear ends it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aide_local
from aide_local.basics.files import sha256_of
from aide_local.errors import Cancelled, ModelError
from aide_local.llm.channel import Channel
from aide_local.llm.gguf import Header, read_header
from aide_local.llm.protocol import Chunk, ModelInfo
from aide_local.llm.template import ChatTemplate
from aide_local.types import Generation, Message, Sampling

MAX_RESTARTS = 2  # of one generation
DEAF_SECONDS = 5.0  # after which a process that does not hear `cancel` is killed


class _Died(Exception):  # noqa: N818 - becomes a restart or a ModelError
    """The model process ended by itself."""


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
        self._load = {
            "do": "load",
            "path": str(path),
            "n_ctx": n_ctx,
            "threads": threads or max(1, (os.cpu_count() or 2) // 2),
            "gpu_layers": gpu_layers,
            "lookup": lookup,
            "repack": True,
        }
        self._threads = int(self._load["threads"] or 1)
        self._lock = threading.RLock()  # one request at a time
        self._cancelling = threading.Event()
        self._generating = threading.Event()
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        facts = self._start()
        self.info = _info(path, name, sha256, header, facts, gpu_layers)
        self._template = ChatTemplate(header.text("tokenizer.chat_template"), facts["special"])

    # ---- the process ----

    def _start(self) -> dict[str, Any]:
        """Start the process and load the model; what the worker says of it."""
        self._spawn()
        try:
            answer = self._ask(self._load)
        except _Died:
            # Kernels for weights that are laid out anew (AMX) crash on some processors and virtual machines.
            self._end()
            self._load["repack"] = False
            self._spawn()
            try:
                answer = self._ask(self._load)
            except _Died as error:
                self._end()
                raise ModelError(
                    f"The model process ended while it loaded {self._path}.",
                    "The file may need more memory than this machine has: try a smaller quantisation or --n-ctx.",
                ) from error
        if "error" in answer:
            self._end()
            raise ModelError(
                f"The model {self._path} cannot be used: {answer['error']}.",
                "Try a smaller --n-ctx, or a model of an architecture that this build of llama.cpp knows"
                " (`aide-local doctor` shows the build).",
            )
        loaded = answer["loaded"]
        assert isinstance(loaded, dict)
        return loaded

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        environment = dict(os.environ)
        environment["OMP_WAIT_POLICY"] = "passive"  # spinning threads starve the candidates
        environment["OMP_NUM_THREADS"] = str(self._threads)
        package = str(Path(aide_local.__file__).parent.parent)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [package, environment.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "aide_local.llm.worker", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # Ctrl+C in the terminal is not for it
        )
        theirs.close()
        self._channel = Channel(ours)

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        try:
            self._channel.send(message)
            return self._channel.receive()
        except (EOFError, OSError) as error:
            raise _Died from error

    def _end(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
            self._channel.close()
            self._process = None

    @property
    def pid(self) -> int:
        """Process id of the model process."""
        assert self._process is not None
        return self._process.pid

    # ---- the contract ----

    def render(self, messages: Sequence[Message]) -> str:
        return self._template.render(messages)

    def count(self, text: str) -> int:
        with self._lock:
            for _ in range(MAX_RESTARTS + 1):
                try:
                    return int(self._ask({"do": "tokens", "text": text})["count"])
                except _Died:
                    self._restart()
        raise self._gone()

    def generate(self, prompt: str, sampling: Sampling, *, grammar: str | None = None) -> Iterator[Chunk]:
        with self._lock:
            if self._closed:
                raise Cancelled
            self._cancelling.clear()
            for attempt in range(MAX_RESTARTS + 1):
                try:
                    yield from self._stream(prompt, sampling, grammar, restart=attempt > 0)
                except _Died:
                    if self._cancelling.is_set() or self._closed:
                        self._restart()
                        raise Cancelled from None
                    self._restart()
                else:
                    return
            raise self._gone()

    def _stream(
        self, prompt: str, sampling: Sampling, grammar: str | None, *, restart: bool
    ) -> Iterator[Chunk]:
        request = {"do": "generate", "prompt": prompt, "grammar": grammar, **asdict(sampling)}
        request["stop"] = list(sampling.stop)
        finished = False
        if restart:
            yield Chunk("", restart=True)
        try:
            try:
                self._channel.send(request)
                self._generating.set()
                message = self._channel.receive()
                while "text" in message:
                    yield Chunk(str(message["text"]))
                    message = self._channel.receive()
            except (EOFError, OSError) as error:
                finished = True
                raise _Died from error
            finished = True
        finally:
            self._generating.clear()
            if not finished:  # the reader left in the middle
                self._drain()
        if "cancelled" in message:
            raise Cancelled
        if "error" in message:
            raise ModelError(
                f"The model cannot answer: {message['error']}.",
                "Use a larger --n-ctx where the prompt does not fit; else try another model.",
            )
        yield Chunk("", Generation(**message["done"], seed=sampling.seed))

    def _drain(self) -> None:
        """End the generation in the process and read what it still sends."""
        try:
            self._channel.send({"do": "cancel"})
            while "text" in self._channel.receive():
                pass
        except (EOFError, OSError):
            self._restart()

    def cancel(self) -> None:
        if not self._generating.is_set() or self._cancelling.is_set():
            return
        self._cancelling.set()
        process = self._process
        with contextlib.suppress(OSError):
            self._channel.send({"do": "cancel"})
        threading.Thread(target=self._kill_if_deaf, args=(process,), daemon=True).start()

    def _kill_if_deaf(self, process: subprocess.Popen[bytes] | None) -> None:
        end = time.monotonic() + DEAF_SECONDS
        while time.monotonic() < end:
            if not self._generating.is_set():
                return
            time.sleep(0.05)
        if process is not None and process is self._process:
            process.kill()

    def _restart(self) -> None:
        if not self._closed:
            self._end()
            self._start()

    def _gone(self) -> ModelError:
        return ModelError(
            f"The model process for {self._path} died {MAX_RESTARTS + 1} times in a row.",
            "It may run out of memory: try a smaller --n-ctx or quantisation; `aide-local doctor` shows what is free.",
        )

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._end()


def _info(
    path: Path, name: str | None, sha256: str | None, header: Header, facts: dict[str, Any], gpu_layers: int
) -> ModelInfo:
    return ModelInfo(
        name=name or path.stem,
        path=path,
        sha256=sha256 or sha256_of(path),
        n_ctx=facts["n_ctx"],
        n_ctx_train=facts["n_ctx_train"],
        n_params=facts["n_params"],
        size=header.size,
        gpu=bool(facts["gpu"]) and gpu_layers != 0,
        metadata={key: str(value) for key, value in header.metadata.items()},
    )
