"""Control a server process: start it when it is needed, renew it when it has aged, end it with the sandbox."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import aide_local
from aide_local.errors import SandboxError
from aide_local.sandbox.host.environment import candidate_environment
from aide_local.sandbox.kernel import cgroup
from aide_local.sandbox.protocol import Limits
from aide_local.sandbox.spec import ServerSpec, Spec

RENEWED_AFTER = 500  # executions


class ForkServer:
    """A process that forks a supervisor for each execution (:mod:`aide_local.sandbox.inside.server`).

    Thread-safe. Starts nothing until the first execution.
    """

    def __init__(self, server: ServerSpec) -> None:
        self.server = server
        self._lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._retired: list[subprocess.Popen[bytes]] = []  # they end by themselves after their last execution
        self._started = 0  # executions by this process
        self._closed = False
        self._identities: dict[str, tuple[int, int] | None] = {}  # of the places

    def submit(self, spec: Spec, theirs: socket.socket, places: Sequence[str]) -> None:
        """Send the execution to the process; its supervisor reports through ``theirs``.

        ``places`` contain the execution's folders. If the process may not reach one of them, another is started.

        Raises:
            SandboxError: the sandbox is closed.
            OSError: the process cannot be started or reached.
        """
        content = spec.dump()
        with self._lock:
            if self._closed:
                raise SandboxError("The sandbox is closed.", "")
            if self.process is not None and self.process.poll() is not None:
                self._stop()
            if not self._reaches(places):
                self._add_places(places)
                self._started = RENEWED_AFTER
            if self._connection is not None and self._started >= RENEWED_AFTER:
                self._retire()
            if self._connection is None:
                self._start()
            assert self._connection is not None
            self._started += 1
            socket.send_fds(self._connection, [content], [theirs.fileno()])

    def _reaches(self, places: Sequence[str]) -> bool:
        """Whether the process may use all places: rules are about folders, not about their names (landlock(7))."""
        known = self.server.places
        return all(is_within(place, known) for place in places) and all(
            _identity(place) == identity for place, identity in self._identities.items()
        )

    def _add_places(self, places: Sequence[str]) -> None:
        known = [place for place in self.server.places if os.path.isdir(place)]
        known += [place for place in places if not is_within(place, known)]
        self.server = replace(self.server, places=known)
        self._identities = {place: _identity(place) for place in known}

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for one in (ours, theirs):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        private = tempfile.gettempdir()
        if self.server.confined:
            private = "/tmp" if self.server.level == "strict" else self.server.places[0]
        # One thread: each fork starts as many as its candidate may (:mod:`aide_local.sandbox.inside.threads`).
        environment = candidate_environment(sys.executable, private, Limits(threads=1))
        environment["PYTHONPATH"] = str(Path(aide_local.__file__).parent.parent)
        environment["PYTHONWARNINGS"] = "ignore"
        in_scope = not cgroup.why_unavailable()
        command = [
            sys.executable,
            "-P",
            "-s",
            "-m",
            "aide_local.sandbox.inside.server",
            str(theirs.fileno()),
            replace(self.server, scope=in_scope).dump(),
        ]
        if in_scope:
            environment |= cgroup.manager_variables()
            command = cgroup.in_own_scope(command)
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
        """Replace an aged server, which shares less and less with its forks; it ends after what it has begun."""
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


def _identity(place: str) -> tuple[int, int] | None:
    """Return what tells the folder from another one that is made later under the same name."""
    try:
        found = os.stat(place)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_within(path: str, folders: Sequence[str]) -> bool:
    """Whether the path is one of the folders or below one. All are absolute and free of links."""
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
