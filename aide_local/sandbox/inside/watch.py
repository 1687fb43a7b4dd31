"""The supervisor's loop: what a candidate prints, how it ends, and which limit it passes."""

from __future__ import annotations

import base64
import json
import os
import selectors
import socket
import time

from aide_local.sandbox.kernel.namespaces import SPARE_FILES
from aide_local.sandbox.kernel.processes import Process, descendants, private_and_shared, reap
from aide_local.sandbox.kernel.shared_memory import SharedMemory
from aide_local.sandbox.kernel.storage import Holding, measure, nameless
from aide_local.sandbox.spec import THREADS_EACH, End, Spec

_EVERY = 0.05  # seconds between looks at the processes
_HELD_EVERY = 0.25  # between looks at what they hold
_DISK_EVERY = 0.5
_DISK_SHARE = 0.1  # of the time may go into walks of the folders


class Watch:
    """Of one execution. ``child`` is the process of ours that the candidate is below of."""

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
        self.reaped = 0.0
        self._disk_at = self._held_at = began
        self._held: dict[int, int] = {}
        # Level landlock: the folder with the script and its temporary files is on disk, too.
        self._folders = [spec.working] if spec.level == "strict" else [spec.working, spec.base]
        self._on_disk = {os.stat(folder).st_dev for folder in self._folders}
        self._shared = SharedMemory() if spec.level != "strict" else None
        self.ram: list[int] = []  # descriptors of the private file systems in memory
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
        everything = descendants(os.getpid())
        self._cpu = max(self._cpu, self.reaped + sum(process.cpu for process in everything))
        below = [process for process in everything if not self._is_ours(process)]
        if now - self._held_at > _HELD_EVERY:
            self._held_at = now
            self._held = nameless(below)
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
            if self.disk().passes(spec.disk, spec.files):
                return "disk"
            took = time.monotonic() - now
            self._disk_at = now + max(_DISK_EVERY, took / _DISK_SHARE)
        return ""

    def _is_ours(self, process: Process) -> bool:
        """The child, and in namespaces their init."""
        return process.pid == self._child or (process.parent == self._child and self._spec.level == "strict")

    def _passes_memory(self, below: list[Process]) -> bool:
        """Is it too much? A quick sum counts shared pages several times; the exact one is made if it must be."""
        shared = sum(size for device, size in self._held.items() if device not in self._on_disk)
        for place in self.ram:
            state = os.fstatvfs(place)
            shared -= self._held.get(os.fstat(place).st_dev, 0)
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
        """Each takes memory of the kernel's; bubblewrap sets no bound for them."""
        states = map(os.fstatvfs, self.ram)
        return sum(state.f_files - state.f_ffree for state in states)

    def disk(self) -> Holding:
        """What working/ holds, with the files that have no name any more."""
        holding = measure(self._folders, self._spec.disk, self._spec.files)
        holding.size += sum(size for device, size in self._held.items() if device in self._on_disk)
        return holding

    def forget_held(self) -> None:
        """No process is left: neither is what they alone held."""
        self._held = {}

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
        """What was written before the end; all writers are gone by now."""
        try:
            while self._forward():
                pass
        except KeyError:
            return


def send(connection: socket.socket, message: dict[str, object]) -> None:
    """Raises OSError: nobody listens any more."""
    connection.sendall(json.dumps(message).encode() + b"\n")
