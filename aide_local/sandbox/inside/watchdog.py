"""The watchdog: forward what a candidate prints, and find out how it ends or which limit it passes."""

from __future__ import annotations

import base64
import json
import os
import selectors
import socket
import time

from aide_local.sandbox.kernel.namespaces import SPARE_FILES
from aide_local.sandbox.kernel.processes import Process, Reaped, descendants, private_and_shared, reap
from aide_local.sandbox.kernel.shared_memory import SharedMemory
from aide_local.sandbox.kernel.storage import DiskUsage, measure_folders, unlinked_bytes
from aide_local.sandbox.spec import THREADS_EACH, End, Spec

_EVERY = 0.05  # seconds between looks at the processes
_UNLINKED_EVERY = 0.25  # between looks at their files without a name
_DISK_EVERY = 0.5
_DISK_SHARE = 0.1  # of the time may go into walks of the folders


class Watchdog:
    """Watches one execution. ``child`` is the supervisor's child: the candidate is its child."""

    def __init__(
        self, spec: Spec, child: int, connection: socket.socket, output: int, status: int, began: float
    ) -> None:
        self._spec = spec
        self._child = child
        self._connection = connection
        self._output = output
        self._status = status
        self._began = began
        self._sent = 0
        self._peak = 0
        self._cpu = 0.0
        self.reaped = Reaped()
        self._disk_at = self._unlinked_at = began
        self._unlinked: dict[int, int] = {}
        # Level landlock: the folder with the script and its temporary files is on disk, too.
        self._folders = [spec.working] if spec.level == "strict" else [spec.working, spec.base]
        self._on_disk = {os.stat(folder).st_dev for folder in self._folders}
        self._shared = SharedMemory() if spec.level != "strict" else None
        self.ram: list[int] = []  # descriptors of the execution's own file systems in memory
        self._selector = selectors.DefaultSelector()
        for source in (connection, output, status):
            self._selector.register(source, selectors.EVENT_READ)
        os.set_blocking(output, False)

    def until_end(self) -> End:
        """Return how the candidate ended, or which limit it has passed; then it still runs."""
        killed = ""
        status: int | None = None
        next_look = time.monotonic() + _EVERY
        while not killed and status is None:
            for key, _ in self._selector.select(max(0.0, next_look - time.monotonic())):
                if key.fileobj is self._connection:
                    killed = "cancelled"
                elif key.fileobj == self._output:
                    self._forward()
                else:
                    content = os.read(self._status, 4)
                    status = int.from_bytes(content, "little") if len(content) == 4 else -1
            if self._sent > self._spec.output:
                killed = "output_flood"
            if time.monotonic() >= next_look:
                killed = killed or self._look()
                next_look = time.monotonic() + _EVERY
        return End(
            status=status if status != -1 else None,
            killed=killed if status is None else "",
            cpu=self._cpu,
            peak_memory=self._peak,
        )

    def _look(self) -> str:
        """Return which limit is passed, or nothing."""
        spec = self._spec
        now = time.monotonic()
        self.reaped += reap()
        everything = descendants(os.getpid())
        self._cpu = max(self._cpu, self.reaped.cpu + sum(process.cpu for process in everything))
        below = [process for process in everything if not self._is_ours(process)]
        if now - self._unlinked_at > _UNLINKED_EVERY:
            self._unlinked_at = now
            self._unlinked = unlinked_bytes(below)
        if self._passes_memory(below):
            return "memory"
        if now - self._began > spec.wall:
            return "timeout"
        if spec.cpu is not None and self._cpu > spec.cpu:
            return "cpu_time"
        threads = sum(process.threads for process in below)
        if len(below) > spec.processes or threads > THREADS_EACH * spec.processes:
            return "processes"
        if self._files_in_memory() > spec.files + SPARE_FILES:
            return "disk"
        if now > self._disk_at:
            if self.disk().exceeds(spec.disk, spec.files):
                return "disk"
            took = time.monotonic() - now
            self._disk_at = now + max(_DISK_EVERY, took / _DISK_SHARE)
        return ""

    def _is_ours(self, process: Process) -> bool:
        """Whether it is the child, or the init that the child, bubblewrap, has started."""
        return process.pid == self._child or (process.parent == self._child and self._spec.bubblewrap != "")

    def _passes_memory(self, below: list[Process]) -> bool:
        """Whether memory is over the limit. A quick sum counts shared pages several times; only if it is over the
        limit, the exact sum is made."""
        shared = sum(size for device, size in self._unlinked.items() if device not in self._on_disk)
        for place in self.ram:
            state = os.fstatvfs(place)
            shared -= self._unlinked.get(os.fstat(place).st_dev, 0)
            shared += (state.f_blocks - state.f_bfree) * state.f_frsize
        if self._shared is not None:
            shared += self._shared.size()
        memory = shared + sum(process.resident for process in below)
        if self._spec.memory is not None and memory > self._spec.memory:
            private, seen = private_and_shared(below)
            memory = private + max(shared, seen)
        self._peak = max(self._peak, memory)
        return self._spec.memory is not None and memory > self._spec.memory

    def _files_in_memory(self) -> int:
        """Count the files in memory: each takes memory of the kernel's, and bubblewrap does not bound their number."""
        states = map(os.fstatvfs, self.ram)
        return sum(state.f_files - state.f_ffree for state in states)

    def disk(self) -> DiskUsage:
        """Measure working/, with its files that have no name any more."""
        usage = measure_folders(self._folders, self._spec.disk, self._spec.files)
        usage.size += sum(size for device, size in self._unlinked.items() if device in self._on_disk)
        return usage

    def forget_unlinked(self) -> None:
        """Call it when no process is left: then neither are the files that only they had open."""
        self._unlinked = {}

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
            send(self._connection, {"output": base64.b64encode(content[:room]).decode()})
        return True

    def drain(self) -> None:
        """Forward what was written before the end; call it when no writer is left."""
        try:
            while self._forward():
                pass
        except KeyError:
            return


def send(connection: socket.socket, message: dict[str, object]) -> None:
    """Send one line of JSON.

    Raises:
        OSError: the other side is gone.
    """
    connection.sendall(json.dumps(message).encode() + b"\n")
