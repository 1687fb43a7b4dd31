"""The model process: it alone loads llama.cpp, so that what kills it kills nothing else.

Started by :mod:`aide_local.llm.llama` with one end of a socket; one JSON object a line, each way. Requests:
``load``, ``tokens``, ``generate``, ``cancel``; the last may come in the middle of a generation. The process ends
when the other end of the socket does. (A parent-death signal would come when the *thread* that started it ends.)
"""

from __future__ import annotations

import signal
import socket
import sys
from typing import Any

from aide_local.llm.channel import Channel
from aide_local.llm.decoder import Decoder, DecoderError, Interrupted, Load, Request


def serve(channel: Channel) -> None:
    """Answer requests until the other side closes."""
    decoder: Decoder | None = None
    while True:
        message = channel.receive()
        try:
            match message.pop("do"):
                case "load":
                    decoder = Decoder(Load(**message), channel.interrupted)
                    channel.send({"loaded": _facts(decoder)})
                case "tokens":
                    assert decoder is not None
                    channel.send({"count": len(decoder.tokenize(message["text"]))})
                case "generate":
                    assert decoder is not None
                    for part in decoder.generate(Request(**message)):
                        channel.send({"text": part} if isinstance(part, str) else {"done": part})
                case "cancel":
                    pass  # came after the end of what it was to cancel
        except Interrupted:
            channel.send({"cancelled": True})
        except DecoderError as error:
            channel.send({"error": str(error)})


def _facts(decoder: Decoder) -> dict[str, Any]:
    import llama_cpp as lib

    return {
        "n_ctx": decoder.n_ctx,
        "n_ctx_train": decoder.n_ctx_train,
        "n_params": int(lib.llama_model_n_params(decoder.model)),
        "gpu": bool(lib.llama_supports_gpu_offload()),
        "special": decoder.special(),
    }


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the main process, which then cancels
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    try:
        serve(channel)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


if __name__ == "__main__":
    main()
