"""A server process as the product holds it: started when it is needed, renewed when it has aged, ended with it."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import aide_local
from aide_local.errors import SandboxError
from aide_local.sandbox import cgroup
from aide_local.sandbox.environment import environment_of
from aide_local.sandbox.protocol import Limits
from aide_local.sandbox.spec import Server, Spec

RENEWED_AFTER = 500  # executions


class Serving:
    """Thread-safe. Costs nothing until the first execution."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._retired: list[subprocess.Popen[bytes]] = []  # end by themselves after their last execution
        self._started = 0  # executions by this process
        self._closed = False

    def hand_over(self, spec: Spec, theirs: socket.socket, limits: Limits) -> None:
        """Have it executed; what there is to tell comes through ``theirs``.

        Raises:
            SandboxError: the sandbox was closed.
            OSError: no process is to be had.
        """
        content = spec.dump()
        with self._lock:
            if self._closed:
                raise SandboxError("The sandbox is closed.", "")
            if self.process is not None and self.process.poll() is not None:
                self._stop()
            if self._started >= RENEWED_AFTER:
                self._retire()
            if self._connection is None:
                self._start(limits)
            assert self._connection is not None
            self._started += 1
            socket.send_fds(self._connection, [content], [theirs.fileno()])

    def _start(self, limits: Limits) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for one in (ours, theirs):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        private = "/tmp" if self.server.level == "strict" and self.server.confined else tempfile.gettempdir()
        environment = environment_of(sys.executable, private, limits)
        environment["PYTHONPATH"] = str(Path(aide_local.__file__).parent.parent)
        environment["PYTHONWARNINGS"] = "ignore"
        grouped = not cgroup.trial()
        told = replace(self.server, scope=grouped).dump()
        command = [sys.executable, "-P", "-s", "-m", "aide_local.sandbox.server", str(theirs.fileno()), told]
        if grouped:
            environment |= cgroup.manager()
            command = cgroup.scoped(command)
        with theirs:
            self.process = subprocess.Popen(
                command,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        self._connection = ours
        self._started = 0

    def _retire(self) -> None:
        """A server ages: what its forks have in common grows stale. It ends after the executions it has begun."""
        assert self._connection is not None
        assert self.process is not None
        self._connection.close()
        self._retired = [server for server in self._retired if server.poll() is None] + [self.process]
        self._connection = self.process = None

    def _stop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self.process is not None:
            _end(self.process)
            self.process = None

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._stop()
            for server in self._retired:
                _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
