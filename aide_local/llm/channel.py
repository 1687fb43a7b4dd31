"""The channel between the main process and the model process: messages over a socket."""

from __future__ import annotations

import select
import socket
import threading

from aide_local.llm.messages import Message, decode, encode


class Channel:
    """One end of the channel. ``send`` may be called from any thread, ``receive`` from one."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""
        self._sending = threading.Lock()

    def send(self, message: Message) -> None:
        with self._sending:
            self._connection.sendall(encode(message))

    def receive(self) -> Message:
        """Return the next message.

        Raises:
            EOFError: the other side is gone.
        """
        while b"\n" not in self._buffer:
            self._fill()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return decode(line)

    def has_message(self) -> bool:
        """Whether anything has come in: in the middle of a generation that is a request to cancel."""
        return bool(self._buffer) or bool(select.select([self._connection], [], [], 0)[0])

    def close(self) -> None:
        self._connection.close()

    def _fill(self) -> None:
        received = self._connection.recv(1 << 16)
        if not received:
            raise EOFError
        self._buffer += received
