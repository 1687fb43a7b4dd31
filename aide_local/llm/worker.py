"""The model process: it alone loads llama.cpp, so that what kills it kills nothing else.

Started by :mod:`aide_local.llm.process` with one end of a socket, on which it answers :mod:`aide_local.llm.messages`. The
process ends when the other end of the socket does. (A parent-death signal would come when the *thread* that started it ends.)
"""

from __future__ import annotations

import signal
import socket
import sys
import time

from aide_local.llm.channel import Channel
from aide_local.llm.context import Context, DecoderError, Interrupted
from aide_local.llm.decoder import Decoder
from aide_local.llm.messages import (
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

BETWEEN = 0.02  # seconds between two pieces of text: a small model would wake the main process at every token


class Worker:
    """Answers requests about one model until the other side closes."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._context: Context | None = None
        self._decoder: Decoder | None = None

    def serve(self) -> None:
        """Answer requests, one after the other.

        Raises:
            EOFError: the other side is gone.
        """
        while True:
            request = self._channel.receive()
            try:
                self._answer(request)
            except Interrupted:
                self._channel.send(Stopped())
            except DecoderError as error:
                self._channel.send(Failed(str(error)))

    def _answer(self, request: Message) -> None:
        match request:
            case Load():
                self._channel.send(self._load(request))
            case CountTokens(text):
                assert self._context is not None
                self._channel.send(Counted(len(self._context.vocabulary.tokenize(text))))
            case Generate():
                self._generate(request)
            case _:
                pass  # a request to cancel that came after the end of its generation

    def _load(self, load: Load) -> Loaded:
        context = Context(load, self._channel.has_message)
        self._context, self._decoder = context, Decoder(context, lookup=load.lookup)
        return Loaded(
            n_ctx=context.n_ctx,
            n_ctx_train=context.n_ctx_train,
            n_params=context.n_params,
            gpu=context.gpu,
            special=context.vocabulary.special(),
        )

    def _generate(self, request: Generate) -> None:
        assert self._decoder is not None
        waiting, sent = "", 0.0
        for part in self._decoder.generate(request):
            if isinstance(part, Finished):
                if waiting:
                    self._channel.send(Piece(waiting))
                self._channel.send(part)
                return
            waiting += part.text
            now = time.monotonic()
            if now - sent >= BETWEEN:
                self._channel.send(Piece(waiting))
                waiting, sent = "", now


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the main process, which then cancels
    try:
        Worker(Channel(socket.socket(fileno=int(sys.argv[1])))).serve()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


if __name__ == "__main__":
    main()
