"""Messages between the main process and the model process: one JSON object a line, over a socket."""

from __future__ import annotations

import json
import select
import socket
import threading
from typing import Any


class Channel:
    """Lines of JSON over a socket; knows whether the other side asked to cancel."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""
        self._sending = threading.Lock()

    def send(self, message: dict[str, Any]) -> None:
        with self._sending:
            self._connection.sendall(json.dumps(message, ensure_ascii=False).encode() + b"\n")

    def receive(self) -> dict[str, Any]:
        """The next message. Raises EOFError where the other side is gone."""
        while b"\n" not in self._buffer:
            self._fill()
        line, _, self._buffer = self._buffer.partition(b"\n")
        found = json.loads(line)
        assert isinstance(found, dict)
        return found

    def interrupted(self) -> bool:
        """Whether anything has come in: in the middle of a generation that is a request to cancel."""
        return bool(self._buffer) or bool(select.select([self._connection], [], [], 0)[0])

    def close(self) -> None:
        self._connection.close()

    def _fill(self) -> None:
        received = self._connection.recv(1 << 16)
        if not received:
            raise EOFError
        self._buffer += received
