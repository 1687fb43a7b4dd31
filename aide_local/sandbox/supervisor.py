"""The supervisor of one execution: starts the candidate, watches its limits, leaves nothing of it behind.

It is a process of its own and a sub-reaper, so that whatever a candidate starts, however it hides, ends up
below it, and the product's other children are never waited for by mistake. It talks over one socket: lines of
JSON, ``{"output": …}`` while the candidate writes and one ``{"end": …}``; a byte from the other side, or its
end, means: cancel.
"""

from __future__ import annotations

import base64
import json
import os
import selectors
import signal
import socket
import time

from aide_local.sandbox import namespaces
from aide_local.sandbox.candidate import become
from aide_local.sandbox.processes import descendants, kill_all_below, proportional, reap
from aide_local.sandbox.spec import End, Spec
from aide_local.sandbox.syscalls import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    PR_SET_PDEATHSIG,
    prctl,
)

_EVERY = 0.05  # seconds between looks at the processes
_DISK_EVERY = 0.5


def supervise(spec: Spec, connection: socket.socket) -> None:
    """Run the candidate to its end and report; the process should exit afterwards."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: _abandon())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output, output_end = os.pipe()
    status, status_end = os.pipe()
    trouble, trouble_end = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        for descriptor in (output, status, trouble, connection.fileno()):
            os.close(descriptor)
        _start(spec, output_end, status_end, trouble_end)
    for descriptor in (output_end, status_end, trouble_end):
        os.close(descriptor)
    prctl(PR_SET_DUMPABLE, 0)
    watch = _Watch(spec, connection, output, status, began)
    end = watch.until_end()
    end.cpu = max(end.cpu, watch.reaped + kill_all_below(os.getpid()))
    watch.drain()
    end.wall = time.monotonic() - began
    end.written, files = _disk(spec.working)
    if not end.killed and (end.written > spec.disk or files > spec.files):
        end.killed = "disk"
    end.setup = os.read(trouble, 4000).decode("utf-8", "replace")
    _send(connection, {"end": end.dump()})


def _abandon() -> None:
    """The product is gone: so is the candidate."""
    kill_all_below(os.getpid())
    os._exit(1)


def _start(spec: Spec, output: int, status: int, trouble: int) -> None:
    """In the supervisor's child: the namespaces and their init, where asked for. Never returns.

    The exit status of the candidate goes through ``status``, four bytes, for it may pass two parents.
    """
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if spec.level == "strict":
            namespaces.enter()
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # new credentials have cleared it
            init = os.fork()
            if init:
                os.close(output)
                os.close(status)
                os.waitpid(init, 0)
                os._exit(0)
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            namespaces.make_root(spec)
        candidate = os.fork()
    except OSError as error:
        os.write(trouble, f"{error}".encode())
        os._exit(70)
    if candidate == 0:
        os.close(status)
        become(spec, output, trouble)
    os.close(output)
    os.close(trouble)
    while True:
        try:
            pid, how = os.wait()
        except ChildProcessError:
            os._exit(0)
        if pid == candidate:
            os.write(status, how.to_bytes(4, "little"))
            os._exit(0)  # as init, this ends all that is left in the namespace


class _Watch:
    """The supervisor's loop."""

    def __init__(self, spec: Spec, connection: socket.socket, output: int, status: int, began: float) -> None:
        self._spec = spec
        self._connection = connection
        self._output = output
        self._status = status
        self._began = began
        self._sent = 0
        self._peak = 0
        self._cpu = 0.0
        self.reaped = 0.0
        self._disk_at = began
        self._selector = selectors.DefaultSelector()
        for source in (connection, output, status):
            self._selector.register(source, selectors.EVENT_READ)
        os.set_blocking(output, False)

    def until_end(self) -> End:
        killed = ""
        how: int | None = None
        next_look = time.monotonic()
        while not killed and how is None:
            for key, _ in self._selector.select(max(0.0, next_look - time.monotonic())):
                if key.fileobj is self._connection:
                    killed = "cancelled"
                elif key.fileobj == self._output:
                    self._forward()
                else:
                    content = os.read(self._status, 4)
                    how = int.from_bytes(content, "little") if len(content) == 4 else -1
            if self._sent > self._spec.output:
                killed = "output_flood"
            if time.monotonic() >= next_look:
                killed = killed or self._look()
                next_look = time.monotonic() + _EVERY
        return End(
            status=how if how != -1 else None,
            killed=killed if how is None else "",
            cpu=self._cpu,
            peak_memory=self._peak,
        )

    def _look(self) -> str:
        """The limit that is passed, or nothing."""
        spec = self._spec
        now = time.monotonic()
        self.reaped += reap()
        below = descendants(os.getpid())
        self._cpu = max(self._cpu, self.reaped + sum(process.cpu for process in below))
        memory = sum(process.resident for process in below)
        if spec.memory is not None and memory > spec.memory:
            memory = proportional(below)
            if memory > spec.memory:
                self._peak = max(self._peak, memory)
                return "memory"
        self._peak = max(self._peak, memory)
        if now - self._began > spec.wall:
            return "timeout"
        if spec.cpu is not None and self._cpu > spec.cpu:
            return "cpu_time"
        if len(below) > spec.processes:
            return "processes"
        if now - self._disk_at > _DISK_EVERY:
            self._disk_at = now
            size, files = _disk(spec.working)
            if size > spec.disk or files > spec.files:
                return "disk"
        return ""

    def _forward(self) -> bool:
        try:
            content = os.read(self._output, 1 << 16)
        except BlockingIOError:
            return False
        if not content:
            self._selector.unregister(self._output)
            return False
        room = self._spec.output - self._sent
        self._sent += len(content)
        if room > 0:
            _send(self._connection, {"output": base64.b64encode(content[:room]).decode()})
        return True

    def drain(self) -> None:
        """What was written before the end; all writers are gone by now."""
        try:
            while self._forward():
                pass
        except KeyError:
            return


def _disk(working: str) -> tuple[int, int]:
    """(bytes on disk, files) below the folder; what cannot be read is not counted."""
    size = files = 0
    for folder, _, names in os.walk(working, onerror=None):
        for name in names:
            files += 1
            try:
                size += os.lstat(os.path.join(folder, name)).st_blocks * 512
            except OSError:
                continue
    return size, files


def _send(connection: socket.socket, message: dict[str, object]) -> None:
    try:
        connection.sendall(json.dumps(message).encode() + b"\n")
    except OSError:
        _abandon()
