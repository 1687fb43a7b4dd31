"""The sandbox of Linux: servers that fork, and one supervisor for each execution."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from aide_local.errors import SandboxError
from aide_local.sandbox.host import devices
from aide_local.sandbox.host.clean import remove_tree
from aide_local.sandbox.host.environment import candidate_environment
from aide_local.sandbox.host.failure import as_outcome
from aide_local.sandbox.host.fork_server import ForkServer, is_within
from aide_local.sandbox.host.output import OutputCollector
from aide_local.sandbox.interpreter import interpreter_folders
from aide_local.sandbox.kernel import bubblewrap
from aide_local.sandbox.kernel.shared_memory import SharedMemory
from aide_local.sandbox.protocol import Backend, Candidate, Level, Limits, Outcome
from aide_local.sandbox.spec import SCRIPT_NAME, End, ServerSpec, Spec

_LONGEST_PLACE = 30  # characters; names of local sockets have at most 107 bytes
_CANCEL_EVERY = 0.05  # seconds between looks at ``cancel``


class ProcessSandbox:
    """See :class:`aide_local.sandbox.protocol.Sandbox`. ``warm`` False: every execution starts a fresh Python.

    Thread-safe. Starts nothing until the first execution. ``backend`` counts at level strict. ``gpu`` gives
    candidates the GPU. With bubblewrap or ``gpu`` it is never warm: what was forked cannot use CUDA. Without
    ``imports`` the warm server forks at once, and candidates import what they use.

    Raises:
        SandboxError: bubblewrap is asked for and not installed, or ``gpu`` and there is none.
    """

    def __init__(
        self,
        level: Level,
        *,
        warm: bool = True,
        backend: Backend = Backend.NAMESPACES,
        gpu: bool = False,
        imports: bool = True,
    ) -> None:
        self.level = level
        wanted = level is Level.STRICT and backend is Backend.BUBBLEWRAP
        self._bubblewrap = bubblewrap.find() if wanted else ""
        if wanted and not self._bubblewrap:
            raise SandboxError("bubblewrap is not installed.", "Install it: apt install bubblewrap")
        self._devices = devices.gpu_files() if gpu else []
        if gpu and not self._devices:
            raise SandboxError(
                "There is no GPU for candidates: neither /dev/nvidia0 nor /dev/kfd exists.",
                "Load its driver (nvidia-modprobe -c 0 -u makes NVIDIA's device files), or run without --gpu.",
            )
        self._warm = warm and not self._bubblewrap and not gpu
        self._lock = threading.Lock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        # By whether candidates are forks. The cold one imports nothing but this package, and so is not confined.
        confined = self._warm and level is not Level.LIMITS
        readable = interpreter_folders(sys.executable) if confined else ()
        self._servers = {
            warm: ForkServer(
                ServerSpec(
                    level=level.value,
                    confined=warm and confined,
                    imports=warm and imports,
                    scope=False,
                    readable=list(readable),
                )
            )
            for warm in (True, False)
        }

    @property
    def backend(self) -> str:
        """What makes the namespaces; empty without namespaces."""
        if self.level is not Level.STRICT:
            return ""
        return (Backend.BUBBLEWRAP if self._bubblewrap else Backend.NAMESPACES).value

    def run(
        self,
        candidate: Candidate,
        limits: Limits,
        *,
        on_output: Callable[[str], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Outcome:
        shared = SharedMemory() if self.level is not Level.STRICT else None
        bases = self._bases()
        base = Path(tempfile.mkdtemp(prefix="" if bases else _prefix(), dir=bases or _temporary_folder()))
        try:
            spec = self._spec(candidate, limits, base)
            places = _places_of(spec, candidate, bases) if bases else ()
            end, output = self._execute(spec, places, on_output, cancel)
        except OSError as error:
            raise SandboxError(
                f"The candidate could not be started: {error}.",
                "`aide-local doctor` says what this machine gives.",
            ) from error
        finally:
            remove_tree(base)
            if shared is not None:
                shared.remove_unused()  # here, because a confined server does not see what other programs use
        if end.setup:
            raise SandboxError(
                f"The sandbox ({self.level}) could not be made: {end.setup}.",
                "`aide-local doctor` says what this machine gives; --sandbox chooses another level.",
            )
        output = output.replace(f"{base}/", "").replace("/box/", "")
        return as_outcome(end, limits, output, self.level)

    def _spec(self, candidate: Candidate, limits: Limits, base: Path) -> Spec:
        candidate.working.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(candidate.script, base / SCRIPT_NAME)
        private = "/tmp"
        if self.level is not Level.STRICT:
            (base / "input").symlink_to(candidate.input.resolve())
            (base / "working").symlink_to(candidate.working.resolve())
            (base / "tmp").mkdir()
            private = str(base / "tmp")
        python = str(candidate.python) if candidate.python else sys.executable
        own = python == sys.executable
        return Spec(
            level=self.level.value,
            base=str(base),
            input=str(candidate.input.resolve()),
            working=str(candidate.working.resolve()),
            python=python,
            warm=self._warm and own,
            argv=list(candidate.argv),
            environment=candidate_environment(python, private, limits, gpu=bool(self._devices)),
            readable=[*interpreter_folders(python), *(devices.GPU_FOLDERS if self._devices else ())],
            devices=self._devices,
            bubblewrap=self._bubblewrap,
            beside=list(interpreter_folders(sys.executable)) if self._bubblewrap else [],
            threads=limits.thread_count,
            cores=sorted(limits.cores or ()),
            wall=limits.wall,
            cpu=limits.cpu,
            memory=limits.memory,
            file_size=limits.file_size,
            disk=limits.disk,
            files=limits.files,
            processes=limits.processes,
            output=limits.output,
        )

    def _execute(
        self,
        spec: Spec,
        places: Sequence[str],
        on_output: Callable[[str], None] | None,
        cancel: threading.Event | None,
    ) -> tuple[End, str]:
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                self._servers[spec.warm].submit(spec, theirs, places if spec.warm else ())
            return _follow(ours, on_output, cancel)

    def _bases(self) -> str:
        """Return the one folder for those of all executions, if a server may reach no other; else empty."""
        if not self._warm or self.level is not Level.LANDLOCK:
            return ""
        with self._lock:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix=_prefix(), dir=_temporary_folder())
            return os.path.realpath(self._folder.name)

    def close(self) -> None:
        for server in self._servers.values():
            server.close()
        with self._lock:
            if self._folder is not None:
                self._folder.cleanup()
                self._folder = None


def _follow(
    supervisor: socket.socket, on_output: Callable[[str], None] | None, cancel: threading.Event | None
) -> tuple[End, str]:
    """Collect what the supervisor reports until the execution has ended."""
    collector = OutputCollector()
    buffer = b""
    cancelled = False
    while True:
        if cancel is not None and cancel.is_set() and not cancelled:
            cancelled = True
            with contextlib.suppress(OSError):
                supervisor.sendall(b"c")
        if not select.select([supervisor], [], [], _CANCEL_EVERY if cancel is not None else None)[0]:
            continue
        content = supervisor.recv(1 << 16)
        if not content:
            raise SandboxError(
                "The supervisor of a candidate vanished.",
                "Run it again; `aide-local doctor` may say why.",
            )
        *lines, buffer = (buffer + content).split(b"\n")
        for line in lines:
            message: dict[str, Any] = json.loads(line)
            if "end" in message:
                return End(**message["end"]), collector.text
            text = collector.add(base64.b64decode(message["output"]))
            if on_output is not None and text:
                on_output(text)


def _prefix() -> str:
    return f"aide-{os.getpid()}-"


def _places_of(spec: Spec, candidate: Candidate, bases: str) -> tuple[str, ...]:
    """Return ``bases`` first, then the candidate's places, and its folders if they lie elsewhere."""
    places = [bases, *(os.path.realpath(place) for place in candidate.places)]
    return *places, *(folder for folder in (spec.input, spec.working) if not is_within(folder, places))


def _temporary_folder() -> str | None:
    """Return /tmp if the usual folder has so long a path that sockets in it could not be named (unix(7))."""
    return "/tmp" if len(tempfile.gettempdir()) > _LONGEST_PLACE and os.access("/tmp", os.W_OK) else None
